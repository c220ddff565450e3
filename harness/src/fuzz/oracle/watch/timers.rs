//! When things are sent again (RFC 6298 §2 to §5, RFC 9293 §3.8.6.1), and how long an acknowledgment may wait
//! (§3.8.6.3).

use super::{Cause, Reaction};
use crate::fuzz::ledger::after;
use crate::fuzz::oracle::{Choices, Oracle, Violation};
use crate::fuzz::packet::{ACK, Packet, SYN};
use crate::fuzz::subject::{Micros, State};

/// Clocks tick in steps: so much is lost in rounding.
const TICK: Micros = 10_000;
/// RFC9293-MUST-40.
const ACK_DELAY: Micros = 500_000;

/// What is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Timers {
    /// What was sent again by a timer last, with when, and how long after the time before; until something comes.
    repeated: Option<(u32, Micros, Option<Micros>)>,
    /// That was a probe, or found lost by the time of what left later: the wait behind it is no timeout, and no other is twice as
    /// long.
    is_probe: bool,
    /// When the oldest text that is not acknowledged went out, or what was before it was acknowledged.
    runs_since: Option<(u32, Micros)>,
    /// What was lost is sent again up to here, because acknowledgments said so; and whether some of it was acknowledged
    /// since. Without SACK the timer may start anew the first time only (RFC 6582 §3.2, the impatient variant).
    recovers: Option<(u32, bool)>,
    /// Since when the timer has run, if nothing has come that may have started it anew.
    runs_untouched_since: Option<Micros>,
    /// Something has come since the oldest text went out: it may have told of what left later.
    is_overtaken: bool,
    /// How often timers have repeated the SYN.
    syns: u32,
    /// A SYN that was not acknowledged may come again soon: the peer has said that it knows nothing of it.
    is_hurried: bool,
    /// The peer's window was closed meanwhile: what is sent may be a probe of it.
    probes: bool,
    /// What was sent again ends here, and a timeout is not shorter than this before something else is acknowledged: no
    /// round trip was measured (RFC 6298 §3 and §5).
    backed_off: Option<(u32, Micros)>,
    /// SND.NXT after the event before.
    reached: Option<u32>,
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
            (Cause::Arrival(packet), _) => {
                self.repeated = None;
                self.runs_untouched_since = None;
                self.is_overtaken = true;
                let is_refused = packet.has(ACK) && packet.ack != reaction.snd_nxt();
                self.is_hurried |= is_refused && reaction.before == State::SynSent;
                self.recover(oldest, una, reaction);
            }
            // What was too big may leave again, and others with it.
            (Cause::TooBig, _) => {
                self.repeated = None;
                self.runs_untouched_since = None;
                self.is_overtaken = true;
            }
            (Cause::Timer | Cause::Call(..) | Cause::Error, _) => {}
        }
        // A timestamp tells which of them was acknowledged; and of what was sent once and is acknowledged selectively there
        // is no doubt.
        let has_blocks = |packet: &Packet<'_>| packet.options.sack_count > 0;
        let tells = matches!(reaction.cause, Cause::Arrival(packet) if has_blocks(packet));
        let measures = reaction.ledger.has_timestamps() || tells && reaction.has_selective();
        if measures || self.backed_off.is_some_and(|(end, _)| after(una, end)) {
            self.backed_off = None;
        }
        let has_moved = self.runs_since.is_some_and(|(since, _)| since != una);
        let is_new = self.runs_since.is_none() && una != reaction.snd_nxt();
        if has_moved || is_new {
            self.is_overtaken = has_moved;
            let since = match (self.recovers, self.runs_since) {
                (Some((end, true)), Some((_, since))) if after(end, una) => since,
                _ => reaction.now,
            };
            self.recovers = self.recovers.filter(|(end, _)| after(*end, una));
            self.recovers = self.recovers.map(|(end, _)| (end, true));
            self.runs_since = Some((una, since));
            self.runs_untouched_since = Some(reaction.now);
            self.probes = false;
        }
        let edge = reaction.standing.snd_edge;
        // So much of a window counts as none.
        let least = match choices.sends_bursts {
            true => reaction.smss(),
            false => 0,
        };
        self.probes |= edge.is_some_and(|edge| !after(edge, una.wrapping_add(least)));
        if self.probes {
            self.backed_off = None;
        }
        if una == reaction.snd_nxt() {
            self.runs_since = None;
        }
        self.reached = Some(reaction.snd_nxt());
        Ok(())
    }

    /// An acknowledgment has made the oldest text leave again.
    fn recover(&mut self, oldest: Option<&Packet<'_>>, una: u32, reaction: &Reaction<'_>) {
        let is_again = oldest.is_some() && self.runs_since.is_some_and(|(since, _)| since == una);
        if is_again && !reaction.has_selective() && self.recovers.is_none() {
            self.recovers = Some((reaction.snd_nxt(), false));
        }
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
        self.syns += u32::from(packet.has(SYN));
        let finds_by_time = choices.finds_losses_by_time && reaction.has_selective();
        let is_overtaken = finds_by_time && std::mem::take(&mut self.is_overtaken);
        if !self.probes && !is_overtaken {
            self.least(packet, passed, choices)?;
        }
        if let Some((_, _, Some(before))) = last {
            self.doubles(packet, (before, passed), choices)?;
        }
        if let Some((_, least)) = self.backed_off.filter(|_| last.is_none() && !self.probes)
            && passed + TICK < least
        {
            return wrong(
                &["RFC6298-6"],
                format!(
                    "the timeout does not stay backed off: {} ms, and no round trip was measured since it was {}",
                    passed / 1_000,
                    least / 1_000
                ),
            );
        }
        let is_behind_probe =
            std::mem::replace(&mut self.is_probe, finds_by_time && last.is_none());
        match self.is_probe {
            true => self.runs_untouched_since = Some(now),
            false => self.back_off(packet, now, choices),
        }
        let wait = last.filter(|_| !is_behind_probe).map(|_| passed);
        self.repeated = Some((packet.seq, now, wait));
        Ok(())
    }

    /// A timeout is not shorter than the least.
    fn least(
        &self,
        packet: &Packet<'_>,
        passed: Micros,
        choices: &Choices,
    ) -> Result<(), Violation> {
        let hurried = choices
            .hurried_syn
            .filter(|_| self.is_hurried && self.syns == 1);
        let least = match packet.has(SYN) {
            true => hurried.unwrap_or(choices.first_rto),
            false => choices.min_rto,
        };
        match passed + TICK < least {
            false => Ok(()),
            true => wrong(
                &["RFC6298-4", "RFC6298-8"],
                format!(
                    "a timer repeats after {} ms and should wait for {}",
                    passed / 1_000,
                    least / 1_000
                ),
            ),
        }
    }

    /// The next wait is twice as long.
    fn doubles(
        &self,
        packet: &Packet<'_>,
        (before, passed): (Micros, Micros),
        choices: &Choices,
    ) -> Result<(), Violation> {
        let most = match self.probes {
            true => choices.most_persist,
            false => choices.max_rto,
        };
        let is_linear = packet.has(SYN) && self.syns <= choices.linear_syns + 1;
        let is_least = self.probes && before <= choices.least_persist + TICK;
        if is_linear || is_least || passed + TICK >= (2 * before).min(most) {
            return Ok(());
        }
        wrong(
            &["RFC6298-11"],
            format!(
                "the wait for a repetition does not double: {} ms after {}",
                passed / 1_000,
                before / 1_000
            ),
        )
    }

    /// The timeout is twice as long as it was (RFC 6298 §5.5). That of a SYN is forgotten (§5.7), and what was sent
    /// for the first time beside what was repeated may be measured.
    fn back_off(&mut self, packet: &Packet<'_>, now: Micros, choices: &Choices) {
        let is_old = self
            .reached
            .is_some_and(|reached| !after(packet.end(), reached));
        let from = self.runs_untouched_since.replace(now);
        self.backed_off = match (from, self.backed_off) {
            _ if packet.has(SYN) || !is_old => None,
            (None, before) => before,
            (Some(from), before) => {
                let timeout = (2 * (now - from)).min(choices.max_rto);
                let end = before.map_or(packet.end(), |(end, _)| latest(end, packet.end()));
                Some((end, timeout))
            }
        };
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

/// The later of two numbers.
fn latest(one: u32, other: u32) -> u32 {
    if after(one, other) { one } else { other }
}
