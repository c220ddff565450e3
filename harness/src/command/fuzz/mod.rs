//! `tcpdrill fuzz`: events drawn at random, until the time is over.

mod contest;
mod explained;
mod finding;
mod progress;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::cli::FuzzArgs;
use crate::exit::Exit;
use crate::fuzz::arena::{Contest, Player};
use crate::fuzz::corpus;
use crate::fuzz::engine::{Engine, Finding, Settings};
use crate::fuzz::feedback::Crossed;
use crate::fuzz::input::Input;
use crate::fuzz::known::Known;
use crate::suite::Interrupt;
use crate::target::linux;

pub(super) use contest::{Act, with_contest};
use progress::Progress;

/// When a job ends.
#[derive(Clone, Copy)]
enum Until {
    Time(Instant),
    Runs(u64),
}

/// What all jobs share.
struct Shared {
    progress: Progress,
    /// Findings, each of a kind of its own.
    findings: Mutex<Vec<Finding>>,
    /// What did not come again when it was played again, by its kind, and how often.
    flakes: Mutex<BTreeMap<String, u64>>,
    /// How often each entry of the list of known deviations has explained something, in all jobs that have ended.
    explained: Mutex<Vec<u64>>,
    /// What each job that has ended has discovered.
    discoveries: Mutex<BTreeMap<usize, Vec<(Input, Crossed)>>>,
    /// The first job that could not begin, and why.
    trouble: Mutex<Option<String>>,
    /// So many are enough.
    most: usize,
    /// Raised by a signal that ends the run.
    interrupt: Interrupt,
}

/// Fuzzes, and says what came of it.
pub(super) fn fuzz(args: &FuzzArgs) -> Exit {
    match run(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn run(args: &FuzzArgs) -> Result<Exit, String> {
    with_contest(&args.subject, Fuzz(args))
}

struct Fuzz<'a>(&'a FuzzArgs);

impl Act for Fuzz<'_> {
    fn act<C: Contest>(self, contest: &C) -> Result<Exit, String> {
        run_in(contest, self.0)
    }
}

fn run_in<C: Contest>(contest: &C, args: &FuzzArgs) -> Result<Exit, String> {
    finding::try_out(&args.out)?;
    let known = match &args.known {
        Some(path) => {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
            Known::read(&name, &text)?
        }
        None => contest.known()?,
    };
    let inputs = match &args.corpus {
        Some(folder) => corpus::read(folder)?,
        None => Vec::new(),
    };
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(processors, usize::from);
    let started = Instant::now();
    let until = match args.runs {
        Some(runs) => Until::Runs(runs),
        None => Until::Time(started + Duration::from_secs(args.seconds)),
    };
    let shared = Shared {
        progress: Progress::new(jobs),
        findings: Mutex::new(Vec::new()),
        flakes: Mutex::new(BTreeMap::new()),
        explained: Mutex::new(vec![0; known.entries().len()]),
        discoveries: Mutex::new(BTreeMap::new()),
        trouble: Mutex::new(None),
        most: args.findings.into(),
        interrupt: Interrupt::default(),
    };
    linux::raise_on_signals(&shared.interrupt);
    super::zoo::quiet();
    std::thread::scope(|scope| {
        for number in 0..jobs {
            let settings = Settings {
                seed: args.seed.wrapping_mul(1 << 20).wrapping_add(number as u64),
                most_events: args.events.into(),
                feedback: !args.no_feedback,
            };
            let (known, inputs, shared) = (&known, &inputs[..], &shared);
            scope.spawn(move || {
                if let Err(problem) =
                    job(contest, (known, inputs), (settings, until), number, shared)
                {
                    lock(&shared.trouble).get_or_insert(problem);
                }
                shared.progress.ended();
            });
        }
        shared.progress.show(started);
    });
    sum_up(args, &known, &shared, started)?;
    let is_interrupted = shared.interrupt.is_raised();
    let findings = lock(&shared.findings);
    for (number, finding) in findings.iter().enumerate() {
        finding::tell(contest, finding, number + 1, args, is_interrupted)?;
    }
    if is_interrupted {
        super::output::Output::default().say(&"interrupted by a signal before its time was over");
        return Ok(Exit::Interrupted);
    }
    Ok(match findings.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    })
}

