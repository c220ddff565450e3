//! Segments that are not as they should be, and what a receiver has to make of them.

use super::packet::{SYN, checksum};
use super::segment::Segment;

/// What is wrong with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A bit of the TCP checksum.
    Checksum,
    /// A bit of the last byte, which the checksum covers.
    LastByte,
    /// The IPv4 header's checksum; over IPv6, which has none, that of TCP.
    IpChecksum,
    /// Data offset is less than the fixed header.
    ShortOffset,
    /// Data offset points behind the segment.
    LongOffset,
    /// The IP header tells of more than there is.
    IpLength,
    /// The datagram ends within the TCP header.
    Truncated,
    /// The three bits of the header that mean nothing.
    Reserved,
    /// An option that nobody knows.
    UnknownOption,
    /// An option of length zero.
    ZeroOption,
    /// An option that is longer than the header.
    LongOption,
    /// The rest of the options is no options: End of Option List comes first.
    EndOfOptions,
    /// A window scale where there is no SYN.
    StrayScale,
}

/// What a receiver makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The datagram is dropped without a word.
    Dropped,
    /// It counts as if nothing were wrong.
    None,
    /// The documents leave it open.
    Open,
}

impl Damage {
    const ALL: [Damage; 13] = [
        Damage::Checksum,
        Damage::LastByte,
        Damage::IpChecksum,
        Damage::ShortOffset,
        Damage::LongOffset,
        Damage::IpLength,
        Damage::Truncated,
        Damage::Reserved,
        Damage::UnknownOption,
        Damage::ZeroOption,
        Damage::LongOption,
        Damage::EndOfOptions,
        Damage::StrayScale,
    ];

    /// The one that an event's code stands for.
    pub fn of(code: u8) -> Damage {
        Damage::ALL[usize::from(code) % Damage::ALL.len()]
    }

    /// What must come of it, and by which rules.
    pub fn effect(self) -> (Effect, &'static [&'static str]) {
        match self {
            Damage::Checksum | Damage::LastByte => (Effect::Dropped, &["RFC9293-MUST-3"]),
            Damage::ShortOffset | Damage::LongOffset => (Effect::Dropped, &["RFC9293-SM-03"]),
            Damage::IpChecksum | Damage::IpLength | Damage::Truncated => (Effect::Dropped, &[]),
            Damage::Reserved => (Effect::None, &["RFC9293-SM-02"]),
            Damage::UnknownOption => (Effect::None, &["RFC9293-MUST-6"]),
            Damage::EndOfOptions => (Effect::None, &["RFC9293-MUST-4"]),
            Damage::StrayScale => (Effect::None, &["RFC7323-3"]),
            // "MUST be prepared to handle": a crash is found, whatever else is done.
            Damage::ZeroOption | Damage::LongOption => (Effect::Open, &["RFC9293-MUST-7"]),
        }
    }

    /// Whether it is part of the segment as that is written; otherwise it is done to the bytes.
    pub fn put_into(self, segment: &mut Segment) {
        let option: &[u8] = match self {
            // In front, so that what follows it is to be read all the same.
            Damage::UnknownOption => {
                segment.options.push_front([253, 4, 0xab, 0xcd]);
                return;
            }
            Damage::ZeroOption => &[253, 0, 1, 1],
            Damage::LongOption => &[253, 200, 1, 1],
            Damage::StrayScale if segment.flags & SYN == 0 => &[1, 3, 3, 9],
            // Behind the end stand bytes that would be a wrong option.
            Damage::EndOfOptions => &[0, 253, 0, 0],
            _ => return,
        };
        segment.options.push(option);
    }

    /// Does it to a datagram, whose checksums are right again but where they are what is wrong.
    pub fn put_onto(self, datagram: &mut Vec<u8>) {
        let is_v4 = datagram.first().is_some_and(|byte| byte >> 4 == 4);
        let tcp = if is_v4 { 20 } else { 40 };
        match self {
            Damage::Checksum => datagram[tcp + 16] ^= 0x10,
            Damage::LastByte => {
                if let Some(last) = datagram.last_mut() {
                    *last ^= 1;
                }
            }
            Damage::IpChecksum if is_v4 => datagram[10] ^= 1,
            Damage::IpChecksum => datagram[tcp + 17] ^= 1,
            Damage::ShortOffset => {
                datagram[tcp + 12] = 4 << 4;
                seal(datagram, tcp);
            }
            Damage::LongOffset => {
                // Fifteen words; with text enough that would be a header.
                datagram.truncate(tcp + 20 + 8);
                datagram[tcp + 12] = 15 << 4;
                fit(datagram, is_v4);
                seal(datagram, tcp);
            }
            Damage::IpLength => {
                let place = if is_v4 { 2 } else { 4 };
                let told = u16::from_be_bytes([datagram[place], datagram[place + 1]]);
                datagram[place..place + 2].copy_from_slice(&(told + 8).to_be_bytes());
                seal_ip(datagram);
            }
            Damage::Truncated => {
                datagram.truncate(tcp + 16);
                fit(datagram, is_v4);
            }
            Damage::Reserved => {
                datagram[tcp + 12] |= 0x0e;
                seal(datagram, tcp);
            }
            Damage::UnknownOption
            | Damage::ZeroOption
            | Damage::LongOption
            | Damage::EndOfOptions
            | Damage::StrayScale => {}
        }
    }
}

