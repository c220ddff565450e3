use super::*;
use crate::wire::ip::{self, IpHeader, PROTOCOL_ICMP};
use alloc::vec::Vec;
use proptest::prelude::*;
use rstest::rstest;

fn header(src: &str, dst: &str) -> IpHeader {
    IpHeader {
        src: src.parse().unwrap(),
        dst: dst.parse().unwrap(),
        ttl: 64,
        traffic_class: 0,
        flow_label: 0,
    }
}

const TCP_START: [u8; 8] = [0x1f, 0x90, 0, 80, 0, 0, 3, 0xe8];

/// A datagram that carries an ICMP message of `version` about `quote`.
fn datagram(version: IpVersion, head: [u8; 2], rest: [u8; 4], quote: &[u8]) -> Vec<u8> {
    let (outer, protocol) = match version {
        IpVersion::V4 => (header("203.0.113.1", "192.0.2.1"), PROTOCOL_ICMP),
        IpVersion::V6 => (header("2001:db8::ff", "2001:db8::1"), PROTOCOL_ICMPV6),
    };
    let mut message = Vec::from(head);
    message.extend([0, 0]);
    message.extend(rest);
    message.extend(quote);
    let mut sum = Checksum::new();
    if version == IpVersion::V6 {
        sum.add_pseudo_header(outer.src, outer.dst, protocol, message.len() as u32);
    }
    sum.add(&message);
    let field = sum.finish().to_be_bytes();
    message[2..4].copy_from_slice(&field);
    ip::emit(&outer, protocol, &message)
}

fn quote(version: IpVersion) -> Vec<u8> {
    let sent = match version {
        IpVersion::V4 => header("192.0.2.1", "192.0.2.2"),
        IpVersion::V6 => header("2001:db8::1", "2001:db8::2"),
    };
    ip::emit(&sent, PROTOCOL_TCP, &TCP_START)
}

fn parsed(datagram: &[u8]) -> Result<IcmpError, DropReason> {
    parse(&ip::parse(datagram).unwrap())
}

#[rstest]
#[case([3, 0], IcmpKind::NetworkUnreachable)]
#[case([3, 1], IcmpKind::HostUnreachable)]
#[case([3, 2], IcmpKind::ProtocolUnreachable)]
#[case([3, 3], IcmpKind::PortUnreachable)]
#[case([3, 4], IcmpKind::PacketTooBig { mtu: 0x0578 })]
#[case([3, 5], IcmpKind::SourceRouteFailed)]
#[case([3, 13], IcmpKind::OtherUnreachable { code: 13 })]
#[case([4, 0], IcmpKind::SourceQuench)]
#[case([11, 0], IcmpKind::TimeExceeded { code: 0 })]
#[case([12, 1], IcmpKind::ParameterProblem { code: 1 })]
fn v4_errors_are_read(#[case] head: [u8; 2], #[case] kind: IcmpKind) {
    let bytes = datagram(IpVersion::V4, head, [0, 0, 5, 0x78], &quote(IpVersion::V4));
    let expected = IcmpError {
        kind,
        reporter: "203.0.113.1".parse().unwrap(),
        local: "192.0.2.1:8080".parse().unwrap(),
        remote: "192.0.2.2:80".parse().unwrap(),
        seq: SeqNum::new(1000),
        quoted_len: 28,
        raw_type: head[0],
        raw_code: head[1],
    };
    assert_eq!(parsed(&bytes), Ok(expected));
}

#[rstest]
#[case([1, 0], IcmpKind::NetworkUnreachable)]
#[case([1, 1], IcmpKind::OtherUnreachable { code: 1 })]
#[case([1, 3], IcmpKind::HostUnreachable)]
#[case([1, 4], IcmpKind::PortUnreachable)]
#[case([2, 0], IcmpKind::PacketTooBig { mtu: 0x0001_0500 })]
#[case([3, 1], IcmpKind::TimeExceeded { code: 1 })]
#[case([4, 2], IcmpKind::ParameterProblem { code: 2 })]
fn v6_errors_are_read(#[case] head: [u8; 2], #[case] kind: IcmpKind) {
    let bytes = datagram(IpVersion::V6, head, [0, 1, 5, 0], &quote(IpVersion::V6));
    let read = parsed(&bytes).unwrap();
    assert_eq!(read.kind, kind);
    assert_eq!(read.local, "[2001:db8::1]:8080".parse().unwrap());
    assert_eq!(read.remote, "[2001:db8::2]:80".parse().unwrap());
    assert_eq!(read.quoted_len, 48);
}

#[rstest]
#[case::echo_request(datagram(IpVersion::V4, [8, 0], [0; 4], &quote(IpVersion::V4)), DropReason::IcmpNotAnError)]
#[case::echo_reply_v6(datagram(IpVersion::V6, [129, 0], [0; 4], &quote(IpVersion::V6)), DropReason::IcmpNotAnError)]
#[case::no_quote(datagram(IpVersion::V4, [3, 3], [0; 4], &[]), DropReason::IcmpBadQuote)]
#[case::seven_bytes(datagram(IpVersion::V4, [3, 3], [0; 4], &quote(IpVersion::V4)[..27]), DropReason::IcmpBadQuote)]
#[case::other_version(datagram(IpVersion::V4, [3, 3], [0; 4], &quote(IpVersion::V6)), DropReason::IcmpBadQuote)]
#[case::udp({ let mut q = quote(IpVersion::V4); q[9] = 17; datagram(IpVersion::V4, [3, 3], [0; 4], &q) }, DropReason::IcmpQuoteNotTcp)]
#[case::later_fragment({ let mut q = quote(IpVersion::V4); q[7] = 9; datagram(IpVersion::V4, [3, 3], [0; 4], &q) }, DropReason::IcmpQuoteNotTcp)]
#[case::not_ours({ let mut q = quote(IpVersion::V4); q[15] = 99; datagram(IpVersion::V4, [3, 3], [0; 4], &q) }, DropReason::IcmpQuoteNotOurs)]
#[case::damaged({ let mut d = datagram(IpVersion::V4, [3, 3], [0; 4], &quote(IpVersion::V4)); *d.last_mut().unwrap() ^= 1; d }, DropReason::IcmpBadChecksum)]
#[case::damaged_v6({ let mut d = datagram(IpVersion::V6, [1, 4], [0; 4], &quote(IpVersion::V6)); *d.last_mut().unwrap() ^= 1; d }, DropReason::IcmpBadChecksum)]
#[case::short(ip::emit(&header("203.0.113.1", "192.0.2.1"), PROTOCOL_ICMP, &[3, 3, 0, 0]), DropReason::IcmpTruncated)]
fn other_messages_are_dropped(#[case] bytes: Vec<u8>, #[case] reason: DropReason) {
    assert_eq!(parsed(&bytes), Err(reason));
}

proptest! {
    #[test]
    fn reading_is_total(head: [u8; 2], rest: [u8; 4], quote: Vec<u8>) {
        let _ = parsed(&datagram(IpVersion::V4, head, rest, &quote));
        let _ = parsed(&datagram(IpVersion::V6, head, rest, &quote));
    }
}
