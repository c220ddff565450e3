//! One of the threads that work the batches off, a kernel at a time.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::VmTarget;
use super::follow::unasked;
use super::kernel::Kernel;
use crate::suite::ExecuteSettings;
use crate::trace::Trace;
use crate::verdict::{CaseError, CaseResult, Verdict};
use crate::vm::protocol::{Job, Report, Unit};

/// What such a kernel says is not worth reading on.
const UNKNOWN: &str = "the kernel tells of a case that it does not have";
const ANOTHER: &str = "the kernel tells of another case than it has begun";

/// What a kernel says whose processes somebody outside has stopped and let go on: it takes the signal for one of
/// its own. That says nothing about the case.
const DISTURBED: &str = "userspace - child stopped with signal";
/// How often a case is run again for that.
const AGAIN: usize = 3;

fn times(disturbed: &BTreeMap<usize, usize>, unit: usize) -> usize {
    disturbed.get(&unit).copied().unwrap_or_default()
}

/// A unit with its result.
#[derive(Debug)]
pub(super) struct News {
    pub(super) unit: Unit,
    pub(super) result: Box<CaseResult>,
}

/// What a thread works with.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    pub(super) target: &'a VmTarget,
    pub(super) settings: &'a ExecuteSettings,
    pub(super) queue: &'a Mutex<VecDeque<Vec<Unit>>>,
    pub(super) news: Sender<News>,
    /// Where its kernels run.
    pub(super) processor: usize,
}

/// How a kernel's life ended.
enum End {
    /// With all units done, or with the run.
    Good,
    /// Before it began one, and why.
    Unborn(String),
    /// With this unit in hand, and why.
    With(usize, String),
    /// Between two units, and why.
    Between(String),
}

impl Worker<'_> {
    /// Works batches off until there is none left, or the run is to end.
    pub(super) fn work(&self) {
        loop {
            let next = {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.pop_front()
            };
            match next {
                Some(batch) if !self.is_over() => self.batch(batch),
                Some(_) | None => return,
            }
        }
    }

    fn is_over(&self) -> bool {
        self.settings.interrupt.is_raised()
    }

    /// Runs a batch, on as many kernels as it takes.
    fn batch(&self, mut units: Vec<Unit>) {
        let mut disturbed = BTreeMap::new();
        while !units.is_empty() && !self.is_over() {
            let before = units.len();
            match self.one_kernel(&mut units, &disturbed) {
                End::Good => return,
                // It has got on, so another one may.
                End::Between(_) if units.len() < before => {}
                End::Between(why) | End::Unborn(why) => self.give_up(&mut units, &why),
                End::With(number, why)
                    if why.contains(DISTURBED) && times(&disturbed, number) < AGAIN =>
                {
                    *disturbed.entry(number).or_default() += 1;
                }
                End::With(number, why) => {
                    if let Some(place) = units.iter().position(|unit| unit.number == number) {
                        self.tell_error(units.remove(place), why);
                    }
                }
            }
        }
    }

    /// None of these can be run: another kernel would not be better.
    fn give_up(&self, units: &mut Vec<Unit>, why: &str) {
        let mut units = units.drain(..);
        let Some(first) = units.next() else { return };
        let others = format!("no kernel could be had for it, nor for {}", first.case.name);
        self.tell_error(first, why.to_owned());
        for unit in units {
            self.tell_error(unit, others.clone());
        }
    }

    fn tell_error(&self, unit: Unit, why: String) {
        let result = CaseResult {
            case: unit.case.name.clone(),
            target: String::new(),
            ip_version: unit.ip_version,
            verdict: Verdict::Error(CaseError::Machine(why)),
            covers: unit.case.header().covers,
            wall: Duration::ZERO,
            script_time: Duration::ZERO,
            perturbed: 0,
            trace: Trace::default(),
            message: String::new(),
        };
        self.tell(unit, Box::new(result));
    }

    fn tell(&self, unit: Unit, result: Box<CaseResult>) {
        // Whoever listens does so until all threads are through.
        let _ = self.news.send(News { unit, result });
    }

    /// Boots a kernel and takes the units that it has done off the list.
    fn one_kernel(&self, units: &mut Vec<Unit>, disturbed: &BTreeMap<usize, usize>) -> End {
        let job = Job::Run {
            units: units.clone(),
            settings: Box::new(self.settings.clone()),
            link: self.target.link,
        };
        match Kernel::boot(&self.target.kernel, &job, self.processor) {
            Ok(mut kernel) => self.follow(&mut kernel, units, disturbed),
            Err(problem) => End::Unborn(problem),
        }
    }

    fn follow(
        &self,
        kernel: &mut Kernel,
        units: &mut Vec<Unit>,
        disturbed: &BTreeMap<usize, usize>,
    ) -> End {
        let mut in_hand: Option<(usize, Instant)> = None;
        let mut is_born = false;
        let hear = |report| {
            match report {
                Report::Ready => is_born = true,
                Report::Began { unit } => {
                    if !units.iter().any(|one| one.number == unit) {
                        return ControlFlow::Break(Err(UNKNOWN.to_owned()));
                    }
                    in_hand = Some((unit, Instant::now()));
                }
                Report::Ended { unit, mut result } => {
                    let place = units.iter().position(|one| one.number == unit);
                    let (Some(place), Some((began, since))) = (place, in_hand.take()) else {
                        return ControlFlow::Break(Err(UNKNOWN.to_owned()));
                    };
                    if began != unit {
                        return ControlFlow::Break(Err(ANOTHER.to_owned()));
                    }
                    result.wall = since.elapsed();
                    result.perturbed += times(disturbed, unit);
                    self.tell(units.remove(place), result);
                }
                Report::Learning { .. } | Report::Learned(_) => return unasked(),
                Report::Done => return ControlFlow::Break(Ok(())),
                Report::Refused { problem } => return ControlFlow::Break(Err(problem)),
            }
            ControlFlow::Continue(())
        };
        match kernel.follow(self.target.patience, || self.is_over(), hear) {
            Ok(_) => End::Good,
            Err(why) => match in_hand {
                Some((unit, _)) => End::With(unit, why),
                None if is_born => End::Between(why),
                None => End::Unborn(why),
            },
        }
    }
}
