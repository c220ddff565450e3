//! The first page: totals, a table by area, the cases by verdict, and the rules by target.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::coverage::{Coverage, Row};
use crate::family;
use crate::report::coverage::html::{documents, table};
use crate::report::page::{self, Style};
use crate::report::{Results, plain};
use crate::suite::Case;
use crate::verdict::{CaseResult, Verdict};

use super::{HtmlRun, STYLE_FILE, address, has_page};

/// Where the page stands.
const HERE: &str = "index.html";

/// The verdicts, those that need a look first: their names, and what they mean.
const VERDICTS: [(&str, &str); 7] = [
    ("fail", "The stack did something else than the script says."),
    (
        "unexpected_pass",
        "Listed as a known deviation, but passes.",
    ),
    (
        "error",
        "The script, the machine or the harness is at fault.",
    ),
    (
        "perturbed",
        "The machine was too late in every attempt; nothing is said about the stack.",
    ),
    (
        "known_deviation",
        "Fails exactly as listed in the target’s known deviations.",
    ),
    ("skip", "Something that the case needs is missing here."),
    ("pass", "The stack did what the script says."),
];

/// The whole page.
pub(super) fn page(run: &HtmlRun<'_>) -> String {
    let target = run.results.first().map_or("", |result| &result.target);
    let results = Results::of(target, run.results);
    let runs: Vec<Results> = std::iter::once(results)
        .chain(run.others.iter().cloned())
        .collect();
    let covers: Vec<(&Case, Vec<String>)> = run
        .cases
        .iter()
        .map(|case| (*case, case.header().covers))
        .collect();
    let coverage = Coverage::new(run.catalogue, &covers, &runs);
    let body = html! {
        p class="lead" { (run.cases.len()) " cases on " (plain::line(run.description)) "." }
        (totals(run))
        @if run.summary.interrupted { p class="fail" { "A signal ended the run: results are missing." } }
        h2 id="areas" { "By area" }
        (areas(run))
        h2 id="cases" { "By verdict" }
        @for (name, meaning) in VERDICTS { (verdict(run, name, meaning)) }
        (matrix(run, &coverage))
    };
    page::page("tcpdrill report", Style::At(STYLE_FILE), &body)
}

fn count(run: &HtmlRun<'_>, verdict: &str) -> usize {
    let wanted = run.results.iter();
    wanted
        .filter(|result| result.verdict.name() == verdict)
        .count()
}

fn totals(run: &HtmlRun<'_>) -> Markup {
    let used = VERDICTS.iter().filter(|(name, _)| count(run, name) > 0);
    html! {
        ul class="totals" {
            @for (name, _) in used {
                li {
                    a class={ "verdict " (name) } href={ "#" (name) } {
                        strong { (count(run, name)) } " " (name.replace('_', " "))
                    }
                }
            }
        }
    }
}

