//! `TCP_MD5SIG` and `TCP_MD5SIG_EXT`: Linux's `struct tcp_md5sig` (tcp(7), linux/tcp.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tcpdrill_stack::md5::{Md5Key, Md5Keys};

use super::abi::family;
use super::blocking::Stop;
use super::errno::{EINVAL, ENOENT};

/// Length of the structure: an address of 128 bytes, flags, prefix, key length, interface, key.
const LEN: usize = 216;
const FLAGS: usize = 128;
const PREFIX: usize = 129;
const KEY_LEN: usize = 130;
const INTERFACE: usize = 132;
const KEY: usize = 136;

/// The prefix counts (`TCP_MD5SIG_FLAG_PREFIX`), for `TCP_MD5SIG_EXT` only.
const FLAG_PREFIX: u8 = 1;

/// Sets or, with a key of no length, removes the key of a peer or of a network of peers.
pub(super) fn set(keys: &mut Md5Keys, value: &[u8], extended: bool) -> Result<(), Stop> {
    let value: &[u8; LEN] = value
        .get(..LEN)
        .and_then(|value| value.try_into().ok())
        .ok_or(EINVAL)?;
    let peer = peer(value)?;
    // Other flags, and an interface, are for what this stack does not have.
    let flags = value[FLAGS];
    let interface = &value[INTERFACE..KEY];
    if extended && (flags & !FLAG_PREFIX != 0 || interface.iter().any(|byte| *byte != 0)) {
        return Err(EINVAL.into());
    }
    let whole = if peer.is_ipv4() { 32 } else { 128 };
    let prefix = if extended && flags & FLAG_PREFIX != 0 {
        value[PREFIX]
    } else {
        whole
    };
    if prefix > whole {
        return Err(EINVAL.into());
    }
    let len = u16::from_ne_bytes([value[KEY_LEN], value[KEY_LEN + 1]]);
    match usize::from(len) {
        0 if keys.remove(peer, prefix) => Ok(()),
        0 => Err(ENOENT.into()),
        len => {
            let bytes = value.get(KEY..KEY + len).ok_or(EINVAL)?;
            keys.set(peer, prefix, Md5Key::new(bytes).ok_or(EINVAL)?);
            Ok(())
        }
    }
}

fn peer(value: &[u8; LEN]) -> Result<IpAddr, Stop> {
    let named = i32::from(u16::from_ne_bytes([value[0], value[1]]));
    match named {
        family::INET => {
            let octets: [u8; 4] = value[4..8].try_into().map_err(|_| EINVAL)?;
            Ok(Ipv4Addr::from(octets).into())
        }
        family::INET6 => {
            let octets: [u8; 16] = value[8..24].try_into().map_err(|_| EINVAL)?;
            // A mapped address means the IPv4 one.
            Ok(Ipv6Addr::from(octets).to_canonical())
        }
        _ => Err(EINVAL.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn structure(family: i32, address: &[u8], prefix: Option<u8>, key: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; LEN];
        bytes[..2].copy_from_slice(&(family as u16).to_ne_bytes());
        let at = if address.len() == 4 { 4 } else { 8 };
        bytes[at..at + address.len()].copy_from_slice(address);
        if let Some(prefix) = prefix {
            bytes[FLAGS] = FLAG_PREFIX;
            bytes[PREFIX] = prefix;
        }
        bytes[KEY_LEN..KEY_LEN + 2].copy_from_slice(&(key.len() as u16).to_ne_bytes());
        bytes[KEY..KEY + key.len()].copy_from_slice(key);
        bytes
    }

    fn key(text: &[u8]) -> Md5Key {
        Md5Key::new(text).unwrap()
    }

    #[test]
    fn a_key_is_set_for_a_peer_and_removed_by_an_empty_one() {
        let mut keys = Md5Keys::default();
        let peer = "192.0.2.1".parse().unwrap();
        set(
            &mut keys,
            &structure(family::INET, &[192, 0, 2, 1], None, b"apple"),
            false,
        )
        .unwrap();
        assert_eq!(keys.key_for(peer), Some(&key(b"apple")));
        set(
            &mut keys,
            &structure(family::INET, &[192, 0, 2, 1], None, b""),
            false,
        )
        .unwrap();
        assert_eq!(keys.key_for(peer), None);
        let again = set(
            &mut keys,
            &structure(family::INET, &[192, 0, 2, 1], None, b""),
            false,
        );
        assert!(matches!(again, Err(Stop::Failed(ENOENT))));
    }

    #[test]
    fn a_network_of_peers_has_one_key() {
        let mut keys = Md5Keys::default();
        set(
            &mut keys,
            &structure(family::INET, &[192, 0, 2, 0], Some(24), b"apple"),
            true,
        )
        .unwrap();
        assert!(keys.key_for("192.0.2.77".parse().unwrap()).is_some());
        assert!(keys.key_for("192.0.3.77".parse().unwrap()).is_none());
        // The plain option does not look at the prefix.
        let mut keys = Md5Keys::default();
        set(
            &mut keys,
            &structure(family::INET, &[192, 0, 2, 0], Some(24), b"apple"),
            false,
        )
        .unwrap();
        assert!(keys.key_for("192.0.2.77".parse().unwrap()).is_none());
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_one() {
        let mut keys = Md5Keys::default();
        let mapped = "192.0.2.1".parse::<Ipv4Addr>().unwrap().to_ipv6_mapped();
        let value = structure(family::INET6, &mapped.octets(), None, b"apple");
        set(&mut keys, &value, false).unwrap();
        assert!(keys.key_for("192.0.2.1".parse().unwrap()).is_some());
    }

    #[rstest]
    #[case::short(structure(family::INET, &[192, 0, 2, 1], None, b"k")[..215].to_vec())]
    #[case::family(structure(99, &[192, 0, 2, 1], None, b"k"))]
    #[case::prefix(structure(family::INET, &[192, 0, 2, 1], Some(33), b"k"))]
    #[case::long_key({
        let mut bytes = structure(family::INET, &[192, 0, 2, 1], None, b"k");
        bytes[KEY_LEN] = 81;
        bytes
    })]
    #[case::interface({
        let mut bytes = structure(family::INET, &[192, 0, 2, 1], None, b"k");
        bytes[INTERFACE] = 1;
        bytes
    })]
    fn what_makes_no_sense_is_refused(#[case] value: Vec<u8>) {
        let mut keys = Md5Keys::default();
        assert!(matches!(
            set(&mut keys, &value, true),
            Err(Stop::Failed(EINVAL))
        ));
    }
}
