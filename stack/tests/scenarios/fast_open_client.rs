//! TCP Fast Open (RFC 7413), as a client.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{BurstRules, FastOpenConfig, Segmentation, SynData};
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::{Bench, Conn, Seen, show};
use tcpdrill_stack::window::{Mss, UnscaledWindow};
use tcpdrill_stack::wire::fast_open::{Cookie, FastOpenOption};
use tcpdrill_stack::{
    CallError, Config, ConnectionError, SendFlags, SocketId, SocketOptions, StateName,
};

use crate::fast_open::option;
use crate::support::{Talk, byte_at};

fn with(fast_open: FastOpenConfig) -> Config {
    Config {
        fast_open,
        ..Bench::plain_config()
    }
}

fn config() -> Config {
    with(FastOpenConfig::default())
}

fn data(len: usize) -> Vec<u8> {
    (1..=len as u32).map(byte_at).collect()
}

/// A host that has opened nothing yet.
fn talk(config: Config) -> Talk {
    let bench = Bench::new(config);
    let conn = Conn {
        id: no_socket(),
        iss: bench.irs,
        listener: None,
    };
    Talk::on(bench, conn)
}

/// A host that has a cookie, and the server's MSS.
fn known(config: Config) -> Talk {
    let mut talk = talk(config);
    open(&mut talk, 0);
    let answer = syn_ack(&talk, 1, Some(option(b"abcd1234")));
    assert_eq!(talk.inject(&answer), [". 1:1(0) ack 1"]);
    abort(&mut talk);
    talk
}

fn no_socket() -> SocketId {
    let mut bench = Bench::new(config());
    let id = bench.listen();
    assert_eq!(bench.host.close(bench.now, id), Ok(()));
    id
}

fn abort(talk: &mut Talk) {
    let _ = talk.bench.host.abort(talk.bench.now, talk.conn.id);
    talk.drain();
}

/// Opens with so much data; answers how much was taken and the SYN.
fn open(talk: &mut Talk, len: usize) -> (usize, String) {
    open_with(talk, len, SocketOptions::default())
}

fn open_with(talk: &mut Talk, len: usize, options: SocketOptions) -> (usize, String) {
    let (now, peer) = (talk.bench.now, talk.bench.peer);
    let local = (None, Some(talk.bench.local.port()));
    let data = data(len);
    let opened = talk
        .bench
        .host
        .open_with_data(now, local, peer, options, &data);
    let (id, taken) = opened.expect("opens");
    talk.conn.id = id;
    (taken, only_syn(talk))
}

fn defer(talk: &mut Talk) -> bool {
    let (now, peer) = (talk.bench.now, talk.bench.peer);
    let local = (None, Some(talk.bench.local.port()));
    let host = &mut talk.bench.host;
    let opened = host.open_on_first_send(now, local, peer, SocketOptions::default());
    let (id, waits) = opened.expect("opens");
    talk.conn.id = id;
    waits
}

fn only_syn(talk: &mut Talk) -> String {
    let sent = talk.bench.drain();
    let [syn] = &sent[..] else {
        panic!("no single SYN: {sent:?}")
    };
    assert!(syn.flags.syn);
    talk.conn.iss = syn.seq;
    talk.full(syn).replace(" win 65535", "")
}

fn syn_ack(talk: &Talk, ack: i64, option: Option<FastOpenOption>) -> Segment {
    let mut segment = talk.segment("S.", 0, ack, 0);
    segment.options.mss = Some(Mss::new(1460));
    segment.options.fast_open = option;
    segment
}

const COOKIE: &str = "S 0:100(100) <mss 1460,FO 6162636431323334>";

#[test]
fn the_first_open_asks_and_the_second_brings_data_along() {
    let mut talk = talk(config());
    let asked = open(&mut talk, 100);
    assert_eq!(asked, (0, "S 0:0(0) <mss 1460,FO>".into()));
    let answer = syn_ack(&talk, 1, Some(option(b"abcd1234")));
    assert_eq!(talk.inject(&answer), [". 1:1(0) ack 1"]);
    abort(&mut talk);
    assert_eq!(open(&mut talk, 100), (100, COOKIE.into()));
    let answer = syn_ack(&talk, 101, None);
    assert_eq!(talk.inject(&answer), [". 101:101(0) ack 1"]);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!((status.send_queued, status.syn_data_taken), (0, true));
    assert_eq!(status.cwnd, 14_600);
}

