//! Datagrams changed byte by byte: what no packet model can say.

use crate::wire::{IpFields, Packet, checksum};

/// Where the checksum stands in a TCP header, in bytes.
const CHECKSUM: usize = 16;

/// A built datagram whose TCP header can be changed freely.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    bytes: Vec<u8>,
    ip: IpFields,
    /// Where the TCP header starts.
    start: usize,
}

impl Raw {
    /// The datagram of a packet with a TCP segment.
    ///
    /// # Errors
    /// If the packet cannot be built.
    pub(super) fn new(packet: &Packet) -> Result<Raw, String> {
        Ok(Raw {
            bytes: packet.build()?,
            ip: packet.ip.clone(),
            start: if packet.ip.source.is_ipv4() { 20 } else { 40 },
        })
    }

    /// The TCP header and what follows it.
    pub(super) fn tcp(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    /// The checksum as it stands.
    pub(super) fn checksum(&self) -> u16 {
        let at = self.start + CHECKSUM;
        u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]])
    }

    /// The same with this checksum.
    #[must_use]
    pub(super) fn with_checksum(mut self, sum: u16) -> Raw {
        self.tcp()[CHECKSUM..CHECKSUM + 2].copy_from_slice(&sum.to_be_bytes());
        self
    }

    /// The same with the checksum that fits what stands there now.
    #[must_use]
    pub(super) fn summed(self) -> Raw {
        let sum = checksum(&self.bytes[self.start..], CHECKSUM / 2, &self.ip, 6);
        self.with_checksum(sum)
    }

    /// The checksum of the segment without the pseudo-header (RFC 9293 §3.1 wants it in).
    pub(super) fn sum_without_pseudo_header(&self) -> u16 {
        pnet_packet::util::checksum(&self.bytes[self.start..], CHECKSUM / 2)
    }

    /// The same with an option of IP that nobody knows: kind 30, which is for experiments (RFC 4727) and,
    /// over IPv6 in a header of destination options, to be skipped (RFC 8200 §4.2).
    #[must_use]
    pub(super) fn with_unknown_ip_option(mut self) -> Raw {
        if self.ip.source.is_ipv4() {
            let option = [30, 4, 0, 0];
            self.bytes[0] = 0x46;
            self.lengthen(2, option.len());
            self.insert(20, &option);
            self.sum_ip();
        } else {
            let upper = std::mem::replace(&mut self.bytes[6], 60);
            let header = [upper, 0, 30, 4, 0, 0, 0, 0];
            self.lengthen(4, header.len());
            self.insert(40, &header);
        }
        self
    }

    /// The same in a datagram that says it ends after `len` bytes of the segment. What lies behind is
    /// padding.
    #[must_use]
    pub(super) fn cut_to(mut self, len: usize) -> Raw {
        let at = if self.ip.source.is_ipv4() { 2 } else { 4 };
        let header = if at == 2 { self.start } else { self.start - 40 };
        let total = (header + len) as u16;
        self.bytes[at..at + 2].copy_from_slice(&total.to_be_bytes());
        if at == 2 {
            self.sum_ip();
        }
        self
    }

    /// Puts the checksum of the IPv4 header right.
    fn sum_ip(&mut self) {
        self.bytes[10..12].fill(0);
        let sum = pnet_packet::util::checksum(&self.bytes[..self.start], 5);
        self.bytes[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    /// Adds to the 16-bit length at a place.
    fn lengthen(&mut self, at: usize, by: usize) {
        let length = u16::from_be_bytes([self.bytes[at], self.bytes[at + 1]]) + by as u16;
        self.bytes[at..at + 2].copy_from_slice(&length.to_be_bytes());
    }

    fn insert(&mut self, at: usize, more: &[u8]) {
        self.bytes.splice(at..at, more.iter().copied());
        self.start += more.len();
    }

    /// The datagram.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}
