//! Delaying acknowledgments by the peer's rhythm, as Linux does (`net.ipv4` has no switch for it).
//!
//! RFC 9293 §3.8.6.3 and RFC 5681 §4.2 bound the delay from above and leave the rest free. Here it
//! follows from what arrives: a peer that may be in slow start gets quick acknowledgments, a user who
//! answers (an interactive session) gets the longest chance to take one along, and what lies between is
//! guessed from the time between segments, the "ato".

use core::time::Duration;

use crate::time::Instant;

/// Quick acknowledgments at once at most.
const MOST_QUICK: u32 = 16;

/// Least full size of a segment: RFC 791's 128 bytes less 40 bytes of headers.
const LEAST_FULL_SIZE: u32 = 88;

/// What every peer may send (RFC 9293 §3.7.1).
const DEFAULT_FULL_SIZE: u32 = 536;

/// Bytes of a TCP header without options.
const HEADER: u32 = 20;

/// Longest delay where the peer's segments neither push nor are answered.
const LONGEST: Duration = Duration::from_millis(500);

/// The longest and shortest delay in ordinary use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// The least.
    pub least: Duration,
    /// The most while the user answers or the peer pushes.
    pub most: Duration,
}

/// Text in order, and how things stand when it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Payload of the segment in bytes.
    pub len: u32,
    /// Bytes of TCP header and options.
    pub header: u32,
    /// Bytes of header and options that every segment of this connection has.
    pub usual_header: u32,
    /// The segment has PSH, FIN or any flag but ACK.
    pub flagged: bool,
    /// The segment has PSH.
    pub push: bool,
    /// The MSS we announced.
    pub mss: u32,
    /// The window we offer.
    pub window: u32,
    /// The present retransmission timeout.
    pub rto: Duration,
    /// When it came.
    pub now: Instant,
}

/// How far a read may speed the acknowledgment up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pushed {
    No,
    Once,
    /// Two short segments wait: an answer in one of them will not come.
    Twice,
}

/// The first guess at the peer's full size, once both SYNs are known: from the MSS we announced, the
/// peer's, and the window we offer.
pub fn first_full_size(announced: u32, theirs: u32, window: u32) -> u32 {
    let least = announced.min(theirs).min(window / 2).min(DEFAULT_FULL_SIZE);
    least.max(LEAST_FULL_SIZE)
}

/// The state of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdaptiveAck {
    delays: Delays,
    /// The present guess; zero before the first text.
    ato: Duration,
    /// Acknowledgments that still leave at once.
    quick: u32,
    /// The user answers what arrives: an acknowledgment can travel with the answer.
    interactive: bool,
    /// When text came last.
    last_text: Instant,
    /// The peer's full size, as far as we can tell.
    full_size: u32,
    /// The size of the last segment that was shorter but may be full sized all the same.
    candidate: u32,
    pushed: Pushed,
}

impl AdaptiveAck {
    /// Nothing has arrived yet, and this is the first guess at the peer's full size.
    pub const fn new(delays: Delays, full_size: u32) -> AdaptiveAck {
        AdaptiveAck {
            delays,
            ato: Duration::ZERO,
            quick: 0,
            interactive: false,
            last_text: Instant::ZERO,
            full_size,
            candidate: 0,
            pushed: Pushed::No,
        }
    }

    /// The answer to our SYN came, and data waits to go along with its acknowledgment.
    pub fn on_connected(&mut self, window: u32, now: Instant) {
        self.last_text = now;
        self.hurry(window, MOST_QUICK);
    }

    /// The peer's full size, as far as we can tell.
    pub const fn full_size(&self) -> u32 {
        self.full_size
    }

    /// Whether the next acknowledgment leaves at once.
    pub const fn is_quick(&self) -> bool {
        self.quick > 0 && !self.interactive
    }

    /// Text arrived in order.
    pub fn on_text(&mut self, arrival: Arrival) {
        self.measure(&arrival);
        let Arrival {
            now, rto, window, ..
        } = arrival;
        let least = self.delays.least;
        if self.ato.is_zero() {
            self.add_quick(window, MOST_QUICK);
            self.ato = least;
        } else {
            let gap = now.saturating_duration_since(self.last_text);
            if gap <= least / 2 {
                self.ato = self.ato / 2 + least / 2;
            } else if gap < self.ato {
                self.ato = (self.ato / 2 + gap).min(rto);
            } else if gap > rto {
                // The peer has probably begun slow start anew.
                self.add_quick(window, MOST_QUICK);
            }
        }
        self.last_text = now;
    }

