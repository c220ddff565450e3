//! A receive buffer as large as the path can use: dynamic right-sizing (M. Fisk and W. Feng, "Dynamic
//! Right-Sizing in TCP", LACSI 2001). No RFC asks for it; RFC 9293 §3.8.6 leaves the window to the
//! receiver and only forbids to take back what was announced.
//!
//! What the user reads in one round trip is what the sender had in the network for one. A sender in
//! slow start doubles that, so the window is kept at twice as much, and more while it still grows.

use alloc::boxed::Box;
use core::time::Duration;

use super::window;
use crate::seq::SeqNum;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::wire::options::Timestamps;

/// Segments to spare beyond what the reader's pace asks for, so that the window does not follow every
/// pause of the reader.
const SPARE_SEGMENTS: u64 = 16;

/// Segments of the peer's first round trip, as far as anybody can tell (RFC 6928 §2).
const FIRST_SEGMENTS: u32 = 10;

/// The handshake is done: from now on the buffer follows its reader, unless the user has set a size.
pub(crate) fn start(tcb: &mut Tcb) {
    if tcb.config.tuning.receive && tcb.options.recv_buffer.is_none() {
        let first = tcb.rcv.wnd().min(mss(tcb) * FIRST_SEGMENTS);
        tcb.rcv.tuner = Some(Tuner::Waiting { first });
    }
}

/// What sizes the buffer: something that is made when there is text to size it for.
#[derive(Clone, Debug)]
pub(crate) enum Tuner {
    /// The handshake is done, and the peer may send so many bytes at first.
    Waiting { first: u32 },
    /// Text has arrived.
    Running(Box<ReceiveTuner>),
}

/// The tuner at work, unless the size is fixed.
fn running(tcb: &mut Tcb) -> Option<&mut ReceiveTuner> {
    let tuner = tcb.rcv.tuner.as_mut()?;
    if let Tuner::Waiting { first } = *tuner {
        let max = tcb.config.tuning.receive_max.max(tcb.rcv.capacity);
        let since = tcb.counters.synchronized_at().unwrap_or(tcb.opened_at);
        *tuner = Tuner::Running(Box::new(ReceiveTuner::new(max, first, since)));
    }
    match tuner {
        Tuner::Running(tuner) => Some(tuner),
        Tuner::Waiting { .. } => None,
    }
}

/// Text arrived: it measures the round trip, and opens a window that opens gradually.
#[inline]
pub(crate) fn on_text(tcb: &mut Tcb, len: usize, theirs: Option<Timestamps>, now: Instant) {
    if tcb.rcv.opened != u32::MAX || tcb.rcv.tuner.is_some() {
        follow_text(tcb, len, theirs, now);
    }
}

fn follow_text(tcb: &mut Tcb, len: usize, theirs: Option<Timestamps>, now: Instant) {
    if tcb.rcv.opened != u32::MAX {
        let step = (len as u32).max(mss(tcb)).saturating_mul(2);
        let opened = tcb.rcv.opened.saturating_add(step);
        tcb.rcv.opened = opened.min(window::capacity(tcb)).max(tcb.rcv.opened);
    }
    if tcb.rcv.tuner.is_none() {
        return;
    }
    let full_sized = len >= tcb.rcv.ack.full_size() as usize;
    let (nxt, wnd, age) = (tcb.rcv.nxt, tcb.rcv.wnd(), tcb.opened_at);
    let (ours, clock) = (
        tcb.negotiated.timestamps,
        tcb.negotiated.timestamp_clock(now),
    );
    // What is not full-sized may have waited for more.
    if ours.is_some() && theirs.is_some() && !full_sized {
        return;
    }
    let Some(tuner) = running(tcb) else {
        return;
    };
    match (ours, theirs) {
        (Some(_), Some(theirs)) => {
            let ticks = clock.wrapping_sub(theirs.echo);
            let elapsed = Duration::from_millis(u64::from(ticks));
            // Longer than the connection has lasted is no round trip of it.
            if elapsed <= now.saturating_duration_since(age) + Duration::from_millis(1) {
                tuner.rtt.on_echo(theirs.echo, elapsed);
            }
        }
        (None, _) | (_, None) => tuner.rtt.on_text(nxt, wnd, now),
    }
}

