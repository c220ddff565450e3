//! Window scale and timestamps: negotiation, PAWS, echoes.

use rstest::rstest;
use tcpdrill_stack::config::MissingTimestamp;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::WindowScale;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{CallError, Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

const TWENTY_FIVE_DAYS_S: u64 = 25 * 24 * 3600;

fn stamped(config: Config, value: u32) -> Talk {
    let config = Config {
        timestamps: true,
        ..config
    };
    Talk::accepted_by(config, |syn| {
        syn.options.timestamps = Some(Timestamps { value, echo: 0 });
    })
}

fn stamp(mut segment: Segment, value: u32) -> Segment {
    segment.options.timestamps = Some(Timestamps { value, echo: 0 });
    segment
}

#[test]
fn a_syn_offers_everything_and_the_answer_only_what_was_offered() {
    let mut bench = Bench::new(Config::default());
    let conn = bench.connecting(SocketOptions::default());
    let talk = Talk::on(bench, conn);
    let syn = talk.bench.seen.iter().find_map(|(_, seen)| match seen {
        tcpdrill_stack::testing::bench::Seen::Sent(segment) => Some(segment.clone()),
        tcpdrill_stack::testing::bench::Seen::Event(_) => None,
    });
    let line = talk.full(&syn.expect("a SYN"));
    assert_eq!(
        line,
        "S 0:0(0) win 65535 <mss 1460,sackOK,TS ecr 0,wscale 7>"
    );

    let mut bench = Bench::new(Config::default());
    bench.listen();
    let answer = bench.inject(&bench.peer_syn(false));
    let options = answer[0].options;
    assert!(
        options.timestamps.is_none() && options.window_scale.is_none() && !options.sack_permitted
    );
}

/// The clock of a four-tuple, at the same time on the same host (RFC 7323 §5.4): nobody can tell from
/// one connection how long the host has been up, nor what another one says; an incarnation goes on where
/// the one before stood, as RFC 6191 needs it.
#[test]
fn each_four_tuple_has_a_clock_of_its_own() {
    let tsval = |secret: u8, port: u16, later_ms: u64| {
        let mut bench = Bench::new(Config::default());
        let address = [bench.local.ip()];
        bench.host = tcpdrill_stack::Host::new(Config::default(), &address, [secret; 16], 1);
        bench.peer.set_port(port);
        bench.wait(std::time::Duration::from_millis(later_ms));
        bench.listen();
        let syn = stamp(bench.peer_syn(true), 1);
        let options = bench.inject(&syn)[0].options;
        options.timestamps.expect("timestamps").value
    };
    let first = tsval(7, 40_000, 0);
    assert_eq!(tsval(7, 40_000, 0), first, "the same every time");
    assert_eq!(
        tsval(7, 40_000, 123).wrapping_sub(first),
        123,
        "in milliseconds"
    );
    assert_ne!(tsval(7, 40_001, 0), first, "another peer");
    assert_ne!(tsval(8, 40_000, 0), first, "another secret");
}

#[rstest]
#[case::both(Some(7), Some(7), 100 << 7)]
#[case::peer_only(None, Some(7), 100)]
#[case::we_only(Some(7), None, 100)]
#[case::clamped(Some(7), Some(14), 100 << 14)]
fn windows_are_scaled_only_if_both_want_it(
    #[case] ours: Option<u8>,
    #[case] theirs: Option<u8>,
    #[case] window: u32,
) {
    let config = Config {
        window_scale: ours,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.window_scale = theirs.map(WindowScale::new);
    });
    let window_now = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").snd_wnd;
    talk.peer_window(".", 1, 1, 100);
    assert_eq!(window_now(&talk), window);
    // Outside a SYN the option says nothing.
    let mut segment = talk.segment(".", 1, 1, 0);
    segment.options.window_scale = Some(WindowScale::new(3));
    talk.inject(&segment);
    assert_eq!(window_now(&talk), window);
}

#[test]
fn the_window_of_a_syn_is_not_scaled() {
    let mut bench = Bench::new(Config {
        window_scale: Some(7),
        ..Bench::plain_config()
    });
    bench.peer_window = 100;
    let mut syn = bench.peer_syn(true);
    syn.options.sack_permitted = false;
    bench.listen();
    bench.inject(&syn);
    let id = bench.events().find_map(|event| match event {
        tcpdrill_stack::Event::StateChanged {
            id,
            to: StateName::SynReceived,
            ..
        } => Some(*id),
        _ => None,
    });
    assert_eq!(
        bench
            .host
            .status(id.expect("child"))
            .expect("alive")
            .snd_wnd,
        100
    );
}

#[test]
fn our_scale_divides_what_we_announce() {
    let config = Config {
        window_scale: Some(7),
        recv_buffer: 1 << 20,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.window_scale = Some(WindowScale::new(0));
    });
    let segment = talk.segment(".", 5, 1, 1);
    let answer = talk.bench.inject(&segment);
    assert_eq!(answer[0].wnd.raw(), 8192);
}

#[test]
fn timestamps_are_on_every_segment_and_leave_less_room() {
    let mut talk = stamped(Bench::plain_config(), 500);
    let data = vec![0; 3000];
    talk.bench
        .host
        .send(talk.bench.now, talk.conn.id, &data, Default::default())
        .expect("room");
    let sent = talk.bench.drain();
    assert_eq!(sent[0].payload.len(), 1448);
    assert!(
        sent.iter()
            .all(|s| s.options.timestamps.is_some_and(|t| t.echo == 500)),
        "{sent:?}"
    );
}

