//! TCP lines: flags, sequence arithmetic, fields.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{OptionsPattern, TcpPattern};
use crate::script::ast::{Direction, Flags, Options, Packet, Range, Tcp};
use crate::source::Spanned;
use crate::wire::TcpFlags;

/// Bytes of a TCP header without options.
const FIXED_HEADER: usize = 20;

impl Checker<'_> {
    pub(super) fn tcp(&mut self, tcp: &Tcp, packet: &Packet) -> Option<TcpPattern> {
        let inbound = packet.direction.node == Direction::Inbound;
        let ports = self.ports(tcp.ports.as_ref());
        let flags = self.flags(&tcp.flags);
        let range = self.range(&tcp.range);
        let ack = match &tcp.ack {
            Some(ack) => self.field32(ack, "an acknowledgment number").map(Some),
            None => Some(None),
        };
        let window = match &tcp.window {
            Some(window) => self.field16(window, "a window").map(Some),
            None => Some(None),
        };
        if inbound && tcp.window.is_none() {
            self.missing_window(tcp);
        }
        let urgent = match &tcp.urgent {
            Some(urgent) => self.field16(urgent, "an urgent pointer"),
            None => Some(0),
        };
        let options = self.options_pattern(tcp.options.as_ref(), inbound);
        let (options, options_len) = options?;
        let (seq, len) = range?;
        self.fits_ip(FIXED_HEADER + options_len + usize::from(len), packet.span)?;
        Some(TcpPattern {
            ports: ports?,
            flags: flags?,
            seq,
            len,
            ack: ack?,
            window: window?,
            urgent: urgent?,
            options,
        })
    }

    fn missing_window(&mut self, tcp: &Tcp) {
        let before = tcp.ack.as_ref().map_or(tcp.range.span, |ack| ack.span);
        let end = crate::source::Span::new(before.end, before.end);
        self.report(
            Diagnostic::error(
                code::MISSING_WINDOW,
                self.source,
                end,
                "an inbound TCP line must say its window: expected `win N`",
            )
            .label("expected `win N` here")
            .help("write, for one, `win 20000`; the number is the raw field, never scaled"),
        );
    }

    fn flags(&mut self, flags: &Spanned<Flags>) -> Option<TcpFlags> {
        let mut bits = TcpFlags::default();
        for letter in flags.node.letters.chars() {
            bits = bits.with(match letter {
                'F' => TcpFlags::FIN,
                'S' => TcpFlags::SYN,
                'R' => TcpFlags::RST,
                'P' => TcpFlags::PSH,
                'U' => TcpFlags::URG,
                'E' => TcpFlags::ECE,
                'W' => TcpFlags::CWR,
                _ => TcpFlags::AE,
            });
        }
        if flags.node.ack {
            bits = bits.with(TcpFlags::ACK);
        }
        let Some(ace) = flags.node.ace else {
            return Some(bits);
        };
        if flags.node.letters.contains(['E', 'W', 'A']) {
            let message = "an AccECN digit stands for the flags A, W and E: write one of both";
            self.error(code::ACE_FLAGS, flags.span, message);
            return None;
        }
        for (bit, flag) in [(4, TcpFlags::AE), (2, TcpFlags::CWR), (1, TcpFlags::ECE)] {
            if ace & bit != 0 {
                bits = bits.with(flag);
            }
        }
        Some(bits)
    }

    /// First byte and length of `start:end(len)`.
    pub(super) fn range(&mut self, range: &Range) -> Option<(u32, u16)> {
        let start = self.field32(&range.start, "a sequence number");
        let end = self.field32(&range.end, "a sequence number");
        let len = self.field16(&range.len, "a payload");
        let (start, end, len) = (start?, end?, len?);
        let sum = u64::from(start) + u64::from(len);
        if sum == u64::from(end) {
            return Some((start, len));
        }
        let diagnostic = if sum > u64::from(u32::MAX) && (sum & 0xffff_ffff) == u64::from(end) {
            let message =
                "this sequence range wraps: it passes 4294967295, the last sequence number";
            Diagnostic::error(code::RANGE_WRAPS, self.source, range.span, message)
                .label(format!("{start} + {len} is {sum}"))
                .help("numbers after the SYN are relative to it: let the SYN's own number be near the end, and the wrap comes by itself")
        } else {
            let message = match end.checked_sub(start) {
                Some(held) => format!("the range {start}:{end} holds {held} bytes, not {len}"),
                None => format!("the range {start}:{end} ends before it starts"),
            };
            let mut diagnostic =
                Diagnostic::error(code::RANGE_ARITHMETIC, self.source, range.span, message);
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

    /// The option list and its length in bytes.
    fn options_pattern(
        &mut self,
        options: Option<&Spanned<Options>>,
        inbound: bool,
    ) -> Option<(OptionsPattern, usize)> {
        match options {
            None => Some((OptionsPattern::Exactly(Vec::new()), 0)),
            Some(Spanned {
                node: Options::Any,
                span,
            }) => {
                if inbound {
                    self.error_help(
                        code::OPTIONS_ANY,
                        *span,
                        "`<...>` means \"any options\" and cannot be sent",
                        "list the options, such as `<mss 1460>`, or leave the list out",
                    );
                    return None;
                }
                Some((OptionsPattern::Any, 0))
            }
            Some(Spanned {
                node: Options::List(list),
                span,
            }) => {
                let (options, len) = self.tcp_options(list, *span)?;
                Some((OptionsPattern::Exactly(options), len))
            }
        }
    }
}
