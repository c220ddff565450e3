//! `sendmsg` and `recvmsg`.

use super::Lowered;
use super::io::{Piece, bytes_of, text_of, with_null};
use crate::call::{Address, Call};
use crate::diagnostic::code;
use crate::program::{AddressExpectation, OutputExpectation};
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;

/// The parts of `{msg_name(...)=..., msg_iov(n)=[…], msg_flags=…, msg_control=[…]}`.
struct Message<'e> {
    name: Option<&'e Argument>,
    pieces: Vec<Piece>,
    flags: Option<(i32, &'e Argument)>,
    control: Option<&'e Argument>,
}

impl Checker<'_> {
    pub(super) fn recvmsg(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let message = self.message(&arguments[1]);
        let flags = self.c_int(&arguments[2], "the flags");
        let (fd, message, flags) = (fd?, message?, flags?);
        let address = match message.name {
            Some(name) => self.address_pattern(name)?,
            None => AddressExpectation::default(),
        };
        let control = match message.control {
            Some(list) => Some(self.expected_controls(list)?),
            None => None,
        };
        let room = control.as_deref().map_or(0, super::control::room);
        let call = Call::RecvMsg {
            fd,
            lens: message.pieces.iter().map(|(_, len)| *len).collect(),
            flags,
            control_len: room,
        };
        Some((
            with_null(call, &message.pieces),
            OutputExpectation::Message {
                flags: message.flags.map(|(flags, _)| flags),
                control,
                data: text_of(&message.pieces),
                address,
            },
        ))
    }

    pub(super) fn sendmsg(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let message = self.message(&arguments[1]);
        let flags = self.c_int(&arguments[2], "the flags");
        let (fd, message, flags) = (fd?, message?, flags?);
        if let Some((given, argument)) = message.flags
            && given != 0
        {
            self.error_help(
                code::FLAGS_SENT,
                argument.span,
                "`sendmsg` takes no notice of `msg_flags`, so only 0 can stand here",
                "flags of the call are its third argument",
            );
            return None;
        }
        let address = match message.name {
            Some(name) => Some(self.address(name)?),
            None => None,
        };
        let control = match message.control {
            Some(list) => self.sent_controls(list)?,
            None => Vec::new(),
        };
        if !control.is_empty() {
            self.need("control:sendmsg", message.control?.span);
        }
        let call = Call::SendMsg {
            fd,
            data: message.pieces.iter().map(bytes_of).collect(),
            flags,
            address: address.filter(|address| *address != Address::Unspecified),
            control,
        };
        Some((with_null(call, &message.pieces), OutputExpectation::Any))
    }

    fn message<'e>(&mut self, argument: &'e Argument) -> Option<Message<'e>> {
        let names = ["msg_iov", "msg_name", "msg_flags", "msg_control"];
        let [vector, name, flags, control] = self.members(argument, names, 1)?;
        if name.is_none() || flags.is_none() {
            self.superset(argument.span, "a `msghdr` without name or flags");
        }
        let pieces = self.buffers(vector?);
        let flags = match flags {
            Some(flags) => self
                .c_int(flags, "the flags")
                .map(|value| Some((value, flags))),
            None => Some(None),
        };
        let pieces = pieces?;
        self.vector_count(argument, pieces.len())?;
        Some(Message {
            name: name.filter(|name| !matches!(&name.node, Expr::Word(word) if word == "NULL")),
            pieces,
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
}