#[test]
fn an_ordinary_open_says_nothing_of_it() {
    let mut talk = known(config());
    let conn = talk.bench.connecting(SocketOptions::default());
    let syn = talk
        .bench
        .seen
        .iter()
        .rev()
        .find_map(|(_, seen)| match seen {
            Seen::Sent(segment) => Some(segment.clone()),
            Seen::Event(_) => None,
        });
    let syn = syn.expect("a SYN");
    assert_eq!(
        show(&syn, conn.iss, talk.bench.irs),
        "S 0:0(0) win 65535 <mss 1460>"
    );
}

#[rstest]
#[case::nothing(1, &["P. 1:101(100) ack 1"], false)]
#[case::part(41, &["P. 41:101(60) ack 1"], false)]
#[case::all(101, &[". 101:101(0) ack 1"], true)]
fn what_the_answer_does_not_take_follows_at_once(
    #[case] ack: i64,
    #[case] lines: &[&str],
    #[case] taken: bool,
) {
    let mut talk = known(config());
    open(&mut talk, 100);
    let answer = syn_ack(&talk, ack, None);
    assert_eq!(talk.inject(&answer), lines);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(
        (status.state, status.syn_data_taken),
        (StateName::Established, taken)
    );
    let again = usize::from(!taken);
    assert_eq!(
        (status.delivered, status.retransmitted_in_flight),
        (1, again)
    );
    talk.peer(".", 1, 101, 0);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(
        (status.delivered, status.retransmitted_in_flight),
        (1 + again as u64, 0)
    );
    assert_eq!(
        (status.send_queued, status.rto),
        (0, Duration::from_secs(1))
    );
}

/// Beyond the window no peer accepts an acknowledgment, and the handshake would not end.
#[rstest]
#[case::closed(0, 1, &[". 1:1(0) ack 1"], ". 1:1(0) ack 101")]
#[case::part_taken(0, 41, &[". 41:41(0) ack 1"], ". 41:41(0) ack 101")]
#[case::room_for_some(30, 1, &[". 1:31(30) ack 1"], ". 31:31(0) ack 101")]
#[case::room_for_all(1000, 1, &["P. 1:101(100) ack 1"], ". 101:101(0) ack 101")]
fn acknowledgments_stay_in_a_window_that_has_no_room_for_what_was_not_taken(
    #[case] window: u16,
    #[case] ack: i64,
    #[case] lines: &[&str],
    #[case] later: &str,
) {
    let mut talk = known(config());
    open(&mut talk, 100);
    let mut answer = syn_ack(&talk, ack, None);
    answer.wnd = UnscaledWindow::new(window);
    assert_eq!(talk.inject(&answer), lines);
    let mut text = talk.segment("P.", 1, ack, 100);
    text.wnd = UnscaledWindow::new(window);
    let sent = [talk.inject(&text), talk.inject(&text)].concat();
    assert_eq!(sent.last().map(String::as_str), Some(later));
}

#[test]
fn an_answer_to_more_than_was_sent_is_refused_and_teaches_nothing() {
    let mut talk = known(config());
    open(&mut talk, 100);
    let answer = syn_ack(&talk, 102, Some(option(b"wrong!")));
    assert_eq!(talk.inject(&answer), ["R 102:102(0)"]);
    assert_eq!(talk.state(), StateName::SynSent);
    abort(&mut talk);
    assert_eq!(open(&mut talk, 100).1, COOKIE);
}

#[test]
fn what_goes_with_the_syn_is_pushed_though_more_follows() {
    let mut talk = known(config());
    assert_eq!(open(&mut talk, 5000).0, 1420);
    let (now, id) = (talk.bench.now, talk.conn.id);
    let rest = data(5000).split_off(1420);
    let taken = talk.bench.host.send(now, id, &rest, SendFlags::default());
    assert_eq!(taken, Ok(3580));
    let answer = syn_ack(&talk, 1, None);
    let lines = talk.inject(&answer);
    assert_eq!(
        lines[..2],
        ["P. 1:1421(1420) ack 1", ". 1421:2881(1460) ack 1"]
    );
}

#[test]
fn the_second_syn_is_an_ordinary_one() {
    let mut talk = known(config());
    open(&mut talk, 100);
    let sent = talk.bench.wait(Duration::from_secs(1));
    let lines: Vec<String> = sent.iter().map(|(_, sent)| talk.full(sent)).collect();
    assert_eq!(lines, ["S 0:0(0) win 65535 <mss 1460>"]);
    // Either of the two may be what is answered.
    let answer = syn_ack(&talk, 1, None);
    assert_eq!(talk.inject(&answer), ["P. 1:101(100) ack 1"]);
}

