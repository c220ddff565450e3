//! A run as a folder of pages: an index with the rules and the cases, and for each result a page with
//! its ladder diagram and its capture. Static; the same results make the same bytes.

mod address;
mod case;
mod index;
mod script;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::catalogue::Catalogue;
use crate::family;
use crate::report::{Results, Summary};
use crate::suite::Case;
use crate::verdict::{CaseResult, Verdict};

use super::page::STYLE;

/// What the pages are made of.
#[derive(Clone, Copy, Debug)]
pub struct HtmlRun<'a> {
    /// What the target is, in a line.
    pub description: &'a str,
    /// Every result, in the suite's order.
    pub results: &'a [CaseResult],
    /// How many of which verdict.
    pub summary: Summary,
    /// The cases that were run.
    pub cases: &'a [&'a Case],
    /// The rules.
    pub catalogue: &'a Catalogue,
    /// Results of other runs, for the table of rules.
    pub others: &'a [Results],
}

/// One file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HtmlFile {
    /// Where it stands in the folder; never outside.
    pub path: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Whether a result has a page. Generated cases are thousands: of those only what did not come out as
/// written has one.
fn has_page(result: &CaseResult) -> bool {
    let is_plain = matches!(result.verdict, Verdict::Pass | Verdict::Skip { .. });
    !is_plain || family::part(&result.case).is_none()
}

/// Every file of the folder, the index first.
pub fn files<'a>(run: &'a HtmlRun<'a>) -> impl Iterator<Item = HtmlFile> + 'a {
    let file = |path: &str, bytes: Vec<u8>| HtmlFile {
        path: path.to_string(),
        bytes,
    };
    let first = [
        file("index.html", index::page(run).into_bytes()),
        file(STYLE_FILE, STYLE.as_bytes().to_vec()),
    ];
    let sources: BTreeMap<&str, &'a Case> = run
        .cases
        .iter()
        .map(|case| (case.name.as_str(), *case))
        .collect();
    let of_result = move |result: &'a CaseResult| {
        let case = sources.get(result.case.as_str())?;
        let title = format!("tcpdrill {} on {}", result.case, result.target);
        let capture = super::pcapng::render(&title, case.source(), result);
        Some([
            file(
                &address::page(result),
                case::page(run, case, result).into_bytes(),
            ),
            file(&address::capture(result), capture),
        ])
    };
    first.into_iter().chain(
        run.results
            .iter()
            .filter(|result| has_page(result))
            .filter_map(of_result)
            .flatten(),
    )
}

/// Where the colours and forms stand.
const STYLE_FILE: &str = "style.css";
