//! `damaged-header`: headers no packet model can say, and what must come of them.

use serde::Deserialize;

use crate::call::Fd;
use crate::wire::{TcpFlags, TcpOption, TcpSegment};

use super::Probe;
use super::kit::{Bench, SILENCE, SYN_ACK, Tuple, Wire, unexpected};
use super::peer::{Half, Peer, wrong};
use super::raw::Raw;
use super::stop::{Stop, code};

const PORT: u16 = 8080;
const REMOTE_PORT: u16 = 12_000;
const ISS: u32 = 1_000;
const BACKLOG: i32 = 64;
/// The MSS a SYN really offers, and one that stands where it must not be read.
const MSS: u16 = 800;
const BOGUS_MSS: u16 = 100;
/// Enough to fill segments of any of them.
const BULK: usize = 3_000;

/// Parameters of `damaged-header`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DamagedHeader {
    /// What is wrong or unusual.
    damage: Damage,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Damage {
    /// A checksum that does not fit: silence, and nothing changes.
    Checksum,
    /// A data offset below five words or beyond the segment: the same.
    DataOffset,
    /// A datagram that ends before the header does: the same.
    Length,
    /// Reserved bits set: nothing is different.
    ReservedBits,
    /// Options of length 0, 1 or beyond the header: no harm, and nothing behind them is read.
    OptionLength,
    /// Options nobody knows: skipped by their length.
    UnknownOptions,
    /// Options behind the end of the list: not there.
    EndOfList,
}

impl Probe for DamagedHeader {
    const NAME: &'static str = "damaged-header";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        let listener = wire.listen(PORT, BACKLOG)?;
        let mut host = Host {
            wire: &mut wire,
            listener,
        };
        match self.damage {
            Damage::Checksum => host.dropped("a bad checksum", bad_checksums),
            Damage::DataOffset => host.dropped("an impossible data offset", bad_offsets),
            Damage::Length => host.dropped("a length below that of its header", bad_lengths),
            Damage::ReservedBits => host.reserved_bits(),
            Damage::OptionLength => host.option_lengths(),
            Damage::UnknownOptions => host.unknown_options(),
            Damage::EndOfList => host.end_of_list(),
        }
    }
}

/// A datagram damaged in several ways, each with what was done to it.
type Variants = Vec<(String, Vec<u8>)>;

/// Every wrong checksum worth trying: single bits, its complement, none at all, and the one
/// that leaves out the pseudo-header. Then bits damaged under the right one.
fn bad_checksums(raw: &Raw) -> Variants {
    let right = raw.checksum();
    // Both are zero to a one's complement sum.
    let canonical = |sum: u16| if sum == 0xffff { 0 } else { sum };
    let wrong = [
        right ^ 0x0001,
        right ^ 0x8000,
        right.wrapping_add(1),
        !right,
        0,
        raw.sum_without_pseudo_header(),
    ];
    let mut variants: Variants = wrong
        .into_iter()
        .filter(|sum| canonical(*sum) != canonical(right))
        .map(|sum| {
            let text = format!("checksum {sum:#06x} for {right:#06x}");
            (text, raw.clone().with_checksum(sum).into_bytes())
        })
        .collect();
    // A bit damaged on the way: of the sequence number, the window, the urgent pointer, the last byte.
    let last = raw.clone().tcp().len() - 1;
    for at in [4, 14, 18, last] {
        let mut damaged = raw.clone();
        damaged.tcp()[at] ^= 0x10;
        variants.push((format!("byte {at} damaged"), damaged.into_bytes()));
    }
    variants
}

/// Every data offset that cannot be, the checksum fitting.
fn bad_offsets(raw: &Raw) -> Variants {
    let words = raw.clone().tcp().len() / 4;
    (0..5)
        .chain(words + 1..16)
        .map(|offset| {
            let mut damaged = raw.clone();
            let byte = &mut damaged.tcp()[12];
            *byte = (offset as u8) << 4 | *byte & 0x0f;
            let text = format!("data offset {offset} in {words} words");
            (text, damaged.summed().into_bytes())
        })
        .collect()
}

