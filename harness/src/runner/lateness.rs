//! What the machine did to a run: how late the harness itself was, and which late packet is not
//! the stack's doing.
//!
//! A live machine is late now and then: it wakes the harness too late, stops it in the middle of an
//! injection, or stands still as a whole. All of that is measured. Beyond what is allowed the
//! attempt is *perturbed* and says nothing about the stack, whatever it would have come to.

use std::time::Duration;

use crate::call::Outcome;
use crate::program::{Action, CallStep, Step, TimeSpec};
use crate::source::Span;
use crate::time::{Moment, Time};
use crate::verdict::{Difference, Perturbation};

use super::outbound::Seen;
use super::schedule::Due;
use super::{Run, Stop, outputs, undecided};

/// No tolerance of a script asks for more punctuality than this.
const LEAST_ALLOWED: Duration = Duration::from_millis(1);
/// A command's own time explains a delay of what follows up to this; beyond it the script is wrong.
const COMMAND: Duration = Duration::from_millis(500);

/// A run that keeps to its schedule shortens a wait by no more than this part of it, which changes
/// little in what a stack measures.
const CAUGHT_UP: u32 = 4;

/// How punctual a run has been so far.
#[derive(Debug)]
pub(super) struct Lateness {
    /// How late the harness may be: the fixed tolerance, however long the wait was.
    allowed: Duration,
    /// When the step at hand was due, and where it stands.
    pub(super) nominal: Time,
    span: Span,
    /// How far the run lags behind the script by the harness's own lateness.
    behind: Duration,
    /// The same before the step at hand, and before what a train of inbound packets is counted from.
    behind_before: Duration,
    behind_train: Duration,
    /// Lateness of single steps that was more than a wake-up takes, in sum.
    noticed: Duration,
    noticed_before: Duration,
    /// The largest lateness so far, as a share of what is allowed.
    pub(super) strain: f64,
    /// How far the run lagged when the stack's own timers last set its pace.
    paced: Duration,
    /// The wait before the step at hand.
    gap: Duration,
    /// The first lateness, within what is allowed, that what the stack measures may suffer from.
    pub(super) distortion: Option<Perturbation>,
    /// A step was in another tick of the stack's clock than it would have been.
    pub(super) crossed: bool,
    /// A tick was late when a step was taken that the stack's next timer may have been set by.
    pub(super) late_tick: bool,
    /// Waits are shortened so that the run lags no longer.
    catches_up: bool,
}

impl Lateness {
    /// Nothing has happened yet.
    pub(super) fn new(tolerance: Duration) -> Lateness {
        Lateness {
            allowed: tolerance.max(LEAST_ALLOWED),
            nominal: Time::ZERO,
            span: Span::default(),
            behind: Duration::ZERO,
            behind_before: Duration::ZERO,
            behind_train: Duration::ZERO,
            noticed: Duration::ZERO,
            noticed_before: Duration::ZERO,
            strain: 0.0,
            paced: Duration::ZERO,
            gap: Duration::ZERO,
            distortion: None,
            crossed: false,
            late_tick: false,
            catches_up: false,
        }
    }

    /// From here on no wait begins where the last one ended late: single waits come out a little
    /// shorter than the script says, and its times as a whole exact.
    pub(super) fn keep_to_the_schedule(&mut self) {
        self.catches_up = true;
    }

    /// A step begins for which the harness acts itself. `in_train`: it is an inbound packet whose
    /// time is counted from when the one before was due.
    fn begin(&mut self, step: &Step, nominal: Time, since: Time, in_train: bool) {
        self.nominal = nominal;
        self.gap = nominal.saturating_since(since);
        self.span = step.span;
        if is_absolute(step) {
            self.behind = Duration::ZERO;
            self.paced = Duration::ZERO;
        } else if in_train {
            self.behind = self.behind_train;
        }
        self.behind_before = self.behind;
        self.catch_up();
        self.behind_train = self.behind;
        self.noticed_before = self.noticed;
    }

