//! What an attempt cannot decide: where the machine was late by little, but what was found would
//! be otherwise had it been on time.
//!
//! A kernel's timers fire with its ticks, which may be as far apart as the tolerance is wide. If the
//! harness acts a little late, a timer that this starts fires that much sooner after it, or, if a tick
//! has gone by meanwhile, nearly a tick later. The runner knows how late it acted and where the ticks
//! lie, so it knows what it would have seen. If the judgement would be another one, failing or passing,
//! the attempt is perturbed. So it is if it fails after lateness that distorts what a stack measures.

use std::time::Duration;

use super::checks::Checked;
use super::counted::counted_in;
use super::lateness::is_absolute;
use super::outbound::Seen;
use super::overtaken::overtaken;
use super::schedule::Due;
use super::{Run, Stop};
use crate::program::Step;
use crate::program::code::{CodeBlock, Names, Value};
use crate::time::Time;
use crate::verdict::{Failure, Perturbation};

/// What comes sooner after the event before is an answer; what comes later, a timer has sent.
pub(super) const ANSWER: Duration = Duration::from_millis(1);

/// No run is without drift: this part of a tick is ordinary, and cases begin so far into a tick that
/// it takes none of their events into the next.
const ORDINARY: u32 = 4;

/// Where a tick begins is known so exactly: what was done so shortly before may be in it.
const EDGE: Duration = Duration::from_micros(50);

/// A command that takes longer has been kept from its work, or is none to be quick.
pub(super) const QUICK_COMMAND: Duration = Duration::from_millis(25);

/// Lateness that changes little in what a stack measures during a wait of `gap`. What is due at once
/// waits for nothing, and a harness built without optimisation is late for it by itself.
pub(super) fn harmless(gap: Duration) -> Duration {
    match gap.is_zero() {
        true => ANSWER,
        false => gap.max(Duration::from_millis(1)) / 4,
    }
}

impl Run<'_> {
    /// How many ticks of the stack's clock went by because the run lags, up to `at`: at least, and
    /// at most.
    pub(super) fn ticks_crossed(&self, at: Time) -> [i64; 2] {
        let drift = self.lateness.drift();
        let latest = if drift > EDGE { at + EDGE } else { at };
        [at, latest].map(|at_most| {
            match (self.session.tick(at_most), self.session.tick(at - drift)) {
                (Some(real), Some(punctual)) => real.number - punctual.number,
                _ => 0,
            }
        })
    }

    /// Whether the time of a packet that a timer has sent would be judged alike on a punctual machine.
    pub(super) fn decide(&mut self, step: &Step, seen: &Seen, due: Due) -> Result<(), Stop> {
        let at = seen.observed.at;
        let base = self.base.end;
        if self.is_virtual || at.saturating_since(base) <= ANSWER {
            return Ok(());
        }
        if let (Some(tick), false) = (self.session.tick(base), is_absolute(step)) {
            let drift = self.lateness.drift();
            let is_punctual = |crossed: i64| {
                let ticks = tick.length * u32::try_from(crossed.unsigned_abs()).unwrap_or(0);
                let punctual = match crossed {
                    0 if drift <= tick.length / ORDINARY => at,
                    ..0 => at + drift + ticks,
                    0.. => at + drift - ticks,
                };
                due.error(punctual, self.tolerance) == 0
            };
            let seen = due.error(at, self.tolerance) == 0;
            let crossed = self.ticks_crossed(base);
            // A timer that is set while the tick is late is a tick too early.
            let late = self.lateness.late_tick.then_some(-1);
            let crossed: Vec<i64> = crossed.into_iter().chain(late).collect();
            if crossed.iter().any(|&crossed| is_punctual(crossed) != seen) {
                return Err(Stop::Perturbed(Perturbation {
                    span: step.span,
                    what: "what set the timer of this packet was",
                    late: drift.max(late.map_or(Duration::ZERO, |_| tick.length)),
                    allowed: None,
                }));
            }
        }
        self.lateness.set_pace();
        Ok(())
    }

    /// Whether a block would hold if what is counted in ticks had been counted from a tick before or
    /// after; empty if the run has not lagged by a tick, or nothing of that is asked for.
    pub(super) fn other_outcomes(&self, block: &CodeBlock) -> Vec<bool> {
        let now = self.base.end;
        let Some(tick) = self.session.tick(now).filter(|_| self.lateness.crossed) else {
            return Vec::new();
        };
        let mut changes = vec![Names::new()];
        for (name, unit) in counted_in(block) {
            let Some(number) = self.scope.number(name).filter(|&number| number != 0) else {
                continue;
            };
            let step = i128::from(u64::try_from(tick.length.as_micros()).unwrap_or(0)) / unit;
            let known = changes.clone();
            for other in [number - step, number + step] {
                changes.extend(known.iter().cloned().map(|mut names| {
                    names.insert(name.to_string(), Value::Int(other.max(0)));
                    names
                }));
            }
        }
        changes
            .iter()
            .skip(1)
            .filter_map(|names| self.scope.would_hold(block, names))
            .collect()
    }

    /// Takes what came of a block for an answer only if the others would be the same.
    pub(super) fn decide_check(
        &self,
        block: &CodeBlock,
        checked: &Checked,
        others: &[bool],
    ) -> Result<(), Stop> {
        let held = match checked {
            Checked::Held(_) => true,
            Checked::Broken { .. } => false,
            Checked::Raised(..) | Checked::NoPython(_) | Checked::Machine(_) => return Ok(()),
        };
        if others.iter().all(|&other| other == held) {
            return Ok(());
        }
        Err(Stop::Perturbed(Perturbation {
            span: block.span,
            what: "what is counted here in ticks may be one off; the harness was",
            late: self.lateness.drift(),
            allowed: None,
        }))
    }

    /// A failure after lateness that the stack's own measurements suffer from says nothing; nor does one
    /// where segments have changed places on their way.
    pub(super) fn unless_distorted(&mut self, failure: Box<Failure>) -> Stop {
        if self.is_virtual {
            return Stop::Failed(failure);
        }
        let changed_places = |late: Duration| Perturbation {
            span: failure.span.unwrap_or_default(),
            what: "a segment that a later one overtook on its way was",
            late,
            allowed: None,
        };
        let distortion = self.lateness.distortion.take();
        match distortion.or_else(|| overtaken(&self.trace).map(changed_places)) {
            Some(distortion) => Stop::Perturbed(distortion),
            None => Stop::Failed(failure),
        }
    }
}