/// Lengths of a segment that its header does not fit. (A length of 0 means something else over IPv6.)
fn bad_lengths(raw: &Raw) -> Variants {
    let variant = |len: usize| {
        let text = format!("a segment of {len} bytes");
        (text, raw.clone().cut_to(len).into_bytes())
    };
    [1, 10, 19].map(variant).to_vec()
}

/// A listening host and the wire to it.
struct Host<'a, 'b> {
    wire: &'a mut Wire<'b>,
    listener: Fd,
}

impl Host<'_, '_> {
    fn tuple(&self, number: usize) -> Tuple {
        Tuple {
            local: self.wire.local(PORT),
            remote: self.wire.remote(0, REMOTE_PORT + number as u16),
        }
    }

    /// Damaged SYN, data, FIN and RST are as if they had never come.
    fn dropped(&mut self, what: &str, damage: fn(&Raw) -> Variants) -> Result<(), Stop> {
        let tuple = self.tuple(0);
        let syn = tuple.segment(TcpFlags::SYN, ISS, 0);
        self.inject_all(&tuple, &syn, damage)?;
        self.quiet(&format!("a SYN with {what}"))?;
        let (fd, mut peer) = self.wire.connect(self.listener, &tuple, ISS, &[])?;
        let kinds = [
            ("data", TcpFlags::ACK.with(TcpFlags::PSH), &b"damaged!"[..]),
            ("a FIN", TcpFlags::ACK.with(TcpFlags::FIN), &[]),
            ("a RST", TcpFlags::RST, &[]),
        ];
        for (kind, flags, payload) in kinds {
            let mut segment = peer.segment(flags);
            segment.payload = payload.to_vec();
            self.inject_all(&tuple, &segment, damage)?;
            let cause = format!("{kind} with {what}");
            self.quiet(&cause)?;
            self.wire.read_nothing(fd, &cause)?;
            self.wire.deliver(&mut peer, fd, b"undamaged")?;
        }
        self.wire.fetch(&mut peer, fd, b"still there").map(|_| ())
    }

    fn inject_all(
        &mut self,
        tuple: &Tuple,
        segment: &TcpSegment,
        damage: fn(&Raw) -> Variants,
    ) -> Result<(), Stop> {
        let raw = Raw::new(&tuple.packet(segment.clone())).map_err(Stop::machine)?;
        for (text, bytes) in damage(&raw) {
            self.wire.inject(bytes, text)?;
        }
        Ok(())
    }

    /// The stack says nothing at all.
    fn quiet(&mut self, cause: &str) -> Result<(), Stop> {
        let end = self.wire.now() + SILENCE;
        match self.wire.take_until(end)?.first() {
            None => Ok(()),
            Some(seen) => Err(unexpected(seen, cause)),
        }
    }

    /// Each of the three reserved bits, on every segment of a connection.
    fn reserved_bits(&mut self) -> Result<(), Stop> {
        for reserved in 1..8 {
            let tuple = self.tuple(usize::from(reserved));
            let with = |mut segment: TcpSegment| {
                segment.reserved = reserved;
                segment
            };
            let cause = format!("a SYN with reserved bits {reserved:03b}");
            let asked = self
                .wire
                .send(&tuple, with(tuple.segment(TcpFlags::SYN, ISS, 0)))?;
            let seen = self.wire.syn_ack(&tuple, ISS, &cause)?;
            let half = Half { asked, seen };
            let ack = tuple.segment(TcpFlags::ACK, ISS + 1, half.isn().wrapping_add(1));
            self.wire.send(&tuple, with(ack))?;
            let fd = self.wire.accept(self.listener)?;
            let mut peer = Peer {
                tuple,
                snd_nxt: ISS + 1,
                rcv_nxt: half.isn().wrapping_add(1),
            };
            let mut data = with(peer.segment(TcpFlags::ACK.with(TcpFlags::PSH)));
            data.payload = b"reserved".to_vec();
            self.wire.send(&tuple, data)?;
            peer.snd_nxt = peer.snd_nxt.wrapping_add(8);
            self.wire.acknowledged(&peer, "data with reserved bits")?;
            self.wire.read_exactly(fd, b"reserved")?;
            self.wire.send(&tuple, with(peer.segment(TcpFlags::RST)))?;
            self.wire.close(fd)?;
        }
        Ok(())
    }

