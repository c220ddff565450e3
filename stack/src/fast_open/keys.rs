//! The cookies of a server (RFC 7413 §4.1.2): eight bytes of SipHash-2-4 over both addresses, as
//! Linux makes them, so that the two take each other's cookies under the same key.

use core::fmt;
use core::hash::Hasher;
use core::net::IpAddr;
use siphasher::sip::SipHasher24;

use crate::wire::fast_open::Cookie;

/// A secret that cookies are made with. Its Debug output shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// The key with these bytes, in the order in which `TCP_FASTOPEN_KEY` takes them.
    pub const fn new(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }

    /// The key that is written as four numbers of 32 bits, most significant one first, as in
    /// `net.ipv4.tcp_fastopen_key`.
    pub fn from_words(words: [u32; 4]) -> Key {
        let mut bytes = [0; 16];
        for (chunk, word) in bytes.chunks_exact_mut(4).zip(words) {
            chunk.copy_from_slice(&word.to_le_bytes());
        }
        Key(bytes)
    }

    /// Its bytes.
    pub const fn bytes(&self) -> [u8; 16] {
        self.0
    }

    /// The cookie of a client for a server. Both must be of one family.
    // REQ: RFC7413-3
    pub fn cookie(&self, client: IpAddr, server: IpAddr) -> Cookie {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        for address in [client, server] {
            match address {
                IpAddr::V4(v4) => hasher.write(&v4.octets()),
                IpAddr::V6(v6) => hasher.write(&v6.octets()),
            }
        }
        let bytes = hasher.finish().to_le_bytes();
        Cookie::new(&bytes).unwrap_or_else(|| unreachable!("eight bytes make a cookie"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The key in use and the one before it: cookies expire by a change of keys, but not at once
/// (RFC 7413 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// What new cookies are made with.
    pub current: Key,
    /// What older ones may have been made with.
    pub previous: Option<Key>,
}

/// What a cookie is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgment {
    /// It was made with the key in use.
    Valid,
    /// It was made with the key before: its bearer is due a new one.
    Old,
    /// It is not ours.
    Invalid,
}

/// Judges a cookie that `client` sent to `server`.
// REQ: RFC7413-3
pub(crate) fn judge(keys: &Keys, cookie: Cookie, client: IpAddr, server: IpAddr) -> Judgment {
    let fits = |key: &Key| key.cookie(client, server) == cookie;
    if fits(&keys.current) {
        Judgment::Valid
    } else if keys.previous.as_ref().is_some_and(fits) {
        Judgment::Old
    } else {
        Judgment::Invalid
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const REPEATED: [u32; 4] = [0xa1a1_a1a1, 0xb2b2_b2b2, 0xc3c3_c3c3, 0xd4d4_d4d4];
    const MIXED: [u32; 4] = [0xa0bf_63f7, 0xed80_3d81, 0xcd64_1d30, 0xcebc_4a90];

    fn cookie(words: [u32; 4], client: &str, server: &str) -> Cookie {
        let address = |text: &str| text.parse().unwrap();
        Key::from_words(words).cookie(address(client), address(server))
    }

    /// As `net.ipv4.tcp_fastopen_key` is written: the first word's last byte comes first.
    #[test]
    fn a_key_of_words_has_their_bytes_from_the_last_on() {
        let bytes = [
            0xf7, 0x63, 0xbf, 0xa0, 0x81, 0x3d, 0x80, 0xed, 0x30, 0x1d, 0x64, 0xcd, 0x90, 0x4a,
            0xbc, 0xce,
        ];
        assert_eq!(Key::from_words(MIXED).bytes(), bytes);
    }

    /// Cookies that Linux makes.
    #[rstest]
    #[case::v4(REPEATED, "192.0.2.1", "192.168.0.1", 0x3021_b9d8_8901_7eeb)]
    #[case::v6(
        REPEATED,
        "fd3d:fa7b:d17d::1",
        "fd3d:0a0b:17d6::1",
        0xc1d1_e974_2a47_a9bc
    )]
    #[case::order_of_bytes(MIXED, "10.248.0.2", "192.168.0.2", 0x00ab_aaab_e8e9_54c2)]
    #[case::other_client(MIXED, "10.248.0.3", "192.168.0.2", 0x1313_a2da_994a_0951)]
    #[case::zeros([0; 4], "10.248.0.2", "192.168.0.2", 0x93b7_aa4f_550f_8a1a)]
    fn cookies_are_those_of_linux(
        #[case] words: [u32; 4],
        #[case] client: &str,
        #[case] server: &str,
        #[case] expected: u64,
    ) {
        let made = cookie(words, client, server);
        assert_eq!(made.as_bytes(), expected.to_be_bytes());
    }

    #[test]
    fn a_cookie_is_worth_something_to_its_client_and_under_its_keys_only() {
        let (client, server) = ("192.0.2.1".parse().unwrap(), "192.0.2.9".parse().unwrap());
        let (old, new) = (Key::from_words(REPEATED), Key::from_words(MIXED));
        let cookie = old.cookie(client, server);
        let keys = |current, previous| Keys { current, previous };
        let judged = |keys, client| judge(&keys, cookie, client, server);
        assert_eq!(judged(keys(old, None), client), Judgment::Valid);
        assert_eq!(judged(keys(new, Some(old)), client), Judgment::Old);
        assert_eq!(judged(keys(new, None), client), Judgment::Invalid);
        let stranger = "192.0.2.2".parse().unwrap();
        assert_eq!(judged(keys(old, None), stranger), Judgment::Invalid);
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        assert_eq!(alloc::format!("{:?}", Key::new([7; 16])), "Key(..)");
    }
}
