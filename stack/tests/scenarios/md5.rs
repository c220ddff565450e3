//! Signed segments (RFC 2385).

use rstest::rstest;
use tcpdrill_stack::config::{Md5Config, SynCookies, UnexpectedSignature};
use tcpdrill_stack::event::{Discard, Event};
use tcpdrill_stack::md5::{Md5Key, Md5Keys};
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, SocketOptions, StateName};

use crate::support::Talk;

fn key(text: &str) -> Md5Key {
    Md5Key::new(text.as_bytes()).expect("a key")
}

fn options(bench: &Bench) -> SocketOptions {
    let mut md5_keys = Md5Keys::default();
    md5_keys.set(bench.peer.ip(), 32, key("secret"));
    SocketOptions {
        md5_keys,
        ..SocketOptions::default()
    }
}

fn signed(mut segment: Segment) -> Segment {
    key("secret").sign(&mut segment);
    segment
}

fn wrongly_signed(mut segment: Segment) -> Segment {
    key("Secret").sign(&mut segment);
    segment
}

fn drops(bench: &Bench, wanted: Discard) -> usize {
    let dropped =
        |event: &&Event| matches!(event, Event::SegmentDropped { reason, .. } if *reason == wanted);
    bench.events().filter(dropped).count()
}

fn all_signed(bench: &Bench) -> bool {
    bench.sent().all(|segment| key("secret").signed(segment))
}

/// A connection accepted with signatures.
fn talk(config: Config, edit: impl FnOnce(&mut Segment)) -> Talk {
    let mut bench = Bench::new(config);
    let listener = bench.listen_with(8, options(&bench));
    let mut syn = bench.peer_syn(false);
    edit(&mut syn);
    let syn_ack = bench.inject(&signed(syn))[0].clone();
    let iss = syn_ack.seq;
    let mut third = bench.peer_segment(".", 1, iss + 1);
    third.options.timestamps = syn_ack.options.timestamps;
    bench.inject(&signed(third));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let conn = Conn {
        id,
        iss,
        listener: Some(listener),
    };
    Talk::on(bench, conn)
}

#[rstest]
#[case::missing(|syn: Segment| syn, Discard::SignatureMissing)]
#[case::wrong(wrongly_signed, Discard::SignatureWrong)]
fn a_listener_with_a_key_does_not_answer_others(
    #[case] edit: fn(Segment) -> Segment,
    #[case] reason: Discard,
) {
    let mut bench = Bench::new(Config::default());
    bench.listen_with(8, options(&bench));
    let syn = edit(bench.peer_syn(true));
    assert!(bench.inject(&syn).is_empty());
    assert_eq!(drops(&bench, reason), 1);
    // Not even an acknowledgment of nothing is reset.
    let ack = edit(bench.peer_segment(".", 1, SeqNum::new(5)));
    assert!(bench.inject(&ack).is_empty());
    assert_eq!(drops(&bench, reason), 2);
}

#[test]
fn a_stray_segment_with_the_right_signature_gets_a_signed_reset() {
    let mut bench = Bench::new(Config::default());
    bench.listen_with(8, options(&bench));
    let ack = signed(bench.peer_segment(".", 1, SeqNum::new(5)));
    let sent = bench.inject(&ack);
    assert!(
        sent[0].flags.rst && key("secret").signed(&sent[0]),
        "{sent:?}"
    );
}

#[test]
fn both_ways_are_signed_from_the_first_to_the_last_segment() {
    let mut talk = talk(Bench::plain_config(), |_| {});
    assert_eq!(talk.send(100), ["P. 1:101(100) ack 1"]);
    let ack = signed(talk.segment("P.", 1, 101, 50));
    talk.inject(&ack);
    assert_eq!(talk.recv(1, 50), Ok(50));
    assert_eq!(talk.wait_s(1).len(), 1, "the delayed acknowledgment");
    talk.close();
    let ack = signed(talk.segment("F.", 51, 102, 0));
    talk.inject(&ack);
    assert_eq!(talk.state(), StateName::TimeWait);
    assert!(all_signed(&talk.bench));
}

