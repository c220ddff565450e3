//! The Internet checksum (RFC 1071) and the pseudo headers of TCP (RFC 9293 §3.1).

use core::net::IpAddr;

/// A running sum that accepts pieces of any length, odd ones too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    sum: u64,
    /// The next byte is the low half of a 16-bit word.
    odd: bool,
}

impl Checksum {
    /// The sum of nothing.
    pub const fn new() -> Checksum {
        Checksum { sum: 0, odd: false }
    }

    /// Adds `bytes` as if they followed everything added before.
    // REQ: RFC9293-SM-50
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let shift = if self.odd { 0 } else { 8 };
            self.sum += u64::from(*byte) << shift;
            self.odd = !self.odd;
        }
    }

    /// Adds the pseudo header of `protocol` and `len` bytes between two hosts. Addresses of mixed
    /// families are summed all the same; such a sum is of no use.
    pub fn add_pseudo_header(&mut self, src: IpAddr, dst: IpAddr, protocol: u8, len: u32) {
        for address in [src, dst] {
            match address {
                IpAddr::V4(v4) => self.add(&v4.octets()),
                IpAddr::V6(v6) => self.add(&v6.octets()),
            }
        }
        self.add(&len.to_be_bytes());
        self.add(&[0, protocol]);
    }

    /// The value of the checksum field: the ones' complement of the sum.
    pub const fn finish(self) -> u16 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    /// True when what was added, checksum field included, is undamaged.
    pub const fn is_valid(self) -> bool {
        self.finish() == 0
    }
}

/// The checksum of `bytes` alone.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Checksum::new();
    sum.add(bytes);
    sum.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use core::net::{Ipv4Addr, Ipv6Addr};
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(&[], 0xffff)]
    #[case::one_byte(&[0x12], !0x1200)]
    #[case::rfc_1071_example(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], !0xddf2)]
    #[case::carry(&[0xff, 0xff, 0x00, 0x01], !0x0001)]
    fn known_answers(#[case] bytes: &[u8], #[case] expected: u16) {
        assert_eq!(checksum(bytes), expected);
    }

    #[test]
    fn pseudo_headers_count_addresses_length_and_protocol() {
        let mut v4 = Checksum::new();
        let (a, b) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
        v4.add_pseudo_header(a.into(), b.into(), 6, 20);
        assert_eq!(
            v4.finish(),
            checksum(&[192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0, 20])
        );

        let mut v6 = Checksum::new();
        let (a, b) = (Ipv6Addr::LOCALHOST, Ipv6Addr::UNSPECIFIED);
        v6.add_pseudo_header(a.into(), b.into(), 6, 0x1_0002);
        assert_eq!(v6.finish(), checksum(&[0, 1, 0, 1, 0, 2, 0, 6]));
    }

    proptest! {
        #[test]
        fn pieces_sum_like_the_whole(bytes: Vec<u8>, cuts: Vec<usize>) {
            let mut sum = Checksum::new();
            let mut rest = bytes.as_slice();
            for cut in cuts {
                let (piece, tail) = rest.split_at(cut.min(rest.len()) % (rest.len() + 1));
                sum.add(piece);
                rest = tail;
            }
            sum.add(rest);
            prop_assert_eq!(sum.finish(), checksum(&bytes));
        }

        #[test]
        fn any_single_damaged_bit_is_seen(mut bytes in prop::collection::vec(any::<u8>(), 4..64), bit: usize) {
            bytes[0] = 0;
            bytes[1] = 0;
            let field = checksum(&bytes).to_be_bytes();
            bytes[..2].copy_from_slice(&field);
            let mut sound = Checksum::new();
            sound.add(&bytes);
            prop_assert!(sound.is_valid());

            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            let mut damaged = Checksum::new();
            damaged.add(&bytes);
            prop_assert!(!damaged.is_valid());
        }
    }
}
