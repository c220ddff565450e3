//! Where the connections of the cases stand, in script numbers, and which choices each target made.

use crate::specification::{Facts, Outcome, Place, Segment, State, outcome};

/// The window the stack is made to offer: a whole number of segments, since some stacks round it so.
pub(super) const WINDOW: u32 = 7300;
/// The window the peer offers, so small that what is older than it is soon reached.
pub(super) const PEER_WINDOW: u32 = 100;

/// Where a connection in this state stands, as `opening` brings it there.
pub(super) fn standing(state: State, facts: Facts) -> Place {
    let (rcv_nxt, snd_una, snd_nxt) = match state {
        State::Closed | State::Listen => (0, 5000, 5000),
        State::SynSent => (0, 0, 1),
        State::SynReceived | State::SynReceivedActive => (1, 0, 1),
        State::Established => (1, 151, 201),
        State::FinWait1 => (1, 151, 202),
        State::FinWait2 => (1, 202, 202),
        State::CloseWait => (2, 151, 201),
        State::Closing | State::LastAck => (2, 151, 202),
        State::TimeWait => (2, 202, 202),
    };
    let has_fin = rcv_nxt == 2;
    let over_fin = u32::from(has_fin && !facts.window_passes_fin);
    Place {
        irs: 0,
        iss: 0,
        fin_sent: matches!(snd_nxt, 202),
        nobody_reads: false,
        listens: true,
        close_queued: false,
        rcv_nxt,
        rcv_wnd: WINDOW - over_fin,
        snd_una,
        snd_nxt,
        max_snd_wnd: PEER_WINDOW,
    }
}

/// What must come of a segment, in script numbers: they count from the SYN that was taken.
pub(super) fn judged(state: State, segment: &Segment, facts: Facts) -> Outcome {
    let mut judged = outcome(state, standing(state, facts), segment, facts);
    let place = &mut judged.place;
    place.rcv_nxt = place.rcv_nxt.wrapping_sub(place.irs);
    place.irs = 0;
    judged
}

/// The sets, each with the condition of the script language under which it holds; the first that
/// holds counts. The last has none.
pub(super) const STACKS: [(&str, Facts); 5] = [
    (
        "target == smoltcp",
        Facts {
            takes_syn_at_rcv_nxt: false,
            reopens_time_wait: false,
            takes_syn_with_fin: false,
            takes_text_of_syn_ack: false,
            window_passes_fin: true,
            answers_each_time: false,
            tells_unacked: false,
            ..Facts::RFC
        },
    ),
    (
        "target == linux",
        Facts {
            answers_text_behind_fin: false,
            answers_all_in_time_wait: true,
            takes_syn_at_rcv_nxt: false,
            takes_syn_with_fin: false,
            takes_text_of_syn_ack: false,
            aborts_as_unknown: true,
            window_passes_fin: true,
            ..Facts::RFC
        },
    ),
    (
        "profile == linux",
        Facts {
            takes_syn_at_rcv_nxt: false,
            takes_syn_with_fin: false,
            takes_text_of_syn_ack: false,
            aborts_as_unknown: true,
            ..Facts::RFC
        },
    ),
    (
        "profile == freebsd",
        Facts {
            takes_syn_at_rcv_nxt: false,
            aborts_as_unknown: true,
            ..Facts::RFC
        },
    ),
    ("", Facts::RFC),
];
