//! HyStart++ (RFC 9406): slow start ends when the round trip grows, before something is lost.

use core::time::Duration;

use crate::seq::SeqNum;

/// MIN_RTT_THRESH and MAX_RTT_THRESH: the rise that counts is an eighth of the round trip, within
/// these limits.
const RTT_THRESH: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(16));
/// MIN_RTT_DIVISOR
const MIN_RTT_DIVISOR: u32 = 8;
/// N_RTT_SAMPLE: how many samples make a round's minimum worth something.
const N_RTT_SAMPLE: u32 = 8;
/// CSS_GROWTH_DIVISOR: how much slower conservative slow start is.
const CSS_GROWTH_DIVISOR: u32 = 4;
/// CSS_ROUNDS: how long it lasts before slow start is over.
const CSS_ROUNDS: u32 = 5;
/// L: segments an acknowledgment may add where sending is not paced.
const L: u32 = 8;

/// Conservative slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Conservative {
    /// cssBaselineMinRtt: below it the rise was a false alarm.
    baseline: Duration,
    rounds: u32,
}

/// The state of one slow start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HyStart {
    /// windowEnd: the round is over when this is acknowledged.
    window_end: Option<SeqNum>,
    last_round_min: Option<Duration>,
    round_min: Option<Duration>,
    samples: u32,
    conservative: Option<Conservative>,
}

/// An acknowledgment in slow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// SND.UNA after it.
    pub una: SeqNum,
    /// SND.NXT.
    pub nxt: SeqNum,
    /// The round trip it measured, if it measured one.
    pub rtt: Option<Duration>,
}

impl HyStart {
    /// Takes an acknowledgment. Answers whether slow start is over: the threshold becomes the
    /// window.
    // REQ: RFC9438-1
    pub fn on_ack(&mut self, round: Round) -> bool {
        self.note_sample(round.rtt);
        let over = self.window_end.is_none_or(|end| round.una.at_or_after(end));
        if !over {
            return false;
        }
        self.window_end = Some(round.nxt);
        self.last_round_min = self.round_min.take();
        self.samples = 0;
        let Some(conservative) = &mut self.conservative else {
            return false;
        };
        conservative.rounds += 1;
        conservative.rounds >= CSS_ROUNDS
    }

    fn note_sample(&mut self, rtt: Option<Duration>) {
        let Some(rtt) = rtt else { return };
        self.samples = self.samples.saturating_add(1);
        let least = self.round_min.map_or(rtt, |least| least.min(rtt));
        self.round_min = Some(least);
        if self.samples < N_RTT_SAMPLE {
            return;
        }
        if let Some(conservative) = self.conservative {
            if least < conservative.baseline {
                self.conservative = None;
            }
            return;
        }
        let Some(last) = self.last_round_min else {
            return;
        };
        let rise = (last / MIN_RTT_DIVISOR).clamp(RTT_THRESH.0, RTT_THRESH.1);
        if least >= last + rise {
            self.conservative = Some(Conservative {
                baseline: least,
                rounds: 0,
            });
        }
    }

    /// What slow start adds for `acked` bytes.
    pub fn growth(&self, acked: u32, smss: u32) -> u32 {
        let most = acked.min(smss.saturating_mul(L));
        match self.conservative {
            Some(_) => most / CSS_GROWTH_DIVISOR,
            None => most,
        }
    }

