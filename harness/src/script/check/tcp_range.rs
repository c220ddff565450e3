//! Sequence ranges: their arithmetic.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::Match;
use crate::script::ast::{Range, TcpRange};
use crate::source::{Span, Spanned};

impl Checker<'_> {
    /// First byte and length of `start:end(len)` as an ICMP message quotes it.
    pub(super) fn range(&mut self, range: &Range) -> Option<(u32, u16)> {
        let start = self.field32(&range.start, "a sequence number");
        let end = self.field32(&range.end, "a sequence number");
        let len = self.field16(&range.len, "a payload");
        self.arithmetic(start?, end?, len?, range.span)
    }

    /// The same of a TCP line, where each may be open.
    pub(super) fn tcp_range(
        &mut self,
        range: &TcpRange,
        inbound: bool,
    ) -> Option<(Match<u32>, Match<u16>)> {
        let what = "a sequence number";
        let start = self.matched(&range.start, what, u32::MAX, inbound);
        let len = self.matched(&range.len, "a payload", u16::MAX, inbound);
        let open = inbound && range.end.node.exact().is_none();
        if open && start.is_some() && len.is_some() {
            self.matched(&range.end, what, u32::MAX, inbound)?;
        }
        let (start, len) = (start?, len?);
        if let (Match::Is(first), Some(end), Match::Is(bytes)) =
            (start, range.end.node.exact(), len)
        {
            let end = self.field32(&Spanned::new(end, range.end.span), what)?;
            self.arithmetic(first, end, bytes, range.span)?;
        }
        Some((start, len))
    }

    /// Whether `end` is where `len` bytes from `start` on end. In packetdrill none may wrap.
    fn arithmetic(&mut self, start: u32, end: u32, len: u16, span: Span) -> Option<(u32, u16)> {
        let sum = u64::from(start) + u64::from(len);
        if sum == u64::from(end) {
            return Some((start, len));
        }
        let wraps = (sum & 0xffff_ffff) == u64::from(end);
        if wraps && !self.drop_in {
            return Some((start, len));
        }
        let diagnostic = if wraps {
            let message =
                "this sequence range wraps: it passes 4294967295, the last sequence number";
            Diagnostic::error(code::RANGE_WRAPS, self.source, span, message)
                .label(format!("{start} + {len} is {sum}"))
                .help("numbers after the SYN are relative to it: let the SYN's own number be near the end, and the wrap comes by itself")
        } else {
            let message = match end.checked_sub(start) {
                Some(held) => format!("the range {start}:{end} holds {held} bytes, not {len}"),
                None => format!("the range {start}:{end} ends before it starts"),
            };
            let mut diagnostic =
                Diagnostic::error(code::RANGE_ARITHMETIC, self.source, span, message);
            if sum <= u64::from(u32::MAX) {
                diagnostic = diagnostic.help(format!(
                    "write `{start}:{sum}({len})`{}",
                    match end.checked_sub(start) {
                        Some(held) if held <= u32::from(u16::MAX) =>
                            format!(" or `{start}:{end}({held})`"),
                        _ => String::new(),
                    }
                ));
            }
            diagnostic
        };
        self.report(diagnostic);
        None
    }
}
