//! `tcpdrill fmt`: scripts in columns.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::cli::FmtArgs;
use crate::diagnostic::render::{Color, render_first};
use crate::exit::Exit;
use crate::script::format::{FormatError, format};
use crate::source::Source;
use crate::suite::{Body, Case, Origin};

use super::output::Output;

/// Stands for standard input and output.
const STANDARD: &str = "-";

/// What became of one file.
enum Done {
    AsItWas,
    Changed,
    Refused,
}

/// Lays out every script, or says which are not as they would be.
pub(super) fn fmt(args: &FmtArgs) -> Exit {
    if args.paths.iter().any(|path| path == Path::new(STANDARD)) {
        return match args.paths.len() {
            1 => standard(args.check),
            _ => super::refuse(&"`-` stands alone: standard input is one script"),
        };
    }
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    let (mut changed, mut refused) = (0, 0);
    for case in &suite.cases {
        match one(case, args.check) {
            Done::AsItWas => {}
            Done::Changed => changed += 1,
            Done::Refused => refused += 1,
        }
    }
    if refused > 0 {
        Exit::Usage
    } else if args.check && changed > 0 {
        Exit::Unexpected
    } else {
        Exit::Success
    }
}

fn standard(check: bool) -> Exit {
    let mut bytes = Vec::new();
    if let Err(problem) = io::stdin().read_to_end(&mut bytes) {
        return super::refuse(&format!("cannot read standard input: {problem}"));
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return super::refuse(&"standard input is not UTF-8 text");
    };
    let source = Source::new("standard input", text);
    match laid_out(&source) {
        None => Exit::Usage,
        Some(text) if !check => {
            // What cannot be written is told at the end.
            let _ = io::Write::write_all(&mut Output::Standard, text.as_bytes());
            Exit::Success
        }
        Some(text) if text == source.text() => Exit::Success,
        Some(_) => {
            super::say(&source.name());
            Exit::Unexpected
        }
    }
}

fn one(case: &Case, check: bool) -> Done {
    let source = match &case.body {
        Body::Script(source) => source,
        Body::Probe(_) => return Done::AsItWas,
        Body::Unreadable(source, problem) => {
            super::complain("error", &format!("{}: {problem}", source.name()));
            return Done::Refused;
        }
    };
    let Some(text) = laid_out(source) else {
        return Done::Refused;
    };
    if text == source.text() {
        return Done::AsItWas;
    }
    if let (false, Origin::File(path)) = (check, &case.origin)
        && let Err(problem) = fs::write(path, &text)
    {
        super::complain(
            "error",
            &format!("cannot write {}: {problem}", path.display()),
        );
        return Done::Refused;
    }
    super::say(&source.name());
    Done::Changed
}

fn laid_out(source: &Source) -> Option<String> {
    match format(source) {
        Ok(text) => Some(text),
        Err(FormatError::Unclosed(problems)) => {
            for problem in render_first(&problems, Color::Never) {
                super::complain("cannot lay out", &format!("{}\n{problem}", source.name()));
            }
            None
        }
        Err(FormatError::Differs) => {
            let problem = format!(
                "{}: left as it is, for it would not say the same",
                source.name()
            );
            super::complain("error", &problem);
            None
        }
    }
}
