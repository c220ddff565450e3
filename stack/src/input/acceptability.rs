//! First check: the sequence number (RFC 9293 §3.4, §3.10.7.4).

use crate::event::Discard;
use crate::segment::SegmentRef;
use crate::seq::SeqNum;
use crate::state::{Check, Disposition};
use crate::tcb::Tcb;

/// The four cases of RFC 9293 §3.4, table 6: whether a segment of `len` sequence numbers from `seq`
/// on has a part in the window of `wnd` bytes from `nxt` on.
// REQ: RFC9293-SM-07
pub(crate) fn in_window(nxt: SeqNum, wnd: u32, seq: SeqNum, len: u32) -> bool {
    let holds = |number: SeqNum| nxt.at_or_before(number) && number.before(nxt + wnd);
    match (len, wnd) {
        (0, 0) => seq == nxt,
        (0, _) => holds(seq),
        (_, 0) => false,
        (_, _) => holds(seq) || holds(seq + (len - 1)) || covers(nxt, seq, len),
    }
}

/// Whether the segment begins before the window and ends behind it. The table's two tests on its
/// ends miss that.
fn covers(nxt: SeqNum, seq: SeqNum, len: u32) -> bool {
    seq.before(nxt) && (seq + len).after(nxt)
}

/// Lets a segment on whose sequence number is acceptable.
pub(crate) fn check(tcb: &Tcb, segment: &SegmentRef<'_>) -> Check {
    let (nxt, wnd) = (tcb.rcv.nxt, tcb.rcv.wnd());
    if segment.flags.rst {
        // A reset is judged by SEG.SEQ alone, whatever text it carries, and with any window.
        // REQ: RFC9293-SHLD-2
        // REQ: RFC9293-MUST-66
        // REQ: RFC5961-1
        return if segment.seq == nxt || in_window(nxt, wnd, segment.seq, 0) {
            Check::Continue(())
        } else {
            Check::Break(mutant!(
                tcb.config,
                C07,
                Disposition::Discard(Discard::Reset),
                Disposition::DiscardAndAck(Discard::Reset)
            ))
        };
    }
    let acceptable = in_window(nxt, wnd, segment.seq, segment.len());
    #[cfg(feature = "mutants")]
    let acceptable = crate::mutants::wrong::receive::in_window(tcb, segment, acceptable);
    if acceptable {
        return Check::Continue(());
    }
    // The window is closed: ACK and URG of a segment in its place are still taken, its text is not.
    // REQ: RFC9293-MUST-66
    // REQ: RFC9293-SM-52
    let in_its_place = wnd == 0 && segment.seq == nxt && !segment.flags.syn;
    if mutant!(tcb.config, C09, in_its_place, false) {
        return Check::Continue(());
    }
    // REQ: RFC9293-SM-08
    // REQ: RFC9293-SM-47
    Check::Break(if segment.flags.syn {
        // REQ: RFC5961-6
        Disposition::ChallengeAck(Discard::Syn)
    } else {
        Disposition::DiscardAndAck(Discard::Sequence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// RCV.NXT just before the wrap, so that every case crosses it somewhere.
    const NXT: SeqNum = SeqNum::new(u32::MAX - 4);

    #[rstest]
    #[case::empty_closed_exact(0, 0, 0, true)]
    #[case::empty_closed_before(0, 0, -1, false)]
    #[case::empty_closed_after(0, 0, 1, false)]
    #[case::empty_left_edge(0, 10, 0, true)]
    #[case::empty_last(0, 10, 9, true)]
    #[case::empty_right_edge(0, 10, 10, false)]
    #[case::empty_before(0, 10, -1, false)]
    #[case::text_closed(1, 0, 0, false)]
    #[case::text_inside(5, 10, 3, true)]
    #[case::text_old_by_one(5, 10, -5, false)]
    #[case::text_last_byte_new(5, 10, -4, true)]
    #[case::text_first_byte_fits(5, 10, 9, true)]
    #[case::text_behind(5, 10, 10, false)]
    #[case::text_over_both_edges(30, 10, -5, true)]
    #[case::half_a_turn_away(1, 10, i64::from(i32::MIN), false)]
    fn the_four_cases(
        #[case] len: u32,
        #[case] wnd: u32,
        #[case] offset: i64,
        #[case] acceptable: bool,
    ) {
        assert_eq!(in_window(NXT, wnd, NXT + offset as u32, len), acceptable);
    }
}
