//! Segments that have changed places on their way out of a live kernel.
//!
//! Two processors may send for one connection at a time, the one that makes a call and the one that takes
//! packets in, and a device without a queue lets the later segment pass. TCP itself sends new text in
//! order, so that the order of the numbers tells: text that was never seen before, and lies in front of text
//! that was seen a moment ago, has been overtaken. A script that fails then has not judged the stack.

use std::net::SocketAddr;
use std::time::Duration;

use crate::time::Time;
use crate::trace::Trace;
use crate::wire::{self, Transport};

/// What comes later than this has not been overtaken but held back, or was lost.
pub(super) const MOMENT: Duration = Duration::from_millis(1);

/// What is known of one direction of a connection.
struct Flow {
    ends: (SocketAddr, SocketAddr),
    /// The number behind the highest byte that was seen.
    next: u32,
    /// Numbers that were passed over: the first, the one behind the last, and when.
    holes: Vec<(u32, u32, Time)>,
}

/// `a` comes after `b` in the sequence space.
fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

impl Flow {
    /// A segment goes by; by how much it was overtaken, if it was.
    fn pass(&mut self, first: u32, end: u32, at: Time) -> Option<Duration> {
        if first == end {
            return None;
        }
        if after(first, self.next) {
            self.holes.push((self.next, first, at));
        }
        if after(end, self.next) {
            self.next = end;
            return None;
        }
        let filled = self
            .holes
            .iter()
            .position(|(from, to, _)| !after(*from, first) && !after(end, *to))?;
        let (_, _, since) = self.holes.swap_remove(filled);
        Some(at.saturating_since(since)).filter(|late| *late <= MOMENT)
    }
}

/// By how much a segment of the stack was overtaken, if one was. The trace is in order of time.
pub(super) fn overtaken(trace: &Trace) -> Option<Duration> {
    let mut flows: Vec<Flow> = Vec::new();
    for (at, is_sent, bytes) in trace.packets() {
        if !is_sent {
            continue;
        }
        let Ok(parsed) = wire::parse(bytes) else {
            continue;
        };
        let Transport::Tcp(tcp) = &parsed.packet.transport else {
            continue;
        };
        let ip = &parsed.packet.ip;
        let ends = (
            SocketAddr::new(ip.source, tcp.source_port),
            SocketAddr::new(ip.destination, tcp.destination_port),
        );
        // A datagram has at most 65,535 bytes.
        let end = tcp.sequence.wrapping_add(tcp.payload.len() as u32);
        let known = flows.iter_mut().find(|flow| flow.ends == ends);
        match known {
            Some(flow) => {
                if let Some(late) = flow.pass(tcp.sequence, end, at) {
                    return Some(late);
                }
            }
            None => flows.push(Flow {
                ends,
                next: end,
                holes: Vec::new(),
            }),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::packet::ACK;
    use crate::fuzz::segment::{Segment, write};
    use crate::fuzz::subject::ends;
    use crate::trace::TraceEvent;
    use rstest::rstest;

    /// First byte, length, microseconds.
    type Sent = (u32, u16, u64);

    #[rstest]
    #[case::in_order(&[(1, 0, 0), (1, 10, 1), (11, 10, 2), (21, 10, 3)], None)]
    #[case::overtaken(&[(1, 10, 0), (21, 10, 6), (11, 10, 26)], Some(20))]
    #[case::across_the_wrap(&[(u32::MAX - 4, 10, 0), (15, 10, 6), (5, 10, 7)], Some(1))]
    #[case::only_a_part_so_far(&[(1, 10, 0), (31, 10, 6), (11, 10, 7)], Some(1))]
    #[case::sent_again(&[(1, 10, 0), (11, 10, 1), (1, 10, 2)], None)]
    #[case::a_hole_that_stays(&[(1, 10, 0), (21, 10, 6), (21, 10, 7)], None)]
    #[case::held_back(&[(1, 10, 0), (21, 10, 6), (11, 10, 1_007)], None)]
    fn new_text_behind_newer_was_overtaken(
        #[case] sent: &[Sent],
        #[case] expected: Option<u64>,
        #[values(false, true)] v6: bool,
    ) {
        let mut trace = Trace::default();
        for (seq, text, micros) in sent {
            let segment = Segment {
                seq: *seq,
                text: *text,
                flags: ACK,
                ..Segment::default()
            };
            let mut bytes = Vec::new();
            write(&segment, &ends(v6), &mut bytes);
            let at = Time::ZERO + Duration::from_micros(*micros);
            trace.push(at, TraceEvent::Sent(bytes), None, String::new());
        }
        assert_eq!(overtaken(&trace), expected.map(Duration::from_micros));
    }
}
