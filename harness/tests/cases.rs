//! Every bundled case on every target and family, each as a test of its own name:
//! `reference::ipv4::handshake/passive-open`, `linux::ipv6::…`. The reference has its turn once with each
//! profile: `reference-linux::…`, `reference-freebsd::…`. smoltcp has its turn as well: `smoltcp::…`.
//!
//! The kernel's cases wait in real time, so they all run at once in the background and each
//! test waits for its own result. Without TUN they show as ignored; with
//! `TCPDRILL_REQUIRE_LINUX=1` in the environment their absence fails.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use libtest_mimic::{Arguments, Failed, Trial};
use tcpdrill::program::IpVersion;
use tcpdrill::report::RunEvent;
use tcpdrill::suite::{Case, ExecuteSettings, Origin, PATIENCE, Suite, execute};
use tcpdrill::target::Target;
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::target::reference::ReferenceTarget;
use tcpdrill::target::smoltcp::SmoltcpTarget;
use tcpdrill::verdict::{CaseResult, Verdict};

const FAMILIES: [IpVersion; 3] = [IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6];

/// The profiles of the reference, and what is skipped with each.
const PROFILES: [(&str, &str); 3] = [
    ("rfc9293", include_str!("cases/skipped-on-reference.txt")),
    (
        "linux",
        include_str!("cases/skipped-on-reference-linux.txt"),
    ),
    (
        "freebsd",
        include_str!("cases/skipped-on-reference-freebsd.txt"),
    ),
];

const SKIPPED_ON_SMOLTCP: &str = include_str!("cases/skipped-on-smoltcp.txt");

type Key = (String, IpVersion);

/// Results of a run in the background, and a bell for those who wait.
#[derive(Default)]
struct Board {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    results: BTreeMap<Key, CaseResult>,
    /// Why no further result comes, once that is so.
    ended: Option<String>,
}

impl Board {
    fn put(&self, result: CaseResult) {
        let key = (result.case.clone(), result.ip_version);
        self.change(|state| {
            state.results.insert(key, result);
        });
    }