/// Says what was done, and what was passed over.
fn sum_up(args: &FuzzArgs, known: &Known, shared: &Shared, started: Instant) -> Result<(), String> {
    let output = super::output::Output::default();
    output.say(&shared.progress.line(started));
    if let Some(problem) = lock(&shared.trouble).take() {
        return Err(problem);
    }
    let text = explained::text(known, &lock(&shared.explained));
    if !text.is_empty() {
        output.say(&text);
    }
    for (kind, count) in lock(&shared.flakes).iter() {
        output.say(&format!(
            "{count:>9} did not come again when played twice more: {kind}"
        ));
    }
    keep(args, &lock(&shared.discoveries))
}

/// Adds what the jobs have discovered to the corpus, if it is to be kept.
fn keep(
    args: &FuzzArgs,
    discoveries: &BTreeMap<usize, Vec<(Input, Crossed)>>,
) -> Result<(), String> {
    let Some(folder) = args.corpus.as_deref().filter(|_| args.keep) else {
        return Ok(());
    };
    let mut count = 0;
    for input in corpus::merge(discoveries.values().flatten()) {
        corpus::write(folder, input)?;
        count += 1;
    }
    let folder = folder.display();
    super::output::Output::default().say(&format!(
        "{count} inputs that cross something new: {folder}"
    ));
    Ok(())
}

fn job<C: Contest>(
    contest: &C,
    (known, inputs): (&Known, &[Input]),
    (settings, until): (Settings, Until),
    number: usize,
    shared: &Shared,
) -> Result<(), String> {
    let mut engine = Engine::knowing(settings, known.clone());
    engine.begin_with(inputs.iter().cloned());
    let mut player = contest.player()?;
    loop {
        // The clock is asked now and then only.
        if engine.totals.runs.is_multiple_of(64) {
            shared.progress.note(number, &engine);
            if shared.is_enough() {
                break;
            }
        }
        let is_over = match until {
            Until::Time(end) => engine.totals.runs.is_multiple_of(64) && Instant::now() >= end,
            Until::Runs(runs) => engine.totals.runs >= runs,
        };
        if is_over || shared.interrupt.is_raised() {
            break;
        }
        if let Some(finding) = engine.step_of(&mut player)
            && shared.is_new(&finding)
        {
            match comes_again(&mut player, &finding) {
                true => shared.found(finding),
                false => shared.flaked(&finding),
            }
        }
    }
    shared.progress.note(number, &engine);
    lock(&shared.discoveries).insert(number, engine.discoveries().to_vec());
    for (all, own) in lock(&shared.explained).iter_mut().zip(&engine.explained) {
        *all += own;
    }
    Ok(())
}

/// Whether it is found twice more: what a live machine does once need not be the stack's doing.
fn comes_again<P: Player>(player: &mut P, finding: &Finding) -> bool {
    let kind = finding.found.violation.kind();
    let again = |player: &mut P| {
        let result = player.play(&finding.input, &mut ());
        result.is_err_and(|found| found.violation.kind() == kind)
    };
    !player.is_live() || again(player) && again(player)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Whether nothing of its kind was found yet.
    fn is_new(&self, finding: &Finding) -> bool {
        let kind = finding.found.violation.kind();
        let findings = lock(&self.findings);
        !(findings.iter()).any(|known| known.found.violation.kind() == kind)
    }

    /// It did not come again.
    fn flaked(&self, finding: &Finding) {
        let kind = finding.found.violation.kind();
        *lock(&self.flakes).entry(kind).or_default() += 1;
    }

    fn found(&self, finding: Finding) {
        let is_new = self.is_new(&finding);
        let mut findings = lock(&self.findings);
        if is_new && findings.len() < self.most {
            findings.push(finding);
            self.progress.found();
        }
    }

    fn is_enough(&self) -> bool {
        lock(&self.findings).len() >= self.most
    }
}
