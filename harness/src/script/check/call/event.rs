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
        let (entries, revents) = self.poll_entries(&arguments[0], &arguments[1])?;
        let timeout_ms = self.c_int(&arguments[2], "a time-out in milliseconds")?;
        Some((
            Call::Poll {
                entries,
                timeout_ms,
            },
            OutputExpectation::Poll(revents),
        ))
    }

    /// The list of descriptors and its length: what is asked, and what must be answered.
    pub(super) fn poll_entries(
        &mut self,
        list: &Argument,
        count: &Argument,
    ) -> Option<(Vec<PollEntry>, Vec<i16>)> {
        let items = self.list(list, "a list, such as `[{fd=3, events=POLLIN}]`")?;
        let entries: Vec<_> = items.iter().map(|item| self.poll_entry(item)).collect();
        self.count(count, items.len(), "descriptors")?;
        let entries: Vec<(PollEntry, i16)> = entries.into_iter().collect::<Option<_>>()?;
        Some(entries.into_iter().unzip())
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
            "epoll_create1" => plain(Call::EpollCreate1 {
                flags: self.c_int(&arguments[0], "the flags")?,
            }),
            "epoll_ctl" => self.epoll_ctl(arguments),
            _ => self.epoll_wait(name, arguments, call),
        }
    }

    fn epoll_ctl(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let epoll = self.fd(&arguments[0]);
        let operation = self.c_int(&arguments[1], "an operation, such as `EPOLL_CTL_ADD`");
        let fd = self.fd(&arguments[2]);
        let event = match &arguments[3].node {
            Expr::Word(name) if name == "NULL" => Some(None),
            _ => self.epoll_event(&arguments[3]).map(Some),
        };
        let event = event?;
        let (events, data) = event.unwrap_or_default();
        let call = Call::EpollCtl {
            epoll: epoll?,
            operation: operation?,
            fd: fd?,
            events,
            data,
        };
        plain(match event {
            Some(_) => call,
            None => {
                self.superset(arguments[3].span, "`NULL` as an event");
                Call::WithNull {
                    call: Box::new(call),
                    at: vec![0],
                }
            }
        })
    }

    fn epoll_wait(
        &mut self,
        name: &str,
        arguments: &[Argument],
        call: &ast::Call,
    ) -> Option<Lowered> {
        let epoll = self.fd(&arguments[0]);
        let event = match &arguments[1].node {
            Expr::Ellipsis => {
                self.superset(arguments[1].span, "`...` as an event");
                Some(None)
            }
            _ => self.epoll_event(&arguments[1]).map(Some),
        };
        let max_events = self.c_int(&arguments[2], "a number of events");
        let timeout_ms = self.c_int(&arguments[3], "a time-out in milliseconds");
        if let Some(mask) = arguments.get(4) {
            self.null(mask, "the signal mask")?;
        }
        let (epoll, max_events, timeout_ms, event) = (epoll?, max_events?, timeout_ms?, event?);
        if let (Some(event), Expr::Int(0)) = (event, &call.result.node)
            && event != (0, 0)
        {
            self.error_help(
                code::EVENT_OF_NONE,
                arguments[1].span,
                "no event is returned, so this one never matches",
                "write `{events=0, ptr=0}`, or `...`",
            );
            return None;
        }
        let output = match event {
            Some((events, data)) => OutputExpectation::Epoll(events, data),
            None => OutputExpectation::Any,
        };
        let call = match name {
            "epoll_wait" => Call::EpollWait {
                epoll,
                max_events,
                timeout_ms,
            },
            _ => Call::EpollPwait {
                epoll,
                max_events,
                timeout_ms,
            },
        };
        Some((call, output))
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