/// The user read `len` bytes.
pub(crate) fn on_read(tcb: &mut Tcb, len: usize, now: Instant) {
    let mss = mss(tcb);
    let Some(tuner) = running(tcb) else {
        return;
    };
    if let Some(size) = tuner.on_read(len, mss, now)
        && size > tcb.rcv.capacity
    {
        tcb.rcv.make_room(size, tcb.negotiated.rcv_scale);
    }
}

fn mss(tcb: &Tcb) -> u32 {
    u32::from(tcb.rcv.mss.raw())
}

/// What a receiver that sends nothing knows of the round trip. It is the time from announcing a right
/// edge to text that fills the window behind it (never shorter than the round trip), or, with
/// timestamps, from an acknowledgment to the first text that echoes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiverRtt {
    /// Smoothed, in 1/8 µs.
    eighths: Option<u64>,
    /// RCV.NXT at which the window that is being timed is filled, and since when.
    round: Option<(SeqNum, Instant)>,
    /// The echo that was measured last: others of the same value say nothing new.
    last_echo: Option<u32>,
}

impl ReceiverRtt {
    /// The estimate, after the first measurement.
    pub fn get(&self) -> Option<Duration> {
        self.eighths
            .map(|eighths| Duration::from_micros(eighths / 8))
    }

    /// Text arrived that echoes the timestamp `echo`, which was sent `elapsed` ago.
    pub fn on_echo(&mut self, echo: u32, elapsed: Duration) {
        if self.last_echo.replace(echo) == Some(echo) {
            return;
        }
        let sample = micros(elapsed);
        self.eighths = Some(match self.eighths {
            None => sample * 8,
            Some(old) => old - old / 8 + sample,
        });
    }

    /// Text arrived up to RCV.NXT = `nxt`, and now `wnd` bytes more are welcome. Of several windows
    /// the one filled soonest is nearest to the truth.
    pub fn on_text(&mut self, nxt: SeqNum, wnd: u32, now: Instant) {
        if let Some((end, since)) = self.round {
            if nxt.before(end) {
                return;
            }
            let sample = micros(now.saturating_duration_since(since)) * 8;
            self.eighths = Some(self.eighths.map_or(sample, |old| old.min(sample)));
        }
        self.round = Some((nxt + wnd, now));
    }
}

/// At least 1 µs and at most an hour, which keeps the arithmetic small.
fn micros(time: Duration) -> u64 {
    (time.as_micros() as u64).clamp(1, 3_600_000_000)
}

/// Sizes the receive buffer of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiveTuner {
    /// The largest size, in bytes.
    max: usize,
    /// The round trip.
    pub rtt: ReceiverRtt,
    /// Bytes the user has read since `since`.
    read: u64,
    since: Instant,
    /// The most that was read in one round trip so far.
    most: u64,
}

impl ReceiveTuner {
    /// For a buffer that may grow up to `max` bytes, of a connection that is expected to bring
    /// `first` bytes in its first round trip.
    pub fn new(max: usize, first: u32, now: Instant) -> ReceiveTuner {
        ReceiveTuner {
            max,
            rtt: ReceiverRtt::default(),
            read: 0,
            since: now,
            most: u64::from(first).max(1),
        }
    }

    /// The user read `len` bytes. Answers the size that the buffer should have at least, when a round
    /// trip is over that moved more than any before.
    pub fn on_read(&mut self, len: usize, mss: u32, now: Instant) -> Option<usize> {
        self.read += len as u64;
        let round_trip = self.rtt.get()?;
        if now.saturating_duration_since(self.since) < round_trip {
            return None;
        }
        let read = core::mem::take(&mut self.read);
        self.since = now;
        if read <= self.most {
            return None;
        }
        let size = size_for(read, self.most, mss);
        self.most = read;
        Some(usize::try_from(size).map_or(self.max, |size| size.min(self.max)))
    }
}

