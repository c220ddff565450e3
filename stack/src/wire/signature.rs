//! The MD5 signature option (RFC 2385 §3).

use super::read::array_at;

/// Kind of the option.
pub(super) const SIGNATURE: u8 = 19;
/// Bytes that it takes of a header, padding included.
pub(crate) const SIGNATURE_LEN: usize = 20;

/// A signature, and what it covers that a typed header does not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The digest.
    pub digest: [u8; 16],
    /// Data offset, reserved and control bits as they came; ignored when sending.
    pub control: u16,
    /// The acknowledgment field as it came, meaningful or not; ignored when sending.
    pub ack: u32,
}

impl Signature {
    /// Reads the value of the option.
    pub(super) fn read(value: &[u8]) -> Option<Signature> {
        Some(Signature {
            digest: array_at(value, 0)?,
            ..Signature::default()
        })
    }
}
