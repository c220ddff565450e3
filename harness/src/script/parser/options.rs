//! Option lines: `--name`, `--name=value`.

use super::Parser;
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{File, OptionLine};
use crate::source::{Span, Spanned};

impl Parser<'_> {
    /// The current token is an option; its parts are cut out of its text.
    pub(super) fn option_line(&mut self, file: &mut File) {
        let token = self.bump();
        let start = token.span.start;
        let (name, value) = match token.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (token.text.as_str(), None),
        };
        let name_end = start + name.len();
        let value = value.map(|value| {
            let inner = value
                .strip_prefix('"')
                .and_then(|rest| rest.strip_suffix('"'))
                .unwrap_or(value);
            Spanned::new(inner.to_owned(), Span::new(name_end + 1, token.span.end))
        });
        if !file.events.is_empty() || file.init.is_some() {
            let message = "option lines come before the first command and the first event";
            self.diagnostics.push(
                Diagnostic::error(code::OPTION_ORDER, self.source, token.span, message)
                    .help("move this line to the top of the script"),
            );
        }
        file.options.push(OptionLine {
            name: Spanned::new(name[2..].to_owned(), Span::new(start, name_end)),
            value,
        });
    }
}
