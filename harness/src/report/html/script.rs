//! A script as part of a page: its lines numbered, the one that differs marked.

use std::ops::RangeInclusive;

use maud::{Markup, html};

use crate::report::plain;
use crate::source::Source;
use crate::verdict::Failure;

/// The text of a case's file. Each line can be linked to as `#L12`.
pub(super) fn script(source: &Source, failure: Option<&Failure>) -> Markup {
    let marked = failure.and_then(|failure| lines(source, failure));
    let is_marked = |line: usize| marked.as_ref().is_some_and(|lines| lines.contains(&line));
    html! {
        pre class="script scroll" tabindex="0" role="region" aria-label="the script" {
            @for (place, text) in source.text().lines().enumerate() {
                (line(place + 1, text, is_marked(place + 1)))
                "\n"
            }
        }
    }
}

fn line(number: usize, text: &str, is_marked: bool) -> Markup {
    html! {
        @if is_marked {
            mark id={ "L" (number) } { span class="number" { "≠ " (number) } (plain::lines(text)) }
        } @else {
            span id={ "L" (number) } { span class="number" { (number) } (plain::lines(text)) }
        }
    }
}

/// The lines that a failure is about.
fn lines(source: &Source, failure: &Failure) -> Option<RangeInclusive<usize>> {
    let span = failure.span?;
    let last = span.end.saturating_sub(1).max(span.start);
    Some(source.line_of(span.start)..=source.line_of(last))
}
