//! What is made of a finding: a small input, and a script.

use std::fs;
use std::path::{Path, PathBuf};

use crate::cli::{FuzzArgs, SubjectArgs, SubjectName};
use crate::command::output::Output;
use crate::fuzz::arena::{Contest, Player};
use crate::fuzz::engine::Finding;
use crate::fuzz::input::{Input, Setup};
use crate::fuzz::script::Scribe;
use crate::fuzz::shrink::shrink;
use crate::program::IpVersion;
use crate::report;
use crate::runner::{self, RunSettings};
use crate::script::{self, LoadContext};
use crate::source::Source;
use crate::target::Target;
use crate::verdict::Verdict;

/// How often an input is tried to make it smaller, where time is real.
const LIVE_TRIES: usize = 400;

/// Makes sure that findings can be written, before anything is found.
///
/// # Errors
/// If their folder cannot be made.
pub(super) fn try_out(folder: &Path) -> Result<(), String> {
    let was_there = folder.is_dir();
    made(folder)?;
    if !was_there {
        // Where nothing is found nothing is left.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

fn made(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| {
        format!(
            "the folder {} for findings cannot be made: {error}; name another one by `--out`",
            folder.display()
        )
    })
}

/// Makes a finding small, writes it down as bytes and as a script, and says what the script does on the
/// stack in which it was found, unless the run is to end.
///
/// # Errors
/// If a file cannot be written.
pub(super) fn tell<C: Contest>(
    contest: &C,
    finding: &Finding,
    number: usize,
    args: &FuzzArgs,
    is_interrupted: bool,
) -> Result<(), String> {
    let mut player = contest.player()?;
    let known = contest.known()?;
    let kind = finding.found.violation.kind();
    // Where time is real every try takes its time.
    let mut left = match player.is_live() {
        true => LIVE_TRIES,
        false => usize::MAX,
    };
    let small = shrink(&finding.input, &kind, |candidate: &Input| {
        left = left.checked_sub(1)?;
        let result = player.play(candidate, &mut ());
        let found = result.err()?;
        let is_known = known.explains(&found.violation, &candidate.setup).is_some();
        (!is_known).then(|| found.violation.kind())
    });
    let mut scribe = match player.is_live() {
        true => Scribe::live(),
        false => Scribe::default(),
    };
    let output = Output::default();
    let Err(found) = player.play(&small, &mut scribe) else {
        output.say(&format!(
            "finding {number}: {}: it does not come again",
            finding.found.violation
        ));
        return Ok(());
    };
    let text = scribe.script(&small.setup, Some(&found));
    let folder = &args.out;
    made(folder)?;
    let name = format!("{}-{number}", found.violation.oracle.name());
    let bytes = written(folder, &name, "bin", &small.encode())?;
    let script = written(folder, &name, "pkt", text.as_bytes())?;
    output.say(&format!(
        "\nfinding {number}: {}\n  {} events, shrunk from {}: {} (tcpdrill replay{} {})",
        found.violation,
        small.events.len(),
        finding.input.events.len(),
        script.display(),
        subject(&args.subject),
        bytes.display(),
    ));
    if !is_interrupted {
        let verified = verified(contest.target(), &small.setup, &script, &text);
        output.say(&format!("  {verified}"));
    }
    Ok(())
}

/// The options that name the stack.
fn subject(args: &SubjectArgs) -> String {
    let target = match args.target {
        SubjectName::Reference => String::new(),
        SubjectName::Smoltcp => " --target smoltcp".to_owned(),
        SubjectName::Linux => " --target linux".to_owned(),
    };
    let profile = args.profile.iter().map(|name| format!(" --profile {name}"));
    let differential = args.differential.then(|| " --differential".to_owned());
    target + &profile.chain(differential).collect::<String>()
}

fn written(folder: &Path, name: &str, extension: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = folder.join(name).with_extension(extension);
    fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// What the script does on the stack.
fn verified(target: &dyn Target, setup: &Setup, path: &Path, text: &str) -> String {
    let source = Source::new(path.display().to_string(), text);
    let ip_version = match setup.v6 {
        true => IpVersion::Ipv6,
        false => IpVersion::Ipv4,
    };
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..runner::load_context(target, &source)
    };
    let program = match script::load(&source, &context) {
        Ok(program) => program,
        Err(_) => return "the script cannot be read: this is a fault of tcpdrill".to_owned(),
    };
    let settings = RunSettings {
        ip_version,
        ..RunSettings::default()
    };
    let verdict = runner::run(&program, target, &settings).verdict;
    match &verdict {
        Verdict::Pass => "the script passes on this stack: it only shows what happens".to_owned(),
        _ => {
            let message = report::message(&verdict, &source);
            format!(
                "the script on this stack: {}",
                message.lines().next().unwrap_or("")
            )
        }
    }
}
