//! The ladder diagram of a case: time runs downwards between the peer and the stack under test, each
//! packet is an arrow with its fields, calls and script lines stand beside, and what differs is marked.

mod layout;
mod pieces;
mod row;
#[cfg(test)]
mod tests;

use maud::{Markup, html};

use crate::source::Source;
use crate::verdict::{CaseResult, Difference};

use super::plain;
use layout::{BESIDE, BESIDE_STACK, LINE, OVER_ARROW, PEER, STACK, TIMES, WIDTH, flow, wrap};
use pieces::Piece;
use row::{EventRow, PacketRow, Row};

/// Height of the heads of the two lines.
const HEAD: u32 = 44;
/// Space between two rows.
const GAP: u32 = 8;

/// The diagram as one `svg` element; nothing if nothing happened.
pub(crate) fn ladder(result: &CaseResult, source: &Source) -> Option<Markup> {
    let rows = row::rows(result, source);
    if rows.is_empty() {
        return None;
    }
    let mut y = HEAD;
    let drawn: Vec<Markup> = rows
        .iter()
        .map(|row| {
            let (markup, height) = draw(row, y);
            y += height + GAP;
            markup
        })
        .collect();
    let bottom = y;
    let height = bottom + 4;
    Some(html! {
        svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img"
            aria-labelledby="ladder-title ladder-desc"
            viewBox={ "0 0 " (WIDTH) " " (height) } width=(WIDTH) height=(height) {
            title id="ladder-title" { "Packets and calls of " (plain::line(&result.case)) }
            desc id="ladder-desc" { (description(&rows, result)) }
            (heads(&result.target))
            line class="life" x1=(PEER) y1="36" x2=(PEER) y2=(bottom) {}
            line class="life" x1=(STACK) y1="36" x2=(STACK) y2=(bottom) {}
            @for markup in &drawn { (markup) }
        }
    })
}

/// In words what the picture shows, for those who do not see it.
fn description(rows: &[Row], result: &CaseResult) -> String {
    let packets = |from_stack: bool| {
        let wanted = |row: &&Row| match row {
            Row::Packet(packet) => packet.came && packet.from_stack == from_stack,
            Row::Pause(_) | Row::LeftOut { .. } | Row::Event(_) => false,
        };
        rows.iter().filter(wanted).count()
    };
    format!(
        "Time runs downwards. {} packets of the peer and {} of the stack are shown. Verdict: {}. \
         The same as text stands below the picture.",
        packets(false),
        packets(true),
        result.verdict.name().replace('_', " ")
    )
}

fn heads(target: &str) -> Markup {
    html! {
        text class="head" x=(PEER) y="14" text-anchor="middle" { "peer" }
        text class="quiet" x=(PEER) y="30" text-anchor="middle" { "tcpdrill" }
        text class="head" x=(STACK) y="14" text-anchor="middle" { "stack under test" }
        text class="quiet" x=(STACK) y="30" text-anchor="middle" { (target) }
        text class="head" x=(BESIDE + 80) y="14" { "calls, and the script’s lines" }
    }
}

/// A row whose upper edge is at `y`, and its height.
fn draw(row: &Row, y: u32) -> (Markup, u32) {
    match row {
        Row::Pause(length) => (
            html! { text class="quiet" x=(TIMES) y=(y + 10) text-anchor="end" { "⋮ " (length) } },
            LINE,
        ),
        Row::LeftOut { events, packets } => (left_out(*events, *packets, y), 2 * LINE),
        Row::Packet(packet) => draw_packet(packet, y),
        Row::Event(event) => draw_event(event, y),
    }
}

fn left_out(events: usize, packets: usize, y: u32) -> Markup {
    html! {
        rect class="cut" x=(PEER) y=(y) width=(STACK - PEER) height=(2 * LINE) {}
        text class="quiet" x=((PEER + STACK) / 2) y=(y + 21) text-anchor="middle" {
            (events) " events left out, " (packets) " of them packets"
        }
    }
}

/// Time and line number, in the left margin.
fn margin(at: &str, line: Option<usize>, late: bool, y: u32) -> Markup {
    html! {
        text class=[late.then_some("bad")] x=(TIMES) y=(y) text-anchor="end" { (at) }
        @if let Some(line) = line {
            text class="quiet" x=(TIMES) y=(y + LINE) text-anchor="end" { "line " (line) }
        }
    }
}

