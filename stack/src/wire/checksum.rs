//! The Internet checksum (RFC 1071) and the pseudo headers of TCP (RFC 9293 §3.1).

use core::net::IpAddr;

/// A running sum that accepts pieces of any length, odd ones too.
///
/// The sum is the same in either byte order but for the order of its own two bytes (RFC 1071 §2(B)),
/// so words are added as the machine reads them, the wider the better, and swapped once at the end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    /// 16-bit words in the machine's byte order, carries not yet folded in.
    sum: u64,
    /// The next byte is the second half of a 16-bit word.
    odd: bool,
}

/// The sum of 16-bit words, the last one padded with zeros, carries not folded in.
#[inline]
fn sum_of(bytes: &[u8]) -> u64 {
    let (mut sum, mut rest) = (0, bytes);
    if rest.len() >= 64 {
        let (words, tail) = rest.as_chunks();
        (sum, rest) = (sum_words(words), tail);
    }
    // Headers are short: setting out to sum many words at a time would take longer than the sum.
    if let Some((block, tail)) = rest.split_first_chunk::<32>() {
        (sum, rest) = (sum + sum_halves(block), tail);
    }
    if let Some((block, tail)) = rest.split_first_chunk::<16>() {
        (sum, rest) = (sum + sum_halves(block), tail);
    }
    if let Some((block, tail)) = rest.split_first_chunk::<8>() {
        (sum, rest) = (sum + sum_halves(block), tail);
    }
    if let Some((block, tail)) = rest.split_first_chunk() {
        (sum, rest) = (sum + u64::from(u32::from_ne_bytes(*block)), tail);
    }
    if let Some((block, tail)) = rest.split_first_chunk() {
        (sum, rest) = (sum + u64::from(u16::from_ne_bytes(*block)), tail);
    }
    match rest.first() {
        Some(last) => sum + u64::from(u16::from_ne_bytes([*last, 0])),
        None => sum,
    }
}

/// The sum of the 32-bit halves of a few words.
#[inline]
fn sum_halves(bytes: &[u8]) -> u64 {
    let words = bytes.as_chunks::<8>().0.iter();
    words.fold(0, |sum, word| {
        let word = u64::from_ne_bytes(*word);
        sum + (word & 0xffff_ffff) + (word >> 32)
    })
}

/// Both halves of 64 bits count. Adding the whole and its upper half takes fewer steps than taking the
/// halves apart: what the lower ones carried into the sum of the whole follows. Compilers make a loop
/// over several words at a time of it.
fn sum_words(words: &[[u8; 8]]) -> u64 {
    let (mut whole, mut upper) = (0u64, 0u64);
    for word in words {
        let word = u64::from_ne_bytes(*word);
        whole = whole.wrapping_add(word);
        upper = upper.wrapping_add(word >> 32);
    }
    // Neither half comes near its end: that would take 2^32 words.
    whole.wrapping_sub(upper << 32) + upper
}

/// What to copy, and where to.
struct Words<'a> {
    from: &'a [[u8; 8]],
    to: &'a mut [[u8; 8]],
}

/// Copies and sums as [`sum_words`] does, in one pass.
// The two places come in a struct for the compiler's sake: where it knows beforehand that they do not
// overlap it makes a call to `memcpy` and a second pass of this loop.
#[inline(never)]
fn copy_words(both: &mut Words<'_>) -> u64 {
    let (mut whole, mut upper) = (0u64, 0u64);
    for (word, place) in both.from.iter().zip(both.to.iter_mut()) {
        let word = u64::from_ne_bytes(*word);
        *place = word.to_ne_bytes();
        whole = whole.wrapping_add(word);
        upper = upper.wrapping_add(word >> 32);
    }
    whole.wrapping_sub(upper << 32) + upper
}