#[test]
fn an_answer_to_the_first_syn_counts_after_the_second() {
    let mut talk = known(config());
    open(&mut talk, 100);
    talk.wait_s(1);
    let answer = syn_ack(&talk, 101, None);
    assert_eq!(talk.inject(&answer), [". 101:101(0) ack 1"]);
    abort(&mut talk);
    assert_eq!(open(&mut talk, 100).1, COOKIE);
}

#[rstest]
#[case::server(940, None, 900)]
#[case::link(10_000, None, 1420)]
#[case::user(1460, Some(1040), 1000)]
#[case::hardly_anything(30, None, 0)]
fn data_fits_one_segment_with_all_options(
    #[case] server: u16,
    #[case] user: Option<u16>,
    #[case] len: usize,
) {
    let mut talk = talk(config());
    open(&mut talk, 0);
    let mut answer = syn_ack(&talk, 1, Some(option(b"abcd1234")));
    answer.options.mss = Some(Mss::new(server));
    talk.inject(&answer);
    abort(&mut talk);
    let options = SocketOptions {
        mss: user,
        ..SocketOptions::default()
    };
    assert_eq!(open_with(&mut talk, 5000, options).0, len);
}

#[test]
fn a_cookie_may_be_longer_than_our_own() {
    let mut talk = talk(Config {
        timestamps: true,
        sack: true,
        window_scale: Some(7),
        ..config()
    });
    open(&mut talk, 0);
    let answer = syn_ack(&talk, 1, Some(option(b"sixteen bytes :)")));
    talk.inject(&answer);
    abort(&mut talk);
    let (taken, line) = open(&mut talk, 5000);
    assert_eq!(taken, 1420);
    assert!(
        line.ends_with("FO 7369787465656e206279746573203a29>"),
        "{line}"
    );
}

#[test]
fn a_server_that_takes_nothing_is_left_alone_for_an_hour() {
    let mut talk = known(config());
    open(&mut talk, 100);
    let answer = syn_ack(&talk, 1, None);
    talk.inject(&answer);
    abort(&mut talk);
    let plain = (0, "S 0:0(0) <mss 1460>".to_string());
    assert_eq!(open(&mut talk, 100), plain);
    abort(&mut talk);
    assert!(!defer(&mut talk));
    talk.drain();
    abort(&mut talk);
    talk.wait_s(3600);
    assert_eq!(open(&mut talk, 100).1, COOKIE);
}

#[rstest]
#[case::rfc(FastOpenConfig::default(), "S 0:0(0) <mss 1460>")]
#[case::linux(FastOpenConfig { distrust: None, ..FastOpenConfig::default() }, COOKIE)]
fn a_server_that_never_answers_is_opened_otherwise(
    #[case] fast_open: FastOpenConfig,
    #[case] next: &str,
) {
    let mut talk = known(with(fast_open));
    open(&mut talk, 100);
    talk.wait_s(200);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
    assert_eq!(open(&mut talk, 100).1, next);
}

#[test]
fn a_refusal_is_no_matter_of_fast_open() {
    let mut talk = known(config());
    open(&mut talk, 100);
    talk.peer("R.", 0, 1, 0);
    assert_eq!(talk.take_error(), Some(ConnectionError::Refused));
    assert_eq!(open(&mut talk, 100).1, COOKIE);
}

#[test]
fn a_new_cookie_replaces_the_old_one_whatever_else_the_answer_says() {
    let mut talk = known(config());
    open(&mut talk, 100);
    let answer = syn_ack(&talk, 1, Some(option(b"new one!")));
    talk.inject(&answer);
    abort(&mut talk);
    let line = open(&mut talk, 100).1;
    assert_eq!(line, "S 0:100(100) <mss 1460,FO 6e6577206f6e6521>");
}

#[test]
fn the_experiment_is_tried_where_the_standard_has_no_answer() {
    let mut talk = talk(config());
    let mut forms = Vec::new();
    for _ in 0..4 {
        forms.push(open(&mut talk, 0).1);
        let answer = syn_ack(&talk, 1, None);
        talk.inject(&answer);
        abort(&mut talk);
    }
    let (standard, experiment) = ("S 0:0(0) <mss 1460,FO>", "S 0:0(0) <mss 1460,FOEXP>");
    assert_eq!(forms, [standard, experiment, standard, standard]);
}

