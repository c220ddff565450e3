//! Tail loss probes (RFC 8985 §7): when the last segments of a flight are lost, nothing behind them
//! tells; a probe does, sooner than the retransmission timer.

use core::time::Duration;

use crate::seq::{SeqNum, SeqRange};

/// Before the round trip is known (RFC 8985 §7.2).
const WITHOUT_SRTT: Duration = Duration::from_secs(1);

/// A probe that nothing has answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Probe {
    /// TLP.end_seq: SND.NXT when it was sent.
    end: SeqNum,
    /// TLP.is_retrans: it carried what had been sent before.
    repeat: bool,
}

/// What is known of probes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tlp {
    probe: Option<Probe>,
    /// The round trip was measured since the last probe.
    measured: bool,
}

/// What an acknowledgment means for the probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// SEG.ACK.
    pub(crate) ack: SeqNum,
    /// The duplicate it reports, if it does.
    pub(crate) duplicate: Option<SeqRange>,
    /// It acknowledges nothing new, in either way, and carries nothing.
    pub(crate) empty: bool,
}

impl Tlp {
    /// No probe yet.
    pub(crate) const fn new() -> Tlp {
        Tlp {
            probe: None,
            measured: true,
        }
    }

    /// PTO: how long after the last thing sent a probe is due.
    // REQ: RFC8985-9
    pub(crate) fn timeout(
        srtt: Option<Duration>,
        single_segment: bool,
        max_ack_delay: Duration,
    ) -> Duration {
        let Some(srtt) = srtt else {
            return WITHOUT_SRTT;
        };
        let delay = if single_segment {
            max_ack_delay
        } else {
            Duration::ZERO
        };
        srtt * 2 + delay
    }

    /// Whether another probe may be sent.
    // REQ: RFC8985-10
    pub(crate) const fn may_probe(&self) -> bool {
        self.probe.is_none() && self.measured
    }

    /// The round trip was measured.
    pub(crate) fn on_measured(&mut self) {
        self.measured = true;
    }

    /// A probe went out, with SND.NXT at `end` after it.
    pub(crate) fn on_sent(&mut self, end: SeqNum, repeat: bool) {
        self.probe = Some(Probe { end, repeat });
        self.measured = false;
    }

    /// A recovery took over: the probe has nothing more to tell.
    pub(crate) fn forget(&mut self) {
        self.probe = None;
    }

    /// TLP_process_ack(): whether the answer tells that the probe repaired a loss, which the
    /// congestion control must hear of.
    // REQ: RFC8985-13
    pub(crate) fn on_ack(&mut self, answer: Answer) -> bool {
        let Some(probe) = self.probe else {
            return false;
        };
        if answer.ack.before(probe.end) {
            return false;
        }
        // What was new in the probe is acknowledged, or both copies arrived.
        let arrived_twice = answer
            .duplicate
            .is_some_and(|duplicate| duplicate.end == probe.end);
        let ends = !probe.repeat || arrived_twice || answer.empty;
        if ends {
            self.probe = None;
            return false;
        }
        if answer.ack.after(probe.end) {
            self.probe = None;
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const END: SeqNum = SeqNum::new(u32::MAX - 10);

    fn answer(ack: SeqNum) -> Answer {
        Answer {
            ack,
            duplicate: None,
            empty: false,
        }
    }

    #[rstest]
    #[case::unknown(None, false, 1000)]
    #[case::two_round_trips(Some(100), false, 200)]
    #[case::and_the_delay_of_one_acknowledgment(Some(100), true, 400)]
    fn a_probe_is_due(#[case] srtt: Option<u64>, #[case] single: bool, #[case] millis: u64) {
        let srtt = srtt.map(Duration::from_millis);
        let due = Tlp::timeout(srtt, single, Duration::from_millis(200));
        assert_eq!(due, Duration::from_millis(millis));
    }

    #[test]
    fn one_probe_for_each_measured_round_trip() {
        let mut tlp = Tlp::new();
        assert!(tlp.may_probe());
        tlp.on_sent(END, false);
        assert!(!tlp.may_probe());
        assert!(!tlp.on_ack(answer(END)));
        assert!(!tlp.may_probe());
        tlp.on_measured();
        assert!(tlp.may_probe());
    }

    #[rstest]
    #[case::new_data_tells_nothing(false, answer(END + 5), false)]
    #[case::not_answered_yet(true, answer(END - 5), false)]
    #[case::exactly_answered(true, answer(END), false)]
    #[case::beyond_it(true, answer(END + 5), true)]
    #[case::both_copies_arrived(
        true,
        Answer { duplicate: Some(SeqRange::new(END - 5, END)), ..answer(END + 5) },
        false
    )]
    #[case::another_duplicate(
        true,
        Answer { duplicate: Some(SeqRange::new(END - 9, END - 5)), ..answer(END + 5) },
        true
    )]
    #[case::a_plain_duplicate(true, Answer { empty: true, ..answer(END) }, false)]
    fn a_loss_is_known_when_only_the_probe_arrived(
        #[case] repeat: bool,
        #[case] answer: Answer,
        #[case] loss: bool,
    ) {
        let mut tlp = Tlp::new();
        tlp.on_sent(END, repeat);
        assert_eq!(tlp.on_ack(answer), loss);
    }
}
