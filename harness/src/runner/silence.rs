//! `> nothing`: for a while the stack sends nothing on the connection.

use crate::expect::compare::difference;
use crate::expect::show;
use crate::program::{Step, TimeSpec};
use crate::target::Observed;
use crate::time::{Moment, Time};
use crate::trace::TraceEvent;
use crate::verdict::Failure;
use crate::wire::{self, Parsed};

use super::focus::Owner;
use super::schedule::Due;
use super::{Run, Stop};

/// The time in which nothing may be sent; both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Silence {
    from: Time,
    to: Time,
}

impl Silence {
    /// On a live machine the event before is known to a moment only: what may have been sent
    /// outside is outside. Right behind that event, whatever came after its beginning is inside,
    /// since no line has taken it.
    fn of(spec: TimeSpec, base: Moment, due: Due) -> Silence {
        match spec {
            TimeSpec::RelativeRange(from, to) => Silence {
                from: match from.is_zero() {
                    true => base.start,
                    false => base.end + from,
                },
                to: base.start + to,
            },
            TimeSpec::AbsoluteRange(..)
            | TimeSpec::Absolute(_)
            | TimeSpec::Relative(_)
            | TimeSpec::Any => Silence {
                from: due.earliest,
                to: due.latest.unwrap_or(due.earliest),
            },
        }
    }

    fn holds(self, at: Time) -> bool {
        self.from <= at && at <= self.to
    }
}

impl Run<'_> {
    /// Waits until the silence is over. Packets before it, and of other connections, are left for
    /// the lines behind.
    pub(super) fn silence(&mut self, step: &Step, due: Due) -> Result<(), Stop> {
        let silence = Silence::of(step.at.node, self.base, due);
        let end = due.nominal();
        let mut kept = Vec::new();
        let result = self.listen_for(step, silence, end, &mut kept);
        kept.into_iter()
            .rev()
            .for_each(|observed| self.waiting.push_front(observed));
        result?;
        self.base = Moment {
            start: silence.to,
            end,
        };
        Ok(())
    }

    fn listen_for(
        &mut self,
        step: &Step,
        silence: Silence,
        end: Time,
        kept: &mut Vec<Observed>,
    ) -> Result<(), Stop> {
        while let Some(observed) = self.next_packet(end)? {
            let read =
                wire::parse(&observed.bytes).and_then(|parsed| self.take_out_of_udp(parsed, None));
            let (parsed, _) = match read {
                Ok(read) => read,
                Err(problem) => return Err(self.unreadable(observed, &problem, None)),
            };
            let owner = match self.is_piece_of_ours(&parsed) {
                true => Owner::Current,
                false => self.owner(&parsed.packet, observed.at),
            };
            match owner {
                Owner::Current if silence.holds(observed.at) => {
                    return Err(self.not_silent(step, observed, &parsed));
                }
                Owner::Current | Owner::Other => kept.push(observed),
                Owner::Past(place) => self.leave_over_late(observed, place),
                Owner::Nobody => self.pass_over(observed, &parsed),
            }
        }
        Ok(())
    }

    fn not_silent(&mut self, step: &Step, observed: Observed, parsed: &Parsed) -> Stop {
        let pattern = self.as_written(&parsed.packet, None);
        let got = self.tagged(show::packet(&pattern, false));
        let at = observed.at;
        self.trace.push(
            at,
            TraceEvent::Sent(observed.bytes),
            Some(step.span),
            got.clone(),
        );
        self.fail(Failure {
            code: "R010",
            message: "the stack sent a packet while it should send nothing".to_string(),
            label: format!("at {at}: {got}"),
            span: Some(step.span),
            differences: vec![difference("surplus", "nothing", got)],
            notes: Vec::new(),
            help: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::schedule::due;
    use rstest::rstest;
    use std::time::Duration;

    fn at(millis: i64) -> Time {
        Time::from_micros(millis * 1000)
    }

    fn relative(from: u64, to: u64) -> TimeSpec {
        TimeSpec::RelativeRange(Duration::from_millis(from), Duration::from_millis(to))
    }

    /// The event before happened between 10 and 14 ms.
    #[rstest]
    #[case::right_behind_the_event(relative(0, 100), 10, 110)]
    #[case::later(relative(50, 100), 64, 110)]
    #[case::by_the_clock(TimeSpec::AbsoluteRange(at(20), at(30)), 20, 30)]
    fn only_what_is_certainly_inside_breaks_the_silence(
        #[case] spec: TimeSpec,
        #[case] from: i64,
        #[case] to: i64,
    ) {
        let base = Moment {
            start: at(10),
            end: at(14),
        };
        let silence = Silence::of(spec, base, due(spec, base));
        assert_eq!((silence.from, silence.to), (at(from), at(to)));
        assert!(silence.holds(at(from)) && silence.holds(at(to)));
        assert!(!silence.holds(at(from - 1)) && !silence.holds(at(to + 1)));
    }
}
