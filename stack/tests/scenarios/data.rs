//! Receiving text: order, overlap, acknowledgments. Sending it: Nagle, PSH, segment sizes.

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, Config, SendFlags, SocketOptions, StateName};

use crate::support::Talk;

#[test]
fn one_segment_is_acknowledged_after_the_delay() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer("P.", 1, 1, 100), [""; 0]);
    assert_eq!(talk.wait_ms(199), []);
    assert_eq!(talk.wait_ms(1), [(200, ". 1:1(0) ack 101".into())]);
}

#[test]
fn the_second_full_segment_is_acknowledged_at_once() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer(".", 1, 1, 1460), [""; 0]);
    assert_eq!(talk.peer(".", 1461, 1, 1460), [". 1:1(0) ack 2921"]);
    assert_eq!(talk.peer(".", 2921, 1, 1460), [""; 0]);
}

#[rstest]
#[case::no_delay(Config { delayed_ack: Duration::ZERO, ..Bench::plain_config() }, SocketOptions::default())]
#[case::quick_acks(Config { quick_acks: 1, ..Bench::plain_config() }, SocketOptions::default())]
#[case::quick_ack_option(Bench::plain_config(), SocketOptions { quick_ack: true, ..SocketOptions::default() })]
fn acknowledging_at_once_by_setting(#[case] config: Config, #[case] options: SocketOptions) {
    let mut talk = Talk::with_options(config, options);
    assert_eq!(talk.peer("P.", 1, 1, 100), [". 1:1(0) ack 101"]);
}

#[test]
fn datagrams_handed_in_together_share_one_acknowledgment() {
    let mut talk = Talk::plain();
    for i in 0..6 {
        let segment = talk.segment(".", 1 + i * 1460, 1, 1460);
        talk.bench.host.receive(talk.bench.now, &segment.emit());
    }
    assert_eq!(talk.drain(), [". 1:1(0) ack 8761"]);
}

#[test]
fn text_out_of_order_is_kept_and_reported_at_once() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer(".", 101, 1, 100), [". 1:1(0) ack 1"]);
    assert_eq!(talk.peer(".", 301, 1, 100), [". 1:1(0) ack 1"]);
    assert_eq!(talk.recv(1, 10), Err(CallError::WouldBlock));
    assert_eq!(talk.peer(".", 1, 1, 100), [". 1:1(0) ack 201"]);
    assert_eq!(talk.peer(".", 201, 1, 100), [". 1:1(0) ack 401"]);
    assert_eq!(talk.recv(1, 1000), Ok(400));
}

#[test]
fn sack_blocks_name_the_newest_first_and_vanish_with_the_hole() {
    let config = Config {
        sack: true,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| syn.options.sack_permitted = true);
    let mut last = |seq, len| {
        let segment = talk.segment(".", seq, 1, len);
        let sent = talk.bench.inject(&segment);
        sent.last()
            .map(|segment| talk.full(segment))
            .unwrap_or_default()
    };
    assert_eq!(last(101, 100), ". 1:1(0) ack 1 win 65535 <sack 101:201>");
    assert_eq!(
        last(301, 100),
        ". 1:1(0) ack 1 win 65535 <sack 301:401,sack 101:201>"
    );
    assert_eq!(last(1, 100), ". 1:1(0) ack 201 win 65335 <sack 301:401>");
    assert_eq!(last(201, 100), ". 1:1(0) ack 401 win 65135");
}

#[rstest]
#[case::overlap_before(&[(1, 100), (51, 100)], 150)]
#[case::longer_with_the_same_start(&[(101, 50), (101, 100), (1, 100)], 200)]
#[case::same_start_longer_in_order(&[(1, 50), (1, 200)], 200)]
#[case::inside(&[(1, 200), (50, 20)], 200)]
#[case::many_small_holes(&[(3, 1), (5, 1), (7, 1), (2, 1), (6, 1), (1, 1), (4, 1)], 7)]
fn every_byte_is_delivered_once(#[case] segments: &[(i64, usize)], #[case] total: usize) {
    let mut talk = Talk::plain();
    for (seq, len) in segments {
        talk.peer(".", *seq, 1, *len);
    }
    assert_eq!(talk.recv(1, 1000), Ok(total));
}

#[test]
fn text_that_is_partly_old_is_acknowledged_at_once() {
    let mut talk = Talk::plain();
    talk.peer(".", 1, 1, 10);
    assert_eq!(talk.peer(".", 6, 1, 10), [". 1:1(0) ack 16"]);
}

#[test]
fn a_full_table_of_holes_does_not_refuse_text_in_order() {
    let mut talk = Talk::plain();
    for i in 0..1000 {
        talk.peer(".", 1001 + i * 2, 1, 1);
    }
    talk.peer(".", 1, 1, 1000);
    assert_eq!(talk.recv(1, 1000), Ok(1000));
}

