//! How much may be in the network (RFC 5681): the congestion window, its threshold, and the
//! algorithm that moves them. Which segments are lost, and when, is [`send::recovery`]'s matter.
//!
//! [`send::recovery`]: crate::send

pub mod counted_cubic;
pub mod cubic;
pub mod hystart;
pub mod initial_window;
pub mod prr;
pub mod reno;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::time::Duration;

use crate::send::flight::Flight;
use crate::seq::SeqNum;
use crate::time::Instant;
pub use counted_cubic::HyStartRules;
use counted_cubic::{CountedCubic, Sample};
use cubic::Cubic;
use hystart::{HyStart, Round};
pub use initial_window::InitialWindow;
use reno::Reno;

/// How the window grows and what a loss leaves of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RFC 5681.
    #[default]
    Reno,
    /// RFC 9438.
    Cubic,
}

/// The choices of congestion control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How the window grows and what a loss leaves of it.
    pub algorithm: Algorithm,
    /// The window at the start (RFC 5681 §3.1, RFC 6928).
    pub initial_window: InitialWindow,
    /// As soon as the SYN or the SYN-ACK was sent again so often, the window at the start is one segment: 1
    /// by RFC 5681 §3.1 (RFC5681-4), 2 on Linux.
    pub lost_handshakes: u32,
    /// Segments that slow start adds for one acknowledgment at most: 1 by RFC 5681, 2 by RFC 3465,
    /// more where sending is paced.
    pub slow_start_limit: u32,
    /// The same in the slow start that follows a timeout, where acknowledgments tell of what arrived
    /// long ago: 1 by RFC 3465 §2.3.
    pub slow_start_limit_after_timeout: u32,
    /// Slow start ends when the round trip grows (RFC 9406).
    pub hystart: bool,
    /// The window grows only when it is what holds the sender back (RFC 7661, RFC 9438 §5.8).
    pub grow_only_if_used: bool,
    /// The window counts segments, each as a full-sized one, and a loss costs part of the window rather
    /// than of what is out, as Linux has it. RFC 5681 counts bytes, and what is out.
    pub count_segments: bool,
    /// The window grows by what arrives out of order, too, once more reordering was seen than a loss
    /// is told by, as Linux has it; else by what is acknowledged cumulatively only (RFC 5681 §3.1).
    pub grow_out_of_order: bool,
    /// How far marks of routers take the window down.
    pub least_after_marks: LeastAfterMarks,
    /// How slow start ends where segments are counted and the algorithm is CUBIC.
    pub counted_hystart: HyStartRules,
    /// A silence longer than the retransmission timeout takes the window back
    /// (`net.ipv4.tcp_slow_start_after_idle`).
    pub slow_start_after_idle: SlowStartAfterIdle,
}

/// What a silence does to the window (RFC 5681 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SlowStartAfterIdle {
    /// It falls to the restart window at once.
    #[default]
    AtOnce,
    /// It is halved for each timeout that passed, down to the restart window (RFC 2861 §3.1, Linux).
    Halving,
    /// It stays.
    Never,
}

/// What marks leave of the window at least (RFC 3168 §6.1.2, RFC 9438 §4.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LeastAfterMarks {
    /// One segment. A mark that meets a window of one makes the sender wait for a retransmission timeout,
    /// twice as long with each further one in a row.
    #[default]
    OneSegment,
    /// Two segments, as after a loss (Linux, FreeBSD).
    TwoSegments,
}

impl Default for Rules {
    /// RFC 5681.
    fn default() -> Rules {
        Rules {
            algorithm: Algorithm::Reno,
            initial_window: InitialWindow::Rfc5681,
            lost_handshakes: 1,
            slow_start_limit: 1,
            slow_start_limit_after_timeout: 1,
            hystart: false,
            grow_only_if_used: false,
            count_segments: false,
            grow_out_of_order: false,
            least_after_marks: LeastAfterMarks::OneSegment,
            counted_hystart: HyStartRules::default(),
            slow_start_after_idle: SlowStartAfterIdle::AtOnce,
        }
    }
}

/// An acknowledgment of new data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acked {
    /// How many bytes are acknowledged that were not before.
    pub bytes: u32,
    /// How many segments were delivered with them, selectively too.
    pub segments: u32,
    /// Whether the window was used up before it came.
    pub window_used: bool,
    /// It tells of congestion (RFC 3168 §6.1.2): the window does not grow.
    pub marked: bool,
    /// SND.UNA after it.
    pub una: SeqNum,
    /// SND.NXT.
    pub nxt: SeqNum,
    /// The round trip it measured, if it measured one.
    pub rtt: Option<Duration>,
    /// SRTT, once there is one.
    pub srtt: Option<Duration>,
    /// When it came.
    pub now: Instant,
}

