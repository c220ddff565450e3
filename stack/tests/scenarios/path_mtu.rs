//! Path MTU discovery by what routers say (RFC 1191, RFC 8201, RFC 5927 §7).

use std::net::IpAddr;

use rstest::rstest;
use tcpdrill_stack::config::{BelowMinimum, PathMtuConfig, TooBig};
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::{Bench, Conn, Seen};
use tcpdrill_stack::wire::checksum::Checksum;
use tcpdrill_stack::wire::ip::{self, IpHeader, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use tcpdrill_stack::{Config, SocketOptions, StateName};

use crate::support::Talk;

/// A router's word that `segment` was too big and `mtu` bytes fit.
pub(crate) fn too_big(segment: &Segment, mtu: u32) -> Vec<u8> {
    let datagram = segment.emit();
    let quote = &datagram[..datagram.len().min(68)];
    let (router, head, protocol): (IpAddr, [u8; 2], u8) = match segment.src.ip() {
        IpAddr::V4(_) => ([203, 0, 113, 1].into(), [3, 4], PROTOCOL_ICMP),
        IpAddr::V6(_) => ("2001:db8::ff".parse().unwrap(), [2, 0], PROTOCOL_ICMPV6),
    };
    let header = IpHeader {
        src: router,
        dst: segment.src.ip(),
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    };
    let mut message = Vec::from(head);
    message.extend([0, 0]);
    message.extend(mtu.to_be_bytes());
    message.extend(quote);
    let mut sum = Checksum::new();
    if router.is_ipv6() {
        sum.add_pseudo_header(header.src, header.dst, protocol, message.len() as u32);
    }
    sum.add(&message);
    let sum = sum.finish().to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    ip::emit(&header, protocol, &message)
}

impl Talk {
    /// The last segment that the host sent.
    pub(crate) fn last_sent(&self) -> Segment {
        self.bench.sent().next_back().expect("something").clone()
    }

    /// The last segment was too big.
    fn refuse_last(&mut self, mtu: u32) -> Vec<String> {
        let datagram = too_big(&self.last_sent(), mtu);
        self.bench.host.receive(self.bench.now, &datagram);
        self.drain()
    }

    fn mss(&self) -> u16 {
        self.bench.host.status(self.conn.id).expect("alive").snd_mss
    }

    pub(crate) fn cwnd(&self) -> u32 {
        self.bench.host.status(self.conn.id).expect("alive").cwnd
    }
}

fn config(path_mtu: PathMtuConfig) -> Config {
    Config {
        path_mtu,
        nagle: false,
        ..Bench::plain_config()
    }
}

fn reacting(too_big: TooBig) -> Config {
    config(PathMtuConfig {
        too_big,
        ..PathMtuConfig::default()
    })
}

fn held_back(talk: &Talk) -> usize {
    talk.count(|event| matches!(event, Event::PathMtuHeldBack { .. }))
}

fn ignored(talk: &Talk) -> usize {
    talk.count(|event| matches!(event, Event::IcmpIgnored { .. }))
}

const BOTH_PIECES: [&str; 2] = [". 1461:2421(960) ack 1", "P. 2421:2921(500) ack 1"];

/// A connection over which a full segment has passed and another one is on its way.
fn one_of_two_passed(config: Config) -> Talk {
    let mut talk = Talk::reach(config, StateName::Established);
    talk.send(1460);
    talk.peer(".", 1, 1461, 0);
    assert_eq!(talk.send(1460), ["P. 1461:2921(1460) ack 1"]);
    talk
}

#[test]
fn what_contradicts_an_arrival_is_believed_at_once_only_if_so_set() {
    let mut talk = one_of_two_passed(reacting(TooBig::AtOnce));
    assert_eq!(talk.refuse_last(1000), BOTH_PIECES);
    let mut talk = one_of_two_passed(reacting(TooBig::TwoStages));
    assert_eq!(talk.refuse_last(1000), [""; 0]);
    assert_eq!(held_back(&talk), 1);
    assert_eq!(talk.mss(), 1460);
}

#[test]
fn a_timeout_proves_a_claim_that_was_held_back() {
    let mut talk = one_of_two_passed(reacting(TooBig::TwoStages));
    talk.refuse_last(1000);
    let sent = talk.wait_s(1);
    assert_eq!(sent[0].1, BOTH_PIECES[0]);
    assert_eq!(talk.mss(), 960);
    // With the next acknowledgment the rest follows.
    assert_eq!(talk.peer(".", 1, 2421, 0), [BOTH_PIECES[1]]);
}

#[test]
fn held_back_for_as_many_timeouts_as_are_set() {
    let mut talk = one_of_two_passed(config(PathMtuConfig {
        held_back_timeouts: 2,
        ..PathMtuConfig::default()
    }));
    talk.refuse_last(1000);
    let sent = talk.wait_s(4);
    let lines: Vec<&str> = sent.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["P. 1461:2921(1460) ack 1", BOTH_PIECES[0]]);
}