#[rstest]
#[case::missing(|segment: Segment| segment, Discard::SignatureMissing)]
#[case::wrong(wrongly_signed, Discard::SignatureWrong)]
fn what_is_not_signed_does_nothing(
    #[case] edit: fn(Segment) -> Segment,
    #[case] reason: Discard,
    #[values("P.", "R", "R.", "S", "F.")] flags: &str,
) {
    let mut talk = talk(Bench::plain_config(), |_| {});
    let len = if flags == "P." { 10 } else { 0 };
    let segment = edit(talk.segment(flags, 1, 1, len));
    assert_eq!(talk.inject(&segment), [""; 0]);
    assert_eq!(drops(&talk.bench, reason), 1);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(
        talk.bench
            .host
            .status(talk.conn.id)
            .expect("alive")
            .recv_queued,
        0
    );
}

#[test]
fn a_signed_reset_ends_the_connection() {
    let mut talk = talk(Bench::plain_config(), |_| {});
    let reset = signed(talk.segment("R", 1, 0, 0));
    talk.inject(&reset);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn an_abort_is_signed() {
    let mut talk = talk(Bench::plain_config(), |_| {});
    let aborted = talk.bench.host.abort(talk.bench.now, talk.conn.id);
    assert_eq!(aborted, Ok(()));
    talk.drain();
    assert!(talk.last_sent().flags.rst);
    assert!(all_signed(&talk.bench));
}

#[test]
fn the_option_takes_its_20_bytes_of_every_segment() {
    let mut talk = talk(Bench::plain_config(), |_| {});
    assert_eq!(
        talk.bench.host.status(talk.conn.id).expect("alive").snd_mss,
        1440
    );
    let sent = talk.send(2000);
    assert_eq!(sent, [". 1:1441(1440) ack 1"], "and Nagle holds the rest");
    assert_eq!(talk.last_sent().emit().len(), 1500);
}

#[test]
fn other_peers_need_no_key() {
    let mut bench = Bench::new(Bench::plain_config());
    let mut options = options(&bench);
    let peer = std::mem::replace(&mut bench.peer, "198.51.100.8:40000".parse().unwrap());
    assert!(options.md5_keys.key_for(peer.ip()).is_some());
    options.nodelay = true;
    let conn = bench.accepted_with(options);
    assert_eq!(bench.state(conn.id), StateName::Established);
    assert!(
        bench
            .sent()
            .all(|segment| segment.options.signature.is_none())
    );
}

#[rstest]
#[case::drop(UnexpectedSignature::Drop, 0)]
#[case::ignore(UnexpectedSignature::Ignore, 10)]
fn a_signature_without_a_key(#[case] unexpected: UnexpectedSignature, #[case] taken: usize) {
    let config = Config {
        md5: Md5Config {
            unexpected,
            ..Md5Config::default()
        },
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    let segment = signed(talk.segment("P.", 1, 1, 10));
    talk.inject(&segment);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!(status.recv_queued, taken);
    let dropped = drops(&talk.bench, Discard::SignatureUnexpected);
    assert_eq!(dropped, usize::from(taken == 0));
}

fn everything(timestamps: bool) -> Config {
    Config {
        md5: Md5Config {
            timestamps,
            ..Md5Config::default()
        },
        ..Config::default()
    }
}

fn offer_everything(syn: &mut Segment) {
    syn.options.sack_permitted = true;
    syn.options.window_scale = Some(tcpdrill_stack::window::WindowScale::new(7));
    syn.options.timestamps = Some(Timestamps { value: 5, echo: 0 });
}

/// Timestamps and a signature leave no room for SACK blocks: one of the two gives way.
#[rstest]
#[case::blocks(false, 2)]
#[case::timestamps(true, 0)]
fn what_fits_beside_a_signature(#[case] timestamps: bool, #[case] blocks: usize) {
    let mut talk = talk(everything(timestamps), offer_everything);
    assert_eq!(
        talk.bench
            .host
            .status(talk.conn.id)
            .expect("alive")
            .timestamps,
        timestamps
    );
    for seq in [101, 301, 501] {
        let mut segment = talk.segment("P.", seq, 1, 50);
        segment.options.timestamps = timestamps.then_some(Timestamps { value: 6, echo: 0 });
        talk.inject(&signed(segment));
    }
    let last = talk.last_sent();
    assert_eq!(last.options.sack.len(), blocks);
    assert!(all_signed(&talk.bench));
    assert!(last.emit().len() <= 20 + 60);
}

#[test]
fn an_open_signs_its_syn_with_every_option() {
    let mut bench = Bench::new(everything(true));
    let conn = bench.connecting(options(&bench));
    let syn = bench.sent().next().expect("SYN").clone();
    assert_eq!(syn.emit().len(), 20 + 60, "all 40 bytes of options");
    let mut answer = bench.peer_segment("S.", 0, conn.iss + 1);
    offer_everything(&mut answer);
    assert!(bench.inject(&answer).is_empty());
    assert_eq!(bench.state(conn.id), StateName::SynSent);
    bench.inject(&signed(answer));
    assert_eq!(bench.state(conn.id), StateName::Established);
    // The repeats of a SYN are signed as well.
    assert!(all_signed(&bench));
}

#[test]
fn repeats_of_syn_and_syn_ack_are_signed() {
    let mut bench = Bench::new(Config::default());
    bench.connecting(options(&bench));
    bench.wait(std::time::Duration::from_secs(5));
    assert!(bench.sent().count() > 2 && all_signed(&bench));
    let mut bench = Bench::new(Config::default());
    bench.listen_with(8, options(&bench));
    let syn = signed(bench.peer_syn(true));
    bench.inject(&syn);
    bench.wait(std::time::Duration::from_secs(5));
    assert!(bench.sent().count() > 2 && all_signed(&bench));
}

#[test]
fn cookies_are_signed_and_brought_back_signed() {
    let mut bench = Bench::new(Config {
        syn_cookies: SynCookies::Always,
        ..everything(true)
    });
    let listener = bench.listen_with(8, options(&bench));
    let mut syn = bench.peer_syn(false);
    offer_everything(&mut syn);
    let syn_ack = bench.inject(&signed(syn))[0].clone();
    assert!(key("secret").signed(&syn_ack));
    let mut third = bench.peer_segment(".", 1, syn_ack.seq + 1);
    third.options.timestamps = syn_ack.options.timestamps.map(|timestamps| Timestamps {
        value: 6,
        echo: timestamps.value,
    });
    assert!(bench.inject(&third).is_empty());
    assert!(bench.host.accept(bench.now, listener).is_err());
    bench.inject(&signed(third));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let status = bench.host.status(id).expect("alive");
    assert_eq!((status.snd_wscale, status.sack), (Some(7), true));
}

#[test]
fn a_key_can_be_set_and_removed_on_a_connection() {
    let mut talk = Talk::plain();
    let with_key = options(&talk.bench);
    let set = |talk: &mut Talk, options| {
        assert_eq!(talk.bench.host.set_options(talk.conn.id, options), Ok(()));
        talk.drain();
    };
    set(&mut talk, with_key);
    assert_eq!(talk.send(100), ["P. 1:101(100) ack 1"]);
    assert!(key("secret").signed(&talk.last_sent()));
    talk.peer(".", 1, 101, 0);
    assert_eq!(drops(&talk.bench, Discard::SignatureMissing), 1);
    set(&mut talk, SocketOptions::default());
    talk.peer(".", 1, 101, 0);
    assert_eq!(talk.send(1460), ["P. 101:1561(1460) ack 1"]);
    assert!(talk.last_sent().options.signature.is_none());
}
