//! Socket filters: what of an interface's traffic one case hears.

use std::net::IpAddr;

use super::played::Played;
use crate::target::linux::packet_socket::Instruction;

// Codes of classic BPF: loads from the frame, jumps on the value loaded, the end.
const LOAD_WORD: u16 = 0x20;
const LOAD_HALF: u16 = 0x28;
const LOAD_BYTE: u16 = 0x30;
const IS: u16 = 0x15;
const IS_ABOVE: u16 = 0x25;
const IS_AT_LEAST: u16 = 0x35;
const END: u16 = 0x06;

/// `SKF_AD_OFF + SKF_AD_PKTTYPE`: where a filter finds the frame's direction.
const DIRECTION: u32 = 0xffff_f004;
const OUTGOING: u32 = 4;

const KIND: u32 = 12;
const IPV4: u32 = 0x0800;
const ARP: u32 = 0x0806;
const IPV6: u32 = 0x86dd;
/// Offsets in a frame.
const ARP_OPERATION: u32 = 20;
const ARP_SENDER: u32 = 28;
const ARP_TARGET: u32 = 38;
const IPV4_DESTINATION: u32 = 30;
const IPV6_SOURCE: u32 = 22;
const IPV6_DESTINATION: u32 = 38;
const IPV6_NEXT_HEADER: u32 = 20;
const ICMPV6_TYPE: u32 = 54;
const NEIGHBOUR_TARGET: u32 = 62;
const ICMPV6: u32 = 58;

/// One thing to hold against a value; all of a list must hold.
enum Check {
    /// A load, and what it must give.
    Equals(u16, u32, u32),
    /// A word, and the bounds it must lie in.
    Within(u32, u32, u32),
}

/// Datagrams to the addresses played, and questions for who has them.
pub(super) fn of_peer(played: &Played) -> Vec<Instruction> {
    match played.first() {
        IpAddr::V4(_) => incoming(&[
            list(IPV4, &[], played, IPV4_DESTINATION),
            list(ARP, &[], played, ARP_TARGET),
        ]),
        IpAddr::V6(_) => {
            let solicitation = [
                Check::Equals(LOAD_BYTE, IPV6_NEXT_HEADER, ICMPV6),
                Check::Equals(LOAD_BYTE, ICMPV6_TYPE, 135),
            ];
            incoming(&[
                list(IPV6, &[], played, IPV6_DESTINATION),
                list(IPV6, &solicitation, played, NEIGHBOUR_TARGET),
            ])
        }
    }
}

/// What owners of the addresses played say of themselves, those on this machine included: another
/// program may play them.
pub(super) fn of_owners(played: &Played) -> Vec<Instruction> {
    match played.first() {
        IpAddr::V4(_) => program(&[list(ARP, &[], played, ARP_SENDER)]),
        IpAddr::V6(_) => {
            let advertisement = [
                Check::Equals(LOAD_BYTE, IPV6_NEXT_HEADER, ICMPV6),
                Check::Equals(LOAD_BYTE, ICMPV6_TYPE, 136),
            ];
            program(&[list(IPV6, &advertisement, played, NEIGHBOUR_TARGET)])
        }
    }
}

/// Checks that nobody has the addresses played, by whomever, programs of this machine included.
pub(super) fn of_probes(played: &Played) -> Vec<Instruction> {
    match played.first() {
        IpAddr::V4(_) => {
            let probe = [
                Check::Equals(LOAD_HALF, ARP_OPERATION, 1),
                Check::Equals(LOAD_WORD, ARP_SENDER, 0),
            ];
            program(&[list(ARP, &probe, played, ARP_TARGET)])
        }
        IpAddr::V6(_) => {
            let probe = [
                Check::Equals(LOAD_BYTE, IPV6_NEXT_HEADER, ICMPV6),
                Check::Equals(LOAD_BYTE, ICMPV6_TYPE, 135),
                Check::Equals(LOAD_WORD, IPV6_SOURCE, 0),
                Check::Equals(LOAD_WORD, IPV6_SOURCE + 4, 0),
                Check::Equals(LOAD_WORD, IPV6_SOURCE + 8, 0),
                Check::Equals(LOAD_WORD, IPV6_SOURCE + 12, 0),
            ];
            program(&[list(IPV6, &probe, played, NEIGHBOUR_TARGET)])
        }
    }
}

/// Checks for a kind of frame with one of the addresses at an offset.
fn list(kind: u32, more: &[Check], played: &Played, at: u32) -> Vec<Check> {
    let mut checks = vec![Check::Equals(LOAD_HALF, KIND, kind)];
    checks.extend(more.iter().map(|check| match check {
        Check::Equals(load, at, value) => Check::Equals(*load, *at, *value),
        Check::Within(at, low, high) => Check::Within(*at, *low, *high),
    }));
    let octets: Vec<u8> = match played.first() {
        IpAddr::V4(first) => first.octets().to_vec(),
        IpAddr::V6(first) => first.octets().to_vec(),
    };
    let words = octets
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]));
    for (index, word) in words.enumerate() {
        let at = at + 4 * index as u32;
        checks.push(if (index + 1) * 4 == octets.len() {
            Check::Within(at, word, word + (played.count() as u32 - 1))
        } else {
            Check::Equals(LOAD_WORD, at, word)
        });
    }
    checks
}

const LEAVE: Instruction = (END, 0, 0, 0);

