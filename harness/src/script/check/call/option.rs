//! `getsockopt`, `setsockopt`, `fcntl`, `ioctl`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Lowered, plain};
use crate::call::{Call, Fd};
use crate::diagnostic::{Diagnostic, code};
use crate::program::OutputExpectation;
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::script::suggest;
use crate::symbols;

/// The requests whose `int` is read, not written: the non-blocking flag, signals on or off, and
/// (under two names) who gets them.
const READ_REQUESTS: [u64; 4] = [0x5421, 0x5452, 0x8901, 0x8902];
const SOL_TCP: i32 = 6;
const TCP_INFO: i32 = 11;
/// The longest option value a script can ask for, in bytes.
const MAX_VALUE: i64 = 65_536;

impl Checker<'_> {
    pub(super) fn fcntl(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let command = self.c_int(&arguments[1], "a command, such as `F_SETFL`");
        let argument = match arguments.get(2) {
            Some(argument) => self.int(argument, "a number").map(Some),
            None => Some(None),
        };
        plain(Call::Fcntl {
            fd: fd?,
            command: command?,
            argument: argument?,
        })
    }

    pub(super) fn ioctl(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let request = self.int_between(&arguments[1], "a request", 0, i64::from(u32::MAX));
        let value = match arguments.get(2) {
            Some(argument) => {
                let item = self.single(argument, "a value in brackets, such as `[1000]`")?;
                Some(self.c_int(item, "a number")?)
            }
            None => None,
        };
        let (fd, request) = (fd?, request?.cast_unsigned());
        let name =
            symbols::ioctl_name(request).map_or_else(|| format!("{request:#x}"), str::to_owned);
        self.need(format!("ioctl:{name}"), arguments[1].span);
        Some(match value {
            None => (
                Call::Ioctl {
                    fd,
                    request,
                    argument: None,
                },
                OutputExpectation::Any,
            ),
            Some(value) if READ_REQUESTS.contains(&request) => (
                Call::Ioctl {
                    fd,
                    request,
                    argument: Some(value),
                },
                OutputExpectation::Any,
            ),
            Some(value) => (
                Call::Ioctl {
                    fd,
                    request,
                    argument: Some(0),
                },
                OutputExpectation::Int(value),
            ),
        })
    }

    pub(super) fn getsockopt(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        if let Expr::Braces(items) = &arguments[3].node
            && let Some(first) = items.first()
            && let Expr::Assign(name, _) = &first.node
            && name
                .node
                .name()
                .is_some_and(|name| name.starts_with("tcpi_"))
        {
            return self.tcp_info(arguments, items);
        }
        let target = self.option_target(arguments);
        let len = match self.single(&arguments[4], "the length in brackets, such as `[4]`") {
            Some(len) => self.int_between(len, "the length of an option", 0, MAX_VALUE),
            None => None,
        };
        let value = match &arguments[3].node {
            Expr::Ellipsis => {
                self.superset(arguments[3].span, "`...` as the value of an option");
                Some(None)
            }
            _ => self.option_value(&arguments[3]).map(Some),
        };
        let ((fd, level, name), len, value) = (target?, len?, value?);
        let call = Call::GetSockOpt {
            fd,
            level,
            name,
            len: u32::try_from(len).ok()?,
        };
        Some(match value {
            None => (call, OutputExpectation::Any),
            Some(None) => (null_value(call), OutputExpectation::Any),
            Some(Some(bytes)) => {
                if i64::try_from(bytes.len()) != Ok(len) {
                    let message =
                        format!("the value has {} bytes, the length says {len}", bytes.len());
                    self.error(code::COUNT_MISMATCH, arguments[4].span, message);
                    return None;
                }
                (call, OutputExpectation::Bytes(bytes))
            }
        })
    }

    /// `getsockopt(4, SOL_TCP, TCP_INFO, {tcpi_state=TCP_ESTABLISHED, …}, ...)`
    fn tcp_info(&mut self, arguments: &[Argument], items: &[Argument]) -> Option<Lowered> {
        self.superset(arguments[3].span, "the members of TCP_INFO as a value");
        let fd = self.fd(&arguments[0]);
        let level = self.c_int(&arguments[1], "a level");
        let name = self.c_int(&arguments[2], "an option");
        if (level?, name?) != (SOL_TCP, TCP_INFO) {
            return self.wrong(&arguments[3], "a value of this option");
        }
        let mut members = Vec::new();
        for item in items {
            let Expr::Assign(target, value) = &item.node else {
                return self.wrong(item, "`tcpi_…=value`");
            };
            let name = target.node.name().unwrap_or_default();
            if !symbols::is_code_variable(name) {
                return self.unknown_statistic(target, name);
            }
            let constant = match &value.node {
                Expr::Word(word) => symbols::code_constant(word),
                _ => None,
            };
            let value = match constant {
                Some(constant) => constant,
                None => self.int(value, "a number")?,
            };
            self.need(format!("tcp_info:{name}"), target.span);
            members.push((name.to_owned(), value));
        }
        self.address_length(&arguments[4])?;
        let call = Call::TcpInfo { fd: fd? };
        Some((call, OutputExpectation::Members(members)))
    }

    fn unknown_statistic<T>(&mut self, target: &Argument, name: &str) -> Option<T> {
        let message = format!("`{name}` is not a member of TCP_INFO");
        let mut diagnostic =
            Diagnostic::error(code::ARGUMENT_TYPE, self.source, target.span, message);
        if let Some(near) = suggest::nearest(name, symbols::code_variables()) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        self.report(diagnostic);
        None
    }

    pub(super) fn setsockopt(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let target = self.option_target(arguments);
        let value = self.option_value(&arguments[3]);
        let len = self.int_between(&arguments[4], "the length of an option", 0, MAX_VALUE);
        let ((fd, level, name), value, len) = (target?, value?, len?);
        let is_null = value.is_none();
        let mut value = value.unwrap_or_default();
        // A length other than the value's own is passed on: some scripts test just that.
        value.resize(usize::try_from(len).ok()?, 0);
        let call = Call::SetSockOpt {
            fd,
            level,
            name,
            value,
        };
        plain(if is_null { null_value(call) } else { call })
    }

    /// Descriptor, level and name, and the capability they need.
    fn option_target(&mut self, arguments: &[Argument]) -> Option<(Fd, i32, i32)> {
        let fd = self.fd(&arguments[0]);
        let level = self.c_int(&arguments[1], "a level, such as `SOL_SOCKET`");
        let name = self.c_int(&arguments[2], "an option, such as `SO_REUSEADDR`");
        let (fd, level, name) = (fd?, level?, name?);
        self.need(
            format!("sockopt:{}", symbols::socket_option(level, name)),
            arguments[2].span,
        );
        Some((fd, level, name))
    }

    /// `[int]`, `"bytes"`, `{onoff=…, linger=…}`, a tunnel's head, an IPv6 address; `None` is NULL.
    fn option_value(&mut self, argument: &Argument) -> Option<Option<Vec<u8>>> {
        let bytes = match &argument.node {
            Expr::List(items) if items.len() == 1 => self
                .c_int(&items[0], "a number")
                .map(|value| value.to_le_bytes().to_vec()),
            Expr::Text(bytes) => Some(bytes.clone()),
            Expr::Braces(items) if is_time(items) => self.timeval(argument),
            Expr::Braces(_) => {
                let [on, linger] = self.members(argument, ["onoff", "linger"], 2)?;
                let on = self.c_int(on?, "a number");
                let linger = self.c_int(linger?, "seconds");
                let mut bytes = on?.to_le_bytes().to_vec();
                bytes.extend(linger?.to_le_bytes());
                Some(bytes)
            }
            Expr::Tunnel(tunnel) => self.tunnel_bytes(tunnel),
            Expr::Apply(name, inside) if name.node == "inet6_addr" && inside.len() == 1 => self
                .address_text::<Ipv6Addr>(&inside[0])
                .map(|address| address.octets().to_vec()),
            Expr::Apply(name, inside) if name.node == "inet_addr" && inside.len() == 1 => {
                self.superset(argument.span, "an IPv4 address as an option's value");
                self.address_text::<Ipv4Addr>(&inside[0])
                    .map(|address| address.octets().to_vec())
            }
            Expr::Word(name) if name == "NULL" => {
                self.superset(argument.span, "`NULL` as an option's value");
                return Some(None);
            }
            _ => self.wrong(
                argument,
                "a value: `[1]`, `\"text\"` or `{onoff=1, linger=2}`",
            ),
        };
        bytes.map(Some)
    }

    /// `{tv_sec=…, tv_usec=…}`: SO_RCVTIMEO and SO_SNDTIMEO.
    fn timeval(&mut self, argument: &Argument) -> Option<Vec<u8>> {
        self.superset(argument.span, "a `timeval` as an option's value");
        let [sec, usec] = self.members(argument, ["tv_sec", "tv_usec"], 2)?;
        let sec = self.int(sec?, "seconds");
        let usec = self.int(usec?, "microseconds");
        Some([sec?.to_le_bytes(), usec?.to_le_bytes()].concat())
    }
}

/// Whether a structure begins like a `timeval`.
fn is_time(items: &[Argument]) -> bool {
    items.first().is_some_and(|item| match &item.node {
        Expr::Assign(target, _) => target
            .node
            .name()
            .is_some_and(|name| name.starts_with("tv_")),
        _ => false,
    })
}

/// The call with NULL for its value.
fn null_value(call: Call) -> Call {
    Call::WithNull {
        call: Box::new(call),
        at: vec![0],
    }
}
