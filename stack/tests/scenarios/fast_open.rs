//! TCP Fast Open (RFC 7413), as a server.

use rstest::rstest;
use tcpdrill_stack::config::{
    FastOpenConfig, LossDetection, ReceivedOnError, SynData, UnreadOnClose,
};
use tcpdrill_stack::fast_open::{Key, Keys};
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::wire::fast_open::{Cookie, FastOpenOption};
use tcpdrill_stack::{
    CallError, Config, ConnectionError, Event, SendFlags, SocketId, SocketOptions, StateName,
};

use crate::support::Talk;

pub(crate) const KEY: Key = Key::new([7; 16]);

pub(crate) fn option(cookie: &[u8]) -> FastOpenOption {
    FastOpenOption {
        cookie: Cookie::new(cookie),
        experimental: false,
    }
}

fn config() -> Config {
    Config {
        fast_open: FastOpenConfig {
            keys: Some(Keys {
                current: KEY,
                previous: None,
            }),
            ..FastOpenConfig::default()
        },
        ..Bench::plain_config()
    }
}

fn queue(len: usize) -> SocketOptions {
    SocketOptions {
        fast_open_queue: len,
        ..SocketOptions::default()
    }
}

/// The cookie of the bench's peer.
fn cookie(bench: &Bench, key: Key) -> FastOpenOption {
    FastOpenOption {
        cookie: Some(key.cookie(bench.peer.ip(), bench.local.ip())),
        experimental: false,
    }
}

/// The peer's SYN with this option and so much text.
fn syn(talk: &Talk, option: Option<FastOpenOption>, len: usize) -> Segment {
    let mut syn = talk.segment("S", 0, 0, len);
    syn.options = talk.bench.peer_syn(false).options;
    syn.options.fast_open = option;
    syn
}

/// A listener with this queue, and nothing else yet.
fn listening(config: Config, options: SocketOptions) -> (Talk, SocketId) {
    let mut bench = Bench::new(config);
    let listener = bench.listen_with(8, options);
    let (id, iss) = (listener, bench.irs);
    let listener_id = Some(listener);
    let conn = Conn {
        id,
        iss,
        listener: listener_id,
    };
    (Talk::on(bench, conn), listener)
}

/// The SYN is answered; what with, options included.
fn answer(talk: &mut Talk, syn: &Segment) -> String {
    let sent = talk.bench.inject(syn);
    let [syn_ack] = &sent[..] else {
        panic!("no single answer: {sent:?}")
    };
    talk.conn.iss = syn_ack.seq;
    let options = talk.full(syn_ack);
    let options = options.split_once(" <").map_or("", |(_, options)| options);
    format!("{} <{options}", talk.line(syn_ack))
}

/// A connection that was handed out on a SYN with so much text.
fn early_with(config: Config, len: usize) -> Talk {
    let (mut talk, listener) = listening(config, queue(1));
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), len);
    let line = answer(&mut talk, &syn);
    assert!(
        line.starts_with(&format!("S. 0:0(0) ack {}", len + 1)),
        "{line}"
    );
    let id = talk.bench.host.accept(talk.bench.now, listener);
    talk.conn.id = id.expect("handed out");
    assert_eq!(talk.state(), StateName::SynReceived);
    talk
}

fn early() -> Talk {
    early_with(config(), 100)
}

fn accept(talk: &mut Talk, listener: SocketId) -> Result<SocketId, CallError> {
    talk.bench.host.accept(talk.bench.now, listener)
}

#[rstest]
#[case::standard(false, "FO e00856596426660e")]
#[case::experiment(true, "FOEXP e00856596426660e")]
fn a_request_gets_a_cookie_in_its_own_form(#[case] experimental: bool, #[case] shown: &str) {
    let (mut talk, listener) = listening(config(), queue(1));
    let request = FastOpenOption {
        cookie: None,
        experimental,
    };
    let syn = syn(&talk, Some(request), 100);
    let line = answer(&mut talk, &syn);
    assert_eq!(line, format!("S. 0:0(0) ack 1 <mss 1460,{shown}>"));
    assert_eq!(accept(&mut talk, listener), Err(CallError::WouldBlock));
    talk.peer(".", 1, 1, 0);
    assert!(accept(&mut talk, listener).is_ok());
}

