//! Runs many simulations, one for each seed, until one finds something wrong.
//!
//! `cargo run --release -p tcpdrill-stack --example simulate -- --seeds 0..10000`

use std::ops::Range;
use std::panic;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use tcpdrill_stack::testing::simulation::{Plan, Report, run, show};

const USAGE: &str = "\
usage: simulate [--seeds A..B | --seed N] [--jobs N] [--keep-going] [--verbose]
  --seeds A..B   the seeds to run, B not among them (default 0..1000)
  --seed N       one seed; says what the run was
  --jobs N       threads (default: one for each processor)
  --keep-going   go on after a violation and count them
  --verbose      with --seed: everything that happened; else a line for each seed
  --mutant ID    all hosts have this defect (with the feature `mutants`)";

/// Lines of a failing run that are shown.
const TAIL: usize = 60;
/// Seeds after which progress is told.
const PROGRESS: u64 = 10_000;

#[derive(Clone, Debug)]
struct Options {
    seeds: Range<u64>,
    jobs: usize,
    keep_going: bool,
    verbose: bool,
    single: bool,
    mutant: Mutation,
}

/// The defect that all hosts have.
#[derive(Clone, Debug, Default)]
struct Mutation {
    #[cfg(feature = "mutants")]
    infection: tcpdrill_stack::mutants::Infection,
}

impl Mutation {
    #[cfg(feature = "mutants")]
    fn named(id: &str) -> Result<Mutation, String> {
        let mutant = id.parse().map_err(|_| format!("there is no mutant {id}"))?;
        let infection = tcpdrill_stack::mutants::Infection::with(mutant);
        Ok(Mutation { infection })
    }

    #[cfg(not(feature = "mutants"))]
    fn named(id: &str) -> Result<Mutation, String> {
        Err(format!(
            "{id} needs the feature: cargo run --features mutants"
        ))
    }

    fn plan(&self, seed: u64) -> Plan {
        #[allow(unused_mut, reason = "without mutants it stays as it is")]
        let mut plan = Plan::from_seed(seed);
        #[cfg(feature = "mutants")]
        for host in &mut plan.hosts {
            host.config.mutant = self.infection.clone();
        }
        plan
    }

    fn tell(&self) {
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.infection.mutant() {
            println!(
                "mutant {mutant}, {}: reached {} times, triggered {} times",
                mutant.title(),
                self.infection.reached(),
                self.infection.triggered()
            );
        }
    }

    fn flag(&self) -> String {
        #[cfg(feature = "mutants")]
        if let Some(mutant) = self.infection.mutant() {
            return format!(" --mutant {mutant}");
        }
        String::new()
    }
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("simulate: {message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    // A panic is reported with its seed.
    panic::set_hook(Box::new(|_| {}));
    if options.single {
        return tell_one(&options);
    }
    run_all(&options)
}

fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let processors = thread::available_parallelism().map_or(1, |count| count.get());
    let mut options = Options {
        seeds: 0..1_000,
        jobs: processors,
        keep_going: false,
        verbose: false,
        single: false,
        mutant: Mutation::default(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        let number = |text: &str| {
            text.parse()
                .map_err(|_| format!("{text:?} is not a number"))
        };
        match word.as_str() {
            "--seeds" => {
                let text = value()?;
                let (from, to) = text.split_once("..").ok_or("--seeds wants A..B")?;
                options.seeds = number(from)?..number(to)?;
            }
            "--seed" => {
                let seed = number(&value()?)?;
                options.seeds = seed..seed + 1;
                options.single = true;
            }
            "--jobs" => options.jobs = number(&value()?)?.max(1) as usize,
            "--mutant" => options.mutant = Mutation::named(&value()?)?,
            "--keep-going" => options.keep_going = true,
            "--verbose" => options.verbose = true,
            _ => return Err(format!("{word:?} is unknown")),
        }
    }
    Ok(options)
}

/// A run that panicked says so instead of a report.
fn simulate(plan: Plan, record: bool) -> Result<Report, String> {
    panic::catch_unwind(|| run(plan, record)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).into()));
        text.unwrap_or_else(|| "a panic".into())
    })
}

