//! ICMP errors.

use rstest::rstest;
use tcpdrill_stack::config::{HardIcmp, SoftIcmp};
use tcpdrill_stack::error::Unreachable;
use tcpdrill_stack::event::Event;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::Mss;
use tcpdrill_stack::wire::checksum::checksum;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, ConnectionError, SocketOptions, StateName};

use crate::support::Talk;

/// An ICMPv4 error from a router about a segment of ours at `seq` (relative to ISS).
pub(crate) fn error(talk: &Talk, kind: u8, code: u8, mtu: u16, seq: i64) -> Vec<u8> {
    let mut ours = talk.segment(".", 1, 1, 100);
    std::mem::swap(&mut ours.src, &mut ours.dst);
    ours.seq = talk.conn.iss + seq as u32;
    let quote = &ours.emit()[..28];
    let mut message = vec![kind, code, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(quote);
    let sum = checksum(&message).to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    let mut packet = vec![
        0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 203, 0, 113, 1, 192, 0, 2, 1,
    ];
    let total = (packet.len() + message.len()) as u16;
    packet[2..4].copy_from_slice(&total.to_be_bytes());
    let sum = checksum(&packet).to_be_bytes();
    packet[10..12].copy_from_slice(&sum);
    packet.extend(message);
    packet
}

fn report(talk: &mut Talk, kind: u8, code: u8, mtu: u16, seq: i64) -> Vec<String> {
    let datagram = error(talk, kind, code, mtu, seq);
    talk.bench.host.receive(talk.bench.now, &datagram);
    talk.drain()
}

fn with_data(config: Config) -> Talk {
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(100);
    talk
}

#[rstest]
#[case::network(3, 0, Unreachable::Network)]
#[case::host(3, 1, Unreachable::Host)]
#[case::source_route(3, 5, Unreachable::SourceRoute)]
#[case::prohibited(3, 13, Unreachable::Prohibited)]
#[case::time_exceeded(11, 0, Unreachable::TimeExceeded)]
#[case::parameter_problem(12, 0, Unreachable::ParameterProblem)]
fn soft_errors_are_told_and_end_nothing(
    #[case] kind: u8,
    #[case] code: u8,
    #[case] unreachable: Unreachable,
) {
    let mut talk = with_data(Bench::plain_config());
    report(&mut talk, kind, code, 0, 1);
    assert_eq!(talk.state(), StateName::Established);
    let soft = talk
        .bench
        .host
        .status(talk.conn.id)
        .expect("alive")
        .soft_error;
    assert_eq!(soft, Some(ConnectionError::Unreachable(unreachable)));
    // It is told once, and no error that would end the connection.
    let host = &mut talk.bench.host;
    assert_eq!(host.take_error(talk.conn.id), None);
    assert_eq!(host.take_soft_error(talk.conn.id), soft);
    assert_eq!(host.take_soft_error(talk.conn.id), None);
}

#[rstest]
#[case::protocol(HardIcmp::Abort, 2, StateName::Closed)]
#[case::port(HardIcmp::Abort, 3, StateName::Closed)]
#[case::protocol_soft(HardIcmp::Soft, 2, StateName::Established)]
#[case::port_soft(HardIcmp::Soft, 3, StateName::Established)]
fn hard_errors(#[case] setting: HardIcmp, #[case] code: u8, #[case] state: StateName) {
    let mut talk = with_data(Config {
        hard_icmp: setting,
        ..Bench::plain_config()
    });
    report(&mut talk, 3, code, 0, 1);
    assert_eq!(talk.state(), state);
}

#[rstest]
#[case::ignore(SoftIcmp::Ignore, None)]
#[case::abort(SoftIcmp::Abort, Some(ConnectionError::Unreachable(Unreachable::Host)))]
fn soft_errors_while_opening(#[case] setting: SoftIcmp, #[case] error: Option<ConnectionError>) {
    let config = Config {
        soft_icmp_in_handshake: setting,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynSent);
    report(&mut talk, 3, 1, 0, 0);
    assert_eq!(talk.take_error(), error);
}

#[test]
fn a_hard_error_ends_an_open() {
    let config = Config {
        hard_icmp: HardIcmp::Soft,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::SynSent);
    report(&mut talk, 3, 3, 0, 0);
    assert_eq!(
        talk.take_error(),
        Some(ConnectionError::Unreachable(Unreachable::Port))
    );
}

#[test]
fn a_hard_error_sends_a_half_open_connection_away() {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::SynReceived);
    report(&mut talk, 3, 3, 0, 0);
    assert_eq!(talk.state(), StateName::Closed);
}

#[rstest]
#[case::acknowledged(0)]
#[case::never_sent(101)]
#[case::elsewhere(-1_000_000)]
fn a_quote_that_is_not_in_flight_is_ignored(#[case] seq: i64) {
    let mut talk = with_data(Bench::plain_config());
    report(&mut talk, 3, 3, 0, seq);
    assert_eq!(talk.state(), StateName::Established);
    assert_eq!(
        talk.count(|event| matches!(event, Event::IcmpIgnored { .. })),
        1
    );
}

#[test]
fn source_quench_is_ignored() {
    let mut talk = with_data(Bench::plain_config());
    let cwnd = |talk: &Talk| talk.bench.host.status(talk.conn.id).expect("alive").cwnd;
    let before = cwnd(&talk);
    assert_eq!(report(&mut talk, 4, 0, 0, 1), [""; 0]);
    assert_eq!(cwnd(&talk), before);
}

#[test]
fn a_narrower_path_makes_segments_smaller_at_once() {
    let mut talk = Talk::plain();
    assert_eq!(talk.send(1460), ["P. 1:1461(1460) ack 1"]);
    assert_eq!(
        report(&mut talk, 3, 4, 1000, 1),
        [". 1:961(960) ack 1", "P. 961:1461(500) ack 1"]
    );
    // A claim that would make them larger again is no news.
    assert_eq!(report(&mut talk, 3, 4, 1400, 1), [""; 0]);
}

/// Where every segment has timestamps a segment is 12 bytes less than the MSS, for congestion control
/// as well: the bench sees a window of less than one segment.
#[test]
fn a_slightly_narrower_path_leaves_a_congestion_window_of_one_segment() {
    let config = Config {
        timestamps: true,
        ..Bench::plain_config()
    };
    let stamps = Timestamps { value: 1, echo: 0 };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.mss = Some(Mss::new(762));
        syn.options.timestamps = Some(stamps);
    });
    assert_eq!(talk.send(1_000)[0], ". 1:751(750) ack 1");
    talk.wait_ms(1_000);
    let status = talk.bench.host.status(talk.conn.id).unwrap();
    assert_eq!(status.cwnd, 750);
    // 751 bytes less the timestamps.
    assert_eq!(
        report(&mut talk, 3, 4, 791, 1),
        [". 1:740(739) ack 1", ". 740:751(11) ack 1"]
    );
}

#[test]
fn soft_errors_can_be_switched_off() {
    let options = SocketOptions {
        report_soft_errors: false,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    talk.send(100);
    report(&mut talk, 3, 1, 0, 1);
    assert_eq!(
        talk.count(|event| matches!(event, Event::SoftError { .. })),
        0
    );
}