#[test]
fn progress_refutes_a_claim_that_was_held_back() {
    let mut talk = one_of_two_passed(reacting(TooBig::TwoStages));
    talk.refuse_last(1000);
    talk.peer(".", 1, 2921, 0);
    assert_eq!(talk.send(1460), ["P. 2921:4381(1460) ack 1"]);
    // The timeout of another segment does not bring it back.
    assert_eq!(talk.wait_s(1)[0].1, "P. 2921:4381(1460) ack 1");
}

#[test]
fn a_claim_of_more_than_was_ever_sent_is_ignored() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::Established);
    talk.send(500);
    assert_eq!(talk.refuse_last(1000), [""; 0]);
    assert_eq!((ignored(&talk), talk.mss()), (1, 1460));
    // As Linux has it, it counts all the same.
    let mut talk = Talk::reach(reacting(TooBig::AtOnce), StateName::Established);
    talk.send(500);
    assert_eq!(talk.refuse_last(1000), [""; 0]);
    assert_eq!((ignored(&talk), talk.mss()), (0, 960));
}

#[test]
fn only_what_was_larger_leaves_again_and_the_window_stays() {
    let options = SocketOptions {
        nodelay: true,
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(Bench::plain_config(), options);
    talk.send(300);
    talk.send(1460);
    let too_large = talk.last_sent();
    talk.send(400);
    let cwnd = talk.cwnd();
    let datagram = too_big(&too_large, 1000);
    talk.bench.host.receive(talk.bench.now, &datagram);
    assert_eq!(
        talk.drain(),
        [". 301:1261(960) ack 1", "P. 1261:1761(500) ack 1"]
    );
    assert_eq!(talk.cwnd(), cwnd);
    // The peer's complaints about the hole are no loss either.
    talk.peer(".", 1, 301, 0);
    for _ in 0..4 {
        assert_eq!(talk.peer(".", 1, 301, 0), [""; 0]);
    }
    assert_eq!(talk.cwnd(), cwnd + 300);
}

/// RFC 1191 §5 and §7.1: old routers do not say what fits.
#[rstest]
#[case::from_ethernet(1460, 1492 - 40)]
#[case::from_less(1000, 1006 - 40)]
fn a_router_that_says_nothing_means_the_next_plateau(#[case] len: usize, #[case] mss: u16) {
    let mut talk = Talk::reach(reacting(TooBig::AtOnce), StateName::Established);
    talk.send(len);
    talk.refuse_last(0);
    assert_eq!(talk.mss(), mss);
}

#[rstest]
#[case::rfc_1191(68, 10, 64)]
#[case::linux(552, 10, 512)]
#[case::above(552, 700, 660)]
fn an_ipv4_path_is_not_believed_below_a_floor(
    #[case] min_ipv4_mtu: u16,
    #[case] claim: u32,
    #[case] mss: u16,
) {
    let mut talk = Talk::reach(
        config(PathMtuConfig {
            min_ipv4_mtu,
            ..PathMtuConfig::default()
        }),
        StateName::Established,
    );
    talk.send(1460);
    talk.refuse_last(claim);
    assert_eq!(talk.mss(), mss);
}

#[rstest]
#[case::discarded(BelowMinimum::Discard, 1279, 1440)]
#[case::clamped(BelowMinimum::Clamp, 100, 1220)]
#[case::the_minimum(BelowMinimum::Discard, 1280, 1220)]
#[case::above(BelowMinimum::Discard, 1400, 1340)]
#[case::nothing_there(BelowMinimum::Discard, 0, 1440)]
fn ipv6_paths_carry_1280_bytes(
    #[case] below_minimum: BelowMinimum,
    #[case] claim: u32,
    #[case] mss: u16,
) {
    let mut bench = Bench::new_v6(config(PathMtuConfig {
        below_minimum,
        ..PathMtuConfig::default()
    }));
    let conn = bench.accepted();
    let mut talk = Talk::on(bench, conn);
    talk.send(1440);
    talk.refuse_last(claim);
    assert_eq!(talk.mss(), mss);
}

#[test]
fn timestamps_take_their_part_of_a_narrow_path() {
    let config = Config {
        timestamps: true,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.timestamps = Some(Default::default());
    });
    assert_eq!(talk.send(1448), ["P. 1:1449(1448) ack 1"]);
    assert_eq!(
        talk.refuse_last(1000),
        [". 1:949(948) ack 1", "P. 949:1449(500) ack 1"]
    );
}

