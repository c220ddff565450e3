//! One of the threads that work the batches off, a kernel at a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::VmTarget;
use super::kernel::Kernel;
use super::tail::Tail;
use super::watchdog::Watchdog;
use crate::suite::ExecuteSettings;
use crate::trace::Trace;
use crate::verdict::{CaseError, CaseResult, Verdict};
use crate::vm::protocol::{Job, Report, Unit};

/// How often a kernel's reports are looked for.
pub(super) const LOOK: Duration = Duration::from_millis(2);

/// What such a kernel says is not worth reading on.
const UNKNOWN: &str = "the kernel tells of a case that it does not have";

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
        let booted = Kernel::boot(&self.target.kernel, &job);
        let booted = booted.and_then(|kernel| Ok((kernel.reports()?, kernel)));
        match booted {
            Ok((reports, mut kernel)) => self.follow(&mut kernel, reports, units, disturbed),
            Err(problem) => End::Unborn(problem),
        }
    }

    fn follow(
        &self,
        kernel: &mut Kernel,
        mut reports: Tail,
        units: &mut Vec<Unit>,
        disturbed: &BTreeMap<usize, usize>,
    ) -> End {
        let mut watchdog = Watchdog::new(self.target.patience);
        let mut in_hand: Option<(usize, Instant)> = None;
        let mut is_born = false;
        let mut has_ended = false;
        let why = loop {
            if self.is_over() {
                return End::Good;
            }
            match reports.next() {
                Ok(Some(Report::Ready)) => is_born = true,
                Ok(Some(Report::Began { unit })) => {
                    if !units.iter().any(|one| one.number == unit) {
                        break UNKNOWN.to_owned();
                    }
                    in_hand = Some((unit, Instant::now()));
                }
                Ok(Some(Report::Ended { unit, mut result })) => {
                    let place = units.iter().position(|one| one.number == unit);
                    let (Some(place), Some((began, since))) = (place, in_hand.take()) else {
                        break UNKNOWN.to_owned();
                    };
                    if began != unit {
                        break "the kernel tells of another case than it has begun".to_owned();
                    }
                    result.wall = since.elapsed();
                    result.perturbed += times(disturbed, unit);
                    self.tell(units.remove(place), result);
                }
                Ok(Some(Report::Learning { .. } | Report::Learned(_))) => {
                    break "the kernel tells of what it was not asked".to_owned();
                }
                Ok(Some(Report::Done)) => return End::Good,
                Ok(Some(Report::Refused { problem })) => break problem,
                Ok(None) if has_ended => break "the kernel has ended".to_owned(),
                Ok(None) => {
                    // What it has said before its end is read once more.
                    has_ended = kernel.ended().is_some();
                    if watchdog.is_over(Instant::now()) {
                        let patience = self.target.patience.as_secs();
                        break format!("the kernel hangs: no word from it for {patience} s");
                    }
                    if !has_ended {
                        std::thread::sleep(LOOK);
                    }
                    continue;
                }
                Err(problem) => break problem.to_string(),
            }
            watchdog.news();
        };
        let why = format!("{why}{}", kernel.last_words());
        match in_hand {
            Some((unit, _)) => End::With(unit, why),
            None if is_born => End::Between(why),
            None => End::Unborn(why),
        }
    }
}