#[test]
fn text_that_straddles_the_window_is_trimmed() {
    let config = Config {
        recv_buffer: 1000,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    assert_eq!(talk.peer("P.", 1, 1, 1200), [". 1:1(0) ack 1001"]);
    assert_eq!(talk.recv(1, 2000), Ok(1000));
}

#[test]
fn a_fin_out_of_order_waits_for_what_is_before_it() {
    let mut talk = Talk::plain();
    assert_eq!(talk.peer("F.", 101, 1, 100), [". 1:1(0) ack 1"]);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(talk.peer(".", 1, 1, 100), [". 1:1(0) ack 202"]);
    assert_eq!(talk.state(), StateName::CloseWait);
    assert_eq!(talk.recv(1, 1000), Ok(200));
    assert_eq!(talk.recv(1, 1000), Ok(0));
}

#[rstest]
#[case::text_behind_a_fin(&[("F.", 101, 100), (".", 201, 100)])]
#[case::a_second_fin_behind_the_first(&[("F.", 101, 100), ("F.", 201, 100)])]
#[case::longer_text_over_the_fin(&[("F.", 101, 100), (".", 101, 300)])]
fn the_first_fin_ends_the_stream(#[case] segments: &[(&str, i64, usize)]) {
    let mut talk = Talk::plain();
    for (flags, seq, len) in segments {
        talk.peer(flags, *seq, 1, *len);
    }
    talk.peer(".", 1, 1, 100);
    assert_eq!(talk.recv(1, 1000), Ok(200));
    assert_eq!(talk.recv(1, 1000), Ok(0));
    assert_eq!(talk.state(), StateName::CloseWait);
}

#[test]
fn a_fin_before_text_that_was_taken_is_not_believed() {
    let mut talk = Talk::plain();
    talk.peer(".", 201, 1, 100);
    talk.peer("F.", 101, 1, 10);
    talk.peer(".", 1, 1, 200);
    assert_eq!(talk.recv(1, 1000), Ok(300));
    assert_eq!(talk.state(), StateName::Established);
}

#[test]
fn the_stream_crosses_the_wrap_both_ways() {
    let mut bench = Bench::new(Bench::plain_config());
    bench.irs = SeqNum::new(u32::MAX - 150);
    let conn = bench.accepted();
    let mut talk = Talk::on(bench, conn);
    talk.peer(".", 101, 1, 100);
    talk.peer(".", 1, 1, 100);
    talk.peer(".", 201, 1, 100);
    assert_eq!(talk.recv(1, 1000), Ok(300));
}

#[test]
fn peek_leaves_the_bytes() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    let mut buf = [0; 4];
    assert_eq!(talk.bench.host.peek(talk.conn.id, &mut buf), Ok(4));
    assert_eq!(talk.recv(1, 100), Ok(10));
}

#[rstest]
#[case::nagle(false, &["P. 1:2(1) ack 1"])]
#[case::nodelay(true, &["P. 1:2(1) ack 1", "P. 2:3(1) ack 1", "P. 3:4(1) ack 1"])]
fn small_writes(#[case] nodelay: bool, #[case] expected: &[&str]) {
    let options = SocketOptions {
        nodelay,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    let sent: Vec<String> = (0..3).flat_map(|_| talk.send(1)).collect();
    assert_eq!(sent, expected);
    if !nodelay {
        assert_eq!(talk.peer(".", 1, 2, 0), ["P. 2:4(2) ack 1"]);
    }
}

#[test]
fn nagle_off_by_configuration() {
    let mut talk = Talk::reach(
        Config {
            nagle: false,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    talk.send(1);
    assert_eq!(talk.send(1), ["P. 2:3(1) ack 1"]);
}

#[test]
fn large_writes_leave_in_full_segments_with_one_push() {
    let mut talk = Talk::plain();
    let sent = talk.send(4380);
    assert_eq!(
        sent,
        [
            ". 1:1461(1460) ack 1",
            ". 1461:2921(1460) ack 1",
            "P. 2921:4381(1460) ack 1"
        ]
    );
}

#[test]
fn more_to_come_holds_a_piece_back_for_a_while() {
    let mut talk = Talk::plain();
    let more = SendFlags {
        more: true,
        ..SendFlags::default()
    };
    assert_eq!(talk.send_with(10, more), [""; 0]);
    assert_eq!(talk.wait_ms(500), [(500, ". 1:11(10) ack 1".into())]);
    talk.peer(".", 1, 11, 0);
    assert_eq!(talk.send_with(10, more), [""; 0]);
    assert_eq!(talk.send(10), ["P. 11:31(20) ack 1"]);
}

#[test]
fn a_cork_holds_pieces_back_until_it_is_pulled() {
    let options = SocketOptions {
        cork: true,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    assert_eq!(talk.send(2000), [". 1:1461(1460) ack 1"]);
    talk.peer(".", 1, 1461, 0);
    let pulled = SocketOptions::default();
    assert_eq!(talk.bench.host.set_options(talk.conn.id, pulled), Ok(()));
    assert_eq!(talk.drain(), ["P. 1461:2001(540) ack 1"]);
}

#[test]
fn a_full_send_buffer_takes_no_more() {
    let mut talk = Talk::reach(
        Config {
            send_buffer: 100,
            ..Bench::plain_config()
        },
        StateName::Established,
    );
    let mut send = |len| {
        let taken = talk.bench.host.send(
            talk.bench.now,
            talk.conn.id,
            &vec![0; len],
            SendFlags::default(),
        );
        talk.bench.drain();
        taken
    };
    assert_eq!(send(150), Ok(100));
    assert_eq!(send(1), Err(CallError::WouldBlock));
    assert!(!talk.bench.host.readiness(talk.conn.id).writable);
    talk.peer(".", 1, 101, 0);
    assert!(talk.bench.host.readiness(talk.conn.id).writable);
}

#[test]
fn data_takes_the_acknowledgment_along() {
    let mut talk = Talk::plain();
    talk.peer("P.", 1, 1, 10);
    assert_eq!(talk.send(5), ["P. 1:6(5) ack 11"]);
    assert_eq!(talk.wait_ms(999), []);
}
