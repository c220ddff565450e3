//! Before the first case: which addresses are whose, found out without changing anything.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::filter;
use super::frames::{self, Heard};
use super::offload;
use super::played::Played;
use crate::target::linux::link::{Interface, Link, Mac};

/// How often owners of an address are asked for, and how long they may take to answer.
const TRIES: u32 = 2;
const WAIT: Duration = Duration::from_millis(400);

/// How many blocks of addresses are looked at before the user has to name one.
const BLOCKS: u32 = 8;

/// A hardware address that no maker has given out: locally administered, for one receiver.
///
/// # Errors
/// If the machine gives no random numbers.
pub(super) fn made_up_mac() -> Result<Mac, String> {
    let mut mac = [0; 6];
    getrandom::fill(&mut mac)
        .map_err(|error| format!("the machine gives no random numbers ({error})"))?;
    mac[0] = (mac[0] & 0xfc) | 2;
    Ok(mac)
}

/// The addresses to play: those asked for if nobody has them, or free ones of the interface's network.
///
/// # Errors
/// Which address belongs to whom, or that none was found and how to name one.
pub(super) fn addresses(
    interface: &Interface,
    mac: Mac,
    six: bool,
    wanted: Option<IpAddr>,
    count: u8,
    taken: &[IpAddr],
) -> Result<Played, String> {
    if let Some(first) = wanted {
        let played = Played::new(first, count)?;
        return match owner(interface, mac, &played, taken)? {
            None => Ok(played),
            Some(Owner::Machine(address)) => Err(format!(
                "{address} belongs to a machine; name free addresses with --remote-ip"
            )),
            Some(Owner::Program(address)) => Err(format!(
                "another program plays {address} on {}, another run of tcpdrill for one; name free addresses with --remote-ip",
                interface.name
            )),
        };
    }
    let family = if six { "IPv6" } else { "IPv4" };
    let name = &interface.name;
    let (own, prefix) = interface
        .addresses
        .iter()
        .find(|(address, _)| match address {
            IpAddr::V4(_) => !six,
            IpAddr::V6(address) => six && !address.is_unicast_link_local(),
        })
        .ok_or_else(|| {
            format!("{name} has no {family} address; name free addresses with --remote-ip")
        })?;
    for block in 0..BLOCKS {
        let Some(first) = candidate(*own, *prefix, count, block) else {
            break;
        };
        let Ok(played) = Played::new(first, count) else {
            continue;
        };
        if owner(interface, mac, &played, taken)?.is_none() {
            return Ok(played);
        }
    }
    Err(format!(
        "no {count} free addresses in a row were found in the network of {own}/{prefix}; name some with --remote-ip"
    ))
}

/// The first address of the `block`-th block from the top of a network, or nothing if there is no room.
fn candidate(own: IpAddr, prefix: u8, count: u8, block: u32) -> Option<IpAddr> {
    let (count, block) = (u128::from(count), u128::from(block));
    let (bits, number) = match own {
        IpAddr::V4(own) => (32, u128::from(u32::from(own))),
        IpAddr::V6(own) => (128, u128::from(own)),
    };
    let hosts = 1_u128.checked_shl(bits - u32::from(prefix)).unwrap_or(0);
    let network = number & !hosts.wrapping_sub(1);
    // Below the broadcast address; the network's own address stays free, too.
    let top = network.wrapping_add(hosts.wrapping_sub(2));
    let first = top.checked_sub(count * (block + 1) - 1)?;
    if first <= network {
        return None;
    }
    // As many as asked for must fit below 255 in the last octet.
    let overhang = ((first & 0xff) + count).saturating_sub(255);
    let first = first
        .checked_sub(overhang)
        .filter(|first| *first > network)?;
    Some(match own {
        IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(first).ok()?).into(),
        IpAddr::V6(_) => Ipv6Addr::from(first).into(),
    })
}

/// Who has an address.
enum Owner {
    Machine(IpAddr),
    /// A program of this machine that sends frames itself, as this one does.
    Program(IpAddr),
}

/// The first of the addresses that somebody has, this machine included.
fn owner(
    interface: &Interface,
    mac: Mac,
    played: &Played,
    taken: &[IpAddr],
) -> Result<Option<Owner>, String> {
    let known = interface.addresses.iter().map(|(address, _)| address);
    if let Some(address) = known
        .chain(taken)
        .find(|address| played.contains(**address))
    {
        return Ok(Some(Owner::Machine(*address)));
    }
    let foreign = mac != interface.mac;
    let fail = |error: crate::target::TargetError| error.to_string();
    let mut link = Link::open(interface, &filter::of_owners(played), foreign).map_err(fail)?;
    let nobody: IpAddr = match played.first() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let mut found = BTreeMap::new();
    for _ in 0..TRIES {
        for address in played.all() {
            link.send(&frames::question(address, nobody, mac))
                .map_err(fail)?;
        }
        let end = link.now() + WAIT;
        while link.now() < end {
            link.check().map_err(fail)?;
            while let Some(frame) = link.receive().map_err(fail)? {
                for bytes in offload::frames(&frame.bytes) {
                    // RFC 5227 §2.1.1: whoever asks in its name has it as well.
                    if let Heard::Told { address, .. }
                    | Heard::Asked {
                        by: Some((address, _)),
                        ..
                    } = frames::read(&bytes)
                    {
                        found.insert(address, frame.is_outgoing);
                    }
                }
            }
            link.wait(end, None).map_err(fail)?;
        }
    }
    let mut found = found.into_iter();
    let owner = found.find(|(address, _)| played.contains(*address));
    Ok(owner.map(|(address, is_outgoing)| match is_outgoing {
        true => Owner::Program(address),
        false => Owner::Machine(address),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::top("10.9.0.1", 24, 1, 0, Some("10.9.0.254"))]
    #[case::next("10.9.0.1", 24, 1, 1, Some("10.9.0.253"))]
    #[case::many("10.9.0.1", 16, 140, 0, Some("10.9.255.115"))]
    #[case::small("10.9.0.1", 30, 1, 0, Some("10.9.0.2"))]
    #[case::full("10.9.0.1", 30, 1, 2, None)]
    #[case::no_network("10.9.0.1", 32, 1, 0, None)]
    #[case::six("fd00::1", 64, 2, 0, Some("fd00::ffff:ffff:ffff:fffd"))]
    fn blocks_are_taken_from_the_top(
        #[case] own: &str,
        #[case] prefix: u8,
        #[case] count: u8,
        #[case] block: u32,
        #[case] want: Option<&str>,
    ) {
        let own = own.parse().unwrap();
        let got = candidate(own, prefix, count, block);
        assert_eq!(got, want.map(|text| text.parse().unwrap()));
        if let Some(first) = got {
            Played::new(first, count).unwrap();
        }
    }

    #[test]
    fn a_made_up_address_is_local_and_for_one() {
        for _ in 0..20 {
            assert_eq!(made_up_mac().unwrap()[0] & 3, 2);
        }
    }
}
