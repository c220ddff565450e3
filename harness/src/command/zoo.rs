//! `tcpdrill zoo`: which historic defects of TCP stacks the cases find.

use std::fs;
use std::path::Path;

use crate::catalogue::Catalogue;
use crate::cli::ZooArgs;
use crate::exit::Exit;
use crate::report;
use crate::suite::Suite;
use crate::target::reference::{Defect, defects};
use crate::zoo::{Explanations, Row, Zoo};

use super::files;

/// How to come by the defects.
const NOT_BUILT_IN: &str = "the defects are not built into this tcpdrill; from a checkout: \
    cargo run --release -p tcpdrill --features mutants -- zoo";

/// Runs the suite against each defect, and writes what was asked for.
pub(super) fn zoo(args: &ZooArgs) -> Exit {
    let Some(all) = defects() else {
        super::complain("error", &NOT_BUILT_IN);
        return Exit::NothingRan;
    };
    match run(args, &all) {
        Ok(exit) => exit,
        Err(problem) => super::refuse(&problem),
    }
}

fn run(args: &ZooArgs, all: &[Defect]) -> Result<Exit, String> {
    let text_of = |problem: &dyn std::fmt::Display| problem.to_string();
    let explanations = Explanations::bundled().map_err(|problem| text_of(&problem))?;
    let mut complaints = unknown_rules(all)?;
    let built: Vec<&str> = all.iter().map(|defect| defect.id).collect();
    complaints.extend(explanations.complaints(&built));
    let chosen = chosen(args, all)?;
    if args.fuzz {
        quiet();
        return super::zoo_fuzz::run(args, &chosen);
    }
    let suite = Suite::bundled();
    quiet();
    let zoo = Zoo::new(&suite, args.profile.as_deref(), &explanations);
    let zoo = zoo.map_err(|problem| text_of(&problem))?;
    if zoo.failing_anyway() > 0 {
        complaints.push(format!(
            "{} cases fail without any defect: `tcpdrill run` shows them",
            zoo.failing_anyway()
        ));
    }
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let rows = zoo.rows(&chosen, args.jobs.map_or(processors, usize::from), &|_| {});
    complaints.extend(rows.iter().filter_map(Row::complaint));
    let style = report::zoo::Style {
        times: !args.no_times,
        verbose: args.verbose,
    };
    let output = files::output_beside(&[&args.json]);
    output.say(&report::zoo::text(&rows, &complaints, style).trim_end());
    if let Some(path) = &args.json {
        let json = report::zoo::json(&rows, style).map_err(|problem| text_of(&problem))?;
        files::write(path, json.as_bytes())?;
    }
    if let Some(path) = &args.markdown {
        let block = report::zoo::markdown(&rows, &explanations);
        let command = "zoo --markdown";
        complaints.extend(document(
            path,
            &block,
            report::zoo::MARKS,
            args.check,
            command,
        )?);
    }
    for complaint in &complaints {
        super::complain("error", complaint);
    }
    Ok(match complaints.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    })
}

/// Rules that defects break and that the catalogue has not.
fn unknown_rules(all: &[Defect]) -> Result<Vec<String>, String> {
    let catalogue = Catalogue::bundled().map_err(|problem| problem.to_string())?;
    let rules = all.iter().flat_map(|defect| {
        let unknown = defect.breaks.iter();
        let unknown = unknown.filter(|id| catalogue.get(id).is_none());
        unknown.map(|id| {
            format!(
                "{} breaks {id}, which is no rule of the catalogue",
                defect.id
            )
        })
    });
    Ok(rules.collect())
}

fn chosen(args: &ZooArgs, all: &[Defect]) -> Result<Vec<Defect>, String> {
    let takes = |name: &str, defect: &Defect| {
        defect.id == name || (name.len() == 1 && defect.id.starts_with(name))
    };
    for name in &args.only {
        if !all.iter().any(|defect| takes(name, defect)) {
            return Err(format!("no defect is called {name}"));
        }
    }
    let wanted =
        |defect: &&Defect| args.only.is_empty() || args.only.iter().any(|name| takes(name, defect));
    let (first, step) = args.shard.unwrap_or((1, 1));
    let chosen = all.iter().filter(wanted).skip(first - 1).step_by(step);
    Ok(chosen.cloned().collect())
}

/// Panics of a stack with a defect are results, and told as such.
pub(super) fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// Puts the block between the marks of a file, or says that another stands there.
pub(super) fn document(
    path: &Path,
    block: &str,
    marks: report::zoo::Marks,
    check: bool,
    command: &str,
) -> Result<Option<String>, String> {
    let shown = path.display();
    let text =
        fs::read_to_string(path).map_err(|problem| format!("cannot read {shown}: {problem}"))?;
    let new = report::zoo::inserted(&text, block, marks)
        .ok_or_else(|| format!("{shown} has no lines `{}` and `{}`", marks.begin, marks.end))?;
    if new == text {
        return Ok(None);
    }
    if check {
        return Ok(Some(format!(
            "{shown} shows another table; write it anew: cargo run --release -p tcpdrill --features mutants -- {command} {shown}"
        )));
    }
    files::write(path, new.as_bytes())?;
    Ok(None)
}
