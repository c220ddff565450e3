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
            "select" | "pselect" => self.select(name, arguments),
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
        let timeout = self.timeout(&arguments[2], "tv_nsec", 999_999_999)?;
        self.null(&arguments[3], "the signal mask")?;
        Some((
            Call::Ppoll { entries, timeout },
            OutputExpectation::Poll(revents),
        ))
    }

    /// `select(..., {fds=[3, 4], ready=[3]}, NULL, NULL, {tv_sec=0, tv_usec=0})`
    fn select(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        // The target knows the highest of its own descriptors.
        self.dots(&arguments[0], "the number of descriptors")?;
        let mut sets: [Vec<Fd>; 3] = Default::default();
        let mut ready: [Vec<(i32, bool)>; 3] = Default::default();
        for (at, argument) in arguments[1..=3].iter().enumerate() {
            let labels = self.select_set(argument)?;
            sets[at] = labels.iter().map(|(label, _)| Fd(*label)).collect();
            ready[at] = labels;
        }
        let precise = name == "pselect";
        let timeout = match precise {
            true => self.timeout(&arguments[4], "tv_nsec", 999_999_999)?,
            false => self.timeout(&arguments[4], "tv_usec", 999_999)?,
        };
        if let Some(mask) = arguments.get(5) {
            self.null(mask, "the signal mask")?;
        }
        let call = Call::Select {
            sets,
            timeout,
            precise,
        };
        Some((call, OutputExpectation::Select(ready)))
    }

    /// `NULL`, or `{fds=[…], ready=[…]}`: each descriptor asked about, and whether it must be ready.
    fn select_set(&mut self, argument: &Argument) -> Option<Vec<(i32, bool)>> {
        if matches!(&argument.node, Expr::Word(name) if name == "NULL") {
            return Some(Vec::new());
        }
        let [fds, ready] = self.members(argument, ["fds", "ready"], 1)?;
        let fds = self.labels(fds?)?;
        let ready = match ready {
            Some(ready) => self.labels(ready)?,
            None => Vec::new(),
        };
        if ready.iter().any(|label| !fds.contains(label)) {
            return self.wrong(argument, "descriptors to be ready that are asked about");
        }
        let is_ready = |label: i32| (label, ready.contains(&label));
        Some(fds.into_iter().map(is_ready).collect())
    }

    fn labels(&mut self, argument: &Argument) -> Option<Vec<i32>> {
        let items = self.list(argument, "a list of descriptors, such as `[3, 4]`")?;
        let labels: Vec<_> = items.iter().map(|item| self.fd(item)).collect();
        labels.into_iter().map(|fd| fd.map(|Fd(fd)| fd)).collect()
    }

    /// `NULL` (wait for ever), or seconds and a fraction below `most` + 1.
    fn timeout(
        &mut self,
        argument: &Argument,
        fraction: &'static str,
        most: i64,
    ) -> Option<Option<Duration>> {
        if matches!(&argument.node, Expr::Word(name) if name == "NULL") {
            return Some(None);
        }
        let [sec, part] = self.members(argument, ["tv_sec", fraction], 2)?;
        let sec = self.int_between(sec?, "seconds", 0, i64::from(u32::MAX))?;
        let part = self.int_between(part?, "the fraction of a second", 0, most)?;
        let unit = 1_000_000_000 / (most + 1);
        let nanos = u64::try_from(part * unit).ok()?;
        Some(Some(
            Duration::from_secs(u64::try_from(sec).ok()?) + Duration::from_nanos(nanos),
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