/// How many of which verdict in each area.
fn areas(run: &HtmlRun<'_>) -> Markup {
    let mut areas: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for result in run.results {
        let folder = result.case.rsplit_once('/').map(|(area, _)| area);
        let area = family::of(&result.case).or(folder).unwrap_or("(top)");
        let counts = areas.entry(area).or_default();
        *counts.entry(result.verdict.name()).or_default() += 1;
    }
    let used: Vec<&str> = VERDICTS
        .iter()
        .rev()
        .map(|(name, _)| *name)
        .filter(|name| count(run, name) > 0)
        .collect();
    html! {
        div class="scroll" tabindex="0" role="region" aria-label="table of areas" {
            table class="areas" {
                thead { tr { th { "area" } @for name in &used { th class="number" { (name.replace('_', " ")) } } } }
                tbody {
                    @for (area, counts) in &areas {
                        tr {
                            td { (plain::line(area)) }
                            @for name in &used {
                                td class={ "number " (name) } {
                                    @if let Some(count) = counts.get(name) { (count) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The cases of one verdict. Those that passed are many and stay folded.
fn verdict(run: &HtmlRun<'_>, name: &str, meaning: &str) -> Markup {
    let of_it = || {
        let results = run.results.iter();
        results.filter(|result| result.verdict.name() == name)
    };
    let own = of_it().filter(|result| family::part(&result.case).is_none());
    let mut parts: BTreeMap<&str, Vec<&CaseResult>> = BTreeMap::new();
    for result in of_it() {
        if let Some(part) = family::part(&result.case) {
            parts.entry(part).or_default().push(result);
        }
    }
    let is_open = !matches!(name, "pass" | "skip");
    html! {
        @if count(run, name) > 0 {
            details id=(name) open[is_open] {
                summary {
                    span class={ "verdict " (name) } { (name.replace('_', " ")) }
                    " " (count(run, name)) " " span class="quiet" { (meaning) }
                }
                ul class="cases" {
                    @for (case, results) in by_case(own) { (entry(case, &results)) }
                    @for (part, results) in parts { li { (generated(part, &results)) } }
                }
            }
        }
    }
}

/// Results that follow one another, by their case.
fn by_case<'a>(
    results: impl Iterator<Item = &'a CaseResult>,
) -> Vec<(&'a str, Vec<&'a CaseResult>)> {
    let mut cases: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
    for result in results {
        match cases.last_mut() {
            Some((case, results)) if *case == result.case => results.push(result),
            _ => cases.push((&result.case, vec![result])),
        }
    }
    cases
}

/// The generated cases of a part of a family: how many, and those that have pages.
fn generated(part: &str, results: &[&CaseResult]) -> Markup {
    let head = html! { code { (plain::line(part)) "/…" } " " (results.len()) " results of generated cases" };
    let paged = results.iter().copied().filter(|result| has_page(result));
    let paged = by_case(paged);
    html! {
        @if paged.is_empty() {
            (head)
        } @else {
            details {
                summary { (head) }
                ul class="cases" { @for (case, results) in &paged { (entry(case, results)) } }
            }
        }
    }
}

/// A case, the way to each of its results, and why it is as it is.
fn entry(case: &str, results: &[&CaseResult]) -> Markup {
    let reason = results.first().map_or("", |result| match &result.verdict {
        Verdict::Pass => "",
        _ => result.message.lines().next().unwrap_or_default(),
    });
    html! {
        li {
            code { (plain::line(case)) }
            @for result in results {
                " " a href=(address::link(HERE, &address::page(result))) { (result.ip_version.to_string()) }
            }
            @if !reason.is_empty() { div class="quiet" { (plain::line(reason)) } }
        }
    }
}

/// The rules that the cases of this run show, with every target whose results are at hand.
fn matrix(run: &HtmlRun<'_>, coverage: &Coverage<'_>) -> Markup {
    let shown: Vec<&Row<'_>> = coverage
        .rows
        .iter()
        .filter(|row| !row.cases.is_empty())
        .collect();
    let pages: BTreeMap<&str, String> = run
        .results
        .iter()
        .rev()
        .filter(|result| has_page(result))
        .map(|result| {
            (
                result.case.as_str(),
                address::link(HERE, &address::page(result)),
            )
        })
        .collect();
    let link = |case: &str| pages.get(case).cloned();
    html! {
        @if !shown.is_empty() {
            h2 id="rules" { "Rules and targets" }
            p {
                "The " (shown.len()) " of " (coverage.rows.len())
                " rules of the catalogue that these cases show. A target agrees with a rule if every case that was judged "
                "passed, and departs from it if one fails as its known deviations list it."
            }
            @for (document, rows) in documents(shown.iter().copied()) {
                h3 { (document) }
                (table(coverage, document, &rows, &link))
            }
        }
        @if !coverage.strangers.is_empty() {
            h2 { "Unknown ids" }
            ul {
                @for stranger in &coverage.strangers {
                    li { code { (plain::line(stranger.id)) } " in " code { (plain::line(stranger.case)) } }
                }
            }
        }
    }
}
