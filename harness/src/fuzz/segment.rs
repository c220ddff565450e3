//! Segments of the peer, as bytes.

use std::net::IpAddr;

use super::input::{Anchor, Fields, Length, Number, Stamp, Window};
use super::ledger::{Ledger, Side};
use super::packet::{ACK, RST, SYN, URG, checksum};
use super::text::Stream;

/// Two ends, the peer's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The peer's address and port.
    pub peer: (IpAddr, u16),
    /// The subject's.
    pub subject: (IpAddr, u16),
}

/// What a peer says of itself in its SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// In bytes.
    pub mss: Option<u16>,
    /// See RFC 7323 §2.2.
    pub scale: Option<u8>,
    /// SACK-permitted.
    pub sack: bool,
    /// Timestamps.
    pub timestamps: bool,
}

/// A segment to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// SEG.SEQ.
    pub seq: u32,
    /// SEG.ACK; with the flag or without.
    pub ack: u32,
    /// Byte 13 of the header.
    pub flags: u8,
    /// SEG.WND.
    pub window: u16,
    /// SEG.UP.
    pub urgent: u16,
    /// Bytes of text, which follows from SEG.SEQ.
    pub text: u16,
    /// Options, padded.
    pub options: OptionBytes,
}

/// Up to forty bytes of options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionBytes {
    bytes: [u8; 40],
    len: usize,
}

impl Default for OptionBytes {
    fn default() -> OptionBytes {
        OptionBytes {
            bytes: [1; 40],
            len: 0,
        }
    }
}

impl OptionBytes {
    /// Adds an option whose length is a multiple of four, or is padded by what stands before it; one
    /// for which there is no room is left out.
    pub fn push(&mut self, option: &[u8]) {
        let end = self.len + option.len().next_multiple_of(4);
        let start = end - option.len();
        if let Some(place) = self.bytes.get_mut(start..end) {
            place.copy_from_slice(option);
            self.len = end;
        }
    }

    /// Puts an option in front of all others, if there is room.
    pub fn push_front(&mut self, option: [u8; 4]) {
        if self.len + option.len() <= self.bytes.len() {
            self.bytes.copy_within(..self.len, option.len());
            self.bytes[..option.len()].copy_from_slice(&option);
            self.len += option.len();
        }
    }

    /// All of them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Text is kept shorter than this: a window may be larger, and copying it says nothing new.
const MOST_TEXT: u32 = 9_000;

/// What the peer's clock says, in milliseconds since it began; and its last TSval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerClock {
    /// Now.
    pub now: u32,
}

impl Segment {
    /// The segment that an event says.
    pub fn of(
        fields: &Fields,
        offer: &Offer,
        ledger: &Ledger,
        clock: PeerClock,
        isn: u32,
    ) -> Segment {
        let (peer, subject) = (&ledger.peer, &ledger.subject);
        let mss = u32::from(subject.mss.unwrap_or(536));
        let (seq_base, ack_base) = bases(ledger, isn);
        let seq = seq_base.number(fields.seq);
        let flags = fields.flags;
        let ack = ack_base.number(fields.ack);
        let room = subject.edge.wrapping_sub(seq);
        let text = match fields.text {
            Length::None => 0,
            Length::Bytes(count) => u32::from(count),
            Length::Full => mss,
            Length::Over => mss + 1,
            Length::Window if room <= MOST_TEXT => room,
            Length::Beyond if room < MOST_TEXT => room + 1,
            Length::Window | Length::Beyond => mss,
        };
        let text = text.min(MOST_TEXT) as u16;
        let mut segment = Segment {
            seq,
            ack,
            flags,
            window: window(fields.window, peer, mss),
            // It may point behind the text.
            urgent: match flags & URG {
                0 => 0,
                _ => text + 100 * u16::from(fields.sacks),
            },
            text,
            options: OptionBytes::default(),
        };
        segment.options = options(fields, offer, ledger, clock, &segment);
        segment
    }
}

fn window(window: Window, peer: &Side, segment: u32) -> u16 {
    let last = peer.first.map_or(20_000, |_| peer.window);
    match window {
        Window::Same => last,
        Window::Zero => 0,
        Window::One => 1,
        Window::Half => last / 2,
        Window::Segment => u16::try_from(segment).unwrap_or(u16::MAX),
        Window::Most => u16::MAX,
    }
}

