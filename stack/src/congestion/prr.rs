//! Proportional rate reduction (RFC 9937, before it RFC 6937): in fast recovery the window comes
//! down to the threshold one acknowledgment at a time.

/// The reduction of one recovery. All sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prr {
    recover_fs: u32,
    delivered: u32,
    out: u32,
}

/// What an acknowledgment in recovery says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// What it delivered, cumulatively and selectively.
    pub delivered: u32,
    /// What is thought to be in the network after it.
    pub pipe: u32,
    /// SND.UNA moved and nothing more was found lost: the path does better than feared.
    pub safe: bool,
}

impl Prr {
    /// A recovery that begins with `flight` bytes out.
    // REQ: RFC6937-3
    // REQ: RFC9937-4
    pub const fn new(flight: u32) -> Prr {
        Prr {
            recover_fs: flight,
            delivered: 0,
            out: 0,
        }
    }

    /// The congestion window after an acknowledgment, on the way to `ssthresh`.
    // REQ: RFC6937-1
    // REQ: RFC6937-2
    // REQ: RFC9937-1
    // REQ: RFC9937-2
    pub fn on_ack(&mut self, ack: Delivery, ssthresh: u32, smss: u32) -> u32 {
        let Delivery {
            delivered,
            pipe,
            safe,
        } = ack;
        self.delivered = self.delivered.saturating_add(delivered);
        let mut sndcnt = if pipe > ssthresh {
            let due = u64::from(self.delivered) * u64::from(ssthresh);
            let due = due.div_ceil(u64::from(self.recover_fs.max(1)));
            u32::try_from(due)
                .unwrap_or(u32::MAX)
                .saturating_sub(self.out)
        } else {
            let conservative = self.delivered.saturating_sub(self.out).max(delivered);
            let growth = if safe { smss } else { 0 };
            (ssthresh - pipe).min(conservative.saturating_add(growth))
        };
        // REQ: RFC9937-3
        if self.out == 0 {
            sndcnt = sndcnt.max(smss);
        }
        pipe.saturating_add(sndcnt)
    }

    /// `bytes` went out, new or again.
    pub fn on_sent(&mut self, bytes: u32) {
        self.out = self.out.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    /// RFC 6937 §4's first example: 20 segments out, the first is lost, the threshold is half. Every
    /// second acknowledgment lets a segment out, and the window is at the threshold in the end.
    #[test]
    fn a_single_loss_halves_the_rate_of_sending() {
        let mut prr = Prr::new(20);
        let (mut pipe, mut sent) = (19, 0);
        let mut pattern = [0; 19];
        for count in &mut pattern {
            pipe -= 1;
            let delivery = Delivery {
                delivered: 1,
                pipe,
                safe: false,
            };
            let cwnd = prr.on_ack(delivery, 10, 1);
            let now = cwnd - pipe;
            prr.on_sent(now);
            pipe += now;
            sent += now;
            *count = now;
        }
        // From the seventeenth on what is out is at the threshold and stays there.
        let expected = [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1];
        assert_eq!(pattern, expected);
        assert_eq!((sent, pipe), (10, 10));
    }

    /// RFC 6937 §4's second example: 15 of 20 lost at once. The window does not open in a burst:
    /// what leaves is what arrived, and a segment more only where the path does better.
    #[test]
    fn a_burst_loss_sends_what_arrives() {
        let mut prr = Prr::new(20);
        let mut pipe = 5;
        let mut pattern = [0; 4];
        for (number, count) in pattern.iter_mut().enumerate() {
            pipe -= 1;
            let delivery = Delivery {
                delivered: 1,
                pipe,
                safe: number >= 2,
            };
            let now = prr.on_ack(delivery, 10, 1) - pipe;
            prr.on_sent(now);
            pipe += now;
            *count = now;
        }
        assert_eq!(pattern, [1, 1, 2, 2]);
    }

    #[test]
    fn the_first_retransmission_never_waits() {
        let mut prr = Prr::new(10_000);
        let nothing = Delivery {
            delivered: 0,
            pipe: 9_000,
            safe: false,
        };
        assert_eq!(prr.on_ack(nothing, 5_000, 1_000), 10_000);
        prr.on_sent(1_000);
        assert_eq!(prr.on_ack(nothing, 5_000, 1_000), 9_000);
    }

    /// RFC 9937 §6: with more out than the threshold, CEIL(prr_delivered * ssthresh / RecoverFS) -
    /// prr_out; else what was delivered and not made up for, and a segment more if all is well, up
    /// to the threshold. Segments, 40 of them out at the start and a threshold of 20; each line is
    /// worked out by hand.
    #[rstest]
    #[case::first(0, 0, 1, 39, false, 1)]
    #[case::every_second(4, 2, 1, 36, false, 1)]
    #[case::not_every_one(3, 2, 1, 36, false, 0)]
    #[case::a_stretch_of_five(10, 5, 5, 30, false, 3)]
    #[case::behind(20, 6, 1, 21, false, 5)]
    #[case::at_the_threshold(20, 10, 1, 20, false, 0)]
    #[case::below_it_what_arrives(20, 15, 2, 10, false, 7)]
    #[case::below_it_and_all_is_well(20, 15, 2, 10, true, 8)]
    #[case::never_beyond_it(20, 5, 4, 18, true, 2)]
    #[case::ahead_of_what_arrived(10, 15, 1, 10, false, 1)]
    fn what_an_acknowledgment_lets_out(
        #[case] delivered_before: u32,
        #[case] out: u32,
        #[case] delivered: u32,
        #[case] pipe: u32,
        #[case] safe: bool,
        #[case] sndcnt: u32,
    ) {
        let mut prr = Prr {
            recover_fs: 40,
            delivered: delivered_before,
            out,
        };
        let delivery = Delivery {
            delivered,
            pipe,
            safe,
        };
        assert_eq!(prr.on_ack(delivery, 20, 1) - pipe, sndcnt);
    }

    proptest! {
        #[test]
        fn no_number_makes_it_overflow_or_pass_the_threshold(
            flight: u32, smss in 1u32..65_536, ssthresh: u32,
            acks in prop::collection::vec((any::<u32>(), any::<u32>(), any::<bool>(), any::<u32>()), 0..20),
        ) {
            let mut prr = Prr::new(flight);
            for (delivered, pipe, safe, sent) in acks {
                let cwnd = prr.on_ack(Delivery { delivered, pipe, safe }, ssthresh, smss);
                prop_assert!(cwnd >= pipe);
                if pipe <= ssthresh && prr.out > 0 {
                    prop_assert!(cwnd <= ssthresh);
                }
                prr.on_sent(sent);
            }
        }
    }
}