    /// Shortens the wait for the step at hand by what the run lags, if it is to keep to its schedule.
    fn catch_up(&mut self) {
        if !self.catches_up {
            return;
        }
        let ahead = self.drift().min(self.gap / CAUGHT_UP);
        self.nominal = self.nominal - ahead;
        self.behind -= ahead;
        self.behind_before = self.behind;
    }

    /// The step at hand was `late`; a later measurement of the same step replaces an earlier one.
    fn note(&mut self, late: Duration) -> Result<(), Stop> {
        self.behind = self.behind_before + late;
        if late > self.allowed / 4 {
            self.noticed = self.noticed_before + late;
        }
        self.strain = self
            .strain
            .max(late.as_secs_f64() / self.allowed.as_secs_f64());
        if late > self.allowed {
            return Err(self.perturbed("the harness was", late));
        }
        if late > undecided::harmless(self.gap) {
            self.distorted("the harness was", late);
        }
        Ok(())
    }

    /// How far the run lags since the stack's own timers last set its pace.
    pub(super) fn drift(&self) -> Duration {
        self.behind.saturating_sub(self.paced)
    }

    /// A timer of the stack has set the pace: what comes next is counted from there.
    pub(super) fn set_pace(&mut self) {
        self.paced = self.behind;
        self.late_tick = false;
    }

    fn distorted(&mut self, what: &'static str, late: Duration) {
        let span = self.span;
        self.distortion.get_or_insert(Perturbation {
            span,
            what,
            late,
            allowed: None,
        });
    }

    fn perturbed(&self, what: &'static str, late: Duration) -> Stop {
        Stop::Perturbed(Perturbation {
            span: self.span,
            what,
            late,
            allowed: Some(self.allowed),
        })
    }
}

