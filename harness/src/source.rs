//! Script files as text, and places in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A range of bytes in a [`Source`], half open.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just past the last byte.
    pub end: usize,
}

impl Span {
    /// The bytes from `start` up to, not including, `end`.
    pub const fn new(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The smallest span that holds both.
    pub fn to(self, other: Span) -> Span {
        Span {
            start: self.start.min(other.start),
            end: self.end.max(other.end),
        }
    }
}

/// A value and where in the script it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub node: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins a value with its place.
    pub const fn new(node: T, span: Span) -> Spanned<T> {
        Spanned { node, span }
    }
}

/// One script file: its name as shown to people, its text, and where its lines start.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Source {
    inner: Arc<Inner>,
}

/// A script file in a message.
#[derive(Serialize, Deserialize)]
struct Written {
    name: String,
    text: String,
}

impl From<Written> for Source {
    fn from(written: Written) -> Source {
        Source::new(written.name, written.text)
    }
}

impl From<Source> for Written {
    fn from(source: Source) -> Written {
        Written {
            name: source.name().to_owned(),
            text: source.text().to_owned(),
        }
    }
}

#[derive(Debug)]
struct Inner {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

impl Source {
    /// Takes a file's text. `name` is what messages call it.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Source {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        Source {
            inner: Arc::new(Inner {
                name: name.into(),
                text,
                line_starts,
            }),
        }
    }

    /// What messages call this file.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// The 1-based line that holds byte `offset` (the last line if beyond the end).
    pub fn line_of(&self, offset: usize) -> usize {
        self.inner
            .line_starts
            .partition_point(|&start| start <= offset)
            .max(1)
    }

    /// 1-based line and column (in characters) of byte `offset`.
    pub fn line_column(&self, offset: usize) -> (usize, usize) {
        let line = self.line_of(offset);
        let start = self.inner.line_starts[line - 1];
        let end = offset.min(self.text().len());
        let column = self
            .text()
            .get(start..end)
            .map_or(0, |before| before.chars().count());
        (line, column + 1)
    }

    /// The bytes of 1-based `line` with its line end; the end of the file if there is no such line.
    pub fn line_span(&self, line: usize) -> Span {
        let starts = &self.inner.line_starts;
        let start = |line: usize| starts.get(line).copied().unwrap_or(self.text().len());
        let index = line.max(1) - 1;
        Span::new(start(index), start(index + 1))
    }

    /// The text of 1-based `line`, without its line end; empty if there is no such line.
    pub fn line_text(&self, line: usize) -> &str {
        let starts = &self.inner.line_starts;
        let Some(&start) = line.checked_sub(1).and_then(|index| starts.get(index)) else {
            return "";
        };
        let end = starts.get(line).copied().unwrap_or(self.text().len());
        self.text()[start..end].trim_end_matches(['\n', '\r'])
    }

    /// The text a span covers; empty if the span does not lie in the file.
    pub fn slice(&self, span: Span) -> &str {
        self.text().get(span.start..span.end).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(0, (1, 1))]
    #[case(2, (1, 3))]
    #[case(3, (2, 1))]
    #[case(7, (3, 1))]
    #[case(99, (3, 2))]
    fn offsets_become_lines_and_columns(#[case] offset: usize, #[case] want: (usize, usize)) {
        assert_eq!(Source::new("x", "ab\nüc\nd").line_column(offset), want);
    }

    #[test]
    fn line_text_leaves_out_the_line_end() {
        let source = Source::new("x", "ab\r\ncd");
        assert_eq!(source.line_text(1), "ab");
        assert_eq!(source.line_text(2), "cd");
        assert_eq!(source.line_text(3), "");
    }
}
