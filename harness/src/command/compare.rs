//! `tcpdrill compare`: what a target does about each claim of the documents and each MUST and SHOULD.

use crate::catalogue::Catalogue;
use crate::cli::CompareArgs;
use crate::comparison::Comparison;
use crate::exit::Exit;
use crate::report;
use crate::suite::{Case, Suite};

use super::{files, results};

/// Joins the catalogue with a run's results, and writes what was asked for.
pub(super) fn compare(args: &CompareArgs) -> Exit {
    match told(args) {
        Ok(()) => Exit::Success,
        Err(problem) => super::refuse(&problem),
    }
}

fn told(args: &CompareArgs) -> Result<(), String> {
    let run = results::read(&args.report)?;
    if run.target.name.is_empty() {
        let shown = args.report.display();
        return Err(format!(
            "{shown}: it does not say what was judged; make it again with this tcpdrill"
        ));
    }
    let catalogue = Catalogue::bundled().map_err(|problem| problem.to_string())?;
    let suite = Suite::bundled();
    let known = suite.known(&run.target.known);
    let known = known.map_err(|problem| problem.to_string())?;
    let known = known.on(run.target.kernel.as_deref());
    let covers: Vec<(&Case, Vec<String>)> = suite
        .cases
        .iter()
        .map(|case| (case, case.header().covers))
        .collect();
    let comparison = Comparison::new(&catalogue, &covers, &run, &known);
    let output = files::output_beside(&[&args.markdown]);
    output.say(&report::comparison::text(&comparison).trim_end());
    match &args.markdown {
        Some(path) => files::write(path, report::comparison::markdown(&comparison).as_bytes()),
        None => Ok(()),
    }
}
