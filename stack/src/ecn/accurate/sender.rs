//! What the peer tells us of the marks on our packets (RFC 9768 §3.2), and how far that is believed.

use super::ace;
use super::receiver::FIRST_BYTES;
use super::settings::AccEcnConfig;
use crate::seq::SeqNum;
use crate::wire::accecn::{AccEcnOption, ByteCounters};

/// What the low 24 bits of a counter say.
const FIELD_MASK: u32 = (1 << 24) - 1;

/// Weight of the past in the average of segments an ACK acknowledges is 7 of 8; it counts in
/// sixteenths.
const AVERAGE_UNIT: u32 = 16;
/// An average from which on ACKs of many segments are the rule: then that many say nothing of ACKs
/// that were lost (RFC 9768 appendix A.2.1, "well below 8").
const MANY: u32 = 4 * AVERAGE_UNIT;

/// Whether the peer's options count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// None came when one should have; later ones count all the same.
    Absent,
    /// They do.
    Trusted,
    /// They came cleared.
    Ignored,
}

/// The start of the connection, as long as every segment arrived marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Watch {
    rounds: u32,
    round_end: Option<SeqNum>,
}

/// s.cep, s.e0b, s.ceb and s.e1b, and what they are worth. All of them wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    /// s.cep: packets that arrived marked.
    pub(crate) cep: u32,
    /// s.e0b, s.ceb, s.e1b: our text by marking, where the peer says so.
    pub(crate) bytes: ByteCounters,
    /// Marks are answered.
    pub(crate) responds: bool,
    trust: Trust,
    /// The newest TSval of an ACK whose feedback was taken.
    newest_timestamp: Option<u32>,
    /// The first counter was seen.
    began: bool,
    /// Segments an ACK acknowledges on average.
    per_ack: u32,
    watch: Option<Watch>,
}

/// One ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) ace: u8,
    pub(super) option: Option<AccEcnOption>,
    /// Segments it newly acknowledges, in either way.
    pub(super) packets: u32,
    /// Full-sized payload.
    pub(super) mss: u32,
    /// SND.UNA after it, and SND.NXT.
    pub(super) una: SeqNum,
    pub(super) nxt: SeqNum,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Packets that arrived marked.
    pub(super) marked: u32,
    /// The path changes what it should not: no packet may be marked from now on.
    pub(super) mangled: bool,
}

impl Sender {
    pub(super) const fn new() -> Sender {
        Sender {
            cep: ace::FIRST,
            bytes: FIRST_BYTES,
            responds: true,
            trust: Trust::Absent,
            newest_timestamp: None,
            began: false,
            per_ack: 0,
            watch: Some(Watch {
                rounds: 0,
                round_end: None,
            }),
        }
    }

    /// The first segment that could have an option came (RFC 9768 §3.2.3.2.3, §3.2.3.2.4).
    pub(super) fn expect_options(&mut self, first: Option<AccEcnOption>, rules: &AccEcnConfig) {
        self.trust = match first {
            None => Trust::Absent,
            Some(option)
                if rules.check_zeroed && [option.e0b(), option.e1b()].contains(&Some(0)) =>
            {
                Trust::Ignored
            }
            Some(_) => Trust::Trusted,
        };
    }

    /// An option came, cleared or not.
    pub(super) fn saw_option(&self) -> bool {
        self.trust != Trust::Absent
    }

    /// Whether an ACK with this TSval is newer than all before it; then it is remembered.
    pub(super) fn is_newer(&mut self, timestamp: Option<u32>) -> bool {
        let Some(value) = timestamp else {
            return false;
        };
        let newer = |newest: u32| (value.wrapping_sub(newest) as i32) > 0;
        if self.newest_timestamp.is_some_and(|newest| !newer(newest)) {
            return false;
        }
        self.newest_timestamp.replace(value).is_some()
    }

    /// Takes an ACK that no later one has overtaken.
    pub(super) fn take(&mut self, report: Report, rules: &AccEcnConfig) -> Taken {
        if rules.check_zeroed && !self.began && report.ace == 0 {
            self.responds = false;
        }
        self.began = true;
        let increment = ace::increment(report.ace, self.cep);
        let marked_bytes = self.take_option(report.option);
        let marked = match marked_bytes {
            Some(bytes) => ace::safest_with_bytes(increment, report.packets, bytes, report.mss),
            None if self.per_ack >= MANY => increment,
            None => ace::safest(increment, report.packets),
        };
        self.cep = self.cep.wrapping_add(marked);
        self.average(report.packets);
        // Bytes without a packet, and no packets enough for the counter to go round.
        let contradiction = marked == 0 && marked_bytes.is_some_and(|bytes| bytes > 0);
        let continuous = self.is_continuous(marked, report, rules.continuous_rounds);
        if continuous {
            self.responds = false;
        }
        Taken {
            marked,
            mangled: !self.responds || (contradiction && report.packets < 8),
        }
    }

    /// The bytes that an option says arrived marked since the last; `None` without an option that
    /// counts.
    fn take_option(&mut self, option: Option<AccEcnOption>) -> Option<u32> {
        let option = option.filter(|_| self.trust != Trust::Ignored)?;
        self.trust = Trust::Trusted;
        let advance = |counter: &mut u32, field: Option<u32>| {
            let by = field.map_or(0, |field| field.wrapping_sub(*counter) & FIELD_MASK);
            *counter = counter.wrapping_add(by);
            by
        };
        advance(&mut self.bytes.e0b, option.e0b());
        advance(&mut self.bytes.e1b, option.e1b());
        Some(advance(&mut self.bytes.ceb, option.ceb()))
    }

    fn average(&mut self, packets: u32) {
        if packets > 0 {
            let sample = packets.min(u32::from(u16::MAX)) * AVERAGE_UNIT;
            self.per_ack = (self.per_ack * 7 + sample) / 8;
        }
    }

    /// Whether every segment since the start, and for long enough, arrived marked.
    fn is_continuous(&mut self, marked: u32, report: Report, limit: u32) -> bool {
        let Some(watch) = &mut self.watch else {
            return false;
        };
        if report.packets == 0 {
            return false;
        }
        if marked < report.packets || limit == 0 {
            self.watch = None;
            return false;
        }
        if watch
            .round_end
            .is_none_or(|end| report.una.at_or_after(end))
        {
            watch.rounds += 1;
            watch.round_end = Some(report.nxt);
        }
        if watch.rounds <= limit {
            return false;
        }
        self.watch = None;
        true
    }
}

#[cfg(test)]
mod tests;
