//! Calls on pipes, files and capabilities, and PSP.

use super::{Lowered, plain};
use crate::call::Call;
use crate::program::OutputExpectation;
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::source::Span;

impl Checker<'_> {
    pub(super) fn file_call(
        &mut self,
        name: &str,
        arguments: &[Argument],
        span: Span,
    ) -> Option<Lowered> {
        match name {
            "psp_rx_assoc" | "psp_tx_assoc" => self.need("psp", span),
            _ => self.need(format!("call:{name}"), span),
        }
        match name {
            "pipe" => self.pipe(arguments),
            "splice" => self.splice(arguments),
            "open" => self.open(arguments),
            "sendfile" => self.sendfile(arguments),
            "cap_set" => {
                let set = self.c_int(&arguments[0], "a set, such as `CAP_EFFECTIVE`");
                let capability = self.c_int(&arguments[1], "a capability");
                let action = self.c_int(&arguments[2], "`CAP_SET` or `CAP_CLEAR`");
                plain(Call::CapSet {
                    set: set?,
                    capability: capability?,
                    action: action?,
                })
            }
            _ => self.psp_call(name, arguments),
        }
    }

    fn pipe(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let what = "both ends, such as `[5, 6]`";
        match self.list(&arguments[0], what)? {
            [input, output] => {
                let input = self.fd(input);
                let output = self.fd(output);
                Some((Call::Pipe, OutputExpectation::Pipe(input?.0, output?.0)))
            }
            _ => self.wrong(&arguments[0], what),
        }
    }

    fn splice(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let input = self.fd(&arguments[0]);
        let output = self.fd(&arguments[2]);
        for offset in [&arguments[1], &arguments[3]] {
            if !matches!(&offset.node, Expr::Word(name) if name == "NULL")
                && offset.node != Expr::Int(0)
            {
                return self.wrong(offset, "`NULL`: offsets are not supported");
            }
        }
        let len = self.len(&arguments[4]);
        let flags = self.c_unsigned(&arguments[5], "the flags");
        plain(Call::Splice {
            input: input?,
            output: output?,
            len: len?,
            flags: flags?,
        })
    }

    fn open(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let path = match &arguments[0].node {
            Expr::Text(bytes) => String::from_utf8(bytes.clone()).ok(),
            _ => None,
        };
        let flags = self.c_int(&arguments[1], "the flags");
        match path {
            Some(path) => plain(Call::Open {
                path,
                flags: flags?,
            }),
            None => self.wrong(&arguments[0], "a path in quotes"),
        }
    }

    fn sendfile(&mut self, arguments: &[Argument]) -> Option<Lowered> {
        let output = self.fd(&arguments[0]);
        let input = self.fd(&arguments[1]);
        let offset = match self.single(&arguments[2], "an offset in brackets, such as `[0]`") {
            Some(offset) => self.int_between(offset, "an offset", 0, i64::MAX),
            None => None,
        };
        let len = self.len(&arguments[3]);
        plain(Call::SendFile {
            output: output?,
            input: input?,
            offset: offset?,
            len: len?,
        })
    }

    /// PSP is read and needs what no target has; a harmless call stands in its place,
    /// and since the need is never met, it is never made.
    fn psp_call(&mut self, name: &str, arguments: &[Argument]) -> Option<Lowered> {
        let fd = self.fd(&arguments[0]);
        let index = match name {
            "psp_rx_assoc" => self.single(&arguments[1], "an index in brackets")?,
            _ => &arguments[1],
        };
        self.c_unsigned(index, "a security parameter index")?;
        plain(Call::Fcntl {
            fd: fd?,
            command: 1,
            argument: None,
        })
    }
}
