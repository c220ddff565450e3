//! The Fast Open option (RFC 7413 §4.1.1): a request for a cookie, or a cookie.

use super::read::u16_at;
use alloc::vec::Vec;
use core::fmt;

/// Kind of the option.
pub(super) const FAST_OPEN: u8 = 34;
/// Kind of experiments (RFC 6994), where the option lived before it had one of its own.
pub(super) const EXPERIMENT: u8 = 254;
/// What tells Fast Open from other experiments (RFC 7413 §9).
const EXPERIMENT_ID: u16 = 0xf989;

/// A cookie: 4 to 16 bytes, an even number of them (RFC 7413 §4.1.1).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cookie {
    /// Zero behind `len`.
    bytes: [u8; Cookie::MAX_LEN],
    len: u8,
}

impl Cookie {
    /// The longest one, in bytes.
    pub const MAX_LEN: usize = 16;

    /// The cookie with these bytes; `None` if there cannot be one.
    // REQ: RFC7413-2
    pub fn new(bytes: &[u8]) -> Option<Cookie> {
        if !(4..=Cookie::MAX_LEN).contains(&bytes.len()) || !bytes.len().is_multiple_of(2) {
            return None;
        }
        let mut padded = [0; Cookie::MAX_LEN];
        padded[..bytes.len()].copy_from_slice(bytes);
        Some(Cookie {
            bytes: padded,
            len: bytes.len() as u8,
        })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The option as it stands in a SYN or SYN-ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FastOpenOption {
    /// The cookie; without one the option asks for one.
    pub cookie: Option<Cookie>,
    /// It is written as an experiment (kind 254), as before RFC 7413.
    pub experimental: bool,
}

impl FastOpenOption {
    /// Reads the value of an option of this kind. `Err` says that it is a Fast Open option with a
    /// length it cannot have, `Ok(None)` that it is another experiment.
    pub(super) fn read(kind: u8, value: &[u8]) -> Result<Option<FastOpenOption>, ()> {
        let experimental = kind == EXPERIMENT;
        let cookie = match (experimental, u16_at(value, 0)) {
            (false, _) => value,
            (true, Some(EXPERIMENT_ID)) => &value[2..],
            (true, _) => return Ok(None),
        };
        let cookie = match cookie {
            [] => None,
            bytes => Some(Cookie::new(bytes).ok_or(())?),
        };
        Ok(Some(FastOpenOption {
            cookie,
            experimental,
        }))
    }

    /// Bytes that it takes of a header, padding included.
    pub(super) fn len(&self) -> usize {
        self.bare_len().next_multiple_of(4)
    }

    fn bare_len(&self) -> usize {
        let head = if self.experimental { 4 } else { 2 };
        head + self.cookie.map_or(0, |cookie| usize::from(cookie.len))
    }

    /// Appends it and the padding behind it.
    // REQ: RFC7413-15
    pub(super) fn write(&self, padding: u8, out: &mut Vec<u8>) {
        let len = self.bare_len();
        if self.experimental {
            out.extend_from_slice(&[EXPERIMENT, len as u8]);
            out.extend_from_slice(&EXPERIMENT_ID.to_be_bytes());
        } else {
            out.extend_from_slice(&[FAST_OPEN, len as u8]);
        }
        if let Some(cookie) = &self.cookie {
            out.extend_from_slice(cookie.as_bytes());
        }
        out.resize(out.len() + self.len() - len, padding);
    }
}