/// What a reduction can be taken back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    cwnd: u32,
    ssthresh: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Control {
    Reno(Reno),
    /// There is none before its first use.
    Cubic(Option<Box<Cubic>>),
    /// The same.
    Counted(Option<Box<CountedCubic>>),
}

/// The congestion state of one connection. All sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Congestion {
    /// The same for all connections of a host.
    rules: Arc<Rules>,
    smss: u32,
    cwnd: u32,
    ssthresh: u32,
    control: Control,
    /// There is none before slow start's first acknowledgment.
    hystart: Option<Box<HyStart>>,
    /// The present slow start follows a timeout.
    after_timeout: bool,
}

impl Congestion {
    /// The state at the start of a connection, for segments of `smss` bytes (at least 1).
    pub fn new(smss: u32, rules: impl Into<Arc<Rules>>) -> Congestion {
        let rules = rules.into();
        let smss = smss.max(1);
        Congestion {
            smss,
            // REQ: RFC5681-3
            cwnd: rules.initial_window.bytes(smss),
            // REQ: RFC5681-8
            ssthresh: u32::MAX,
            control: match rules.algorithm {
                Algorithm::Reno => Control::Reno(Reno::default()),
                Algorithm::Cubic if rules.count_segments => Control::Counted(None),
                Algorithm::Cubic => Control::Cubic(None),
            },
            hystart: None,
            after_timeout: false,
            rules,
        }
    }

    /// The same rules for a connection that begins anew.
    pub fn restarted(&self) -> Congestion {
        Congestion::new(self.smss, Arc::clone(&self.rules))
    }

    /// The congestion window, at least one segment.
    pub const fn cwnd(&self) -> u32 {
        self.cwnd
    }

    /// The congestion window in segments, at least one.
    pub const fn segments(&self) -> u32 {
        let segments = self.cwnd / self.smss;
        if segments == 0 { 1 } else { segments }
    }

    /// What `bytes` in so many segments count.
    pub fn measure(&self, bytes: u32, segments: u32) -> u32 {
        if self.rules.count_segments {
            segments.saturating_mul(self.smss)
        } else {
            bytes
        }
    }

    /// What is thought to be in the network.
    pub fn pipe(&self, flight: &Flight) -> u32 {
        self.measure(flight.pipe(), flight.segments_out())
    }

    /// The slow start threshold; `u32::MAX` before the first loss.
    pub const fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// The segment size that counts.
    pub const fn smss(&self) -> u32 {
        self.smss
    }

    /// True in slow start: RFC 5681 leaves `cwnd == ssthresh` open, here it is avoidance.
    pub const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// The handshake is done and the segment size known. Its SYN or SYN-ACK was sent again `repeats` times,
    /// which may cost the initial window (RFC 5681 §3.1).
    pub fn on_established(&mut self, smss: u32, repeats: u32) {
        self.smss = smss.max(1);
        // REQ: RFC5681-4
        self.cwnd = if repeats >= self.rules.lost_handshakes.max(1) {
            self.smss
        } else {
            self.rules.initial_window.bytes(self.smss)
        };
    }

    /// The path became narrower or wider: from now on segments of `smss` bytes count.
    pub fn set_smss(&mut self, smss: u32) {
        self.smss = smss.max(1);
    }

    /// New data was acknowledged outside fast recovery: the window opens.
    // REQ: RFC5681-5
    // REQ: RFC9438-9
    pub fn on_acked(&mut self, acked: Acked) {
        // REQ: RFC3168-8
        if acked.marked {
            return;
        }
        let slow_start = self.in_slow_start();
        let window = self.segments();
        if let Control::Counted(cubic) = &mut self.control
            && counted(cubic, &self.rules).on_sample(Sample {
                una: acked.una,
                nxt: acked.nxt,
                rtt: acked.rtt,
                now: acked.now,
                window,
                slow_start,
            })
        {
            self.ssthresh = self.cwnd;
        }
        self.grow(acked);
    }

    /// Data arrived out of order on a path that is known to reorder: the window opens for it, too, where
    /// the rules say so.
    pub fn on_out_of_order(&mut self, acked: Acked) {
        if self.rules.grow_out_of_order && !acked.marked {
            self.grow(acked);
        }
    }