const fn fold(mut sum: u64) -> u16 {
    sum = (sum & 0xffff_ffff) + (sum >> 32);
    sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

impl Checksum {
    /// The sum of nothing.
    pub const fn new() -> Checksum {
        Checksum { sum: 0, odd: false }
    }

    /// Adds `bytes` as if they followed everything added before.
    // REQ: RFC9293-SM-50
    #[inline]
    pub fn add(&mut self, bytes: &[u8]) {
        let sum = sum_of(bytes);
        self.sum += if self.odd {
            u64::from(fold(sum).swap_bytes())
        } else {
            sum
        };
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// Copies `from` to `to`, which is as long, and adds it: what is read once is not read again.
    #[inline]
    pub(crate) fn add_copy(&mut self, from: &[u8], to: &mut [u8]) {
        debug_assert_eq!(from.len(), to.len());
        let mut both = Words {
            from: from.as_chunks().0,
            to: to.as_chunks_mut().0,
        };
        let mut sum = copy_words(&mut both);
        let done = from.len() / 8 * 8;
        if done < from.len() {
            to[done..].copy_from_slice(&from[done..]);
            sum += sum_of(&from[done..]);
        }
        self.sum += if self.odd {
            u64::from(fold(sum).swap_bytes())
        } else {
            sum
        };
        self.odd ^= from.len() % 2 == 1;
    }

    /// Adds a few words at places known beforehand. Comes before every piece of odd length.
    #[inline(always)]
    pub(super) fn add_words(&mut self, words: &[[u8; 4]]) {
        for word in words {
            self.sum += u64::from(u32::from_ne_bytes(*word));
        }
    }

    /// Adds 32 bits that are yet to be written, most significant byte first. Comes before every piece
    /// of odd length.
    #[inline]
    pub(super) const fn add_word(&mut self, word: u32) {
        self.sum += word.to_be() as u64;
    }

    /// Adds the pseudo header of `protocol` and `len` bytes between two hosts. It comes before
    /// everything else. Addresses of mixed families are summed all the same; such a sum is of no use.
    #[inline]
    pub fn add_pseudo_header(&mut self, src: IpAddr, dst: IpAddr, protocol: u8, len: u32) {
        for address in [src, dst] {
            self.sum += match address {
                IpAddr::V4(v4) => u64::from(u32::from_ne_bytes(v4.octets())),
                IpAddr::V6(v6) => sum_of(&v6.octets()),
            };
        }
        self.sum += u64::from(len.to_be()) + u64::from(u16::from(protocol).to_be());
    }

    /// The value of the checksum field: the ones' complement of the sum.
    #[inline]
    pub const fn finish(self) -> u16 {
        !u16::from_be(fold(self.sum))
    }

    /// True when what was added, checksum field included, is undamaged.
    pub const fn is_valid(self) -> bool {
        self.finish() == 0
    }
}

/// The checksum of `bytes` alone.
#[inline]
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

    /// RFC 1071 §1 word by word.
    fn by_the_book(bytes: &[u8]) -> u16 {
        let mut sum = 0u32;
        for pair in bytes.chunks(2) {
            sum += u32::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[rstest]
    #[case::zeros(0)]
    #[case::ones(0xff)]
    #[case::upper(0xf0)]
    fn long_runs_carry(#[case] byte: u8, #[values(63, 64, 65, 1 << 17, (1 << 17) + 3)] len: usize) {
        let bytes = alloc::vec![byte; len];
        assert_eq!(checksum(&bytes), by_the_book(&bytes));
    }

    proptest! {
        #[test]
        fn it_is_the_sum_of_the_book(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(checksum(&bytes), by_the_book(&bytes));
        }

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
        fn a_copy_is_summed_like_the_original(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
            before in prop::collection::vec(any::<u8>(), 0..4),
        ) {
            let (mut plain, mut copied) = (Checksum::new(), Checksum::new());
            for sum in [&mut plain, &mut copied] {
                sum.add(&before);
            }
            plain.add(&bytes);
            let mut copy = alloc::vec![0xee; bytes.len()];
            copied.add_copy(&bytes, &mut copy);
            prop_assert_eq!(copy, bytes);
            prop_assert_eq!(copied.finish(), plain.finish());
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
