//! `tcpdrill check`: mistakes in scripts, without running anything.

use std::io::{self, IsTerminal};

use crate::cli::CheckArgs;
use crate::diagnostic::Severity;
use crate::diagnostic::render::{Color, render, render_first};
use crate::exit::Exit;
use crate::program::IpVersion;
use crate::script::{self, LoadContext};
use crate::suite::Body;

/// The names each target predefines: a script must be right on every one.
const VIEWS: [&[&str]; 2] = [&["reference", "rfc9293"], &["linux", "Linux"]];

/// Checks every script, as each target would see it.
pub(super) fn check(args: &CheckArgs) -> Exit {
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    let colour = if io::stdout().is_terminal() {
        Color::Always
    } else {
        Color::Never
    };
    let mut wrong = 0;
    for case in &suite.cases {
        // A warning is shown, but the script runs.
        let mut broken = false;
        let is_error = |one: &crate::diagnostic::Diagnostic| one.severity == Severity::Error;
        let problems = match &case.body {
            Body::Script(source) => {
                let mut problems: Vec<String> = Vec::new();
                for view in VIEWS {
                    let context = LoadContext {
                        predefined: view.iter().map(ToString::to_string).collect(),
                        defines: args.defines.clone(),
                        ip_version: Some(IpVersion::Ipv4),
                        ..LoadContext::default()
                    };
                    let found = script::check_only(source, &context);
                    broken |= found.iter().any(is_error);
                    for text in render_first(&found, colour) {
                        if !problems.contains(&text) {
                            problems.push(text);
                        }
                    }
                }
                problems
            }
            Body::Probe(source) => {
                let found = crate::probe::check(source);
                broken |= found.iter().any(is_error);
                found
                    .iter()
                    .map(|diagnostic| render(diagnostic, colour))
                    .collect()
            }
            Body::Unreadable(source, problem) => {
                broken = true;
                vec![format!("{}: {problem}", source.name())]
            }
        };
        wrong += usize::from(broken);
        problems.iter().for_each(|problem| super::say(problem));
    }
    let files = if suite.cases.len() == 1 {
        "1 file".to_string()
    } else {
        format!("{} files", suite.cases.len())
    };
    super::say(&format_args!("{files} checked, {wrong} with mistakes"));
    if wrong == 0 {
        Exit::Success
    } else {
        Exit::Usage
    }
}
