use super::*;
use crate::window::Mss;
use alloc::string::ToString;
use alloc::vec;
use core::net::Ipv4Addr;
use proptest::prelude::*;
use rstest::rstest;

const SRC: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DST: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn header() -> TcpHeader {
    TcpHeader {
        src_port: 0x1234,
        dst_port: 80,
        seq: SeqNum::new(0x01020304),
        ack: Some(SeqNum::new(0x05060708)),
        flags: Flags {
            psh: true,
            urg: true,
            cwr: true,
            ..Flags::NONE
        },
        wnd: UnscaledWindow::new(0xfedc),
        up: 0x0910,
        options: TcpOptions {
            mss: Some(Mss::new(1000)),
            ..TcpOptions::NONE
        },
    }
}

/// Applies `edit` and makes the checksum right again.
fn edited(edit: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = header().emit(b"abc", SRC, DST);
    edit(&mut bytes);
    if bytes.len() >= FIXED_LEN {
        bytes[16..18].fill(0);
        let sum = checksum_of(&bytes, SRC, DST).finish();
        bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    }
    bytes
}

#[test]
fn every_field_is_where_the_rfc_puts_it() {
    let mut bytes = header().emit(b"abc", SRC, DST);
    bytes[16..18].fill(0);
    let expected = [
        0x12, 0x34, 0, 80, 1, 2, 3, 4, 5, 6, 7, 8, 0x60, 0xb8, 0xfe, 0xdc, 0, 0, 9, 0x10, 2, 4, 3,
        0xe8, b'a', b'b', b'c',
    ];
    assert_eq!(bytes, expected);
}

#[rstest]
#[case(0x50, 0x01, "F")]
#[case(0x50, 0x02, "S")]
#[case(0x50, 0x04, "R")]
#[case(0x50, 0x08, "P")]
#[case(0x50, 0x20, "U")]
#[case(0x50, 0x40, "E")]
#[case(0x50, 0x80, "W")]
#[case(0x51, 0x00, "A")]
#[case(0x51, 0xef, "SFRPUEWA")]
fn each_control_bit_has_its_place(#[case] offset: u8, #[case] byte: u8, #[case] letters: &str) {
    let flags = Flags::from_bytes(offset, byte);
    assert_eq!(flags.to_string(), letters);
    let header = TcpHeader {
        ack: None,
        flags,
        options: TcpOptions::NONE,
        ..header()
    };
    assert_eq!(header.emit(&[], SRC, DST)[12..14], [offset, byte]);
}

/// RFC 9768 §3.2.2: AE is the highest bit of the three.
#[rstest]
#[case(0b001, "E")]
#[case(0b010, "W")]
#[case(0b100, "A")]
#[case(0b111, "EWA")]
fn three_flags_are_one_number(#[case] ace: u8, #[case] letters: &str) {
    let flags = Flags::NONE.with_ace(ace);
    assert_eq!((flags.ace(), flags.to_string().as_str()), (ace, letters));
    assert_eq!(flags.with_ace(0), Flags::NONE);
}

#[rstest]
#[case::cut(edited(|b| b.truncate(19)), DropReason::TcpHeaderTruncated)]
#[case::offset_small(edited(|b| b[12] = 0x40), DropReason::TcpDataOffsetTooSmall)]
#[case::offset_zero(edited(|b| b[12] = 0x00), DropReason::TcpDataOffsetTooSmall)]
#[case::offset_large(edited(|b| b[12] = 0xf0), DropReason::TcpDataOffsetTooLarge)]
#[case::source_port(edited(|b| b[..2].fill(0)), DropReason::TcpPortZero)]
#[case::destination_port(edited(|b| b[2..4].fill(0)), DropReason::TcpPortZero)]
#[case::damaged({ let mut b = edited(|_| ()); b[26] ^= 1; b }, DropReason::TcpBadChecksum)]
fn malformed_segments_are_dropped(#[case] bytes: Vec<u8>, #[case] reason: DropReason) {
    assert_eq!(TcpHeader::parse(&bytes, SRC, DST), Err(reason));
}

#[test]
fn the_checksum_covers_the_addresses() {
    let bytes = edited(|_| ());
    let elsewhere = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3));
    assert!(TcpHeader::parse(&bytes, SRC, DST).is_ok());
    assert_eq!(
        TcpHeader::parse(&bytes, SRC, elsewhere),
        Err(DropReason::TcpBadChecksum)
    );
}

#[test]
fn reserved_bits_are_ignored() {
    let bytes = edited(|b| b[12] |= 0x0e);
    assert_eq!(TcpHeader::parse(&bytes, SRC, DST).unwrap().0, header());
}

#[test]
fn the_ack_field_means_nothing_without_its_bit() {
    let bytes = edited(|b| b[13] &= !ACK_BIT);
    let (read, _) = TcpHeader::parse(&bytes, SRC, DST).unwrap();
    assert_eq!(read.ack, None);
    assert_eq!(read.emit(&[], SRC, DST)[8..12], [0; 4]);
}

#[test]
fn a_bare_header_and_a_full_one_are_both_read() {
    let bare = TcpHeader {
        options: TcpOptions::NONE,
        ..header()
    };
    let bytes = bare.emit(&[], SRC, DST);
    assert_eq!(bytes.len(), 20);
    assert_eq!(TcpHeader::parse(&bytes, SRC, DST), Ok((bare, &[][..])));

    let full = edited(|b| {
        b[12] = 0xf0;
        b.splice(24.., vec![1; 36]);
    });
    assert_eq!(TcpHeader::parse(&full, SRC, DST), Ok((header(), &[][..])));
}

proptest! {
    #[test]
    fn reading_is_total(mut bytes: Vec<u8>) {
        let _ = TcpHeader::parse(&bytes, SRC, DST);
        if bytes.len() >= FIXED_LEN {
            bytes[16..18].fill(0);
            let sum = checksum_of(&bytes, SRC, DST).finish();
            bytes[16..18].copy_from_slice(&sum.to_be_bytes());
            prop_assert_ne!(TcpHeader::parse(&bytes, SRC, DST).err(), Some(DropReason::TcpBadChecksum));
        }
    }
}