    fn grow(&mut self, acked: Acked) {
        if self.rules.grow_only_if_used && !acked.window_used {
            if let Control::Cubic(Some(cubic)) = &mut self.control {
                cubic.on_idle();
            }
            return;
        }
        let mut acked = acked;
        if self.rules.count_segments {
            acked.bytes = acked.segments.saturating_mul(self.smss);
            if self.in_slow_start() {
                let added = self.slow_start(acked).min(self.ssthresh - self.cwnd);
                self.cwnd += added;
                acked.bytes -= added.min(acked.bytes);
                if acked.bytes == 0 || self.in_slow_start() {
                    return;
                }
            }
        }
        let window = self.segments();
        let added = if self.in_slow_start() {
            self.slow_start(acked)
        } else {
            self.after_timeout = false;
            match &mut self.control {
                Control::Reno(reno) => reno.avoidance(acked.bytes, self.cwnd, self.smss),
                Control::Cubic(cubic) => {
                    let srtt = acked.srtt.unwrap_or_default();
                    let cubic = cubic.get_or_insert_default();
                    cubic.avoidance(acked.bytes, self.cwnd, self.smss, acked.now, srtt)
                }
                Control::Counted(cubic) => {
                    let segments = acked.bytes / self.smss;
                    let cubic = counted(cubic, &self.rules);
                    let added = cubic.avoidance(window, segments, acked.now);
                    added.saturating_mul(self.smss)
                }
            }
        };
        self.cwnd = self.cwnd.saturating_add(added);
    }

    fn slow_start(&mut self, acked: Acked) -> u32 {
        // REQ: RFC3465-1
        // REQ: RFC3465-2
        let limit = if self.after_timeout {
            self.rules.slow_start_limit_after_timeout
        } else {
            self.rules.slow_start_limit
        };
        if !self.rules.hystart || self.after_timeout {
            return reno::slow_start(acked.bytes, self.smss, limit);
        }
        let Acked { una, nxt, rtt, .. } = acked;
        let hystart = self.hystart.get_or_insert_default();
        if hystart.on_ack(Round { una, nxt, rtt }) {
            self.ssthresh = self.cwnd;
        }
        hystart.growth(acked.bytes, self.smss)
    }

    /// A loss was found with `flight` bytes out: the threshold falls. What the window becomes is
    /// for the recovery to say.
    // REQ: RFC5681-9
    pub fn on_loss(&mut self, flight: u32) {
        let flight = if self.rules.count_segments {
            self.cwnd
        } else {
            flight
        };
        let window = self.segments();
        self.ssthresh = match &mut self.control {
            Control::Reno(reno) => {
                reno.restart();
                reno::threshold_after_loss(flight, self.smss)
            }
            Control::Cubic(cubic) => {
                let cubic = cubic.get_or_insert_default();
                cubic.on_loss(flight, self.cwnd, self.smss)
            }
            Control::Counted(cubic) => {
                let cubic = counted(cubic, &self.rules);
                cubic.on_loss(window).saturating_mul(self.smss)
            }
        };
        if self.rules.count_segments {
            self.ssthresh -= self.ssthresh % self.smss;
        }
        if let Some(hystart) = &mut self.hystart {
            hystart.restart();
        }
    }

    /// Routers marked what was sent, of which `flight` bytes were out: the threshold falls as for a loss,
    /// and the window with it. True if the window was at its least before, so that the sender can slow
    /// down by waiting only.
    // REQ: RFC9438-7
    pub fn on_mark(&mut self, flight: u32) -> bool {
        let (cwnd, window) = (self.cwnd, self.segments());
        self.on_loss(flight);
        let least = self.rules.least_after_marks == LeastAfterMarks::TwoSegments;
        self.set_cwnd(match &self.control {
            _ if least => self.ssthresh,
            Control::Reno(_) => reno::remains(flight),
            Control::Cubic(_) => cubic::remains(flight),
            Control::Counted(_) => counted_cubic::remains(window).saturating_mul(self.smss),
        });
        !least && cwnd <= self.smss
    }

    /// What there is before a reduction.
    pub const fn snapshot(&self) -> Snapshot {
        Snapshot {
            cwnd: self.cwnd,
            ssthresh: self.ssthresh,
        }
    }

