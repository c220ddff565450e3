//! A case as the script that is run.

use super::combination::Combination;
use super::opening::{Lines, SOON};
use super::standing::{STACKS, judged, standing};
use crate::family::Written;
use crate::specification::{Facts, Outcome, Place, Reply, Segment, State};

/// The case of one combination: where stacks rightly differ, with a branch for each.
pub(super) fn case(combination: &Combination) -> Written {
    let mut lines = Lines::default();
    header(&mut lines.text, combination);
    lines.reach(combination.state);
    let branches = STACKS.map(|(condition, facts)| {
        let tag = match condition.is_empty() {
            true => String::new(),
            false => format!(" ({condition})"),
        };
        let plain = consequences(combination, facts, "");
        (condition, plain, consequences(combination, facts, &tag))
    });
    let (first, rest) = (&branches[0], &branches[1..]);
    let (_, otherwise, _) = &rest[rest.len() - 1];
    let alike = rest.iter().all(|(_, plain, _)| plain == otherwise);
    if alike && first.1 == *otherwise {
        lines.text.push_str(otherwise);
    } else {
        // The first stack is alone in its condition: where the others are alike, they need none.
        let others = if alike { &rest[rest.len() - 1..] } else { rest };
        let written = std::iter::once(first).chain(others);
        for (index, (condition, _, tagged)) in written.enumerate() {
            let line = match (index, condition.is_empty()) {
                (0, _) => format!("#if {condition}\n"),
                (_, false) => format!("#elif {condition}\n"),
                (_, true) => "#else\n".to_string(),
            };
            lines.text.push_str(&line);
            lines.text.push_str(tagged);
        }
        lines.text.push_str("#endif\n");
    }
    Written {
        name: combination.name(),
        text: lines.text,
    }
}

fn header(text: &mut String, combination: &Combination) {
    let segment = combination.segment(&standing(combination.state, Facts::RFC));
    let outcome = judged(combination.state, &segment, Facts::RFC);
    let rows = outcome.rows.iter();
    let mut rules: Vec<&str> = rows.clone().flat_map(|row| row.rules).copied().collect();
    rules.dedup();
    let mut places: Vec<&str> = rows.map(|row| row.place).collect();
    places.dedup();
    let (title, rules, places) = (combination.title(), rules.join(", "), places.join("; "));
    let reply = match outcome.reply {
        Reply::Nothing => "nothing is sent",
        Reply::Ack | Reply::AckSoon => "an ACK with our numbers is sent",
        Reply::Reset => "a RST is sent with the number that SEG.ACK names",
        Reply::ResetAck => "a RST with an ACK of the segment is sent",
        Reply::SynAck => "a SYN-ACK is sent",
        Reply::Abort => "a RST with our numbers is sent",
    };
    let state = outcome.state.title();
    text.push_str(&format!(
        "// title: {title}\n\
         // covers: {rules}\n\
         // why: RFC 9293, {places}: {reply}, and the state is {state}.\n\
         //   Computed from the table in harness/src/family/segment_state/table.rs.\n"
    ));
}

/// The segment, and what comes of it.
fn consequences(combination: &Combination, facts: Facts, tag: &str) -> String {
    let state = combination.state;
    let before = standing(state, facts);
    let segment = combination.segment(&before);
    let outcome = judged(state, &segment, facts);
    let mut lines = Lines {
        tag: tag.to_string(),
        ..Lines::default()
    };
    lines.now(&format!("< {}", segment.written()));
    reply(&mut lines, &before, &segment, &outcome);
    after(&mut lines, state, &outcome, facts);
    lines.text
}

/// What is sent at once.
fn reply(lines: &mut Lines, before: &Place, segment: &Segment, outcome: &Outcome) {
    let (seq, ack) = (before.snd_nxt, outcome.place.rcv_nxt);
    let acknowledgment = format!("> . {seq}:{seq}(0) ack {ack}");
    match outcome.reply {
        Reply::Nothing => {}
        Reply::Ack => lines.step("+0", &acknowledgment, "the answer"),
        Reply::AckSoon => lines.step(SOON, &acknowledgment, "the answer"),
        Reply::Reset => {
            let seq = segment.ack;
            lines.step("+0", &format!("> R {seq}:{seq}(0)"), "the answer");
        }
        Reply::ResetAck => {
            // Numbers of answers count from the SYN, if there was one.
            let base = if segment.flags.syn { 0 } else { segment.seq };
            let ack = base.wrapping_add(segment.seg_len());
            lines.step("+0", &format!("> R. 0:0(0) ack {ack}"), "the answer");
        }
        Reply::SynAck => {
            let ack = segment.seq.wrapping_add(1);
            lines.step("+0", &format!("> S. 0:0(0) ack {ack} <...>"), "the answer");
        }
        Reply::Abort => lines.step(
            "+0",
            &format!("> R. {seq}:{seq}(0) ack {ack}"),
            "the answer",
        ),
    }
}

