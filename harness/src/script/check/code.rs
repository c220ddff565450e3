//! Code blocks: names, and what they need.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::code::{CodeBlock, Expr, Names, Statement, Trouble, names_of, value};
use crate::script::code::{Name, Reading, read};
use crate::script::suggest;
use crate::source::{Span, Spanned};
use crate::symbols;

impl Checker<'_> {
    /// A block; `None` if it is wrong.
    pub(super) fn code(&mut self, block: &Spanned<String>) -> Option<CodeBlock> {
        let statements = match read(self.source, block) {
            Ok(Reading::Plain(statements, names)) => {
                for name in names {
                    match name.node {
                        Name::Used(used) => self.used(&used, name.span),
                        Name::Assigned(assigned) => {
                            self.assigned.insert(assigned);
                        }
                    }
                }
                self.constant_statements(&statements, block.span);
                Some(statements)
            }
            Ok(Reading::Python(span)) => {
                self.python = true;
                self.need("python", span);
                // Python asks for no variable by name; what its words name it is likely to read.
                let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
                for word in block.node.split(|c| !part_of_name(c)) {
                    if symbols::is_code_variable(word) {
                        self.need(format!("tcp_info:{word}"), block.span);
                    }
                }
                None
            }
            Err(diagnostic) => {
                self.report(*diagnostic);
                return None;
            }
        };
        Some(CodeBlock {
            text: block.node.clone(),
            span: block.span,
            statements,
        })
    }

    /// Finds what is wrong with statements whatever the names in them stand for.
    fn constant_statements(&mut self, statements: &[Statement], block: Span) {
        for statement in statements {
            match statement {
                Statement::Assert {
                    condition, span, ..
                } => {
                    if matches!(condition, Expr::Tuple(parts) if !parts.is_empty()) {
                        let message =
                            "this assertion always holds: a tuple with something in it is true";
                        let diagnostic =
                            Diagnostic::error(code::CODE_TUPLE, self.source, *span, message)
                                .warning()
                                .help("leave the brackets out: `assert condition, message`");
                        self.report(diagnostic);
                    }
                    self.constant(condition, *span);
                }
                Statement::Assign(_, expr) | Statement::Expr(expr) => self.constant(expr, block),
                Statement::Print(parts) => parts.iter().for_each(|part| self.constant(part, block)),
                // Conditions are there to keep their bodies from being run.
                Statement::If(..) | Statement::Pass => {}
            }
        }
    }

    fn constant(&mut self, expr: &Expr, span: Span) {
        if names_of(expr).is_empty()
            && let Err(Trouble::Raised(what)) = value(expr, &Names::new())
        {
            let message = format!("this can only raise an exception: {what}");
            self.error(code::CODE_RAISES, span, message);
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