    /// The peer must hear soon what we have: something is missing, came twice or was marked.
    pub fn hurry(&mut self, window: u32, most: u32) {
        self.add_quick(window, most);
        self.interactive = false;
        self.ato = self.delays.least;
    }

    /// The peer's FIN came while the user still may send: probably his answer comes soon.
    pub const fn expect_answer(&mut self) {
        self.interactive = true;
    }

    /// A segment with text of our own leaves.
    pub fn on_text_sent(&mut self, now: Instant) {
        if now.saturating_duration_since(self.last_text) < self.ato {
            self.interactive = true;
        }
    }

    /// An acknowledgment leaves, alone or with text. `owed` tells whether one was due.
    pub const fn on_ack_sent(&mut self, owed: bool) {
        self.pushed = Pushed::No;
        if !owed || self.quick == 0 {
            return;
        }
        self.quick -= 1;
        if self.quick == 0 {
            self.ato = self.delays.least;
        }
    }

    /// How long the acknowledgment may wait.
    pub fn delay(&self, srtt: Option<Duration>) -> Duration {
        let least = self.delays.least;
        if self.ato <= least {
            return self.ato;
        }
        let mut most = LONGEST;
        if self.interactive || self.pushed != Pushed::No {
            most = self.delays.most;
        }
        if let Some(srtt) = srtt {
            most = most.min(srtt.max(least));
        }
        self.ato.min(most).min(self.delays.most)
    }

    /// The delay was over before anything else left.
    pub fn on_delay_over(&mut self, rto: Duration) {
        if self.interactive {
            self.interactive = false;
            self.ato = self.delays.least;
        } else {
            self.ato = (self.ato * 2).min(rto);
        }
    }

    /// Whether the user's reading, which left nothing behind, makes the acknowledgment due.
    pub fn is_due_after_reading(&self) -> bool {
        match self.pushed {
            Pushed::No => false,
            Pushed::Once => !self.interactive,
            Pushed::Twice => true,
        }
    }

    fn add_quick(&mut self, window: u32, most: u32) {
        let quick = match window / (2 * self.full_size) {
            0 => 2,
            quick => quick,
        };
        self.quick = self.quick.max(quick.min(most));
    }

