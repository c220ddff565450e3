//! When a segment is worth sending: Nagle and the sender's silly-window avoidance (RFC 9293 §3.7.4, §3.8.6.2.1).

/// What is known of a segment that could go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// Bytes it would carry: the usable window and the data at hand, at most `full`. Not zero.
    pub(crate) len: u32,
    /// Bytes a segment can carry at most.
    pub(crate) full: u32,
    /// It would empty the send queue.
    pub(crate) last: bool,
    /// A FIN follows the queue, or urgent data is in it: nothing is gained by waiting.
    pub(crate) urgent_or_final: bool,
    /// Something is unacknowledged.
    pub(crate) outstanding: bool,
    /// Largest window the peer ever offered.
    pub(crate) max_wnd: u32,
    /// Nagle's algorithm is on.
    pub(crate) nagle: bool,
    /// The user holds partial segments back.
    pub(crate) corked: bool,
    /// The override timer fired.
    pub(crate) overridden: bool,
}

/// What to do with the candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Send it.
    Send,
    /// Wait for an acknowledgment, which is sure to come.
    WaitForAck,
    /// Wait for more data or a wider window, at most until the override timer fires.
    WaitForOverride,
}

/// The four cases of RFC 9293 §3.8.6.2.1, with Nagle.
// REQ: RFC9293-MUST-38
// REQ: RFC9293-SHLD-7
// REQ: RFC9293-MUST-17
pub(crate) fn decide(candidate: Candidate) -> Decision {
    let Candidate {
        len,
        full,
        last,
        urgent_or_final,
        outstanding,
        max_wnd,
        nagle,
        corked,
        overridden,
    } = candidate;
    // (1) A full segment.
    // REQ: RFC9293-SHLD-28
    if len >= full || overridden {
        return Decision::Send;
    }
    let held_by_nagle = nagle && outstanding && !urgent_or_final;
    let held_by_cork = corked && !urgent_or_final;
    // (2) All there is.
    if last && !held_by_nagle && !held_by_cork {
        return Decision::Send;
    }
    // (3) Half the largest window.
    if !last && u64::from(len) * 2 >= u64::from(max_wnd) && !held_by_nagle {
        return Decision::Send;
    }
    // (4) Sooner or later, all the same.
    if outstanding {
        Decision::WaitForAck
    } else {
        Decision::WaitForOverride
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// A hundred bytes, all there is, nothing outstanding, a large window.
    const PIECE: Candidate = Candidate {
        len: 100,
        full: 1460,
        last: true,
        urgent_or_final: false,
        outstanding: false,
        max_wnd: 65_535,
        nagle: true,
        corked: false,
        overridden: false,
    };

    #[rstest]
    #[case::all_there_is(PIECE, Decision::Send)]
    #[case::nagle(Candidate { outstanding: true, ..PIECE }, Decision::WaitForAck)]
    #[case::nodelay(Candidate { outstanding: true, nagle: false, ..PIECE }, Decision::Send)]
    #[case::full(Candidate { len: 1460, outstanding: true, last: false, ..PIECE }, Decision::Send)]
    #[case::fin(Candidate { outstanding: true, urgent_or_final: true, ..PIECE }, Decision::Send)]
    #[case::narrow(Candidate { last: false, ..PIECE }, Decision::WaitForOverride)]
    #[case::narrow_outstanding(
        Candidate { last: false, outstanding: true, ..PIECE }, Decision::WaitForAck)]
    #[case::half_the_window(Candidate { last: false, max_wnd: 200, ..PIECE }, Decision::Send)]
    #[case::just_below_half(
        Candidate { last: false, max_wnd: 201, ..PIECE }, Decision::WaitForOverride)]
    #[case::corked(Candidate { corked: true, ..PIECE }, Decision::WaitForOverride)]
    #[case::corked_fin(Candidate { corked: true, urgent_or_final: true, ..PIECE }, Decision::Send)]
    #[case::overridden(Candidate { last: false, overridden: true, ..PIECE }, Decision::Send)]
    fn decisions(#[case] candidate: Candidate, #[case] decision: Decision) {
        assert_eq!(decide(candidate), decision);
    }
}