#[test]
fn a_cookie_lets_data_in_and_out_before_the_handshake_ends() {
    let mut talk = early();
    assert_eq!(talk.recv(1, 200), Ok(100));
    assert_eq!(talk.recv(101, 200), Err(CallError::WouldBlock));
    assert_eq!(talk.send(50), ["P. 1:51(50) ack 101"]);
    // Nagle's algorithm holds the second one back, not the SYN.
    assert_eq!(talk.send(50).len(), 0);
    assert_eq!(talk.state(), StateName::SynReceived);
    assert_eq!(talk.peer(".", 101, 51, 0), ["P. 51:101(50) ack 101"]);
    assert_eq!(talk.state(), StateName::Established);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert!(status.syn_data_taken);
    let accepted = |event: &Event| matches!(event, Event::FastOpenAccepted { len: 100, .. });
    assert_eq!(talk.count(accepted), 1);
}

#[test]
fn a_cookie_without_data_hands_out_all_the_same() {
    let mut talk = early_with(config(), 0);
    assert_eq!(talk.recv(1, 10), Err(CallError::WouldBlock));
    assert_eq!(talk.send(10), ["P. 1:11(10) ack 1"]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert!(!status.syn_data_taken);
}

#[rstest]
#[case::dropped(SynData::Drop)]
#[case::queued_otherwise(SynData::Queue)]
fn a_wrong_cookie_gets_a_handshake_and_a_right_one(#[case] syn_data: SynData) {
    let config = Config {
        syn_data,
        ..config()
    };
    let (mut talk, listener) = listening(config, queue(1));
    let syn = syn(&talk, Some(option(b"guessed!")), 100);
    let line = answer(&mut talk, &syn);
    assert_eq!(line, "S. 0:0(0) ack 1 <mss 1460,FO e00856596426660e>");
    assert_eq!(accept(&mut talk, listener), Err(CallError::WouldBlock));
    let rejected = |event: &Event| matches!(event, Event::FastOpenCookieRejected { .. });
    assert_eq!(talk.count(rejected), 1);
}

#[rstest]
#[case::not_asked_for(config(), 0)]
#[case::switched_off(Config {
    fast_open: FastOpenConfig { server: false, ..config().fast_open }, ..config() }, 1)]
fn who_does_not_take_part_ignores_the_option(#[case] config: Config, #[case] len: usize) {
    let (mut talk, _) = listening(config, queue(len));
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 100);
    assert_eq!(answer(&mut talk, &syn), "S. 0:0(0) ack 1 <mss 1460>");
}

#[test]
fn text_without_the_option_is_nothing_special() {
    let (mut talk, _) = listening(config(), queue(1));
    let syn = syn(&talk, None, 100);
    assert_eq!(answer(&mut talk, &syn), "S. 0:0(0) ack 1 <mss 1460>");
}

#[test]
fn without_cookies_text_alone_is_enough() {
    let options = SocketOptions {
        fast_open_without_cookie: true,
        ..queue(1)
    };
    let (mut talk, listener) = listening(config(), options);
    let syn = syn(&talk, None, 100);
    assert_eq!(answer(&mut talk, &syn), "S. 0:0(0) ack 101 <mss 1460>");
    assert!(accept(&mut talk, listener).is_ok());
}

#[test]
fn a_cookie_of_the_key_before_counts_and_is_renewed() {
    let options = SocketOptions {
        fast_open_keys: Some(Keys {
            current: Key::new([8; 16]),
            previous: Some(KEY),
        }),
        ..queue(1)
    };
    let (mut talk, listener) = listening(config(), options);
    let (old, new) = (
        cookie(&talk.bench, KEY),
        cookie(&talk.bench, Key::new([8; 16])),
    );
    let syn = syn(&talk, Some(old), 100);
    let line = answer(&mut talk, &syn);
    let fresh = new.cookie.expect("a cookie");
    assert_eq!(line, format!("S. 0:0(0) ack 101 <mss 1460,FO {fresh:?}>"));
    assert!(accept(&mut talk, listener).is_ok());
}

