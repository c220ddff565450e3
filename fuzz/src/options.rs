//! Option areas, read by this stack, by `pnet_packet` and by `etherparse`.
//!
//! The three part where an area is not as it should be, and each may:
//!
//! - This stack steps over what it does not know and over known kinds with a length they cannot have, and
//!   stops at the first length that is missing, below 2, or past the area (RFC 9293 §3.1, MUST-6, MUST-7).
//! - `pnet_packet` cuts the area into options and judges nothing: it goes on behind the end of the list, takes
//!   a length below 2 as 2, and cuts off one that is too long. [`by_pnet`] therefore stops at these places
//!   itself, and holds each option against the length of its kind. What is left has to agree in full.
//! - `etherparse` stops at the first option that it does not know or whose length is not that of its kind. So
//!   only what stands before that is compared.

use core::net::{IpAddr, Ipv4Addr};
use etherparse::{TcpOptionElement, TcpOptionsIterator};
use pnet_packet::Packet;
use pnet_packet::tcp::{TcpOptionNumbers, TcpPacket};
use tcpdrill_stack::wire::checksum::Checksum;
use tcpdrill_stack::wire::options::{MAX_OPTIONS_LEN, OptionNote, TcpOptions};
use tcpdrill_stack::wire::tcp::TcpHeader;

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
const PROTOCOL: u8 = 6;
const FIXED_LEN: usize = 20;
/// What stands behind the options; would be the rest of one that is too long.
const PAYLOAD: [u8; 36] = [0x02; 36];
/// RFC 7323 §2.3: what is larger counts as this.
const LARGEST_SHIFT: u8 = 14;

/// What all three readers know of.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    mss: Option<u16>,
    window_scale: Option<u8>,
    sack_permitted: bool,
    sack: Vec<(u32, u32)>,
    timestamps: Option<(u32, u32)>,
}

/// Takes the first 40 bytes of `data` as the options of an otherwise sound segment.
///
/// # Panics
/// When two readers disagree about options before the first that is at fault.
pub fn options(data: &[u8]) {
    let segment = segment_with(&data[..data.len().min(MAX_OPTIONS_LEN)]);
    let area = &segment[FIXED_LEN..segment.len() - PAYLOAD.len()];
    let (header, payload) = match TcpHeader::parse(&segment, SRC, DST) {
        Ok(read) => read,
        Err(reason) => panic!("a sound segment was dropped: {reason:?}"),
    };
    assert_eq!(payload, PAYLOAD, "the options took from the text");
    let ours = common(&header.options);
    let alone = TcpOptions::parse(area);
    assert_eq!(common(&alone), ours, "the area alone reads otherwise");
    assert_eq!(alone.note, header.options.note);

    let (by_pnet, at_fault) = by_pnet(&segment);
    assert_eq!(ours, by_pnet, "pnet_packet reads {area:02x?} otherwise");
    check_note(header.options.note, at_fault, area);

    let (by_etherparse, sound) = by_etherparse(area);
    let before = common(&TcpOptions::parse(&area[..sound]));
    assert_eq!(
        before,
        by_etherparse,
        "etherparse reads {:02x?} otherwise",
        &area[..sound]
    );
}

/// A fault that ends reading has a note, and such a note a fault. Only the first oddity is noted, so that
/// with a fault the note may be of an earlier one.
fn check_note(note: Option<OptionNote>, at_fault: bool, area: &[u8]) {
    use OptionNote::{LengthMissing, LengthOverrun, LengthTooSmall};
    let stops = matches!(
        note,
        Some(LengthMissing { .. } | LengthTooSmall { .. } | LengthOverrun { .. })
    );
    assert!(at_fault || !stops, "{note:?} without a fault: {area:02x?}");
    assert!(!at_fault || note.is_some(), "a fault unsaid: {area:02x?}");
}

/// A segment with a right checksum and `area`, filled up with ends of list, as options.
fn segment_with(area: &[u8]) -> Vec<u8> {
    let header_len = (FIXED_LEN + area.len()).next_multiple_of(4);
    let mut segment = vec![0; FIXED_LEN];
    segment[..4].copy_from_slice(&[0x9c, 0x40, 0x01, 0xbb]);
    segment[12..14].copy_from_slice(&[(header_len / 4) as u8 * 16, 0x10]);
    segment.extend_from_slice(area);
    segment.resize(header_len, 0);
    segment.extend_from_slice(&PAYLOAD);
    let mut sum = Checksum::new();
    sum.add_pseudo_header(SRC, DST, PROTOCOL, segment.len() as u32);
    sum.add(&segment);
    let field = sum.finish().to_be_bytes();
    segment[16..18].copy_from_slice(&field);
    segment
}

fn common(options: &TcpOptions) -> Options {
    let blocks = options.sack.as_slice().iter();
    Options {
        mss: options.mss.map(|mss| mss.raw()),
        window_scale: options.window_scale.map(|scale| scale.shift()),
        sack_permitted: options.sack_permitted,
        sack: blocks
            .map(|block| (block.start.raw(), block.end.raw()))
            .collect(),
        timestamps: options.timestamps.map(|one| (one.value, one.echo)),
    }
}

