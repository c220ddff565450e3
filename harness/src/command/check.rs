//! `tcpdrill check`: mistakes in scripts, without running anything.

use std::io::{self, IsTerminal};

use crate::cli::CheckArgs;
use crate::diagnostic::render::{Color, render, render_first};
use crate::exit::Exit;
use crate::program::IpVersion;
use crate::script::{self, Facts, LoadContext, Version};
use crate::source::Source;
use crate::suite::Body;

/// A target, what it predefines and its profile: a script must be right on every one.
const TARGETS: [(&str, &[&str], &str); 2] = [
    ("reference", &["reference", "rfc9293"], "rfc9293"),
    ("linux", &["linux", "Linux"], "linux"),
];

/// Everything a script may be read with: each target, and each branch that one could take.
fn views(source: &Source, defines: &[(String, String)]) -> Vec<LoadContext> {
    let of_target = |(target, predefined, profile): (&str, &[&str], &str)| {
        let base = LoadContext {
            facts: Facts {
                target: target.to_string(),
                profile: profile.to_string(),
                kernel: (target == "linux").then(|| Version::read("6.18")).flatten(),
                ..Facts::default()
            },
            predefined: predefined.iter().map(ToString::to_string).collect(),
            defines: defines.to_vec(),
            ip_version: Some(IpVersion::Ipv4),
            ..LoadContext::default()
        };
        script::views(source, &base)
    };
    TARGETS.into_iter().flat_map(of_target).collect()
}

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
        let problems = match &case.body {
            Body::Script(source) => {
                let mut problems: Vec<String> = Vec::new();
                for context in views(source, &args.defines) {
                    let found = script::check_only(source, &context);
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
                found
                    .iter()
                    .map(|diagnostic| render(diagnostic, colour))
                    .collect()
            }
            Body::Unreadable(source, problem) => vec![format!("{}: {problem}", source.name())],
        };
        wrong += usize::from(!problems.is_empty());
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