fn draw_packet(packet: &PacketRow, y: u32) -> (Markup, u32) {
    let labels = flow(&packet.pieces, OVER_ARROW);
    let complaints = complaints(&packet.differences, OVER_ARROW);
    let beside = wrap(&packet.written, BESIDE_STACK);
    let first = y + 12;
    let arrow = y + lines(labels.len()) + 4;
    let below = arrow + 17;
    let is_bad = !packet.differences.is_empty();
    let is_late = packet.differences.iter().any(|one| one.field == "time");
    let side = match packet.came {
        true => packet.at.clone(),
        false => "never".to_string(),
    };
    let (from, to) = match packet.from_stack {
        true => (STACK, PEER),
        false => (PEER, STACK),
    };
    let class = match (is_bad, packet.came) {
        (true, false) => "arrow bad none",
        (true, true) => "arrow bad",
        (false, _) => "arrow",
    };
    let markup = html! {
        (margin(&side, packet.line, is_late || !packet.came, first))
        @for (number, label) in labels.iter().enumerate() {
            text x=(PEER + 12) y=(first + lines(number)) { (fields(label, packet)) }
        }
        path class=(class) d=(arrow_path(from, to, arrow)) {}
        @for (number, text) in complaints.iter().enumerate() {
            text class="bad" x=(PEER + 12) y=(below + lines(number)) { (text) }
        }
        @for (number, text) in beside.iter().enumerate() {
            text class=(if is_bad { "bad" } else { "quiet" }) x=(BESIDE) y=(first + lines(number)) { (text) }
        }
    };
    let left = lines(labels.len()) + 10 + lines(complaints.len());
    (markup, left.max(lines(beside.len())).max(lines(2)))
}

/// The label of an arrow, field by field.
fn fields(label: &[Piece], packet: &PacketRow) -> Markup {
    let differs = |piece: &Piece| {
        let named = |one: &Difference| piece.field.is_named(one.field);
        !packet.came || packet.differences.iter().any(named)
    };
    html! {
        @for (number, piece) in label.iter().enumerate() {
            @if number > 0 { " " }
            @if differs(piece) {
                tspan class="bad" { (piece.text) }
            } @else {
                (piece.text)
            }
        }
    }
}

/// A line with a head: `M108 60H572M564 56L572 60L564 64`.
fn arrow_path(from: u32, to: u32, y: u32) -> String {
    let back = if to > from { to - 9 } else { to + 9 };
    let (up, down) = (y - 4, y + 4);
    format!("M{from} {y}H{to}M{back} {up}L{to} {y}L{back} {down}")
}

fn draw_event(event: &EventRow, y: u32) -> (Markup, u32) {
    let is_bad = !event.differences.is_empty();
    let shown = wrap(&event.text, BESIDE_STACK);
    let written = match event.written.is_empty() || !event.is_call {
        true => Vec::new(),
        false => wrap(&event.written, BESIDE_STACK),
    };
    let complaints = complaints(&event.differences, BESIDE_STACK);
    let first = y + 12;
    let class = match (is_bad, event.is_call) {
        (true, _) => "bad",
        (false, true) => "call",
        (false, false) => "quiet",
    };
    let all = shown.iter().map(|text| (class, text));
    let all = all
        .chain(written.iter().map(|text| ("quiet", text)))
        .chain(complaints.iter().map(|text| ("bad", text)));
    let markup = html! {
        (margin(&event.at, event.line, is_bad, first))
        circle class=(class) cx=(STACK) cy=(y + 8) r="4" {}
        @for (number, (class, text)) in all.enumerate() {
            text class=(class) x=(BESIDE) y=(first + lines(number)) { (text) }
        }
    };
    let count = shown.len() + written.len() + complaints.len();
    (markup, lines(count.max(2)))
}

/// A line or more for each difference.
fn complaints(differences: &[Difference], width: usize) -> Vec<String> {
    let told = |one: &Difference| {
        let text = match one.field {
            "missing" => "this packet did not come".to_string(),
            "surplus" => "no line of the script takes this packet".to_string(),
            _ => plain::line(&one.to_string()),
        };
        wrap(&format!("≠ {text}"), width)
    };
    differences.iter().flat_map(told).collect()
}

/// The height of so many lines of text.
fn lines(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX / 64) * LINE
}
