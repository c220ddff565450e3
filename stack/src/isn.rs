//! Initial sequence numbers (RFC 9293 §3.4.1, RFC 6528): ISN = M + F(four-tuple, secret).
//!
//! M is a clock, so that a later connection of the same four-tuple starts later; F is a keyed
//! hash, so that nobody who sees one connection's number can tell another's.

use crate::keyed_hash::Secret;
use crate::seq::SeqNum;
use crate::time::Instant;
use core::net::SocketAddr;
use core::time::Duration;

const PURPOSE: u8 = b'I';

/// Makes initial sequence numbers. Its Debug output shows nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IsnGenerator {
    secret: Secret,
    tick: Duration,
}

impl IsnGenerator {
    /// The tick that RFC 9293 §3.4.1 wants: with it the clock goes round in about 4.77 hours.
    pub const TICK: Duration = Duration::from_micros(4);

    /// A generator with a clock of [`TICK`](Self::TICK). The secret comes from a source of true
    /// randomness (RFC 4086) and stays the same as long as the host runs.
    // REQ: RFC6528-3
    pub const fn new(secret: [u8; 16]) -> IsnGenerator {
        IsnGenerator::with_tick(secret, IsnGenerator::TICK)
    }

    /// A generator whose clock advances by one for each `tick`, at least 1 ns; Linux uses 64 ns.
    pub const fn with_tick(secret: [u8; 16], tick: Duration) -> IsnGenerator {
        IsnGenerator {
            secret: Secret::new(secret),
            tick,
        }
    }

    /// The number for a connection from `local` to `remote` opened at `now`.
    pub fn isn(&self, now: Instant, local: SocketAddr, remote: SocketAddr) -> SeqNum {
        // REQ: RFC9293-MUST-8
        let nanos = u128::from(now.as_micros()) * 1_000;
        let clock = (nanos / self.tick.as_nanos().max(1)) as u32;
        // REQ: RFC9293-MUST-9
        // REQ: RFC9293-SHLD-1
        SeqNum::new(self.offset(local, remote)) + clock
    }

    /// F: the low 32 bits of SipHash-2-4 over the four-tuple.
    fn offset(&self, local: SocketAddr, remote: SocketAddr) -> u32 {
        let hash = self.secret.hash(PURPOSE).socket(local).socket(remote);
        hash.finish() as u32
    }
}

#[cfg(test)]
mod tests;
