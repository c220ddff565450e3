//! What a pause leaves of the congestion window.

use core::time::Duration;

/// What becomes of the window when nothing was sent for longer than the retransmission timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AfterIdle {
    /// It stays: what may be in the network is sent in one burst.
    Keep,
    /// It falls to the initial window, if it is not smaller (RFC 5681 §4.1).
    #[default]
    InitialWindow,
    /// It is halved for each retransmission timeout of the pause, down to the initial window, and the
    /// threshold remembers three quarters of what it was (RFC 2861 §3.2; Linux).
    Decay,
}

/// Window and threshold after a pause.
// REQ: RFC5681-17
// REQ: RFC2861-1
// REQ: RFC2861-2
pub(super) fn after_idle(
    rule: AfterIdle,
    (cwnd, ssthresh): (u32, u32),
    initial: u32,
    (pause, rto): (Duration, Duration),
) -> (u32, u32) {
    match rule {
        AfterIdle::Keep => (cwnd, ssthresh),
        AfterIdle::InitialWindow => (cwnd.min(initial), ssthresh),
        AfterIdle::Decay => {
            let timeouts = pause.as_micros() / rto.as_micros().max(1);
            let halved = cwnd.checked_shr(timeouts.min(32) as u32).unwrap_or(0);
            let three_quarters = cwnd / 2 + cwnd / 4;
            (halved.max(initial.min(cwnd)), ssthresh.max(three_quarters))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// 36 segments of 1000 bytes, 10 of them at the start, an RTO of 300 ms.
    #[rstest]
    #[case::kept(AfterIdle::Keep, 36_000, 10_000, 5000, (36_000, 10_000))]
    #[case::to_the_start(AfterIdle::InitialWindow, 36_000, 10_000, 301, (10_000, 10_000))]
    #[case::smaller_already(AfterIdle::InitialWindow, 4_000, 10_000, 301, (4_000, 10_000))]
    #[case::half(AfterIdle::Decay, 36_000, 10_000, 301, (18_000, 27_000))]
    #[case::quarter_is_below_the_start(AfterIdle::Decay, 36_000, 10_000, 601, (10_000, 27_000))]
    #[case::decayed_already(AfterIdle::Decay, 4_000, 10_000, 9999, (4_000, 10_000))]
    #[case::never_lost(AfterIdle::Decay, 36_000, u32::MAX, 301, (18_000, u32::MAX))]
    #[case::for_ever(AfterIdle::Decay, 36_000, 0, 4_000_000_000, (10_000, 27_000))]
    fn a_pause(
        #[case] rule: AfterIdle,
        #[case] cwnd: u32,
        #[case] ssthresh: u32,
        #[case] pause: u64,
        #[case] expected: (u32, u32),
    ) {
        let times = (Duration::from_millis(pause), Duration::from_millis(300));
        assert_eq!(after_idle(rule, (cwnd, ssthresh), 10_000, times), expected);
    }
}
