//! The packet model: what one IP datagram holds, every field as a plain value.

use std::net::IpAddr;

use super::options::TcpOption;

/// TCP control bits: the eight of RFC 9293 §3.1 and AE (RFC 9768) above them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u16);

impl TcpFlags {
    /// Finish.
    pub const FIN: TcpFlags = TcpFlags(0x001);
    /// Synchronise.
    pub const SYN: TcpFlags = TcpFlags(0x002);
    /// Reset.
    pub const RST: TcpFlags = TcpFlags(0x004);
    /// Push.
    pub const PSH: TcpFlags = TcpFlags(0x008);
    /// The acknowledgment field counts.
    pub const ACK: TcpFlags = TcpFlags(0x010);
    /// The urgent pointer counts.
    pub const URG: TcpFlags = TcpFlags(0x020);
    /// ECN-Echo (RFC 3168).
    pub const ECE: TcpFlags = TcpFlags(0x040);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: TcpFlags = TcpFlags(0x080);
    /// Accurate ECN, the lowest reserved bit (RFC 9768).
    pub const AE: TcpFlags = TcpFlags(0x100);

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: TcpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: TcpFlags) -> TcpFlags {
        TcpFlags(self.0 | other.0)
    }
}

/// Fields of the IP header, both versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpFields {
    /// Source address; its family is the packet's version.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// TOS or traffic class: DSCP and the two ECN bits.
    pub traffic_class: u8,
    /// IPv6 flow label, 20 bits; 0 for IPv4.
    pub flow_label: u32,
}

/// A TCP segment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields carry the names of RFC 9293 §3.1")]
pub struct TcpSegment {
    pub source_port: u16,
    pub destination_port: u16,
    pub sequence: u32,
    pub acknowledgment: u32,
    pub flags: TcpFlags,
    /// The three reserved bits left of AE.
    pub reserved: u8,
    pub window: u16,
    pub urgent: u16,
    pub options: Vec<TcpOption>,
    pub payload: Vec<u8>,
}

/// A UDP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields carry the names of RFC 768")]
pub struct UdpDatagram {
    pub source_port: u16,
    pub destination_port: u16,
    pub payload: Vec<u8>,
}

/// An ICMP message of the packet's IP version, checksum left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpMessage {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// The four bytes after the checksum (unused, next-hop MTU, identifier and sequence …).
    pub rest_of_header: [u8; 4],
    /// Everything after the eight header bytes, such as the quoted datagram.
    pub payload: Vec<u8>,
}

/// What the IP datagram carries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "one variant a protocol")]
pub enum Transport {
    Tcp(TcpSegment),
    Udp(UdpDatagram),
    Icmp(IcmpMessage),
    /// Another protocol: its number and bytes.
    Other {
        protocol: u8,
        payload: Vec<u8>,
    },
}

/// One IP datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The IP header.
    pub ip: IpFields,
    /// Its contents.
    pub transport: Transport,
}