#[derive(Default)]
struct Tally {
    steps: AtomicU64,
    packets: AtomicU64,
    done: AtomicU64,
    violations: AtomicU64,
    stop: AtomicBool,
}

fn run_all(options: &Options) -> ExitCode {
    #[allow(
        clippy::disallowed_methods,
        clippy::disallowed_types,
        reason = "the rate is told, nothing depends on it"
    )]
    let started = std::time::Instant::now();
    let tally = Tally::default();
    let next = AtomicU64::new(options.seeds.start);
    let output = Mutex::new(());
    let work = || {
        while !tally.stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= options.seeds.end {
                return;
            }
            let found = run_one(seed, options, &tally, &output);
            if found && !options.keep_going {
                tally.stop.store(true, Ordering::Relaxed);
            }
            let done = tally.done.fetch_add(1, Ordering::Relaxed) + 1;
            if done % PROGRESS == 0 {
                let rate = done as f64 / started.elapsed().as_secs_f64();
                eprintln!("{done} seeds, {rate:.0} a second");
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(work);
        }
    });
    options.mutant.tell();
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (done, seconds) = (count(&tally.done), started.elapsed().as_secs_f64());
    println!(
        "{done} seeds in {seconds:.0} s, {:.0} a second; {} packets in {} steps; {} violations",
        done as f64 / seconds,
        count(&tally.packets),
        count(&tally.steps),
        count(&tally.violations)
    );
    ExitCode::from(u8::from(count(&tally.violations) > 0))
}

/// Answers whether something is wrong.
fn run_one(seed: u64, options: &Options, tally: &Tally, output: &Mutex<()>) -> bool {
    let report = simulate(options.mutant.plan(seed), false);
    let found = match &report {
        Ok(report) => {
            tally.steps.fetch_add(report.steps, Ordering::Relaxed);
            tally.packets.fetch_add(report.packets, Ordering::Relaxed);
            report.violation.as_ref().map(ToString::to_string)
        }
        Err(panic) => Some(format!("panic: {panic}")),
    };
    let _guard = output.lock();
    if let (Ok(report), true) = (&report, options.verbose) {
        println!(
            "{seed}: {} packets, {} steps, {:?}",
            report.packets, report.steps, report.lasted
        );
    }
    let Some(found) = found else {
        return false;
    };
    let before = tally.violations.fetch_add(1, Ordering::Relaxed);
    if options.keep_going {
        println!("seed {seed}: {found}");
    } else if before == 0 {
        tell_violation(seed, &found, &options.mutant);
    }
    true
}

fn tell_violation(seed: u64, found: &str, mutant: &Mutation) {
    let plan = mutant.plan(seed);
    let start = plan.start;
    println!("seed {seed}: {found}");
    println!("features: {}", plan.features);
    if let Ok(report) = simulate(plan, true) {
        let from = report.entries.len().saturating_sub(TAIL);
        print!("{}", show(&report.entries[from..], start));
    }
    println!(
        "again: cargo run --release -p tcpdrill-stack{} --example simulate -- --seed {seed} --verbose{}",
        if mutant.flag().is_empty() {
            ""
        } else {
            " --features mutants"
        },
        mutant.flag()
    );
}

fn tell_one(options: &Options) -> ExitCode {
    let seed = options.seeds.start;
    let plan = options.mutant.plan(seed);
    let start = plan.start;
    println!("features: {}", plan.features);
    if options.verbose {
        println!("{plan:#?}");
    }
    match simulate(plan, true) {
        Ok(report) => {
            if options.verbose {
                print!("{}", show(&report.entries, start));
            }
            println!(
                "{} packets, {} steps, {:?}, hash {:016x}, users {:?}",
                report.packets, report.steps, report.lasted, report.hash, report.users
            );
            match report.violation {
                Some(violation) => println!("{violation}"),
                None => return ExitCode::SUCCESS,
            }
        }
        Err(panic) => println!("panic: {panic}"),
    }
    ExitCode::FAILURE
}