    /// Learns the peer's full size, which its options may make vary.
    fn measure(&mut self, arrival: &Arrival) {
        let Arrival {
            len, header, mss, ..
        } = *arrival;
        let candidate = core::mem::take(&mut self.candidate);
        if len >= self.full_size {
            self.full_size = len.min(mss);
            if arrival.push {
                self.pushed = self.pushed.max(Pushed::Once);
            }
            return;
        }
        let whole = len + header;
        // A sizeable segment that pushes nothing is full sized on a narrow path.
        let sizeable = whole >= DEFAULT_FULL_SIZE + HEADER
            || (whole >= LEAST_FULL_SIZE + HEADER && !arrival.flagged);
        if sizeable {
            let size = whole.saturating_sub(arrival.usual_header);
            self.candidate = size;
            if size == candidate {
                self.full_size = size;
                return;
            }
        }
        self.pushed = match self.pushed {
            Pushed::No => Pushed::Once,
            Pushed::Once | Pushed::Twice => Pushed::Twice,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    const DELAYS: Delays = Delays {
        least: Duration::from_millis(40),
        most: Duration::from_millis(200),
    };

    fn text(len: u32, millis: u64) -> Arrival {
        Arrival {
            len,
            header: 20,
            usual_header: 20,
            flagged: false,
            push: false,
            mss: 1460,
            window: 65_535,
            rto: MS(300),
            now: Instant::from_millis(millis),
        }
    }

    /// A policy past its quick acknowledgments, with a first text at 0.
    fn settled() -> AdaptiveAck {
        let mut policy = AdaptiveAck::new(DELAYS, DEFAULT_FULL_SIZE);
        policy.on_text(text(1460, 0));
        while policy.is_quick() {
            policy.on_ack_sent(true);
        }
        policy
    }

    /// 65,535 / (2 × 1460) = 22, of which 16 count; 20,000 / 2,920 = 6; less than two segments: 2.
    #[rstest]
    #[case(65_535, 16)]
    #[case(20_000, 6)]
    #[case(2_000, 2)]
    fn quick_acknowledgments_fit_the_window(#[case] window: u32, #[case] quick: u32) {
        let mut policy = AdaptiveAck::new(DELAYS, DEFAULT_FULL_SIZE);
        policy.on_text(Arrival {
            window,
            ..text(1460, 0)
        });
        let mut sent = 0;
        while policy.is_quick() {
            policy.on_ack_sent(true);
            sent += 1;
        }
        assert_eq!(sent, quick);
    }

    #[test]
    fn an_acknowledgment_that_nobody_owed_costs_nothing() {
        let mut policy = settled();
        policy.hurry(65_535, 1);
        policy.on_ack_sent(false);
        assert!(policy.is_quick());
        policy.on_ack_sent(true);
        assert!(!policy.is_quick());
    }

    /// From 40 ms: gaps up to 20 ms keep it at the least; 30 ms make 20 + 30; the next 45 ms 25 + 45.
    #[test]
    fn the_delay_follows_the_gaps() {
        let mut policy = settled();
        let mut at = 0;
        let delays = [20, 30, 45, 69, 20].map(|gap| {
            at += gap;
            policy.on_text(text(1460, at));
            policy.delay(None)
        });
        let expected = [40, 50, 70, 104, 72].map(MS);
        assert_eq!(delays, expected);
    }

    /// 600 ms without text is longer than the timeout: the peer has begun anew.
    #[test]
    fn a_long_pause_makes_it_quick_again() {
        let mut policy = settled();
        policy.on_text(text(1460, 600));
        assert!(policy.is_quick());
    }

    #[test]
    fn missing_the_delay_doubles_it_and_the_round_trip_bounds_it() {
        let mut policy = settled();
        for expected in [80, 160, 200, 200] {
            policy.on_delay_over(MS(300));
            assert_eq!(policy.delay(None), MS(expected));
        }
        assert_eq!(policy.delay(Some(MS(90))), MS(90));
        assert_eq!(policy.delay(Some(MS(9))), MS(40));
    }

    #[test]
    fn an_answer_soon_after_text_makes_it_interactive_until_one_fails_to_come() {
        let mut policy = settled();
        policy.hurry(65_535, 16);
        policy.on_text_sent(Instant::from_millis(40));
        assert!(policy.is_quick());
        policy.on_text_sent(Instant::from_millis(39));
        assert!(!policy.is_quick());
        policy.on_delay_over(MS(300));
        assert!(policy.is_quick());
    }

    #[rstest]
    #[case::full_without_push(&[(1460, false)], false, false)]
    #[case::full_with_push(&[(1460, true)], true, false)]
    #[case::short(&[(100, true)], true, false)]
    #[case::two_short(&[(100, true), (100, true)], true, true)]
    fn reading_speeds_it_up(
        #[case] texts: &[(u32, bool)],
        #[case] alone: bool,
        #[case] interactive: bool,
    ) {
        let mut policy = settled();
        for (len, push) in texts {
            policy.on_text(Arrival {
                push: *push,
                flagged: *push,
                ..text(*len, 1)
            });
        }
        assert_eq!(policy.is_due_after_reading(), alone);
        policy.expect_answer();
        assert_eq!(policy.is_due_after_reading(), interactive);
        policy.on_ack_sent(true);
        assert!(!policy.is_due_after_reading());
    }

    /// A shorter size counts once it came twice in a row, options included.
    #[test]
    fn the_full_size_follows_the_peer() {
        let mut policy = settled();
        assert_eq!(policy.full_size(), 1460);
        policy.on_text(text(1000, 1));
        assert_eq!(policy.full_size(), 1460);
        policy.on_text(Arrival {
            header: 32,
            ..text(988, 2)
        });
        assert_eq!(policy.full_size(), 1000);
        policy.on_text(text(50, 3));
        policy.on_text(text(50, 4));
        assert_eq!(policy.full_size(), 1000);
        policy.on_text(text(9000, 5));
        assert_eq!(policy.full_size(), 1460);
    }

    #[rstest]
    #[case(1460, 1000, 65_535, 536)]
    #[case(1460, 300, 65_535, 300)]
    #[case(1460, 1000, 200, 100)]
    #[case(1460, 20, 65_535, 88)]
    fn the_first_guess(
        #[case] ours: u32,
        #[case] theirs: u32,
        #[case] window: u32,
        #[case] guess: u32,
    ) {
        assert_eq!(first_full_size(ours, theirs, window), guess);
    }
}