    /// Slow start begins anew.
    pub fn restart(&mut self) {
        *self = HyStart::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const START: SeqNum = SeqNum::new(u32::MAX - 10);

    /// A round of ten acknowledgments that measure `millis`; whether slow start was over at its end.
    fn round(hystart: &mut HyStart, number: u32, millis: u64) -> bool {
        round_of(hystart, number, 10, Duration::from_millis(millis))
    }

    /// The first `acks` of a round of ten.
    fn round_of(hystart: &mut HyStart, number: u32, acks: u32, rtt: Duration) -> bool {
        let mut over = false;
        for n in 0..acks {
            let una = START + number * 10 + n + 1;
            over |= hystart.on_ack(Round {
                una,
                nxt: una + 10,
                rtt: Some(rtt),
            });
        }
        over
    }

    fn is_conservative(hystart: &HyStart) -> bool {
        hystart.growth(4_000, 1_000) == 1_000
    }

    #[rstest]
    #[case::an_eighth(80, 90, true)]
    #[case::less_than_an_eighth(80, 89, false)]
    #[case::at_least_four_milliseconds(8, 11, false)]
    #[case::four_milliseconds(8, 12, true)]
    #[case::at_most_sixteen(800, 816, true)]
    fn a_rise_of_the_round_trip_slows_down(
        #[case] before: u64,
        #[case] after: u64,
        #[case] slower: bool,
    ) {
        let mut hystart = HyStart::default();
        round(&mut hystart, 0, before);
        round(&mut hystart, 1, before);
        assert!(!is_conservative(&hystart));
        round(&mut hystart, 2, after);
        assert_eq!(is_conservative(&hystart), slower);
    }

    #[test]
    fn five_slow_rounds_end_slow_start() {
        let mut hystart = HyStart::default();
        round(&mut hystart, 0, 80);
        round(&mut hystart, 1, 80);
        let over: [bool; 7] = core::array::from_fn(|n| round(&mut hystart, 2 + n as u32, 120));
        assert_eq!(over, [false, false, false, false, false, true, true]);
    }

    #[test]
    fn a_false_alarm_is_taken_back() {
        let mut hystart = HyStart::default();
        round(&mut hystart, 0, 80);
        round(&mut hystart, 1, 80);
        round(&mut hystart, 2, 120);
        assert!(is_conservative(&hystart));
        round(&mut hystart, 3, 100);
        assert!(!is_conservative(&hystart));
    }

    /// RFC 9406 §4.2: RttThresh = max(4 ms, min(lastRoundMinRTT / 8, 16 ms)). Each line: the least
    /// round trip of one round and the first of the next that counts as a rise, in µs.
    #[rstest]
    #[case::tiny(100, 4_100)]
    #[case::where_the_eighth_takes_over(32_000, 36_000)]
    #[case::an_eighth(60_000, 67_500)]
    #[case::the_last_eighth(128_000, 144_000)]
    #[case::capped(200_000, 216_000)]
    fn the_rise_that_counts(#[case] before: u64, #[case] first: u64) {
        for (after, slower) in [(first - 1, false), (first, true)] {
            let mut hystart = HyStart::default();
            for (number, micros) in [before, before, after].into_iter().enumerate() {
                round_of(
                    &mut hystart,
                    number as u32,
                    10,
                    Duration::from_micros(micros),
                );
            }
            assert_eq!(is_conservative(&hystart), slower, "{after} after {before}");
        }
    }

    /// Fewer than N_RTT_SAMPLE = 8 samples say nothing of a round. The acknowledgment that ends a
    /// round is the last of that round.
    #[rstest]
    #[case::too_few(7, false)]
    #[case::enough(8, true)]
    fn a_rise_needs_eight_samples(#[case] samples: u32, #[case] slower: bool) {
        let mut hystart = HyStart::default();
        let millis = Duration::from_millis;
        round_of(&mut hystart, 0, 10, millis(80));
        round_of(&mut hystart, 1, 10, millis(80));
        round_of(&mut hystart, 2, 1 + samples, millis(120));
        assert_eq!(is_conservative(&hystart), slower);
    }

    /// RFC 9406 §4.2: lastRoundMinRTT is infinite at first, and nothing is a rise from there. Here the
    /// first round has measured nothing, as after a SYN that was sent twice.
    #[test]
    fn without_a_round_before_nothing_is_a_rise() {
        let mut hystart = HyStart::default();
        hystart.on_ack(Round {
            una: START,
            nxt: START + 10,
            rtt: None,
        });
        round_of(&mut hystart, 0, 10, Duration::from_millis(500));
        assert!(!is_conservative(&hystart));
        round_of(&mut hystart, 1, 10, Duration::from_millis(600));
        assert!(is_conservative(&hystart));
    }

    #[test]
    fn an_acknowledgment_adds_eight_segments_at_most() {
        assert_eq!(HyStart::default().growth(20_000, 1_000), 8_000);
    }
}
