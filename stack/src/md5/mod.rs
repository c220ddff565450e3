//! Signatures by a shared key (RFC 2385), as BGP speakers use them.
//!
//! Where a user has set a key for a peer, every segment to it is signed and every segment from it that
//! is not signed with that key is thrown away without an answer. MD5 is broken and RFC 5925 has replaced
//! the option; it is here because it is still in use.

mod digest;
mod keys;

pub use keys::{Md5Key, Md5Keys};

use crate::event::Discard;
use crate::segment::SegmentRef;

/// The choices that RFC 2385 leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Md5Config {
    /// What becomes of a signed segment from a peer for which there is no key (RFC2385-4).
    pub unexpected: UnexpectedSignature,
    /// Whether connections with a key use timestamps as well. Both together leave no room for a SACK
    /// block, so that Linux does without timestamps.
    pub timestamps: bool,
}

/// A signature that nobody here can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnexpectedSignature {
    /// The segment is dropped: its sender relies on a check that is not made.
    Drop,
    /// The option is ignored as an unknown one (RFC 9293 MUST-6).
    Ignore,
}

impl Default for Md5Config {
    fn default() -> Md5Config {
        Md5Config {
            unexpected: UnexpectedSignature::Drop,
            timestamps: false,
        }
    }
}

/// Whether a segment may pass, `key` being that of its sender.
///
/// # Errors
/// Why it may not.
// REQ: RFC2385-1
// REQ: RFC2385-2
// REQ: RFC2385-4
pub(crate) fn check(
    key: Option<&Md5Key>,
    segment: &SegmentRef<'_>,
    config: &Md5Config,
) -> Result<(), Discard> {
    match (key, &segment.options.signature) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(Discard::SignatureMissing),
        (Some(key), Some(_)) if key.signed(segment) => Ok(()),
        (Some(_), Some(_)) => Err(Discard::SignatureWrong),
        (None, Some(_)) => match config.unexpected {
            UnexpectedSignature::Drop => Err(Discard::SignatureUnexpected),
            UnexpectedSignature::Ignore => Ok(()),
        },
    }
}
