//! How much may be in the network (RFC 5681): the congestion window, its threshold, and the
//! algorithm that moves them. Which segments are lost, and when, is [`send::recovery`]'s matter.
//!
//! [`send::recovery`]: crate::send

pub mod initial_window;
pub mod prr;
pub mod reno;

pub use initial_window::InitialWindow;
use reno::Reno;

/// The congestion state of one connection. All sizes are bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Congestion {
    smss: u32,
    initial_window: InitialWindow,
    cwnd: u32,
    ssthresh: u32,
    control: Reno,
}

impl Congestion {
    /// The state at the start of a connection, for segments of `smss` bytes (at least 1).
    pub fn new(smss: u32, initial_window: InitialWindow) -> Congestion {
        let smss = smss.max(1);
        Congestion {
            smss,
            initial_window,
            // REQ: RFC5681-3
            cwnd: initial_window.bytes(smss),
            // REQ: RFC5681-8
            ssthresh: u32::MAX,
            control: Reno::default(),
        }
    }

    /// The congestion window, at least one segment.
    pub const fn cwnd(&self) -> u32 {
        self.cwnd
    }

    /// The slow start threshold; `u32::MAX` before the first loss.
    pub const fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// The rule for the window at the start.
    pub const fn initial_window(&self) -> InitialWindow {
        self.initial_window
    }

    /// The segment size that counts.
    pub const fn smss(&self) -> u32 {
        self.smss
    }

    /// True in slow start: RFC 5681 leaves `cwnd == ssthresh` open, here it is avoidance.
    pub const fn in_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// The handshake is done and the segment size known. A SYN that was lost costs the initial
    /// window (RFC 5681 §3.1).
    pub fn on_established(&mut self, smss: u32, syn_was_lost: bool) {
        self.smss = smss.max(1);
        // REQ: RFC5681-4
        self.cwnd = if syn_was_lost {
            self.smss
        } else {
            self.initial_window.bytes(self.smss)
        };
    }

    /// The path became narrower or wider: from now on segments of `smss` bytes count.
    pub fn set_smss(&mut self, smss: u32) {
        self.smss = smss.max(1);
    }

    /// `acked` bytes of new data were acknowledged outside fast recovery: the window opens.
    // REQ: RFC5681-5
    pub fn on_acked(&mut self, acked: u32) {
        let added = if self.in_slow_start() {
            reno::slow_start(acked, self.smss)
        } else {
            self.control.avoidance(acked, self.cwnd, self.smss)
        };
        self.cwnd = self.cwnd.saturating_add(added);
    }

    /// A loss was found with `flight` bytes out: the threshold falls. What the window becomes is
    /// for the recovery to say.
    // REQ: RFC5681-9
    pub fn on_loss(&mut self, flight: u32) {
        self.ssthresh = reno::threshold_after_loss(flight, self.smss);
        self.control.restart();
    }

    /// Recovery sets the window; never less than one segment.
    pub fn set_cwnd(&mut self, bytes: u32) {
        self.cwnd = bytes.max(self.smss);
    }

    /// The retransmission timer expired with `flight` bytes out. `first` is false when it is the
    /// same segment's timer that expires again: the threshold then stays (RFC 5681 §3.1).
    pub fn on_timeout(&mut self, flight: u32, first: bool) {
        if first {
            self.on_loss(flight);
        }
        // REQ: RFC5681-10
        self.cwnd = self.smss;
        self.control.restart();
    }

    /// Nothing was sent for longer than the retransmission timeout (RFC 5681 §4.1).
    pub fn on_idle(&mut self) {
        // REQ: RFC5681-17
        self.cwnd = self.cwnd.min(self.initial_window.bytes(self.smss));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const SMSS: u32 = 1000;

    fn ten_segments() -> Congestion {
        Congestion::new(SMSS, InitialWindow::Segments(10))
    }

    #[rstest]
    #[case::full_segment(1000, 11_000)]
    #[case::stretch(2500, 11_000)]
    #[case::part(300, 10_300)]
    fn slow_start_adds_what_was_acked_up_to_a_segment(#[case] acked: u32, #[case] cwnd: u32) {
        let mut congestion = ten_segments();
        assert!(congestion.in_slow_start());
        congestion.on_acked(acked);
        assert_eq!(congestion.cwnd(), cwnd);
    }

    #[test]
    fn avoidance_adds_a_segment_for_each_window() {
        let mut congestion = ten_segments();
        congestion.on_timeout(8_000, true);
        assert_eq!((congestion.cwnd(), congestion.ssthresh()), (1_000, 4_000));
        for _ in 0..3 {
            congestion.on_acked(1_000);
        }
        let slow_start = congestion.in_slow_start();
        assert_eq!((congestion.cwnd(), slow_start), (4_000, false));
        let grown: [u32; 9] = core::array::from_fn(|_| {
            congestion.on_acked(1_000);
            congestion.cwnd()
        });
        let expected = [
            4_000, 4_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000, 6_000,
        ];
        assert_eq!(grown, expected);
    }

    #[test]
    fn a_repeated_timeout_leaves_the_threshold() {
        let mut congestion = ten_segments();
        congestion.on_timeout(10_000, true);
        congestion.on_timeout(1_000, false);
        assert_eq!((congestion.cwnd(), congestion.ssthresh()), (1_000, 5_000));
    }

    #[rstest]
    #[case::kept(false, 10_000 / 2)]
    #[case::lost(true, 500)]
    fn a_lost_syn_costs_the_initial_window(#[case] lost: bool, #[case] cwnd: u32) {
        let mut congestion = ten_segments();
        congestion.on_established(500, lost);
        assert_eq!(congestion.cwnd(), cwnd);
    }

    #[test]
    fn idleness_takes_the_window_back_to_its_start_and_no_further() {
        let mut congestion = ten_segments();
        congestion.on_acked(1_000);
        congestion.on_idle();
        assert_eq!(congestion.cwnd(), 10_000);
        congestion.on_timeout(4_000, true);
        congestion.on_idle();
        assert_eq!(congestion.cwnd(), 1_000);
    }

    proptest! {
        #[test]
        fn the_window_never_closes_and_nothing_overflows(
            smss: u32,
            steps in prop::collection::vec((0u8..6, any::<u32>(), any::<bool>()), 0..60),
        ) {
            let mut congestion = Congestion::new(smss, InitialWindow::Rfc6928);
            for (kind, a, first) in steps {
                match kind {
                    0 => congestion.on_acked(a),
                    1 => congestion.on_loss(a),
                    2 => congestion.on_timeout(a, first),
                    3 => congestion.on_idle(),
                    4 => congestion.set_cwnd(a),
                    _ => congestion.set_smss(a),
                }
                prop_assert!(congestion.cwnd() >= 1);
            }
        }
    }
}
