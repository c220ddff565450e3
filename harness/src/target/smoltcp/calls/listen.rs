//! `listen` and `accept`.
//!
//! "There is no backlog" (smoltcp's documentation): a socket that listens becomes the connection, and a SYN
//! that finds none listening draws a RST. So a listener stands for as many sockets as its
//! backlog says, at least one, and `accept` takes one away and puts a new one in its place, as a server on
//! smoltcp does.

use smoltcp::socket::tcp::{ListenError, State};

use crate::call::{Fd, Outcome, Output};
use crate::target::abi::family;
use crate::target::errno::EINVAL;
use crate::target::smoltcp::blocking::{Attempt, Progress, Stop};
use crate::target::smoltcp::descriptors::{Link, Pool, Socket, Stage};
use crate::target::smoltcp::kernel::Kernel;

/// Sockets behind one listener, at most: each has its buffers.
const MOST: usize = 64;

impl Kernel {
    pub(in crate::target::smoltcp) fn listen(&mut self, fd: Fd, backlog: i32) -> Attempt {
        // A negative backlog is a huge one, as in Linux's unsigned comparison.
        let size = usize::try_from(backlog).unwrap_or(MOST).clamp(1, MOST);
        let socket = self.socket_of(fd)?;
        let pool = match &socket.stage {
            Stage::Fresh => Pool::default(),
            // A second listen only changes the backlog: listen(2).
            Stage::Listening(pool) => pool.clone(),
            Stage::Connection(..) => return Err(EINVAL.into()),
        };
        if socket.bound.is_none() {
            let port = self.free_port()?;
            self.socket_of_mut(fd)?.bound = Some((None, port));
        }
        self.socket_of_mut(fd)?.stage = Stage::Listening(Pool { size, ..pool });
        self.fill(fd)?;
        Ok(Outcome::ok(0))
    }

    /// Puts listening sockets behind a listener until there are enough.
    fn fill(&mut self, fd: Fd) -> Result<(), Stop> {
        loop {
            let socket = self.socket_of(fd)?;
            let Stage::Listening(pool) = &socket.stage else {
                return Ok(());
            };
            if pool.waiting.len() + pool.ready.len() >= pool.size {
                return Ok(());
            }
            let (ip, port) = socket.bound.unwrap_or_default();
            let id = self.host.open(&socket.told());
            match self.host.listen(id, ip, port) {
                Ok(()) => {}
                Err(ListenError::Unaddressable | ListenError::InvalidState) => {
                    return Err(Stop::machine("smoltcp does not listen"));
                }
            }
            if let Stage::Listening(pool) = &mut self.socket_of_mut(fd)?.stage {
                pool.waiting.push(id);
            }
        }
    }

    /// Notes which handshakes are done, and lets listen again what was lost before.
    pub(super) fn settle_pools(&mut self) -> Vec<Fd> {
        let mut lacking = Vec::new();
        let host = &mut self.host;
        let listeners: Vec<Fd> = self.table.all().map(|(fd, _)| fd).collect();
        for fd in listeners {
            let Some(Socket {
                stage: Stage::Listening(pool),
                ..
            }) = self.table.get_mut(fd)
            else {
                continue;
            };
            let (done, waiting): (Vec<_>, Vec<_>) =
                (pool.waiting.iter().copied()).partition(|id| host.was_established(*id));
            pool.ready.extend(done);
            let (dead, waiting): (Vec<_>, Vec<_>) =
                (waiting.into_iter()).partition(|id| host.state(*id) == State::Closed);
            pool.waiting = waiting;
            if !dead.is_empty() {
                lacking.push(fd);
            }
            for id in dead {
                host.release(id);
            }
        }
        lacking
    }

    /// To be done after every step.
    pub(in crate::target::smoltcp) fn refresh_pools(&mut self) {
        for fd in self.settle_pools() {
            // It did listen once, so it does again.
            let _ = self.fill(fd);
        }
    }

    /// Those that still listen are made anew, with the options that the listener has now.
    pub(super) fn renew(&mut self, fd: Fd) -> Result<(), Stop> {
        let Stage::Listening(pool) = &mut self.socket_of_mut(fd)?.stage else {
            return Ok(());
        };
        let waiting = std::mem::take(&mut pool.waiting);
        for id in waiting {
            if self.host.state(id) == State::Listen {
                self.host.close(id);
                self.host.release(id);
            } else if let Stage::Listening(pool) = &mut self.socket_of_mut(fd)?.stage {
                pool.waiting.push(id);
            }
        }
        self.fill(fd)
    }

    /// The end of a listener: what was not accepted is reset.
    pub(super) fn drop_pool(&mut self, pool: &Pool) {
        for id in pool.waiting.iter().chain(&pool.ready) {
            if self.host.state(*id) == State::Listen {
                self.host.close(*id);
            } else {
                self.host.abort(*id);
            }
            self.host.release(*id);
        }
    }

    pub(in crate::target::smoltcp) fn accept(
        &mut self,
        fd: Fd,
        flags: i32,
        progress: &Progress,
    ) -> Attempt {
        if flags & !(family::NONBLOCK | family::CLOEXEC) != 0 {
            return Err(EINVAL.into());
        }
        self.refresh_pools();
        let now = self.host.now();
        let socket = self.socket_of_mut(fd)?;
        let Stage::Listening(pool) = &mut socket.stage else {
            return Err(EINVAL.into());
        };
        let Some(id) = pool.ready.pop_front() else {
            return Err(progress.wait(now, socket.nonblocking, socket.local.receive_timeout));
        };
        // The listener's options, not its O_NONBLOCK.
        let child = Socket {
            nonblocking: flags & family::NONBLOCK != 0,
            close_on_exec: flags & family::CLOEXEC != 0,
            stage: Stage::Connection(id, Link::Connected),
            ..socket.clone()
        };
        let child = self.table.insert(child);
        self.fill(fd)?;
        let peer = match self.name(child, true) {
            Ok(outcome) => outcome.output,
            Err(_) => Output::Address(None),
        };
        Ok(Outcome::with(i64::from(child.0), peer))
    }
}