/// Another connection to the same peer, over which nothing was refused.
fn another(talk: &mut Talk, port: u16) -> Talk {
    let mut bench = Bench::new(Bench::plain_config());
    std::mem::swap(&mut bench, &mut talk.bench);
    bench.peer.set_port(port);
    let listener = talk.conn.listener.expect("accepted");
    let iss = bench.inject(&bench.peer_syn(false))[0].seq;
    bench.inject(&bench.peer_segment(".", 1, iss + 1));
    let id = bench.host.accept(bench.now, listener).expect("accepted");
    let conn = Conn {
        id,
        iss,
        ..talk.conn
    };
    Talk::on(bench, conn)
}

#[test]
fn what_a_router_said_counts_for_later_connections_for_ten_minutes() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::Established);
    talk.send(1460);
    talk.refuse_last(1000);
    talk.peer(".", 1, 1461, 0);
    let mut talk = another(&mut talk, 40_001);
    assert_eq!(
        talk.send(1460),
        [". 1:961(960) ack 1", "P. 961:1461(500) ack 1"]
    );
    talk.peer(".", 1, 1461, 0);
    talk.wait_s(599);
    talk.send(1000);
    assert_eq!(talk.last_sent().payload.len(), 40);
    talk.peer(".", 1, 2461, 0);
    talk.wait_s(1);
    assert_eq!(talk.send(1460), ["P. 2461:3921(1460) ack 1"]);
    assert_eq!(
        talk.count(|event| matches!(event, Event::PathMtuRaised { mss: 1460, .. })),
        1
    );
}

#[test]
fn other_connections_to_the_same_peer_go_by_it_as_well() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::Established);
    talk.send(100);
    talk.peer(".", 1, 101, 0);
    let first = talk.conn;
    let mut talk = another(&mut talk, 40_001);
    talk.send(1460);
    talk.refuse_last(1000);
    let second = std::mem::replace(&mut talk.conn, first);
    talk.bench.peer.set_port(40_000);
    let sent_before = talk.bench.seen.len();
    let data = vec![0; 1460];
    let now = talk.bench.now;
    let taken = talk
        .bench
        .host
        .send(now, first.id, &data, Default::default());
    assert_eq!((taken, second != first), (Ok(1460), true));
    talk.drain();
    let lens: Vec<usize> = talk.bench.seen[sent_before..]
        .iter()
        .filter_map(|(_, seen)| match seen {
            Seen::Sent(segment) => Some(segment.payload.len()),
            Seen::Event(_) => None,
        })
        .collect();
    assert_eq!(lens, [960, 500]);
}

