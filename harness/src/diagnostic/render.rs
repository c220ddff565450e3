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
/// Ends without a line end. Looks at no more of the file than it shows.
pub fn render(diagnostic: &Diagnostic, color: Color) -> String {
    let shown = window(diagnostic);
    let first_line = diagnostic.source.line_of(shown.start);
    let text = diagnostic.source.slice(shown);
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let annotation = |kind: AnnotationKind, label: &Label| {
        let words = (!label.text.is_empty()).then(|| clean(&label.text));
        kind.span(visible(text, label.span, shown.start))
            .label(words)
    };
    let snippet = Snippet::source(text)
        .line_start(first_line)
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
/// there are beyond them.
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

/// The whole lines from the first to the last that a diagnostic points at.
fn window(diagnostic: &Diagnostic) -> Span {
    let source = &diagnostic.source;
    let secondary = diagnostic.secondary.iter().map(|label| label.span);
    let all = secondary.fold(diagnostic.primary.span, |all, span| Span {
        start: all.start.min(span.start),
        end: all.end.max(span.end).max(span.start),
    });
    // The end of the file is the end of its last line, not another line.
    let end = source.text().len().saturating_sub(1);
    let line = |at: usize| source.line_span(source.line_of(at.min(end)));
    line(all.start).to(line(all.end.max(all.start)))
}

/// A span as a range of a text that starts at byte `from` of the file: cut to whole characters, and
/// never reaching past the last character.
fn visible(text: &str, span: Span, from: usize) -> Range<usize> {
    let floor = |at: usize| {
        let mut at = at.saturating_sub(from).min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Text that cannot disturb a terminal: control characters are shown as escapes.
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => shown.push(' '),
            character if character.is_control() => shown.extend(character.escape_debug()),
            character => shown.push(character),
        }
    }
    shown
}

/// The same for text of several lines, such as a list of packets.
fn clean_lines(text: &str) -> String {
    text.lines().map(clean).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
