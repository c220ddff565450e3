//! The rows of a ladder diagram: a trace, with what is too long cut out of its middle.

use crate::report::evidence::{self, Shown};
use crate::report::plain;
use crate::source::Source;
use crate::time::Time;
use crate::trace::TraceEvent;
use crate::verdict::{CaseResult, Difference};

use super::pieces::{Piece, pieces};

/// More events than this are cut.
const MOST: usize = 140;
/// Events kept at the front and at the end of a trace that is cut.
const ENDS: usize = 50;
/// Events kept on each side of what differs.
const AROUND: usize = 10;
/// Less time than this between two events goes without a mark.
const PAUSE: i64 = 100_000;

/// One row.
pub(super) enum Row {
    /// So much time passes.
    Pause(String),
    /// So many events are left out, so many of them packets.
    LeftOut { events: usize, packets: usize },
    /// A packet on its way.
    Packet(PacketRow),
    /// Something at the stack's side: a call, a command, a note.
    Event(EventRow),
}

/// A packet.
pub(super) struct PacketRow {
    pub(super) at: String,
    pub(super) line: Option<usize>,
    /// Whether the stack sent it.
    pub(super) from_stack: bool,
    /// Whether it came at all.
    pub(super) came: bool,
    pub(super) pieces: Vec<Piece>,
    /// The script's line.
    pub(super) written: String,
    pub(super) differences: Vec<Difference>,
}

/// Something that is no packet.
pub(super) struct EventRow {
    pub(super) at: String,
    pub(super) line: Option<usize>,
    pub(super) text: String,
    /// Whether it is a call.
    pub(super) is_call: bool,
    pub(super) written: String,
    pub(super) differences: Vec<Difference>,
}

/// All rows of a result, oldest first.
pub(super) fn rows(result: &CaseResult, source: &Source) -> Vec<Row> {
    let all: Vec<Shown<'_>> = evidence::shown(result, source).collect();
    let mut rows = Vec::new();
    let mut before: Option<Time> = None;
    let mut left_out = (0, 0);
    for (place, shown) in all.iter().enumerate() {
        if !is_kept(place, &all) {
            left_out.0 += 1;
            left_out.1 += usize::from(is_packet(shown));
            continue;
        }
        if left_out.0 > 0 {
            let (events, packets) = std::mem::take(&mut left_out);
            rows.push(Row::LeftOut { events, packets });
        } else if let Some(before) = before {
            rows.extend(pause(before, shown.entry.at));
        }
        before = Some(shown.entry.at);
        let mut row = row(shown, source);
        if let (Row::Packet(packet), Some(Row::Packet(last))) = (&mut row, rows.last())
            && packet.line == last.line
            && packet.differences.is_empty()
        {
            // Of several pieces that a line takes as one, the first has its text.
            packet.written.clear();
        }
        rows.push(row);
    }
    rows.extend(outstanding(result, source, &all));
    rows
}

fn is_kept(place: usize, all: &[Shown<'_>]) -> bool {
    let near = all.len() <= MOST || place < ENDS || place + ENDS >= all.len();
    let (from, to) = (
        place.saturating_sub(AROUND),
        (place + AROUND + 1).min(all.len()),
    );
    near || all[from..to]
        .iter()
        .any(|shown| !shown.differences.is_empty())
}

fn is_packet(shown: &Shown<'_>) -> bool {
    matches!(
        shown.entry.what,
        TraceEvent::Injected(_) | TraceEvent::Sent(_)
    )
}

fn pause(before: Time, at: Time) -> Option<Row> {
    let micros = at.micros_since(before);
    let length = Time::from_micros(micros).to_string();
    // Seconds without the zeros behind them: 0.1, 12.
    let length = length.trim_end_matches('0').trim_end_matches('.');
    (micros >= PAUSE).then(|| Row::Pause(format!("{length} s")))
}

fn row(shown: &Shown<'_>, source: &Source) -> Row {
    let entry = shown.entry;
    let at = entry.at.to_string();
    let written = entry
        .span
        .map_or(String::new(), |span| one_line(source.slice(span)));
    let text = plain::line(&entry.text);
    let (line, differences) = (shown.line, shown.differences.to_vec());
    match &entry.what {
        TraceEvent::Injected(_) | TraceEvent::Sent(_) => Row::Packet(PacketRow {
            at,
            line,
            from_stack: matches!(entry.what, TraceEvent::Sent(_)),
            came: true,
            pieces: pieces(&text),
            written,
            differences,
        }),
        TraceEvent::Call | TraceEvent::Note | TraceEvent::Printed => Row::Event(EventRow {
            at,
            line,
            text,
            is_call: entry.what == TraceEvent::Call,
            written,
            differences,
        }),
    }
}

/// What differs and is nothing that happened: a packet that did not come, a probe's findings.
fn outstanding(result: &CaseResult, source: &Source, all: &[Shown<'_>]) -> Option<Row> {
    let failure = evidence::failure(&result.verdict)?;
    if all.iter().any(|shown| !shown.differences.is_empty()) {
        return None;
    }
    let line = failure.span.map(|span| source.line_of(span.start));
    let written = failure
        .span
        .map_or(String::new(), |span| one_line(source.slice(span)));
    let missing = failure
        .differences
        .iter()
        .find(|one| one.field == "missing");
    let differences = failure.differences.clone();
    let at = String::new();
    Some(match missing {
        Some(missing) => Row::Packet(PacketRow {
            at,
            line,
            from_stack: true,
            came: false,
            pieces: pieces(&plain::line(&missing.expected)),
            written,
            differences,
        }),
        None => Row::Event(EventRow {
            at,
            line,
            text: plain::line(&failure.message),
            is_call: false,
            written,
            differences,
        }),
    })
}

/// A script's line, or several, with single blanks.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    plain::line(&words.join(" "))
}
