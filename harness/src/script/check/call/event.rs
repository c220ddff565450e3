//! `poll` and `epoll`.

use super::{Lowered, plain};
use crate::call::{Call, PollEntry};
use crate::diagnostic::code;
use crate::program::OutputExpectation;
use crate::script::ast::{self, Expr};
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::source::Span;

impl Checker<'_> {
    pub(super) fn poll(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let items = self.list(&arguments[0], "a list, such as `[{fd=3, events=POLLIN}]`")?;
        let entries: Vec<_> = items.iter().map(|item| self.poll_entry(item)).collect();
        let timeout = self.c_int(&arguments[2], "a time-out in milliseconds");
        self.count(&arguments[1], items.len(), "descriptors")?;
        let entries: Vec<(PollEntry, i16)> = entries.into_iter().collect::<Option<_>>()?;
        let (entries, revents) = entries.into_iter().unzip();
        Some((
            Call::Poll {
                entries,
                timeout_ms: timeout?,
            },
            OutputExpectation::Poll(revents),
        ))
    }

    fn poll_entry(&mut self, item: &Argument) -> Option<(PollEntry, i16)> {
        let [fd, events, revents] = self.members(item, ["fd", "events", "revents"], 2)?;
        let fd = self.fd(fd?);
        let events = self.poll_mask(events?);
        let revents = match revents {
            Some(revents) => self.poll_mask(revents),
            None => Some(0),
        };
        Some((
            PollEntry {
                fd: fd?,
                events: events?,
            },
            revents?,
        ))
    }

    fn poll_mask(&mut self, argument: &Argument) -> Option<i16> {
        let mask = self.int_between(argument, "a mask of POLL… bits", 0, 0xffff)?;
        u16::try_from(mask).ok().map(u16::cast_signed)
    }

    pub(super) fn epoll_call(
        &mut self,
        name: &str,
        arguments: &[Argument],
        call: &ast::Call,
    ) -> Option<Lowered> {
        match name {
            "epoll_create" => plain(Call::EpollCreate {
                size: self.c_int(&arguments[0], "a size")?,
            }),
            "epoll_ctl" => {
                let epoll = self.fd(&arguments[0]);
                let operation = self.c_int(&arguments[1], "an operation, such as `EPOLL_CTL_ADD`");
                let fd = self.fd(&arguments[2]);
                let event = match &arguments[3].node {
                    Expr::Word(name) if name == "NULL" => Some((0, 0)),
                    _ => self.epoll_event(&arguments[3]),
                };
                let (events, data) = event?;
                plain(Call::EpollCtl {
                    epoll: epoll?,
                    operation: operation?,
                    fd: fd?,
                    events,
                    data,
                })
            }
            _ => self.epoll_wait(arguments, call),
        }
    }

    fn epoll_wait(&mut self, arguments: &[Argument], call: &ast::Call) -> Option<Lowered> {
        let epoll = self.fd(&arguments[0]);
        let event = match &arguments[1].node {
            Expr::Ellipsis => Some(None),
            _ => self.epoll_event(&arguments[1]).map(Some),
        };
        let max_events = self.c_int(&arguments[2], "a number of events");
        let timeout_ms = self.c_int(&arguments[3], "a time-out in milliseconds");
        let (epoll, max_events, timeout_ms) = (epoll?, max_events?, timeout_ms?);
        // With no event returned there is nothing to compare.
        let output = match (event?, &call.result.node) {
            (Some((events, data)), Expr::Int(count)) if *count > 0 => {
                OutputExpectation::Epoll(events, data)
            }
            _ => OutputExpectation::Any,
        };
        Some((
            Call::EpollWait {
                epoll,
                max_events,
                timeout_ms,
            },
            output,
        ))
    }

    /// `{events=…, fd=…}`; the user data may also be `ptr`, `u32` or `u64`.
    fn epoll_event(&mut self, argument: &Argument) -> Option<(u32, u64)> {
        let members = self.members(argument, ["events", "fd", "ptr", "u32", "u64"], 1)?;
        let [events, data @ ..] = members;
        let events = self.c_unsigned(events?, "a mask of EPOLL… bits");
        let data: Vec<(usize, &Argument)> = data
            .into_iter()
            .enumerate()
            .filter_map(|(at, value)| value.map(|value| (at, value)))
            .collect();
        let [(at, value)] = data.as_slice() else {
            return self.one_data(argument.span);
        };
        let value = match at {
            // An int and an unsigned: the upper half of the union stays zero.
            0 | 2 => u64::from(self.c_unsigned(value, "user data")?),
            _ => self.int(value, "user data")?.cast_unsigned(),
        };
        Some((events?, value))
    }

    fn one_data<T>(&mut self, span: Span) -> Option<T> {
        let message = "an event carries one of `fd`, `ptr`, `u32` and `u64`";
        self.error_help(
            code::ARGUMENT_TYPE,
            span,
            message,
            "as in `{events=EPOLLIN, fd=3}`",
        );
        None
    }
}