/// What was made with the old key opens nothing any more, at a listener that was there before, unless that
/// has a key of its own.
#[rstest]
#[case::of_the_host(None, "S. 0:0(0) ack 1")]
#[case::of_the_listener(Some(KEY), "S. 0:0(0) ack 101")]
fn a_change_of_the_hosts_key_reaches_its_listeners(#[case] own: Option<Key>, #[case] line: &str) {
    let keys = |current| Keys {
        current,
        previous: None,
    };
    let options = SocketOptions {
        fast_open_keys: own.map(keys),
        ..queue(1)
    };
    let (mut talk, _) = listening(config(), options);
    talk.bench.host.config_mut().fast_open.keys = Some(keys(Key::new([8; 16])));
    let syn = syn(&talk, Some(cookie(&talk.bench, KEY)), 100);
    let answer = answer(&mut talk, &syn);
    assert_eq!(answer.split(" <").next(), Some(line));
}

#[test]
fn a_host_without_keys_makes_its_own() {
    let (mut talk, listener) = listening(Bench::plain_config(), queue(1));
    let request = syn(&talk, Some(option(b"")), 0);
    let sent = talk.bench.inject(&request);
    let given = sent[0].options.fast_open;
    let mut syn = syn(&talk, given, 100);
    syn.src.set_port(40_001);
    assert!(answer(&mut talk, &syn).starts_with("S. 0:0(0) ack 101"));
    assert!(accept(&mut talk, listener).is_ok());
}

/// Opens from ports of their own until one gets no more than an ordinary handshake.
fn how_many_get_in(talk: &mut Talk, first_port: u16) -> u16 {
    let option = cookie(&talk.bench, KEY);
    for number in 0.. {
        let mut syn = syn(talk, Some(option), 10);
        syn.src.set_port(first_port + number);
        let line = answer(talk, &syn);
        if line == "S. 0:0(0) ack 1 <mss 1460>" {
            return number;
        }
        assert_eq!(line, "S. 0:0(0) ack 11 <mss 1460>");
    }
    unreachable!()
}

#[test]
fn too_many_under_way_turn_fast_open_off() {
    let (mut talk, _) = listening(config(), queue(2));
    assert_eq!(how_many_get_in(&mut talk, 41_000), 2);
    let overflow = |event: &Event| matches!(event, Event::FastOpenOverflow { .. });
    assert_eq!(talk.count(overflow), 1);
}

#[test]
fn a_finished_handshake_makes_room_and_a_reset_does_so_later() {
    let (mut talk, _) = listening(config(), queue(1));
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 10);
    answer(&mut talk, &syn);
    talk.peer(".", 11, 1, 0);
    assert_eq!(how_many_get_in(&mut talk, 41_000), 1);
    // That one is reset.
    let mut reset = talk.segment("R", 11, 0, 0);
    reset.src.set_port(41_000);
    talk.inject(&reset);
    assert_eq!(how_many_get_in(&mut talk, 42_000), 0);
    talk.wait_s(60);
    assert_eq!(how_many_get_in(&mut talk, 43_000), 1);
}

#[rstest]
#[case::kept(ReceivedOnError::Keep, Ok(100))]
#[case::flushed(
    ReceivedOnError::Flush,
    Err(CallError::Connection(ConnectionError::Reset))
)]
fn a_reset_before_accept_is_an_error_of_the_connection(
    #[case] received_on_error: ReceivedOnError,
    #[case] first: Result<usize, CallError>,
) {
    let config = Config {
        received_on_error,
        ..config()
    };
    let (mut talk, listener) = listening(config, queue(1));
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 100);
    answer(&mut talk, &syn);
    assert_eq!(talk.peer("R.", 101, 1, 0).len(), 0);
    talk.conn.id = accept(&mut talk, listener).expect("still there");
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.recv(1, 200), first);
    if first.is_ok() {
        let error = Err(CallError::Connection(ConnectionError::Reset));
        assert_eq!(talk.recv(101, 200), error);
    }
    assert_eq!(talk.close().len(), 0);
}

#[test]
fn a_fin_may_come_before_anything_else() {
    let mut talk = early();
    assert_eq!(talk.peer("F.", 101, 1, 0), [". 1:1(0) ack 102"]);
    assert_eq!(talk.state(), StateName::CloseWait);
    assert_eq!(talk.recv(1, 200), Ok(100));
    assert_eq!(talk.recv(101, 200), Ok(0));
    assert_eq!(talk.close(), ["F. 1:1(0) ack 102"]);
}

