//! The descriptor table: numbers, and what stands behind them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tcpdrill_stack::{SocketId, SocketOptions};

use super::blocking::Stop;
use super::errno::{EBADF, EINVAL, ENOTSOCK};
use crate::call::Fd;

/// Lowest number given out: 0, 1 and 2 are a process's standard streams.
const FIRST: i32 = 3;

/// The family a socket was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `AF_INET`
    Inet,
    /// `AF_INET6`
    Inet6,
}

/// How far a `connect` has come, as `connect` itself sees it (not the wire).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// A `connect` was started and no later one has told its end.
    Connecting,
    /// Told, or the socket came from `accept`.
    Connected,
}

/// What a socket is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Neither listening nor connected, possibly bound.
    Fresh,
    /// Listening.
    Listening(SocketId),
    /// It has or had a connection.
    Connection(SocketId, Link),
}

/// A TCP socket of the case's process.
#[derive(Clone, Debug)]
pub(super) struct Socket {
    /// `AF_INET` or `AF_INET6`.
    pub(super) family: Family,
    /// `O_NONBLOCK`.
    pub(super) nonblocking: bool,
    /// `FD_CLOEXEC`.
    pub(super) close_on_exec: bool,
    /// Address (`None`: any) and port it was bound to.
    pub(super) bound: Option<(Option<IpAddr>, u16)>,
    /// What it is.
    pub(super) stage: Stage,
    /// What the stack is told of.
    pub(super) options: SocketOptions,
    /// What only the call interface knows of.
    pub(super) local: LocalOptions,
    /// `SHUT_RD` was called.
    pub(super) read_shut: bool,
    /// `SHUT_WR` was called.
    pub(super) write_shut: bool,
}

/// Options that live above the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalOptions {
    /// `IPV6_V6ONLY`
    pub(super) v6_only: bool,
    /// `SO_RCVTIMEO`; `None` waits for ever.
    pub(super) receive_timeout: Option<Duration>,
    /// `SO_SNDTIMEO`
    pub(super) send_timeout: Option<Duration>,
    /// `SO_RCVLOWAT`, at least 1.
    pub(super) receive_low_water: usize,
    /// `TCP_INQ`
    pub(super) report_inq: bool,
    /// `TCP_SYNCNT`; 0 is the default.
    pub(super) syn_count: i32,
    /// `TCP_FASTOPEN_CONNECT`
    pub(super) fast_open_connect: bool,
}

impl Socket {
    /// As `socket(2)` makes it.
    pub(super) fn new(family: Family, nonblocking: bool, close_on_exec: bool) -> Socket {
        Socket {
            family,
            nonblocking,
            close_on_exec,
            bound: None,
            stage: Stage::Fresh,
            options: SocketOptions {
                // SO_OOBINLINE is off unless asked for, on every BSD-style interface.
                urgent_inline: false,
                ..SocketOptions::default()
            },
            local: LocalOptions {
                v6_only: false,
                receive_timeout: None,
                send_timeout: None,
                receive_low_water: 1,
                report_inq: false,
                syn_count: 0,
                fast_open_connect: false,
            },
            read_shut: false,
            write_shut: false,
        }
    }

    /// The socket `accept` gives for `id`: the listener's options, not its `O_NONBLOCK`.
    pub(super) fn accepted(&self, id: SocketId, nonblocking: bool, close_on_exec: bool) -> Socket {
        Socket {
            nonblocking,
            close_on_exec,
            stage: Stage::Connection(id, Link::Connected),
            read_shut: false,
            write_shut: false,
            ..self.clone()
        }
    }

    /// The stack's socket behind it, if there is one.
    pub(super) fn id(&self) -> Option<SocketId> {
        match self.stage {
            Stage::Fresh => None,
            Stage::Listening(id) | Stage::Connection(id, _) => Some(id),
        }
    }
}

/// One descriptor an epoll instance watches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// Events asked for, with the mode bits.
    pub(super) events: u32,
    /// The user's word.
    pub(super) data: u64,
    /// What was ready when last looked at.
    pub(super) mask: u32,
    /// The socket's activity count when last looked at.
    pub(super) activity: u64,
    /// Something new came since the last report (edge-triggered mode).
    pub(super) edge: bool,
    /// EPOLLONESHOT has fired.
    pub(super) spent: bool,
    /// Place in the ready list: lower is reported first.
    pub(super) turn: u64,
}

