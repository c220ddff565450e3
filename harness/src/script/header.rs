//! The structured comment lines at the top of a case: `// title:` and its fellows.

use crate::diagnostic::{Diagnostic, code};
use crate::program::{CaseHeader, PayloadMode, SurplusMode};
use crate::script::lexer::BYTE_ORDER_MARK;
use crate::script::suggest;
use crate::source::{Source, Span};

const KEYS: [&str; 5] = ["title", "covers", "why", "payload", "surplus"];

/// Reads the header without looking at the rest of the script.
pub(crate) fn read(source: &Source, diagnostics: &mut Vec<Diagnostic>) -> CaseHeader {
    let mut reader = Reader {
        source,
        header: CaseHeader::default(),
        payload: None,
        seen: Vec::new(),
        diagnostics,
    };
    let mut offset = 0;
    let mut in_why = false;
    for line in source.text().split_inclusive('\n') {
        let text = line.trim_end();
        let text = match offset {
            0 => text.trim_start_matches(BYTE_ORDER_MARK),
            _ => text,
        };
        let start = offset + (line.trim_end().len() - text.trim_start().len());
        offset += line.len();
        let Some(comment) = text.trim_start().strip_prefix("//") else {
            if text.is_empty() {
                in_why = false;
                continue;
            }
            break;
        };
        if in_why && comment.starts_with("   ") {
            reader.more_why(comment.trim());
            continue;
        }
        in_why = reader.line(comment, start + 2);
    }
    let by_default = match reader.header.covers.is_empty() {
        true => PayloadMode::Zero,
        false => PayloadMode::Offset,
    };
    reader.header.payload = reader.payload.unwrap_or(by_default);
    reader.header
}

struct Reader<'a> {
    source: &'a Source,
    header: CaseHeader,
    payload: Option<PayloadMode>,
    seen: Vec<&'static str>,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    /// One comment, its text starting at `start`. Says whether it began a `why`.
    fn line(&mut self, comment: &str, start: usize) -> bool {
        let Some((key, value)) = comment.split_once(':') else {
            return false;
        };
        let indent = key.len() - key.trim_start().len();
        let key_span = Span::new(start + indent, start + key.len());
        let gap = value.len() - value.trim_start().len();
        let value_start = start + key.len() + 1 + gap;
        let value = value.trim();
        let value_span = Span::new(value_start, value_start + value.len());
        let Some(key) = KEYS.into_iter().find(|known| *known == key.trim()) else {
            self.perhaps_misspelt(key.trim(), key_span);
            return false;
        };
        if self.seen.contains(&key) {
            self.warn(
                key_span,
                format!("`{key}` is written twice; this one counts"),
                None,
            );
        }
        self.seen.push(key);
        match key {
            "title" => self.header.title = Some(value.to_owned()),
            "why" => self.header.why = Some(value.to_owned()),
            "covers" => {
                let ids = value.split(',').map(str::trim).filter(|id| !id.is_empty());
                self.header.covers = ids.map(str::to_owned).collect();
            }
            "payload" => match value {
                "zero" => self.payload = Some(PayloadMode::Zero),
                "offset" => self.payload = Some(PayloadMode::Offset),
                _ => self.bad_value(key, value, value_span, ["zero", "offset"]),
            },
            _ => match value {
                "fail" => self.header.surplus = SurplusMode::Fail,
                "ignore" => self.header.surplus = SurplusMode::Ignore,
                _ => self.bad_value(key, value, value_span, ["fail", "ignore"]),
            },
        }
        key == "why"
    }

    fn more_why(&mut self, text: &str) {
        if let Some(why) = &mut self.header.why {
            if !why.is_empty() {
                why.push(' ');
            }
            why.push_str(text);
        }
    }

    fn bad_value(&mut self, key: &str, value: &str, span: Span, legal: [&'static str; 2]) {
        let message = format!("`{key}` is `{}` or `{}`, not `{value}`", legal[0], legal[1]);
        let mut diagnostic = Diagnostic::error(code::HEADER_LINE, self.source, span, message);
        if let Some(near) = suggest::nearest(value, legal) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.diagnostics.push(diagnostic);
    }

    fn perhaps_misspelt(&mut self, key: &str, span: Span) {
        if let Some(near) = suggest::nearest(key, KEYS) {
            let message = format!("`{key}` is not a header line and is taken as a plain comment");
            self.warn(span, message, Some(format!("did you mean `{near}`?")));
        }
    }

    fn warn(&mut self, span: Span, message: String, help: Option<String>) {
        let mut diagnostic =
            Diagnostic::error(code::HEADER_LINE, self.source, span, message).warning();
        diagnostic.help = help;
        self.diagnostics.push(diagnostic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::{PayloadMode, SurplusMode};

    fn header(text: &str) -> (CaseHeader, Vec<String>) {
        let mut diagnostics = Vec::new();
        let header = read(&Source::new("x", text), &mut diagnostics);
        (
            header,
            diagnostics.into_iter().map(|one| one.message).collect(),
        )
    }

    #[test]
    fn all_lines_are_read_and_why_goes_on() {
        let text = "// title: A title: with a colon\n// covers: A-1, B-2,\n\
                    // why: One\n//   two\n//   three\n// payload: zero\n// surplus: ignore\n0 close(3) = 0\n";
        let (header, messages) = header(text);
        assert_eq!(header.title.as_deref(), Some("A title: with a colon"));
        assert_eq!(header.covers, ["A-1", "B-2"]);
        assert_eq!(header.why.as_deref(), Some("One two three"));
        assert_eq!(header.payload, PayloadMode::Zero);
        assert_eq!(header.surplus, SurplusMode::Ignore);
        assert_eq!(messages, Vec::<String>::new());
    }

    #[test]
    fn a_byte_order_mark_hides_no_line() {
        let (header, messages) = header("\u{feff}// titel: x\n// covers: A-1\n");
        assert_eq!(header.covers, ["A-1"]);
        assert_eq!(messages.len(), 1);
    }

    #[test]
    fn covers_alone_turns_the_payload_to_offset() {
        assert_eq!(header("// covers: A-1\n").0.payload, PayloadMode::Offset);
        assert_eq!(header("// title: x\n").0.payload, PayloadMode::Zero);
    }

    #[test]
    fn lines_after_the_first_statement_are_plain_comments() {
        assert_eq!(header("0 close(3) = 0\n// title: x\n").0.title, None);
    }

    #[test]
    fn bad_values_and_near_misses_are_told() {
        let (_, messages) = header("// titel: x\n// payload: zeros\n// Note: fine\n");
        assert_eq!(messages.len(), 2);
        assert!(messages[0].contains("`titel` is not a header line"));
        assert!(messages[1].contains("not `zeros`"));
    }
}
