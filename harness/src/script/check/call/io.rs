//! Reading and writing.

use super::{Lowered, plain};
use crate::call::Call;
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;

impl Checker<'_> {
    pub(super) fn io_call(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        if matches!(name, "readv" | "writev") {
            return self.vector_call(name, arguments);
        }
        let fd = self.fd(&arguments[0]);
        let buffer = self.buffer(&arguments[1]);
        let len = self.len(&arguments[2]);
        let flags = match arguments.get(3) {
            Some(flags) => self.c_int(flags, "the flags"),
            None => Some(0),
        };
        let address = match name {
            "sendto" => {
                let address = self.address(&arguments[4]);
                self.address_length(&arguments[5])?;
                address.map(Some)
            }
            "recvfrom" => {
                let address = self.ignored_address(&arguments[4]);
                self.address_length(&arguments[5])?;
                address.map(|()| None)
            }
            _ => Some(None),
        };
        buffer?;
        let (fd, len, flags, address) = (fd?, len?, flags?, address?);
        let zeros = || vec![0; len];
        plain(match (name, address) {
            ("read", _) => Call::Read { fd, len },
            ("recv", _) => Call::Recv { fd, len, flags },
            ("recvfrom", _) => Call::RecvFrom { fd, len, flags },
            ("write", _) => Call::Write { fd, data: zeros() },
            ("sendto", Some(address)) => Call::SendTo {
                fd,
                data: zeros(),
                flags,
                address,
            },
            _ => Call::Send {
                fd,
                data: zeros(),
                flags,
            },
        })
    }

    fn vector_call(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let lens = self.buffers(&arguments[1]);
        let (fd, lens) = (fd?, lens?);
        self.count(&arguments[2], lens.len(), "buffers")?;
        plain(match name {
            "readv" => Call::Readv { fd, lens },
            _ => Call::Writev {
                fd,
                data: zero_buffers(&lens),
            },
        })
    }

    /// `[{..., 10}, {..., 20}]`: the lengths.
    pub(super) fn buffers(&mut self, argument: &Argument) -> Option<Vec<usize>> {
        let what = "a list of buffers, such as `[{..., 10}, {..., 20}]`";
        let items = self.list(argument, what)?;
        let lens: Vec<_> = items
            .iter()
            .map(|item| match &item.node {
                Expr::Braces(parts) if parts.len() == 2 => {
                    let buffer = self.buffer(&parts[0]);
                    let len = self.len(&parts[1]);
                    buffer?;
                    len
                }
                _ => self.wrong(item, "a buffer, such as `{..., 10}`"),
            })
            .collect();
        lens.into_iter().collect()
    }
}

/// Zeroed buffers of these lengths; the runner puts the payload in.
pub(super) fn zero_buffers(lens: &[usize]) -> Vec<Vec<u8>> {
    lens.iter().map(|len| vec![0; *len]).collect()
}
