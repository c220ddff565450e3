//! Initial sequence numbers (RFC 9293 §3.4.1, RFC 6528 §3): many of them look drawn at random, and those of one
//! 4-tuple run with a clock.

use super::{Oracle, Violation};
use crate::fuzz::input::Call;
use crate::fuzz::packet::{self, ACK, RST, SYN};
use crate::fuzz::segment::{self, Ends, Segment};
use crate::fuzz::subject::{Micros, Subject};
use crate::probe::isn_findings;

/// The bounds of the tests are made for so many.
const SAMPLES: u16 = 4_096;
/// Times between SYNs of one 4-tuple.
const GAPS: [Micros; 4] = [10_000, 100_000, 1_000_000, 7_000_000];
/// The peer's ISN.
const ISS: u32 = 1_000;

/// Takes the census of a subject just switched on, which listens afterwards. `tick`: microseconds of the ISN's clock,
/// if it is known.
///
/// # Errors
/// What is wrong with its numbers.
pub fn census<S: Subject>(
    subject: &mut S,
    ends: Ends,
    tick: Option<Micros>,
) -> Result<(), Violation> {
    subject.call(Call::Listen, &[], &mut Vec::new());
    let mut sample = Vec::with_capacity(SAMPLES.into());
    for number in 0..SAMPLES {
        let mut ends = ends;
        ends.peer.1 = 10_000 + number;
        sample.push(isn(subject, ends)?);
    }
    let findings = isn_findings(&sample);
    if let Some(finding) = findings.iter().find(|finding| !finding.passed) {
        let message = format!(
            "ISNs are not random by {}: {}, and {} is expected",
            finding.test, finding.actual, finding.expected
        );
        return Err(violation(&["RFC9293-MUST-9", "RFC6528-1"], message));
    }
    match tick {
        Some(tick) => clock(subject, ends, tick),
        None => Ok(()),
    }
}

/// The same SYN again after each gap.
fn clock<S: Subject>(subject: &mut S, ends: Ends, tick: Micros) -> Result<(), Violation> {
    let mut last = isn(subject, ends)?;
    for gap in GAPS {
        subject.advance(subject.now() + gap);
        drain(subject);
        let next = isn(subject, ends)?;
        let growth = next.wrapping_sub(last);
        // Both may have been made anywhere in their tick; a gap is less than once round.
        let expected = (gap / tick) as u32;
        if growth.wrapping_sub(expected).wrapping_add(2) > 4 {
            let message = format!(
                "the ISNs of one 4-tuple follow no clock: {growth} more after {gap} us, and a tick is {tick} us"
            );
            return Err(violation(&["RFC9293-MUST-8", "RFC6528-4"], message));
        }
        last = next;
    }
    Ok(())
}

/// The number of the SYN-ACK that this SYN draws; the connection is reset at once.
fn isn<S: Subject>(subject: &mut S, ends: Ends) -> Result<u32, Violation> {
    let mut datagram = Vec::new();
    let syn = Segment {
        seq: ISS,
        flags: SYN,
        window: 20_000,
        ..Segment::default()
    };
    segment::write(&syn, &ends, &mut datagram);
    subject.receive(&datagram);
    let number = match subject.next_packet(&mut datagram) {
        true => {
            let packet = packet::read(&datagram)
                .map_err(|why| Violation::of(Oracle::Outgoing, why.to_string()))?;
            let is_syn_ack = packet.flags & (SYN | ACK) == SYN | ACK;
            is_syn_ack.then_some(packet.seq)
        }
        false => None,
    };
    let Some(number) = number else {
        let message = "a SYN to a listener is not answered with a SYN-ACK".to_owned();
        return Err(Violation::of_rules(
            Oracle::Specification,
            &["RFC9293-SM-10"],
            message,
        ));
    };
    let reset = Segment {
        seq: ISS + 1,
        flags: RST,
        ..Segment::default()
    };
    segment::write(&reset, &ends, &mut datagram);
    subject.receive(&datagram);
    drain(subject);
    Ok(number)
}

fn drain<S: Subject>(subject: &mut S) {
    let mut datagram = Vec::new();
    while subject.next_packet(&mut datagram) {}
}

fn violation(rules: &[&'static str], message: String) -> Violation {
    Violation::of_rules(Oracle::Isn, rules, message)
}
