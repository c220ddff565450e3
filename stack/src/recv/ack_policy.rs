//! When to acknowledge (RFC 9293 §3.8.6.3, RFC 5681 §4.2).

use alloc::boxed::Box;
use core::time::Duration;

use super::adaptive_ack::{self, AdaptiveAck, Arrival, Delays};
use crate::config::{Acknowledging, Config};
use crate::time::Instant;

/// The acknowledgment a connection owes its peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// None.
    Nothing,
    /// One, within the delay.
    Soon,
    /// One, at once.
    Now,
}

/// Smallest segment that counts as full sized: what every peer may send.
const FULL_SIZE_FLOOR: u32 = 536;

/// What an acknowledgment at once or a delayed one depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// Every second full-sized segment is acknowledged at once.
    EverySecond {
        /// Largest text seen: the peer's full size, as far as we can tell.
        full_size: u32,
        /// Acknowledgments still sent at once after the handshake.
        quick: u32,
    },
    /// The delay follows the peer's rhythm, of which nothing was heard yet.
    Unheard {
        /// The first guess at the peer's full size.
        full_size: u32,
    },
    /// It follows this.
    Rhythm(Box<AdaptiveAck>),
}

/// Decides between an acknowledgment at once and a delayed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckPolicy {
    owed: Owed,
    /// In-order bytes since the last acknowledgment.
    unacknowledged: u32,
    rule: Rule,
    /// Something arrived since the last look at the delay.
    fresh: bool,
}

impl AckPolicy {
    /// Nothing owed; the first `quick` short segments are acknowledged at once.
    pub const fn new(quick: u32) -> Self {
        Self {
            owed: Owed::Nothing,
            unacknowledged: 0,
            rule: Rule::EverySecond {
                full_size: FULL_SIZE_FLOOR,
                quick,
            },
            fresh: false,
        }
    }

    /// Nothing owed, by the rule that the settings name.
    pub fn with_config(config: &Config) -> Self {
        let mut policy = Self::new(config.quick_acks);
        if config.acknowledging == Acknowledging::Adaptive {
            policy.rule = Rule::Unheard {
                full_size: FULL_SIZE_FLOOR,
            };
        }
        policy
    }

    /// The peer's rhythm, from now on, if the delay follows it.
    fn rhythm(&mut self, config: &Config) -> Option<&mut AdaptiveAck> {
        if let Rule::Unheard { full_size } = self.rule {
            let delays = Delays {
                least: config.delayed_ack,
                most: config.delayed_ack_max.max(config.delayed_ack),
            };
            self.rule = Rule::Rhythm(Box::new(AdaptiveAck::new(delays, full_size)));
        }
        self.heard()
    }

    /// The peer's rhythm, if there is anything to follow.
    fn heard(&mut self) -> Option<&mut AdaptiveAck> {
        match &mut self.rule {
            Rule::Rhythm(adaptive) => Some(adaptive),
            Rule::EverySecond { .. } | Rule::Unheard { .. } => None,
        }
    }

    /// What is owed.
    pub fn owed(&self) -> Owed {
        match (&self.rule, self.owed) {
            (Rule::Rhythm(adaptive), Owed::Soon)
                if adaptive.is_quick() || self.unacknowledged > adaptive.full_size() =>
            {
                Owed::Now
            }
            (_, owed) => owed,
        }
    }

    /// An acknowledgment waits for its delay to pass.
    pub fn is_delayed(&self) -> bool {
        self.owed == Owed::Soon
    }

    /// The largest text seen, or what any peer may send: a full-sized segment as far as we can tell.
    /// What any peer may send where the delay follows the peer's rhythm.
    pub const fn full_size(&self) -> u32 {
        match self.rule {
            Rule::EverySecond { full_size, .. } => full_size,
            Rule::Unheard { .. } | Rule::Rhythm(_) => FULL_SIZE_FLOOR,
        }
    }

    /// Bytes that arrived in order since the last acknowledgment.
    pub const fn unacknowledged(&self) -> u32 {
        self.unacknowledged
    }