    /// What may come of a SYN or data with such an option is free, but nothing hangs, nothing
    /// behind it counts, and the next good segment is understood.
    fn option_lengths(&mut self) -> Result<(), Stop> {
        for (number, area) in malformed_areas().into_iter().enumerate() {
            let tuple = self.tuple(2 * number);
            let what = format!("option bytes {area:02x?}");
            let syn = tuple.segment(TcpFlags::SYN, ISS, 0);
            self.inject_with_options(&tuple, syn, &area)?;
            if let Some(seen) = self.wire.next(&tuple, SILENCE)? {
                if seen.is(SYN_ACK) {
                    let asked = Default::default();
                    let peer = self.wire.third_step(&Half { asked, seen })?;
                    let fd = self.wire.accept(self.listener)?;
                    self.not_bogus(peer, fd, &what)?;
                } else if !seen.segment.flags.contains(TcpFlags::RST) {
                    return Err(wrong(&seen, &what, "SYN-ACK, RST or nothing"));
                }
            }
            let tuple = self.tuple(2 * number + 1);
            let offer = [TcpOption::MaximumSegmentSize(MSS)];
            let (fd, peer) = self.wire.connect(self.listener, &tuple, ISS, &offer)?;
            self.malformed_data(peer, fd, &area, &what)?;
        }
        Ok(())
    }

    /// Data under malformed options is taken whole, dropped, or ends the connection.
    fn malformed_data(
        &mut self,
        mut peer: Peer,
        fd: Fd,
        area: &[u8],
        what: &str,
    ) -> Result<(), Stop> {
        let mut segment = peer.segment(TcpFlags::ACK.with(TcpFlags::PSH));
        segment.payload = b"odd data".to_vec();
        self.inject_with_options(&peer.tuple, segment, area)?;
        let after = peer.snd_nxt.wrapping_add(8);
        if let Some(seen) = self.wire.next(&peer.tuple, SILENCE)? {
            if seen.is(TcpFlags::RST) || seen.is(TcpFlags::RST.with(TcpFlags::ACK)) {
                return self.wire.close(fd);
            }
            let ack = seen.segment.acknowledgment;
            if !seen.is(TcpFlags::ACK) || (ack != after && ack != peer.snd_nxt) {
                return Err(wrong(&seen, what, "ACK of all or nothing, RST or nothing"));
            }
            if ack == after {
                peer.snd_nxt = after;
                self.wire.read_exactly(fd, b"odd data")?;
            }
        }
        self.wire.deliver(&mut peer, fd, b"good data")?;
        self.not_bogus(peer, fd, what)
    }

    fn not_bogus(&mut self, mut peer: Peer, fd: Fd, what: &str) -> Result<(), Stop> {
        let longest = self.wire.fetch(&mut peer, fd, &[0x5a; BULK])?;
        self.finish(&peer, fd)?;
        if longest > usize::from(BOGUS_MSS) {
            return Ok(());
        }
        let message = format!("the MSS behind {what} was used");
        let stop = Stop::failed(code::WRONG_ANSWER, message);
        Err(stop.differs("mss", format!("more than {BOGUS_MSS}"), longest))
    }

    fn finish(&mut self, peer: &Peer, fd: Fd) -> Result<(), Stop> {
        self.wire.reset(&peer.tuple, peer.snd_nxt)?;
        self.wire.close(fd)
    }

    /// Unknown options of every length that fits, an MSS option behind each.
    fn unknown_options(&mut self) -> Result<(), Stop> {
        const LENGTHS: std::ops::RangeInclusive<usize> = 2..=36;
        const KINDS: [u8; 6] = [9, 30, 77, 200, 254, 255];
        let mut areas: Vec<Vec<u8>> = LENGTHS.map(|length| unknown(253, length)).collect();
        areas.extend(KINDS.map(|kind| unknown(kind, 12)));
        for (number, area) in areas.into_iter().enumerate() {
            let what = format!(
                "an unknown option of kind {} and length {}",
                area[0], area[1]
            );
            let mut behind = area.clone();
            TcpOption::MaximumSegmentSize(MSS).write(&mut behind);
            let (fd, mut peer) = self.takes_effect(number, &behind, &what)?;
            let mut segment = peer.segment(TcpFlags::ACK.with(TcpFlags::PSH));
            segment.payload = b"odd data".to_vec();
            self.inject_with_options(&peer.tuple, segment, &area)?;
            peer.snd_nxt = peer.snd_nxt.wrapping_add(8);
            self.wire
                .acknowledged(&peer, &format!("data with {what}"))?;
            self.wire.read_exactly(fd, b"odd data")?;
            self.finish(&peer, fd)?;
        }
        Ok(())
    }

