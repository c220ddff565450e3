//! What the family of cases does not reach: rows that need more than one segment to get to.

use rstest::rstest;

use super::{AnotherSyn, Facts, Flags, Outcome, Place, Reply, Segment, Stamp, State, outcome};

/// ESTABLISHED, with a hundred bytes of window.
const PLACE: Place = Place {
    irs: 0,
    iss: 0,
    listens: false,
    fin_sent: false,
    nobody_reads: false,
    close_queued: false,
    rcv_nxt: 1,
    rcv_wnd: 100,
    snd_una: 1,
    snd_nxt: 11,
    max_snd_wnd: 10,
};

/// An acknowledgment of all, with ten bytes of text at RCV.NXT.
const SEGMENT: Segment = Segment {
    flags: Flags {
        syn: false,
        ack: true,
        rst: false,
        fin: false,
    },
    push: false,
    urgent: false,
    seq: 1,
    ack: 11,
    text: 10,
    stamp: Stamp::Usual,
};

const AS_UNKNOWN: Facts = Facts {
    aborts_as_unknown: true,
    ..Facts::RFC
};

fn judged(place: Place, segment: Segment) -> Outcome {
    outcome(State::Established, place, &segment, Facts::RFC)
}

#[rstest]
#[case(Stamp::Usual, false, Reply::AckSoon, State::Established)]
#[case(Stamp::Missing, false, Reply::Nothing, State::Established)]
#[case(Stamp::Old, false, Reply::Ack, State::Established)]
// A RST counts without a timestamp, and with an old one (RFC 7323 §3.2, §5.2).
#[case(Stamp::Missing, true, Reply::Nothing, State::Closed)]
#[case(Stamp::Old, true, Reply::Nothing, State::Closed)]
fn timestamps_decide_before_numbers_do(
    #[case] stamp: Stamp,
    #[case] rst: bool,
    #[case] reply: Reply,
    #[case] state: State,
) {
    let flags = Flags {
        rst,
        ..SEGMENT.flags
    };
    let found = judged(
        PLACE,
        Segment {
            flags,
            stamp,
            ..SEGMENT
        },
    );
    assert_eq!((found.reply, found.state), (reply, state));
    let is_taken = stamp == Stamp::Usual;
    assert_eq!(found.place.snd_una, if is_taken { 11 } else { 1 });
    assert_eq!(found.place.rcv_nxt, if is_taken { 11 } else { 1 });
}

#[test]
fn of_a_probe_of_a_closed_window_all_but_the_text_is_taken() {
    let closed = Place {
        rcv_wnd: 0,
        ..PLACE
    };
    let found = judged(closed, SEGMENT);
    assert_eq!(found.reply, Reply::Ack);
    assert_eq!((found.place.rcv_nxt, found.place.snd_una), (1, 11));
    let elsewhere = judged(closed, Segment { seq: 2, ..SEGMENT });
    assert_eq!((elsewhere.reply, elsewhere.place.snd_una), (Reply::Ack, 1));
}

#[rstest]
#[case(Facts::RFC, 1, Reply::Abort, State::Closed)]
#[case(AS_UNKNOWN, 1, Reply::Reset, State::Closed)]
// What had come before the user closed is old.
#[case(Facts::RFC, 0u32.wrapping_sub(9), Reply::Ack, State::Established)]
fn new_text_that_nobody_will_read_ends_the_connection(
    #[case] facts: Facts,
    #[case] seq: u32,
    #[case] reply: Reply,
    #[case] state: State,
) {
    let deaf = Place {
        nobody_reads: true,
        ..PLACE
    };
    let found = outcome(State::Established, deaf, &Segment { seq, ..SEGMENT }, facts);
    assert_eq!((found.reply, found.state), (reply, state));
}

