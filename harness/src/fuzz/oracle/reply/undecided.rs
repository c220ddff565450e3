//! What the documents leave open: what follows such a segment is not judged.

use super::after;
use crate::specification::{Place, Segment, State};

/// Serial arithmetic says nothing of two numbers that are half the sequence space apart (RFC 1982 §3.2).
pub(super) fn is_half_a_turn_away(state: State, segment: &Segment, place: &Place) -> bool {
    let is_away =
        |one: u32, other: u32| one.wrapping_sub(other).wrapping_add(8_192) >> 14 == 1 << 17;
    let ends = [segment.seq, segment.seq.wrapping_add(segment.seg_len())];
    let of_receiver = [place.rcv_nxt, place.rcv_nxt.wrapping_add(place.rcv_wnd)];
    let of_sender = [place.snd_una, place.snd_nxt];
    let is_seq = ends
        .iter()
        .any(|end| of_receiver.iter().any(|number| is_away(*end, *number)));
    let has_numbers = !matches!(state, State::Closed | State::Listen);
    let is_seq = is_seq && state != State::SynSent;
    has_numbers && (is_seq || of_sender.iter().any(|number| is_away(segment.ack, *number)))
}

/// Whether a segment begins in the window, or right behind it, and ends beyond: what counts of it is then open where a
/// stack does not cut it. Of text in a closed window nothing counts; what it acknowledges may be lost with it.
pub(super) fn is_cut(state: State, segment: &Segment, place: &Place) -> bool {
    let edge = place.rcv_nxt.wrapping_add(place.rcv_wnd);
    let end = segment.seq.wrapping_add(segment.seg_len());
    let is_open = !matches!(state, State::Closed | State::Listen | State::SynSent);
    let acks_more = segment.flags.ack && after(segment.ack, place.snd_una);
    let acks_fin = place.fin_sent && segment.ack == place.snd_nxt;
    let is_probe = place.rcv_wnd == 0 && segment.text > 0 && (!acks_more || acks_fin);
    is_open && !is_probe && !segment.flags.rst && after(end, edge) && !after(segment.seq, edge)
}

/// RFC 5961 §5.2 lets an acknowledgment be as old as the largest window that the peer has told, and does not say
/// whether a window counts that was not taken, because an older segment told it.
pub(super) fn is_age_unknown(segment: &Segment, place: &Place, max_taken: u32) -> bool {
    let is_too_old = |window: u32| after(place.snd_una.wrapping_sub(window), segment.ack);
    segment.flags.ack
        && max_taken < place.max_snd_wnd
        && is_too_old(max_taken)
        && !is_too_old(place.max_snd_wnd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specification::{Flags, Stamp};
    use rstest::rstest;

    /// SND.UNA = 1,000, MAX.SND.WND = 100 if every window counts.
    #[rstest]
    #[case::of_one_window_only(100, 899, false)]
    #[case::too_old_for_both(10, 899, false)]
    #[case::too_old_for_the_smaller(10, 900, true)]
    #[case::too_old_for_the_smaller_by_one(10, 989, true)]
    #[case::not_too_old(10, 990, false)]
    #[case::new(10, 1_001, false)]
    fn how_old_an_acknowledgment_may_be(
        #[case] max_taken: u32,
        #[case] ack: u32,
        #[case] expected: bool,
    ) {
        let place = Place {
            snd_una: 1_000,
            max_snd_wnd: 100,
            ..Place::default()
        };
        let flags = |ack| Flags {
            ack,
            ..Flags::default()
        };
        let segment = |with_ack| Segment {
            flags: flags(with_ack),
            push: false,
            urgent: false,
            seq: 0,
            ack,
            text: 0,
            stamp: Stamp::Usual,
        };
        assert_eq!(is_age_unknown(&segment(true), &place, max_taken), expected);
        assert!(!is_age_unknown(&segment(false), &place, max_taken));
    }
}
