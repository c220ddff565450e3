//! What we tell the peer of the marks on its packets (RFC 9768 §3.2): the counters, when an ACK has
//! to leave because of them, and the option that carries them.

use super::ace;
use super::settings::{AccEcnConfig, AccEcnOptionUse};
use crate::ecn::Codepoint;
use crate::wire::accecn::{AccEcnOption, AccEcnOrder, ByteCounters};

/// Bytes a counter may move before it has to be told, lest it go round unseen (RFC 9768 §3.2.3.3).
const REPORT_AT_LEAST_EVERY: u32 = 1 << 22;

/// The option with all three counters.
const ALL_COUNTERS_LEN: usize = 11;

/// What the byte counters begin with, so that cleared ones show (RFC 9768 §3.2.1).
pub(super) const FIRST_BYTES: ByteCounters = ByteCounters {
    e0b: 1,
    ceb: 0,
    e1b: 1,
};

/// r.cep, r.e0b, r.ceb and r.e1b, and what was told of them. All of them wrap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Receiver {
    /// r.cep: packets that arrived marked.
    pub(crate) cep: u32,
    /// r.e0b, r.ceb, r.e1b: their text by marking.
    pub(crate) bytes: ByteCounters,
    /// r.cep when a segment left last.
    cep_told: u32,
    /// The counters as the latest option had them.
    bytes_told: ByteCounters,
    /// The last packet was marked.
    last_was_marked: bool,
    /// How the last packet with text arrived, if a counter stands for that.
    last_text: Option<Codepoint>,
    /// ACKs that are to carry the option because another counter began to move.
    reports: u8,
    /// Segments sent since the latest option.
    since_option: u32,
    /// The first data has not been sent yet: it is to carry the option.
    first_data_due: bool,
    /// The option seems to be in the way of what carries it.
    pub(crate) blocked: bool,
}

impl Receiver {
    pub(super) const fn new(is_client: bool) -> Receiver {
        Receiver {
            cep: ace::FIRST,
            bytes: FIRST_BYTES,
            cep_told: ace::FIRST,
            bytes_told: FIRST_BYTES,
            last_was_marked: false,
            last_text: None,
            reports: 0,
            since_option: 0,
            first_data_due: is_client,
            blocked: false,
        }
    }

    /// Marks that no segment has told of.
    pub(crate) const fn untold(&self) -> u32 {
        self.cep.wrapping_sub(self.cep_told)
    }

    /// An acceptable packet with `len` bytes of text arrived; `waits` tells whether text waits for
    /// its acknowledgment. Answers whether one has to leave at once.
    // REQ: RFC9768-11
    // REQ: RFC9768-12
    pub(super) fn on_packet(
        &mut self,
        codepoint: Codepoint,
        len: u32,
        waits: bool,
        rules: &AccEcnConfig,
    ) -> bool {
        let marked = codepoint == Codepoint::Ce;
        let changed = marked && !self.last_was_marked && len > 0;
        self.last_was_marked = marked;
        self.count_text(codepoint, len);
        if !marked {
            return false;
        }
        self.cep = self.cep.wrapping_add(1);
        let limit = match waits {
            true => rules.marks_per_ack,
            false => rules.marks_per_bare_ack,
        };
        (changed && rules.change_acks) || self.untold() >= limit
    }

    fn count_text(&mut self, codepoint: Codepoint, len: u32) {
        let counter = match codepoint {
            Codepoint::NotEct => return,
            Codepoint::Ect0 => &mut self.bytes.e0b,
            Codepoint::Ce => &mut self.bytes.ceb,
            Codepoint::Ect1 => &mut self.bytes.e1b,
        };
        if len == 0 {
            return;
        }
        *counter = counter.wrapping_add(len);
        // The ACK that tells of it, and the one behind.
        if self.last_text.replace(codepoint) != Some(codepoint) {
            self.reports = 2;
        }
    }

