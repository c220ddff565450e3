//! The TCP header (RFC 9293 §3.1).

use super::DropReason;
use super::checksum::Checksum;
use super::ip::PROTOCOL_TCP;
use super::options::TcpOptions;
use super::read::{u16_at, u32_at};
use super::write::put_words;
use crate::seq::SeqNum;
use crate::window::UnscaledWindow;
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// Bytes of the header without options.
pub(crate) const FIXED_LEN: usize = 20;

/// The control bits but ACK, which is [`TcpHeader::ack`] being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    /// No more data from the sender; counts as one sequence number.
    pub fin: bool,
    /// Synchronise sequence numbers; counts as one sequence number.
    pub syn: bool,
    /// Reset the connection.
    pub rst: bool,
    /// Push.
    pub psh: bool,
    /// The urgent pointer is meaningful.
    pub urg: bool,
    /// ECN echo (RFC 3168).
    pub ece: bool,
    /// Congestion window reduced (RFC 3168).
    pub cwr: bool,
    /// Accurate ECN (RFC 9768 §3.1.1), the last bit of the byte before the other flags.
    pub ae: bool,
}

impl Flags {
    /// No bit set.
    pub const NONE: Flags = Flags {
        fin: false,
        syn: false,
        rst: false,
        psh: false,
        urg: false,
        ece: false,
        cwr: false,
        ae: false,
    };
    /// FIN alone.
    pub const FIN: Flags = Flags {
        fin: true,
        ..Flags::NONE
    };
    /// SYN alone.
    pub const SYN: Flags = Flags {
        syn: true,
        ..Flags::NONE
    };
    /// RST alone.
    pub const RST: Flags = Flags {
        rst: true,
        ..Flags::NONE
    };
    /// PSH alone.
    pub const PSH: Flags = Flags {
        psh: true,
        ..Flags::NONE
    };

    /// AE, CWR and ECE as the number they form, AE highest: the ACE field of RFC 9768 §3.2.2.
    pub const fn ace(self) -> u8 {
        (self.ae as u8) << 2 | (self.cwr as u8) << 1 | self.ece as u8
    }

    /// The same flags with these three low bits as AE, CWR and ECE.
    #[must_use]
    pub const fn with_ace(self, ace: u8) -> Flags {
        Flags {
            ae: ace & 0b100 != 0,
            cwr: ace & 0b010 != 0,
            ece: ace & 0b001 != 0,
            ..self
        }
    }

    /// From the byte of the data offset and the one behind it.
    const fn from_bytes(offset: u8, byte: u8) -> Flags {
        Flags {
            ae: offset & AE_BIT != 0,
            fin: byte & 0x01 != 0,
            syn: byte & 0x02 != 0,
            rst: byte & 0x04 != 0,
            psh: byte & 0x08 != 0,
            urg: byte & 0x20 != 0,
            ece: byte & 0x40 != 0,
            cwr: byte & 0x80 != 0,
        }
    }

    const fn to_byte(self) -> u8 {
        let Flags {
            fin,
            syn,
            rst,
            psh,
            urg,
            ece,
            cwr,
            ae: _,
        } = self;
        fin as u8
            | (syn as u8) << 1
            | (rst as u8) << 2
            | (psh as u8) << 3
            | (urg as u8) << 5
            | (ece as u8) << 6
            | (cwr as u8) << 7
    }
}

pub(super) const ACK_BIT: u8 = 0x10;
pub(super) const PSH_BIT: u8 = 0x08;
/// In the byte of the data offset.
const AE_BIT: u8 = 0x01;

/// Data offset and control bits as they stand in a header of `header_len` bytes.
pub(crate) const fn control_word(header_len: usize, flags: Flags, ack: bool) -> u16 {
    let offset = (header_len / 4) as u8 * 16 + if flags.ae { AE_BIT } else { 0 };
    let ack_bit = if ack { ACK_BIT } else { 0 };
    u16::from_be_bytes([offset, flags.to_byte() | ack_bit])
}

/// A TCP header, every field typed. The reserved bits are ignored on receipt and sent as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpHeader {
    /// The sender's port, never 0.
    pub src_port: u16,
    /// The addressee's port, never 0.
    pub dst_port: u16,
    /// SEG.SEQ.
    pub seq: SeqNum,
    /// SEG.ACK, when the ACK bit is set; the field is sent as 0 otherwise.
    pub ack: Option<SeqNum>,
    /// The other control bits.
    pub flags: Flags,
    /// SEG.WND before scaling.
    pub wnd: UnscaledWindow,
    /// SEG.UP, meaningful with URG only.
    pub up: u16,
    /// The options.
    pub options: TcpOptions,
}

