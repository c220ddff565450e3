//! Diagnostics as text for people.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Label, Severity};
use crate::source::Span;

/// Whether text carries terminal colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// Plain text.
    #[default]
    Never,
    /// With ANSI escape codes.
    Always,
}

/// One diagnostic: message, file, line and column, the place underlined, notes and help.
/// Ends without a line end.
pub fn render(diagnostic: &Diagnostic, color: Color) -> String {
    let text = diagnostic.source.text();
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let annotation = |kind: AnnotationKind, label: &Label| {
        let shown = (!label.text.is_empty()).then(|| clean(&label.text));
        kind.span(visible(text, label.span)).label(shown)
    };
    let snippet = Snippet::source(text)
        .path(clean(diagnostic.source.name()))
        .annotation(annotation(AnnotationKind::Primary, &diagnostic.primary))
        .annotations(
            diagnostic
                .secondary
                .iter()
                .map(|label| annotation(AnnotationKind::Context, label)),
        );
    let mut group = Group::with_title(
        level
            .primary_title(clean(&diagnostic.message))
            .id(diagnostic.code),
    )
    .element(snippet);
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(clean_lines(note)));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(clean(help)));
    }
    let renderer = match color {
        Color::Never => Renderer::plain(),
        Color::Always => Renderer::styled(),
    };
    renderer.render(&[group])
}

/// As many diagnostics of one file as somebody reads, each as text; the last line says how many
/// there are beyond them. Each rendering looks at the whole file.
pub fn render_first(diagnostics: &[Diagnostic], color: Color) -> Vec<String> {
    const MOST: usize = 100;
    let shown = diagnostics.iter().take(MOST);
    let mut lines: Vec<String> = shown.map(|one| render(one, color)).collect();
    if diagnostics.len() > MOST {
        let more = diagnostics.len() - MOST;
        lines.push(format!(
            "and {more} more mistakes in {}",
            diagnostics[0].source.name()
        ));
    }
    lines
}

/// Several diagnostics, an empty line between two of them; ends with a line end unless empty.
pub fn render_all(diagnostics: &[Diagnostic], color: Color) -> String {
    let shown: Vec<String> = diagnostics.iter().map(|one| render(one, color)).collect();
    match shown.is_empty() {
        true => String::new(),
        false => shown.join("\n\n") + "\n",
    }
}

/// A span cut to whole characters of the text, and never reaching past the last character.
fn visible(text: &str, span: Span) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Text that cannot disturb a terminal: control characters of a script are not passed on.
fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' => ' ',
            character if character.is_control() => '\u{fffd}',
            character => character,
        })
        .collect()
}

/// The same for text of several lines, such as a list of packets.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