    /// An acknowledgment is owed at once.
    pub const fn now(&mut self) {
        self.owed = Owed::Now;
    }

    /// Both SYNs are known: the MSS we announced, the peer's, and the window we offer.
    pub fn on_established(&mut self, announced: u32, theirs: u32, window: u32) {
        if let Rule::Unheard { full_size } = &mut self.rule {
            *full_size = adaptive_ack::first_full_size(announced, theirs, window);
        }
    }

    /// The answer to our SYN came. With data that `waits` the acknowledgment goes along with it.
    pub fn on_connected(&mut self, waits: bool, window: u32, now: Instant, config: &Config) {
        if !waits {
            return self.now();
        }
        match self.rhythm(config) {
            Some(adaptive) => {
                adaptive.on_connected(window, now);
                self.soon();
            }
            None => self.now(),
        }
    }

    /// The delay follows the peer's rhythm.
    pub const fn is_adaptive(&self) -> bool {
        !matches!(self.rule, Rule::EverySecond { .. })
    }

    /// A segment brought `advanced` bytes in order.
    pub fn on_arrival(&mut self, advanced: u32, arrival: Arrival, config: &Config) {
        if let Rule::EverySecond { .. } = self.rule {
            return self.on_text(advanced, arrival.mss);
        }
        if let Some(adaptive) = self.rhythm(config) {
            adaptive.on_text(arrival);
        }
        self.unacknowledged = self.unacknowledged.saturating_add(advanced);
        self.soon();
    }

    /// The peer's FIN came. The user may answer it with something to send, unless he said before that
    /// there is nothing.
    pub fn on_fin(&mut self, answer_possible: bool, config: &Config) {
        match self.rhythm(config) {
            Some(adaptive) if answer_possible => {
                adaptive.expect_answer();
                self.soon();
            }
            _ => self.now(),
        }
    }

    const fn soon(&mut self) {
        self.fresh = true;
        if matches!(self.owed, Owed::Nothing) {
            self.owed = Owed::Soon;
        }
    }

    /// A segment with text of our own leaves.
    pub fn on_text_sent(&mut self, now: Instant) {
        if let Some(adaptive) = self.heard() {
            adaptive.on_text_sent(now);
        }
    }

    /// The user has read; `all` tells whether nothing is left.
    pub fn on_read(&mut self, all: bool) {
        if let (Rule::Rhythm(adaptive), Owed::Soon) = (&self.rule, self.owed)
            && all
            && adaptive.is_due_after_reading()
        {
            self.now();
        }
    }

    /// When what is owed soon leaves, if it is to leave by a timer: `fixed` from now on, unless that
    /// runs already; or as the peer's rhythm has it, which may bring a running timer forward. `None`
    /// sends at once.
    pub fn due_at(
        &mut self,
        running: Option<Instant>,
        fixed: Duration,
        srtt: Option<Duration>,
        now: Instant,
    ) -> Option<Instant> {
        if let Rule::EverySecond { .. } = self.rule {
            return (!fixed.is_zero()).then(|| running.unwrap_or(now + fixed));
        }
        if !core::mem::take(&mut self.fresh)
            && let Some(running) = running
        {
            return Some(running);
        }
        let delay = self.heard().map_or(Duration::ZERO, |a| a.delay(srtt));
        let soon = |running: Instant| running <= now + delay / 4;
        if delay.is_zero() || running.is_some_and(soon) {
            return None;
        }
        let due = now + delay;
        Some(running.map_or(due, |running| running.min(due)))
    }

    /// The delay is over.
    pub fn on_delay_over(&mut self, rto: Duration) {
        if let Some(adaptive) = self.heard() {
            adaptive.on_delay_over(rto);
        }
        self.now();
    }