/// Makes the IP header tell the length that is there.
fn fit(datagram: &mut [u8], is_v4: bool) {
    // Both are shorter than any segment that is written here.
    let (place, len) = match is_v4 {
        true => (2, datagram.len() as u16),
        false => (4, datagram.len() as u16 - 40),
    };
    datagram[place..place + 2].copy_from_slice(&len.to_be_bytes());
    seal_ip(datagram);
}

/// Makes the IPv4 header's checksum right.
fn seal_ip(datagram: &mut [u8]) {
    if datagram[0] >> 4 == 4 {
        datagram[10..12].fill(0);
        let sum = checksum::fold(checksum::sum(&datagram[..20]));
        datagram[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Makes the TCP checksum right.
fn seal(datagram: &mut [u8], tcp: usize) {
    let addresses = if tcp == 20 { 12..20 } else { 8..40 };
    datagram[tcp + 16..tcp + 18].fill(0);
    let (addresses, segment) = (&datagram[addresses], &datagram[tcp..]);
    let pseudo = checksum::sum(addresses) + checksum::of_tcp(segment.len());
    let sum = pseudo + checksum::sum(segment);
    datagram[tcp + 16..tcp + 18].copy_from_slice(&checksum::fold(sum).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::packet::{self, ACK, Unread};
    use crate::fuzz::segment::write;
    use crate::fuzz::subject::ends;
    use rstest::rstest;

    #[rstest]
    #[case(Damage::Checksum, Err(Unread::Checksum("TCP")))]
    #[case(Damage::LastByte, Err(Unread::Checksum("TCP")))]
    #[case(Damage::ShortOffset, Err(Unread::Length))]
    #[case(Damage::LongOffset, Err(Unread::Length))]
    #[case(Damage::IpLength, Err(Unread::Length))]
    #[case(Damage::Truncated, Err(Unread::Length))]
    #[case(Damage::Reserved, Err(Unread::Reserved))]
    #[case(Damage::UnknownOption, Ok(()))]
    #[case(Damage::ZeroOption, Err(Unread::Option(253)))]
    #[case(Damage::LongOption, Err(Unread::Option(253)))]
    #[case(Damage::EndOfOptions, Ok(()))]
    #[case(Damage::StrayScale, Ok(()))]
    fn each_is_just_what_it_says(
        #[case] damage: Damage,
        #[case] expected: Result<(), Unread>,
        #[values(false, true)] v6: bool,
        #[values(0, 100)] text: u16,
    ) {
        let mut segment = Segment {
            flags: ACK,
            text,
            ..Segment::default()
        };
        damage.put_into(&mut segment);
        let mut datagram = Vec::new();
        write(&segment, &ends(v6), &mut datagram);
        damage.put_onto(&mut datagram);
        assert_eq!(packet::read(&datagram).map(|_| ()), expected);
    }

    #[test]
    fn a_wrong_sum_of_the_ip_header_is_seen_where_there_is_one() {
        for (v6, header) in [(false, "IP"), (true, "TCP")] {
            let mut datagram = Vec::new();
            write(&Segment::default(), &ends(v6), &mut datagram);
            Damage::IpChecksum.put_onto(&mut datagram);
            assert_eq!(packet::read(&datagram), Err(Unread::Checksum(header)));
        }
    }
}
