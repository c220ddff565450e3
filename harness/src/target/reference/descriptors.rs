//! The descriptor table: numbers, and what stands behind them.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tcpdrill_stack::{SocketId, SocketOptions};

use super::arrivals::Arrivals;
use super::blocking::Stop;
use super::errno::{EBADF, EINVAL, ENOTSOCK};
use super::error_queue::ErrorQueue;
use super::files::{OpenFile, PipeEnd};
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
    /// What waits behind `MSG_ERRQUEUE`.
    pub(super) errors: ErrorQueue,
    /// When what waits to be read arrived.
    pub(super) arrivals: Arrivals,
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
    /// `TCP_SYNCNT`
    pub(super) syn_count: Option<i32>,
    /// `TCP_FASTOPEN_CONNECT`
    pub(super) fast_open_connect: bool,
    /// `SO_ZEROCOPY`
    pub(super) zero_copy: bool,
    /// `SO_TIMESTAMPING`
    pub(super) timestamping: u32,
    /// Options that change nothing here and are remembered only, by level and name.
    pub(super) remembered: BTreeMap<(i32, i32), i32>,
}

impl Socket {
    /// As `socket(2)` makes it.
    pub(super) fn new(family: Family, nonblocking: bool) -> Socket {
        Socket {
            family,
            nonblocking,
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
                syn_count: None,
                fast_open_connect: false,
                zero_copy: false,
                timestamping: 0,
                remembered: BTreeMap::new(),
            },
            read_shut: false,
            write_shut: false,
            errors: ErrorQueue::default(),
            arrivals: Arrivals::default(),
        }
    }

    /// The socket `accept` gives for `id`: the listener's options, not its `O_NONBLOCK`.
    pub(super) fn accepted(&self, id: SocketId, nonblocking: bool) -> Socket {
        Socket {
            nonblocking,
            stage: Stage::Connection(id, Link::Connected),
            read_shut: false,
            write_shut: false,
            errors: ErrorQueue::default(),
            arrivals: Arrivals::default(),
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
    /// Reports of the socket's error queue when last looked at.
    pub(super) reports: u64,
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
    /// By descriptor and by what it stood for when it was added: epoll(7), question 6.
    pub(super) watches: BTreeMap<(Fd, Description), Watch>,
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
    /// A file.
    File(OpenFile),
    /// One end of a pipe.
    Pipe(PipeEnd),
}

/// An open file description: what `dup` makes another descriptor for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Description(usize);

/// One descriptor.
#[derive(Clone, Copy, Debug)]
struct Number {
    description: Description,
    /// `FD_CLOEXEC`
    close_on_exec: bool,
}

/// All open descriptors, and what stands behind them.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    numbers: BTreeMap<Fd, Number>,
    objects: BTreeMap<Description, Object>,
    made: usize,
}

impl Table {
    /// Opens the lowest free number.
    pub(super) fn insert(&mut self, object: Object, close_on_exec: bool) -> Fd {
        self.made += 1;
        let description = Description(self.made);
        self.objects.insert(description, object);
        let fd = self.lowest_free(FIRST);
        self.numbers.insert(
            fd,
            Number {
                description,
                close_on_exec,
            },
        );
        fd
    }

    fn lowest_free(&self, from: i32) -> Fd {
        let mut number = from;
        for fd in self.numbers.range(Fd(from)..).map(|(fd, _)| fd) {
            if fd.0 != number {
                break;
            }
            number += 1;
        }
        Fd(number)
    }

    /// Opens another number for what `fd` stands for: the lowest free one from `least` on.
    pub(super) fn copy(&mut self, fd: Fd, least: i32, close_on_exec: bool) -> Option<Fd> {
        let copy = self.lowest_free(least.max(FIRST));
        self.copy_to(fd, copy, close_on_exec)
    }

    /// Makes `to`, which must not be open, another number for what `fd` stands for.
    pub(super) fn copy_to(&mut self, fd: Fd, to: Fd, close_on_exec: bool) -> Option<Fd> {
        let Number { description, .. } = *self.numbers.get(&fd)?;
        self.numbers.insert(
            to,
            Number {
                description,
                close_on_exec,
            },
        );
        Some(to)
    }

    /// Closes a number. `None`: it was not open; `Some(None)`: other numbers stand for the same;
    /// else what it stood for, which every epoll instance has forgotten.
    pub(super) fn remove(&mut self, fd: Fd) -> Option<Option<Object>> {
        let Number { description, .. } = self.numbers.remove(&fd)?;
        if (self.numbers.values()).any(|other| other.description == description) {
            return Some(None);
        }
        let object = self.objects.remove(&description);
        for other in self.objects.values_mut() {
            if let Object::Epoll(epoll) = other {
                epoll
                    .watches
                    .retain(|(_, watched), _| *watched != description);
            }
        }
        Some(object)
    }

    /// `FD_CLOEXEC`
    pub(super) fn close_on_exec(&mut self, fd: Fd) -> Option<&mut bool> {
        self.numbers
            .get_mut(&fd)
            .map(|number| &mut number.close_on_exec)
    }

