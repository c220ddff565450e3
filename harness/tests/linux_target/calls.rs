//! System calls on the running kernel: scripts whose verdict, and differing fields, their first line
//! names, as in `tests/judge`. What is there about calls runs here as well.

use std::fs;
use std::path::{Path, PathBuf};

use tcpdrill::program::IpVersion;
use tcpdrill::report;
use tcpdrill::runner::{RunSettings, run};
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;
use tcpdrill::suite::PATIENCE;
use tcpdrill::target::Target;
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::verdict::Verdict;

use crate::cases::Case;

pub(crate) const ALL: &[Case] = &[
    ("calls_do_and_write_what_the_kernel_says", own),
    ("calls_are_judged_on_both_targets_alike", shared),
];

/// The name of a verdict that says nothing.
const PERTURBED: &str = "perturbed";

fn own() {
    all_of("linux_target/calls", "");
}

fn shared() {
    all_of("judge", "call-");
}

fn all_of(folder: &str, prefix: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pkt"))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with(prefix))
        })
        .collect();
    paths.sort();
    assert!(paths.len() > 10, "only {} scripts were found", paths.len());
    let wrong: Vec<String> = paths.iter().filter_map(|path| wrong(path)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with a script's verdict. An attempt that the machine has perturbed is made again, as in a run.
fn wrong(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).expect("a script");
    let expected = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("// expect: "))
        .expect("the first line names the verdict")
        .to_string();
    let source = Source::new(path.file_name().unwrap_or_default().to_string_lossy(), text);
    let mut seen = String::new();
    for attempt in 0..10 {
        std::thread::sleep(attempt * PATIENCE);
        let (verdict, message) = verdict_of(&source);
        if verdict == expected {
            return None;
        }
        seen = format!(
            "{}: expected {expected}, got {verdict}\n{message}",
            source.name()
        );
        if verdict != PERTURBED {
            break;
        }
    }
    Some(seen)
}

fn verdict_of(source: &Source) -> (String, String) {
    let context = LoadContext {
        predefined: LinuxTarget::default().defines(),
        ip_version: Some(IpVersion::Ipv4),
        ..LoadContext::default()
    };
    let program =
        script::load(source, &context).unwrap_or_else(|_| panic!("{} reads", source.name()));
    let verdict = run(&program, &LinuxTarget::default(), &RunSettings::default()).verdict;
    let message = report::message(&verdict, source);
    let name = match verdict {
        Verdict::Fail(failure) => {
            let fields: Vec<&str> = failure
                .differences
                .iter()
                .map(|found| found.field)
                .collect();
            format!("fail {}", fields.join(" "))
        }
        Verdict::Pass => "pass".to_string(),
        Verdict::Perturbed(_) => PERTURBED.to_string(),
        _ => "something else".to_string(),
    };
    (name, message)
}