/// What `pnet_packet` reads, and whether a length that cannot be ended it.
fn by_pnet(segment: &[u8]) -> (Options, bool) {
    let mut read = Options::default();
    let packet = TcpPacket::new(segment).expect("a segment holds a header");
    for option in packet.get_options_iter() {
        let kind = option.get_number();
        match kind {
            TcpOptionNumbers::EOL => break,
            TcpOptionNumbers::NOP => continue,
            _ => {}
        }
        let value = option.payload();
        match option.get_length_raw().first() {
            Some(len) if usize::from(*len) == value.len() + 2 => {}
            _ => return (read, true),
        }
        match (kind, value) {
            (TcpOptionNumbers::MSS, &[high, low]) => {
                read.mss = Some(u16::from_be_bytes([high, low]));
            }
            (TcpOptionNumbers::WSCALE, &[shift]) => {
                read.window_scale = Some(shift.min(LARGEST_SHIFT));
            }
            (TcpOptionNumbers::SACK_PERMITTED, &[]) => read.sack_permitted = true,
            (TcpOptionNumbers::SACK, value) if matches!(value.len(), 8 | 16 | 24 | 32) => {
                read.sack = pairs(value).collect();
            }
            (TcpOptionNumbers::TIMESTAMPS, value) if value.len() == 8 => {
                read.timestamps = pairs(value).next();
            }
            _ => {}
        }
    }
    (read, false)
}

fn pairs(value: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let word = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |word, byte| word << 8 | u32::from(*byte))
    };
    let blocks = value.chunks_exact(8);
    blocks.map(move |block| (word(&block[..4]), word(&block[4..])))
}

/// What `etherparse` reads, and how many bytes there were before the first that it would not read.
fn by_etherparse(area: &[u8]) -> (Options, usize) {
    let mut read = Options::default();
    let mut options = TcpOptionsIterator::from_slice(area);
    loop {
        let at = area.len() - options.rest().len();
        let option = match options.next() {
            Some(Ok(option)) => option,
            Some(Err(_)) => return (read, at),
            None => return (read, area.len()),
        };
        match option {
            TcpOptionElement::Noop => {}
            TcpOptionElement::MaximumSegmentSize(mss) => read.mss = Some(mss),
            TcpOptionElement::WindowScale(shift) => {
                read.window_scale = Some(shift.min(LARGEST_SHIFT));
            }
            TcpOptionElement::SelectiveAcknowledgementPermitted => read.sack_permitted = true,
            TcpOptionElement::SelectiveAcknowledgement(first, more) => {
                read.sack = [Some(first)].into_iter().chain(more).flatten().collect();
            }
            TcpOptionElement::Timestamp(value, echo) => read.timestamps = Some((value, echo)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use rstest::rstest;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf026);
        for _ in 0..10_000 {
            options(&seeds::option_area(&mut rng));
        }
    }

    /// Most of what is compared has something in it, and all three go different ways often enough.
    #[test]
    fn seeds_have_options_and_faults() {
        let mut rng = Rng::new(0xf027);
        let (mut full, mut faults, mut cut) = (0, 0, 0);
        for _ in 0..1_000 {
            let segment = segment_with(&seeds::option_area(&mut rng));
            let area = &segment[FIXED_LEN..segment.len() - PAYLOAD.len()];
            let (read, at_fault) = by_pnet(&segment);
            full += i32::from(read != Options::default());
            faults += i32::from(at_fault);
            cut += i32::from(by_etherparse(area).1 < area.len());
        }
        let counted =
            format!("{full} with options, {faults} with a fault, {cut} cut by etherparse");
        assert!(full > 500 && faults > 100 && cut > 200, "{counted}");
    }

    /// How far each of them reads: an MSS, something, another MSS.
    #[rstest]
    #[case::sound(&[1, 1, 1], (700, false), (700, 12))]
    #[case::end_of_list(&[0], (256, false), (256, 12))]
    #[case::unknown(&[253, 3, 9], (700, false), (256, 4))]
    #[case::wrong_for_its_kind(&[4, 3, 9], (700, false), (256, 4))]
    #[case::too_short(&[253, 1], (256, true), (256, 4))]
    #[case::too_long(&[8, 200], (256, true), (256, 4))]
    fn readers_stop_where_they_may(
        #[case] between: &[u8],
        #[case] pnet: (u16, bool),
        #[case] etherparse: (u16, usize),
    ) {
        let area = [&[2, 4, 1, 0][..], between, &[2, 4, 2, 0xbc]].concat();
        let segment = segment_with(&area);
        let area = &segment[FIXED_LEN..segment.len() - PAYLOAD.len()];
        let (read, at_fault) = by_pnet(&segment);
        assert_eq!((read.mss, at_fault), (Some(pnet.0), pnet.1));
        let (read, sound) = by_etherparse(area);
        assert_eq!((read.mss, sound), (Some(etherparse.0), etherparse.1));
        options(area);
    }
}