#[test]
fn a_close_may_come_before_the_handshake_ends() {
    let mut talk = early();
    assert_eq!(talk.recv(1, 200), Ok(100));
    assert_eq!(talk.send(50), ["P. 1:51(50) ack 101"]);
    assert_eq!(talk.close(), ["F. 51:51(0) ack 101"]);
    assert_eq!(talk.state(), StateName::FinWait1);
    // Only the SYN-ACK goes out again.
    let again = talk.wait_ms(1000);
    assert_eq!(again, [(1000, "S. 0:0(0) ack 101".to_string())]);
    let lines = talk.peer(".", 101, 1, 0);
    assert_eq!(lines, ["FP. 1:51(50) ack 101"]);
    talk.peer(".", 101, 52, 0);
    assert_eq!(talk.state(), StateName::FinWait2);
}

#[rstest]
#[case::reset(UnreadOnClose::Reset, "R. 1:1(0) ack 101")]
#[case::fin(UnreadOnClose::Fin, "F. 1:1(0) ack 101")]
fn a_close_with_unread_data(#[case] close_with_unread_data: UnreadOnClose, #[case] line: &str) {
    let config = Config {
        close_with_unread_data,
        ..config()
    };
    let mut talk = early_with(config, 100);
    assert_eq!(talk.close(), [line]);
}

#[test]
fn the_syn_ack_is_repeated_without_the_cookie_and_given_up_with_an_error() {
    let options = SocketOptions {
        fast_open_keys: Some(Keys {
            current: Key::new([8; 16]),
            previous: Some(KEY),
        }),
        ..queue(1)
    };
    let (mut talk, listener) = listening(config(), options);
    let syn = syn(&talk, Some(cookie(&talk.bench, KEY)), 100);
    assert!(answer(&mut talk, &syn).contains("FO"));
    talk.conn.id = accept(&mut talk, listener).expect("handed out");
    let sent = talk.bench.wait(std::time::Duration::from_secs(100));
    let lines: Vec<String> = sent.iter().map(|(_, sent)| talk.full(sent)).collect();
    assert_eq!(lines, ["S. 0:0(0) ack 101 win 65435 <mss 1460>"; 5]);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[test]
fn a_repeated_syn_is_answered_like_any_other() {
    let mut talk = early();
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 100);
    assert_eq!(talk.inject(&syn), [". 1:1(0) ack 101"]);
    assert_eq!(talk.state(), StateName::SynReceived);
}

#[test]
fn a_new_syn_in_the_window_ends_nothing() {
    let mut talk = early();
    assert_eq!(talk.peer("S", 300, 0, 0), [". 1:1(0) ack 101"]);
    assert_eq!(talk.state(), StateName::SynReceived);
}

#[test]
fn early_data_is_bounded_by_the_initial_window_and_the_peers() {
    let mut talk = early();
    let count = talk.send(60_000).len();
    assert_eq!(count, 10);
    let mut bench = Bench::new(config());
    bench.peer_window = 300;
    let listener = bench.listen_with(8, queue(1));
    let conn = Conn {
        id: listener,
        iss: bench.irs,
        listener: Some(listener),
    };
    let mut talk = Talk::on(bench, conn);
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 10);
    answer(&mut talk, &syn);
    talk.conn.id = accept(&mut talk, listener).expect("handed out");
    assert_eq!(talk.send(1000), [". 1:301(300) ack 11"]);
}

#[test]
fn a_closed_window_does_not_stop_the_handshake() {
    let (mut talk, listener) = listening(config(), queue(1));
    let option = cookie(&talk.bench, KEY);
    let mut syn = syn(&talk, Some(option), 10);
    syn.wnd = Default::default();
    answer(&mut talk, &syn);
    talk.conn.id = accept(&mut talk, listener).expect("handed out");
    assert_eq!(talk.send(100).len(), 0);
    let again = talk.wait_ms(1000);
    assert_eq!(again, [(1000, "S. 0:0(0) ack 11".to_string())]);
    assert_eq!(talk.peer(".", 11, 1, 0), ["P. 1:101(100) ack 11"]);
}

