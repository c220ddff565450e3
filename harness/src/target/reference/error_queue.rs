//! What a socket has to tell about its own sends (`MSG_ERRQUEUE`): time stamps, and memory that is the
//! sender's again.
//!
//! As Linux's `timestamping` and `msg_zerocopy` documents have it. The stack copies whatever it sends, so
//! that every notice of the second kind has the code that says so.

use std::collections::VecDeque;

use tcpdrill_stack::seq::{SeqNum, SeqRange};
use tcpdrill_stack::{StateName, Status};

use super::abi::{self, control, level, msg};
use super::blocking::{Attempt, Stop};
use super::descriptors::{Family, Socket, Stage};
use super::errno::{EAGAIN, EINVAL, ENOMSG};
use super::kernel::Kernel;
use crate::call::{Call, ControlMessage, Errno, Fd, Outcome, Output};
use crate::time::Time;

/// One notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    /// The buffers of these sends, counted from 0, are no longer in use.
    Copies { first: u32, last: u32 },
    /// When the byte `key` was sent or acknowledged.
    Stamp {
        at: Time,
        kind: u32,
        key: u32,
        /// `SOF_TIMESTAMPING_OPT_TSONLY`: without the packet.
        bare: bool,
    },
}

/// The last byte of a send whose times are wanted.
#[derive(Clone, Copy, Debug)]
struct Stamped {
    /// The sequence number behind the byte.
    end: SeqNum,
    key: u32,
    flags: u32,
    sent: bool,
}

/// The error queue of a socket and what will get into it.
#[derive(Clone, Debug, Default)]
pub(super) struct ErrorQueue {
    notices: VecDeque<Notice>,
    /// Rises with every report, also with one that only lengthens the last notice.
    pub(super) reports: u64,
    copies: VecDeque<(SeqNum, u32)>,
    next_copy: u32,
    stamped: VecDeque<Stamped>,
    /// The first byte that counts (`SOF_TIMESTAMPING_OPT_ID`).
    first_key: Option<SeqNum>,
}

impl ErrorQueue {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.notices.is_empty()
    }

    /// Whether the stack has to be looked at for it.
    fn is_idle(&self) -> bool {
        self.copies.is_empty() && self.stamped.is_empty()
    }

    /// The buffers of a send up to `end` are done with once that is acknowledged.
    fn copy(&mut self, end: SeqNum) {
        self.copies.push_back((end, self.next_copy));
        self.next_copy = self.next_copy.wrapping_add(1);
    }

    fn stamp(&mut self, end: SeqNum, flags: u32) {
        let last = end - 1;
        let key = self
            .first_key
            .filter(|_| flags & abi::stamping::OPT_ID != 0)
            .map_or(0, |first| first.span_to(last));
        self.stamped.push_back(Stamped {
            end,
            key,
            flags,
            sent: false,
        });
    }

    fn report(&mut self, notice: Notice) {
        self.reports += 1;
        if let (
            Some(Notice::Copies { first, last }),
            Notice::Copies {
                first: next,
                last: to,
            },
        ) = (self.notices.back_mut(), notice)
            && last.wrapping_add(1) == next
            && to != *first
        {
            *last = to;
            return;
        }
        self.notices.push_back(notice);
    }

    fn report_stamp(&mut self, stamped: Stamped, kind: u32, at: Time) {
        self.report(Notice::Stamp {
            at,
            kind,
            key: stamped.key,
            bare: stamped.flags & abi::stamping::OPT_TSONLY != 0,
        });
    }

    fn report_sent(&mut self, stamped: Stamped, now: Time) {
        if stamped.flags & abi::stamping::TX_SCHED != 0 {
            self.report_stamp(stamped, abi::stamping::SCHED, now);
        }
        if stamped.flags & abi::stamping::TX_SOFTWARE != 0 {
            self.report_stamp(stamped, abi::stamping::SND, now);
        }
    }

    /// Looks at what has become of the sends. `None`: the connection is no more.
    fn refresh(&mut self, status: Option<&Status>, repeats: &[SeqRange], now: Time) {
        let status = status.filter(|status| status.state != StateName::Closed);
        let acknowledged =
            |end: SeqNum| status.is_none_or(|status| status.snd_una.at_or_after(end));
        while let Some((_, id)) = self.copies.front().filter(|(end, _)| acknowledged(*end)) {
            let id = *id;
            self.copies.pop_front();
            self.report(Notice::Copies {
                first: id,
                last: id,
            });
        }
        let Some(status) = status else {
            self.stamped.clear();
            return;
        };
        let mut stamped = std::mem::take(&mut self.stamped);
        let over = |done: &Stamped| done.sent && acknowledged(done.end);
        while let Some(done) = stamped.front().copied().filter(over) {
            stamped.pop_front();
            if done.flags & abi::stamping::TX_ACK != 0 {
                self.report_stamp(done, abi::stamping::ACK, now);
            }
        }
        for stamped in &mut stamped {
            // As on Linux, each time it leaves is told.
            let again = |repeat: &&SeqRange| repeat.contains(stamped.end - 1);
            let times = if stamped.sent {
                repeats.iter().filter(again).count()
            } else {
                stamped.sent = status.snd_nxt.at_or_after(stamped.end);
                usize::from(stamped.sent)
            };
            for _ in 0..times {
                self.report_sent(*stamped, now);
            }
        }
        self.stamped = stamped;
    }
}

