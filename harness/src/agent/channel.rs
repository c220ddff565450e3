//! Messages that only the two ends can have made: length, HMAC-SHA256, JSON.
//!
//! ```text
//! length of the body (4 bytes, big-endian) ‖ tag (32 bytes) ‖ body
//! tag = HMAC-SHA256(key of this direction, number of the message ‖ length ‖ body)
//! ```
//!
//! The number is not sent: both ends count. So a message that was changed, repeated, left out or
//! sent back does not fit, and ends the connection before it is parsed. Nothing is hidden: whoever
//! is on the path can read along.

use std::io::{ErrorKind, Read, Write};

use hmac::Mac as _;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::handshake::{TAG, mac, tag};

/// The longest body in bytes. A buffer of a script takes up to four times its length.
pub const LONGEST: usize = 8 << 20;

/// The keys of one side of a connection.
#[derive(Clone)]
pub struct Keys {
    pub(super) sending: [u8; TAG],
    pub(super) receiving: [u8; TAG],
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// Why a message could not be sent or taken.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The other side has ended the connection.
    #[error("the connection was closed")]
    Closed,
    /// The connection failed.
    #[error("the connection failed ({0})")]
    Io(std::io::Error),
    /// Too long to be sent or taken.
    #[error("a message of {0} bytes; the longest has {LONGEST}")]
    TooLong(usize),
    /// Not made by the other side, or not for this place in the conversation.
    #[error(
        "a message that does not come from the other side: it was changed, repeated or made up on the way"
    )]
    Forged,
    /// Authentic, but not understood.
    #[error("a message that cannot be understood ({0})")]
    Malformed(String),
}

/// One side of an authenticated conversation.
#[derive(Debug)]
pub struct Channel {
    keys: Keys,
    sent: u64,
    received: u64,
}

impl Channel {
    /// A conversation that begins now.
    pub fn new(keys: Keys) -> Channel {
        Channel {
            keys,
            sent: 0,
            received: 0,
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`ChannelError::TooLong`] if nothing was sent; any other ends the conversation.
    pub fn send(
        &mut self,
        stream: &mut impl Write,
        message: &impl Serialize,
    ) -> Result<(), ChannelError> {
        let body = serde_json::to_vec(message)
            .map_err(|error| ChannelError::Malformed(error.to_string()))?;
        let length = u32::try_from(body.len())
            .ok()
            .filter(|_| body.len() <= LONGEST)
            .ok_or(ChannelError::TooLong(body.len()))?
            .to_be_bytes();
        let tag = tag(
            &self.keys.sending,
            &[&self.sent.to_be_bytes(), &length, &body],
        );
        self.sent += 1;
        // In one piece: each write becomes a segment of its own.
        let whole = [length.as_slice(), &tag, &body].concat();
        stream.write_all(&whole).map_err(io)?;
        stream.flush().map_err(io)
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// [`ChannelError`]; the conversation is over.
    pub fn receive<T: DeserializeOwned>(
        &mut self,
        stream: &mut impl Read,
    ) -> Result<T, ChannelError> {
        let mut head = [0; 4 + TAG];
        stream.read_exact(&mut head).map_err(io)?;
        let (length, tag) = head.split_at(4);
        let len = usize::try_from(u32::from_be_bytes([
            length[0], length[1], length[2], length[3],
        ]))
        .unwrap_or(usize::MAX);
        if len > LONGEST {
            return Err(ChannelError::TooLong(len));
        }
        // Grows as the bytes come: the length is not authentic yet.
        let mut body = Vec::new();
        stream.take(len as u64).read_to_end(&mut body).map_err(io)?;
        if body.len() < len {
            return Err(ChannelError::Closed);
        }
        mac(
            &self.keys.receiving,
            &[&self.received.to_be_bytes(), length, &body],
        )
        .verify_slice(tag)
        .map_err(|_| ChannelError::Forged)?;
        self.received += 1;
        serde_json::from_slice(&body).map_err(|error| ChannelError::Malformed(error.to_string()))
    }
}

fn io(error: std::io::Error) -> ChannelError {
    match error.kind() {
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => ChannelError::Closed,
        _ => ChannelError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::protocol::{Request, Response};
    use crate::call::{Call, Fd};
    use proptest::prelude::*;

    fn ends() -> (Channel, Channel) {
        let keys = |sending: u8, receiving: u8| Keys {
            sending: [sending; TAG],
            receiving: [receiving; TAG],
        };
        (Channel::new(keys(1, 2)), Channel::new(keys(2, 1)))
    }

    fn request(fd: i32) -> Request {
        Request::Call {
            call: Call::Close { fd: Fd(fd) },
            limit_us: 1,
        }
    }

    fn sealed(channel: &mut Channel, request: &Request) -> Vec<u8> {
        let mut bytes = Vec::new();
        channel.send(&mut bytes, request).unwrap();
        bytes
    }

    #[test]
    fn messages_arrive_in_order() {
        let (mut one, mut other) = ends();
        for fd in 0..3 {
            let bytes = sealed(&mut one, &request(fd));
            let got: Request = other.receive(&mut bytes.as_slice()).unwrap();
            assert_eq!(got, request(fd));
        }
    }

    #[test]
    fn a_message_that_is_repeated_left_out_or_sent_back_is_refused() {
        let (mut one, mut other) = ends();
        let first = sealed(&mut one, &request(1));
        let second = sealed(&mut one, &request(2));
        let refused = |channel: &mut Channel, mut bytes: &[u8]| {
            matches!(
                channel.receive::<Request>(&mut bytes),
                Err(ChannelError::Forged)
            )
        };
        assert!(refused(&mut other, &second));
        other.receive::<Request>(&mut first.as_slice()).unwrap();
        assert!(refused(&mut other, &first));
        assert!(refused(&mut one, &first));
    }

    #[test]
    fn a_message_cut_short_or_too_long_is_refused() {
        let (mut one, mut other) = ends();
        let whole = sealed(&mut one, &request(1));
        for len in 0..whole.len() {
            let result = other.receive::<Request>(&mut &whole[..len]);
            assert!(matches!(result, Err(ChannelError::Closed)), "{len}");
        }
        let mut huge = [0xff; 4 + TAG].as_slice();
        assert!(matches!(
            other.receive::<Request>(&mut huge),
            Err(ChannelError::TooLong(_))
        ));
        let data = vec![255; LONGEST / 3];
        let long = Request::Call {
            call: Call::Write { fd: Fd(3), data },
            limit_us: 1,
        };
        assert!(matches!(
            one.send(&mut Vec::new(), &long),
            Err(ChannelError::TooLong(_))
        ));
    }

    #[test]
    fn an_authentic_message_of_another_kind_is_no_panic() {
        let (mut one, mut other) = ends();
        let mut bytes = Vec::new();
        one.send(&mut bytes, &"hello").unwrap();
        assert!(matches!(
            other.receive::<Request>(&mut bytes.as_slice()),
            Err(ChannelError::Malformed(_))
        ));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let (_, mut other) = ends();
            let _ = other.receive::<Request>(&mut bytes.as_slice());
            let _ = serde_json::from_slice::<Request>(&bytes);
            let _ = serde_json::from_slice::<Response>(&bytes);
        }

        #[test]
        fn a_message_with_any_bit_changed_is_refused(at in 0_usize..1000, bit in 0_u8..8) {
            let (mut one, mut other) = ends();
            let mut bytes = sealed(&mut one, &request(7));
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            prop_assert!(other.receive::<Request>(&mut bytes.as_slice()).is_err());
        }
    }
}
