//! Keys, and the peers they are for.

use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;

/// A key of 1 to 80 bytes. Its Debug output shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Md5Key {
    /// Zero behind `len`.
    bytes: [u8; Md5Key::MAX_LEN],
    len: u8,
}

impl Md5Key {
    /// The longest one that RFC 2385 §4.5 asks for.
    pub const MAX_LEN: usize = 80;

    /// The key with these bytes; `None` if they are none or too many.
    pub fn new(bytes: &[u8]) -> Option<Md5Key> {
        if bytes.is_empty() || bytes.len() > Md5Key::MAX_LEN {
            return None;
        }
        let mut padded = [0; Md5Key::MAX_LEN];
        padded[..bytes.len()].copy_from_slice(bytes);
        Some(Md5Key {
            bytes: padded,
            len: bytes.len() as u8,
        })
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Md5Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Key(..)")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    address: IpAddr,
    prefix: u8,
    key: Md5Key,
}

/// The keys of a socket, each for a peer or for a network of peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Md5Keys {
    entries: Vec<Entry>,
}

impl Md5Keys {
    /// Sets the key for the peers whose address begins with the first `prefix` bits of `address`, all
    /// of them for a single peer; more than there are counts as all. An older key for the same peers
    /// goes.
    pub fn set(&mut self, address: IpAddr, prefix: u8, key: Md5Key) {
        self.remove(address, prefix);
        let prefix = prefix.min(bits_of(address));
        self.entries.push(Entry {
            address,
            prefix,
            key,
        });
    }

    /// Forgets the key that was set for these peers; true if there was one.
    pub fn remove(&mut self, address: IpAddr, prefix: u8) -> bool {
        let prefix = prefix.min(bits_of(address));
        let before = self.entries.len();
        self.entries
            .retain(|entry| entry.prefix != prefix || !entry.covers(address));
        self.entries.len() < before
    }

    /// The key for a peer: of several the one for the smallest network.
    // REQ: RFC2385-5
    pub fn key_for(&self, peer: IpAddr) -> Option<&Md5Key> {
        let fitting = self.entries.iter().filter(|entry| entry.covers(peer));
        fitting.max_by_key(|entry| entry.prefix).map(|e| &e.key)
    }
}

impl Entry {
    fn covers(&self, peer: IpAddr) -> bool {
        let differing = match (self.address, peer) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differing >= u32::from(self.prefix)
    }
}

const fn bits_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use rstest::rstest;

    fn key(text: &str) -> Md5Key {
        Md5Key::new(text.as_bytes()).unwrap()
    }

    #[rstest]
    #[case(0, false)]
    #[case(1, true)]
    #[case(80, true)]
    #[case(81, false)]
    fn a_key_has_1_to_80_bytes(#[case] len: usize, #[case] valid: bool) {
        assert_eq!(Md5Key::new(&[b'x'; 100][..len]).is_some(), valid);
    }

    #[rstest]
    #[case::exact("192.0.2.1", Some("one"))]
    #[case::network("192.0.2.2", Some("net"))]
    #[case::wider("192.0.9.9", Some("wide"))]
    #[case::none("198.51.100.1", None)]
    #[case::v6("2001:db8::1", Some("six"))]
    #[case::other_v6("2001:db8::2", None)]
    fn the_smallest_network_decides(#[case] peer: &str, #[case] expected: Option<&str>) {
        let mut keys = Md5Keys::default();
        for (address, prefix, name) in [
            ("192.0.2.0", 24, "net"),
            ("192.0.0.0", 16, "wide"),
            ("192.0.2.1", 255, "one"),
            ("2001:db8::1", 128, "six"),
        ] {
            keys.set(address.parse().unwrap(), prefix, key(name));
        }
        let found = keys.key_for(peer.parse().unwrap()).copied();
        assert_eq!(found, expected.map(key));
    }

    #[test]
    fn a_key_is_replaced_and_removed() {
        let mut keys = Md5Keys::default();
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        keys.set(peer, 32, key("old"));
        keys.set(peer, 32, key("new"));
        assert_eq!(keys.key_for(peer), Some(&key("new")));
        assert!(!keys.remove(peer, 24));
        assert!(keys.remove(peer, 32));
        assert_eq!(keys.key_for(peer), None);
    }

    #[test]
    fn a_key_does_not_show() {
        assert_eq!(format!("{:?}", key("secret")), "Md5Key(..)");
    }
}