impl Run<'_> {
    /// Waits until the harness is to act.
    ///
    /// If the time had passed before the events before were over, they took longer than the script
    /// says: a failure, unless it was the machine's doing.
    pub(super) fn act_at(&mut self, step: &Step, due: Due) -> Result<(), Stop> {
        let nominal = due.nominal();
        let slack = self.tolerance.for_gap(due.gap);
        let reached = if self.is_virtual {
            self.session.now()
        } else {
            self.base.end
        };
        let overrun = reached.saturating_since(nominal);
        if overrun > slack {
            if !self.is_virtual && overrun.saturating_sub(self.lateness.behind) <= slack {
                self.lateness.span = step.span;
                return Err(self.lateness.perturbed("what comes before was", overrun));
            }
            return Err(self.too_late(step, nominal, overrun));
        }
        let in_train = self.inbound_due.is_some() && matches!(step.action, Action::Inject(_));
        let since = self.base.end;
        self.lateness.begin(step, nominal, since, in_train);
        self.session.sleep_until(self.lateness.nominal)?;
        let now = self.session.now();
        self.acted(now)
    }

    /// Takes in that the step at hand really began, or was done, at `at`. Called before
    /// `self.base` moves on: what the events before took is no lateness of this one.
    pub(super) fn acted(&mut self, at: Time) -> Result<(), Stop> {
        if self.is_virtual {
            return Ok(());
        }
        let ready = self.lateness.nominal.max(self.base.end);
        self.lateness.note(at.saturating_since(ready))?;
        self.lateness.crossed |= self.ticks_crossed(at) != [0, 0] || self.session.kept_waiting();
        if self.session.is_tick_late() {
            self.lateness.crossed = true;
            self.lateness.late_tick = true;
            let length = self.session.tick(at).map(|tick| tick.length);
            let length = length.unwrap_or_default();
            self.lateness
                .distorted("a tick of the stack's clock was", length);
        }
        Ok(())
    }

    /// A call, from its beginning to its end. One that waits, as it may, is no lateness; one that
    /// the machine kept from going on is.
    pub(super) fn called(&mut self, moment: Moment) -> Result<(), Stop> {
        self.acted(moment.start)?;
        let took = moment.end.saturating_since(moment.start);
        if took > undecided::ANSWER {
            self.lateness.set_pace();
        }
        if self.is_virtual || took <= self.lateness.allowed {
            return Ok(());
        }
        let held_up = self.session.held_up(moment.start, moment.end);
        if took.saturating_sub(held_up) > self.lateness.allowed {
            return Ok(());
        }
        Err(self.lateness.perturbed("the end of this call was", took))
    }

    /// A command's time is the machine's, and so is a code block's: nothing can be said about how long
    /// one should take.
    pub(super) fn commanded(&mut self, step: &Step, took: Duration) {
        self.lateness.behind += took.min(COMMAND);
        if took > undecided::QUICK_COMMAND {
            self.lateness.span = step.span;
            self.lateness.distorted("the end of this step was", took);
        }
    }

    /// Whether the machine explains the time at which a packet came: that attempt is perturbed.
    /// Otherwise the stack answers for it.
    pub(super) fn excuse(&mut self, step: &Step, seen: &Seen, due: Due) -> Result<(), Stop> {
        let (Some(latest), false) = (due.latest, self.is_virtual) else {
            return Ok(());
        };
        for at in [seen.first_at, seen.observed.at] {
            let error = due.error(at, self.tolerance);
            let off = Duration::from_micros(error.unsigned_abs());
            let (what, machine) = match error {
                0 => continue,
                // The stack counts from what really happened, the script from its own schedule.
                1.. if is_absolute(step) => (
                    "this packet, or what it answers, was",
                    self.lateness.behind + self.session.held_up(latest, at),
                ),
                1.. => ("this packet was", self.session.held_up(latest, at)),
                // A timer older than the event before does not wait for a late harness, nor does what a
                // call has sent for the call's return.
                _ => {
                    let held_up = self.session.held_up(at, self.base.start);
                    ("the event before was", self.lateness.noticed.max(held_up))
                }
            };
            let slack = self.tolerance.for_gap(due.gap);
            if off.saturating_sub(machine) <= slack {
                return Err(Stop::Perturbed(Perturbation {
                    span: step.span,
                    what,
                    late: if error > 0 { off } else { machine },
                    allowed: Some(slack),
                }));
            }
        }
        Ok(())
    }

    /// Whether the machine explains time stamps that a call gave. They count from the start of the
    /// script, so all its lateness since then is in them.
    pub(super) fn excuse_stamps(
        &mut self,
        step: &CallStep,
        outcome: &Outcome,
        differences: &[Difference],
    ) -> Result<(), Stop> {
        if self.is_virtual || differences.iter().any(|found| found.field != "time") {
            return Ok(());
        }
        let now = self.session.now();
        let late = self.lateness.behind + self.session.held_up(Time::ZERO, now);
        let wider = self.tolerance.fixed + late;
        let left = outputs::differences(&step.expect.output, &outcome.output, wider);
        if !left.is_empty() {
            return Ok(());
        }
        Err(self.lateness.perturbed("a time stamp was", late))
    }

    /// Whether the machine explains that a blocking call came back late, by its own clock.
    pub(super) fn excuse_end(
        &mut self,
        span: Span,
        latest: Time,
        moment: Moment,
        slack: Duration,
    ) -> Result<(), Stop> {
        if self.is_virtual {
            return Ok(());
        }
        let late = moment.end.saturating_since(latest);
        if late > slack && late.saturating_sub(self.session.held_up(latest, moment.end)) <= slack {
            return Err(Stop::Perturbed(Perturbation {
                span,
                what: "the end of this call was",
                late,
                allowed: Some(slack),
            }));
        }
        Ok(())
    }
}

pub(super) fn is_absolute(step: &Step) -> bool {
    matches!(
        step.at.node,
        TimeSpec::Absolute(_) | TimeSpec::AbsoluteRange(..)
    )
}
