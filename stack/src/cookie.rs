//! SYN cookies (RFC 4987 §3.6): an initial sequence number that holds all a listener must
//! remember of a SYN, so that it need not remember anything.
//!
//! A cookie is the sum of a hash of the four-tuple, the client's own ISN, a counter of 64 s
//! periods in the top 8 bits, and in the low 24 bits the index of the segment size behind a second
//! hash, which depends on the period, on that index (so that a number next to a cookie is none)
//! and on the client's ISN too. Adding the client's ISN lets
//! cookies grow about as the client's numbers do; hashing it as well keeps an ACK from later in a
//! connection, whose two numbers may have moved equally far, from passing for the first one.
//!
//! What a cookie has no room for goes along in a timestamp, see `options`.

pub(crate) mod answer;
pub(crate) mod options;

use crate::keyed_hash::Secret;
use crate::seq::SeqNum;
use crate::time::Instant;
use crate::window::Mss;
use crate::wire::ip::IpVersion;
use core::net::SocketAddr;
use core::time::Duration;

const PURPOSE_TUPLE: u8 = b'C';
const PURPOSE_PERIOD: u8 = b'P';
/// The bits of the second hash.
const CHECK: u32 = 0x00ff_fffc;
/// The bits of the index.
const INDEX: u32 = 0x3;

/// The segment sizes a cookie can stand for, rising. IPv4: the default, a tunnel's, PPPoE's and
/// Ethernet's.
const MSS_TABLE_V4: [u16; 4] = [536, 1300, 1440, 1460];
/// The same for IPv6.
const MSS_TABLE_V6: [u16; 4] = [1220, 1280, 1420, 1440];

/// Makes and checks cookies. Its Debug output shows nothing of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieGenerator {
    secret: Secret,
}

impl CookieGenerator {
    /// How long the counter stands still.
    pub const PERIOD: Duration = Duration::from_secs(64);
    /// For how many periods, the present one included, a cookie is good: 64 to 128 s.
    pub const PERIODS_VALID: u32 = 2;

    /// A generator keyed by `secret`; cookies of another secret are not accepted.
    pub const fn new(secret: [u8; 16]) -> CookieGenerator {
        CookieGenerator {
            secret: Secret::new(secret),
        }
    }

    /// The cookie to use as ISN towards a client that sent `client_isn` and offered `mss`
    /// (`None`: it offered none). The largest size in the table that does not exceed the offer
    /// is encoded, or the smallest of all.
    pub fn encode(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        client_isn: SeqNum,
        mss: Option<Mss>,
    ) -> SeqNum {
        let offered = mss.unwrap_or(Mss::default_for(IpVersion::of(local.ip())));
        // REQ: RFC4987-3
        let index = mss_table(local)
            .iter()
            .rposition(|entry| *entry <= offered.raw())
            .unwrap_or(0) as u32;
        // REQ: RFC4987-2
        let period = period_at(now);
        let check = self.check(local, remote, client_isn, (period, index));
        self.origin(local, remote, client_isn) + ((period << 24) | check | index)
    }

    /// The segment size in `cookie`, the number before the one that the client acknowledges, or
    /// `None` when this host made no such cookie lately. `client_isn` is the number before the
    /// sequence number of the client's ACK.
    pub fn verify(
        &self,
        now: Instant,
        local: SocketAddr,
        remote: SocketAddr,
        client_isn: SeqNum,
        cookie: SeqNum,
    ) -> Option<Mss> {
        let value = self.origin(local, remote, client_isn).span_to(cookie);
        let age = period_at(now).wrapping_sub(value >> 24) & 0xff;
        if age >= CookieGenerator::PERIODS_VALID {
            return None;
        }
        let period = period_at(now).wrapping_sub(age);
        let index = value & INDEX;
        // REQ: DOC-SYNFLOOD-08
        if self.check(local, remote, client_isn, (period, index)) != value & CHECK {
            return None;
        }
        let table = mss_table(local);
        table.get(index as usize).copied().map(Mss::new)
    }

    fn origin(&self, local: SocketAddr, remote: SocketAddr, client_isn: SeqNum) -> SeqNum {
        let hash = self.secret.hash(PURPOSE_TUPLE).socket(local).socket(remote);
        client_isn + hash.finish() as u32
    }

    fn check(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        client_isn: SeqNum,
        (period, index): (u32, u32),
    ) -> u32 {
        let hash = self
            .secret
            .hash(PURPOSE_PERIOD)
            .socket(local)
            .socket(remote);
        let made_for = u64::from(period) << 2 | u64::from(index);
        let hash = hash.number(client_isn.raw().into()).number(made_for);
        hash.finish() as u32 & CHECK
    }
}

fn mss_table(local: SocketAddr) -> [u16; 4] {
    match IpVersion::of(local.ip()) {
        IpVersion::V4 => MSS_TABLE_V4,
        IpVersion::V6 => MSS_TABLE_V6,
    }
}

fn period_at(now: Instant) -> u32 {
    (now.as_micros() / CookieGenerator::PERIOD.as_micros() as u64) as u32
}

#[cfg(test)]
mod tests;
