//! What calls change in what the runner knows: descriptors, streams, the connection under test.

use crate::call::{Address, Call, Errno, Fd, Outcome, Output};
use crate::program::{CallStep, OutputExpectation};

use super::calls::sent_pieces;
use super::descriptors::Kind;
use super::{BeforeConnect, Connection, Focus, Run, Stop};

const SOCK_TYPE_MASK: i32 = 0xf;
const SOCK_STREAM: i32 = 1;
const SOCK_DGRAM: i32 = 2;
const IPPROTO_ICMP: i32 = 1;
const IPPROTO_ICMPV6: i32 = 58;
const EINPROGRESS: Errno = Errno(115);
pub(super) const MSG_OOB: i32 = 0x1;
const MSG_PEEK: i32 = 0x2;
pub(super) const MSG_TRUNC: i32 = 0x20;

impl Run<'_> {
    /// What is known about the connection as soon as a call is made.
    pub(super) fn before(&mut self, call: &Call) -> Result<(), Stop> {
        match call.plain() {
            // To packetdrill a socket that is not under test can connect unseen.
            Call::Connect { fd, .. }
            | Call::SendTo { fd, .. }
            | Call::SendMsg {
                fd,
                address: Some(_),
                ..
            } if self.drop_in && !self.is_under_test(*fd) => Ok(()),
            Call::Connect {
                fd,
                address: Address::Unspecified,
            } => {
                self.focus = Focus::Idle;
                self.connecting = None;
                self.fresh.insert(*fd);
                Ok(())
            }
            Call::Connect { fd, address } => self.expect_connection(*fd, *address),
            // With TCP Fast Open a send on a new socket connects it; on others the address says nothing.
            Call::SendTo { fd, address, .. }
            | Call::SendMsg {
                fd,
                address: Some(address),
                ..
            } if self.fresh.contains(fd) && *address != Address::Unspecified => {
                self.expect_connection(*fd, *address)
            }
            _ => Ok(()),
        }
    }

    fn expect_connection(&mut self, fd: Fd, address: Address) -> Result<(), Stop> {
        let unread = self.take_unread()?;
        let at = self.session.now();
        let port = match address {
            Address::Is(address) => address.port(),
            Address::Default | Address::Unspecified => self.connect_port,
        };
        let fresh = Connection::new(None, port);
        self.connects += 1;
        self.before_connect = Some(BeforeConnect {
            connection: self.connection.replace(fresh),
            focus: self.focus,
            connecting: self.connecting.replace(fd),
            opened: std::mem::replace(&mut self.opened, self.connects),
            unread,
            at,
        });
        self.focus = Focus::Connected;
        if self.entered.is_some() {
            self.subject = Some(fd);
        }
        Ok(())
    }

    /// A `connect` that began nothing leaves things as they were: one that was refused at once, or
    /// that only told how an earlier one has ended.
    pub(super) fn settle_connect(&mut self, step: &CallStep, outcome: &Outcome) {
        let (fd, is_connect) = match step.call.plain() {
            Call::Connect { fd, .. } => (*fd, true),
            Call::SendTo { fd, .. } | Call::SendMsg { fd, .. } => (*fd, false),
            _ => return,
        };
        let Some(before) = self.before_connect.take() else {
            return;
        };
        let unseen = self
            .connection
            .as_ref()
            .is_some_and(|connection| connection.local_port.is_none());
        // A success without a SYN: of the connection that was under way, or Fast Open waits for data.
        let told = outcome.errno.is_none() && is_connect && before.connecting == Some(fd);
        let refused = outcome.errno.is_some_and(|errno| errno != EINPROGRESS);
        if unseen && (told || refused) {
            self.connection = before.connection;
            self.focus = before.focus;
            self.connecting = before.connecting;
            self.opened = before.opened;
            for observed in before.unread.into_iter().rev() {
                self.waiting.push_front(observed);
            }
            return;
        }
        self.turn_away(before.connection, before.unread, before.at, step.span);
        self.fresh.remove(&fd);
        if is_connect {
            self.descriptors.restart(fd);
        }
    }

    /// Bookkeeping of a call that came out as written.
    pub(super) fn after(&mut self, step: &CallStep, outcome: &Outcome) -> Result<(), Stop> {
        let result = outcome.result;
        if result < 0 {
            return Ok(());
        }
        let live = Fd(i32::try_from(result).unwrap_or(-1));
        let label = step
            .expect
            .result
            .and_then(|label| i32::try_from(label).ok())
            .unwrap_or(live.0);
        let amount = result as u64;
        match &step.call {
            Call::Socket { .. } | Call::Listen { .. } | Call::Bind { .. } | Call::Accept { .. } => {
                self.after_opening(step, label, live)?;
            }
            call if call.makes_fd() || *call == Call::Pipe => self.made(step, label, live, outcome),
            Call::Write { fd, .. }
            | Call::Writev { fd, .. }
            | Call::Send { fd, .. }
            | Call::SendTo { fd, .. }
            | Call::SendMsg { fd, .. } => {
                self.note_texts(*fd, step, amount);
                self.descriptors.wrote(*fd, amount);
            }
            Call::Splice { input, .. } | Call::SendFile { input, .. } => {
                self.descriptors.read(*input, amount);
            }
            call => match reader(call) {
                Some((fd, flags)) if flags & (MSG_PEEK | MSG_OOB) == 0 => {
                    self.descriptors.read(fd, amount);
                }
                Some((fd, flags)) if flags & (MSG_PEEK | MSG_OOB) == MSG_OOB && amount > 0 => {
                    if let Some(mark) = self.urgent_mark {
                        self.descriptors.took_out_of_band(fd, mark);
                    }
                }
                Some(_) | None => {}
            },
        }
        Ok(())
    }

    /// The same of calls that make sockets and say what they are for.
    fn after_opening(&mut self, step: &CallStep, label: i32, live: Fd) -> Result<(), Stop> {
        match &step.call {
            Call::Socket { kind, protocol, .. } => {
                self.descriptors
                    .bind(label, live, kind_of(*kind, *protocol));
                self.turn_away_from_current(step.span)?;
                self.focus = Focus::Idle;
                self.bound.remove(&Fd(label));
                self.fresh.insert(Fd(label));
                self.listen_port = self.bind_port;
                self.subject = Some(Fd(label));
                if self.connecting == Some(Fd(label)) {
                    self.connecting = None;
                }
            }
            // To packetdrill a socket that is not under test can listen unseen.
            Call::Listen { fd, .. }
                if self.drop_in && (!self.is_under_test(*fd) || self.focus == Focus::Connected) => {
            }
            Call::Listen { fd, .. } => {
                self.focus = Focus::Open;
                self.listen_port = self.bound.get(fd).copied().unwrap_or(self.bind_port);
            }
            Call::Bind {
                fd,
                address: Address::Is(address),
            } if address.port() != 0 => {
                self.bound.insert(*fd, address.port());
            }
            Call::Accept { .. } => {
                self.fresh.remove(&Fd(label));
                self.descriptors.bind(label, live, Kind::Stream);
                self.subject = Some(Fd(label));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Binds the labels of a call that made descriptors which are no sockets of their own.
    fn made(&mut self, step: &CallStep, label: i32, live: Fd, outcome: &Outcome) {
        match &step.call {
            // Of `fcntl`, only F_DUPFD makes a descriptor.
            Call::Dup { fd, .. } | Call::Fcntl { fd, .. } => {
                self.descriptors.bind_copy(label, live, *fd);
            }
            Call::Pipe => {
                if let (
                    Output::Pipe(read, write),
                    OutputExpectation::Pipe(read_label, write_label),
                ) = (&outcome.output, &step.expect.output)
                {
                    self.descriptors.bind(*read_label, *read, Kind::Other);
                    self.descriptors.bind(*write_label, *write, Kind::Other);
                }
            }
            _ => self.descriptors.bind(label, live, Kind::Other),
        }
    }

    /// Remembers what a call sent that the script wrote out.
    fn note_texts(&mut self, fd: Fd, step: &CallStep, amount: u64) {
        let mut call = step.call.clone();
        let mut from = 0;
        for (at, piece) in sent_pieces(&mut call).into_iter().enumerate() {
            let taken = usize::try_from(amount.saturating_sub(from)).unwrap_or(usize::MAX);
            if step.written.get(at).copied().unwrap_or_default() {
                let text = &piece[..piece.len().min(taken)];
                self.descriptors.wrote_text(fd, from, text);
            }
            from += piece.len() as u64;
        }
    }
}

/// What a socket of this type and protocol carries.
fn kind_of(kind: i32, protocol: i32) -> Kind {
    match (kind & SOCK_TYPE_MASK, protocol) {
        (SOCK_STREAM, _) => Kind::Stream,
        (SOCK_DGRAM, IPPROTO_ICMP | IPPROTO_ICMPV6) => Kind::Ping,
        _ => Kind::Other,
    }
}

/// The descriptor and flags of a call that reads.
pub(super) fn reader(call: &Call) -> Option<(Fd, i32)> {
    match call {
        Call::Read { fd, .. } | Call::Readv { fd, .. } => Some((*fd, 0)),
        Call::Recv { fd, flags, .. }
        | Call::RecvFrom { fd, flags, .. }
        | Call::RecvMsg { fd, flags, .. } => Some((*fd, *flags)),
        _ => None,
    }
}
