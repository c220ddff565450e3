//! Code blocks: names, and what they need.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::CheckStatement;
use crate::script::code::{Name, Reading, read};
use crate::script::suggest;
use crate::source::{Span, Spanned};
use crate::symbols;

impl Checker<'_> {
    /// The statements of a block; none if it needs Python; `None` if it is wrong.
    pub(super) fn code(&mut self, block: &Spanned<String>) -> Option<Vec<CheckStatement>> {
        match read(self.source, block) {
            Ok(Reading::Plain(statements, names)) => {
                for name in names {
                    match name.node {
                        Name::Used(used) => self.used(&used, name.span),
                        Name::Assigned(assigned) => {
                            self.assigned.insert(assigned);
                        }
                    }
                }
                Some(statements)
            }
            Ok(Reading::Python(span)) => {
                self.python = true;
                self.need("python", span);
                Some(Vec::new())
            }
            Err(diagnostic) => {
                self.report(*diagnostic);
                None
            }
        }
    }

    fn used(&mut self, name: &str, span: Span) {
        if self.assigned.contains(name) || symbols::code_constant(name).is_some() {
            return;
        }
        if symbols::is_code_variable(name) {
            self.need(format!("tcp_info:{name}"), span);
            return;
        }
        if self.python {
            return;
        }
        let message =
            format!("no code block can see `{name}`, and none before has given it a value");
        let mut diagnostic = Diagnostic::error(code::CODE_NAME, self.source, span, message);
        let known: Vec<String> = symbols::code_variables()
            .chain(symbols::code_constants())
            .map(str::to_owned)
            .chain(self.assigned.iter().cloned())
            .collect();
        let near = suggest::nearest(name, known.iter().map(String::as_str));
        diagnostic = match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("the names are the members of struct tcp_info, as `tcpi_rtt`, and states, as `TCP_ESTABLISHED`"),
        };
        self.report(diagnostic);
    }
}