#[test]
fn a_cookie_keeps_the_form_it_came_in() {
    let mut talk = talk(config());
    open(&mut talk, 0);
    let cookie = FastOpenOption {
        cookie: Cookie::new(b"abcd"),
        experimental: true,
    };
    let answer = syn_ack(&talk, 1, Some(cookie));
    talk.inject(&answer);
    abort(&mut talk);
    assert_eq!(open(&mut talk, 9).1, "S 0:9(9) <mss 1460,FOEXP 61626364>");
}

#[test]
fn without_cookies_nothing_is_asked_for_and_none_taken() {
    let options = || SocketOptions {
        fast_open_without_cookie: true,
        ..SocketOptions::default()
    };
    let mut talk = talk(config());
    let sent = open_with(&mut talk, 100, options());
    assert_eq!(sent, (100, "S 0:100(100) <mss 1460>".into()));
    let answer = syn_ack(&talk, 101, Some(option(b"unasked!")));
    assert_eq!(talk.inject(&answer), [". 101:101(0) ack 1"]);
    abort(&mut talk);
    assert_eq!(open(&mut talk, 100), (0, "S 0:0(0) <mss 1460,FO>".into()));
}

#[test]
fn a_host_with_fast_open_off_opens_as_ever() {
    let mut talk = talk(with(FastOpenConfig {
        client: false,
        ..FastOpenConfig::default()
    }));
    assert_eq!(open(&mut talk, 100), (0, "S 0:0(0) <mss 1460>".into()));
}

#[test]
fn servers_can_be_forgotten() {
    let mut talk = known(config());
    talk.bench.host.forget_servers();
    assert_eq!(open(&mut talk, 100), (0, "S 0:0(0) <mss 1460,FO>".into()));
}

#[test]
fn the_syn_can_wait_for_the_first_send() {
    let mut talk = known(config());
    assert!(defer(&mut talk));
    assert_eq!(talk.wait_s(1000), []);
    let ready = talk.bench.host.readiness(talk.conn.id);
    assert!(ready.writable && !ready.connected && !ready.readable);
    let (now, id) = (talk.bench.now, talk.conn.id);
    assert_eq!(talk.recv(1, 10), Err(CallError::WouldBlock));
    let taken = talk
        .bench
        .host
        .send(now, id, &data(5000), SendFlags::default());
    assert_eq!(taken, Ok(1420));
    assert!(only_syn(&mut talk).starts_with("S 0:1420(1420)"));
    let ready = talk.bench.host.readiness(talk.conn.id);
    assert!(!ready.writable);
    let answer = syn_ack(&talk, 1421, None);
    assert_eq!(talk.inject(&answer), [". 1421:1421(0) ack 1"]);
}

#[test]
fn without_a_cookie_the_syn_does_not_wait() {
    let mut talk = talk(config());
    assert!(!defer(&mut talk));
    assert_eq!(only_syn(&mut talk), "S 0:0(0) <mss 1460,FO>");
}

