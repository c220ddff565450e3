//! Opening: SYN, SYN-ACK, their retries, and what rides on them.

use rstest::rstest;
use tcpdrill_stack::config::{DuplicateSyn, InWindowSyn, SynData};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::{Bench, Conn};
use tcpdrill_stack::window::Mss;
use tcpdrill_stack::{CallError, Config, ConnectionError, SendFlags, SocketOptions, StateName};

use crate::support::Talk;

fn half_open(config: Config) -> Talk {
    Talk::reach(config, StateName::SynReceived)
}

fn connecting(config: Config) -> Talk {
    Talk::reach(config, StateName::SynSent)
}

#[test]
fn syn_ack_climbs_the_ladder_and_goes_at_63_s() {
    let mut talk = half_open(Bench::plain_config());
    let repeats = talk.wait_ms(62_999);
    let times: Vec<u64> = repeats.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1000, 3000, 7000, 15_000, 31_000]);
    assert!(
        repeats.iter().all(|(_, line)| line == "S. 0:0(0) ack 1"),
        "{repeats:?}"
    );
    assert_eq!(talk.state(), StateName::SynReceived);
    assert_eq!(talk.wait_ms(1), []);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.peer(".", 1, 1, 0), ["R 1:1(0)"]);
}

#[test]
fn an_ack_just_before_63_s_still_completes() {
    let mut talk = half_open(Bench::plain_config());
    talk.wait_ms(62_500);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn a_shorter_ladder_by_configuration() {
    let config = Config {
        syn_ack_retries: 1,
        ..Bench::plain_config()
    };
    let mut talk = half_open(config);
    assert_eq!(talk.wait_s(100).len(), 1);
    assert_eq!(talk.state(), StateName::Closed);
}

#[test]
fn an_active_open_sends_its_syn_for_three_minutes() {
    let mut talk = connecting(Bench::plain_config());
    let repeats = talk.wait_ms(179_999);
    let times: Vec<u64> = repeats.iter().map(|(at, _)| at / 1000).collect();
    assert_eq!(times, [1, 3, 7, 15, 31, 63, 123]);
    assert!(
        repeats.iter().all(|(_, line)| line == "S 0:0(0)"),
        "{repeats:?}"
    );
    assert_eq!(talk.state(), StateName::SynSent);
    talk.wait_ms(1);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[test]
fn the_user_timeout_ends_an_open_early() {
    let mut bench = Bench::new(Bench::plain_config());
    let options = SocketOptions {
        user_timeout: Some(std::time::Duration::from_secs(5)),
        ..SocketOptions::default()
    };
    let conn = bench.connecting(options);
    let mut talk = Talk::on(bench, conn);
    assert_eq!(talk.wait_s(10).len(), 2);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

#[rstest]
#[case::without_data(0, ". 1:1(0) ack 1")]
// Without an MSS option the peer takes 536 bytes; Nagle holds the rest while something is
// outstanding.
#[case::data_waited_for_it(700, ". 1:537(536) ack 1")]
fn an_active_open_reaches_established(#[case] queued: usize, #[case] answer: &str) {
    let mut talk = connecting(Bench::plain_config());
    if queued > 0 {
        assert_eq!(talk.send(queued), [""; 0]);
    }
    assert_eq!(talk.peer("S.", 0, 1, 0), [answer]);
    assert_eq!(talk.state(), StateName::Established);
}

#[rstest]
// The SYN-ACK's sequence number is old: it is answered as such.
#[case::by_the_other_syn_ack("S.", 0, &[". 1:1(0) ack 1"])]
#[case::by_a_plain_ack(".", 1, &[])]
fn crossing_syns_establish(#[case] flags: &str, #[case] seq: i64, #[case] answer: &[&str]) {
    let mut talk = connecting(Bench::plain_config());
    assert_eq!(talk.peer("S", 0, 0, 0), ["S. 0:0(0) ack 1"]);
    assert_eq!(talk.state(), StateName::SynReceived);
    assert_eq!(talk.peer(flags, seq, 1, 0), answer);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(talk.send(3), ["P. 1:4(3) ack 1"]);
}

#[test]
fn a_crossed_open_repeats_its_syn_ack_and_gives_up_like_an_open() {
    let mut talk = connecting(Bench::plain_config());
    talk.peer("S", 0, 0, 0);
    let repeats = talk.wait_s(179);
    assert_eq!(repeats[0], (1000, "S. 0:0(0) ack 1".into()));
    assert_eq!(talk.state(), StateName::SynReceived);
    talk.wait_s(2);
    assert_eq!(talk.take_error(), Some(ConnectionError::TimedOut));
}

/// RFC 5681 §3.1, RFC 6298 §5.7: who had to repeat his SYN begins with one segment and waits 3 s for its answer; the
/// SYN-ACK of a crossed open is such a SYN.
#[test]
fn a_crossed_open_that_timed_out_begins_with_care() {
    let mut talk = connecting(Bench::plain_config());
    talk.peer("S", 0, 0, 0);
    for (millis, timeouts) in [(1000, 1), (2000, 2)] {
        talk.wait_ms(millis);
        let status = talk.bench.host.status(talk.conn.id).expect("alive");
        assert_eq!(status.timeouts, timeouts);
    }
    talk.peer("S.", 0, 1, 0);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(talk.send(1460 * 5).len(), 1);
    assert_eq!(talk.wait_ms(2999), []);
    assert_eq!(talk.wait_ms(1).len(), 1);
}

#[test]
fn a_reset_refuses_an_open_only_with_the_right_ack() {
    let mut talk = connecting(Bench::plain_config());
    assert_eq!(talk.peer("R", 0, 0, 0), [""; 0]);
    assert_eq!(talk.peer("R.", 0, 2, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::SynSent);
    assert_eq!(talk.peer("R.", 0, 1, 0), [""; 0]);
    assert_eq!(talk.take_error(), Some(ConnectionError::Refused));
}

#[test]
fn a_reset_refuses_a_crossed_open() {
    let mut talk = connecting(Bench::plain_config());
    talk.peer("S", 0, 0, 0);
    assert_eq!(talk.peer("R", 1, 0, 0), [""; 0]);
    assert_eq!(talk.take_error(), Some(ConnectionError::Refused));
}

#[rstest]
#[case::iss(0)]
#[case::beyond(2)]
fn an_ack_of_something_else_is_reset_and_the_open_goes_on(#[case] ack: i64) {
    let mut talk = connecting(Bench::plain_config());
    for flags in ["S.", ".", "F."] {
        assert_eq!(talk.peer(flags, 0, ack, 0), [format!("R {ack}:{ack}(0)")]);
    }
    talk.peer("S.", 0, 1, 0);
    assert_eq!(talk.state(), StateName::Established);
}

#[rstest]
#[case::rfc(DuplicateSyn::Ack, ". 1:1(0) ack 1")]
#[case::linux(DuplicateSyn::RetransmitSynAck, "S. 0:0(0) ack 1")]
fn the_first_syn_again(#[case] setting: DuplicateSyn, #[case] answer: &str) {
    let config = Config {
        duplicate_syn_in_syn_received: setting,
        ..Bench::plain_config()
    };
    let mut talk = half_open(config);
    assert_eq!(talk.peer("S", 0, 0, 0), [answer]);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::Established);
}

#[rstest]
#[case::rfc(InWindowSyn::ReturnToListen, &[], StateName::Closed)]
#[case::linux(InWindowSyn::ResetAndReturnToListen, &["R. ISS:ISS(0) ack 101"], StateName::Closed)]
#[case::freebsd(InWindowSyn::RetransmitSynAck, &["S. 0:0(0) ack 1"], StateName::SynReceived)]
#[case::challenge(InWindowSyn::ChallengeAck, &[". 1:1(0) ack 1"], StateName::SynReceived)]
fn a_syn_in_the_window_of_a_half_open_connection(
    #[case] setting: InWindowSyn,
    #[case] answers: &[&str],
    #[case] state: StateName,
) {
    let config = Config {
        syn_in_window_in_syn_received: setting,
        ..Bench::plain_config()
    };
    let mut talk = half_open(config);
    // A reset in the form of CLOSED has the number 0, which is counted from our ISS here.
    let zero = (SeqNum::new(0) - talk.conn.iss.raw()).raw() as i32;
    let answers: Vec<String> = answers
        .iter()
        .map(|line| line.replace("ISS", &zero.to_string()))
        .collect();
    assert_eq!(talk.peer("S", 100, 0, 0), answers);
    assert_eq!(talk.state(), state);
    let listener = talk.conn.listener.expect("passive");
    assert_eq!(talk.bench.state(listener), StateName::Listen);
}

#[test]
fn a_reset_sends_a_half_open_connection_away_and_the_listener_goes_on() {
    let mut talk = half_open(Bench::plain_config());
    assert_eq!(talk.peer("R", 1, 0, 0), [""; 0]);
    assert_eq!(talk.state(), StateName::Closed);
    let listener = talk.conn.listener.expect("passive");
    let accepted = talk.bench.host.accept(talk.bench.now, listener);
    assert_eq!(accepted, Err(CallError::WouldBlock));
    assert_eq!(talk.peer("S", 0, 0, 0).len(), 1);
}

#[rstest]
#[case::dropped(SynData::Drop, 1, 0)]
#[case::queued(SynData::Queue, 6, 5)]
fn data_on_a_syn(#[case] setting: SynData, #[case] acked: i64, #[case] delivered: usize) {
    let config = Config {
        syn_data: setting,
        ..Bench::plain_config()
    };
    let mut bench = Bench::new(config);
    let listener = bench.listen();
    let mut talk = Talk::on(
        bench,
        Conn {
            id: listener,
            iss: SeqNum::new(0),
            listener: None,
        },
    );
    let syn = talk.segment("S", 0, 0, 5);
    let sent = talk.bench.inject(&syn);
    assert_eq!(sent[0].ack, Some(talk.bench.irs + acked as u32));
    talk.conn.iss = sent[0].seq;
    // Never before ESTABLISHED.
    assert_eq!(
        talk.bench.host.accept(talk.bench.now, listener),
        Err(CallError::WouldBlock)
    );
    talk.peer(".", acked, 1, 0);
    talk.conn.id = talk
        .bench
        .host
        .accept(talk.bench.now, listener)
        .expect("established");
    assert_eq!(
        talk.recv(1, 10),
        if delivered == 0 {
            Err(CallError::WouldBlock)
        } else {
            Ok(delivered)
        }
    );
    // The peer goes on where it was acknowledged: the stream has every byte once.
    talk.peer("P.", acked, 1, 7);
    assert_eq!(talk.recv(acked as u32, 10), Ok(7));
}

#[rstest]
#[case::dropped(SynData::Drop, "S. 0:0(0) ack 1")]
#[case::queued(SynData::Queue, "S. 0:0(0) ack 6")]
fn data_on_a_crossing_syn(#[case] setting: SynData, #[case] answer: &str) {
    let mut talk = connecting(Config {
        syn_data: setting,
        ..Bench::plain_config()
    });
    assert_eq!(talk.peer("S", 0, 0, 5), [answer]);
    assert_eq!(talk.recv(1, 10), Err(CallError::WouldBlock));
}

#[test]
fn data_on_a_syn_ack_arrives_with_established() {
    let mut talk = connecting(Bench::plain_config());
    assert_eq!(talk.peer("S.", 0, 1, 5), [". 1:1(0) ack 6"]);
    assert_eq!(talk.recv(1, 10), Ok(5));
}

#[test]
fn a_fin_on_a_syn_is_forgotten() {
    let mut bench = Bench::new(Bench::plain_config());
    let listener = bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.flags.fin = true;
    let sent = bench.inject(&syn);
    let iss = sent[0].seq;
    bench.inject(&bench.peer_segment(".", 1, iss + 1));
    let id = bench.host.accept(bench.now, listener).expect("established");
    assert_eq!(bench.state(id), StateName::Established);
}

#[test]
fn data_and_fin_on_the_third_segment_count() {
    let mut talk = half_open(Bench::plain_config());
    assert_eq!(talk.peer("FP.", 1, 1, 100), [". 1:1(0) ack 102"]);
    assert_eq!(talk.state(), StateName::CloseWait);
    let listener = talk.conn.listener.expect("passive");
    talk.conn.id = talk
        .bench
        .host
        .accept(talk.bench.now, listener)
        .expect("established");
    assert_eq!(talk.recv(1, 200), Ok(100));
    assert_eq!(talk.recv(101, 200), Ok(0));
}

#[test]
fn the_window_of_the_third_segment_counts() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.peer_window = 0;
    let conn = bench.half_open();
    let mut talk = Talk::on(bench, conn);
    talk.peer_window(".", 1, 1, 5000);
    let listener = talk.conn.listener.expect("passive");
    talk.conn.id = talk
        .bench
        .host
        .accept(talk.bench.now, listener)
        .expect("established");
    assert_eq!(talk.send(100), ["P. 1:101(100) ack 1"]);
}

#[rstest]
#[case::absent(None, 536)]
#[case::small(Some(300), 300)]
#[case::zero(Some(0), 64)]
#[case::below_the_floor(Some(8), 64)]
#[case::above_the_link(Some(9000), 1460)]
fn the_peers_mss_rules_our_segments(#[case] mss: Option<u16>, #[case] size: usize) {
    let mut talk = connecting(Bench::plain_config());
    let mut syn_ack = talk.segment("S.", 0, 1, 0);
    syn_ack.options.mss = mss.map(Mss::new);
    talk.inject(&syn_ack);
    let data = vec![1; 3000];
    talk.bench
        .host
        .send(talk.bench.now, talk.conn.id, &data, SendFlags::default())
        .expect("room");
    let sent = talk.bench.drain();
    assert_eq!(sent[0].payload.len(), size);
}

#[test]
fn ipv6_has_segment_sizes_of_its_own() {
    let mut bench = Bench::new_v6(Bench::plain_config());
    let listener = bench.listen();
    let mut syn = bench.peer_syn(false);
    syn.options.mss = None;
    let syn_ack = bench.inject(&syn)[0].clone();
    assert_eq!(syn_ack.options.mss, Some(Mss::new(1440)));
    bench.inject(&bench.peer_segment(".", 1, syn_ack.seq + 1));
    let id = bench.host.accept(bench.now, listener).expect("established");
    assert_eq!(bench.host.status(id).expect("alive").snd_mss, 1220);
}

#[test]
fn closing_while_opening_sends_nothing() {
    let mut talk = connecting(Bench::plain_config());
    assert_eq!(talk.close(), [""; 0]);
    assert_eq!(talk.state(), StateName::Closed);
    assert_eq!(talk.peer("S.", 0, 1, 0), ["R 1:1(0)"]);
}

#[test]
fn a_crossed_open_that_is_closed_sends_its_fin() {
    let mut talk = connecting(Bench::plain_config());
    talk.peer("S", 0, 0, 0);
    assert_eq!(talk.close(), ["F. 1:1(0) ack 1"]);
    assert_eq!(talk.state(), StateName::FinWait1);
    // Neither SYN nor FIN arrived: the SYN comes first.
    assert_eq!(talk.wait_s(1)[0].1, "S. 0:0(0) ack 1");
    talk.peer(".", 1, 1, 0);
    assert_eq!(talk.wait_s(10)[0].1, "F. 1:1(0) ack 1");
    talk.peer(".", 1, 2, 0);
    assert_eq!(talk.state(), StateName::FinWait2);
}

#[test]
fn a_half_close_during_the_open_follows_it() {
    let mut talk = connecting(Bench::plain_config());
    assert_eq!(talk.send(5), [""; 0]);
    assert_eq!(talk.shutdown(), [""; 0]);
    assert_eq!(talk.peer("S.", 0, 1, 0), ["FP. 1:6(5) ack 1"]);
    assert_eq!(talk.state(), StateName::FinWait1);
}
