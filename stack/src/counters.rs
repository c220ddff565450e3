//! What is counted over the life of a connection, and what kept it from sending faster.

use alloc::boxed::Box;
use core::time::Duration;

use crate::time::Instant;

/// Counts over the life of a connection (RFC 4898 names most of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Counters {
    /// Segments that arrived, acceptable or not.
    pub segments_in: u64,
    /// Segments that left, repeats included, resets not.
    pub segments_out: u64,
    /// Segments with text that arrived.
    pub data_segments_in: u64,
    /// Segments with text that left, repeats included.
    pub data_segments_out: u64,
    /// Bytes of text that left, repeats included.
    pub bytes_sent: u64,
    /// Of these, bytes of repeats.
    pub bytes_retransmitted: u64,
    /// Text the peer reported to have received twice (RFC 2883).
    pub duplicates_reported: u64,
    /// When text left last; before that the end of the handshake.
    pub data_sent_at: Option<Instant>,
    /// When text arrived last; before that the end of the handshake.
    pub data_received_at: Option<Instant>,
    /// When an ACK arrived last.
    pub ack_received_at: Option<Instant>,
    /// What kept the connection from sending faster, and for how long.
    pub limits: LimitTimes,
}

/// The counters of a connection while it lives. Most connections are idle most of the time: what
/// only text moves is not there before it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    segments_in: u64,
    segments_out: u64,
    ack_received_at: Option<Instant>,
    synchronized_at: Option<Instant>,
    text: Option<Box<Text>>,
}

/// The part that only text moves, and what is sent again.
#[derive(Debug, Clone, Copy, Default)]
struct Text {
    segments_in: u64,
    segments_out: u64,
    bytes_sent: u64,
    bytes_retransmitted: u64,
    segments_retransmitted: u64,
    segments_delivered: u64,
    duplicates_reported: u64,
    sent_at: Option<Instant>,
    received_at: Option<Instant>,
    limits: LimitTimes,
}

impl Tally {
    /// A segment with `len` bytes of text left.
    pub(crate) fn on_sent(&mut self, len: usize, now: Instant) {
        self.segments_out += 1;
        if len > 0 {
            let text = self.text();
            text.segments_out += 1;
            text.bytes_sent += len as u64;
            text.sent_at = Some(now);
        }
    }

    /// A segment with `len` bytes of text arrived.
    pub(crate) fn on_received(&mut self, len: usize, has_ack: bool, now: Instant) {
        self.segments_in += 1;
        if len > 0 {
            let text = self.text();
            text.segments_in += 1;
            text.received_at = Some(now);
        }
        if has_ack {
            self.ack_received_at = Some(now);
        }
    }

    /// The handshake has ended: from here on the silence of either side counts.
    pub(crate) fn on_synchronized(&mut self, now: Instant) {
        self.synchronized_at.get_or_insert(now);
    }

    /// When the handshake ended.
    pub(crate) fn synchronized_at(&self) -> Option<Instant> {
        self.synchronized_at
    }

    /// A segment with `len` bytes of text left again, or a SYN.
    pub(crate) fn on_repeated(&mut self, len: u32) {
        let text = self.text();
        text.segments_retransmitted += 1;
        text.bytes_retransmitted += u64::from(len);
    }

    /// Segments sent again.
    pub(crate) fn retransmitted(&self) -> u64 {
        let text = self.text.as_deref();
        text.map_or(0, |text| text.segments_retransmitted)
    }

    /// The peer has so many segments more.
    pub(crate) fn on_delivered(&mut self, segments: u32) {
        if segments > 0 {
            self.text().segments_delivered += u64::from(segments);
        }
    }

    /// Segments that the peer has, the SYN included.
    pub(crate) fn delivered(&self) -> u64 {
        let text = self.text.as_deref();
        let syn = u64::from(self.synchronized_at.is_some());
        syn + text.map_or(0, |text| text.segments_delivered)
    }

    /// Segments with text that left, again too.
    pub(crate) fn data_segments_out(&self) -> u64 {
        self.text.as_ref().map_or(0, |text| text.segments_out)
    }

    /// The peer reported text that it received twice.
    pub(crate) fn on_duplicate_reported(&mut self) {
        self.text().duplicates_reported += 1;
    }

    /// What keeps the connection from sending, from `now` on.
    pub(crate) fn set_limit(&mut self, limit: Limit, now: Instant) {
        if self.text.is_some() || limit != Limit::Idle {
            self.text().limits.set(limit, now);
        }
    }

