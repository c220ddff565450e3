//! SipHash-2-4 over tagged, fixed-width fields: the one keyed function behind initial sequence
//! numbers, SYN cookies and ephemeral ports.

use core::fmt;
use core::hash::Hasher;
use core::net::{IpAddr, SocketAddr};
use siphasher::sip::SipHasher24;

/// The host's secret. Its Debug output shows nothing of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Secret([u8; 16]);

impl Secret {
    pub(crate) const fn new(bytes: [u8; 16]) -> Secret {
        Secret(bytes)
    }

    /// A hash of nothing yet. `purpose` keeps the hashes of different uses apart.
    pub(crate) fn hash(&self, purpose: u8) -> KeyedHash {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&[purpose]);
        KeyedHash(hasher)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A hash under way; each step takes it over and gives it back.
pub(crate) struct KeyedHash(SipHasher24);

impl KeyedHash {
    /// Adds an address, its family included.
    pub(crate) fn address(mut self, address: IpAddr) -> KeyedHash {
        match address {
            IpAddr::V4(v4) => {
                self.0.write(&[4]);
                self.0.write(&v4.octets());
            }
            IpAddr::V6(v6) => {
                self.0.write(&[6]);
                self.0.write(&v6.octets());
            }
        }
        self
    }

    /// Adds an address and a port.
    pub(crate) fn socket(self, socket: SocketAddr) -> KeyedHash {
        let mut hash = self.address(socket.ip());
        hash.0.write(&socket.port().to_be_bytes());
        hash
    }

    /// Adds a number.
    pub(crate) fn number(mut self, number: u64) -> KeyedHash {
        self.0.write(&number.to_be_bytes());
        self
    }

    /// The 64 bits of the result.
    pub(crate) fn finish(self) -> u64 {
        self.0.finish()
    }
}
