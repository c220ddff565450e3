//! `tcpdrill learn`: what a stack is as a machine, and what tells two of them apart.

mod compared;
mod run;
mod saved;
mod stack;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::cli::{AlphabetName, LearnArgs};
use crate::exit::Exit;
use crate::fuzz::subject::Micros;
use crate::learn::study::Study;
use crate::learn::{Effort, Expense, Learned, alphabet, draw, table};

use super::output::Output;
use saved::Saved;
use stack::Stack;

/// How often it says how far it is.
const NEWS: Duration = Duration::from_secs(5);

/// Learns, and says what came of it.
pub(super) fn learn(args: &LearnArgs) -> Exit {
    match run(args) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn run(args: &LearnArgs) -> Result<Exit, String> {
    if let [one, other] = &args.diff[..] {
        let both = [Given::of(one)?, Given::of(other)?];
        // Two machines can be compared that were asked at the same pace.
        let moment = both[0].moment().max(both[1].moment());
        let [one, other] = both.map(|given| given.learned(args, moment));
        return compared::compare(args, [&one?, &other?]);
    }
    let stack = Stack::of_args(args)?;
    let saved = learned(args, &stack, stack.moment())?;
    let machine = &saved.machine;
    if !args.no_table {
        Output::default().say(&table::text(machine).trim_end());
    }
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> Result<String, String>| match path {
        None => Ok(()),
        Some(path) => {
            std::fs::write(path, text()?).map_err(|error| format!("{}: {error}", path.display()))
        }
    };
    write(&args.out, &|| saved.text())?;
    write(&args.dot, &|| Ok(draw::dot(machine)))?;
    write(&args.svg, &|| draw::svg(machine))?;
    Ok(Exit::Success)
}

/// What is compared: the machine in a file, or a stack.
enum Given {
    File(Box<Saved>),
    Stack(Stack),
}

impl Given {
    fn of(name: &str) -> Result<Given, String> {
        match Stack::of_name(name) {
            Ok(stack) => Ok(Given::Stack(stack)),
            Err(_) if Path::new(name).exists() => {
                Saved::read(Path::new(name)).map(|saved| Given::File(Box::new(saved)))
            }
            Err(problem) => Err(problem),
        }
    }

    fn moment(&self) -> Micros {
        match self {
            Given::File(saved) => saved.moment,
            Given::Stack(stack) => stack.moment(),
        }
    }

    fn learned(self, args: &LearnArgs, moment: Micros) -> Result<Saved, String> {
        match self {
            Given::File(saved) => Ok(*saved),
            Given::Stack(stack) => learned(args, &stack, moment),
        }
    }
}

/// Learns a stack; `moment` is what passes after every input if nobody says otherwise.
fn learned(args: &LearnArgs, stack: &Stack, moment: Micros) -> Result<Saved, String> {
    let study = Study {
        inputs: inputs(args, stack),
        effort: Effort {
            depth: args.depth.into(),
            random: args.random,
            seed: args.seed,
        },
        most_states: args.most_states as usize,
        moment: args.moment.map_or(moment, |ms| ms * 1_000),
    };
    let started = Instant::now();
    let mut told = started;
    let mut progress = |expense: &Expense| {
        if told.elapsed() >= NEWS {
            told = Instant::now();
            super::complain(
                "learning",
                &format!(
                    "{} inputs, {} hypotheses",
                    expense.inputs, expense.hypotheses
                ),
            );
        }
    };
    let learned = stack.learn(args, &study, &mut progress)?;
    let seconds = started.elapsed().as_secs_f64();
    let rate = learned.expense.inputs as f64 / seconds.max(1e-6);
    let took = format!("{stack} in {seconds:.1} s, {rate:.0} inputs a second");
    super::complain("learned", &took);
    Output::default().say(&summary(&stack.to_string(), &learned, &study.effort));
    Ok(Saved {
        stack: stack.to_string(),
        effort: study.effort,
        moment: study.moment,
        expense: learned.expense,
        machine: learned.machine,
    })
}

/// The inputs that were asked for.
fn inputs(args: &LearnArgs, stack: &Stack) -> Vec<String> {
    if !args.inputs.is_empty() {
        return args.inputs.clone();
    }
    let name = match args.alphabet {
        AlphabetName::Small => "small",
        AlphabetName::Full => "full",
    };
    let names = alphabet::NAMED.iter().find(|(known, _)| *known == name);
    let names = names.map_or(&[][..], |(_, names)| names);
    let takes_long = |name: &&&str| stack.is_real_time() && name.starts_with("wait");
    let names = names.iter().filter(|name| !takes_long(name));
    names.map(|name| (*name).to_owned()).collect()
}

/// What was learned in two lines: how much, and what is sure of it.
fn summary(name: &str, learned: &Learned, effort: &Effort) -> String {
    let states = learned.machine.states.len();
    let random = match effort.random {
        0 => String::new(),
        count => format!(", and {count} longer words at random showed no other"),
    };
    format!(
        "{name}: {states} states, {} transitions; {} queries of {} inputs in all, {} hypotheses\n\
         No other machine of up to {} states answers like this to all that was asked{random}.",
        learned.machine.transitions(),
        learned.expense.queries,
        learned.expense.inputs,
        learned.expense.hypotheses,
        states + effort.depth,
    )
}
