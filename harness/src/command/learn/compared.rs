//! `tcpdrill learn --diff A B`: what tells two machines apart, and scripts that show it.

use std::fs;
use std::path::Path;

use crate::cli::LearnArgs;
use crate::exit::Exit;
use crate::fuzz::arena::Arena;
use crate::fuzz::subject::Micros;
use crate::learn::alphabet::{self, Symbol};
use crate::learn::difference::{Difference, differences};
use crate::learn::script::{ERRORS, script};
use crate::learn::settings::SETTINGS;

use super::super::output::Output;
use super::run;
use super::saved::Saved;
use super::stack::{Act, Stack};

/// Compares two machines.
///
/// # Errors
/// If one of them cannot be read or learned, or a script not be written.
pub(super) fn compare(args: &LearnArgs, [one, other]: [&Saved; 2]) -> Result<Exit, String> {
    let names = [one.stack.as_str(), other.stack.as_str()];
    if one.moment != other.moment {
        let [one, other] = [one, other].map(|saved| saved.moment as f64 / 1e3);
        return Err(format!(
            "{} was learned with {one} ms after every input, {} with {other} ms: learn both with the same `--moment`",
            names[0], names[1]
        ));
    }
    let found = differences(&one.machine, &other.machine, args.most)?;
    let output = Output::default();
    if found.is_empty() {
        output.say(&"Nothing tells them apart.");
        return Ok(Exit::Success);
    }
    for (number, difference) in (1..).zip(&found) {
        output.say(&format!(
            "\ndifference {number}:\n{}",
            difference.text(names)
        ));
        if let Some(folder) = &args.scripts {
            let path = folder.join(format!("{number}.pkt"));
            output.say(&format!(
                "  {}",
                written(args, &path, difference, [one, other])?
            ));
        }
    }
    Ok(Exit::Unexpected)
}

/// Writes the script of a difference, and says what it does on both stacks.
fn written(
    args: &LearnArgs,
    path: &Path,
    difference: &Difference,
    [one, other]: [&Saved; 2],
) -> Result<String, String> {
    let symbols = alphabet::of_names(difference.word.iter().map(String::as_str))?;
    let drawn = Stack::of_name(&one.stack)?.with(Draw {
        symbols: &symbols,
        moment: one.moment,
        difference,
        names: [&one.stack, &other.stack],
    })?;
    let text = match drawn {
        Ok(text) => text,
        Err(why) => return Ok(format!("no script: {why}")),
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    fs::write(path, &text).map_err(|error| format!("{}: {error}", path.display()))?;
    let on_other = Stack::of_name(&other.stack).and_then(|stack| stack.failure(args, &text));
    Ok(match on_other {
        Ok(None) => format!("{}: passes on both: it does not show it", path.display()),
        Ok(Some(why)) => format!(
            "{}: passes on {}, fails on {}: {}",
            path.display(),
            one.stack,
            other.stack,
            why.lines().next().unwrap_or_default()
        ),
        Err(why) => format!(
            "{}: passes on {}; {}: {why}",
            path.display(),
            one.stack,
            other.stack
        ),
    })
}

/// Writes a script that passes.
struct Draw<'a> {
    symbols: &'a [Symbol],
    moment: Micros,
    difference: &'a Difference,
    names: [&'a str; 2],
}

impl Act for Draw<'_> {
    /// The script, or why there is none.
    type Result = Result<String, String>;

    fn act<A: Arena>(self, arena: &A) -> Result<Self::Result, String> {
        arena.prepare()?;
        let mut subject = arena.for_learning(&SETTINGS)?;
        let [one, other] = &self.difference.outputs;
        let (last, before) = match self.difference.word.split_last() {
            Some((last, before)) => (last.as_str(), before.join(" ")),
            None => ("nothing", String::new()),
        };
        let title = format!("{last} in {}, after {before}", self.difference.states[0]);
        let why = format!(
            "Learned: {} answers `{one}`, {} `{other}`.",
            self.names[0], self.names[1]
        );
        let mut draft = script(&mut subject, self.symbols, self.moment, &title, &why)?;
        drop(subject);
        loop {
            if let Some(whole) = draft.whole() {
                return Ok(match run::failure(arena.target(), whole) {
                    None => Ok(whole.to_owned()),
                    Some(why) => Err(format!("it fails on {} itself: {why}", self.names[0])),
                });
            }
            let passing = ERRORS.iter().find_map(|error| {
                let (next, tried) = draft.with(error);
                run::failure(arena.target(), &tried)
                    .is_none()
                    .then_some(next)
            });
            match passing {
                Some(next) => draft = next,
                None => return Ok(Err("a refused call says what no script can".to_owned())),
            }
        }
    }
}
