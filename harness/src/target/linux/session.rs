//! One case's host on the running kernel.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::CpuSet;

use super::alone::{self, Presence};
use super::blocking::{Finished, InFlight};
use super::cable::Link;
use super::calls::{self, Nature};
use super::children;
use super::clock::{self, Clock, Nanos};
use super::destroy;
use super::fds::FdTable;
use super::gate::Gate;
use super::guardian;
use super::info;
use super::jiffies::Jiffies;
use super::line::Line;
use super::machine::CaseMachine;
use super::netns;
use super::orphans;
use super::priority;
use super::process::Process;
use super::signals::Signals;
use super::survivor::{self, Legacy};
use super::tick;
use super::virtual_time;
use super::watch::Watch;
use super::wheel::{self, Wheels};
use super::worker::Worker;
use crate::call::{Call, Fd};
use crate::target::{
    CallReport, CommandContext, CommandReport, Observed, Session, SessionSettings, Starter,
    TargetError, Tick, commands,
};
use crate::time::{Moment, Time};

/// How often connections left over are reset: an inexact sequence number draws the exact one,
/// which the next reset has.
const RESET_ROUNDS: usize = 3;

/// A call's thread that waits for a processor for longer is noticed.
const NOTICED: Nanos = 500_000;

/// Setting up takes locks of the whole kernel: more than two at a time only wait for each other.
static SETTING_UP: Gate = Gate::new(2);

/// A network namespace with a thread in it, and both sides of its wire.
///
/// Packets and time are the business of the thread that owns the session; calls and commands are
/// made by the thread in the namespace.
#[derive(Debug)]
pub(super) struct LinuxSession {
    in_flight: Option<InFlight>,
    /// With the worker while a command runs.
    machine: Option<CaseMachine>,
    signals: Signals,
    process: Option<Process>,
    /// Given up once the connections are ended.
    _legacy: Option<Legacy>,
    worker: Worker,
    fds: Arc<FdTable>,
    line: Line,
    /// Nobody watches in virtual time.
    watch: Option<Arc<Watch>>,
    wheels: Option<&'static Wheels>,
    /// How far into a tick the clock is to be started.
    into_tick: Nanos,
    /// Watches the kernel's count of its ticks.
    jiffies: Option<Jiffies>,
    /// A connection may have been left to the kernel: a descriptor was closed, or a connection one way, and who else
    /// does what is not known. All others end with their descriptors.
    may_have_orphans: bool,
    /// The processors that the case runs on.
    place: CpuSet,
    /// Until when a thread that makes calls waited for a processor, and how long.
    waits: Vec<(Nanos, Nanos)>,
    /// The last to go: until then nothing of the case is left.
    presence: Option<Presence>,
}

impl LinuxSession {
    pub(super) fn open(
        settings: &SessionSettings,
        link: Link,
    ) -> Result<LinuxSession, TargetError> {
        let is_live = !virtual_time::rules();
        let presence = alone::beside_others();
        clock::set_exact_timers();
        let settings = settings.clone();
        let _turn = is_live.then(|| SETTING_UP.enter());
        let (worker, (legacy, wire)) = Worker::of_session(move || {
            netns::enter()?;
            let legacy = survivor::look_after();
            netns::configure(&settings, link).map(|wire| (legacy, wire))
        })?;
        Ok(LinuxSession {
            in_flight: None,
            machine: Some(CaseMachine::new(wire.route, None, false)),
            signals: Signals::default(),
            process: None,
            _legacy: legacy,
            worker,
            fds: Arc::default(),
            presence: Some(presence),
            line: Line::over(wire.cable, wire.capture),
            watch: is_live.then(Watch::shared),
            wheels: is_live.then(Wheels::shared),
            into_tick: tick::place_for(&BTreeSet::new()),
            jiffies: None,
            may_have_orphans: false,
            place: CpuSet::new(),
            waits: Vec::new(),
        })
    }

    /// Notes how long a call's thread waited for a processor, if that was long.
    fn note_wait(&mut self, finished: Option<&Finished>) {
        if let Some(finished) = finished.filter(|finished| finished.waited > NOTICED) {
            self.waits.push((finished.end, finished.waited));
        }
    }

    fn note_ending(&mut self, call: &Call) {
        let ends = matches!(
            call,
            Call::Close { .. } | Call::Shutdown { .. } | Call::Dup { .. }
        );
        self.may_have_orphans |= ends || matches!(call, Call::WithNull { .. });
    }

    /// Makes a call that does not wait, in virtual time, where nobody else has to.
    fn call_here(&mut self, call: &Call, nature: Nature) -> Result<CallReport, TargetError> {
        let start = self.line.now();
        let outcome = calls::perform(call, &self.fds);
        if nature == Nature::Prompt {
            self.line.stir();
        }
        let finished = Finished {
            start,
            end: self.line.now(),
            waited: 0,
            outcome,
        };
        report(self.line.clock, Some(finished))
    }