    /// `len` bytes arrived in order, from a peer to which we announced `mss` and whose rhythm does not
    /// matter.
    // REQ: RFC9293-SHLD-18
    // REQ: RFC9293-SHLD-19
    // REQ: RFC5681-19
    pub fn on_text(&mut self, len: u32, mss: u32) {
        let Rule::EverySecond { full_size, quick } = &mut self.rule else {
            return;
        };
        self.unacknowledged = self.unacknowledged.saturating_add(len);
        *full_size = (*full_size).max(len.min(mss));
        if *quick > 0 && len < *full_size {
            *quick -= 1;
            self.owed = Owed::Now;
        } else if self.unacknowledged >= (*full_size).min(mss).saturating_mul(2) {
            self.owed = Owed::Now;
        } else if self.owed == Owed::Nothing {
            self.owed = Owed::Soon;
        }
    }

    /// A segment with the present RCV.NXT went out.
    pub fn sent(&mut self) {
        let owed = !matches!(self.owed, Owed::Nothing);
        if let Some(adaptive) = self.heard() {
            adaptive.on_ack_sent(owed);
        }
        self.owed = Owed::Nothing;
        self.unacknowledged = 0;
        self.fresh = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::one_full(&[1460], 1460, Owed::Soon)]
    #[case::two_full(&[1460, 1460], 1460, Owed::Now)]
    #[case::two_small(&[10, 10], 1460, Owed::Soon)]
    #[case::as_many_bytes(&[1460, 700, 760], 1460, Owed::Now)]
    #[case::full_is_what_the_peer_sends(&[1000, 1000], 1460, Owed::Now)]
    #[case::we_announced_little(&[100, 100], 100, Owed::Now)]
    fn text_in_order(#[case] texts: &[u32], #[case] mss: u32, #[case] owed: Owed) {
        let mut policy = AckPolicy::new(0);
        for len in texts {
            policy.on_text(*len, mss);
        }
        assert_eq!(policy.owed(), owed);
        assert_eq!(policy.is_delayed(), owed == Owed::Soon);
    }

    /// By the rule of every second segment nothing about it counts but how much it is.
    #[rstest]
    #[case::one(&[1460], Owed::Soon)]
    #[case::two(&[1460, 1460], Owed::Now)]
    #[case::two_small(&[10, 10], Owed::Soon)]
    fn an_arrival_is_text_like_any_other(#[case] texts: &[u32], #[case] owed: Owed) {
        let config = Config {
            quick_acks: 0,
            ..Config::default()
        };
        let mut policy = AckPolicy::with_config(&config);
        for len in texts {
            let arrival = Arrival {
                len: *len,
                header: 20,
                usual_header: 20,
                flagged: true,
                push: true,
                mss: 1460,
                window: 65_535,
                rto: Duration::from_secs(1),
                now: Instant::ZERO,
            };
            policy.on_arrival(*len, arrival, &config);
        }
        assert_eq!(policy.owed(), owed);
        assert_eq!(policy.unacknowledged(), texts.iter().sum::<u32>());
    }

    #[test]
    fn sending_pays_the_debt() {
        let mut policy = AckPolicy::new(0);
        policy.on_text(1460, 1460);
        policy.sent();
        assert_eq!((policy.owed(), policy.unacknowledged()), (Owed::Nothing, 0));
        policy.on_text(1460, 1460);
        assert_eq!(policy.owed(), Owed::Soon);
        policy.now();
        assert_eq!(policy.owed(), Owed::Now);
    }

    #[test]
    fn quick_acknowledgments_run_out() {
        let mut policy = AckPolicy::new(2);
        for expected in [Owed::Now, Owed::Now, Owed::Soon] {
            policy.on_text(10, 1460);
            assert_eq!(policy.owed(), expected);
            policy.sent();
        }
    }

    /// The peer's rhythm is followed from its first text on; before that nothing is kept of it but the
    /// first guess at its full size.
    #[test]
    fn a_rhythm_begins_with_the_first_text() {
        let config = Config {
            acknowledging: Acknowledging::Adaptive,
            ..Config::default()
        };
        let mut policy = AckPolicy::with_config(&config);
        policy.on_established(1460, 400, 65_535);
        policy.on_text_sent(Instant::ZERO);
        policy.sent();
        assert_eq!(policy.rule, Rule::Unheard { full_size: 400 });
        policy.on_fin(true, &config);
        assert_eq!(policy.owed(), Owed::Soon);
        let Rule::Rhythm(adaptive) = &policy.rule else {
            panic!("{policy:?}");
        };
        assert_eq!(adaptive.full_size(), 400);
    }