/// The window for a reader who took `read` bytes in the last round trip and `before` in the best one
/// before it: twice the former, some segments to spare, and twice the growth in proportion, so that
/// the window is ahead of a sender who doubles what he sends.
pub fn size_for(read: u64, before: u64, mss: u32) -> u64 {
    let window = read
        .saturating_mul(2)
        .saturating_add(SPARE_SEGMENTS * u64::from(mss));
    let grown = u128::from(read.saturating_sub(before));
    let growth = u128::from(window).saturating_mul(grown * 2) / u128::from(before.max(1));
    window.saturating_add(u64::try_from(growth).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;
    use rstest::rstest;

    const MSS: u32 = 1460;

    fn ms(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    #[rstest]
    #[case::steady(10_000, 10_000, 20_000 + 16 * 1460)]
    #[case::doubled(20_000, 10_000, 3 * (40_000 + 16 * 1460))]
    #[case::half_as_much_again(15_000, 10_000, 2 * (30_000 + 16 * 1460))]
    #[case::less(5_000, 10_000, 10_000 + 16 * 1460)]
    #[case::nothing_overflows(u64::MAX, 1, u64::MAX)]
    fn the_size_is_ahead_of_the_reader(#[case] read: u64, #[case] before: u64, #[case] size: u64) {
        assert_eq!(size_for(read, before, MSS), size);
    }

    #[test]
    fn echoes_are_smoothed_and_counted_once() {
        let mut rtt = ReceiverRtt::default();
        assert_eq!(rtt.get(), None);
        let mut seen = Vec::new();
        for (echo, millis) in [(1, 80), (1, 500), (2, 160), (3, 160)] {
            rtt.on_echo(echo, Duration::from_millis(millis));
            seen.push(rtt.get().map_or(0, |rtt| rtt.as_micros()));
        }
        assert_eq!(seen, [80_000, 80_000, 90_000, 98_750]);
    }

    #[test]
    fn without_timestamps_a_window_filled_is_a_round_trip() {
        let mut rtt = ReceiverRtt::default();
        let mut seen = Vec::new();
        // A window of 4000 bytes; the second takes longer than the first, the third is quickest.
        for (at, nxt) in [(0, 0), (10, 1000), (40, 4000), (95, 8000), (115, 12_000)] {
            rtt.on_text(SeqNum::new(nxt), 4000, ms(at));
            seen.push(rtt.get().map_or(0, |rtt| rtt.as_millis()));
        }
        assert_eq!(seen, [0, 0, 40, 40, 20]);
    }

    #[test]
    fn a_reader_that_keeps_up_with_slow_start_gets_room() {
        let mut tuner = ReceiveTuner::new(1_000_000, 14_600, ms(0));
        tuner.rtt.on_echo(1, Duration::from_millis(100));
        let mut sizes = Vec::new();
        for (at, read) in [
            (50, 14_600),
            (100, 14_600),
            (150, 30_000),
            (200, 28_400),
            (310, 40_000),
            (420, 300_000),
        ] {
            sizes.push(tuner.on_read(read, MSS, ms(at)));
        }
        let first = 3 * (2 * 29_200 + 16 * 1460);
        let second = (2 * 58_400 + 16 * 1460) * 3;
        let expected = [None, Some(first), None, Some(second), None, Some(1_000_000)];
        assert_eq!(sizes, expected);
    }

    #[test]
    fn nothing_is_known_before_a_round_trip_is() {
        let mut tuner = ReceiveTuner::new(1_000_000, 1, ms(0));
        assert_eq!(tuner.on_read(500_000, MSS, ms(10_000)), None);
        tuner.rtt.on_echo(1, Duration::from_millis(1));
        assert!(tuner.on_read(1, MSS, ms(10_001)).is_some());
    }

    proptest! {
        #[test]
        fn the_size_never_exceeds_its_bound(
            max in 1usize..10_000_000,
            first: u32,
            steps in prop::collection::vec((0u64..500, 0usize..5_000_000, any::<u32>()), 0..50),
        ) {
            let mut tuner = ReceiveTuner::new(max, first, ms(0));
            let mut at = 0;
            for (later, read, mss) in steps {
                at += later;
                tuner.rtt.on_echo(at as u32, Duration::from_millis(later));
                if let Some(size) = tuner.on_read(read, mss, ms(at)) {
                    prop_assert!(size <= max && (size == max || size >= 2 * read));
                }
            }
        }
    }
}
