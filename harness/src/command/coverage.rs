//! `tcpdrill coverage`: which rules have code and cases, and what each target does about them.

use crate::catalogue::Catalogue;
use crate::cli::CoverageArgs;
use crate::coverage::Coverage;
use crate::exit::Exit;
use crate::report;
use crate::suite::{Case, Suite};

use super::{files, results};

/// Joins catalogue, code, cases and results, and writes what was asked for.
pub(super) fn coverage(args: &CoverageArgs) -> Exit {
    let catalogue = match Catalogue::bundled() {
        Ok(catalogue) => catalogue,
        Err(problem) => return super::refuse(&problem),
    };
    let suite = Suite::bundled();
    let cases: Vec<&Case> = suite.cases.iter().collect();
    let runs = match results::results(&args.results, &suite, &cases) {
        Ok(runs) => runs,
        Err(problem) => return super::refuse(&problem),
    };
    let covers: Vec<(&Case, Vec<String>)> = cases
        .into_iter()
        .map(|case| (case, case.header().covers))
        .collect();
    let coverage = Coverage::new(&catalogue, &covers, &runs);
    let output = files::output_beside(&[&args.json, &args.html]);
    output.say(&report::coverage::text(&coverage).trim_end());
    match write(args, &coverage) {
        Ok(()) => exit_of(&coverage, args.open_at_most),
        Err(problem) => super::refuse(&problem),
    }
}

/// The files that were asked for.
fn write(args: &CoverageArgs, coverage: &Coverage<'_>) -> Result<(), String> {
    if let Some(path) = &args.json {
        let text = report::coverage::json(coverage).map_err(|problem| problem.to_string())?;
        files::write(path, text.as_bytes())?;
    }
    if let Some(path) = &args.html {
        files::write(path, report::coverage::html::html(coverage).as_bytes())?;
    }
    Ok(())
}

fn exit_of(coverage: &Coverage<'_>, open_at_most: usize) -> Exit {
    let open = coverage.open().count();
    if open > open_at_most {
        let problem = format!("{open} rules are open, at most {open_at_most} may be");
        super::complain("error", &problem);
        return Exit::Unexpected;
    }
    match coverage.strangers.is_empty() {
        true => Exit::Success,
        false => Exit::Unexpected,
    }
}