    fn text(&mut self) -> &mut Text {
        self.text.get_or_insert_default()
    }

    /// The counts of this moment.
    pub(crate) fn counters(&self) -> Counters {
        let text = self.text.as_deref().copied().unwrap_or_default();
        Counters {
            segments_in: self.segments_in,
            segments_out: self.segments_out,
            data_segments_in: text.segments_in,
            data_segments_out: text.segments_out,
            bytes_sent: text.bytes_sent,
            bytes_retransmitted: text.bytes_retransmitted,
            duplicates_reported: text.duplicates_reported,
            data_sent_at: text.sent_at.or(self.synchronized_at),
            data_received_at: text.received_at.or(self.synchronized_at),
            ack_received_at: self.ack_received_at,
            limits: text.limits,
        }
    }
}

/// What a sender with something to send waits for (RFC 4898 §3.3, tcpEStatsStackSndLim).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Limit {
    /// Nothing is sent or waits to be.
    #[default]
    Idle,
    /// The network: the congestion window, or the next acknowledgment.
    Network,
    /// A wider window of the peer.
    ReceiveWindow,
    /// The user, who waits for room in the send buffer.
    SendBuffer,
}

/// How long each limit held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct LimitTimes {
    present: Limit,
    since: Instant,
    network: Duration,
    receive_window: Duration,
    send_buffer: Duration,
}

impl LimitTimes {
    /// What holds from `now` on.
    pub(crate) fn set(&mut self, limit: Limit, now: Instant) {
        if limit != self.present {
            *self = self.at(now);
            self.present = limit;
        }
    }

    /// The same with the time up to `now` counted.
    fn at(mut self, now: Instant) -> LimitTimes {
        let length = now.saturating_duration_since(self.since);
        match self.present {
            Limit::Idle => {}
            Limit::Network => self.network += length,
            Limit::ReceiveWindow => self.receive_window += length,
            Limit::SendBuffer => self.send_buffer += length,
        }
        self.since = self.since.max(now);
        self
    }

    /// What holds at present.
    pub const fn present(&self) -> Limit {
        self.present
    }

    /// How long there was something to send or to be acknowledged, up to `now`.
    pub fn busy(&self, now: Instant) -> Duration {
        let total = self.at(now);
        total.network + total.receive_window + total.send_buffer
    }

    /// How long of that the peer's window was in the way.
    pub fn receive_window(&self, now: Instant) -> Duration {
        self.at(now).receive_window
    }

    /// How long of that the size of the send buffer was in the way.
    pub fn send_buffer(&self, now: Instant) -> Duration {
        self.at(now).send_buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn each_limit_is_timed_and_all_of_them_are_busy() {
        let mut times = LimitTimes::default();
        times.set(Limit::Network, at(10));
        times.set(Limit::ReceiveWindow, at(15));
        times.set(Limit::ReceiveWindow, at(20));
        times.set(Limit::SendBuffer, at(40));
        times.set(Limit::Idle, at(47));
        let seen = [
            times.busy(at(100)),
            times.receive_window(at(100)),
            times.send_buffer(at(100)),
        ];
        assert_eq!(seen, [37, 25, 7].map(Duration::from_millis));
        assert_eq!(times.present(), Limit::Idle);
    }

    #[test]
    fn the_present_limit_counts_up_to_the_moment_asked_about() {
        let mut times = LimitTimes::default();
        times.set(Limit::ReceiveWindow, at(3));
        assert_eq!(times.receive_window(at(8)), Duration::from_millis(5));
        assert_eq!(times.busy(at(9)), Duration::from_millis(6));
        assert_eq!(times.busy(at(2)), Duration::ZERO);
    }

    #[test]
    fn bare_acknowledgments_carry_no_data() {
        let mut counters = Tally::default();
        counters.on_sent(0, at(1));
        counters.on_sent(100, at(2));
        counters.on_received(0, true, at(3));
        counters.on_received(7, false, at(4));
        let expected = Counters {
            segments_in: 2,
            segments_out: 2,
            data_segments_in: 1,
            data_segments_out: 1,
            bytes_sent: 100,
            data_sent_at: Some(at(2)),
            data_received_at: Some(at(4)),
            ack_received_at: Some(at(3)),
            ..Counters::default()
        };
        assert_eq!(counters.counters(), expected);
    }
}
