//! `poll`, `ppoll`, `select`, `pselect`.

use std::time::Duration;

use smoltcp::socket::tcp::State;

use crate::call::{Fd, Outcome, Output, PollEntry};
use crate::target::abi::ready;
use crate::target::errno::EBADF;
use crate::target::smoltcp::blocking::{Attempt, Progress, Stop};
use crate::target::smoltcp::descriptors::{Socket, Stage};
use crate::target::smoltcp::host::Id;
use crate::target::smoltcp::kernel::Kernel;

/// A timeout in milliseconds; a negative one waits for ever.
pub(in crate::target::smoltcp) fn milliseconds(timeout: i32) -> Option<Duration> {
    u64::try_from(timeout).ok().map(Duration::from_millis)
}

impl Kernel {
    /// What is ready on a socket, as Linux's `tcp_poll` would put it.
    fn mask(&self, socket: &Socket) -> u32 {
        match &socket.stage {
            Stage::Fresh => ready::OUT | ready::WRNORM | ready::HUP,
            Stage::Listening(pool) if pool.ready.is_empty() => 0,
            Stage::Listening(_) => ready::IN | ready::RDNORM,
            Stage::Connection(id, _) => self.connection_mask(socket, *id),
        }
    }

    fn connection_mask(&self, socket: &Socket, id: Id) -> u32 {
        let Some(tcp) = self.host.socket(id) else {
            return ready::HUP;
        };
        let mut mask = 0;
        if self.host.end(id).is_some() {
            mask |= ready::ERR;
        }
        if matches!(tcp.state(), State::SynSent | State::SynReceived) {
            return mask;
        }
        let peer_closed = !matches!(
            tcp.state(),
            State::Established | State::FinWait1 | State::FinWait2
        );
        let no_more_reads = peer_closed || socket.read_shut;
        let no_more_writes = socket.write_shut || tcp.state() == State::Closed;
        if no_more_reads && no_more_writes {
            mask |= ready::HUP;
        }
        if no_more_reads {
            mask |= ready::IN | ready::RDNORM | ready::RDHUP;
        }
        if tcp.recv_queue() >= socket.local.receive_low_water {
            mask |= ready::IN | ready::RDNORM;
        }
        // As much room as Linux wants before it wakes a writer: a third.
        let room = tcp.send_capacity() - tcp.send_queue();
        if no_more_writes || tcp.may_send() && room * 3 >= tcp.send_capacity() {
            mask |= ready::OUT | ready::WRNORM;
        }
        mask
    }

    pub(in crate::target::smoltcp) fn poll(
        &mut self,
        entries: &[PollEntry],
        timeout: Option<Duration>,
        progress: &Progress,
    ) -> Attempt {
        self.refresh();
        let found: Vec<i16> = entries
            .iter()
            .map(|entry| {
                let mask = match self.table.get(entry.fd) {
                    Some(socket) => {
                        let asked = u32::from(entry.events as u16) | ready::ALWAYS;
                        self.mask(socket) & asked
                    }
                    None if entry.fd.0 < 0 => 0,
                    None => ready::NVAL,
                };
                mask as i16
            })
            .collect();
        let count = found.iter().filter(|mask| **mask != 0).count();
        if count == 0
            && let Some(stop) = self.sleeping(timeout, progress)
        {
            return Err(stop);
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Poll(found)))
    }

    pub(in crate::target::smoltcp) fn select(
        &mut self,
        sets: &[Vec<Fd>; 3],
        timeout: Option<Duration>,
        progress: &Progress,
    ) -> Attempt {
        self.refresh();
        let mut found: [Vec<bool>; 3] = Default::default();
        for ((set, wanted), found) in sets.iter().zip(ready::SELECT).zip(&mut found) {
            for fd in set {
                let socket = self.table.get(*fd).ok_or(Stop::Failed(EBADF))?;
                found.push(self.mask(socket) & wanted != 0);
            }
        }
        let count = found.iter().flatten().filter(|is_ready| **is_ready).count();
        if count == 0
            && let Some(stop) = self.sleeping(timeout, progress)
        {
            return Err(stop);
        }
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Ok(Outcome::with(count, Output::Select(found)))
    }

    /// How a call sleeps that found nothing ready; `None` once its time is over.
    fn sleeping(&self, timeout: Option<Duration>, progress: &Progress) -> Option<Stop> {
        let end = timeout.map(|timeout| progress.started + timeout.into());
        (end.is_none_or(|end| self.host.now() < end)).then_some(Stop::Sleep(end))
    }
}