    /// No further result comes. The first reason counts.
    fn end(&self, reason: &str) {
        self.change(|state| {
            state.ended.get_or_insert(reason.to_string());
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.bell.notify_all();
    }

    fn wait_for(&self, key: &Key) -> Result<CaseResult, String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(result) = state.results.get(key) {
                return Ok(result.clone());
            }
            if let Some(reason) = &state.ended {
                return Err(format!("the run gave no result for this case: {reason}"));
            }
            state = self
                .bell
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Held by the thread that fills a board: whoever waits is told when it ends, even by a panic.
struct Filler(Arc<Board>);

impl Drop for Filler {
    fn drop(&mut self) {
        self.0.end("its thread has ended");
    }
}

/// Those who wait for a result that cannot come any more are told so.
fn a_dead_run_leaves_nobody_waiting() -> Result<(), Failed> {
    let board = Arc::new(Board::default());
    let filler = Filler(Arc::clone(&board));
    let thread = std::thread::spawn(move || {
        let _filler = filler;
        std::panic::resume_unwind(Box::new("on purpose"));
    });
    let key = ("a".to_string(), IpVersion::Ipv4);
    let outcome = board.wait_for(&key);
    let panicked = thread.join().is_err();
    if panicked && outcome.is_err() {
        Ok(())
    } else {
        Err("a result came out of nothing".into())
    }
}

fn main() -> ExitCode {
    // Before the first thread: an ordinary user needs a user namespace.
    let rights = tcpdrill::target::linux::prepare();
    let arguments = Arguments::from_args();
    let suite = Arc::new(Suite::bundled());
    let mut all = Vec::new();
    for (profile, skipped) in PROFILES {
        let target = move || ReferenceTarget::of_profile(profile);
        let Ok(name) = target().map(|target| target.known().to_string()) else {
            panic!("there is no profile {profile}");
        };
        all.extend(trials(&suite, &name, target, false, &arguments));
        all.push(Trial::test(
            format!("{name}::only_what_is_listed_is_skipped"),
            move || only_what_is_listed_is_skipped(&target()?, skipped),
        ));
    }
    let smoltcp = || Ok(SmoltcpTarget);
    all.extend(trials(&suite, "smoltcp", smoltcp, false, &arguments));
    all.push(Trial::test(
        "smoltcp::only_what_is_listed_is_skipped",
        || only_what_is_listed_is_skipped(&SmoltcpTarget, SKIPPED_ON_SMOLTCP),
    ));
    all.push(Trial::test(
        "board::no_profile_is_forgotten",
        no_profile_is_forgotten,
    ));
    all.push(Trial::test(
        "board::a_dead_run_leaves_nobody_waiting",
        a_dead_run_leaves_nobody_waiting,
    ));
    let required = std::env::var_os("TCPDRILL_REQUIRE_LINUX").is_some();
    match rights.and_then(|_| LinuxTarget::available()) {
        Ok(()) => {
            let target = || Ok(LinuxTarget::default());
            all.extend(trials(&suite, "linux", target, required, &arguments));
        }
        Err(reason) => all.push(
            Trial::test(format!("linux (not available: {reason})"), move || {
                Err(format!("TCPDRILL_REQUIRE_LINUX is set, but {reason}").into())
            })
            .with_ignored_flag(!required),
        ),
    }
    libtest_mimic::run(&arguments, all).exit_code()
}

/// The cases run with every profile that there is.
fn no_profile_is_forgotten() -> Result<(), Failed> {
    let here: Vec<&str> = PROFILES.iter().map(|entry| entry.0).collect();
    let there: Vec<&str> = ReferenceTarget::profiles().collect();
    if here == there {
        return Ok(());
    }
    Err(format!("these are run: {here:?}, these are there: {there:?}").into())
}

/// A target answers `skip` for what it lacks; that this is no more than known stands in a file.
fn only_what_is_listed_is_skipped(target: &dyn Target, listed: &str) -> Result<(), Failed> {
    let suite = Suite::bundled();
    let cases: Vec<&Case> = suite.cases.iter().collect();
    let known = suite
        .known(target.known())
        .map_err(|problem| problem.to_string())?
        .on(target.kernel().as_deref());
    let settings = ExecuteSettings {
        ip_versions: vec![IpVersion::Ipv4],
        ..ExecuteSettings::default()
    };
    let skipped: Vec<String> = execute(&cases, target, &known, &settings, &mut |_| {})
        .iter()
        .filter_map(|result| match &result.verdict {
            Verdict::Skip { capability, .. } => Some(format!("{} {capability}", result.case)),
            _ => None,
        })
        .collect();
    let listed: Vec<&str> = listed.lines().collect();
    if skipped == listed {
        return Ok(());
    }
    Err(format!(
        "skipped:\n{}\nlisted:\n{}",
        skipped.join("\n"),
        listed.join("\n")
    )
    .into())
}

/// The tests of one target: each case on each family, and that nothing is skipped unnoticed.
fn trials<T: Target + 'static>(
    suite: &Arc<Suite>,
    name: &str,
    target: impl FnOnce() -> Result<T, String> + Send + 'static,
    all_required: bool,
    arguments: &Arguments,
) -> Vec<Trial> {
    let board = Arc::new(Board::default());
    let mut tests: BTreeMap<String, Vec<Key>> = BTreeMap::new();
    for case in &suite.cases {
        for version in FAMILIES {
            let test = tests.entry(test_name(name, case, version)).or_default();
            test.push((case.name.clone(), version));
        }
    }
    let mut trials = Vec::new();
    let mut names = BTreeSet::new();
    for (test, keys) in tests {
        if chosen(&test, arguments) {
            names.extend(keys.iter().map(|(case, _)| case.clone()));
        }
        let board = Arc::clone(&board);
        trials.push(Trial::test(test, move || {
            keys.iter()
                .try_for_each(|key| judge(&board.wait_for(key)?, all_required))
        }));
    }
    if !arguments.list && !names.is_empty() {
        run_in_background(Arc::clone(suite), names, target, board);
    }
    trials
}

/// A test for each case. Generated ones are many: a test for each folder of them.
fn test_name(target: &str, case: &Case, version: IpVersion) -> String {
    let name = match (&case.origin, case.name.rsplit_once('/')) {
        (Origin::Generated, Some((folder, _))) => folder,
        _ => &case.name,
    };
    format!("{target}::{version}::{name}")
}

/// Whether the command line's filters take this test, as libtest-mimic has it.
fn chosen(name: &str, arguments: &Arguments) -> bool {
    let fits = |pattern: &str| {
        if arguments.exact {
            name == pattern
        } else {
            name.contains(pattern)
        }
    };
    arguments.filter.as_deref().is_none_or(fits) && !arguments.skip.iter().any(|skip| fits(skip))
}

fn run_in_background<T: Target>(
    suite: Arc<Suite>,
    names: BTreeSet<String>,
    target: impl FnOnce() -> Result<T, String> + Send + 'static,
    board: Arc<Board>,
) {
    let filler = Filler(board);
    std::thread::spawn(move || {
        let board = &filler.0;
        let target = match target() {
            Ok(target) => target,
            Err(problem) => return board.end(&problem),
        };
        let cases: Vec<&Case> = suite
            .cases
            .iter()
            .filter(|case| names.contains(&case.name))
            .collect();
        let known = match suite.known(target.known()) {
            Ok(known) => known.on(target.kernel().as_deref()),
            Err(problem) => return board.end(&problem.to_string()),
        };
        let settings = ExecuteSettings {
            ip_versions: FAMILIES.to_vec(),
            patience: PATIENCE,
            ..ExecuteSettings::default()
        };
        execute(&cases, &target, &known, &settings, &mut |event| {
            if let RunEvent::Finished { result } = event {
                board.put((*result).clone());
            }
        });
    });
}

/// The values of `net.ipv4.tcp_ecn` that Linux takes from 7.0 on: AccECN.
const OF_NEWER_KERNELS: [&str; 3] = [
    "sysctl:net.ipv4.tcp_ecn=3",
    "sysctl:net.ipv4.tcp_ecn=4",
    "sysctl:net.ipv4.tcp_ecn=5",
];

/// A skip is fine where a script is written for another family or the target lacks something
/// it says it lacks; on a machine where everything is required it is not, unless the kernel itself
/// has no such thing.
fn judge(result: &CaseResult, all_required: bool) -> Result<(), Failed> {
    match &result.verdict {
        Verdict::Skip { capability, .. }
            if all_required
                && !capability.starts_with("ip_version")
                && capability != "icmp"
                && !OF_NEWER_KERNELS.contains(&capability.as_str()) =>
        {
            Err(format!("skipped, but required here: {}", result.message).into())
        }
        verdict if verdict.is_expected() => Ok(()),
        verdict => Err(format!("{}: {}\n{}", result.case, verdict.name(), result.message).into()),
    }
}