    fn by(acknowledging: Acknowledging) -> (AckPolicy, Config) {
        let config = Config {
            acknowledging,
            delayed_ack: Duration::from_millis(40),
            delayed_ack_max: Duration::from_millis(200),
            ..Config::default()
        };
        (AckPolicy::with_config(&config), config)
    }

    /// RFC 9293 §3.8.6.3 leaves out what a full-sized segment is: the largest that came, or else what every peer may
    /// send (§3.7.1). Where the peer's rhythm counts, that rhythm has a guess of its own.
    #[test]
    fn a_full_sized_segment_is_the_largest_that_came() {
        let (mut policy, _) = by(Acknowledging::EverySecond);
        assert_eq!((policy.full_size(), policy.is_adaptive()), (536, false));
        policy.on_text(400, 1460);
        assert_eq!(policy.full_size(), 536);
        policy.on_text(1000, 1460);
        policy.on_text(700, 1460);
        assert_eq!(policy.full_size(), 1000);

        let (mut policy, config) = by(Acknowledging::Adaptive);
        assert_eq!((policy.full_size(), policy.is_adaptive()), (536, true));
        policy.on_fin(true, &config);
        assert_eq!((policy.full_size(), policy.is_adaptive()), (536, true));
    }

    /// The answer to our SYN is acknowledged at once, unless data waits that takes the acknowledgment along
    /// and the peer's rhythm allows it.
    #[rstest]
    #[case(Acknowledging::EverySecond, false, Owed::Now, false)]
    #[case(Acknowledging::EverySecond, true, Owed::Now, false)]
    #[case(Acknowledging::Adaptive, false, Owed::Now, false)]
    #[case(Acknowledging::Adaptive, true, Owed::Now, true)]
    fn the_end_of_the_handshake_is_acknowledged(
        #[case] acknowledging: Acknowledging,
        #[case] waits: bool,
        #[case] owed: Owed,
        #[case] is_delayed: bool,
    ) {
        let (mut policy, config) = by(acknowledging);
        policy.on_connected(waits, 65_535, Instant::ZERO, &config);
        assert_eq!((policy.owed(), policy.is_delayed()), (owed, is_delayed));
    }

    /// Quick acknowledgments are for short segments; a full-sized one does not use them up.
    #[test]
    fn a_full_sized_segment_needs_no_quick_acknowledgment() {
        let mut policy = AckPolicy::new(1);
        policy.on_text(1460, 1460);
        assert_eq!(policy.owed(), Owed::Soon);
        policy.sent();
        policy.on_text(10, 1460);
        assert_eq!(policy.owed(), Owed::Now);
    }

    /// A timer that runs goes on, unless something arrived since. Then 40 ms from now count, if that is sooner; and
    /// where no more than a quarter of them is left the acknowledgment leaves at once.
    #[rstest]
    #[case::first(None, true, Some(40))]
    #[case::brought_forward(Some(90), true, Some(40))]
    #[case::sooner_already(Some(30), true, Some(30))]
    #[case::more_than_a_quarter(Some(11), true, Some(11))]
    #[case::a_quarter(Some(10), true, None)]
    #[case::nothing_arrived(Some(90), false, Some(90))]
    #[case::nothing_arrived_and_a_quarter(Some(10), false, Some(10))]
    #[case::nothing_arrived_and_none_runs(None, false, Some(40))]
    fn the_delay_by_the_peers_rhythm(
        #[case] running: Option<u64>,
        #[case] arrived: bool,
        #[case] due: Option<u64>,
    ) {
        let now = Instant::from_millis(1000);
        let at = |millis: u64| now + Duration::from_millis(millis);
        let (mut policy, config) = by(Acknowledging::Adaptive);
        policy.on_connected(true, 65_535, now, &config);
        if !arrived {
            policy.due_at(None, Duration::ZERO, None, now);
        }
        let found = policy.due_at(running.map(at), Duration::ZERO, None, now);
        assert_eq!(found, due.map(at));
    }
}