    /// The reduction was for nothing (RFC 4015 §3.2): window and threshold are at least what they
    /// were.
    pub fn restore(&mut self, before: Snapshot) {
        self.cwnd = self.cwnd.max(before.cwnd);
        self.ssthresh = self.ssthresh.max(before.ssthresh);
        self.after_timeout = false;
    }

    /// Recovery sets the window; never less than one segment.
    pub fn set_cwnd(&mut self, bytes: u32) {
        self.cwnd = bytes.max(self.smss);
    }

    /// Something is sent after a time of `pause` in which nothing was, and nothing was out.
    pub fn on_pause(&mut self, pause: Duration, now: Instant) {
        if let Control::Counted(Some(cubic)) = &mut self.control {
            cubic.on_pause(pause, now);
        }
    }

    /// The retransmission timer expired with `flight` bytes out. `first` is false when it is the
    /// same segment's timer that expires again: the threshold then stays (RFC 5681 §3.1).
    pub fn on_timeout(&mut self, flight: u32, first: bool) {
        if first {
            self.on_loss(flight);
        }
        if let Control::Counted(Some(cubic)) = &mut self.control {
            cubic.on_timeout();
        }
        // REQ: RFC5681-10
        self.cwnd = self.smss;
        self.after_timeout = true;
    }

    /// Nothing was sent for longer than the retransmission timeout (RFC 5681 §4.1).
    /// `timeouts` is how often it would have expired meanwhile.
    pub fn on_idle(&mut self, timeouts: u64) {
        // The window may stay, but it does not grow by the time in which nothing was sent.
        // REQ: RFC9438-8
        if let Control::Cubic(Some(cubic)) = &mut self.control {
            cubic.on_idle();
        }
        // REQ: RFC5681-17
        let restart = self.cwnd.min(self.rules.initial_window.bytes(self.smss));
        match self.rules.slow_start_after_idle {
            SlowStartAfterIdle::Never => {}
            SlowStartAfterIdle::AtOnce => self.cwnd = restart,
            SlowStartAfterIdle::Halving => {
                // Linux: "3/4 of the window" is what slow start then leads back to.
                self.ssthresh = self.ssthresh.max(self.cwnd / 4 * 3);
                let halved = self.cwnd.checked_shr(timeouts.min(31) as u32).unwrap_or(0);
                self.cwnd = (halved - halved % self.smss).max(restart);
            }
        }
    }
}

