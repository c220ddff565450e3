//! `tcpdrill zoo --fuzz`: which historic defects the fuzzer finds, and how fast.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::cli::ZooArgs;
use crate::exit::Exit;
use crate::report;
use crate::target::reference::Defect;
use crate::zoo::{Hunt, Hunted};

use super::output::Output;

/// Tries the fuzzer on each of the defects that the log does not have yet, and shows all.
///
/// # Errors
/// If the log cannot be read or written.
pub(super) fn run(args: &ZooArgs, defects: &[Defect]) -> Result<Exit, String> {
    let hunt = Hunt {
        seeds: args.seeds.into(),
        more_seeds: args.more_seeds.into(),
        limit: Duration::from_secs(args.limit),
        events: 48,
        feedback: !args.no_feedback,
    };
    let mut done = match &args.log {
        Some(path) if path.exists() => read(path, hunt.feedback)?,
        _ => Vec::new(),
    };
    let open: Vec<&Defect> = defects
        .iter()
        .filter(|defect| !done.iter().any(|hunted| hunted.id == defect.id))
        .collect();
    done.retain(|hunted| defects.iter().any(|defect| defect.id == hunted.id));
    let new = all(args, &hunt, &open)?;
    done.extend(new);
    done.sort_by(|one, other| one.id.cmp(&other.id));
    Output::default().say(&report::hunt::text(&done, defects).trim_end());
    if let Some(path) = &args.markdown {
        let log = args
            .log
            .as_deref()
            .ok_or("--markdown wants a --log with --fuzz")?;
        let (with, without) = (read(log, true)?, read(log, false)?);
        let block = report::hunt::markdown(&with, &without, defects);
        let command = "zoo --fuzz --markdown";
        super::zoo::document(path, &block, report::hunt::MARKS, false, command)?;
    }
    Ok(Exit::Success)
}

/// Hunts them, so many at a time; each is written to the log when it is done.
fn all(args: &ZooArgs, hunt: &Hunt, open: &[&Defect]) -> Result<Vec<Hunted>, String> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(processors, usize::from);
    let next = AtomicUsize::new(0);
    let results: Mutex<Result<Vec<Hunted>, String>> = Mutex::new(Ok(Vec::new()));
    let work = || {
        while let Some(defect) = open.get(next.fetch_add(1, Ordering::Relaxed)) {
            let Some(hunted) = hunt.for_defect(defect) else {
                continue;
            };
            let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
            let written = args
                .log
                .as_deref()
                .map_or(Ok(()), |path| note(path, &hunted));
            if let (Ok(all), Err(problem)) = (&mut *results, &written) {
                all.clear();
                *results = Err(problem.clone());
                return;
            }
            if let Ok(all) = &mut *results {
                all.push(hunted);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, open.len().max(1)) {
            scope.spawn(work);
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// What a log has, one defect a line, of trials with feedback or without.
fn read(path: &Path, feedback: bool) -> Result<Vec<Hunted>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|problem| format!("cannot read {shown}: {problem}"))?;
    let line = |(number, line): (usize, &str)| {
        serde_json::from_str::<Hunted>(line).map_err(|problem| {
            format!("{shown}:{number}: no line of `zoo --fuzz --log`: {problem}")
        })
    };
    let all: Result<Vec<Hunted>, String> = (1..).zip(text.lines()).map(line).collect();
    Ok(all?
        .into_iter()
        .filter(|hunted| hunted.feedback == feedback)
        .collect())
}

fn note(path: &Path, hunted: &Hunted) -> Result<(), String> {
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let line = serde_json::to_string(hunted)?;
        writeln!(file, "{line}")
    };
    written().map_err(|problem| format!("cannot write {}: {problem}", path.display()))
}
