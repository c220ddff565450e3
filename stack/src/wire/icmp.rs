//! ICMP errors about TCP segments (RFC 792, RFC 4443), and nothing else of ICMP.

use super::DropReason;
use super::checksum::{Checksum, checksum};
use super::ip::{IpPacket, IpVersion, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use super::read::{u16_at, u32_at};
use super::{ipv4, ipv6};
use crate::seq::SeqNum;
use core::net::{IpAddr, SocketAddr};

const HEADER_LEN: usize = 8;

/// What an error says about the path, with the classes of RFC 9293 §3.9.2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IcmpKind {
    /// The network cannot be reached (v4 3/0, v6 1/0): soft.
    NetworkUnreachable,
    /// The host cannot be reached (v4 3/1, v6 1/3): soft.
    HostUnreachable,
    /// The host knows no TCP (v4 3/2): hard.
    ProtocolUnreachable,
    /// Nobody listens (v4 3/3, v6 1/4): hard.
    PortUnreachable,
    /// The datagram is too large for the path (v4 3/4, v6 2/0): path MTU discovery's business.
    PacketTooBig {
        /// Bytes that fit; 0 when an old router does not say.
        mtu: u32,
    },
    /// The source route failed (v4 3/5): soft.
    SourceRouteFailed,
    /// Another code of destination unreachable, administrative prohibition among them: soft.
    OtherUnreachable {
        /// The code.
        code: u8,
    },
    /// Source quench (v4 4), which no TCP may act upon.
    SourceQuench,
    /// The time to live ran out, or a reassembly timed out (v4 11, v6 3): soft.
    TimeExceeded {
        /// 0 in transit, 1 in reassembly.
        code: u8,
    },
    /// A header field is bad (v4 12, v6 4): soft.
    ParameterProblem {
        /// The code.
        code: u8,
    },
}

/// An ICMP error with the part of a TCP segment that it quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What it says.
    pub kind: IcmpKind,
    /// Who says it: a router or the peer.
    pub reporter: IpAddr,
    /// Where the quoted segment came from: this host.
    pub local: SocketAddr,
    /// Where it was going.
    pub remote: SocketAddr,
    /// SEG.SEQ of the quoted segment.
    pub seq: SeqNum,
    /// Length of the quoted datagram by its own header, in bytes; routers on the way may have got it
    /// wrong.
    pub quoted_len: u16,
    /// The type on the wire.
    pub raw_type: u8,
    /// The code on the wire.
    pub raw_code: u8,
}

/// Reads the ICMP or ICMPv6 message in `packet`.
///
/// # Errors
/// The reason when it is damaged, is no error, or quotes no TCP segment sent by its addressee.
pub fn parse(packet: &IpPacket<'_>) -> Result<IcmpError, DropReason> {
    let message = packet.payload;
    if message.len() < HEADER_LEN {
        return Err(DropReason::IcmpTruncated);
    }
    let version = IpVersion::of(packet.header.src);
    check_sum(packet, version)?;
    let (raw_type, raw_code) = (message[0], message[1]);
    let kind = match version {
        IpVersion::V4 => kind_v4(raw_type, raw_code, u16_at(message, 6).unwrap_or(0)),
        IpVersion::V6 => kind_v6(raw_type, raw_code, u32_at(message, 4).unwrap_or(0)),
    }
    .ok_or(DropReason::IcmpNotAnError)?;
    let quote = &message[HEADER_LEN..];
    let (local, remote, seq) = parse_quote(version, quote)?;
    if local.ip() != packet.header.dst {
        return Err(DropReason::IcmpQuoteNotOurs);
    }
    Ok(IcmpError {
        kind,
        reporter: packet.header.src,
        local,
        remote,
        seq,
        quoted_len: quoted_len(version, quote),
        raw_type,
        raw_code,
    })
}

fn check_sum(packet: &IpPacket<'_>, version: IpVersion) -> Result<(), DropReason> {
    let sound = match version {
        IpVersion::V4 => checksum(packet.payload) == 0,
        IpVersion::V6 => {
            let mut sum = Checksum::new();
            let len = packet.payload.len() as u32;
            sum.add_pseudo_header(packet.header.src, packet.header.dst, PROTOCOL_ICMPV6, len);
            sum.add(packet.payload);
            sum.is_valid()
        }
    };
    if sound {
        Ok(())
    } else {
        Err(DropReason::IcmpBadChecksum)
    }
}

fn kind_v4(raw_type: u8, code: u8, mtu: u16) -> Option<IcmpKind> {
    Some(match (raw_type, code) {
        (3, 0) => IcmpKind::NetworkUnreachable,
        (3, 1) => IcmpKind::HostUnreachable,
        (3, 2) => IcmpKind::ProtocolUnreachable,
        (3, 3) => IcmpKind::PortUnreachable,
        (3, 4) => IcmpKind::PacketTooBig { mtu: mtu.into() },
        (3, 5) => IcmpKind::SourceRouteFailed,
        (3, code) => IcmpKind::OtherUnreachable { code },
        (4, _) => IcmpKind::SourceQuench,
        (11, code) => IcmpKind::TimeExceeded { code },
        (12, code) => IcmpKind::ParameterProblem { code },
        _ => return None,
    })
}

fn kind_v6(raw_type: u8, code: u8, mtu: u32) -> Option<IcmpKind> {
    Some(match (raw_type, code) {
        (1, 0) => IcmpKind::NetworkUnreachable,
        (1, 3) => IcmpKind::HostUnreachable,
        (1, 4) => IcmpKind::PortUnreachable,
        (1, code) => IcmpKind::OtherUnreachable { code },
        (2, _) => IcmpKind::PacketTooBig { mtu },
        (3, code) => IcmpKind::TimeExceeded { code },
        (4, code) => IcmpKind::ParameterProblem { code },
        _ => return None,
    })
}

/// The length of the quoted datagram, by its header.
fn quoted_len(version: IpVersion, quote: &[u8]) -> u16 {
    match version {
        IpVersion::V4 => u16_at(quote, 2).unwrap_or(0),
        IpVersion::V6 => u16_at(quote, 4).map_or(0, |len| len.saturating_add(version.header_len())),
    }
}

/// Addresses, ports and sequence number of the quoted segment: the 8 bytes of it that every
/// router returns hold no more.
fn parse_quote(
    version: IpVersion,
    quote: &[u8],
) -> Result<(SocketAddr, SocketAddr, SeqNum), DropReason> {
    let quoted = match version {
        IpVersion::V4 => ipv4::parse_quoted(quote),
        IpVersion::V6 => ipv6::parse_quoted(quote),
    };
    let quoted = quoted.map_err(|reason| match reason {
        DropReason::Fragment => DropReason::IcmpQuoteNotTcp,
        _ => DropReason::IcmpBadQuote,
    })?;
    let version_on_wire = quote.first().map(|byte| byte >> 4);
    if version_on_wire != Some(if version == IpVersion::V4 { 4 } else { 6 }) {
        return Err(DropReason::IcmpBadQuote);
    }
    if quoted.protocol != PROTOCOL_TCP {
        return Err(DropReason::IcmpQuoteNotTcp);
    }
    let ports = u16_at(quoted.payload, 0).zip(u16_at(quoted.payload, 2));
    let ((src_port, dst_port), seq) = ports
        .zip(u32_at(quoted.payload, 4))
        .ok_or(DropReason::IcmpBadQuote)?;
    Ok((
        SocketAddr::new(quoted.header.src, src_port),
        SocketAddr::new(quoted.header.dst, dst_port),
        SeqNum::new(seq),
    ))
}

#[cfg(test)]
mod tests;