#[test]
fn the_echo_follows_what_moved_the_window() {
    let mut talk = stamped(Bench::plain_config(), 500);
    let mut echo = |seq, len, value| {
        let segment = stamp(talk.segment(".", seq, 1, len), value);
        let sent = talk.bench.inject(&segment);
        sent.last()
            .and_then(|s| s.options.timestamps)
            .map(|t| t.echo)
    };
    // Out of order: the echo stays with the last segment that advanced RCV.NXT.
    assert_eq!(echo(1001, 100, 510), Some(500));
    // It fills the hole.
    assert_eq!(echo(1, 1000, 520), Some(520));
    // Two in a row with one acknowledgment: the earlier one counts.
    assert_eq!(echo(1101, 1000, 530), None);
    assert_eq!(echo(2101, 1000, 540), Some(530));
}

#[rstest]
#[case::older(499, false)]
#[case::equal(500, true)]
#[case::newer(501, true)]
#[case::half_a_turn_ahead(500 + (1 << 31) - 1, true)]
#[case::half_a_turn_behind(500u32.wrapping_sub(1 << 31).wrapping_add(1), false)]
fn paws_compares_around_the_wrap(#[case] value: u32, #[case] taken: bool) {
    let mut talk = stamped(Bench::plain_config(), 500);
    let segment = stamp(talk.segment("P.", 1, 1, 10), value);
    let answers = talk.inject(&segment);
    assert_eq!(
        answers,
        if taken {
            vec![]
        } else {
            vec![". 1:1(0) ack 1".to_string()]
        }
    );
    assert_eq!(talk.recv(1, 10).is_ok(), taken);
}

#[test]
fn a_segment_outside_the_window_does_not_move_ts_recent() {
    let mut talk = stamped(Bench::plain_config(), 500);
    let forged = stamp(talk.segment(".", 100_000, 1, 0), 500 + (1 << 30));
    talk.inject(&forged);
    let good = stamp(talk.segment("P.", 1, 1, 10), 501);
    talk.inject(&good);
    assert_eq!(talk.recv(1, 10), Ok(10));
}

/// What RFC 5961 §5.2 has discarded leaves nothing behind. Whoever hits the window, which is easy,
/// could otherwise make all that follows look old.
#[rstest]
#[case::not_yet_sent(2)]
#[case::never_sent(-70_000)]
fn a_segment_with_an_unacceptable_ack_does_not_move_ts_recent(#[case] ack: i64) {
    let mut talk = stamped(Bench::plain_config(), 500);
    let forged = stamp(talk.segment(".", 1, ack, 10), 500 + (1 << 30));
    talk.inject(&forged);
    assert!(talk.recv(1, 10).is_err());
    let good = stamp(talk.segment("P.", 1, 1, 10), 501);
    talk.inject(&good);
    assert_eq!(talk.recv(1, 10), Ok(10));
}

#[test]
fn paws_does_not_protect_from_resets() {
    let mut talk = stamped(Bench::plain_config(), 500);
    let reset = stamp(talk.segment("R", 1, 1, 0), 1);
    talk.inject(&reset);
    assert_eq!(talk.take_error(), Some(ConnectionError::Reset));
}

#[test]
fn after_25_days_an_old_timestamp_proves_nothing() {
    let mut talk = stamped(Bench::plain_config(), 500);
    talk.wait_s(TWENTY_FIVE_DAYS_S);
    let segment = stamp(talk.segment("P.", 1, 1, 10), 1);
    talk.inject(&segment);
    assert_eq!(talk.recv(1, 10), Ok(10));
}

#[rstest]
#[case::drop(MissingTimestamp::Drop, Err(CallError::WouldBlock))]
#[case::accept(MissingTimestamp::Accept, Ok(10))]
fn a_missing_timestamp(
    #[case] setting: MissingTimestamp,
    #[case] expected: Result<usize, CallError>,
) {
    let mut talk = stamped(
        Config {
            missing_timestamp: setting,
            ..Bench::plain_config()
        },
        500,
    );
    assert_eq!(talk.peer("P.", 1, 1, 10), [""; 0]);
    assert_eq!(talk.recv(1, 10), expected);
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn a_timestamp_nobody_agreed_on_is_ignored() {
    let mut talk = Talk::plain();
    let segment = stamp(talk.segment("P.", 1, 1, 10), 1);
    talk.inject(&segment);
    assert_eq!(talk.recv(1, 10), Ok(10));
}

#[rstest]
#[case::with(true, true)]
#[case::without(false, false)]
fn a_reset_echoes_the_timestamp(#[case] setting: bool, #[case] expected: bool) {
    let mut bench = Bench::new(Config {
        timestamp_on_reset: setting,
        ..Bench::plain_config()
    });
    let segment = stamp(bench.peer_segment("S", 0, bench.irs), 77);
    let reset = &bench.inject(&segment)[0];
    assert!(reset.flags.rst);
    let expected = expected.then_some(Timestamps { value: 0, echo: 77 });
    assert_eq!(reset.options.timestamps, expected);
}

#[test]
fn a_syn_without_timestamps_still_draws_the_challenge() {
    let mut talk = stamped(Bench::plain_config(), 500);
    assert_eq!(talk.peer("S", 0, 0, 0), [". 1:1(0) ack 1"]);
}