#[rstest]
#[case(false, State::Established)]
#[case(true, State::FinWait1)]
fn a_close_that_came_early_follows_the_handshake(
    #[case] close_queued: bool,
    #[case] expected: State,
) {
    let place = Place {
        close_queued,
        snd_una: 0,
        snd_nxt: 1,
        ..PLACE
    };
    let flags = Flags {
        syn: true,
        ..SEGMENT.flags
    };
    let answer = Segment {
        flags,
        seq: 5_000,
        ack: 1,
        text: 0,
        ..SEGMENT
    };
    let found = outcome(State::SynSent, place, &answer, Facts::RFC);
    assert_eq!((found.reply, found.state), (Reply::Ack, expected));
    let crossed = Segment { seq: 0, ..answer };
    let found = outcome(State::SynReceivedActive, place, &crossed, Facts::RFC);
    assert_eq!((found.reply, found.state), (Reply::Ack, expected));
    let found = outcome(
        State::SynReceived,
        place,
        &Segment { ack: 1, ..SEGMENT },
        Facts::RFC,
    );
    assert_eq!(found.state, expected);
}

/// What some stacks do against a rule, beside the rule: the state, the flags SYN, ACK and RST, SEG.SEQ, and what comes of it.
#[rstest]
#[case::copy(State::SynReceived, "s", 0, REPEATS, Reply::SynAck, State::SynReceived)]
#[case::copy_by_the_rule(State::SynReceived, "s", 0, Facts::RFC, Reply::Ack, State::SynReceived)]
#[case::another(State::SynReceived, "s", 1, RESETS, Reply::ResetAck, State::Listen)]
#[case::another_with_ack(State::SynReceived, "sa", 1, RESETS, Reply::Reset, State::Listen)]
#[case::another_is_answered(State::SynReceived, "s", 1, REPEATS, Reply::SynAck, State::SynReceived)]
#[case::another_by_the_rule(State::SynReceived, "s", 1, Facts::RFC, Reply::Nothing, State::Listen)]
#[case::another_of_crossed_ones(
    State::SynReceivedActive,
    "s",
    1,
    RESETS,
    Reply::Ack,
    State::SynReceivedActive
)]
#[case::rst(State::TimeWait, "r", 1, IGNORES, Reply::Nothing, State::TimeWait)]
#[case::rst_inside(State::TimeWait, "r", 2, IGNORES, Reply::Nothing, State::TimeWait)]
#[case::rst_by_the_rule(State::TimeWait, "r", 1, Facts::RFC, Reply::Nothing, State::Closed)]
#[case::echo(State::SynSent, "sa", 500, IGNORES, Reply::Reset, State::SynSent)]
#[case::echo_of_a_rst(State::SynSent, "ra", 500, IGNORES, Reply::Nothing, State::Closed)]
#[case::echo_without_ack(
    State::SynSent,
    "s",
    500,
    IGNORES,
    Reply::SynAck,
    State::SynReceivedActive
)]
#[case::echo_by_the_rule(State::SynSent, "sa", 500, Facts::RFC, Reply::Ack, State::Established)]
fn what_is_against_a_rule_is_a_fact(
    #[case] state: State,
    #[case] flags: &str,
    #[case] seq: u32,
    #[case] facts: Facts,
    #[case] reply: Reply,
    #[case] then: State,
) {
    let segment = Segment {
        flags: Flags {
            syn: flags.contains('s'),
            ack: flags.contains('a'),
            rst: flags.contains('r'),
            fin: false,
        },
        seq,
        text: 0,
        stamp: match state {
            State::SynSent => Stamp::Wild,
            _ => Stamp::Usual,
        },
        ..SEGMENT
    };
    let found = outcome(state, PLACE, &segment, facts);
    assert_eq!((found.reply, found.state), (reply, then));
}

const REPEATS: Facts = Facts {
    repeats_syn_ack: true,
    another_syn: AnotherSyn::RepeatsSynAck,
    ..Facts::RFC
};

const RESETS: Facts = Facts {
    another_syn: AnotherSyn::Resets,
    ..Facts::RFC
};

const IGNORES: Facts = Facts {
    ignores_rst_in_time_wait: true,
    refuses_wild_echo: true,
    ..Facts::RFC
};