#[test]
fn a_close_behind_a_closed_window_is_given_up_in_the_end() {
    let (mut talk, listener) = listening(config(), queue(1));
    let option = cookie(&talk.bench, KEY);
    let mut syn = syn(&talk, Some(option), 0);
    syn.wnd = Default::default();
    answer(&mut talk, &syn);
    talk.conn.id = accept(&mut talk, listener).expect("handed out");
    assert_eq!(talk.close().len(), 0);
    assert_eq!(talk.state(), StateName::FinWait1);
    talk.wait_s(400);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn a_lost_syn_ack_costs_the_window_and_what_left_behind_it_is_sent_again() {
    let mut talk = early();
    assert_eq!(talk.send(2920).len(), 2);
    let again = talk.wait_ms(1000);
    assert_eq!(again, [(1000, "S. 0:0(0) ack 101".to_string())]);
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    assert_eq!(cwnd(&talk), 1460);
    assert_eq!(talk.peer(".", 101, 1, 0), [". 1:1461(1460) ack 101"]);
}

/// RFC 5681 §3.1: the first timeout halves what was out, the next ones of the same segment leave that as it is; it makes no
/// difference that the SYN-ACK is what is sent again.
#[test]
fn the_first_timeout_before_the_handshake_ends_halves_what_was_out() {
    let mut talk = early();
    assert_eq!(talk.send(1460 * 8).len(), 8);
    for wait in [1000, 2000] {
        assert_eq!(talk.wait_ms(wait).len(), 1);
        let status = talk.bench.host.status(talk.conn.id).expect("alive");
        assert_eq!(status.ssthresh, 1460 * 8 / 2);
    }
}

#[test]
fn what_is_known_of_losses_before_the_handshake_ends_is_not_forgotten() {
    let mut talk = early();
    assert_eq!(talk.send(1460 * 4).len(), 4);
    talk.wait_ms(1000);
    assert_eq!(talk.peer(".", 101, 1, 0), [". 1:1461(1460) ack 101"]);
    // Duplicates of before the timeout are no loss of what was sent again since (RFC 6582 §4).
    let lines: Vec<String> = (0..4).flat_map(|_| talk.peer(".", 101, 1, 0)).collect();
    assert!(
        !lines.contains(&". 1:1461(1460) ack 101".to_string()),
        "{lines:?}"
    );
}

#[test]
fn no_probe_leaves_before_the_handshake_ends() {
    let config = Config {
        sack: true,
        loss_detection: LossDetection::RackTlp,
        syn_ack_timeout: std::time::Duration::from_secs(3),
        ..config()
    };
    let (mut talk, listener) = listening(config, queue(1));
    let option = cookie(&talk.bench, KEY);
    let mut syn = syn(&talk, Some(option), 10);
    syn.options.sack_permitted = true;
    answer(&mut talk, &syn);
    talk.conn.id = accept(&mut talk, listener).expect("handed out");
    assert_eq!(talk.send(100).len(), 1);
    let sent = talk.wait_ms(3000);
    assert_eq!(sent, [(3000, "S. 0:0(0) ack 11".to_string())]);
}

#[test]
fn the_first_ack_may_take_data_along() {
    let mut talk = early();
    assert_eq!(talk.send(2920).len(), 2);
    assert_eq!(talk.peer(".", 101, 1461, 0).len(), 0);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(
        (status.state, status.send_queued),
        (StateName::Established, 1460)
    );
}

#[test]
fn an_ack_of_what_was_never_sent_is_refused() {
    let mut talk = early();
    assert_eq!(talk.peer(".", 101, 2, 0), ["R 2:2(0)"]);
    assert_eq!(talk.state(), StateName::SynReceived);
}

#[test]
fn a_listener_takes_whom_nobody_accepted_along() {
    let (mut talk, listener) = listening(config(), queue(1));
    let option = cookie(&talk.bench, KEY);
    let syn = syn(&talk, Some(option), 100);
    answer(&mut talk, &syn);
    talk.conn.id = listener;
    assert_eq!(talk.close(), ["R. 1:1(0) ack 101"]);
}

#[test]
fn whom_somebody_accepted_outlives_the_listener() {
    let mut talk = early();
    let listener = talk.conn.listener.expect("a listener");
    assert_eq!(talk.bench.host.close(talk.bench.now, listener), Ok(()));
    talk.drain();
    assert_eq!(
        talk.send_with(10, SendFlags::default()),
        ["P. 1:11(10) ack 101"]
    );
    talk.peer(".", 101, 11, 0);
    assert_eq!(talk.state(), StateName::Established);
}
