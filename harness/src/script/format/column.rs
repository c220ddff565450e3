//! Where times stand.

use std::collections::BTreeMap;

use super::piece::{Piece, Role};

/// Where the time of an event stands on its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// At the left. A time without a sign is one blank in if there are times with one.
    Left {
        /// Whether there are.
        signs: bool,
    },
    /// With its end at this column; the first of two times counts.
    Right(usize),
}

impl Layout {
    /// The blanks before a time.
    pub(super) fn indent(self, time: &Time) -> usize {
        match self {
            Layout::Left { signs } => usize::from(signs && !time.has_sign),
            Layout::Right(column) => column.saturating_sub(time.width),
        }
    }
}

/// The time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// How many pieces it takes.
    pub(super) pieces: usize,
    /// Characters of it, or of the first of two.
    pub(super) width: usize,
    has_sign: bool,
}

/// The time that begins at the first of these pieces.
pub(super) fn time(pieces: &[Piece<'_>]) -> Time {
    let has_sign = pieces.first().is_some_and(|piece| {
        !piece
            .text
            .starts_with(|c: char| c.is_ascii_digit() || c == '.')
    });
    let point = |at: usize| {
        let is_signed = pieces.get(at).is_some_and(|piece| piece.is('+'));
        at + 1 + usize::from(is_signed)
    };
    let first = point(0).min(pieces.len());
    let width = pieces[..first]
        .iter()
        .map(|piece| piece.text.chars().count())
        .sum();
    let joined = pieces
        .get(first)
        .is_some_and(|piece| piece.is('~') || piece.text == "...");
    // `*` has no second point, and `* ...` begins a call of any name.
    let is_any = pieces.first().is_some_and(|piece| piece.is('*'));
    let all = if joined && !is_any {
        point(first + 1).min(pieces.len())
    } else {
        first
    };
    Time {
        pieces: all,
        width,
        has_sign,
    }
}

/// The layout that most events have already; the left one if none has more.
pub(super) fn choose(pieces: &[Piece<'_>]) -> Layout {
    /// As many columns as anybody tries; the rest of a file's is chance.
    const MOST: usize = 16;
    let mut events: Vec<(usize, Time)> = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        if piece.role == Role::Event && piece.is_first {
            events.push((piece.indent.chars().count(), time(&pieces[at..])));
        }
    }
    let is_signed = |(at, piece): (usize, &Piece<'_>)| {
        piece.role == Role::Event && time(&pieces[at..]).has_sign
    };
    let signs = pieces.iter().enumerate().any(is_signed);
    let left = Layout::Left { signs };
    let mut ends: BTreeMap<usize, usize> = BTreeMap::new();
    for (indent, time) in &events {
        *ends.entry(indent + time.width).or_default() += 1;
    }
    let mut columns: Vec<(usize, usize)> = ends.into_iter().collect();
    columns.sort_by_key(|&(column, count)| (std::cmp::Reverse(count), column));
    columns.truncate(MOST);
    let mut best = left;
    let mut most = fitting(&events, left);
    columns.sort_unstable();
    for (column, _) in columns {
        let layout = Layout::Right(column);
        let count = fitting(&events, layout);
        if count > most {
            (best, most) = (layout, count);
        }
    }
    best
}

fn fitting(events: &[(usize, Time)], layout: Layout) -> usize {
    let fits = |(indent, time): &&(usize, Time)| *indent == layout.indent(time);
    events.iter().filter(fits).count()
}