impl Socket {
    /// `SO_TIMESTAMPING`
    pub(super) fn set_timestamping(
        &mut self,
        flags: i32,
        status: Option<&Status>,
    ) -> Result<(), Stop> {
        use abi::stamping::{KNOWN, OPT_ID, OPT_ID_TCP};
        let flags = u32::try_from(flags).map_err(|_| Stop::Failed(EINVAL))?;
        if flags & !KNOWN != 0 || flags & OPT_ID_TCP != 0 && flags & OPT_ID == 0 {
            return Err(EINVAL.into());
        }
        if flags & OPT_ID != 0 && self.local.timestamping & OPT_ID == 0 {
            // Without a connection there is no byte to count from.
            let (Stage::Connection(..), Some(status)) = (self.stage, status) else {
                return Err(EINVAL.into());
            };
            if status.state == StateName::Closed {
                return Err(EINVAL.into());
            }
            let first = if flags & OPT_ID_TCP != 0 {
                end_of_queue(status)
            } else {
                status.snd_una
            };
            self.errors.first_key = Some(first);
        }
        self.local.timestamping = flags;
        Ok(())
    }
}

/// The sequence number behind everything that was handed to the stack.
fn end_of_queue(status: &Status) -> SeqNum {
    status.snd_una.max(status.iss + 1) + u32::try_from(status.send_queued).unwrap_or(0)
}

impl Kernel {
    /// A send has handed `count` bytes to the stack.
    pub(super) fn note_sent(&mut self, call: &Call, count: i64) {
        let (fd, flags) = match call.plain() {
            Call::Write { fd, .. } | Call::Writev { fd, .. } => (*fd, 0),
            Call::Send { fd, flags, .. }
            | Call::SendTo { fd, flags, .. }
            | Call::SendMsg { fd, flags, .. } => (*fd, *flags),
            Call::SendFile { output, .. } | Call::Splice { output, .. } => (*output, 0),
            _ => return,
        };
        let Ok(socket) = self.table.socket(fd) else {
            return;
        };
        let wants_notice = flags & msg::ZEROCOPY != 0 && socket.local.zero_copy;
        let stamps = socket.local.timestamping;
        let Stage::Connection(id, _) = socket.stage else {
            return;
        };
        if count <= 0 || !(wants_notice || stamps & abi::stamping::TX != 0) {
            return;
        }
        let Ok(status) = self.engine.host().status(id) else {
            return;
        };
        let end = end_of_queue(&status);
        if let Ok(socket) = self.table.socket_mut(fd) {
            if wants_notice {
                socket.errors.copy(end);
            }
            if stamps & abi::stamping::TX != 0 {
                socket.errors.stamp(end, stamps);
            }
        }
    }

    /// Looks at what has become of the sends of every socket. To be called after every step.
    pub(super) fn refresh_error_queues(&mut self) {
        let now = self.engine.time();
        let repeats = std::mem::take(&mut self.engine.repeats);
        let host = self.engine.host();
        for socket in self.table.sockets_mut() {
            if socket.errors.is_idle() {
                continue;
            }
            let own = match socket.stage {
                Stage::Connection(id, _) => Some(id),
                Stage::Fresh | Stage::Listening(_) => None,
            };
            let status = own.and_then(|id| host.status(id).ok());
            let repeats: Vec<SeqRange> = repeats
                .iter()
                .filter(|(id, _)| Some(*id) == own)
                .map(|(_, range)| *range)
                .collect();
            socket.errors.refresh(status.as_ref(), &repeats, now);
        }
    }

