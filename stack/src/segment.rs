//! The segment that the state machine works with: everything it needs of one datagram, typed.

use crate::seq::{SeqNum, SeqRange};
use crate::window::UnscaledWindow;
use crate::wire::icmp::{self, IcmpError};
use crate::wire::ip::{self, IpHeader, IpVersion, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use crate::wire::options::TcpOptions;
use crate::wire::tcp::TcpHeader;
use alloc::vec::Vec;
use core::net::SocketAddr;

pub use crate::wire::DropReason;
pub use crate::wire::tcp::Flags;

/// A TCP segment on its way from `src` to `dst`. `P` is what holds its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<P = Vec<u8>> {
    /// The sender.
    pub src: SocketAddr,
    /// The addressee, of the same IP version.
    pub dst: SocketAddr,
    /// SEG.SEQ.
    pub seq: SeqNum,
    /// SEG.ACK, when the ACK bit is set.
    pub ack: Option<SeqNum>,
    /// The other control bits.
    pub flags: Flags,
    /// SEG.WND as it stands in the header.
    pub wnd: UnscaledWindow,
    /// SEG.UP, meaningful with URG only.
    pub up: u16,
    /// The options.
    pub options: TcpOptions,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Type of service or traffic class, ECN bits included.
    pub traffic_class: u8,
    /// IPv6 flow label; 0 in IPv4.
    pub flow_label: u32,
    /// The text of the segment.
    pub payload: P,
}

/// A segment whose text stays where the datagram is.
pub type SegmentRef<'a> = Segment<&'a [u8]>;

/// A segment without text, or with text that is kept elsewhere.
pub(crate) type Head = Segment<()>;

/// What a datagram turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming<P = Vec<u8>> {
    /// A segment.
    Segment(Segment<P>),
    /// An error about a segment sent earlier.
    Icmp(IcmpError),
}

/// Reads one IP datagram, and copies its text.
///
/// # Errors
/// The reason when it is damaged, malformed, or nothing for TCP.
pub fn parse(datagram: &[u8]) -> Result<Incoming, DropReason> {
    Ok(match parse_ref(datagram)? {
        Incoming::Segment(segment) => {
            Incoming::Segment(segment.with_text(segment.payload.to_vec()))
        }
        Incoming::Icmp(error) => Incoming::Icmp(error),
    })
}

/// Reads one IP datagram without copying its text.
///
/// # Errors
/// As [`parse`].
#[inline(always)]
pub fn parse_ref(datagram: &[u8]) -> Result<Incoming<&[u8]>, DropReason> {
    let packet = ip::parse(datagram)?;
    let IpHeader {
        src,
        dst,
        ttl,
        traffic_class,
        flow_label,
    } = packet.header;
    match (IpVersion::of(src), packet.protocol) {
        (_, PROTOCOL_TCP) => {}
        (IpVersion::V4, PROTOCOL_ICMP) | (IpVersion::V6, PROTOCOL_ICMPV6) => {
            return icmp::parse(&packet).map(Incoming::Icmp);
        }
        (_, _) => return Err(DropReason::UnknownProtocol),
    }
    let (header, payload) = TcpHeader::parse(packet.payload, src, dst)?;
    let segment = Segment {
        src: SocketAddr::new(src, header.src_port),
        dst: SocketAddr::new(dst, header.dst_port),
        seq: header.seq,
        ack: header.ack,
        flags: header.flags,
        wnd: header.wnd,
        up: header.up,
        options: header.options,
        ttl,
        traffic_class,
        flow_label,
        payload,
    };
    // A segment from a socket to itself would make it answer itself for ever ("LAND").
    if segment.src == segment.dst {
        return Err(DropReason::SourceIsDestination);
    }
    Ok(Incoming::Segment(segment))
}

impl Segment {
    /// A segment without control bits, options or text, TTL 64, to be filled in.
    pub fn new(src: SocketAddr, dst: SocketAddr) -> Segment {
        Head::head(src, dst).with_text(Vec::new())
    }
}

impl Head {
    /// As [`Segment::new`].
    pub(crate) fn head(src: SocketAddr, dst: SocketAddr) -> Head {
        Segment {
            src,
            dst,
            seq: SeqNum::default(),
            ack: None,
            flags: Flags::NONE,
            wnd: UnscaledWindow::default(),
            up: 0,
            options: TcpOptions::NONE,
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
            payload: (),
        }
    }
}

impl<P: AsRef<[u8]>> Segment<P> {
    /// SEG.LEN: the sequence numbers it occupies, SYN and FIN counting one each.
    pub fn len(&self) -> u32 {
        // An IP datagram holds less than 2^16 bytes.
        self.payload.as_ref().len() as u32 + u32::from(self.flags.syn) + u32::from(self.flags.fin)
    }

    /// True when it occupies no sequence number.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sequence numbers it occupies.
    pub fn range(&self) -> SeqRange {
        SeqRange::with_len(self.seq, self.len())
    }

    /// The sequence number behind its last one: SEG.SEQ + SEG.LEN.
    pub fn end(&self) -> SeqNum {
        self.seq + self.len()
    }

    /// The sequence number of the first byte of text: behind a SYN, if there is one.
    pub fn text_seq(&self) -> SeqNum {
        self.seq + u32::from(self.flags.syn)
    }

    /// The IP datagram that carries it, checksums filled in.
    ///
    /// # Panics
    /// When the addresses are of different IP versions or the text exceeds what a datagram holds.
    pub fn emit(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write([self.payload.as_ref(), &[]], &mut out);
        out
    }
}

impl<P> Segment<P> {
    /// The same segment with another text.
    pub(crate) fn with_text<Q>(&self, payload: Q) -> Segment<Q> {
        Segment {
            src: self.src,
            dst: self.dst,
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            wnd: self.wnd,
            up: self.up,
            options: self.options,
            ttl: self.ttl,
            traffic_class: self.traffic_class,
            flow_label: self.flow_label,
            payload,
        }
    }

    /// Appends the IP datagram that carries it with `text`, which may be in two pieces.
    #[inline(always)]
    pub(crate) fn write(&self, text: [&[u8]; 2], out: &mut Vec<u8>) {
        let header = TcpHeader {
            src_port: self.src.port(),
            dst_port: self.dst.port(),
            seq: self.seq,
            ack: self.ack,
            flags: self.flags,
            wnd: self.wnd,
            up: self.up,
            options: self.options,
        };
        let (src, dst) = (self.src.ip(), self.dst.ip());
        let ip_header = IpHeader {
            src,
            dst,
            ttl: self.ttl,
            traffic_class: self.traffic_class,
            flow_label: self.flow_label,
        };
        let len = header.len() + text[0].len() + text[1].len();
        ip::write_header(&ip_header, PROTOCOL_TCP, len, out);
        header.write(text, src, dst, out);
    }
}

#[cfg(test)]
mod tests;
