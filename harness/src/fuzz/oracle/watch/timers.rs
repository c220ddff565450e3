//! When things are sent again (RFC 6298 §2 to §5, RFC 9293 §3.8.6.1), and how long an acknowledgment may wait
//! (§3.8.6.3).

use super::{Cause, Reaction};
use crate::fuzz::ledger::after;
use crate::fuzz::oracle::{Choices, Oracle, Violation};
use crate::fuzz::packet::{Packet, SYN};
use crate::fuzz::subject::Micros;

/// A timeout may be kept at this, however often it would have doubled (RFC 6298 §2.5).
const LONGEST: Micros = 60_000_000;
/// Clocks tick in steps: so much is lost in rounding.
const TICK: Micros = 10_000;
/// RFC9293-MUST-40.
const ACK_DELAY: Micros = 500_000;

/// What is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// What was sent again by a timer last, with when, and how long after the time before; until something comes.
    repeated: Option<(u32, Micros, Option<Micros>)>,
    /// When the oldest text that is not acknowledged went out, or what was before it was acknowledged.
    runs_since: Option<(u32, Micros)>,
    /// The peer's window was closed meanwhile: what is sent may be a probe of it.
    probes: bool,
    /// Since when text that has come waits for its acknowledgment, and up to which number.
    owed_since: Option<Micros>,
}

impl Timers {
    pub(super) fn judge(
        &mut self,
        reaction: &Reaction<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        self.retransmissions(reaction, choices)?;
        self.acknowledgments(reaction)
    }

    fn retransmissions(
        &mut self,
        reaction: &Reaction<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        let una = match reaction.is_open() {
            true => reaction.standing.snd_una,
            false => reaction.ledger.subject.first.unwrap_or(0),
        };
        let repeats = |packet: &&Packet<'_>| !packet.is_empty() && packet.seq == una;
        let oldest = reaction.sent.iter().find(repeats);
        match (reaction.cause, oldest) {
            (Cause::Timer, Some(packet)) => self.fired(packet, reaction, choices)?,
            // Whatever comes may start the timer anew.
            (Cause::Arrival(_), _) => self.repeated = None,
            (Cause::Timer | Cause::Call(..), _) => {}
        }
        let has_moved = self.runs_since.is_some_and(|(since, _)| since != una);
        let is_new = self.runs_since.is_none() && una != reaction.snd_nxt();
        if has_moved || is_new {
            self.runs_since = Some((una, reaction.now));
            self.probes = false;
        }
        let edge = reaction.standing.snd_edge;
        self.probes |= edge.is_some_and(|edge| !after(edge, una));
        if una == reaction.snd_nxt() {
            self.runs_since = None;
        }
        Ok(())
    }

    /// A timer has sent the oldest text again, or something for the first time.
    fn fired(
        &mut self,
        packet: &Packet<'_>,
        reaction: &Reaction<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        let now = reaction.now;
        let is_first = self.runs_since.is_none_or(|(una, _)| una != packet.seq);
        if is_first {
            return Ok(());
        }
        let last = self.repeated.filter(|(seq, ..)| *seq == packet.seq);
        let from = last.map(|(_, at, _)| at);
        let from = from.or(self.runs_since.map(|(_, since)| since));
        let passed = now - from.unwrap_or(now);
        let least = match packet.has(SYN) {
            true => choices.first_rto,
            false => choices.min_rto,
        };
        if passed + TICK < least && !self.probes {
            return wrong(
                &["RFC6298-4", "RFC6298-8"],
                format!(
                    "a timer repeats after {} ms and should wait for {}",
                    passed / 1_000,
                    least / 1_000
                ),
            );
        }
        if let Some((_, _, Some(before))) = last
            && passed + TICK < (2 * before).min(LONGEST)
        {
            return wrong(
                &["RFC6298-11"],
                format!(
                    "the wait for a repetition does not double: {} ms after {}",
                    passed / 1_000,
                    before / 1_000
                ),
            );
        }
        self.repeated = Some((packet.seq, now, last.map(|_| passed)));
        Ok(())
    }

    fn acknowledgments(&mut self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        if let Some(since) = self.owed_since
            && reaction.now > since + ACK_DELAY
        {
            return wrong(
                &["RFC9293-MUST-40"],
                format!(
                    "text waits for its acknowledgment: {} ms and more",
                    (reaction.now - since) / 1_000
                ),
            );
        }
        let acked = reaction.ledger.subject.acked;
        let owes = acked.is_some_and(|acked| after(reaction.standing.rcv_nxt, acked));
        if !owes || !reaction.is_open() {
            self.owed_since = None;
        } else if self.owed_since.is_none() {
            self.owed_since = Some(reaction.now);
        }
        Ok(())
    }
}

fn wrong(rules: &[&'static str], message: String) -> Result<(), Violation> {
    Err(Violation::of_rules(Oracle::Timing, rules, message))
}
