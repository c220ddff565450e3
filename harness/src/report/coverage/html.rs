//! Coverage as a page: rule by rule, with its code, its cases and what each target does.

use maud::{Markup, html};

use crate::coverage::{Coverage, Row};
use crate::family;
use crate::report::page::{Style, page};
use crate::report::plain;
use crate::report::rule::folded;

/// The address of a case's page, if it has one.
pub(crate) type Link<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The whole page.
pub fn html(coverage: &Coverage<'_>) -> String {
    let open = coverage.open().count();
    let excepted = coverage
        .rows
        .iter()
        .filter(|row| row.is_exception())
        .count();
    let body = html! {
        p {
            (coverage.rows.len()) " rules; " (open) " that a case could show and none does; "
            (excepted) " excepted for a reason."
        }
        @if !coverage.strangers.is_empty() {
            h2 { "Unknown ids" }
            ul {
                @for stranger in &coverage.strangers {
                    li { code { (stranger.id) } " in " code { (stranger.case) } }
                }
            }
        }
        @for (document, rows) in documents(coverage.rows.iter()) {
            h2 id=(document) { (document) }
            (table(coverage, document, &rows, &|_| None))
        }
    };
    page("Rules, cases and verdicts", Style::Inside, &body)
}

/// The rows of each document, in the order of the catalogue.
pub(crate) fn documents<'c, 'a>(
    rows: impl Iterator<Item = &'c Row<'a>>,
) -> Vec<(&'a str, Vec<&'c Row<'a>>)>
where
    'a: 'c,
{
    let mut documents: Vec<(&str, Vec<&Row<'_>>)> = Vec::new();
    for row in rows {
        match documents.last_mut() {
            Some((document, rows)) if *document == row.document => rows.push(row),
            _ => documents.push((row.document, vec![row])),
        }
    }
    documents
}

/// A row a rule: what it says, where it is implemented, its cases, and what each target does.
pub(crate) fn table(
    coverage: &Coverage<'_>,
    document: &str,
    rows: &[&Row<'_>],
    link: Link<'_>,
) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label={ "rules of " (document) } {
            table {
                thead {
                    tr {
                        th { "rule" } th { "level" } th { "in our words" } th { "code" } th { "cases" }
                        @for target in &coverage.targets { th { (plain::line(target)) } }
                    }
                }
                tbody { @for row in rows { (line(row, link)) } }
            }
        }
    }
}

fn line(row: &Row<'_>, link: Link<'_>) -> Markup {
    let rule = row.requirement;
    html! {
        tr id=(rule.id) {
            td class="id" { a href={ "#" (rule.id) } { (rule.id) } }
            td class="id" { (rule.level) }
            td class="words" {
                (rule.summary)
                div class="quiet" { (rule.source) @if !rule.verified { ", not yet held against the text" } }
                @if !rule.note.is_empty() { div class="quiet" { (rule.note) } }
            }
            td { (places(row.code)) }
            td { (cases(row, link)) }
            @for standing in &row.standings {
                td class=(standing.name().to_lowercase()) { (standing.name()) }
            }
        }
    }
}

fn places(code: &[String]) -> Markup {
    html! {
        @if !code.is_empty() {
            details {
                summary { (code.len()) }
                ul { @for place in code { li { code { (place) } } } }
            }
        }
    }
}

fn cases(row: &Row<'_>, link: Link<'_>) -> Markup {
    let rule = row.requirement;
    html! {
        @if !row.cases.is_empty() {
            details {
                summary { (row.cases.len()) }
                ul {
                    @for case in row.cases.iter().filter(|case| family::part(case).is_none()) {
                        li { (named(case, link)) }
                    }
                    @for (part, cases) in folded(&row.cases) {
                        li { code { (part) "/…" } " " (cases.len()) " generated" }
                    }
                }
            }
        } @else if row.is_open() {
            span class="open" { "open" }
        } @else if row.is_exception() {
            span class="excepted" { "excepted: " (rule.exception) }
        } @else {
            span class="quiet" { "nothing outside shows it" }
        }
    }
}

/// A case's name, and the way to its page.
fn named(case: &str, link: Link<'_>) -> Markup {
    let name = plain::line(case);
    html! {
        @match link(case) {
            Some(address) => a href=(address) { code { (name) } },
            None => code { (name) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::tests::sample;

    #[test]
    fn markup_in_a_rule_is_text() {
        let page = sample(html);
        assert!(page.contains("a &lt;b&gt;note&lt;/b&gt;"));
        assert!(!page.contains("<b>"));
    }
}
