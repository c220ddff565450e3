//! The calls that packetdrill does not have.

use std::time::Duration;

use super::{Lowered, plain};
use crate::call::{Call, Disposition, Fd};
use crate::diagnostic::code;
use crate::program::OutputExpectation;
use crate::script::ast::{self, Expr};
use crate::script::check::Checker;
use crate::script::check::value::Argument;

const SIG_DFL: i64 = 0;
const SIG_IGN: i64 = 1;
const SA_RESTART: i32 = 0x1000_0000;
/// The handler is gone after the first signal, and the second ends the process.
const SA_RESETHAND: i32 = 0x8000_0000_u32.cast_signed();

impl Checker<'_> {
    pub(super) fn more_call(
        &mut self,
        name: &str,
        arguments: &[Argument],
        call: &ast::Call,
    ) -> Option<Lowered> {
        match name {
            "getsockname" | "getpeername" => {
                let fd = self.fd(&arguments[0]);
                let address = self.address_expectation(&arguments[1], &arguments[2])?;
                let peer = name == "getpeername";
                let call = Call::GetName { fd: fd?, peer };
                Some((call, OutputExpectation::Address(address)))
            }
            "dup" | "dup2" | "dup3" => self.dup(arguments, call),
            "ppoll" => self.ppoll(arguments),
            "eventfd" => {
                let initial = self.c_unsigned(&arguments[0], "a count");
                let flags = self.c_int(&arguments[1], "the flags");
                plain(Call::EventFd {
                    initial: initial?,
                    flags: flags?,
                })
            }
            "sigaction" => self.sigaction(arguments),
            _ => self.tgkill(arguments),
        }
    }

    fn dup(&mut self, arguments: &[Argument], call: &ast::Call) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let to = match arguments.get(1) {
            Some(to) => Some(self.fd(to)?),
            None => None,
        };
        let flags = match arguments.get(2) {
            Some(flags) => Some(self.c_int(flags, "the flags")?),
            None => None,
        };
        if let (Some(to), Expr::Int(result)) = (to, &call.result.node)
            && *result >= 0
            && *result != i64::from(to.0)
        {
            let Fd(to) = to;
            let message = format!("`{}` gives the descriptor it is told, {to}", call.name.node);
            self.error_help(
                code::DESCRIPTOR_TOLD,
                call.result.span,
                message,
                format!("write `= {to}`"),
            );
            return None;
        }
        plain(Call::Dup { fd: fd?, to, flags })
    }

    fn ppoll(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let (entries, revents) = self.poll_entries(&arguments[0], &arguments[1])?;
        let timeout = match &arguments[2].node {
            Expr::Word(name) if name == "NULL" => None,
            _ => {
                let [sec, nsec] = self.members(&arguments[2], ["tv_sec", "tv_nsec"], 2)?;
                let sec = self.int_between(sec?, "seconds", 0, i64::from(u32::MAX))?;
                let nsec = self.int_between(nsec?, "nanoseconds", 0, 999_999_999)?;
                let nanos = u64::try_from(nsec).ok()?;
                Some(Duration::from_secs(u64::try_from(sec).ok()?) + Duration::from_nanos(nanos))
            }
        };
        self.null(&arguments[3], "the signal mask")?;
        Some((
            Call::Ppoll { entries, timeout },
            OutputExpectation::Poll(revents),
        ))
    }

    /// `sigaction(SIGUSR1, {sa_handler=..., sa_flags=SA_RESTART}, NULL)`
    fn sigaction(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let signal = self.c_int(&arguments[0], "a signal, such as `SIGUSR1`");
        let names = ["sa_handler", "sa_flags"];
        let [handler, flags] = self.members(&arguments[1], names, 1)?;
        self.null(&arguments[2], "the former disposition")?;
        let flags = match flags {
            Some(flags) => match self.c_int(flags, "the flags")? {
                value if value & SA_RESETHAND != 0 => {
                    return self.wrong(flags, "flags without SA_RESETHAND");
                }
                value => value,
            },
            None => 0,
        };
        let handler = handler?;
        let disposition = match &handler.node {
            Expr::Ellipsis => Disposition::Handler {
                restart: flags & SA_RESTART != 0,
            },
            _ => match self.int(handler, "`...` for a handler, SIG_IGN or SIG_DFL")? {
                SIG_DFL => Disposition::Default,
                SIG_IGN => Disposition::Ignore,
                _ => return self.wrong(handler, "`...` for a handler, SIG_IGN or SIG_DFL"),
            },
        };
        let signal = signal?;
        match disposition {
            Disposition::Default => self.signals.remove(&signal),
            Disposition::Handler { .. } | Disposition::Ignore => self.signals.insert(signal),
        };
        plain(Call::SigAction {
            signal,
            disposition,
        })
    }

    /// `tgkill(..., ..., SIGUSR1)`: for the thread of the blocking call.
    fn tgkill(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        self.dots(&arguments[0], "this process")?;
        self.dots(&arguments[1], "the thread of the blocking call")?;
        let signal = self.c_int(&arguments[2], "a signal, such as `SIGUSR1`")?;
        // Signal 0 only asks whether the thread is there.
        if signal != 0 && !self.signals.contains(&signal) {
            self.error_help(
                code::SIGNAL_HANDLER,
                arguments[2].span,
                "no line before this one sets a handler for this signal, which would end the process",
                "set one: `sigaction(SIGUSR1, {sa_handler=..., sa_flags=0}, NULL) = 0`",
            );
            return None;
        }
        plain(Call::TgKill { signal })
    }

    /// `NULL`, where nothing else is supported.
    pub(super) fn null(&mut self, argument: &Argument, what: &str) -> Option<()> {
        match &argument.node {
            Expr::Word(name) if name == "NULL" => Some(()),
            _ => self.wrong(argument, &format!("`NULL` for {what}")),
        }
    }
}
