//! What packet lines say besides TCP: the IP header, layers around it, UDP and ICMP.

use std::net::IpAddr;

use super::Match;
use crate::wire::encapsulation::{Gre, MplsEntry};

/// ECN bits of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EcnPattern {
    /// These two bits: `noecn` 0, `ect1` 1, `ect0` 2, `ce` 3.
    Bits(u8),
    /// `ect01`: 1 or 2.
    EctAny,
}

/// IP annotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpPattern {
    /// ECN bits.
    pub ecn: Option<EcnPattern>,
    /// The six bits above them.
    pub dscp: Option<u8>,
    /// The whole TOS or traffic class byte; not beside `ecn` or `dscp`.
    pub tos: Option<u8>,
    /// TTL or hop limit.
    pub ttl: Option<Match<u8>>,
    /// Flow label, symbolic on outbound packets.
    pub flow_label: Option<u32>,
    /// IPv4 identification, or that of an IPv6 fragment header (32 bits).
    pub id: Option<Match<u32>>,
    /// `df` or `nodf`: the IPv4 flag.
    pub dont_fragment: Option<bool>,
    /// `frag FIRST:END`: the line describes the whole datagram, and this piece of it is meant.
    pub fragment: Option<FragmentPattern>,
    /// What is wrong on purpose; inbound only.
    pub damage: IpDamage,
}

/// A piece of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentPattern {
    /// First byte behind the IP header, a multiple of 8.
    pub first: u16,
    /// The byte after the last one of the piece.
    pub end: u16,
    /// `+`: more fragments are announced even if this one reaches the end of the datagram.
    pub more: bool,
}

/// IP header fields that an inbound packet gets wrong on purpose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpDamage {
    /// `badsum`: the IPv4 header checksum is one that does not fit.
    pub checksum: bool,
    /// `len N`: the total length (IPv4) or payload length (IPv6) field.
    pub length: Option<u16>,
    /// `proto N`: the protocol or next header field.
    pub protocol: Option<u8>,
}

/// One encapsulation layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerPattern {
    /// `ipv4 [ip] A > B:` or `ipv6 …`; the addresses are not compared.
    #[expect(missing_docs, reason = "named after the IP header")]
    Ip {
        ip: IpPattern,
        source: IpAddr,
        destination: IpAddr,
    },
    /// `gre …:`
    Gre(Gre),
    /// `mpls …:`
    Mpls(Vec<MplsEntry>),
}

/// A UDP line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UdpPattern {
    /// `sport > dport`.
    pub ports: Option<(u16, u16)>,
    /// Payload bytes.
    pub len: u16,
    /// `"…"`: the payload; zeros if it is not written.
    pub contents: Option<Vec<u8>>,
    /// `badsum`: the checksum is one that does not fit; inbound only.
    pub bad_checksum: bool,
}

/// An ICMP line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IcmpPattern {
    /// ICMP type number by IP version: IPv4, IPv6; `None` where the word does not exist.
    pub kind: (Option<u8>, Option<u8>),
    /// ICMP code number, likewise.
    pub code: (Option<u8>, Option<u8>),
    /// `mtu N`.
    pub mtu: Option<u32>,
    /// `id N`.
    pub id: Option<u16>,
    /// `seq N`, of echo messages.
    pub sequence: Option<u16>,
    /// What is quoted; left out, an inbound line quotes TCP with number 0 and length 0.
    pub quote: Option<IcmpQuote>,
    /// `badsum`: the checksum is one that does not fit; inbound only.
    pub bad_checksum: bool,
}

/// What stands behind the eight bytes of an ICMP header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IcmpQuote {
    /// A TCP segment of the connection with this script sequence number and payload length,
    /// perhaps inside UDP (`/udp(SPORT > DPORT)`).
    #[expect(missing_docs, reason = "as on a TCP line")]
    Tcp {
        seq: u32,
        len: u16,
        udp: Option<(u16, u16)>,
    },
    /// A UDP datagram with this payload length.
    Udp(u16),
    /// No quote: the message is this long in all.
    Raw(u16),
    /// `"…"`: these bytes, as in echo messages.
    Contents(Vec<u8>),
}