/// The state of Linux's CUBIC, made at its first use.
fn counted<'a>(cubic: &'a mut Option<Box<CountedCubic>>, rules: &Rules) -> &'a mut CountedCubic {
    cubic.get_or_insert_with(|| Box::new(CountedCubic::new(rules.counted_hystart)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const SMSS: u32 = 1000;

    fn rules() -> Rules {
        Rules {
            initial_window: InitialWindow::Segments(10),
            ..Rules::default()
        }
    }

    fn ten_segments() -> Congestion {
        Congestion::new(SMSS, rules())
    }

    fn acked(bytes: u32) -> Acked {
        Acked {
            bytes,
            segments: bytes.div_ceil(SMSS),
            window_used: true,
            marked: false,
            una: SeqNum::new(bytes),
            nxt: SeqNum::new(bytes) + 10_000,
            rtt: None,
            srtt: None,
            now: Instant::ZERO,
        }
    }

    #[rstest]
    #[case::full_segment(1000, 11_000)]
    #[case::stretch(2500, 11_000)]
    #[case::part(300, 10_300)]
    fn slow_start_adds_what_was_acked_up_to_a_segment(#[case] bytes: u32, #[case] cwnd: u32) {
        let mut congestion = ten_segments();
        assert!(congestion.in_slow_start());
        congestion.on_acked(acked(bytes));
        assert_eq!(congestion.cwnd(), cwnd);
    }

    #[test]
    fn avoidance_adds_a_segment_for_each_window() {
        let mut congestion = ten_segments();
        congestion.on_timeout(8_000, true);
        assert_eq!((congestion.cwnd(), congestion.ssthresh()), (1_000, 4_000));
        for _ in 0..3 {
            congestion.on_acked(acked(1_000));
        }
        let slow_start = congestion.in_slow_start();
        assert_eq!((congestion.cwnd(), slow_start), (4_000, false));
        let grown: [u32; 9] = core::array::from_fn(|_| {
            congestion.on_acked(acked(1_000));
            congestion.cwnd()
        });
        let expected = [
            4_000, 4_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000, 6_000,
        ];
        assert_eq!(grown, expected);
    }

    /// RFC 3465 §2.3: an acknowledgment after a timeout may tell of what arrived long before.
    #[rstest]
    #[case::rfc_3465(1, [2_000, 3_000])]
    #[case::unlimited(u32::MAX, [5_000, 9_000])]
    fn slow_start_is_careful_after_a_timeout(
        #[case] slow_start_limit_after_timeout: u32,
        #[case] expected: [u32; 2],
    ) {
        let mut congestion = Congestion::new(
            SMSS,
            Rules {
                slow_start_limit: 2,
                slow_start_limit_after_timeout,
                ..rules()
            },
        );
        congestion.on_timeout(16_000, true);
        let grown = [4_000, 4_000].map(|bytes| {
            congestion.on_acked(acked(bytes));
            congestion.cwnd()
        });
        assert_eq!(grown, expected);
        // Once it has ended, the ordinary limit counts again.
        congestion.set_cwnd(8_000);
        congestion.on_acked(acked(1));
        congestion.on_loss(20_000);
        congestion.set_cwnd(4_000);
        congestion.on_acked(acked(4_000));
        assert_eq!(congestion.cwnd(), 6_000);
    }

    #[test]
    fn a_repeated_timeout_leaves_the_threshold() {
        let mut congestion = ten_segments();
        congestion.on_timeout(10_000, true);
        congestion.on_timeout(1_000, false);
        assert_eq!((congestion.cwnd(), congestion.ssthresh()), (1_000, 5_000));
    }

    #[rstest]
    #[case::kept(1, 0, 10_000 / 2)]
    #[case::lost(1, 1, 500)]
    #[case::lost_twice(1, 2, 500)]
    #[case::kept_by_linux(2, 1, 10_000 / 2)]
    #[case::lost_twice_on_linux(2, 2, 500)]
    fn a_lost_syn_costs_the_initial_window(
        #[case] lost_handshakes: u32,
        #[case] repeats: u32,
        #[case] cwnd: u32,
    ) {
        let rules = Rules {
            lost_handshakes,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.on_established(500, repeats);
        assert_eq!(congestion.cwnd(), cwnd);
    }

    #[test]
    fn idleness_takes_the_window_back_to_its_start_and_no_further() {
        let mut congestion = ten_segments();
        congestion.on_acked(acked(1_000));
        congestion.on_idle(1);
        assert_eq!(congestion.cwnd(), 10_000);
        congestion.on_timeout(4_000, true);
        congestion.on_idle(1);
        assert_eq!(congestion.cwnd(), 1_000);
    }

    /// RFC 9438 §4.2: the clock of CUBIC stands still while nothing is sent, also where the window
    /// may stay as it is.
    #[rstest]
    #[case(SlowStartAfterIdle::AtOnce)]
    #[case(SlowStartAfterIdle::Never)]
    fn cubic_does_not_grow_by_a_pause(#[case] slow_start_after_idle: SlowStartAfterIdle) {
        let rules = Rules {
            algorithm: Algorithm::Cubic,
            slow_start_after_idle,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.on_loss(10_000);
        congestion.set_cwnd(7_000);
        congestion.on_acked(acked(1_000));
        let later = Instant::ZERO + Duration::from_secs(10);
        congestion.on_idle(5);
        for _ in 0..7 {
            congestion.on_acked(Acked {
                now: later,
                ..acked(1_000)
            });
        }
        assert_eq!(congestion.cwnd() / SMSS, 7);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow_if_so_ruled() {
        let idle = Acked {
            window_used: false,
            ..acked(1_000)
        };
        let mut congestion = ten_segments();
        congestion.on_acked(idle);
        assert_eq!(congestion.cwnd(), 11_000);
        let rules = Rules {
            grow_only_if_used: true,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.on_acked(idle);
        assert_eq!(congestion.cwnd(), 10_000);
    }

    /// RFC 9438 §5.8: a time in which the user sends less than he may is none in which CUBIC grows.
    #[rstest]
    #[case::always_used(true)]
    #[case::not_used_for_a_minute(false)]
    fn cubic_does_not_count_time_in_which_the_window_was_not_used(#[case] used: bool) {
        let rules = Rules {
            algorithm: Algorithm::Cubic,
            grow_only_if_used: true,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.on_loss(100_000);
        congestion.set_cwnd(congestion.ssthresh());
        let at = |millis, window_used| Acked {
            window_used,
            srtt: Some(Duration::from_millis(10)),
            now: Instant::from_millis(millis),
            ..acked(1_000)
        };
        congestion.on_acked(at(0, true));
        congestion.on_acked(at(59_990, used));
        let before = congestion.cwnd();
        congestion.on_acked(at(60_000, true));
        let grown = congestion.cwnd() - before;
        // A minute after the loss the curve is far above: half a segment for each that arrives.
        // At the start of a new one it is not.
        assert_eq!(grown > 400, used, "{grown}");
    }

    /// RFC 9406 §4.2: after five rounds of conservative slow start the threshold is the window.
    #[test]
    fn hystart_ends_slow_start_at_the_present_window() {
        let rules = Rules {
            hystart: true,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        let mut ended = None;
        for number in 0..10 {
            let rtt = Duration::from_millis(if number < 2 { 80 } else { 120 });
            for n in 1..=10 {
                congestion.on_acked(Acked {
                    una: SeqNum::new(number * 10 + n),
                    nxt: SeqNum::new(number * 10 + n + 10),
                    rtt: Some(rtt),
                    ..acked(1_000)
                });
                if ended.is_none() && !congestion.in_slow_start() {
                    ended = Some((number, congestion.ssthresh()));
                }
            }
        }
        let Some((number, ssthresh)) = ended else {
            panic!("slow start goes on")
        };
        // Noticed in round 2, with one that begins where that one's samples are enough.
        assert_eq!(number, 7);
        assert_eq!(congestion.ssthresh(), ssthresh);
        // From there on a segment for each window.
        let window = congestion.cwnd();
        congestion.on_acked(acked(1_000));
        assert!(congestion.cwnd() - window < 1_000);
    }

    /// Linux: an ACK train of half a round trip ends slow start where the window is then.
    #[test]
    fn a_train_ends_slow_start_at_the_present_window() {
        let rules = Rules {
            algorithm: Algorithm::Cubic,
            count_segments: true,
            initial_window: InitialWindow::Segments(20),
            ..Rules::default()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        for millis in 0..=10 {
            assert!(congestion.in_slow_start(), "after {millis} ms");
            congestion.on_acked(Acked {
                una: SeqNum::new(1),
                nxt: SeqNum::new(100_000),
                rtt: Some(Duration::from_millis(18)),
                now: Instant::from_millis(1000 + millis),
                ..acked(1_000)
            });
        }
        assert!(!congestion.in_slow_start());
        assert_eq!(congestion.ssthresh(), 20_000 + 10 * 1_000);
    }

    /// `net.ipv4.tcp_slow_start_after_idle`.
    #[rstest]
    #[case::rfc_5681(SlowStartAfterIdle::AtOnce, 10_000)]
    #[case::linux(SlowStartAfterIdle::Halving, 20_000)]
    #[case::never(SlowStartAfterIdle::Never, 40_000)]
    fn what_a_pause_leaves_of_the_window(#[case] rule: SlowStartAfterIdle, #[case] left: u32) {
        let rules = Rules {
            slow_start_after_idle: rule,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.set_cwnd(40_000);
        congestion.on_idle(1);
        assert_eq!(congestion.cwnd(), left);
    }

    #[test]
    fn cubic_leaves_more_after_a_loss() {
        let rules = Rules {
            algorithm: Algorithm::Cubic,
            ..rules()
        };
        let mut congestion = Congestion::new(SMSS, rules);
        congestion.on_loss(10_000);
        assert_eq!(congestion.ssthresh(), 7_000);
    }

    proptest! {
        #[test]
        fn the_window_never_closes_and_nothing_overflows(
            smss: u32,
            cubic: bool,
            steps in prop::collection::vec((0u8..6, any::<u32>(), any::<bool>()), 0..60),
        ) {
            let algorithm = if cubic { Algorithm::Cubic } else { Algorithm::Reno };
            let rules = Rules { algorithm, hystart: cubic, ..rules() };
            let mut congestion = Congestion::new(smss, rules);
            for (kind, a, first) in steps {
                match kind {
                    0 => congestion.on_acked(acked(a)),
                    1 => congestion.on_loss(a),
                    2 => congestion.on_timeout(a, first),
                    3 => congestion.on_idle(u64::from(a)),
                    4 => congestion.set_cwnd(a),
                    _ => congestion.set_smss(a),
                }
                prop_assert!(congestion.cwnd() >= 1);
            }
        }
    }
}
