//! The streams: what arrives is what was sent, byte for byte, in both directions.

use super::{Oracle, Violation};
use crate::fuzz::packet::Packet;
use crate::fuzz::text::Stream;

/// How far both streams of a connection are.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    /// Bytes that the user has written.
    pub written: u32,
    /// The number of the next byte that the user is given.
    pub next_read: Option<u32>,
}

impl Streams {
    /// A new connection; of the peer's stream the first byte has this number.
    pub fn begin(&mut self, first: Option<u32>) {
        *self = Streams {
            written: 0,
            next_read: first,
        };
    }

    /// The user was given these bytes.
    ///
    /// # Errors
    /// If one is not the peer's with that number.
    pub fn delivered(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Some(from) = self.next_read else {
            return Err(Violation::of(
                Oracle::Stream,
                format!(
                    "{} bytes are delivered of a stream that has not begun",
                    bytes.len()
                ),
            ));
        };
        if let Some(index) = Stream::Peer.first_wrong(bytes, from) {
            return Err(Violation::of(
                Oracle::Stream,
                format!(
                    "byte {index} of {} delivered is not the peer's",
                    bytes.len()
                ),
            ));
        }
        self.next_read = Some(from.wrapping_add(bytes.len() as u32));
        Ok(())
    }

    /// The subject sent this segment; `iss` is the number of its SYN.
    ///
    /// # Errors
    /// If it carries a byte that the user has not written at that place.
    pub fn sent(&self, packet: &Packet<'_>, iss: u32) -> Result<(), Violation> {
        if packet.text.is_empty() {
            return Ok(());
        }
        let first = packet.text_seq().wrapping_sub(iss).wrapping_sub(1);
        let end = first.wrapping_add(packet.text.len() as u32);
        if end > self.written || first > end {
            return Err(Violation::of(
                Oracle::Stream,
                format!(
                    "bytes {first} to {end} of the stream are sent, of {} that were written",
                    self.written
                ),
            ));
        }
        if let Some(index) = Stream::User.first_wrong(packet.text, first) {
            return Err(Violation::of(
                Oracle::Stream,
                format!(
                    "byte {} of the stream sent is not the user's",
                    first as usize + index
                ),
            ));
        }
        Ok(())
    }
}
