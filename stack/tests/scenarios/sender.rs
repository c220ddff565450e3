//! What the sender makes of an acknowledgment: duplicate or not, late or not, and whether its window was
//! what held it back.

use rstest::rstest;
use tcpdrill_stack::config::{EcnUse, LossDetection};
use tcpdrill_stack::congestion::{InitialWindow, Rules};
use tcpdrill_stack::counters::Limit;
use tcpdrill_stack::seq::SeqRange;
use tcpdrill_stack::socket::Status;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::UnscaledWindow;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, SocketOptions, StateName};

use crate::support::{Talk, byte_at};

fn status(talk: &Talk) -> Status {
    talk.bench.host.status(talk.conn.id).expect("alive")
}

/// RFC 5681 §2: a duplicate has the greatest SEG.ACK seen. One that leaves the window closed answers a
/// probe, or would answer one, and tells of no loss.
#[rstest]
#[case::the_greatest(1461, 65_535, true)]
#[case::an_older_one(1, 65_535, false)]
#[case::of_a_closed_window(1461, 0, false)]
fn the_third_duplicate_is_a_loss(#[case] ack: i64, #[case] window: u16, #[case] loss: bool) {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1460 * 5).len(), 5);
    talk.peer_window(".", 1, 1461, window);
    for _ in 0..3 {
        talk.peer(".", 1, ack, 0);
    }
    assert_eq!(status(&talk).in_recovery, loss);
    assert_eq!(status(&talk).duplicate_acks > 0, loss);
}

/// RFC 5681 §2: there are duplicates only while something is outstanding. Those from before count for
/// nothing later, where marks make acknowledgments be looked at that bring nothing, too.
#[test]
fn duplicates_from_before_anything_was_sent_do_not_count() {
    let config = Config {
        ecn: EcnUse::Accept,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.flags.ece = true;
        syn.flags.cwr = true;
    });
    for _ in 0..2 {
        assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    }
    assert_eq!(talk.send(1460 * 5).len(), 5);
    assert_eq!(talk.peer(".", 1, 1, 0), [""; 0]);
    assert!(!status(&talk).in_recovery);
}

/// RFC 9438 §5.8, RFC 7661 §4.3: a window that is not used up does not grow. It is used up when not one more
/// segment would have fitted into its ten.
#[rstest]
#[case::full(1460 * 10, true)]
#[case::not_one_more_fits(1460 * 9 + 1, true)]
#[case::one_more_fits(1460 * 9, false)]
#[case::nearly_empty(1, false)]
fn an_unused_window_does_not_grow(#[case] sent: usize, #[case] grows: bool) {
    let config = Config {
        nagle: false,
        congestion: Rules {
            initial_window: InitialWindow::Segments(10),
            grow_only_if_used: true,
            ..Rules::default()
        },
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(sent);
    talk.peer(".", 1, 1 + sent as i64, 0);
    let grown = if grows { 11 } else { 10 };
    assert_eq!(status(&talk).cwnd, 1460 * grown);
}

/// RFC 5681 §3.1: in slow start the window grows by the bytes that were acknowledged. A FIN has a number and is none.
#[test]
fn a_fin_is_no_byte() {
    let mut talk = Talk::plain();
    let before = status(&talk).cwnd;
    talk.send(100);
    talk.shutdown();
    talk.peer(".", 1, 102, 0);
    assert_eq!(talk.state(), StateName::FinWait2);
    assert_eq!(status(&talk).cwnd, before + 100);
}

/// RFC 3522 §3.2: what comes back tells which copy arrived. The first one: the timeout was spurious. The second:
/// it was not.
#[rstest]
#[case::of_the_original(0, true)]
#[case::of_the_repeat(1, false)]
fn an_echo_tells_whether_the_timeout_was_for_nothing(
    #[case] copy: usize,
    #[case] taken_back: bool,
) {
    let config = Config {
        timestamps: true,
        undo: true,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.timestamps = Some(Timestamps { value: 1, echo: 0 });
    });
    let before = status(&talk).cwnd;
    talk.send(1448 * 3);
    talk.wait_ms(2500);
    assert!(status(&talk).cwnd < before);
    let of_first = |sent: &&tcpdrill_stack::segment::Segment| {
        sent.seq == talk.conn.iss + 1 && !sent.payload.is_empty()
    };
    let copies: Vec<u32> = talk
        .bench
        .sent()
        .filter(of_first)
        .filter_map(|sent| sent.options.timestamps)
        .map(|timestamps| timestamps.value)
        .collect();
    assert_eq!(copies.len(), 2);
    let mut ack = talk.segment(".", 1, 1449, 0);
    let echo = copies[copy];
    ack.options.timestamps = Some(Timestamps { value: 2, echo });
    talk.inject(&ack);
    assert_eq!(status(&talk).cwnd >= before, taken_back);
}

