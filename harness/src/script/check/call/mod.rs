//! System calls: names, argument counts, results.

mod control;
mod event;
mod file;
mod io;
mod message;
mod more;
mod option;
mod socket;
mod tunnel;

use super::Checker;
use super::value::Argument;
use crate::call::Call;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{CallExpectation, CallStep, OutputExpectation, TimeSpec};
use crate::script::ast;
use crate::script::suggest;
use crate::source::Span;
use crate::symbols;
use crate::time::Time;

/// Every call: its name, how many arguments it takes, how it is written.
const CALLS: &[(&str, usize, usize, &str)] = &[
    ("socket", 3, 3, "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3"),
    ("bind", 3, 3, "bind(3, ..., ...) = 0"),
    ("listen", 2, 2, "listen(3, 1) = 0"),
    ("accept", 3, 3, "accept(3, ..., ...) = 4"),
    ("accept4", 4, 4, "accept4(3, ..., ..., SOCK_NONBLOCK) = 4"),
    ("connect", 3, 3, "connect(3, ..., ...) = 0"),
    ("read", 3, 3, "read(4, ..., 1000) = 1000"),
    ("readv", 3, 3, "readv(4, [{..., 10}], 1) = 10"),
    ("recv", 4, 4, "recv(4, ..., 1000, 0) = 1000"),
    (
        "recvfrom",
        6,
        6,
        "recvfrom(4, ..., 1000, 0, ..., ...) = 1000",
    ),
    (
        "recvmsg",
        3,
        3,
        "recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, 0) = 10",
    ),
    ("write", 3, 3, "write(4, ..., 1000) = 1000"),
    ("writev", 3, 3, "writev(4, [{..., 10}], 1) = 10"),
    ("send", 4, 4, "send(4, ..., 1000, 0) = 1000"),
    ("sendto", 6, 6, "sendto(4, ..., 1000, 0, ..., ...) = 1000"),
    (
        "sendmsg",
        3,
        3,
        "sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, 0) = 10",
    ),
    ("fcntl", 2, 3, "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0"),
    ("ioctl", 2, 3, "ioctl(4, SIOCINQ, [1000]) = 0"),
    ("close", 1, 1, "close(4) = 0"),
    ("shutdown", 2, 2, "shutdown(4, SHUT_WR) = 0"),
    (
        "getsockopt",
        5,
        5,
        "getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0",
    ),
    (
        "setsockopt",
        5,
        5,
        "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0",
    ),
    (
        "poll",
        3,
        3,
        "poll([{fd=3, events=POLLIN, revents=POLLIN}], 1, 0) = 1",
    ),
    ("epoll_create", 1, 1, "epoll_create(1) = 5"),
    (
        "epoll_ctl",
        4,
        4,
        "epoll_ctl(5, EPOLL_CTL_ADD, 4, {events=EPOLLIN, fd=4}) = 0",
    ),
    (
        "epoll_wait",
        4,
        4,
        "epoll_wait(5, {events=EPOLLIN, fd=4}, 1, 0) = 1",
    ),
    ("pipe", 1, 1, "pipe([5, 6]) = 0"),
    ("splice", 6, 6, "splice(5, NULL, 4, NULL, 1000, 0) = 1000"),
    ("open", 2, 2, "open(\"/dev/null\", O_WRONLY) = 5"),
    ("sendfile", 4, 4, "sendfile(4, 5, [0], 1000) = 1000"),
    (
        "cap_set",
        3,
        3,
        "cap_set(CAP_EFFECTIVE, CAP_NET_ADMIN, CAP_CLEAR) = 0",
    ),
    ("getsockname", 3, 3, "getsockname(3, ..., ...) = 0"),
    ("getpeername", 3, 3, "getpeername(4, ..., ...) = 0"),
    ("dup", 1, 1, "dup(4) = 5"),
    ("dup2", 2, 2, "dup2(4, 5) = 5"),
    ("dup3", 3, 3, "dup3(4, 5, O_CLOEXEC) = 5"),
    (
        "ppoll",
        4,
        4,
        "ppoll([{fd=3, events=POLLIN}], 1, {tv_sec=0, tv_nsec=0}, NULL) = 0",
    ),
    (
        "select",
        5,
        5,
        "select(..., {fds=[3, 4], ready=[3]}, NULL, NULL, {tv_sec=0, tv_usec=0}) = 1",
    ),
    (
        "pselect",
        6,
        6,
        "pselect(..., {fds=[3, 4], ready=[3]}, NULL, NULL, {tv_sec=0, tv_nsec=0}, NULL) = 1",
    ),
    ("epoll_create1", 1, 1, "epoll_create1(EPOLL_CLOEXEC) = 5"),
    (
        "epoll_pwait",
        5,
        5,
        "epoll_pwait(5, {events=EPOLLIN, fd=4}, 1, 0, NULL) = 1",
    ),
    ("eventfd", 2, 2, "eventfd(0, EFD_NONBLOCK) = 5"),
    (
        "sigaction",
        3,
        3,
        "sigaction(SIGUSR1, {sa_handler=..., sa_flags=SA_RESTART}, NULL) = 0",
    ),
    ("tgkill", 3, 3, "tgkill(..., ..., SIGUSR1) = 0"),
    ("psp_rx_assoc", 2, 2, "psp_rx_assoc(3, [17]) = 0"),
    ("psp_tx_assoc", 2, 2, "psp_tx_assoc(3, 17) = 0"),
];

