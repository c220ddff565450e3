//! `poll` and the epoll calls.

use std::time::Duration;

use tcpdrill_stack::{Instant, SocketId};

use crate::call::{Call, Fd, Outcome, Output, PollEntry};
use crate::target::reference::abi::{epoll, family, ready};
use crate::target::reference::blocking::{Attempt, Progress, Stop};
use crate::target::reference::descriptors::{Epoll, Object, Socket, Stage, Watch};
use crate::target::reference::errno::{EBADF, EEXIST, EINVAL, ENOENT, EPERM};
use crate::target::reference::files::{PIPE_CAPACITY, PipeEnd};
use crate::target::reference::kernel::Kernel;

impl Kernel {
    /// What is ready on a descriptor, as Linux's `tcp_poll` would put it.
    fn mask(&self, object: &Object) -> u32 {
        match object {
            Object::Epoll(epoll) => {
                let any = epoll.watches.values().any(|watch| due(watch) != 0);
                if any { ready::IN | ready::RDNORM } else { 0 }
            }
            Object::File(_) => ready::IN | ready::RDNORM | ready::OUT | ready::WRNORM,
            Object::Pipe(end) => self.pipe_mask(*end),
            Object::Socket(socket) => match socket.stage {
                Stage::Fresh => ready::OUT | ready::WRNORM | ready::HUP,
                Stage::Listening(id) if self.readiness(id).accept_ready => {
                    ready::IN | ready::RDNORM
                }
                Stage::Listening(_) => 0,
                Stage::Connection(id, _) => self.connection_mask(socket, id),
            },
        }
    }

    /// pipe(7), as far as readiness goes.
    fn pipe_mask(&self, end: PipeEnd) -> u32 {
        let queued = self.files.piped_len(end.pipe);
        let mut mask = 0;
        if end.writes {
            if queued < PIPE_CAPACITY {
                mask |= ready::OUT | ready::WRNORM;
            }
            if !self.has_end(end.pipe, false) {
                mask |= ready::ERR;
            }
        } else {
            if queued > 0 {
                mask |= ready::IN | ready::RDNORM;
            }
            if !self.has_end(end.pipe, true) {
                mask |= ready::HUP;
            }
        }
        mask
    }

    fn connection_mask(&self, socket: &Socket, id: SocketId) -> u32 {
        let found = self.readiness(id);
        let no_more_reads = found.peer_closed || found.closed || socket.read_shut;
        let no_more_writes = socket.write_shut || found.closed;
        let mut mask = 0;
        if no_more_reads && no_more_writes {
            mask |= ready::HUP;
        }
        if no_more_reads {
            mask |= ready::IN | ready::RDNORM | ready::RDHUP;
        }
        // Before that only Fast Open has something to read or room to write.
        let early = found.readable || (found.writable && !socket.write_shut);
        if found.connected || found.closed || early {
            if found.readable && self.enough_queued(socket, id) {
                mask |= ready::IN | ready::RDNORM;
            }
            if found.writable || no_more_writes {
                mask |= ready::OUT | ready::WRNORM;
            }
            if found.urgent {
                mask |= ready::PRI;
            }
        }
        if found.error || !socket.errors.is_empty() {
            mask |= ready::ERR;
        }
        mask
    }

    /// SO_RCVLOWAT holds for readiness too.
    fn enough_queued(&self, socket: &Socket, id: SocketId) -> bool {
        let wanted = socket.local.receive_low_water;
        wanted <= 1
            || self
                .engine
                .host()
                .status(id)
                .is_ok_and(|status| status.recv_queued >= wanted)
    }

    /// Rises when something arrives: what an edge-triggered reader wakes for.
    fn activity(&self, object: &Object) -> u64 {
        let Object::Socket(socket) = object else {
            return 0;
        };
        let Some(Ok(status)) = socket.id().map(|id| self.engine.host().status(id)) else {
            return 0;
        };
        match socket.stage {
            Stage::Fresh => 0,
            Stage::Listening(_) => status.accept_queued as u64,
            Stage::Connection(..) => u64::from(status.rcv_nxt.raw()),
        }
    }

    /// Rises with everything that comes to stand in the error queue.
    fn reports(object: &Object) -> u64 {
        match object {
            Object::Socket(socket) => socket.errors.reports,
            Object::Epoll(_) | Object::File(_) | Object::Pipe(_) => 0,
        }
    }