impl TcpHeader {
    /// Reads a header and what follows it. The checksum comes first: of a damaged segment no
    /// field means anything.
    ///
    /// # Errors
    /// The reason when the segment is damaged or malformed. Odd options are no reason; see
    /// [`TcpOptions::note`].
    #[inline(always)]
    pub fn parse(
        segment: &[u8],
        src: IpAddr,
        dst: IpAddr,
    ) -> Result<(TcpHeader, &[u8]), DropReason> {
        let Some(fixed) = segment.first_chunk::<FIXED_LEN>() else {
            return Err(DropReason::TcpHeaderTruncated);
        };
        // REQ: RFC9293-MUST-3
        if !checksum_of(segment, src, dst).is_valid() {
            return Err(DropReason::TcpBadChecksum);
        }
        // REQ: RFC9293-SM-03
        let header_len = usize::from(fixed[12] >> 4) * 4;
        if header_len < FIXED_LEN {
            return Err(DropReason::TcpDataOffsetTooSmall);
        }
        let (header, payload) = segment
            .split_at_checked(header_len)
            .ok_or(DropReason::TcpDataOffsetTooLarge)?;
        let field = |at| u16_at(fixed, at).unwrap_or(0);
        let number = |at| SeqNum::new(u32_at(fixed, at).unwrap_or(0));
        let (src_port, dst_port) = (field(0), field(2));
        if src_port == 0 || dst_port == 0 {
            return Err(DropReason::TcpPortZero);
        }
        // REQ: RFC9293-MUST-5
        // REQ: RFC9293-MUST-64
        let mut options = TcpOptions::parse(&header[FIXED_LEN..]);
        if let Some(signature) = &mut options.signature {
            signature.control = field(12);
            signature.ack = number(8).raw();
        }
        let header = TcpHeader {
            src_port,
            dst_port,
            seq: number(4),
            ack: (fixed[13] & ACK_BIT != 0).then(|| number(8)),
            // REQ: RFC9293-SM-02
            flags: Flags::from_bytes(fixed[12], fixed[13]),
            wnd: UnscaledWindow::new(field(14)),
            up: field(18),
            options,
        };
        Ok((header, payload))
    }

    /// The segment of this header around `payload`, checksum included.
    pub fn emit(&self, payload: &[u8], src: IpAddr, dst: IpAddr) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len() + payload.len());
        self.write([payload, &[]], src, dst, &mut out);
        out
    }

    /// Bytes of the header, options included.
    pub fn len(&self) -> usize {
        FIXED_LEN + self.options.len()
    }

    /// False: there is always a header.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Appends the segment of this header around `payload`, which may be in two pieces, with its
    /// checksum.
    #[inline(always)]
    pub fn write(&self, payload: [&[u8]; 2], src: IpAddr, dst: IpAddr, out: &mut Vec<u8>) {
        let TcpHeader {
            src_port,
            dst_port,
            seq,
            ack,
            flags,
            wnd,
            up,
            options,
        } = self;
        let start = out.len();
        let header_len = self.len();
        // REQ: RFC9293-SM-01
        let control = control_word(header_len, *flags, ack.is_some());
        let mut fixed = [
            u32::from(*src_port) << 16 | u32::from(*dst_port),
            seq.raw(),
            ack.unwrap_or_default().raw(),
            u32::from(control) << 16 | u32::from(wnd.raw()),
            u32::from(*up),
        ];
        let len = header_len + payload[0].len() + payload[1].len();
        // REQ: RFC9293-MUST-2
        let mut sum = Checksum::new();
        sum.add_pseudo_header(src, dst, PROTOCOL_TCP, len as u32);
        // What is summed before it is written need not be waited for.
        for word in fixed {
            sum.add_word(word);
        }
        let head = start + FIXED_LEN;
        out.extend_from_slice(&[0; FIXED_LEN]);
        if let Some(words) = options.lone_timestamps() {
            let mut bytes = [0; 12];
            put_words(&mut bytes, &words);
            out.extend_from_slice(&bytes);
            for word in words {
                sum.add_word(word);
            }
        } else if header_len > FIXED_LEN {
            options.emit(out);
            sum.add(&out[head..]);
        }
        for block in payload.into_iter().flat_map(|part| part.chunks(COPY_BLOCK)) {
            out.extend_from_slice(block);
            sum.add(block);
        }
        fixed[4] |= u32::from(sum.finish()) << 16;
        put_words(&mut out[start..head], &fixed);
    }
}

/// Bytes that are copied and summed at a time, so that the second finds them in the nearest cache.
const COPY_BLOCK: usize = 1536;

#[inline]
fn checksum_of(segment: &[u8], src: IpAddr, dst: IpAddr) -> Checksum {
    let mut sum = Checksum::new();
    sum.add_pseudo_header(src, dst, PROTOCOL_TCP, segment.len() as u32);
    sum.add(segment);
    sum
}

impl fmt::Display for Flags {
    /// The letters of packet traces, in their order: `S`, `F`, `R`, `P`, `U`, `E`, `W`,
    /// `A` (AE).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letters = [
            (self.syn, "S"),
            (self.fin, "F"),
            (self.rst, "R"),
            (self.psh, "P"),
            (self.urg, "U"),
            (self.ece, "E"),
            (self.cwr, "W"),
            (self.ae, "A"),
        ];
        letters
            .iter()
            .filter(|(set, _)| *set)
            .try_for_each(|(_, letter)| f.write_str(letter))
    }
}

#[cfg(test)]
mod tests;