/// What numbers of one direction count from.
struct Base {
    next: u32,
    una: u32,
    first: u32,
    edge: u32,
    largest_edge: u32,
    segment: u32,
}

/// What SEG.SEQ and SEG.ACK of the peer count from. `isn`: where its numbers begin, if they have not begun.
fn bases(ledger: &Ledger, isn: u32) -> (Base, Base) {
    let (peer, subject) = (&ledger.peer, &ledger.subject);
    let first = peer.first.unwrap_or(isn);
    let of_peer = Base {
        next: peer.first.map_or(isn, |_| peer.next),
        una: peer
            .first
            .map_or(isn, |_| subject.acked.unwrap_or(peer.next)),
        first,
        // The subject's window is for what the peer sends.
        edge: subject.edge,
        largest_edge: subject.largest_edge,
        segment: u32::from(subject.mss.unwrap_or(536)),
    };
    let of_subject = Base {
        next: subject.next,
        una: peer.acked.unwrap_or(subject.next),
        first: subject.first.unwrap_or(0),
        edge: peer.edge,
        largest_edge: peer.largest_edge,
        segment: u32::from(peer.mss.unwrap_or(536)).max(1),
    };
    (of_peer, of_subject)
}

/// How an event says these numbers of a segment of the peer, where it can.
pub(super) fn express(
    ledger: &Ledger,
    isn: u32,
    seq: u32,
    ack: u32,
) -> (Option<Number>, Option<Number>) {
    let (of_peer, of_subject) = bases(ledger, isn);
    (of_peer.express(seq), of_subject.express(ack))
}

/// How an event says this number of the subject's, where it can.
pub(super) fn express_subjects(ledger: &Ledger, seq: u32) -> Option<Number> {
    bases(ledger, 0).1.express(seq)
}

/// The number among the subject's that an event names.
pub(super) fn of_subject(number: Number, ledger: &Ledger) -> u32 {
    bases(ledger, 0).1.number(number)
}

impl Base {
    /// The way with the smallest offset.
    fn express(&self, value: u32) -> Option<Number> {
        let say = |anchor: Anchor| {
            let base = self.number(Number { anchor, offset: 0 });
            let offset = value.wrapping_sub(base).cast_signed();
            let offset = i16::try_from(offset).ok();
            let offset = offset.filter(|offset| (-4_096..=4_095).contains(offset))?;
            Some(Number { anchor, offset })
        };
        let ways = Anchor::ALL.into_iter().filter_map(say);
        ways.min_by_key(|number| number.offset.unsigned_abs())
    }

    fn number(&self, number: Number) -> u32 {
        let from = match number.anchor {
            Anchor::Next => self.next,
            Anchor::Una => self.una,
            Anchor::First => self.first,
            Anchor::Edge => self.edge,
            Anchor::OldEdge => self.largest_edge,
            // Not quite: nobody can say on which side a number lies that is.
            Anchor::HalfTurn => self.una.wrapping_add((1 << 31) + (1 << 15)),
            Anchor::Zero => 0,
            Anchor::Segment => self.una.wrapping_add(self.segment),
        };
        from.wrapping_add_signed(number.offset.into())
    }
}