    /// The open file description behind a number.
    pub(super) fn description(&self, fd: Fd) -> Option<Description> {
        self.numbers.get(&fd).map(|number| number.description)
    }

    /// What an open file description is.
    pub(super) fn object(&self, description: Description) -> Option<&Object> {
        self.objects.get(&description)
    }

    /// What a number stands for.
    pub(super) fn get(&self, fd: Fd) -> Option<&Object> {
        self.object(self.description(fd)?)
    }

    /// As [`get`](Self::get), to change it.
    pub(super) fn get_mut(&mut self, fd: Fd) -> Option<&mut Object> {
        let description = self.description(fd)?;
        self.objects.get_mut(&description)
    }

    /// The socket behind a number: EBADF if closed, ENOTSOCK if something else.
    pub(super) fn socket(&self, fd: Fd) -> Result<&Socket, Stop> {
        match self.get(fd) {
            Some(Object::Socket(socket)) => Ok(socket),
            Some(Object::Epoll(_) | Object::File(_) | Object::Pipe(_)) => {
                Err(Stop::Failed(ENOTSOCK))
            }
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// As [`socket`](Self::socket), to change it.
    pub(super) fn socket_mut(&mut self, fd: Fd) -> Result<&mut Socket, Stop> {
        match self.get_mut(fd) {
            Some(Object::Socket(socket)) => Ok(socket),
            Some(Object::Epoll(_) | Object::File(_) | Object::Pipe(_)) => {
                Err(Stop::Failed(ENOTSOCK))
            }
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// The epoll instance behind a number: EBADF if closed, EINVAL if something else.
    pub(super) fn epoll_mut(&mut self, fd: Fd) -> Result<&mut Epoll, Stop> {
        match self.get_mut(fd) {
            Some(Object::Epoll(epoll)) => Ok(epoll),
            Some(Object::Socket(_) | Object::File(_) | Object::Pipe(_)) => {
                Err(Stop::Failed(EINVAL))
            }
            None => Err(Stop::Failed(EBADF)),
        }
    }

    /// Every open socket.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Description, &Socket)> {
        self.objects
            .iter()
            .filter_map(|(description, object)| match object {
                Object::Socket(socket) => Some((*description, &**socket)),
                Object::Epoll(_) | Object::File(_) | Object::Pipe(_) => None,
            })
    }

    /// Every open socket, to change it.
    pub(super) fn sockets_mut(&mut self) -> impl Iterator<Item = &mut Socket> {
        self.objects.values_mut().filter_map(|object| match object {
            Object::Socket(socket) => Some(&mut **socket),
            Object::Epoll(_) | Object::File(_) | Object::Pipe(_) => None,
        })
    }

    /// Every open end of a pipe.
    pub(super) fn pipe_ends(&self) -> impl Iterator<Item = &PipeEnd> {
        self.objects.values().filter_map(|object| match object {
            Object::Pipe(end) => Some(end),
            Object::Socket(_) | Object::Epoll(_) | Object::File(_) => None,
        })
    }

    /// Every open number.
    pub(super) fn numbers(&self) -> Vec<Fd> {
        self.numbers.keys().copied().collect()
    }

    /// Every epoll instance.
    pub(super) fn epolls(&self) -> Vec<Description> {
        self.objects
            .iter()
            .filter(|(_, object)| matches!(object, Object::Epoll(_)))
            .map(|(description, _)| *description)
            .collect()
    }

    /// The epoll instance that `epolls` named.
    pub(super) fn epoll_at(&mut self, description: Description) -> Option<&mut Epoll> {
        match self.objects.get_mut(&description) {
            Some(Object::Epoll(epoll)) => Some(epoll),
            Some(_) | None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket() -> Object {
        Object::Socket(Box::new(Socket::new(Family::Inet, false)))
    }

    #[test]
    fn the_lowest_free_number_from_three_is_given_out() {
        let mut table = Table::default();
        assert_eq!(table.insert(socket(), false), Fd(3));
        assert_eq!(table.insert(socket(), false), Fd(4));
        assert_eq!(table.insert(socket(), false), Fd(5));
        table.remove(Fd(4));
        assert_eq!(table.insert(socket(), false), Fd(4));
        assert_eq!(table.insert(socket(), false), Fd(6));
    }

    #[test]
    fn what_no_descriptor_stands_for_any_more_leaves_every_epoll_instance() {
        let mut table = Table::default();
        let watched = table.insert(socket(), false);
        let epoll = table.insert(Object::Epoll(Epoll::default()), false);
        let table_description = table.description(watched).unwrap();
        let watch = Watch {
            events: 1,
            data: 0,
            mask: 0,
            activity: 0,
            reports: 0,
            edge: false,
            spent: false,
            turn: 0,
        };
        table
            .epoll_mut(epoll)
            .unwrap()
            .watches
            .insert((watched, table_description), watch);
        let copy = table.copy(watched, 0, false).unwrap();
        assert!(matches!(table.remove(watched), Some(None)));
        assert_eq!(table.epoll_mut(epoll).unwrap().watches.len(), 1);
        assert!(matches!(table.remove(copy), Some(Some(_))));
        assert!(table.epoll_mut(epoll).unwrap().watches.is_empty());
    }
}