const STATE: &str = "the state afterwards";
const PROBE: &str = "as it answers from there";

/// Shows the state that follows, and that nothing else was sent: by what the stack tells of it, and
/// by the answer to one more segment. Then the connection goes, so that it sends nothing later.
fn after(lines: &mut Lines, before: State, outcome: &Outcome, facts: Facts) {
    let Place {
        rcv_nxt,
        snd_una,
        snd_nxt,
        ..
    } = outcome.place;
    match outcome.state {
        State::Closed | State::Listen => {
            let had_socket = !matches!(before, State::Closed | State::Listen | State::SynReceived);
            if had_socket {
                let closed = "%{ assert tcpi_state == TCP_CLOSE, tcpi_state }%";
                lines.step("+0", closed, STATE);
            }
            lines.now(&format!("< . {rcv_nxt}:{rcv_nxt}(0) ack {snd_nxt} win 100"));
            lines.step("+0", &format!("> R {snd_nxt}:{snd_nxt}(0)"), PROBE);
            return;
        }
        State::SynSent => {
            let sent = "%{ assert tcpi_state == TCP_SYN_SENT, tcpi_state }%";
            lines.step("+0", sent, STATE);
            lines.now("< S. 0:0(0) ack 1 win 100 <mss 1000>");
            lines.step("+0", "> . 1:1(0) ack 1", PROBE);
            lines.step("+0", "< R 1:1(0) win 0", "the end");
            return;
        }
        State::SynReceived => {
            let none = "-1 EAGAIN (Resource temporarily unavailable)";
            lines.step("+0", &format!("accept(3, ..., ...) = {none}"), STATE);
        }
        state => {
            if before == State::SynReceived {
                lines.step("+0", "accept(3, ..., ...) = 4", "there it is");
            }
            let unacked = facts.tells_unacked.then_some(snd_una != snd_nxt);
            lines.step("+0", &assertion(state, unacked), STATE);
        }
    }
    if facts.answers_each_time || outcome.reply != Reply::Ack {
        probe(lines, outcome);
    }
    let end = format!("< R {rcv_nxt}:{rcv_nxt}(0) win 0");
    lines.step("+0", &end, "the end");
}

/// One more segment, whose answer shows the numbers.
fn probe(lines: &mut Lines, outcome: &Outcome) {
    let Place {
        rcv_nxt, snd_nxt, ..
    } = outcome.place;
    // Old text is answered by an ACK in all these states, however often.
    let old = rcv_nxt.wrapping_sub(20);
    let end = old.wrapping_add(10);
    lines.now(&format!("< P. {old}:{end}(10) ack {snd_nxt} win 100"));
    let answer = format!("> . {snd_nxt}:{snd_nxt}(0) ack {rcv_nxt}");
    lines.step("+0", &answer, PROBE);
}

/// What TCP_INFO must say. How many segments are on their way tells whether an acknowledgment was
/// taken.
fn assertion(state: State, unacked: Option<bool>) -> String {
    let unacked_now = u8::from(unacked.unwrap_or_default());
    let (what, must) = match state {
        State::Established if unacked.is_none() => ("tcpi_state", "== TCP_ESTABLISHED".to_string()),
        State::CloseWait if unacked.is_none() => ("tcpi_state", "== TCP_CLOSE_WAIT".to_string()),
        State::SynReceivedActive => ("tcpi_state", "== TCP_SYN_RECV".to_string()),
        State::FinWait1 => ("tcpi_state", "== TCP_FIN_WAIT1".to_string()),
        State::FinWait2 => ("tcpi_state", "== TCP_FIN_WAIT2".to_string()),
        State::Closing => ("tcpi_state", "== TCP_CLOSING".to_string()),
        State::LastAck => ("tcpi_state", "== TCP_LAST_ACK".to_string()),
        State::Established => (
            "(tcpi_state, tcpi_unacked)",
            format!("== (TCP_ESTABLISHED, {unacked_now})"),
        ),
        State::CloseWait => (
            "(tcpi_state, tcpi_unacked)",
            format!("== (TCP_CLOSE_WAIT, {unacked_now})"),
        ),
        // A kernel may have handed the connection on to something smaller than a socket.
        _ => ("tcpi_state", "in (TCP_TIME_WAIT, TCP_CLOSE)".to_string()),
    };
    format!("%{{ assert {what} {must}, {what} }}%")
}
