//! One case's host on the running kernel.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sched::CpuSet;
use nix::sys::time::TimeSpec;

use super::alone::{self, Presence};
use super::blocking::{Finished, InFlight};
use super::cable::{Cable, Link};
use super::calls::{self, Nature};
use super::capture::Capture;
use super::children;
use super::clock::{self, Clock, Nanos};
use super::destroy;
use super::ending;
use super::fds::FdTable;
use super::gate::Gate;
use super::guardian;
use super::info;
use super::jiffies::Jiffies;
use super::machine::CaseMachine;
use super::netns;
use super::orphans::{self, Connections};
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

/// The wire as the harness sees it.
#[derive(Debug)]
struct Line {
    cable: Cable,
    capture: Capture,
    clock: Clock,
    /// Packets the stack has sent that nobody has asked for yet.
    sent: VecDeque<Observed>,
    /// How many of those that were taken are in the device's queue as well.
    left: usize,
    connections: Connections,
    /// In virtual time, which stands still while nothing is done.
    still: Still,
}

/// What need not be looked at again until something is done.
#[derive(Debug, Default)]
struct Still {
    /// What the clock showed.
    now: Option<Nanos>,
    /// Nothing that the stack has sent is left to be taken.
    is_all_taken: bool,
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
            line: Line {
                cable: wire.cable,
                capture: wire.capture,
                clock: Clock::new(),
                sent: VecDeque::new(),
                left: 0,
                connections: Connections::default(),
                still: Still::default(),
            },
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
            for reset in self.line.connections.resets() {
                // The script may have taken the link down; then there is no way to reach them.
                let _ = self.line.cable.write(&reset);
            }
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
        self.line.stir();
        let before = self.line.clock;
        self.line.clock = before.started_in_a_tick(self.into_tick);
        let shift = before.time(self.line.clock.instant(Time::ZERO)).as_micros();
        for packet in &mut self.line.sent {
            packet.at = Time::from_micros(packet.at.as_micros() - shift);
        }
        self.jiffies = self.watch.as_ref().and_then(|_| Jiffies::new());
    }

    fn now(&mut self) -> Time {
        let now = self.line.now();
        self.line.clock.time(now)
    }

    fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        let until = self.line.clock.instant(time);
        loop {
            ending::check()?;
            self.line.take_sent()?;
            if self.line.now() >= until {
                return Ok(());
            }
            self.line.wait_for_packet(until)?;
        }
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
        let start = self.line.now();
        self.line.stir_packets();
        let result = self.line.cable.write(datagram);
        let end = self.line.now();
        match result {
            Ok(()) => {}
            // The device takes no datagram without an IP version, nor one that is too short for a
            // header: the stack would never see it, on no wire.
            Err(Errno::EINVAL)
                if datagram
                    .first()
                    .is_none_or(|byte| !matches!(byte >> 4, 4 | 6)) => {}
            Err(errno) => {
                return Err(TargetError::Machine(format!(
                    "a datagram of {} bytes could not be written to tun0: {errno}",
                    datagram.len()
                )));
            }
        }
        self.line.take_sent()?;
        Ok(self.line.clock.moment(start, end))
    }

    fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        loop {
            ending::check()?;
            // First the time, then the packets: what was sent up to then is in the socket by now.
            let now = self.line.now();
            self.line.take_sent()?;
            if let Some(packet) = self.line.sent.front()
                && packet.at <= deadline
            {
                return Ok(self.line.sent.pop_front());
            }
            let until = self.line.clock.instant(deadline);
            if now >= until {
                return self.line.nothing_lost().map(|()| None);
            }
            self.line.wait_for_packet(until)?;
        }
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

impl Line {
    /// Now, without a look at the clock if it must still show what it did.
    fn now(&mut self) -> Nanos {
        match self.still.now {
            Some(now) => now,
            None => {
                let now = clock::monotonic_nanos();
                self.still.now = virtual_time::rules().then_some(now);
                now
            }
        }
    }

    /// To be called before something is done that the stack may answer, or that may take time.
    fn stir(&mut self) {
        self.still = Still::default();
    }

    /// To be called before something is done that the stack may answer and that takes no time, where time stands still.
    fn stir_packets(&mut self) {
        self.still.is_all_taken = false;
        if !virtual_time::rules() {
            self.still.now = None;
        }
    }

    /// Moves what the stack has sent from the kernel's buffers to ours.
    fn take_sent(&mut self) -> Result<(), TargetError> {
        /// The device's queue holds 500.
        const MANY: usize = 100;
        if self.still.is_all_taken {
            return Ok(());
        }
        let (sent, connections) = (&mut self.sent, &mut self.connections);
        loop {
            let taken = self.capture.take(self.clock, |packet| {
                connections.note(&packet.bytes);
                // The kernel's own looks at the clock move it as well: what is sent is not sent later than now.
                let at = self.clock.instant(packet.at);
                self.still.now = self.still.now.map(|now| now.max(at));
                sent.push_back(packet);
            })?;
            self.left += taken;
            // In virtual time nobody waits for the device, so that it need not be empty.
            if self.left >= MANY || !virtual_time::rules() {
                self.cable.discard_sent(std::mem::take(&mut self.left));
            }
            if taken < Capture::MOST {
                break;
            }
        }
        self.still.is_all_taken = virtual_time::rules();
        Ok(())
    }

    /// The same while waiting for something else. A failure lasts and comes up at the next packet.
    fn keep_going(&mut self) {
        let _ = self.take_sent();
        // What is waited for goes on.
        self.stir();
    }

    /// Waits until the stack has sent something or shortly before `until`, whichever comes first.
    fn wait_for_packet(&mut self, until: Nanos) -> Result<(), TargetError> {
        /// Below this, sleeping is more exact than polling and nothing can pile up.
        const SHORT: Nanos = 100_000;
        let remaining = until - self.now();
        if remaining <= 0 {
            return Ok(());
        }
        self.stir();
        let wait = TimeSpec::from(clock::poll_wait(remaining.max(SHORT)));
        let mut list = vec![PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        let device = self.cable.waiting().filter(|_| !virtual_time::rules());
        let others = [device, ending::alarm()];
        let others = others.into_iter().flatten();
        list.extend(others.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let wait = if remaining < SHORT {
            TimeSpec::new(0, remaining as _)
        } else {
            wait
        };
        match ppoll(&mut list, Some(wait), None) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => {
                let readable = |fd: &PollFd<'_>| {
                    fd.revents()
                        .is_some_and(|events| events.contains(PollFlags::POLLIN))
                };
                if device.is_some() {
                    // A packet is had from the capture first, and may come to the device's queue just after that was
                    // emptied.
                    self.cable.discard_sent(usize::MAX);
                }
                if !list.iter().any(readable) {
                    // A link that is down reports an error for ever; do not spin on it.
                    clock::sleep_until_nanos(until.min(clock::monotonic_nanos() + 1_000_000));
                }
            }
            Err(errno) => {
                return Err(TargetError::Machine(format!(
                    "waiting for a packet on tun0 failed: {errno}"
                )));
            }
        }
        Ok(())
    }

    /// An error if packets were lost: then "no packet" would be a lie.
    fn nothing_lost(&self) -> Result<(), TargetError> {
        match self.capture.lost() {
            0 => Ok(()),
            lost => Err(TargetError::Machine(format!(
                "{lost} packets of the stack were lost because they were not read in time; the machine is overloaded"
            ))),
        }
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
