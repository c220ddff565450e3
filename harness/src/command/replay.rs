//! `tcpdrill replay`: one input of the fuzzer, with all that happens.

use crate::cli::{ReplayArgs, RunArgs};
use crate::exit::Exit;
use crate::fuzz::engine::play;
use crate::fuzz::input::Input;
use crate::fuzz::script::Scribe;
use crate::fuzz::transcript::Transcript;
use crate::target::reference::ReferenceTarget;

/// Plays an input, and says what is found.
pub(super) fn replay(args: &ReplayArgs) -> Exit {
    if args.file.extension().is_some_and(|ending| ending == "pkt") {
        return super::run::run(&RunArgs {
            paths: vec![args.file.clone()],
            verbose: true,
            ..RunArgs::default()
        });
    }
    match played(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn played(args: &ReplayArgs) -> Result<Exit, String> {
    let bytes =
        std::fs::read(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
    let input = Input::decode(&bytes);
    let target = ReferenceTarget::default();
    let choices = target.choices();
    let output = super::output::Output::default();
    super::zoo::quiet();
    if args.script {
        let mut scribe = Scribe::default();
        let result = play(&mut target.subject(), &input, &mut scribe, choices);
        let found = result.as_ref().err().map(AsRef::as_ref);
        output.say(&scribe.script(&input.setup, found).trim_end());
        return Ok(exit(result.is_ok()));
    }
    let mut transcript = Transcript::default();
    let result = play(&mut target.subject(), &input, &mut transcript, choices);
    output.say(&format!("{:?}\n{}", input.setup, transcript.text()));
    match &result {
        Ok(played) => output.say(&format!(
            "nothing found: {} events, {} packets, {} answers judged",
            played.events, played.packets, played.judged
        )),
        Err(found) => output.say(&format!("event {}: {}", found.event, found.violation)),
    }
    Ok(exit(result.is_ok()))
}

fn exit(is_clean: bool) -> Exit {
    match is_clean {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}
