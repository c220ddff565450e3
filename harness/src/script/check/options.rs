//! Option lines: what is wrong with one, at its place.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::ScriptOptions;
use crate::script::ast::OptionLine;
use crate::script::option::{self, Refusal};

impl Checker<'_> {
    pub(super) fn options(&mut self, lines: &[OptionLine]) -> ScriptOptions {
        let mut options = ScriptOptions::default();
        for line in lines {
            self.option(line, &mut options);
        }
        for script in &options.init_scripts {
            let line = lines.iter().rfind(|line| line.name.node == "init_scripts");
            self.command_needs(script, line.map(|line| line.name.span).unwrap_or_default());
        }
        options
    }

    fn option(&mut self, line: &OptionLine, options: &mut ScriptOptions) {
        let name = line.name.node.as_str();
        let value = line.value.as_ref();
        let place = value.map_or(line.name.span, |value| value.span);
        let refusal = match option::set(options, name, value.map(|value| value.node.as_str())) {
            Ok(needs) => {
                needs
                    .into_iter()
                    .for_each(|needs| self.need(needs.0, place));
                return;
            }
            Err(refusal) => refusal,
        };
        let error = |id, span, message: String| Diagnostic::error(id, self.source, span, message);
        let diagnostic = match refusal {
            Refusal::Unknown(near) => {
                let message = format!("unknown option `--{name}`");
                let unknown = error(code::OPTION_NAME, line.name.span, message);
                match near {
                    Some(near) => unknown.help(format!("did you mean `--{near}`?")),
                    None => unknown,
                }
            }
            Refusal::ValueMissing => {
                let message = format!("`--{name}` needs a value: `--{name}=…`");
                error(code::OPTION_VALUE, line.name.span, message)
            }
            Refusal::ValueSurplus => {
                let message = format!("`--{name}` takes no value");
                error(code::OPTION_VALUE, place, message)
            }
            Refusal::ValueWrong(expected) => {
                let found = value.map_or("", |value| &value.node);
                let message = format!("expected {expected}, found `{found}`");
                error(code::OPTION_VALUE, place, message)
            }
        };
        self.report(diagnostic);
    }
}