/// RFC 4898 §3.3: the send buffer is what limits a sender whose user has more and found no room. As soon as a third
/// of what waits is free it is his turn, and the network is what is waited for.
#[test]
fn a_user_whose_turn_it_is_again_does_not_wait_for_room() {
    let options = SocketOptions {
        send_buffer: Some(3000),
        nodelay: true,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    let data: Vec<u8> = (1..=4000).map(byte_at).collect();
    let taken = talk
        .bench
        .host
        .send(talk.bench.now, talk.conn.id, &data, Default::default());
    assert_eq!(taken, Ok(3000));
    talk.drain();
    let limit = |talk: &Talk| status(talk).counters.limits.present();
    assert_eq!(limit(&talk), Limit::SendBuffer);
    talk.peer(".", 1, 901, 0);
    assert_eq!(limit(&talk), Limit::SendBuffer);
    talk.peer(".", 1, 1001, 0);
    assert_eq!(limit(&talk), Limit::Network);
}

/// RFC 9293 §3.10.7.4, SYN-RECEIVED: what acknowledges our SYN tells the window, whatever number it has. Here five bytes
/// from before the peer's SYN make it older than that.
#[test]
fn the_third_segment_tells_the_window() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.peer_window = 1000;
    let conn = bench.half_open();
    let mut talk = Talk::on(bench, conn);
    let mut third = talk.segment("P.", -5, 1, 10);
    third.wnd = UnscaledWindow::new(5000);
    talk.inject(&third);
    let listener = talk.conn.listener.expect("passive");
    let accepted = talk.bench.host.accept(talk.bench.now, listener);
    talk.conn.id = accepted.expect("established");
    assert_eq!(status(&talk).snd_wnd, 5000);
}

/// RFC 5681 §3.1 lets the window grow by what is acknowledged cumulatively. Where the setting says so, on a path that is
/// known to reorder, what arrives out of order counts as well: here one segment, after one that came six late.
#[rstest]
#[case::rfc_5681(false, 0)]
#[case::linux(true, 1460)]
fn what_arrives_out_of_order_opens_the_window_where_that_is_set(
    #[case] setting: bool,
    #[case] growth: u32,
) {
    let config = Config {
        sack: true,
        loss_detection: LossDetection::RackTlp,
        congestion: Rules {
            initial_window: InitialWindow::Segments(10),
            grow_out_of_order: setting,
            ..Rules::default()
        },
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| syn.options.sack_permitted = true);
    talk.send(10);
    talk.wait_ms(100);
    talk.peer(".", 1, 11, 0);
    let before = status(&talk).cwnd;
    assert_eq!(talk.send(1460 * 10).len(), 10);
    talk.wait_ms(100);
    for (start, end) in [(8, 9), (2, 3)] {
        let mut ack = talk.segment(".", 1, 11, 0);
        let [start, end] = [start, end].map(|n: u32| talk.conn.iss + 11 + 1460 * n);
        assert!(ack.options.sack.push(SeqRange::new(start, end)));
        talk.inject(&ack);
    }
    assert_eq!(status(&talk).cwnd, before + growth);
}
