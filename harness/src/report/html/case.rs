//! The page of one result: what was judged, what was found, the rules, the ladder, the script.

use std::fmt::Write as _;

use maud::{Markup, html};

use crate::report::page::{self, Style};
use crate::report::{evidence, ladder, plain};
use crate::suite::Case;
use crate::verdict::{CaseResult, Verdict};

use super::{HtmlRun, STYLE_FILE, address, has_page, script};

/// The whole page.
pub(super) fn page(run: &HtmlRun<'_>, case: &Case, result: &CaseResult) -> String {
    let here = address::page(result);
    let header = case.header();
    let failure = evidence::failure(&result.verdict);
    let body = html! {
        nav { a href=(address::link(&here, "index.html")) { "← all cases and rules" } }
        p class="lead" { (plain::line(&header.title.unwrap_or_default())) }
        p {
            span class={ "verdict " (result.verdict.name()) } { (words(&result.verdict)) }
            " on " (result.target) ", " (result.ip_version.to_string())
            (families(run, result, &here))
        }
        @if let Some(why) = &header.why { p class="quiet" { (plain::line(why)) } }
        @if !result.message.is_empty() {
            h2 { "What was found" }
            pre class="scroll" tabindex="0" role="region" aria-label="what was found" {
                (plain::lines(&result.message))
            }
        }
        (rules(run, result, &here))
        (exchange(case, result, &here))
        h2 { "The script" }
        p class="quiet" { (plain::line(case.source().name())) }
        (script::script(case.source(), failure))
    };
    let style = address::link(&here, STYLE_FILE);
    page::page(&plain::line(&result.case), Style::At(&style), &body)
}

/// The verdict as people say it.
pub(super) fn words(verdict: &Verdict) -> String {
    verdict.name().replace('_', " ")
}

/// The same case on the other families.
fn families(run: &HtmlRun<'_>, result: &CaseResult, here: &str) -> Markup {
    let others = run
        .results
        .iter()
        .filter(|other| other.case == result.case && other.ip_version != result.ip_version)
        .filter(|other| has_page(other));
    let others: Vec<&CaseResult> = others.collect();
    html! {
        @for other in others {
            ", " a href=(address::link(here, &address::page(other))) {
                (other.ip_version.to_string()) ": " (words(&other.verdict))
            }
        }
    }
}

/// The rules that the case shows, in our words.
fn rules(run: &HtmlRun<'_>, result: &CaseResult, here: &str) -> Markup {
    let index = address::link(here, "index.html");
    html! {
        @if !result.covers.is_empty() {
            h2 { "The rules" }
            dl {
                @for id in &result.covers {
                    @match run.catalogue.get(id) {
                        Some(rule) => {
                            dt { a href={ (index) "#" (rule.id) } { (rule.id) } " " span class="quiet" { (rule.level) ", " (rule.source) } }
                            dd { (rule.summary) }
                        },
                        None => {
                            dt { (plain::line(id)) }
                            dd class="quiet" { "The catalogue has no such rule." }
                        }
                    }
                }
            }
        }
    }
}

/// What happened: the diagram, the same as text, and the capture.
fn exchange(case: &Case, result: &CaseResult, here: &str) -> Markup {
    let Some(diagram) = ladder::ladder(result, case.source()) else {
        return html! { p class="quiet" { "Nothing was sent or called." } };
    };
    let capture = address::link(here, &address::capture(result));
    let packets = result.trace.packets().count();
    html! {
        h2 { "What happened" }
        p {
            a href=(capture) download { "Capture (pcapng)" } ": " (packets)
            " packets, each with the script’s line and what became of it as a comment. "
            "Sequence numbers count from each side’s SYN."
        }
        figure class="scroll" tabindex="0" role="region" aria-label="ladder diagram" { (diagram) }
        details {
            summary { "The same as text" }
            pre class="scroll" tabindex="0" role="region" aria-label="the trace as text" { (text(case, result)) }
        }
    }
}

/// The trace, a line each; of a long one the middle is left out.
fn text(case: &Case, result: &CaseResult) -> String {
    /// Lines kept at each end.
    const ENDS: usize = 500;
    let lines: Vec<String> = evidence::shown(result, case.source())
        .map(|shown| {
            let line = shown
                .line
                .map_or(String::new(), |line| format!("line {line}"));
            let text = plain::line(&shown.entry.text);
            let marks: Vec<String> = shown
                .differences
                .iter()
                .map(|one| format!("   ≠ {}", plain::line(&one.to_string())))
                .collect();
            let at = shown.entry.at.to_string();
            format!("{at:>12}  {line:<9} {text}{}", marks.concat())
        })
        .collect();
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        if place < ENDS || place + ENDS >= lines.len() {
            let _ = writeln!(text, "{line}");
        } else if place == ENDS {
            let left_out = lines.len() - 2 * ENDS;
            let _ = writeln!(text, "{:>12}  {left_out} lines left out", "…");
        }
    }
    text
}