fn options(
    fields: &Fields,
    offer: &Offer,
    ledger: &Ledger,
    clock: PeerClock,
    segment: &Segment,
) -> OptionBytes {
    let mut options = OptionBytes::default();
    let is_syn = segment.flags & SYN != 0;
    if is_syn {
        if let Some(mss) = offer.mss {
            let [high, low] = mss.to_be_bytes();
            options.push(&[2, 4, high, low]);
        }
        if let Some(scale) = offer.scale {
            options.push(&[3, 3, scale]);
        }
        if offer.sack {
            options.push(&[4, 2]);
        }
    }
    let agreed = if is_syn {
        offer.timestamps
    } else {
        ledger.has_timestamps()
    };
    let has_stamp = agreed != (fields.stamp == Stamp::Wrong);
    if has_stamp {
        let value = match fields.stamp {
            Stamp::Old => clock.now.wrapping_sub(1 << 20),
            Stamp::Right | Stamp::Wrong | Stamp::Echo => clock.now,
        };
        let echo = match fields.stamp {
            Stamp::Echo => ledger.subject.stamp.unwrap_or(0).wrapping_add(1 << 28),
            Stamp::Right | Stamp::Wrong | Stamp::Old => ledger.subject.stamp.unwrap_or(0),
        };
        let echo = if segment.flags & ACK != 0 { echo } else { 0 };
        let [a, b, c, d] = value.to_be_bytes();
        let [e, f, g, h] = echo.to_be_bytes();
        options.push(&[8, 10, a, b, c, d, e, f, g, h]);
    }
    if fields.sacks > 0 && segment.flags & (SYN | RST) == 0 {
        options.push(&sack_option(fields.sacks, &ledger.subject, segment.ack)[..]);
    }
    options
}

/// Blocks of a hundred bytes with holes of a hundred between them, as far as there was anything.
fn sack_option(count: u8, subject: &Side, ack: u32) -> Vec<u8> {
    let mut option = vec![5, 2];
    let mut from = ack.wrapping_add(100);
    for _ in 0..count.min(2) {
        let left = subject.next.wrapping_sub(from).cast_signed();
        if left <= 0 {
            break;
        }
        let end = from.wrapping_add(left.min(100).cast_unsigned());
        option.extend(from.to_be_bytes());
        option.extend(end.to_be_bytes());
        from = end.wrapping_add(100);
    }
    // The third lies where nobody can say whether it is old or new.
    if count == 3 {
        let from = ack.wrapping_add((1 << 31) + 50);
        option.extend(from.to_be_bytes());
        option.extend(from.wrapping_add(100).to_be_bytes());
    }
    if let (true, Some(len)) = (option.len() > 2, u8::try_from(option.len()).ok()) {
        option[1] = len;
        return option;
    }
    Vec::new()
}

/// Writes the datagram.
pub fn write(segment: &Segment, ends: &Ends, datagram: &mut Vec<u8>) {
    let header_len = 20 + segment.options.len;
    // Neither is longer than MOST_TEXT and a few headers.
    let tcp_len = (header_len + usize::from(segment.text)) as u16;
    datagram.clear();
    let pseudo = match (ends.peer.0, ends.subject.0) {
        (IpAddr::V4(peer), IpAddr::V4(subject)) => {
            let [high, low] = (tcp_len + 20).to_be_bytes();
            datagram.extend([0x45, 0, high, low, 0, 0, 0x40, 0, 64, 6, 0, 0]);
            datagram.extend(peer.octets());
            datagram.extend(subject.octets());
            let sum = checksum::fold(checksum::sum(datagram));
            datagram[10..12].copy_from_slice(&sum.to_be_bytes());
            checksum::sum(&datagram[12..20])
        }
        (peer, subject) => {
            let octets = |address: IpAddr| match address {
                IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                IpAddr::V6(address) => address.octets(),
            };
            let [high, low] = tcp_len.to_be_bytes();
            datagram.extend([0x60, 0, 0, 0, high, low, 6, 64]);
            datagram.extend(octets(peer));
            datagram.extend(octets(subject));
            checksum::sum(&datagram[8..40])
        }
    };
    let start = datagram.len();
    datagram.extend(ends.peer.1.to_be_bytes());
    datagram.extend(ends.subject.1.to_be_bytes());
    datagram.extend(segment.seq.to_be_bytes());
    datagram.extend(segment.ack.to_be_bytes());
    datagram.extend([(header_len as u8) << 2, segment.flags]);
    datagram.extend(segment.window.to_be_bytes());
    datagram.extend([0, 0]);
    datagram.extend(segment.urgent.to_be_bytes());
    datagram.extend(segment.options.as_bytes());
    let first = segment
        .seq
        .wrapping_add(u32::from(segment.flags & SYN != 0));
    datagram.extend(Stream::Peer.text(first, segment.text.into()));
    let sum = pseudo + checksum::of_tcp(tcp_len.into()) + checksum::sum(&datagram[start..]);
    let sum = checksum::fold(sum);
    datagram[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
}