/// RFC 1191 §3, RFC 8201 §4: what comes late and says more than was said to another connection
/// raises no estimate.
#[test]
fn a_later_word_of_more_raises_nothing() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::Established);
    talk.send(1460);
    let (first, large) = (talk.conn, talk.last_sent());
    let mut talk = another(&mut talk, 40_001);
    talk.send(1460);
    talk.refuse_last(1000);
    // The first one has sent nothing since.
    talk.conn = first;
    talk.bench.peer.set_port(40_000);
    let datagram = too_big(&large, 1400);
    talk.bench.host.receive(talk.bench.now, &datagram);
    assert_eq!(
        talk.drain(),
        [". 1:961(960) ack 1", "P. 961:1461(500) ack 1"]
    );
    assert_eq!(another(&mut talk, 40_002).mss(), 960);
}

#[test]
fn a_host_that_does_not_forget_goes_on_with_small_segments() {
    let mut talk = Talk::reach(
        config(PathMtuConfig {
            lifetime: None,
            ..PathMtuConfig::default()
        }),
        StateName::Established,
    );
    talk.send(1460);
    talk.refuse_last(1000);
    talk.peer(".", 1, 1461, 0);
    talk.wait_s(100_000);
    talk.send(1460);
    assert_eq!(talk.last_sent().payload.len(), 500);
}

#[test]
fn the_announced_size_is_the_links_whatever_the_path() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::Established);
    talk.send(1460);
    talk.refuse_last(1000);
    let talk = another(&mut talk, 40_001);
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    assert_eq!((status.rcv_mss, status.snd_mss), (1460, 960));
}

#[test]
fn a_handshake_can_be_told_nothing_about_its_size() {
    let mut talk = Talk::reach(Bench::plain_config(), StateName::SynSent);
    assert_eq!(talk.refuse_last(40), [""; 0]);
    assert_eq!(ignored(&talk), 1);
}

/// RFC 1191 §5: from a router that does not say its size the next smaller one in use is tried; but a SYN
/// is smaller than any of them, so it cannot have been too big.
#[test]
fn an_old_router_cannot_have_refused_a_syn() {
    let mut talk = Talk::reach(config(PathMtuConfig::default()), StateName::SynSent);
    talk.refuse_last(0);
    assert_eq!(ignored(&talk), 1);
    let mut syn_ack = talk.segment("S.", 0, 1, 0);
    syn_ack.options = talk.bench.peer_syn(false).options;
    talk.inject(&syn_ack);
    assert_eq!(talk.mss(), 1460);
}

/// RFC 1191 §5: some routers quote a wrong length. One that is too small for a segment tells nothing, and
/// the size in use counts.
#[rstest]
#[case::right(1500, 1452)]
#[case::header_counted_twice(1520, 1452)]
#[case::none(0, 1452)]
#[case::smaller(1006, 468)]
fn the_next_size_is_below_what_was_quoted(#[case] quoted: u16, #[case] mss: u16) {
    let mut talk = Talk::reach(reacting(TooBig::AtOnce), StateName::Established);
    talk.send(1460);
    let mut datagram = too_big(&talk.last_sent(), 0);
    // The quote stands behind 20 bytes of IP and 8 of ICMP; its length in bytes 2 and 3.
    datagram[30..32].copy_from_slice(&quoted.to_be_bytes());
    let mut sum = Checksum::new();
    datagram[22..24].fill(0);
    sum.add(&datagram[20..]);
    datagram[22..24].copy_from_slice(&sum.finish().to_be_bytes());
    talk.bench.host.receive(talk.bench.now, &datagram);
    talk.drain();
    assert_eq!(talk.mss(), mss);
}