/// An epoll instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Epoll {
    /// By descriptor.
    pub(super) watches: BTreeMap<Fd, Watch>,
    /// Source of [`Watch::turn`].
    pub(super) turns: u64,
}

/// What a descriptor stands for.
#[derive(Clone, Debug)]
pub(super) enum Object {
    /// A TCP socket.
    Socket(Box<Socket>),
    /// An epoll instance.
    Epoll(Epoll),
}

/// All open descriptors.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    objects: BTreeMap<Fd, Object>,
}

impl Table {
    /// Opens the lowest free number.
    pub(super) fn insert(&mut self, object: Object) -> Fd {
        let mut number = FIRST;
        for fd in self.objects.keys() {
            if fd.0 != number {
                break;
            }
            number += 1;
        }
        self.objects.insert(Fd(number), object);
        Fd(number)
    }

    /// Closes a number; every epoll instance forgets it.
    pub(super) fn remove(&mut self, fd: Fd) -> Option<Object> {
        let object = self.objects.remove(&fd)?;
        for other in self.objects.values_mut() {
            if let Object::Epoll(epoll) = other {
                epoll.watches.remove(&fd);
            }
        }
        Some(object)
    }

    /// What a number stands for.
    pub(super) fn get(&self, fd: Fd) -> Option<&Object> {
        self.objects.get(&fd)
    }

    /// The socket behind a number: EBADF if closed, ENOTSOCK if something else.
    pub(super) fn socket(&self, fd: Fd) -> Result<&Socket, Stop> {
        match self.objects.get(&fd) {
            Some(Object::Socket(socket)) => Ok(socket),
            Some(Object::Epoll(_)) => Err(Stop::Failed(ENOTSOCK)),
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// As [`socket`](Self::socket), to change it.
    pub(super) fn socket_mut(&mut self, fd: Fd) -> Result<&mut Socket, Stop> {
        match self.objects.get_mut(&fd) {
            Some(Object::Socket(socket)) => Ok(socket),
            Some(Object::Epoll(_)) => Err(Stop::Failed(ENOTSOCK)),
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// The epoll instance behind a number: EBADF if closed, EINVAL if something else.
    pub(super) fn epoll_mut(&mut self, fd: Fd) -> Result<&mut Epoll, Stop> {
        match self.objects.get_mut(&fd) {
            Some(Object::Epoll(epoll)) => Ok(epoll),
            Some(Object::Socket(_)) => Err(Stop::Failed(EINVAL)),
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// Every open socket.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Fd, &Socket)> {
        self.objects.iter().filter_map(|(fd, object)| match object {
            Object::Socket(socket) => Some((*fd, &**socket)),
            Object::Epoll(_) => None,
        })
    }

    /// Every open number.
    pub(super) fn numbers(&self) -> Vec<Fd> {
        self.objects.keys().copied().collect()
    }

    /// The numbers of all epoll instances.
    pub(super) fn epolls(&self) -> Vec<Fd> {
        self.objects
            .iter()
            .filter(|(_, object)| matches!(object, Object::Epoll(_)))
            .map(|(fd, _)| *fd)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> Object {
        Object::Socket(Box::new(Socket::new(Family::Inet, false, false)))
    }

    #[test]
    fn the_lowest_free_number_from_three_is_given_out() {
        let mut table = Table::default();
        assert_eq!(table.insert(socket()), Fd(3));
        assert_eq!(table.insert(socket()), Fd(4));
        assert_eq!(table.insert(socket()), Fd(5));
        table.remove(Fd(4));
        assert_eq!(table.insert(socket()), Fd(4));
        assert_eq!(table.insert(socket()), Fd(6));
    }

    #[test]
    fn a_closed_descriptor_leaves_every_epoll_instance() {
        let mut table = Table::default();
        let watched = table.insert(socket());
        let epoll = table.insert(Object::Epoll(Epoll::default()));
        let watch = Watch {
            events: 1,
            data: 0,
            mask: 0,
            activity: 0,
            edge: false,
            spent: false,
            turn: 0,
        };
        table
            .epoll_mut(epoll)
            .unwrap()
            .watches
            .insert(watched, watch);
        table.remove(watched);
        assert!(table.epoll_mut(epoll).unwrap().watches.is_empty());
    }
}