    /// `MSG_ERRQUEUE`: takes the oldest notice; never sleeps.
    pub(super) fn receive_notice(
        &mut self,
        fd: Fd,
        len: usize,
        flags: i32,
        control_len: usize,
    ) -> Attempt {
        let socket = self.table.socket_mut(fd)?;
        let shows_stamps = socket.local.timestamping & abi::stamping::SOFTWARE != 0;
        let family = socket.family;
        let Some(notice) = socket.errors.notices.front().copied() else {
            return Err(EAGAIN.into());
        };
        let mut out_flags = msg::ERRQUEUE | flags & msg::CMSG_CLOEXEC;
        let mut messages = Vec::new();
        match notice {
            Notice::Copies { first, last } => {
                let code = abi::extended_error::ZEROCOPY_COPIED;
                let origin = abi::extended_error::ZEROCOPY;
                messages.push(extended_error(
                    family,
                    Errno(0),
                    (origin, code),
                    (first, last),
                ));
            }
            Notice::Stamp {
                at,
                kind,
                key,
                bare,
            } => {
                if !bare {
                    if len > 0 {
                        return Err(Stop::unsupported(
                            "control:extended_error",
                            "the reference target keeps no packets with its time stamps; use SOF_TIMESTAMPING_OPT_TSONLY",
                        ));
                    }
                    out_flags |= msg::TRUNC;
                }
                if shows_stamps {
                    messages.push(stamps(at));
                }
                let origin = abi::extended_error::TIMESTAMPING;
                messages.push(extended_error(family, ENOMSG, (origin, 0), (kind, key)));
            }
        }
        socket.errors.notices.pop_front();
        let (control, cut) = fit(messages, control_len);
        if cut {
            out_flags |= msg::CTRUNC;
        }
        Ok(Outcome::with(
            0,
            Output::Message {
                data: Vec::new(),
                flags: out_flags,
                control,
                address: None,
            },
        ))
    }
}

/// `SCM_TIMESTAMPING`: three stamps, of which only the one by software is taken.
pub(super) fn stamps(at: Time) -> ControlMessage {
    let micros = at.as_micros();
    let mut data = micros.div_euclid(1_000_000).to_ne_bytes().to_vec();
    data.extend((micros.rem_euclid(1_000_000) * 1000).to_ne_bytes());
    data.resize(3 * data.len(), 0);
    ControlMessage {
        level: level::SOCKET,
        kind: control::TIMESTAMPING,
        data,
    }
}

/// `struct sock_extended_err`, and the place for the address of an offender behind it.
fn extended_error(
    family: Family,
    errno: Errno,
    (origin, code): (u8, u8),
    (info, data): (u32, u32),
) -> ControlMessage {
    let (level, kind, address) = match family {
        Family::Inet => (level::IP, control::IP_RECVERR, 16),
        Family::Inet6 => (level::IPV6, control::IPV6_RECVERR, 28),
    };
    let mut bytes = errno.0.to_ne_bytes().to_vec();
    bytes.extend([origin, 0, code, 0]);
    bytes.extend(info.to_ne_bytes());
    bytes.extend(data.to_ne_bytes());
    bytes.resize(bytes.len() + address, 0);
    ControlMessage {
        level,
        kind,
        data: bytes,
    }
}

/// As many control messages as there is room for, the last one cut if need be, and whether anything is
/// missing (`MSG_CTRUNC`).
pub(super) fn fit(messages: Vec<ControlMessage>, room: usize) -> (Vec<ControlMessage>, bool) {
    let mut left = room;
    let mut cut = false;
    let mut fitting = Vec::new();
    for mut message in messages {
        let Some(most) = left.checked_sub(control::HEADER) else {
            cut = true;
            continue;
        };
        cut |= message.data.len() > most;
        message.data.truncate(most);
        let space = control::HEADER + message.data.len().next_multiple_of(control::ALIGNMENT);
        left = left.saturating_sub(space);
        fitting.push(message);
    }
    (fitting, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: usize) -> ControlMessage {
        ControlMessage {
            level: 1,
            kind: 2,
            data: vec![7; len],
        }
    }

    #[test]
    fn control_messages_are_cut_where_the_room_ends() {
        let lens = |messages: &[ControlMessage]| -> Vec<usize> {
            messages.iter().map(|message| message.data.len()).collect()
        };
        let all = || vec![message(4), message(8)];
        for (room, expected, cut) in [
            (15, vec![], true),
            (20, vec![4], true),
            (40, vec![4, 0], true),
            (43, vec![4, 3], true),
            (48, vec![4, 8], false),
        ] {
            let (fitting, was_cut) = fit(all(), room);
            assert_eq!((lens(&fitting), was_cut), (expected, cut), "{room}");
        }
    }

    #[test]
    fn notices_of_neighbouring_sends_become_one() {
        let mut queue = ErrorQueue::default();
        for id in [0, 1, 2, 7] {
            queue.report(Notice::Copies {
                first: id,
                last: id,
            });
        }
        let expected = [
            Notice::Copies { first: 0, last: 2 },
            Notice::Copies { first: 7, last: 7 },
        ];
        assert_eq!(queue.notices, expected);
        assert_eq!(queue.reports, 4);
    }
}
