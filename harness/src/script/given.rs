//! Option lines that come from outside a script: of a command line, of a convention.

use serde::{Deserialize, Serialize};

use super::ast::{File, OptionLine};
use super::{LoadContext, check};
use crate::diagnostic::Diagnostic;
use crate::program::CaseHeader;
use crate::source::{Source, Span, Spanned};

/// What scripts are given beside what they say themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// `-D NAME=VALUE`; these win over the script's own.
    pub defines: Vec<(String, String)>,
    /// Options; these win over the script's lines.
    pub options: Vec<OptionPair>,
}

/// An option by its name in scripts, with its value.
pub type OptionPair = (String, Option<String>);

/// Checks options by the rules for option lines of a script. `from` is what messages call the
/// place they come from.
///
/// # Errors
/// For each unknown name, and for each value that is missing, surplus or not legal.
pub fn check_options(from: &str, pairs: &[OptionPair]) -> Result<(), Vec<Diagnostic>> {
    let mut text = String::new();
    let mut options = Vec::new();
    for (name, value) in pairs {
        let start = text.len();
        text.push_str("--");
        text.push_str(name);
        let name = Spanned::new(name.clone(), Span::new(start, text.len()));
        let value = value.as_ref().map(|value| {
            text.push('=');
            let start = text.len();
            text.push_str(value);
            Spanned::new(value.clone(), Span::new(start, text.len()))
        });
        text.push('\n');
        options.push(OptionLine { name, value });
    }
    let file = File {
        options,
        ..File::default()
    };
    let source = Source::new(from, text);
    let (header, context) = (CaseHeader::default(), LoadContext::default());
    let mut diagnostics = Vec::new();
    check::check(&source, header, &file, &context, false, &mut diagnostics);
    match diagnostics.is_empty() {
        true => Ok(()),
        false => Err(diagnostics),
    }
}

/// Options that were checked before, as if they stood behind the script's own lines.
pub(super) fn lines(pairs: &[OptionPair]) -> impl Iterator<Item = OptionLine> {
    let nowhere = Span::default();
    pairs.iter().map(move |(name, value)| OptionLine {
        name: Spanned::new(name.clone(), nowhere),
        value: value.clone().map(|value| Spanned::new(value, nowhere)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Capability;
    use crate::script::load;

    fn pair(name: &str, value: &str) -> OptionPair {
        let value = (!value.is_empty()).then(|| value.to_string());
        (name.to_string(), value)
    }

    #[test]
    fn options_from_outside_win_over_the_lines_of_the_script() {
        let context = LoadContext {
            options: vec![
                pair("mtu", "1280"),
                pair("strict_segments", ""),
                pair("so_flags", "x y"),
            ],
            ..LoadContext::default()
        };
        check_options("the command line", &context.options).unwrap();
        let source = Source::new("x", "--mtu=1500\n--mss=7\n0 close(3) = 0\n");
        let program = load(&source, &context).unwrap();
        assert_eq!(program.options.mtu, Some(1280));
        assert_eq!(program.options.mss, Some(7));
        assert!(program.options.strict_segments);
        let need = Capability("shared_object".to_string());
        assert!(program.needs.contains_key(&need));
    }

    #[test]
    fn every_mistake_is_told_with_the_option_as_given() {
        let pairs = [
            pair("mtuu", "1280"),
            pair("mtu", "x"),
            pair("strict_segments", "1"),
        ];
        let problems = check_options("the command line", &pairs).unwrap_err();
        let shown: Vec<&str> = problems
            .iter()
            .map(|one| one.source.slice(one.primary.span))
            .collect();
        assert_eq!(shown, ["--mtuu", "x", "1"]);
    }
}
