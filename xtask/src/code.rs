//! Rust source with everything but code blanked out, so that a word in a comment or a string is not
//! taken for code.

/// The text with the inside of comments and of string and character literals replaced by spaces.
/// Lines keep their number and length (in characters).
///
/// Not a full lexer: it knows nested block comments, escapes, raw strings and the difference
/// between a lifetime and a character, which is all that rustfmt-formatted source needs.
pub(crate) fn code_only(text: &str) -> String {
    let mut blanker = Blanker {
        input: text.chars().collect(),
        at: 0,
        output: String::new(),
    };
    while blanker.at < blanker.input.len() {
        blanker.step();
    }
    blanker.output
}

struct Blanker {
    input: Vec<char>,
    at: usize,
    output: String,
}

impl Blanker {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.input.get(self.at + ahead).copied()
    }

    fn keep(&mut self) {
        if let Some(c) = self.peek(0) {
            self.output.push(c);
            self.at += 1;
        }
    }

    fn blank(&mut self) {
        if let Some(c) = self.peek(0) {
            self.output.push(if c == '\n' { '\n' } else { ' ' });
            self.at += 1;
        }
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => self.line_comment(),
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('r'), Some('"' | '#')) if !self.inside_word() => self.raw_string(),
            (Some('\''), _) => self.character_or_lifetime(),
            _ => self.keep(),
        }
    }

    /// Whether the character before the current one belongs to an identifier. A `b` does not: it
    /// may open a raw byte string.
    fn inside_word(&self) -> bool {
        let before = self
            .at
            .checked_sub(1)
            .and_then(|index| self.input.get(index));
        before.is_some_and(|c| (c.is_alphanumeric() && *c != 'b') || *c == '_')
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.blank();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => {
                    self.blank();
                    continue;
                }
            }
            self.blank();
            self.blank();
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.keep();
        while let Some(c) = self.peek(0) {
            match c {
                '"' => return self.keep(),
                '\\' => {
                    self.blank();
                    self.blank();
                }
                _ => self.blank(),
            }
        }
    }

    fn raw_string(&mut self) {
        let hashes = self.input[self.at + 1..]
            .iter()
            .take_while(|c| **c == '#')
            .count();
        if self.peek(1 + hashes) != Some('"') {
            return self.keep(); // a raw identifier such as r#type
        }
        for _ in 0..hashes + 2 {
            self.keep();
        }
        while self.peek(0).is_some() {
            let closes =
                self.peek(0) == Some('"') && (1..=hashes).all(|n| self.peek(n) == Some('#'));
            if closes {
                for _ in 0..=hashes {
                    self.keep();
                }
                return;
            }
            self.blank();
        }
    }

    fn character_or_lifetime(&mut self) {
        let escaped = self.peek(1) == Some('\\');
        if !escaped && self.peek(2) != Some('\'') {
            return self.keep(); // a lifetime
        }
        self.keep();
        if escaped {
            self.blank();
        }
        self.blank();
        while self.peek(0).is_some_and(|c| c != '\'') {
            self.blank();
        }
        self.keep();
    }
}

/// A function in the source.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// The line that holds `fn`, from 1.
    pub(crate) line: usize,
    /// From that line to the closing brace, both counted.
    pub(crate) length: usize,
}

/// The functions of rustfmt-formatted source handed in as [`code_only`].
///
/// The heuristic: `fn` opens a function where only visibility and qualifiers stand before it, and
/// its body ends at the next line that is a closing brace at the same indentation.
pub(crate) fn functions(code: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else {
            continue;
        };
        let signature_end = lines[index..]
            .iter()
            .position(|line| line.trim_end().ends_with(['{', '}', ';']))
            .map(|offset| index + offset);
        let Some(signature_end) = signature_end else {
            continue;
        };
        if !lines[signature_end].trim_end().ends_with('{') {
            continue; // a declaration, or a body on the line of its signature
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let closes = |line: &&str| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest.starts_with('}'))
        };
        if let Some(offset) = lines[signature_end + 1..].iter().position(closes) {
            let length = signature_end + 1 + offset - index + 1;
            found.push(Function {
                name,
                line: index + 1,
                length,
            });
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifies = |word: &str| {
        let known = ["const", "async", "unsafe", "extern", "pub", "\"", "default"];
        known.contains(&word) || word.starts_with("pub(") || word.ends_with(')')
    };
    let opens = before.is_empty() || before.ends_with(' ');
    if !opens || !before.split_whitespace().all(qualifies) {
        return None;
    }
    let end = after
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(after.len());
    Some(&after[..end]).filter(|name| !name.is_empty())
}

/// A comment `// REQ: ID`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequirementComment<'a> {
    pub(crate) id: &'a str,
    /// From 1.
    pub(crate) line: usize,
    /// Whether no code follows: an empty line, a closing brace or the end of the file.
    pub(crate) dangles: bool,
}

/// The requirement comments that stand on lines of their own.
pub(crate) fn requirement_comments(text: &str) -> Vec<RequirementComment<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(rest) = line.trim().strip_prefix("// REQ") else {
            continue;
        };
        let mut below = lines[index + 1..].iter().map(|line| line.trim());
        let next = below.find(|line| !line.starts_with("//"));
        let dangles = next.is_none_or(|line| line.is_empty() || line.starts_with('}'));
        let id = rest.strip_prefix(':').unwrap_or(rest).trim();
        found.push(RequirementComment {
            id,
            line: index + 1,
            dangles,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::line_comment("a // b\nc", "a     \nc")]
    #[case::block_comment("a /* b /* c */ d */ e", "a                   e")]
    #[case::string(r#"a("b // c") d"#, r#"a("      ") d"#)]
    #[case::escaped_quote(r#""a\"b" c"#, r#""    " c"#)]
    #[case::raw_string("r#\"a \" b\"# c", "r#\"     \"# c")]
    #[case::raw_identifier("r#type x", "r#type x")]
    #[case::raw_byte_string(r#"br"\" b"#, r#"br" " b"#)]
    #[case::character("'\"' a", "' ' a")]
    #[case::escaped_character(r"'\'' a", "'  ' a")]
    #[case::unicode_escape(r"'\u{1F}' a", "'      ' a")]
    #[case::lifetime("&'a str", "&'a str")]
    #[case::word_that_ends_in_r("for\"a\"", "for\" \"")]
    fn only_code_is_left(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(code_only(text), expected);
    }

    #[test]
    fn a_function_runs_to_the_brace_at_its_own_indentation() {
        let code = "impl A {\n    pub(crate) fn one(\n        a: u8,\n    ) -> u8 {\n        if a {\n        }\n    }\n\n    fn two();\n}\nfn three() {}\nfn four() {\n}\n";
        let found: Vec<(&str, usize, usize)> = functions(code)
            .iter()
            .map(|f| (f.name, f.line, f.length))
            .collect();
        assert_eq!(found, [("one", 2, 6), ("four", 12, 2)]);
    }

    #[rstest]
    #[case("pub const unsafe extern \" \" fn name(", Some("name"))]
    #[case("    pub(in crate::a) fn name<T>(", Some("name"))]
    #[case("let f: fn (u8) = x;", None)]
    #[case("type F = Box<dyn fn name", None)]
    #[case("my_fn (a)", None)]
    fn qualifiers_may_stand_before_fn(#[case] line: &str, #[case] name: Option<&str>) {
        assert_eq!(function_name(line), name);
    }
}