    pub(in crate::target::reference) fn poll_family(
        &mut self,
        call: &Call,
        progress: &Progress,
    ) -> Attempt {
        match call {
            Call::Poll {
                entries,
                timeout_ms,
            } => self.poll(entries, milliseconds(*timeout_ms), progress),
            Call::Ppoll { entries, timeout } => self.poll(entries, *timeout, progress),
            Call::Select { sets, timeout, .. } => self.select(sets, *timeout, progress),
            Call::EpollCreate { size } if *size <= 0 => Err(EINVAL.into()),
            Call::EpollCreate { .. } => Ok(self.epoll_create(false)),
            Call::EpollCreate1 { flags } if flags & !family::CLOEXEC != 0 => Err(EINVAL.into()),
            Call::EpollCreate1 { flags } => Ok(self.epoll_create(*flags != 0)),
            Call::EpollCtl {
                epoll,
                operation,
                fd,
                events,
                data,
            } => self.epoll_ctl(*epoll, *operation, *fd, *events, *data),
            Call::EpollWait {
                epoll,
                max_events,
                timeout_ms,
            }
            | Call::EpollPwait {
                epoll,
                max_events,
                timeout_ms,
            } => self.epoll_wait(*epoll, *max_events, *timeout_ms, progress),
            other => Err(Stop::machine(format!("{} does not poll", other.name()))),
        }
    }