    /// Closes every descriptor of the case, resetting its connections.
    fn close_all(&self) {
        let fds = Arc::clone(&self.fds);
        let _ = self.worker.run(move || {
            for fd in fds.take_all() {
                // Linger on with time 0: reset at once instead of closing in good order.
                let linger: Vec<u8> = [1_i32, 0]
                    .iter()
                    .flat_map(|word| word.to_ne_bytes())
                    .collect();
                calls::set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
                // Not interesting: there is nobody left to tell.
                let _ = nix::unistd::close(fd);
            }
        });
    }

    /// Ends the connections that outlive their descriptors, which would keep the namespace alive:
    /// by the kernel's own means or, where it has none, by a reset from the peer.
    fn end_orphans(&mut self) {
        if !self.may_have_orphans {
            return;
        }
        for _ in 0..RESET_ROUNDS {
            self.line.stir();
            let in_use = self.worker.run(orphans::all_in_use);
            if in_use.is_ok_and(|number| number == 0) || self.line.take_sent().is_err() {
                return;
            }
            if matches!(self.worker.run(destroy::every_connection), Ok(Ok(_))) {
                continue;
            }
            self.line.reset_all();
        }
    }
}

impl Session for LinuxSession {
    fn be_punctual(&mut self) {
        let Some(wheels) = self.wheels else { return };
        let place = wheels.best();
        self.place = place;
        let punctual = move || {
            wheel::run_on(&place);
            priority::urgent();
        };
        let _ = self.worker.run(punctual);
        punctual();
    }

    fn keep_from_ticks(&mut self, moments: BTreeSet<Time>) {
        self.into_tick = tick::place_for(&moments);
    }

    fn start(&mut self) {
        self.line.start(self.into_tick);
        self.jiffies = self.watch.as_ref().and_then(|_| Jiffies::new());
    }

    fn now(&mut self) -> Time {
        let now = self.line.now();
        self.line.clock.time(now)
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        self.line.sleep_until(time)
    }

    fn held_up(&mut self, from: Time, to: Time) -> Duration {
        let (Some(watch), Some(wheels)) = (&self.watch, self.wheels) else {
            return Duration::ZERO;
        };
        let (from, to) = (self.line.clock.instant(from), self.line.clock.instant(to));
        let waited = self.waits.iter().map(|&(end, length)| {
            let start = (end - length).max(from);
            (end.min(to) - start).max(0)
        });
        let longest = watch.held_up(from, to).max(waited.sum());
        let longest = longest.max(wheels.held_up(&self.place, from, to));
        Duration::from_nanos(u64::try_from(longest).unwrap_or(0))
    }

    fn is_tick_late(&self) -> bool {
        self.jiffies.as_ref().is_some_and(Jiffies::are_late)
    }

    fn kept_waiting(&self) -> bool {
        if self.watch.is_none() {
            return false;
        }
        let in_flight = self.in_flight.as_ref().map_or(0, InFlight::waited);
        in_flight > NOTICED || !self.waits.is_empty()
    }

    fn tick(&self, time: Time) -> Option<Tick> {
        Some(tick::around(self.line.clock.instant(time)))
    }

    fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        self.line.inject(datagram)
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        self.line.next_packet(deadline)
    }

    fn call(&mut self, call: &Call, limit: Duration) -> Result<CallReport, TargetError> {
        self.note_ending(call);
        let thread = self.in_flight.as_ref().map(InFlight::thread);
        if let Some(outcome) = self.signals.perform(call, thread) {
            self.line.stir();
            let now = self.line.clock.now();
            return Ok(CallReport::Returned {
                moment: Moment::at(now),
                outcome: outcome?,
            });
        }
        if self.worker.is_here()
            && let Some(nature) = calls::nature(call, &self.fds)
        {
            return self.call_here(call, nature);
        }
        if !calls::is_on_descriptors(call) {
            self.worker.move_in()?;
        }
        self.line.stir();
        let takes_a_right = matches!(call, Call::CapSet { .. });
        let (call, fds, clock) = (call.clone(), Arc::clone(&self.fds), self.line.clock);
        let line = &mut self.line;
        let finished = self.worker.run_within(
            limit,
            move || {
                let _held_off = children::held_off(&call);
                let waited = priority::waited_for_processor();
                let start = clock::monotonic_nanos();
                let outcome = calls::perform(&call, &fds);
                let end = clock::monotonic_nanos();
                Finished {
                    start,
                    end,
                    waited: priority::waited_for_processor() - waited,
                    outcome,
                }
            },
            || line.keep_going(),
        )?;
        if takes_a_right {
            self.worker.use_up();
        }
        self.note_wait(finished.as_ref());
        report(clock, finished)
    }

    fn start_call(&mut self, call: &Call) -> Result<Moment, TargetError> {
        if self.in_flight.is_some() {
            return Err(TargetError::Machine(
                "a second blocking call was started while one is in flight".into(),
            ));
        }
        self.note_ending(call);
        self.line.stir();
        let in_flight = InFlight::start(&self.worker, call.clone(), Arc::clone(&self.fds))?;
        let began = in_flight.settle();
        self.in_flight = Some(in_flight);
        let (start, end) = began?;
        Ok(self.line.clock.moment(start, end))
    }

    fn finish_call(&mut self, deadline: Time) -> Result<CallReport, TargetError> {
        let Some(in_flight) = &mut self.in_flight else {
            return Err(TargetError::Machine(
                "no blocking call was started whose end could be waited for".into(),
            ));
        };
        let line = &mut self.line;
        line.stir();
        let clock = line.clock;
        let limit = clock::until(clock.instant(deadline));
        let finished = in_flight.wait(limit, || line.keep_going())?;
        if finished.is_some() {
            self.in_flight = None;
        }
        self.note_wait(finished.as_ref());
        report(clock, finished)
    }

    fn prepare_commands(&mut self, context: &CommandContext) -> Result<(), TargetError> {
        self.line.stir();
        if context.alone && !self.presence.as_ref().is_some_and(Presence::is_alone) {
            // Let go first: two that hold on to each other would wait for ever.
            self.presence = None;
            self.presence = Some(alone::alone());
        }
        if let Some(machine) = &mut self.machine {
            machine.prepare(context);
        }
        Ok(())
    }

    fn starter(&self) -> Starter {
        children::spawn
    }

    fn command(&mut self, command: &str) -> Result<CommandReport, TargetError> {
        let Some(mut machine) = self.machine.take() else {
            return Err(TargetError::Machine(
                "a command before this one never came back".into(),
            ));
        };
        guardian::from_here();
        self.may_have_orphans = true;
        self.worker.move_in()?;
        self.line.stir();
        let text = command.to_owned();
        let line = &mut self.line;
        let ended = self.worker.run_within(
            Duration::MAX,
            move || {
                let report = commands::run(&text, &mut machine);
                (machine, report)
            },
            || line.keep_going(),
        )?;
        let Some((machine, report)) = ended else {
            return Err(TargetError::Machine("the command was given up".into()));
        };
        if machine.has_moved() {
            self.worker.use_up();
        }
        self.machine = Some(machine);
        report
    }

    fn socket_info(&mut self, fd: Fd) -> Result<BTreeMap<String, i64>, TargetError> {
        self.line.stir();
        let fds = Arc::clone(&self.fds);
        self.worker.run(move || info::snapshot(fd, &fds))?
    }

    fn peer(&mut self, fd: Fd) -> Result<Option<SocketAddr>, TargetError> {
        let fds = Arc::clone(&self.fds);
        self.worker.run(move || calls::peer(fds.live(fd)))
    }

    fn start_process(&mut self, peer: SocketAddr) -> Result<(), TargetError> {
        if self.process.is_some() {
            return Err(TargetError::Machine(
                "a process was started while another one runs".into(),
            ));
        }
        self.may_have_orphans = true;
        self.line.stir();
        let process = self.worker.run(move || Process::connected_to(peer))??;
        self.process = Some(process);
        Ok(())
    }

    fn end_process(&mut self, signal: i32) -> Result<(), TargetError> {
        self.line.stir();
        let process = self.process.take().ok_or_else(|| {
            TargetError::Machine("there is no process to end; start one first".into())
        })?;
        process.end(signal)
    }
}

impl Drop for LinuxSession {
    fn drop(&mut self) {
        // Taking a case apart is work, and nobody waits for it.
        if let Some(wheels) = self.wheels {
            let all = wheels.all();
            let at_leisure = move || {
                priority::ordinary();
                wheel::run_on(&all);
            };
            at_leisure();
            let _ = self.worker.run(at_leisure);
        }
        self.in_flight = None;
        if let Some(machine) = self.machine.take() {
            let _ = self.worker.run(move || machine.end());
        }
        self.process = None;
        self.close_all();
        self.end_orphans();
    }
}

fn report(clock: Clock, finished: Option<Finished>) -> Result<CallReport, TargetError> {
    Ok(match finished {
        None => CallReport::Blocked,
        Some(finished) => {
            let mut outcome = finished.outcome?;
            calls::in_case_time(&mut outcome, clock);
            CallReport::Returned {
                moment: clock.moment(finished.start, finished.end),
                outcome,
            }
        }
    })
}
