//! Urgent data, in line and out of band.

use rstest::rstest;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::{CallError, SendFlags, SocketOptions};

use crate::support::{Talk, byte_at};

fn out_of_band() -> Talk {
    let options = SocketOptions {
        urgent_inline: false,
        ..SocketOptions::default()
    };
    Talk::with_options(Bench::plain_config(), options)
}

fn urgent(talk: &mut Talk, seq: i64, len: usize, pointer: u16) -> Vec<String> {
    let mut segment = talk.segment("PU.", seq, 1, len);
    segment.up = pointer;
    talk.inject(&segment)
}

fn signals(talk: &Talk) -> usize {
    talk.count(|event| matches!(event, Event::UrgentSignal { .. }))
}

fn ahead(talk: &Talk) -> Option<u32> {
    talk.bench
        .host
        .status(talk.conn.id)
        .expect("alive")
        .urgent_ahead
}

#[test]
fn the_user_is_told_and_can_ask_how_much_is_left() {
    let mut talk = Talk::plain();
    urgent(&mut talk, 1, 10, 8);
    assert_eq!((signals(&talk), ahead(&talk)), (1, Some(8)));
    assert_eq!(talk.recv(1, 5), Ok(5));
    assert_eq!(ahead(&talk), Some(3));
    // The pointer moves on, never back.
    urgent(&mut talk, 11, 10, 10);
    assert_eq!((signals(&talk), ahead(&talk)), (2, Some(15)));
    urgent(&mut talk, 21, 10, 0);
    assert_eq!((signals(&talk), ahead(&talk)), (2, Some(15)));
    assert_eq!(talk.recv(6, 100), Ok(25));
    assert_eq!(ahead(&talk), None);
}

#[rstest]
#[case::none(0)]
#[case::beyond_the_segment(60_000)]
#[case::at_its_end(10)]
fn any_pointer_is_survived(#[case] pointer: u16) {
    for mut talk in [Talk::plain(), out_of_band()] {
        urgent(&mut talk, 1, 10, pointer);
        let _ = talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id);
        let _ = talk.recv(1, 100);
        talk.peer("P.", 11, 1, 10);
        let _ = talk
            .bench
            .host
            .recv(talk.bench.now, talk.conn.id, &mut [0; 100]);
    }
}

#[test]
fn out_of_band_the_byte_before_the_pointer_leaves_the_stream() {
    let mut talk = out_of_band();
    urgent(&mut talk, 1, 10, 5);
    assert_eq!(talk.recv(1, 100), Ok(4));
    assert_eq!(
        talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id),
        Ok(byte_at(5))
    );
    assert_eq!(talk.recv(6, 100), Ok(5));
    let again = talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id);
    assert_eq!(again, Err(CallError::InvalidArgument));
}

#[test]
fn the_byte_waits_when_the_reader_passes_it_first() {
    let mut talk = out_of_band();
    urgent(&mut talk, 1, 10, 5);
    assert_eq!(talk.recv(1, 100), Ok(4));
    assert_eq!(talk.recv(6, 100), Ok(5));
    assert_eq!(
        talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id),
        Ok(byte_at(5))
    );
}

#[test]
fn announced_and_not_here_yet_blocks() {
    let mut talk = out_of_band();
    urgent(&mut talk, 1, 2, 5);
    let result = talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id);
    assert_eq!(result, Err(CallError::WouldBlock));
    talk.peer(".", 3, 1, 5);
    assert_eq!(
        talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id),
        Ok(byte_at(5))
    );
}

#[test]
fn in_line_there_is_nothing_to_lift_out() {
    let mut talk = Talk::plain();
    urgent(&mut talk, 1, 10, 5);
    let result = talk.bench.host.recv_urgent(talk.bench.now, talk.conn.id);
    assert_eq!(result, Err(CallError::InvalidArgument));
    assert_eq!(talk.recv(1, 100), Ok(10));
}

#[test]
fn our_pointer_names_the_byte_after_the_urgent_data() {
    let mut talk = Talk::plain();
    let flags = SendFlags {
        urgent: true,
        ..SendFlags::default()
    };
    assert_eq!(talk.send(1), ["P. 1:2(1) ack 1"]);
    assert_eq!(talk.send_with(3, flags), ["PU. 2:5(3) ack 1"]);
    let sent = talk
        .bench
        .seen
        .iter()
        .rev()
        .find_map(|(_, seen)| match seen {
            tcpdrill_stack::testing::bench::Seen::Sent(segment) => Some(segment.up),
            tcpdrill_stack::testing::bench::Seen::Event(_) => None,
        });
    assert_eq!(sent, Some(3));
    // Behind the urgent data segments are plain again.
    talk.peer(".", 1, 5, 0);
    assert_eq!(talk.send(1), ["P. 5:6(1) ack 1"]);
}

#[test]
fn urgent_counts_with_a_closed_window() {
    let config = tcpdrill_stack::Config {
        recv_buffer: 1000,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, tcpdrill_stack::StateName::Established);
    talk.peer(".", 1, 1, 1000);
    urgent(&mut talk, 1001, 1, 1);
    assert_eq!(signals(&talk), 1);
}