    fn poll(
        &mut self,
        entries: &[PollEntry],
        timeout: Option<Duration>,
        progress: &Progress,
    ) -> Attempt {
        let revents: Vec<i16> = entries
            .iter()
            .map(|entry| {
                if entry.fd.0 < 0 {
                    return 0;
                }
                let asked = u32::from(entry.events.cast_unsigned()) | ready::ALWAYS;
                let mask = match self.table.get(entry.fd) {
                    None => ready::NVAL,
                    Some(object) => self.mask(object) & asked,
                };
                // Every bit of a mask fits poll's sixteen.
                (mask & 0x7fff) as i16
            })
            .collect();
        let count = revents.iter().filter(|revents| **revents != 0).count();
        if count == 0
            && let Some(stop) = self.sleeping(timeout, progress)
        {
            return Err(stop);
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Poll(revents)))
    }

    fn select(
        &mut self,
        sets: &[Vec<Fd>; 3],
        timeout: Option<Duration>,
        progress: &Progress,
    ) -> Attempt {
        let mut ready: [Vec<bool>; 3] = Default::default();
        for ((set, asked), ready) in sets.iter().zip(ready::SELECT).zip(&mut ready) {
            for fd in set {
                let Some(object) = self.table.get(*fd) else {
                    return Err(EBADF.into());
                };
                ready.push(self.mask(object) & asked != 0);
            }
        }
        let count = ready.iter().flatten().filter(|ready| **ready).count();
        if count == 0
            && let Some(stop) = self.sleeping(timeout, progress)
        {
            return Err(stop);
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Select(ready)))
    }

    /// Sleep unless the timeout has run out.
    fn sleeping(&self, timeout: Option<Duration>, progress: &Progress) -> Option<Stop> {
        let Some(timeout) = timeout else {
            return Some(Stop::Sleep(None));
        };
        let end: Instant = progress.started + timeout;
        (self.engine.now() < end).then_some(Stop::Sleep(Some(end)))
    }

    fn epoll_create(&mut self, close_on_exec: bool) -> Outcome {
        let epoll = Object::Epoll(Epoll::default());
        let fd = self.table.insert(epoll, close_on_exec);
        Outcome::ok(i64::from(fd.0))
    }

    fn epoll_ctl(
        &mut self,
        instance: Fd,
        operation: i32,
        fd: Fd,
        events: u32,
        data: u64,
    ) -> Attempt {
        let (Some(description), Some(target)) = (self.table.description(fd), self.table.get(fd))
        else {
            return Err(EBADF.into());
        };
        let key = (fd, description);
        let (mask, activity) = (self.mask(target), self.activity(target));
        let reports = Kernel::reports(target);
        // epoll_ctl(2): a plain file is always ready, and nobody tells of it.
        if matches!(target, Object::File(_)) {
            return Err(EPERM.into());
        }
        let nested = matches!(target, Object::Epoll(_));
        let instance_fd = instance;
        let instance = self.table.epoll_mut(instance)?;
        if instance_fd == fd {
            return Err(EINVAL.into());
        }
        if nested {
            return Err(Stop::unsupported(
                "call:epoll_ctl",
                "the reference target does not watch an epoll instance with another",
            ));
        }
        instance.turns += 1;
        let watch = Watch {
            events,
            data,
            mask,
            activity,
            reports,
            edge: mask & (events | ready::ALWAYS) != 0,
            spent: false,
            turn: instance.turns,
        };
        let known = instance.watches.contains_key(&key);
        // epoll_ctl(2): it is settled when the descriptor is added, and goes with few other bits.
        let was_exclusive =
            (instance.watches.get(&key)).is_some_and(|watch| watch.events & epoll::EXCLUSIVE != 0);
        let refused = match operation {
            epoll::ADD => events & epoll::EXCLUSIVE != 0 && events & !WITH_EXCLUSIVE != 0,
            epoll::MOD => was_exclusive || events & epoll::EXCLUSIVE != 0,
            _ => false,
        };
        if refused {
            return Err(EINVAL.into());
        }
        match operation {
            epoll::ADD if known => return Err(EEXIST.into()),
            epoll::MOD | epoll::DEL if !known => return Err(ENOENT.into()),
            epoll::ADD | epoll::MOD => {
                instance.watches.insert(key, watch);
            }
            epoll::DEL => {
                instance.watches.remove(&key);
            }
            _ => return Err(EINVAL.into()),
        }
        Ok(Outcome::ok(0))
    }

    fn epoll_wait(
        &mut self,
        fd: Fd,
        max_events: i32,
        timeout_ms: i32,
        progress: &Progress,
    ) -> Attempt {
        self.refresh_epolls();
        let instance = self.table.epoll_mut(fd)?;
        let Ok(room @ 1..) = usize::try_from(max_events) else {
            return Err(EINVAL.into());
        };
        let mut order: Vec<(u64, _)> = instance
            .watches
            .iter()
            .filter(|(_, watch)| due(watch) != 0)
            .map(|(key, watch)| (watch.turn, *key))
            .collect();
        order.sort_unstable();
        order.truncate(room);
        let mut events = Vec::new();
        for (_, key) in order {
            instance.turns += 1;
            let turn = instance.turns;
            if let Some(watch) = instance.watches.get_mut(&key) {
                events.push((due(watch), watch.data));
                watch.edge = false;
                watch.spent = watch.events & epoll::ONESHOT != 0;
                // Still ready descriptors go to the back of the list.
                watch.turn = turn;
            }
        }
        if events.is_empty()
            && let Some(stop) = self.sleeping(milliseconds(timeout_ms), progress)
        {
            return Err(stop);
        }
        let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Epoll(events)))
    }

    /// Looks at every watched descriptor again. To be called after every step, so that no edge is missed.
    pub(in crate::target::reference) fn refresh_epolls(&mut self) {
        for instance in self.table.epolls() {
            let Some(epoll) = self.table.epoll_at(instance) else {
                continue;
            };
            let mut epoll = std::mem::take(epoll);
            for ((_, watched), watch) in &mut epoll.watches {
                let Some(object) = self.table.object(*watched) else {
                    continue;
                };
                let (mask, activity) = (self.mask(object), self.activity(object));
                let asked = watch.events | ready::ALWAYS;
                let rising = mask & !watch.mask & asked != 0;
                let arrived = activity > watch.activity && mask & ready::IN & asked != 0;
                let reports = Kernel::reports(object);
                let reported = reports > watch.reports;
                if rising && watch.mask & asked == 0 {
                    epoll.turns += 1;
                    watch.turn = epoll.turns;
                }
                watch.edge |= rising || arrived || reported;
                watch.mask = mask;
                watch.reports = reports;
                watch.activity = activity;
            }
            if let Some(place) = self.table.epoll_at(instance) {
                *place = epoll;
            }
        }
    }
}

/// What EPOLLEXCLUSIVE may be combined with.
const WITH_EXCLUSIVE: u32 =
    ready::IN | ready::OUT | ready::ALWAYS | epoll::WAKEUP | epoll::EDGE | epoll::EXCLUSIVE;

/// A timeout in milliseconds; a negative one waits for ever.
fn milliseconds(timeout: i32) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

/// The events `epoll_wait` would report for a watched descriptor.
fn due(watch: &Watch) -> u32 {
    if watch.spent || watch.events & epoll::EDGE != 0 && !watch.edge {
        return 0;
    }
    watch.mask & (watch.events | ready::ALWAYS)
}
