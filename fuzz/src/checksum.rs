//! The Internet checksum as this stack, `pnet_packet` and `etherparse` compute it.

use arbitrary::{Arbitrary, Unstructured};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use etherparse::TcpSlice;
use etherparse::checksum::Sum16BitWords;
use pnet_packet::tcp::{TcpPacket, ipv4_checksum, ipv6_checksum};
use pnet_packet::util;
use tcpdrill_stack::wire::checksum::{self, Checksum};
use tcpdrill_stack::wire::tcp::TcpHeader;

const PROTOCOL: u8 = 6;
/// Where the checksum stands in a TCP header.
const FIELD: usize = 16;
const SHORTEST_HEADER: usize = 20;
/// More would not fit into an IPv4 datagram.
const LONGEST: usize = 65_000;

/// Where the pieces end and who speaks; what follows is summed.
#[derive(Debug, Arbitrary)]
struct Setup {
    pieces: [u8; 6],
    src: [u8; 16],
    dst: [u8; 16],
}

/// Sums the bytes behind the setup at the beginning of `data`, alone and as a TCP segment over IPv4 and IPv6.
///
/// # Panics
/// When two sums differ, or one in pieces is not that of the whole.
pub fn checksum(data: &[u8]) {
    let mut input = Unstructured::new(data);
    // Where the input is too short for it the rest is zeros.
    let Ok(setup) = Setup::arbitrary(&mut input) else {
        return;
    };
    let bytes = input.take_rest();
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    alone(bytes, &setup.pieces);
    if bytes.len() >= SHORTEST_HEADER {
        let mut segment = bytes.to_vec();
        // etherparse wants a data offset that can be: at least 5 words, and no more than there are.
        let words = usize::from(segment[12] >> 4).clamp(5, bytes.len() / 4);
        segment[12] = (words as u8) << 4 | segment[12] & 0x0f;
        for (src, dst) in hosts(&setup) {
            as_segment(&mut segment, src, dst, &setup.pieces);
        }
    }
}

/// The same bits as addresses of both families.
fn hosts(setup: &Setup) -> [(IpAddr, IpAddr); 2] {
    let v4 = |octets: [u8; 16]| {
        let [a, b, c, d, ..] = octets;
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    let v6 = |octets| IpAddr::V6(Ipv6Addr::from(octets));
    [
        (v4(setup.src), v4(setup.dst)),
        (v6(setup.src), v6(setup.dst)),
    ]
}

fn alone(bytes: &[u8], pieces: &[u8]) {
    let ours = checksum::checksum(bytes);
    let mut sum = Checksum::new();
    add_pieces(&mut sum, bytes, pieces);
    assert_eq!(sum.finish(), ours, "the sum in pieces is another");
    // The sum of nothing is 0 to pnet, its complement to all others.
    if !bytes.is_empty() {
        let no_word_left_out = usize::MAX;
        let theirs = util::checksum(bytes, no_word_left_out);
        assert_eq!(ours, theirs, "pnet_packet has another sum");
    }
    let theirs = Sum16BitWords::new().add_slice(bytes).ones_complement();
    assert_eq!(ours, u16::from_be(theirs), "etherparse has another sum");
}

/// Adds `bytes` cut into pieces of these lengths, 0 among them, over and over.
fn add_pieces(sum: &mut Checksum, bytes: &[u8], pieces: &[u8]) {
    let mut rest = bytes;
    for len in pieces.iter().map(|len| usize::from(*len)) {
        let (piece, tail) = rest.split_at(len.min(rest.len()));
        sum.add(piece);
        rest = tail;
    }
    sum.add(rest);
}

fn as_segment(segment: &mut [u8], src: IpAddr, dst: IpAddr, pieces: &[u8]) {
    segment[FIELD..FIELD + 2].fill(0);
    let mut sum = Checksum::new();
    sum.add_pseudo_header(src, dst, PROTOCOL, segment.len() as u32);
    let mut in_pieces = sum;
    sum.add(segment);
    add_pieces(&mut in_pieces, segment, pieces);
    let ours = sum.finish();
    assert_eq!(in_pieces.finish(), ours, "the sum in pieces is another");
    // Neither of the others looks at the field itself.
    segment[FIELD..FIELD + 2].copy_from_slice(&ours.to_be_bytes());
    theirs_agree(segment, ours, src, dst);
    received_and_sent(segment, src, dst);
}

fn theirs_agree(segment: &[u8], ours: u16, src: IpAddr, dst: IpAddr) {
    let packet = TcpPacket::new(segment).expect("a segment holds a header");
    let slice = TcpSlice::from_slice(segment).expect("the data offset can be");
    let (pnet, etherparse) = match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => (
            ipv4_checksum(&packet, &src, &dst),
            slice.calc_checksum_ipv4(src.octets(), dst.octets()),
        ),
        (IpAddr::V6(src), IpAddr::V6(dst)) => (
            ipv6_checksum(&packet, &src, &dst),
            slice.calc_checksum_ipv6(src.octets(), dst.octets()),
        ),
        (_, _) => unreachable!("both hosts are of one family"),
    };
    let etherparse = etherparse.expect("the length fits into the pseudo header");
    assert_eq!(ours, pnet, "pnet_packet has another sum, {src} to {dst}");
    assert_eq!(ours, etherparse, "etherparse has another, {src} to {dst}");
}

/// The stack takes the segment, refuses it with another sum, and what it sends itself, with text copied
/// and summed in one pass, has a sum that the others agree to.
fn received_and_sent(segment: &mut [u8], src: IpAddr, dst: IpAddr) {
    use tcpdrill_stack::segment::DropReason::TcpBadChecksum;
    match TcpHeader::parse(segment, src, dst) {
        Err(TcpBadChecksum) => panic!("a sound segment is damaged to the stack"),
        Err(_) => {}
        Ok((header, payload)) => {
            let sent = header.emit(payload, src, dst);
            let field = u16::from_be_bytes([sent[FIELD], sent[FIELD + 1]]);
            theirs_agree(&sent, field, src, dst);
        }
    }
    segment[FIELD] ^= 0x10;
    let damaged = TcpHeader::parse(segment, src, dst);
    assert_eq!(damaged, Err(TcpBadChecksum), "a damaged segment is taken");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf029);
        for _ in 0..3_000 {
            checksum(&seeds::summed(&mut rng));
        }
    }

    #[test]
    fn lengths_pass_one_by_one() {
        let mut rng = Rng::new(0xf02a);
        for len in 0..400 {
            checksum(&seeds::noise(&mut rng, len));
        }
    }

    /// The largest segments, of ones alone: all carries there are.
    #[test]
    fn carries_pass() {
        checksum(&vec![0xff; LONGEST + 40]);
        checksum(&vec![0xff; LONGEST + 37]);
    }
}
