//! `tcpdrill seed`: scripts as inputs of the fuzzer.

use std::fs;

use crate::cli::SeedArgs;
use crate::exit::Exit;
use crate::fuzz::engine::play;
use crate::fuzz::feedback::{Coverage, Feedback};
use crate::fuzz::input::Input;
use crate::fuzz::seed::from_trace;
use crate::program::IpVersion;
use crate::runner::{self, RunSettings};
use crate::script::{self, LoadContext};
use crate::suite::{Body, Case};
use crate::target::reference::ReferenceTarget;

/// Runs scripts on the reference stack and writes what they did as inputs.
pub(super) fn seed(args: &SeedArgs) -> Exit {
    match written(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn written(args: &SeedArgs) -> Result<Exit, String> {
    let suite = super::suite(&args.paths).map_err(|problem| problem.to_string())?;
    let target = ReferenceTarget::default();
    let (mut subject, choices) = (target.subject(), target.choices());
    let mut coverage = Coverage::default();
    let mut feedback = Feedback::default();
    let (mut made, mut kept, mut found) = (0, 0, 0);
    let output = super::output::Output::default();
    fs::create_dir_all(&args.out).map_err(|error| format!("{}: {error}", args.out.display()))?;
    for case in &suite.cases {
        let Some(input) = input(case, &target) else {
            continue;
        };
        made += 1;
        feedback.clear();
        let result = play(&mut subject, &input, &mut feedback, choices);
        if let Err(finding) = result {
            found += 1;
            output.say(&format!("{}: {}", case.name, finding.violation));
        }
        let before = coverage.transitions();
        coverage.take(&feedback);
        if coverage.transitions() > before || args.all {
            kept += 1;
            let name = format!("{}.bin", case.name.replace('/', "-"));
            let path = args.out.join(name);
            fs::write(&path, input.encode())
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    let scripts = suite.cases.len();
    output.say(&format!(
        "{scripts} cases: {made} are inputs, {kept} written to {}",
        args.out.display()
    ));
    Ok(match found {
        0 => Exit::Success,
        _ => Exit::Unexpected,
    })
}

/// What a case does on the reference stack, as an input; `None` for what is no script, cannot be read there, or has no
/// segment of the peer.
fn input(case: &Case, target: &ReferenceTarget) -> Option<Input> {
    let Body::Script(source) = &case.body else {
        return None;
    };
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        ..runner::load_context(target, source)
    };
    let program = script::load(source, &context).ok()?;
    let outcome = runner::run(&program, target, &RunSettings::default());
    from_trace(&outcome.trace)
}
