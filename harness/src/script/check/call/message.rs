//! `sendmsg` and `recvmsg`.

use super::io::zero_buffers;
use super::{Lowered, plain};
use crate::call::{Address, Call, ControlMessage};
use crate::diagnostic::code;
use crate::program::OutputExpectation;
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;

/// Room for control messages where a script lists some, in bytes.
const CONTROL_ROOM: usize = 4096;

/// The parts of `{msg_name(...)=..., msg_iov(n)=[…], msg_flags=…, msg_control=[…]}`.
struct Message<'e> {
    lens: Vec<usize>,
    flags: Option<i32>,
    control: Option<&'e Argument>,
}

impl Checker<'_> {
    pub(super) fn recvmsg(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let message = self.message(&arguments[1]);
        let flags = self.c_int(&arguments[2], "the flags");
        let (fd, message, flags) = (fd?, message?, flags?);
        let control = match message.control {
            Some(list) => Some(self.control_messages(list)?),
            None => None,
        };
        let call = Call::RecvMsg {
            fd,
            lens: message.lens,
            flags,
            control_len: if control.is_some() { CONTROL_ROOM } else { 0 },
        };
        Some((
            call,
            OutputExpectation::Message {
                flags: message.flags,
                control,
            },
        ))
    }

    pub(super) fn sendmsg(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let message = self.message(&arguments[1]);
        let flags = self.c_int(&arguments[2], "the flags");
        let (fd, message, flags) = (fd?, message?, flags?);
        if let Some(control) = message.control
            && !matches!(&control.node, Expr::List(items) if items.is_empty())
        {
            self.need("control:sendmsg", control.span);
        }
        let address = Some(Address::Default);
        plain(Call::SendMsg {
            fd,
            data: zero_buffers(&message.lens),
            flags,
            address,
        })
    }

    fn message<'e>(&mut self, argument: &'e Argument) -> Option<Message<'e>> {
        let names = ["msg_name", "msg_iov", "msg_flags", "msg_control"];
        let [name, vector, flags, control] = self.members(argument, names, 2)?;
        let name = self.dots(name?, "the address");
        let lens = self.buffers(vector?);
        let flags = match flags {
            Some(flags) => self.c_int(flags, "the flags").map(Some),
            None => Some(None),
        };
        let lens = lens?;
        self.vector_count(argument, lens.len())?;
        name?;
        Some(Message {
            lens,
            flags: flags?,
            control,
        })
    }

    /// The number in `msg_iov(n)`.
    fn vector_count(&mut self, message: &Argument, counted: usize) -> Option<()> {
        let Expr::Braces(items) = &message.node else {
            return Some(());
        };
        for item in items {
            if let Expr::Assign(target, _) = &item.node
                && let Expr::Apply(name, inside) = &target.node
                && name.node == "msg_iov"
            {
                let [count] = inside.as_slice() else {
                    let message = "expected `msg_iov(n)` with the number of buffers";
                    self.error(code::ARGUMENT_TYPE, target.span, message);
                    return None;
                };
                self.count(count, counted, "buffers")?;
            }
        }
        Some(())
    }

    fn control_messages(&mut self, list: &Argument) -> Option<Vec<ControlMessage>> {
        let items = self.list(list, "a list of control messages")?;
        let messages: Vec<_> = items
            .iter()
            .map(|item| self.control_message(item))
            .collect();
        messages.into_iter().collect()
    }

    fn control_message(&mut self, item: &Argument) -> Option<ControlMessage> {
        let names = ["cmsg_level", "cmsg_type", "cmsg_data"];
        let [level, kind, data] = self.members(item, names, 3)?;
        let level = self.c_int(level?, "a level");
        let kind = self.c_int(kind?, "a type");
        let data = self.control_data(data?);
        Some(ControlMessage {
            level: level?,
            kind: kind?,
            data: data?,
        })
    }

    /// An `int`; the structures are understood, but no target compares them.
    fn control_data(&mut self, data: &Argument) -> Option<Vec<u8>> {
        let (Expr::Braces(items) | Expr::List(items)) = &data.node else {
            return self
                .c_int(data, "the data")
                .map(|value| value.to_le_bytes().to_vec());
        };
        let first = items.first().and_then(|item| match &item.node {
            Expr::Assign(target, _) => target.node.name(),
            _ => None,
        });
        match first {
            Some("scm_sec") => {
                self.members(data, ["scm_sec", "scm_nsec"], 2)?;
                self.need("control:timestamping", data.span);
            }
            Some("ee_errno") => {
                let names = [
                    "ee_errno",
                    "ee_origin",
                    "ee_type",
                    "ee_code",
                    "ee_info",
                    "ee_data",
                ];
                for value in self.members(data, names, 6)?.into_iter().flatten() {
                    self.c_int(value, "a number")?;
                }
                self.need("control:extended_error", data.span);
            }
            _ => self.statistics(items, data)?,
        }
        Some(Vec::new())
    }

    /// `TCP_NLA_x=value` or `TCP_NLA_x=...` pairs.
    fn statistics(&mut self, items: &[Argument], data: &Argument) -> Option<()> {
        for item in items {
            let Expr::Assign(target, value) = &item.node else {
                return self.wrong(item, "`TCP_NLA_…=value`");
            };
            self.int(target, "a TCP_NLA_… number")?;
            if value.node != Expr::Ellipsis {
                self.int(value, "a number or `...`")?;
            }
        }
        self.need("control:statistics", data.span);
        Some(())
    }
}