#[test]
fn a_waiting_open_is_nobody_to_the_peer() {
    let mut talk = known(config());
    assert!(defer(&mut talk));
    let sent = talk.bench.inject(&talk.bench.peer_syn(false));
    assert_eq!((sent[0].flags.rst, sent[0].flags.syn), (true, false));
    assert_eq!(talk.state(), StateName::SynSent);
    assert_eq!(talk.close().len(), 0);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn a_waiting_open_that_is_shut_down_opens_to_close() {
    let mut talk = known(config());
    assert!(defer(&mut talk));
    let (now, id) = (talk.bench.now, talk.conn.id);
    assert_eq!(talk.bench.host.shutdown_write(now, id), Ok(()));
    let line = only_syn(&mut talk);
    assert_eq!(line, "S 0:0(0) <mss 1460,FO 6162636431323334>");
    let answer = syn_ack(&talk, 1, None);
    assert_eq!(talk.inject(&answer), ["F. 1:1(0) ack 1"]);
}

#[test]
fn a_cookie_that_is_gone_when_data_comes_is_asked_for_again() {
    let mut talk = known(config());
    assert!(defer(&mut talk));
    talk.bench.host.forget_servers();
    let (now, id) = (talk.bench.now, talk.conn.id);
    let taken = talk
        .bench
        .host
        .send(now, id, &data(10), SendFlags::default());
    assert_eq!(taken, Err(CallError::WouldBlock));
    assert_eq!(only_syn(&mut talk), "S 0:0(0) <mss 1460,FO>");
}

#[rstest]
#[case::nothing(1, "P. 1:101(100) ack 1")]
#[case::part(51, "P. 51:101(50) ack 1")]
fn crossing_syns_with_data_still_meet(#[case] ack: i64, #[case] last: &str) {
    let mut talk = known(config());
    open(&mut talk, 100);
    let mut crossing = talk.segment("S", 0, 0, 50);
    crossing.options.fast_open = Some(option(b"whatever"));
    assert_eq!(talk.inject(&crossing), ["S. 0:0(0) ack 1"]);
    let repeat = syn_ack(&talk, ack, None);
    assert_eq!(talk.inject(&repeat), [last]);
    assert_eq!(talk.state(), StateName::Established);
    // The peer's own data follows.
    talk.peer("P.", 1, 101, 50);
    assert_eq!(talk.recv(1, 99), Ok(50));
}

#[test]
fn the_repeated_syn_of_a_crossed_open_is_reported() {
    let mut talk = known(Config {
        sack: true,
        ..config()
    });
    open(&mut talk, 100);
    let mut crossing = talk.segment("S", 0, 0, 0);
    crossing.options.sack_permitted = true;
    talk.inject(&crossing);
    let sent = talk.bench.inject(&syn_ack(&talk, 101, None));
    let lines: Vec<String> = sent.iter().map(|sent| talk.full(sent)).collect();
    assert_eq!(lines, [". 101:101(0) ack 1 win 65535 <sack 0:1>"]);
}

/// "Fragmentation needed" about the SYN, for a path of `mtu` bytes.
fn too_big(talk: &mut Talk, mtu: u16) {
    let message = crate::icmp::error(talk, 3, 4, mtu, 0);
    talk.bench.host.receive(talk.bench.now, &message);
}

#[test]
fn a_syn_that_does_not_fit_the_path_is_followed_by_one_that_does() {
    let mut talk = known(config());
    assert_eq!(open(&mut talk, 5000).0, 1420);
    too_big(&mut talk, 840);
    assert_eq!(only_syn(&mut talk), "S 0:0(0) <mss 800>");
    // A second complaint changes nothing.
    too_big(&mut talk, 840);
    assert_eq!(talk.drain().len(), 0);
    let answer = syn_ack(&talk, 1, None);
    let lines = talk.inject(&answer);
    assert_eq!(lines, [". 1:801(800) ack 1", "P. 801:1421(620) ack 1"]);
}

/// The SYN waits for text that is there: it is to be written before the SYN is.
#[test]
fn the_first_text_is_not_written_in_place() {
    let mut talk = known(config());
    assert!(defer(&mut talk));
    let (now, id) = (talk.bench.now, talk.conn.id);
    let fill = |_: &mut [u8]| panic!("nobody is to write");
    let sent = talk
        .bench
        .host
        .send_with(now, id, 10, SendFlags::default(), fill);
    assert_eq!(sent, Err(CallError::InvalidArgument));
    assert!(talk.drain().is_empty());
}

/// RFC 7413 §4.2.2: what the server left of the SYN's data follows, in bursts as well.
#[test]
fn what_a_server_left_of_the_first_text_follows_in_a_burst() {
    let mut talk = known(Config {
        segmentation: Segmentation::Bursts(BurstRules::default()),
        ..config()
    });
    open(&mut talk, 100);
    let answer = syn_ack(&talk, 1, None);
    assert_eq!(talk.inject(&answer), ["P. 1:101(100) ack 1"]);
}

/// RFC 7413 §4.2.1: a server that took the data on the SYN may answer before the handshake is over, with its SYN-ACK. A
/// client that asked for that takes the answer, even if it drops what comes on other SYN-ACKs.
#[rstest]
#[case::asked(5, ". 6:6(0) ack 101")]
#[case::not_asked(0, ". 1:1(0) ack 1")]
fn text_on_a_syn_ack_is_for_those_who_asked(#[case] len: usize, #[case] answer: &str) {
    let mut talk = known(Config {
        syn_ack_data: SynData::Drop,
        ..config()
    });
    if len > 0 {
        assert_eq!(open(&mut talk, len).0, len);
    } else {
        let (now, peer) = (talk.bench.now, talk.bench.peer);
        let local = (None, Some(talk.bench.local.port()));
        let opened = talk
            .bench
            .host
            .open_active(now, local, peer, SocketOptions::default());
        talk.conn.id = opened.expect("opens");
        only_syn(&mut talk);
    }
    let mut syn_ack = syn_ack(&talk, 1 + len as i64, None);
    syn_ack.payload = (1..=100).map(byte_at).collect();
    assert_eq!(talk.inject(&syn_ack), [answer]);
}