/// Whether scripts have a call of this name.
pub(in crate::script) fn is_call(name: &str) -> bool {
    CALLS.iter().any(|(known, ..)| *known == name)
}

/// A call and what it must write through its pointers.
pub(super) type Lowered = (Call, OutputExpectation);

/// Calls that packetdrill does not have.
const OURS: &[&str] = &[
    "accept4",
    "getsockname",
    "getpeername",
    "dup",
    "dup2",
    "dup3",
    "ppoll",
    "select",
    "pselect",
    "epoll_create1",
    "epoll_pwait",
    "eventfd",
    "sigaction",
    "tgkill",
];

impl Checker<'_> {
    pub(super) fn call(&mut self, call: &ast::Call, start: TimeSpec) -> Option<CallStep> {
        let end = self.call_end(call, start);
        let lowered = self.lower(call);
        let expect = self.expectation(call);
        let ((lowered, output), mut expect) = (lowered?, expect?);
        // A call that fails writes nothing.
        if expect.result != Some(-1) {
            expect.output = output;
        }
        Some(CallStep {
            call: lowered,
            end: end?,
            written: io::written(call),
            expect,
            span: call.span,
        })
    }

    fn lower(&mut self, call: &ast::Call) -> Option<Lowered> {
        let name = call.name.node.as_str();
        let Some((_, least, most, form)) = CALLS.iter().find(|(known, ..)| *known == name) else {
            self.unknown_call(call);
            return None;
        };
        let count = call.arguments.len();
        if !(*least..=*most).contains(&count) {
            let wanted = match least == most {
                true => least.to_string(),
                false => format!("{least} or {most}"),
            };
            let s = if *most == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {wanted} argument{s}, not {count}");
            self.error_help(
                code::ARGUMENT_COUNT,
                call.list_span,
                message,
                format!("as in `{form}`"),
            );
            return None;
        }
        if OURS.contains(&name) {
            self.superset(call.name.span, &format!("the call `{name}`"));
            self.need(format!("call:{name}"), call.name.span);
        }
        self.lower_by_name(name, &call.arguments, call)
    }

    fn lower_by_name(
        &mut self,
        name: &str,
        arguments: &[Argument],
        call: &ast::Call,
    ) -> Option<Lowered> {
        match name {
            "socket" | "bind" | "listen" | "accept" | "accept4" | "connect" | "close"
            | "shutdown" => self.socket_call(name, arguments, call.name.span),
            "read" | "recv" | "recvfrom" | "write" | "send" | "sendto" | "readv" | "writev" => {
                self.io_call(name, arguments)
            }
            "recvmsg" => self.recvmsg(arguments),
            "sendmsg" => self.sendmsg(arguments),
            "fcntl" => self.fcntl(arguments),
            "ioctl" => self.ioctl(arguments),
            "getsockopt" => self.getsockopt(arguments),
            "setsockopt" => self.setsockopt(arguments),
            "poll" => self.poll(arguments),
            "epoll_create" | "epoll_create1" | "epoll_ctl" | "epoll_wait" | "epoll_pwait" => {
                self.epoll_call(name, arguments, call)
            }
            "getsockname" | "getpeername" | "dup" | "dup2" | "dup3" | "ppoll" | "select"
            | "pselect" | "eventfd" | "sigaction" | "tgkill" => {
                self.more_call(name, arguments, call)
            }
            _ => self.file_call(name, arguments, call.name.span),
        }
    }

    fn unknown_call(&mut self, call: &ast::Call) {
        let name = &call.name.node;
        let message = format!("unknown system call `{name}`");
        let mut diagnostic =
            Diagnostic::error(code::CALL_NAME, self.source, call.name.span, message);
        if let Some(near) = suggest::nearest(name, CALLS.iter().map(|(known, ..)| *known)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
    }

    /// The end of a blocking call, counted from its start if it is relative.
    fn call_end(&mut self, call: &ast::Call, start: TimeSpec) -> Option<Option<TimeSpec>> {
        let Some(end) = &call.end else {
            return Some(None);
        };
        let (end_time, good) = match start {
            TimeSpec::Absolute(start) => {
                let time = Time::ZERO + std::time::Duration::from_micros(end.node);
                (TimeSpec::Absolute(time), time >= start)
            }
            TimeSpec::Relative(start) => {
                let end = std::time::Duration::from_micros(end.node);
                (TimeSpec::Relative(end.saturating_sub(start)), end >= start)
            }
            // The form of the start has been reported.
            TimeSpec::Any | TimeSpec::AbsoluteRange(..) | TimeSpec::RelativeRange(..) => {
                return None;
            }
        };
        if !good {
            let message = "this call ends before it starts";
            let help = "both times count from the same point: `+.1...0.3` lasts 0.2 s";
            self.error_help(code::RANGE_BACKWARDS, end.span, message, help);
            return None;
        }
        Some(Some(end_time))
    }

    fn expectation(&mut self, call: &ast::Call) -> Option<CallExpectation> {
        let result = match &call.result.node {
            ast::Expr::Ellipsis => {
                self.superset(call.result.span, "`...` as the result of a call");
                None
            }
            _ => Some(self.int(&call.result, "the result of the call, a number")?),
        };
        let errno = match &call.errno {
            None => None,
            Some(name) => {
                let Some(errno) = symbols::errno(&name.node) else {
                    self.unknown_errno(&name.node, name.span);
                    return None;
                };
                Some(errno)
            }
        };
        if let (Some(name), Some(value)) = (&call.errno, result)
            && value != -1
        {
            let message = format!(
                "a call that gives {value} does not fail, so `{}` cannot stand here",
                name.node
            );
            self.error_help(
                code::ERRNO_WITH_SUCCESS,
                name.span,
                message,
                format!("write `= -1 {}`", name.node),
            );
            return None;
        }
        if result == Some(-1) && errno.is_none() {
            let message = "without an errno any error passes here";
            self.report(
                Diagnostic::error(code::ANY_ERRNO, self.source, call.result.span, message)
                    .warning()
                    .help("name the error, as in `= -1 EAGAIN (Resource temporarily unavailable)`"),
            );
        }
        Some(CallExpectation {
            result,
            errno,
            output: OutputExpectation::Any,
        })
    }

    fn unknown_errno(&mut self, name: &str, span: Span) {
        let message = format!("unknown errno `{name}`");
        let mut diagnostic = Diagnostic::error(code::ERRNO, self.source, span, message);
        diagnostic = match suggest::nearest(name, symbols::errno_names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("errno names are those of Linux, such as `EAGAIN`"),
        };
        self.report(diagnostic);
    }

    /// A written count must be the number of things it counts.
    pub(super) fn count(&mut self, argument: &Argument, counted: usize, what: &str) -> Option<()> {
        let written = self.int(argument, "a count")?;
        if usize::try_from(written) == Ok(counted) {
            return Some(());
        }
        let message = format!("this count says {written}, but the list holds {counted} {what}");
        self.error(code::COUNT_MISMATCH, argument.span, message);
        None
    }
}

/// A call that writes nothing worth comparing.
pub(super) fn plain(call: Call) -> Option<Lowered> {
    Some((call, OutputExpectation::Any))
}
