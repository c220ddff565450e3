//! `tcpdrill replay`: one input of the fuzzer, with all that happens.

use crate::cli::{ReplayArgs, RunArgs, SubjectName, TargetName};
use crate::exit::Exit;
use crate::fuzz::arena::{Contest, Player};
use crate::fuzz::input::Input;
use crate::fuzz::script::Scribe;
use crate::fuzz::transcript::Transcript;

use super::fuzz::Act;

/// Plays an input, and says what is found.
pub(super) fn replay(args: &ReplayArgs) -> Exit {
    if args.file.extension().is_some_and(|ending| ending == "pkt") {
        return super::run::run(&RunArgs {
            paths: vec![args.file.clone()],
            verbose: true,
            profile: args.subject.profile.clone(),
            target: match args.subject.target {
                SubjectName::Reference => TargetName::Reference,
                SubjectName::Smoltcp => TargetName::Smoltcp,
                SubjectName::Linux => TargetName::Linux,
            },
            ..RunArgs::default()
        });
    }
    match played(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn played(args: &ReplayArgs) -> Result<Exit, String> {
    super::fuzz::with_contest(&args.subject, Replay(args))
}

/// What is done once it is known on what.
struct Replay<'a>(&'a ReplayArgs);

impl Act for Replay<'_> {
    fn act<C: Contest>(self, contest: &C) -> Result<Exit, String> {
        played_in(contest, self.0)
    }
}

fn played_in<C: Contest>(contest: &C, args: &ReplayArgs) -> Result<Exit, String> {
    let bytes =
        std::fs::read(&args.file).map_err(|error| format!("{}: {error}", args.file.display()))?;
    let input = Input::decode(&bytes);
    let mut player = contest.player()?;
    let known = contest.known()?;
    let output = super::output::Output::default();
    super::zoo::quiet();
    if args.script {
        let mut scribe = match player.is_live() {
            true => Scribe::live(),
            false => Scribe::default(),
        };
        let result = player.play(&input, &mut scribe);
        let found = result.as_ref().err().map(AsRef::as_ref);
        output.say(&scribe.script(&input.setup, found).trim_end());
        return Ok(exit(result.is_ok()));
    }
    let mut transcript = Transcript::default();
    let result = player.play(&input, &mut transcript);
    output.say(&format!("{:?}\n{}", input.setup, transcript.text()));
    match &result {
        Ok(played) => output.say(&format!(
            "nothing found: {} events, {} packets, {} answers judged",
            played.events, played.packets, played.judged
        )),
        Err(found) => {
            output.say(&format!("event {}: {}", found.event, found.violation));
            if let Some(place) = known.explains(&found.violation, &input.setup) {
                let entry = &known.entries()[place];
                output.say(&format!("known: {}: {}", entry.id, entry.why));
            }
        }
    }
    Ok(exit(result.is_ok()))
}

fn exit(is_clean: bool) -> Exit {
    match is_clean {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}
