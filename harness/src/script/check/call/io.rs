//! Reading and writing.

use super::{Lowered, plain};
use crate::call::Call;
use crate::diagnostic::code;
use crate::program::{AddressExpectation, OutputExpectation};
use crate::script::ast::{self, Expr};
use crate::script::check::Checker;
use crate::script::check::value::{Argument, Buffer};

/// One buffer with its length.
pub(super) type Piece = (Buffer, usize);

impl Checker<'_> {
    pub(super) fn io_call(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        match name {
            "readv" | "writev" => self.vector_call(name, arguments),
            "read" | "recv" | "recvfrom" => self.receive(name, arguments),
            _ => self.send(name, arguments),
        }
    }

    fn receive(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let piece = self.buffer_piece(&arguments[1], &arguments[2]);
        let flags = match arguments.get(3) {
            Some(flags) => self.c_int(flags, "the flags"),
            None => Some(0),
        };
        let address = match name {
            "recvfrom" => self.address_expectation(&arguments[4], &arguments[5]),
            _ => Some(AddressExpectation::default()),
        };
        let (fd, piece, flags, address) = (fd?, piece?, flags?, address?);
        let len = piece.1;
        let call = match name {
            "read" => Call::Read { fd, len },
            "recv" => Call::Recv { fd, len, flags },
            _ => Call::RecvFrom { fd, len, flags },
        };
        let output = received(std::slice::from_ref(&piece), address);
        Some((with_null(call, &[piece]), output))
    }

    fn send(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let piece = self.buffer_piece(&arguments[1], &arguments[2]);
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
            _ => Some(None),
        };
        let (fd, piece, flags, address) = (fd?, piece?, flags?, address?);
        let data = bytes_of(&piece);
        let call = match (name, address) {
            ("write", _) => Call::Write { fd, data },
            ("sendto", Some(address)) => Call::SendTo {
                fd,
                data,
                flags,
                address,
            },
            _ => Call::Send { fd, data, flags },
        };
        plain(with_null(call, &[piece]))
    }

    fn vector_call(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let pieces = self.buffers(&arguments[1]);
        let (fd, pieces) = (fd?, pieces?);
        self.count(&arguments[2], pieces.len(), "buffers")?;
        let (call, output) = match name {
            "readv" => (
                Call::Readv {
                    fd,
                    lens: pieces.iter().map(|(_, len)| *len).collect(),
                },
                received(&pieces, AddressExpectation::default()),
            ),
            _ => (
                Call::Writev {
                    fd,
                    data: pieces.iter().map(bytes_of).collect(),
                },
                OutputExpectation::Any,
            ),
        };
        Some((with_null(call, &pieces), output))
    }

    /// `[{..., 10}, {"text", 4}]`
    pub(super) fn buffers(&mut self, argument: &Argument) -> Option<Vec<Piece>> {
        let what = "a list of buffers, such as `[{..., 10}, {..., 20}]`";
        let items = self.list(argument, what)?;
        let pieces: Vec<_> = items
            .iter()
            .map(|item| match &item.node {
                Expr::Braces(parts) if parts.len() == 2 => self.buffer_piece(&parts[0], &parts[1]),
                _ => self.wrong(item, "a buffer, such as `{..., 10}`"),
            })
            .collect();
        pieces.into_iter().collect()
    }

    /// A buffer and its length. Bytes that are written out must be as many as are used.
    fn buffer_piece(&mut self, buffer: &Argument, len: &Argument) -> Option<Piece> {
        let written = self.buffer(buffer);
        let (written, count) = (written?, self.len(len)?);
        if let Buffer::Text(bytes) = &written
            && bytes.len() > count
        {
            let message = format!(
                "the buffer has {} bytes, the length says {count}",
                bytes.len()
            );
            self.error_help(
                code::BUFFER_LENGTH,
                len.span,
                message,
                "a length that is greater than the text stands for zeros behind it",
            );
            return None;
        }
        Some((written, count))
    }
}

/// What a call sends from a buffer: the bytes written out, then zeros; the runner puts the
/// payload where nothing was written.
pub(super) fn bytes_of((buffer, len): &Piece) -> Vec<u8> {
    let mut bytes = match buffer {
        Buffer::Text(bytes) => bytes.clone(),
        Buffer::Dots | Buffer::Null => Vec::new(),
    };
    bytes.resize(*len, 0);
    bytes
}

/// Which pieces of what a call sends the script wrote out.
pub(super) fn written(call: &ast::Call) -> Vec<bool> {
    let is_text = |argument: &Argument| matches!(argument.node, Expr::Text(_));
    let in_vector = |argument: &Argument| match &argument.node {
        Expr::List(items) => items
            .iter()
            .map(|item| match &item.node {
                Expr::Braces(parts) => parts.first().is_some_and(is_text),
                _ => false,
            })
            .collect(),
        _ => Vec::new(),
    };
    let Some(buffer) = call.arguments.get(1) else {
        return Vec::new();
    };
    match (call.name.node.as_str(), &buffer.node) {
        ("write" | "send" | "sendto", _) => vec![is_text(buffer)],
        ("writev", _) => in_vector(buffer),
        ("sendmsg", Expr::Braces(members)) => members
            .iter()
            .find_map(|member| match &member.node {
                Expr::Assign(target, value) if target.node.name() == Some("msg_iov") => {
                    Some(in_vector(value))
                }
                _ => None,
            })
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Marks the buffers that are NULL.
pub(super) fn with_null(call: Call, pieces: &[Piece]) -> Call {
    let at: Vec<usize> = (0..pieces.len())
        .filter(|at| pieces[*at].0 == Buffer::Null)
        .collect();
    match at.is_empty() {
        true => call,
        false => Call::WithNull {
            call: Box::new(call),
            at,
        },
    }
}

/// What must have been read: the strings one after the other, if all buffers are strings.
pub(super) fn text_of(pieces: &[Piece]) -> Option<Vec<u8>> {
    let texts: Option<Vec<&[u8]>> = pieces
        .iter()
        .map(|(buffer, _)| match buffer {
            Buffer::Text(bytes) => Some(bytes.as_slice()),
            Buffer::Dots | Buffer::Null => None,
        })
        .collect();
    texts
        .filter(|texts| !texts.is_empty())
        .map(|texts| texts.concat())
}

fn received(pieces: &[Piece], address: AddressExpectation) -> OutputExpectation {
    let data = text_of(pieces);
    if data.is_none() && address == AddressExpectation::default() {
        return OutputExpectation::Any;
    }
    OutputExpectation::Received { data, address }
}
