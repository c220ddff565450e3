//! Ethernet frames: who has which address, and datagrams.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::target::linux::link::Mac;
use crate::wire::{IpFields, checksum};

/// Length of an Ethernet header.
pub(super) const ETHERNET: usize = 14;

const BROADCAST: Mac = [0xff; 6];
const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Heard<'a> {
    /// Somebody asks for the owner of an address, and says where the answer goes, if it does.
    Asked {
        wanted: IpAddr,
        by: Option<(IpAddr, Mac)>,
    },
    /// Somebody without an address checks that nobody has this one (RFC 5227 §2.1.1, RFC 4862 §5.4.2).
    Probed { wanted: IpAddr, by: Mac },
    /// Somebody says that an address is its own.
    Told { address: IpAddr, mac: Mac },
    /// An IP datagram, cut to the length it gives itself.
    Datagram(&'a [u8]),
    /// Nothing of ours.
    Other,
}

/// Reads a frame.
pub(super) fn read(frame: &[u8]) -> Heard<'_> {
    let Some((header, body)) = frame.split_at_checked(ETHERNET) else {
        return Heard::Other;
    };
    let heard = match u16::from_be_bytes([header[12], header[13]]) {
        ARP => arp(body),
        IPV4 => ipv4(body),
        IPV6 => neighbour(header, body).or_else(|| ipv6(body)),
        _ => None,
    };
    heard.unwrap_or(Heard::Other)
}

fn arp(body: &[u8]) -> Option<Heard<'_>> {
    // Ethernet and IPv4, with their lengths.
    if body.get(..6)? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    let address = |at: usize| -> Option<Ipv4Addr> {
        let octets: [u8; 4] = body.get(at..at + 4)?.try_into().ok()?;
        Some(octets.into())
    };
    let mac: Mac = body.get(8..14)?.try_into().ok()?;
    let (sender, target) = (address(14)?, address(24)?);
    match body[7] {
        1 if sender.is_unspecified() => Some(Heard::Probed {
            wanted: target.into(),
            by: mac,
        }),
        1 => Some(Heard::Asked {
            wanted: target.into(),
            by: Some((sender.into(), mac)),
        }),
        2 => Some(Heard::Told {
            address: sender.into(),
            mac,
        }),
        _ => None,
    }
}

fn ipv4(body: &[u8]) -> Option<Heard<'_>> {
    let len = usize::from(u16::from_be_bytes([*body.get(2)?, *body.get(3)?]));
    // A frame may have padding behind the datagram. One that is too short is the judge's business.
    Some(Heard::Datagram(body.get(..len.max(20)).unwrap_or(body)))
}

fn ipv6(body: &[u8]) -> Option<Heard<'_>> {
    let len = 40 + usize::from(u16::from_be_bytes([*body.get(4)?, *body.get(5)?]));
    Some(Heard::Datagram(body.get(..len).unwrap_or(body)))
}

/// Neighbour solicitations and advertisements (RFC 4861 §4.3, §4.4).
fn neighbour<'a>(header: &[u8], body: &'a [u8]) -> Option<Heard<'a>> {
    // §7.1: the hop limit shows that no router has passed it on.
    if *body.get(6)? != ICMPV6 || *body.get(7)? != 255 {
        return None;
    }
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = body.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    let (source, target) = (address(8)?, address(48)?);
    // Options are a type, a length in units of eight bytes, and the value.
    let option = |kind: u8| -> Option<Mac> {
        let mut rest = body.get(64..)?;
        while let [found, units, ..] = *rest {
            let len = usize::from(units) * 8;
            if found == kind && len >= 8 {
                return rest.get(2..8)?.try_into().ok();
            }
            rest = rest.get(len.max(8)..)?;
        }
        None
    };
    match *body.get(40)? {
        SOLICITATION if source.is_unspecified() => Some(Heard::Probed {
            wanted: target.into(),
            by: header.get(6..12)?.try_into().ok()?,
        }),
        SOLICITATION => Some(Heard::Asked {
            wanted: target.into(),
            by: option(1).map(|mac| (source.into(), mac)),
        }),
        ADVERTISEMENT => Some(Heard::Told {
            address: target.into(),
            mac: option(2)?,
        }),
        _ => None,
    }
}

/// The frame that asks who has `wanted`. From the unspecified address it tells nothing and only
/// checks (RFC 5227 §2.1.1, RFC 4862 §5.4.2); from any other the one asked learns where that is.
pub(super) fn question(wanted: IpAddr, own: IpAddr, mac: Mac) -> Vec<u8> {
    match (wanted, own) {
        (IpAddr::V4(wanted), IpAddr::V4(own)) => {
            arp_frame(BROADCAST, 1, (mac, own), ([0; 6], wanted))
        }
        (wanted, own) => {
            let (wanted, own) = (six(wanted), six(own));
            let last = wanted.octets();
            // RFC 4291 §2.7.1: the solicited-node address; RFC 2464 §7: its hardware address.
            let group = Ipv6Addr::from([
                0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, last[13], last[14], last[15],
            ]);
            let to = [0x33, 0x33, 0xff, last[13], last[14], last[15]];
            let mut message = vec![SOLICITATION, 0, 0, 0, 0, 0, 0, 0];
            message.extend(wanted.octets());
            if !own.is_unspecified() {
                message.extend([1, 1]);
                message.extend(mac);
            }
            neighbour_frame((to, mac), own, group, message)
        }
    }
}

