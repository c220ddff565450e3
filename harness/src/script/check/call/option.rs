//! `getsockopt`, `setsockopt`, `fcntl`, `ioctl`.

use std::net::Ipv6Addr;

use super::{Lowered, plain};
use crate::call::{Call, Fd};
use crate::diagnostic::code;
use crate::program::OutputExpectation;
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::symbols;

/// Sets the non-blocking flag: the one request here whose `int` is read, not written.
const FIONBIO: u64 = 0x5421;
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
            Some(value) if request == FIONBIO => (
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
        let target = self.option_target(arguments);
        let len = match self.single(&arguments[4], "the length in brackets, such as `[4]`") {
            Some(len) => self.int_between(len, "the length of an option", 0, MAX_VALUE),
            None => None,
        };
        let value = match &arguments[3].node {
            Expr::Ellipsis => Some(None),
            _ => self.option_value(&arguments[3]).map(Some),
        };
        let ((fd, level, name), len, value) = (target?, len?, value?);
        let output = match value {
            None => OutputExpectation::Any,
            Some(bytes) => {
                if i64::try_from(bytes.len()) != Ok(len) {
                    let message =
                        format!("the value has {} bytes, the length says {len}", bytes.len());
                    self.error(code::COUNT_MISMATCH, arguments[4].span, message);
                    return None;
                }
                OutputExpectation::Bytes(bytes)
            }
        };
        Some((
            Call::GetSockOpt {
                fd,
                level,
                name,
                len: u32::try_from(len).ok()?,
            },
            output,
        ))
    }

    pub(super) fn setsockopt(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let target = self.option_target(arguments);
        let value = self.option_value(&arguments[3]);
        let len = self.int_between(&arguments[4], "the length of an option", 0, MAX_VALUE);
        let ((fd, level, name), mut value, len) = (target?, value?, len?);
        // A length other than the value's own is passed on: some scripts test just that.
        value.resize(usize::try_from(len).ok()?, 0);
        plain(Call::SetSockOpt {
            fd,
            level,
            name,
            value,
        })
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

    /// `[int]`, `"bytes"`, `{onoff=…, linger=…}`, an IPv6 address, NULL.
    fn option_value(&mut self, argument: &Argument) -> Option<Vec<u8>> {
        match &argument.node {
            Expr::List(items) if items.len() == 1 => self
                .c_int(&items[0], "a number")
                .map(|value| value.to_le_bytes().to_vec()),
            Expr::Text(bytes) => Some(bytes.clone()),
            Expr::Braces(_) => {
                let [on, linger] = self.members(argument, ["onoff", "linger"], 2)?;
                let on = self.c_int(on?, "a number");
                let linger = self.c_int(linger?, "seconds");
                let mut bytes = on?.to_le_bytes().to_vec();
                bytes.extend(linger?.to_le_bytes());
                Some(bytes)
            }
            Expr::Tunnel => {
                self.need("tunnel_option", argument.span);
                Some(Vec::new())
            }
            Expr::Apply(name, inside) if name.node == "inet6_addr" && inside.len() == 1 => self
                .address_text::<Ipv6Addr>(&inside[0])
                .map(|address| address.octets().to_vec()),
            Expr::Word(name) if name == "NULL" => Some(Vec::new()),
            _ => self.wrong(
                argument,
                "a value: `[1]`, `\"text\"` or `{onoff=1, linger=2}`",
            ),
        }
    }
}
