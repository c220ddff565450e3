//! `challenge-ack-rate`: challenge ACKs are throttled (RFC 5961 §7), and each connection on its own: a budget
//! that all share tells whoever exhausts it on a connection of his own what happens on another's
//! (CVE-2016-5696).

use std::time::Duration;

use serde::Deserialize;

use crate::wire::TcpFlags;

use super::Probe;
use super::file::Within;
use super::kit::{Bench, Tuple};
use super::peer::wrong;
use super::stop::{Stop, code};

const PORT: u16 = 8080;
const REMOTE_PORT: u16 = 12_000;
const ISS: u32 = 1_000;
/// Segments sent before the answers are looked at.
const BATCH: usize = 64;
/// How long the last answers may take.
const PROMPT: Duration = Duration::from_millis(100);

/// Parameters of `challenge-ack-rate`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChallengeAckRate {
    /// What draws the challenge ACKs.
    segment: Provocation,
    /// Such segments sent at once.
    segments: Within<100, 10_000>,
    /// Challenge ACKs they draw, at most.
    at_most: Within<1, 10_000>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Provocation {
    /// A RST in the window but not at its left edge (§3.2).
    Rst,
    /// A SYN (§4.2).
    Syn,
}

impl Probe for ChallengeAckRate {
    const NAME: &'static str = "challenge-ack-rate";
    const FLOODS: bool = true;

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        let listener = wire.listen(PORT, 16)?;
        let tuple = Tuple {
            local: wire.local(PORT),
            remote: wire.remote(0, REMOTE_PORT),
        };
        let (fd, mut peer) = wire.connect(listener, &tuple, ISS, &[])?;
        let beside = Tuple {
            remote: wire.remote(0, REMOTE_PORT + 1),
            ..tuple
        };
        let (_, victim) = wire.connect(listener, &beside, ISS, &[])?;
        let (flags, cause) = match self.segment {
            Provocation::Rst => (TcpFlags::RST, "a RST inside the window"),
            Provocation::Syn => (TcpFlags::SYN, "a SYN on a connection"),
        };
        let mut challenges = Vec::new();
        for number in 0..self.segments.count() {
            // Numbers never repeat, so that none is taken for a copy of another.
            let sequence = peer.snd_nxt.wrapping_add(10 + number as u32 % 10_000);
            wire.send(&tuple, tuple.segment(flags, sequence, 0))?;
            if number % BATCH == 0 {
                challenges.extend(wire.take()?);
            }
        }
        let end = wire.now() + PROMPT;
        challenges.extend(wire.take_until(end)?);
        if let Some(other) = challenges.iter().find(|seen| !seen.is(TcpFlags::ACK)) {
            return Err(wrong(other, cause, "challenge ACK or nothing"));
        }
        let bound = self.at_most.count();
        if !(1..=bound).contains(&challenges.len()) {
            let message = format!("{} times {cause}", self.segments.get());
            return Err(Stop::failed(code::OUT_OF_BOUND, message).differs(
                "challenge_acks",
                format!("1 to {bound}"),
                challenges.len(),
            ));
        }
        wire.send(&beside, beside.segment(flags, victim.snd_nxt + 10, 0))?;
        let seen = wire.answer(&beside, "the first such segment on another connection")?;
        if !seen.is(TcpFlags::ACK) {
            return Err(wrong(&seen, cause, "challenge ACK"));
        }
        // The connection has taken no harm.
        wire.deliver(&mut peer, fd, b"after the storm")
    }
}