/// The frame that tells `asker` that `own` is at `mac`.
pub(super) fn answer(own: IpAddr, mac: Mac, asker: (IpAddr, Mac)) -> Vec<u8> {
    match (own, asker.0) {
        (IpAddr::V4(own), IpAddr::V4(to)) => arp_frame(asker.1, 2, (mac, own), (asker.1, to)),
        (own, to) => {
            // Solicited and override (RFC 4861 §4.4).
            let message = advertisement(0x60, six(own), mac);
            neighbour_frame((asker.1, mac), six(own), six(to), message)
        }
    }
}

/// The frame that tells whoever checks `own` that it is taken, by `mac`.
pub(super) fn objection(own: IpAddr, mac: Mac, prober: Mac) -> Vec<u8> {
    match own {
        IpAddr::V4(own) => arp_frame(prober, 2, (mac, own), (prober, Ipv4Addr::UNSPECIFIED)),
        // RFC 4861 §7.2.4: to all nodes, and not as solicited; override, as above.
        IpAddr::V6(own) => {
            let to = [0x33, 0x33, 0, 0, 0, 1];
            let all = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
            neighbour_frame((to, mac), own, all, advertisement(0x20, own, mac))
        }
    }
}

/// A neighbour advertisement without its checksum.
fn advertisement(flags: u8, own: Ipv6Addr, mac: Mac) -> Vec<u8> {
    let mut message = vec![ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0];
    message.extend(own.octets());
    message.extend([2, 1]);
    message.extend(mac);
    message
}

/// A datagram in a frame.
pub(super) fn datagram(to: Mac, from: Mac, bytes: &[u8]) -> Vec<u8> {
    let kind = match bytes.first().map(|byte| byte >> 4) {
        Some(6) => IPV6,
        _ => IPV4,
    };
    ethernet(to, from, kind, bytes)
}

fn ethernet(to: Mac, from: Mac, kind: u16, body: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), body].concat()
}

fn arp_frame(to: Mac, operation: u8, sender: (Mac, Ipv4Addr), target: (Mac, Ipv4Addr)) -> Vec<u8> {
    let mut body = vec![0, 1, 8, 0, 6, 4, 0, operation];
    body.extend(sender.0);
    body.extend(sender.1.octets());
    body.extend(target.0);
    body.extend(target.1.octets());
    ethernet(to, sender.0, ARP, &body)
}

fn neighbour_frame(
    (to, from): (Mac, Mac),
    source: Ipv6Addr,
    destination: Ipv6Addr,
    mut message: Vec<u8>,
) -> Vec<u8> {
    let ip = IpFields {
        source: source.into(),
        destination: destination.into(),
        ttl: 255,
        traffic_class: 0,
        flow_label: 0,
    };
    let sum = checksum(&message, 1, &ip, ICMPV6);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut bytes = vec![0x60, 0, 0, 0, 0, message.len() as u8, ICMPV6, 255];
    bytes.extend(source.octets());
    bytes.extend(destination.octets());
    bytes.extend(message);
    ethernet(to, from, IPV6, &bytes)
}

fn six(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const OURS: Mac = [2, 0, 0, 0, 0, 1];
    const THEIRS: Mac = [2, 0, 0, 0, 0, 2];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[rstest]
    #[case("192.0.2.1", "192.0.2.2", "0.0.0.0")]
    #[case("2001:db8::1", "2001:db8::2", "::")]
    fn questions_and_answers_are_understood(
        #[case] ours: &str,
        #[case] theirs: &str,
        #[case] nobody: &str,
    ) {
        let (ours, theirs, nobody) = (ip(ours), ip(theirs), ip(nobody));
        let frame = question(ours, theirs, THEIRS);
        let asker = (theirs, THEIRS);
        let asked = Heard::Asked {
            wanted: ours,
            by: Some(asker),
        };
        assert_eq!(read(&frame), asked);
        let probed = Heard::Probed {
            wanted: ours,
            by: THEIRS,
        };
        assert_eq!(read(&question(ours, nobody, THEIRS)), probed);
        let frame = answer(ours, OURS, asker);
        assert_eq!(frame[..6], THEIRS);
        let told = Heard::Told {
            address: ours,
            mac: OURS,
        };
        assert_eq!(read(&frame), told);
        let frame = objection(ours, OURS, THEIRS);
        assert_eq!(read(&frame), told);
        if ours.is_ipv6() {
            let parsed = crate::wire::parse(&frame[ETHERNET..]).unwrap();
            assert_eq!(parsed.faults, []);
            assert_eq!(parsed.packet.ip.destination, ip("ff02::1"));
        }
    }

    #[test]
    fn a_solicitation_goes_to_the_group_of_the_address_with_a_right_checksum() {
        let frame = question(ip("2001:db8::12:3456"), ip("2001:db8::1"), OURS);
        assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
        let parsed = crate::wire::parse(&frame[ETHERNET..]).unwrap();
        assert_eq!(parsed.faults, []);
        assert_eq!(parsed.packet.ip.destination, ip("ff02::1:ff12:3456"));
    }

    #[test]
    fn padding_behind_a_datagram_is_cut_off() {
        let mut bytes = vec![0x45, 0, 0, 24, 0, 0, 0, 0, 64, 6, 0, 0];
        bytes.extend([192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3, 4]);
        let mut frame = datagram(OURS, THEIRS, &bytes);
        frame.resize(60, 0);
        assert_eq!(read(&frame), Heard::Datagram(&bytes));
    }

    proptest! {
        #[test]
        fn no_frame_is_a_panic(
            start in prop::sample::select(vec![IPV4, ARP, IPV6]),
            body in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let _ = read(&ethernet(OURS, THEIRS, start, &body));
            let _ = read(&body);
            let mut neighbour = vec![0x60, 0, 0, 0, 0, 80, ICMPV6, 255];
            neighbour.extend(&body);
            let _ = read(&ethernet(OURS, THEIRS, IPV6, &neighbour));
        }
    }
}