    /// An MSS option before the end of the list counts, one behind it does not, wherever it stands.
    fn end_of_list(&mut self) -> Result<(), Stop> {
        for number in 0..16 {
            let mut area = Vec::new();
            TcpOption::MaximumSegmentSize(MSS).write(&mut area);
            area.extend(std::iter::repeat_n(1, number / 4));
            area.push(0);
            area.extend(std::iter::repeat_n(1, number % 4));
            TcpOption::MaximumSegmentSize(BOGUS_MSS).write(&mut area);
            let what = format!("option bytes {area:02x?}");
            let (fd, peer) = self.takes_effect(number, &area, &what)?;
            self.finish(&peer, fd)?;
        }
        Ok(())
    }

    /// A connection whose SYN carries these option bytes has to send segments of [`MSS`].
    fn takes_effect(&mut self, number: usize, area: &[u8], what: &str) -> Result<(Fd, Peer), Stop> {
        let tuple = self.tuple(number);
        let syn = tuple.segment(TcpFlags::SYN, ISS, 0);
        self.inject_with_options(&tuple, syn, area)?;
        let seen = self
            .wire
            .syn_ack(&tuple, ISS, &format!("a SYN with {what}"))?;
        let asked = Default::default();
        let mut peer = self.wire.third_step(&Half { asked, seen })?;
        let fd = self.wire.accept(self.listener)?;
        let longest = self.wire.fetch(&mut peer, fd, &[0x5a; BULK])?;
        if longest == usize::from(MSS) {
            return Ok((fd, peer));
        }
        let message = format!("the MSS option beside {what} did not take effect");
        Err(Stop::failed(code::WRONG_ANSWER, message).differs("mss", MSS, longest))
    }

    /// Sends a segment with this option area, filled up with NOPs, the checksum fitting.
    fn inject_with_options(
        &mut self,
        tuple: &Tuple,
        mut segment: TcpSegment,
        area: &[u8],
    ) -> Result<(), Stop> {
        let length = area.len().next_multiple_of(4);
        segment.options = vec![TcpOption::NoOperation; length];
        let mut raw = Raw::new(&tuple.packet(segment)).map_err(Stop::machine)?;
        raw.tcp()[20..20 + area.len()].copy_from_slice(area);
        let text = format!("segment with option bytes {area:02x?}");
        self.wire
            .inject(raw.summed().into_bytes(), text)
            .map(|_| ())
    }
}

/// An unknown option whose data looks like MSS options to who does not skip it.
fn unknown(kind: u8, length: usize) -> Vec<u8> {
    let mut area = vec![kind, length as u8];
    let mut bogus = Vec::new();
    TcpOption::MaximumSegmentSize(BOGUS_MSS).write(&mut bogus);
    area.extend(bogus.into_iter().cycle().take(length - 2));
    area
}

/// A good MSS option, an option with a length that cannot be, and a bogus MSS option behind it.
fn malformed_areas() -> Vec<Vec<u8>> {
    let mut areas = Vec::new();
    for kind in [2, 3, 4, 5, 8, 253] {
        for length in [0, 1, 11, 40, 255] {
            let mut area = Vec::new();
            TcpOption::MaximumSegmentSize(MSS).write(&mut area);
            area.extend([kind, length]);
            TcpOption::MaximumSegmentSize(BOGUS_MSS).write(&mut area);
            area.extend([1, 1]);
            areas.push(area);
        }
    }
    // A kind without room for its length, at the very end of the header.
    areas.push(vec![1, 1, 1, 8]);
    areas
}