/// Takes a frame that is not on its way out and for which all checks of one list hold.
fn incoming(lists: &[Vec<Check>]) -> Vec<Instruction> {
    let mut whole = vec![(LOAD_WORD, 0, 0, DIRECTION), (IS, 0, 1, OUTGOING), LEAVE];
    whole.extend(program(lists));
    whole
}

/// Takes a frame for which all checks of one list hold.
fn program(lists: &[Vec<Check>]) -> Vec<Instruction> {
    const TAKE: Instruction = (END, 0, 0, u32::MAX);
    let mut program = Vec::new();
    for checks in lists {
        let mut jumps = Vec::new();
        let mut block: Vec<Instruction> = Vec::new();
        for check in checks {
            match check {
                Check::Equals(load, at, value) => {
                    block.push((*load, 0, 0, *at));
                    jumps.push(block.len());
                    block.push((IS, 0, 1, *value));
                }
                Check::Within(at, low, high) => {
                    block.push((LOAD_WORD, 0, 0, *at));
                    jumps.push(block.len());
                    block.push((IS_AT_LEAST, 0, 1, *low));
                    jumps.push(block.len());
                    block.push((IS_ABOVE, 1, 0, *high));
                }
            }
        }
        block.push(TAKE);
        // Whichever check fails, the next list begins behind this one's end.
        let end = block.len();
        for at in jumps {
            let distance = (end - at - 1) as u8;
            let (_, if_true, if_false, _) = &mut block[at];
            if *if_true == 1 {
                *if_true = distance;
            } else {
                *if_false = distance;
            }
        }
        program.extend(block);
    }
    program.push(LEAVE);
    program
}

#[cfg(test)]
mod tests {
    use super::super::frames;
    use super::*;
    use rstest::rstest;

    /// Runs a filter as the kernel does; what a load cannot reach ends it.
    fn takes(program: &[Instruction], frame: &[u8], outgoing: bool) -> bool {
        let mut value = 0;
        let mut at = 0;
        loop {
            let (code, if_true, if_false, k) = program[at];
            at += 1;
            let bytes = |len: usize| {
                let start = k as usize;
                let mut word = [0; 4];
                word[4 - len..].copy_from_slice(frame.get(start..start + len)?);
                Some(u32::from_be_bytes(word))
            };
            let loaded = match code {
                LOAD_WORD if k == DIRECTION => Some(if outgoing { OUTGOING } else { 0 }),
                LOAD_WORD => bytes(4),
                LOAD_HALF => bytes(2),
                LOAD_BYTE => bytes(1),
                END => return k != 0,
                _ => Some(value),
            };
            let Some(loaded) = loaded else { return false };
            value = loaded;
            let holds = match code {
                IS => value == k,
                IS_ABOVE => value > k,
                IS_AT_LEAST => value >= k,
                _ => continue,
            };
            at += usize::from(if holds { if_true } else { if_false });
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

    #[rstest]
    #[case::before("192.0.2.9", "192.0.2.10", 3, false)]
    #[case::first("192.0.2.10", "192.0.2.10", 3, true)]
    #[case::last("192.0.2.12", "192.0.2.10", 3, true)]
    #[case::behind("192.0.2.13", "192.0.2.10", 3, false)]
    #[case::before_six("2001:db8::9", "2001:db8::10", 3, false)]
    #[case::first_six("2001:db8::10", "2001:db8::10", 3, true)]
    #[case::last_six("2001:db8::12", "2001:db8::10", 3, true)]
    #[case::other_network("2001:db9::10", "2001:db8::10", 3, false)]
    fn only_the_addresses_played_are_heard(
        #[case] address: &str,
        #[case] first: &str,
        #[case] count: u8,
        #[case] heard: bool,
    ) {
        let played = Played::new(ip(first), count).unwrap();
        let address = ip(address);
        let other = if address.is_ipv4() {
            ip("192.0.2.200")
        } else {
            ip("2001:db8::200")
        };
        let question = frames::question(address, other, MAC);
        let answer = frames::answer(address, MAC, (other, MAC));
        let packet = crate::wire::Packet {
            ip: crate::wire::IpFields {
                source: other,
                destination: address,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: crate::wire::Transport::Other {
                protocol: 6,
                payload: vec![0; 40],
            },
        };
        let datagram = frames::datagram(MAC, MAC, &packet.build().unwrap());
        let peer = of_peer(&played);
        assert_eq!(takes(&peer, &question, false), heard);
        assert_eq!(takes(&peer, &datagram, false), heard);
        assert!(!takes(&peer, &datagram, true));
        let owners = of_owners(&played);
        assert_eq!(takes(&owners, &answer, false), heard);
        assert!(!takes(&owners, &question, false));
        let nobody = if address.is_ipv4() {
            ip("0.0.0.0")
        } else {
            ip("::")
        };
        let probe = frames::question(address, nobody, MAC);
        let probes = of_probes(&played);
        for outgoing in [false, true] {
            assert_eq!(takes(&owners, &answer, outgoing), heard);
            assert_eq!(takes(&probes, &probe, outgoing), heard);
            assert!(!takes(&probes, &question, outgoing));
            assert!(!takes(&probes, &answer, outgoing));
            assert!(!takes(&probes, &datagram, outgoing));
        }
        assert!(!takes(&owners, &datagram, false));
        assert!(!takes(&peer, &[0; 20], false));
    }
}