    /// The option of the next segment, in at most `room` bytes. `data` tells whether data is about to
    /// leave.
    // REQ: RFC9768-15
    pub(super) fn option(
        &self,
        room: usize,
        data: bool,
        rules: &AccEcnConfig,
    ) -> Option<AccEcnOption> {
        if self.blocked && rules.option_fallback {
            return None;
        }
        // The ACK that ended the handshake may have been lost.
        if self.first_data_due && data {
            return self.handshake_option(room, rules);
        }
        let moved = self.moved_since(&self.bytes_told);
        let due = match rules.option {
            AccEcnOptionUse::Never => false,
            AccEcnOptionUse::Always => true,
            AccEcnOptionUse::OnChange => moved.any(),
            AccEcnOptionUse::Sparing { every } => {
                moved.any()
                    && (moved.ceb
                        || self.reports > 0
                        || self.since_option + 1 >= every
                        || self.is_about_to_wrap())
            }
        };
        if !due {
            return None;
        }
        if rules.option == AccEcnOptionUse::Always && room >= ALL_COUNTERS_LEN {
            return self.handshake_option(room, rules);
        }
        let ever = self.moved_since(&FIRST_BYTES);
        ever.fitting(room)
            .or_else(|| moved.fitting(room))
            .map(|(order, fields)| AccEcnOption::new(order, fields, self.bytes))
    }

    /// The option of a segment of the handshake: all counters, or as many as there is room for.
    // REQ: RFC9768-13
    pub(super) fn handshake_option(
        &self,
        room: usize,
        rules: &AccEcnConfig,
    ) -> Option<AccEcnOption> {
        if rules.option == AccEcnOptionUse::Never || room < 2 {
            return None;
        }
        let fields = ((room - 2) / 3).min(3) as u8;
        Some(AccEcnOption::new(
            AccEcnOrder::Ect1First,
            fields,
            self.bytes,
        ))
    }

    /// A segment left, with this option, and with data or without.
    pub(super) fn on_sent(&mut self, option: Option<AccEcnOption>, data: bool) {
        self.cep_told = self.cep;
        self.first_data_due &= !data;
        let Some(option) = option else {
            self.since_option = self.since_option.saturating_add(1);
            return;
        };
        self.since_option = 0;
        self.reports = self.reports.saturating_sub(1);
        if option.e0b().is_some() {
            self.bytes_told.e0b = self.bytes.e0b;
        }
        if option.ceb().is_some() {
            self.bytes_told.ceb = self.bytes.ceb;
        }
        if option.e1b().is_some() {
            self.bytes_told.e1b = self.bytes.e1b;
        }
    }

    fn moved_since(&self, then: &ByteCounters) -> Moved {
        Moved {
            e0b: self.bytes.e0b != then.e0b,
            ceb: self.bytes.ceb != then.ceb,
            e1b: self.bytes.e1b != then.e1b,
        }
    }

    fn is_about_to_wrap(&self) -> bool {
        let ByteCounters { e0b, ceb, e1b } = self.bytes;
        let told = self.bytes_told;
        e0b.wrapping_sub(told.e0b) >= REPORT_AT_LEAST_EVERY
            || ceb.wrapping_sub(told.ceb) >= REPORT_AT_LEAST_EVERY
            || e1b.wrapping_sub(told.e1b) >= REPORT_AT_LEAST_EVERY
    }
}

/// Which counters moved.
#[derive(Clone, Copy, Debug)]
struct Moved {
    e0b: bool,
    ceb: bool,
    e1b: bool,
}

impl Moved {
    const fn any(self) -> bool {
        self.e0b || self.ceb || self.e1b
    }

    /// The order and number of counters that hold all that moved, if that fits into `room` bytes.
    fn fitting(self, room: usize) -> Option<(AccEcnOrder, u8)> {
        let Moved { e0b, ceb, e1b } = self;
        let (order, fields) = match (e0b, ceb, e1b) {
            (true, _, true) => (AccEcnOrder::Ect0First, 3),
            (_, true, false) => (AccEcnOrder::Ect0First, 2),
            (false, true, true) => (AccEcnOrder::Ect1First, 2),
            (true, false, false) => (AccEcnOrder::Ect0First, 1),
            (false, false, true) => (AccEcnOrder::Ect1First, 1),
            (false, false, false) => (AccEcnOrder::Ect0First, 0),
        };
        (2 + 3 * usize::from(fields) <= room).then_some((order, fields))
    }
}

#[cfg(test)]
mod tests;
