//! TCP lines: flags, fields, payload, what is wrong on purpose.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{Match, OptionsPattern, TcpPattern};
use crate::script::ast::{Direction, Field, Flags, Number, Options, Packet, Tcp};
use crate::source::Spanned;
use crate::wire::{TcpDamage, TcpFlags};

/// Bytes of a TCP header without options.
const FIXED_HEADER: usize = 20;
/// What the payload of a reset begins with when it gives a reason, in nplab's packetdrill.
const RESET_REASON: [u8; 2] = [0x33, 0xaa];

impl Checker<'_> {
    pub(super) fn tcp(&mut self, tcp: &Tcp, packet: &Packet) -> Option<TcpPattern> {
        let inbound = packet.direction.node == Direction::Inbound;
        let ports = self.ports(tcp.ports.as_ref());
        let flags = self.flags(&tcp.flags, inbound);
        let range = self.tcp_range(&tcp.range, inbound);
        let ack = match &tcp.ack {
            Some(ack) => self
                .matched(ack, "an acknowledgment number", u32::MAX, inbound)
                .map(Some),
            None => Some(None),
        };
        let window = self.optional(tcp.window.as_ref(), "a window", Match::Any, inbound);
        if inbound && tcp.window.is_none() {
            self.missing_window(tcp);
        }
        let none = Match::Is(0);
        let urgent = self.optional(tcp.urgent.as_ref(), "an urgent pointer", none, inbound);
        let options = self.options_pattern(tcp.options.as_ref(), inbound);
        let payload = self.payload(tcp, range);
        let damage = self.damage(tcp, inbound);
        let (options, options_len) = options?;
        let (seq, len) = range?;
        let most = match len {
            Match::Is(len) | Match::Within(len, _) => usize::from(len),
            Match::Any => 0,
        };
        self.fits_ip(FIXED_HEADER + options_len + most, packet.span)?;
        Some(TcpPattern {
            ports: ports?,
            flags: flags?,
            seq,
            absolute: tcp.range.absolute,
            len,
            ack: ack?,
            window: window?,
            urgent: urgent?,
            options,
            payload: payload?,
            damage: damage?,
        })
    }

    /// A 16-bit field that may be left out.
    fn optional(
        &mut self,
        field: Option<&Field>,
        what: &str,
        absent: Match<u16>,
        inbound: bool,
    ) -> Option<Match<u16>> {
        match field {
            Some(field) => self.matched(field, what, u16::MAX, inbound),
            None => Some(absent),
        }
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

    fn flags(&mut self, flags: &Spanned<Flags>, inbound: bool) -> Option<Option<TcpFlags>> {
        if flags.node.any {
            if inbound {
                let message = "flags to be sent are letters or `-`, not `*`";
                let help = "wildcards and ranges are for outbound lines (`>`)";
                self.error_help(code::NOT_ONE_VALUE, flags.span, message, help);
                return None;
            }
            return Some(None);
        }
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
            return Some(Some(bits));
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
        Some(Some(bits))
    }

    /// Contents of the payload: as long as the range says.
    fn payload(
        &mut self,
        tcp: &Tcp,
        range: Option<(Match<u32>, Match<u16>)>,
    ) -> Option<Option<Vec<u8>>> {
        // In packetdrill a reason of two zeros is none.
        let none =
            |reason: &&Spanned<(Number, Number)>| reason.node.0.node | reason.node.1.node == 0;
        let contents = match tcp.reset_reason.as_ref().filter(|reason| !none(reason)) {
            Some(reason) => Some(self.reset_reason(reason, tcp)?),
            None => tcp.payload.clone(),
        };
        let Some(contents) = contents else {
            return Some(None);
        };
        let (_, len) = range?;
        let has = contents.node.len();
        if len.exact().map(usize::from) == Some(has) {
            return Some(Some(contents.node));
        }
        let message = format!("these contents have {has} bytes, the line says `{len}`");
        let mut diagnostic =
            Diagnostic::error(code::PAYLOAD_LENGTH, self.source, contents.span, message)
                .also(tcp.range.len.span, "");
        if let Some(start) = tcp.range.start.node.exact() {
            let end = start.wrapping_add(has as u64) & u64::from(u32::MAX);
            diagnostic = diagnostic.help(format!("write `{start}:{end}({has})`"));
        }
        self.report(diagnostic);
        None
    }

    /// The payload of a reset that says why: a magic number, the reason, whose reason it is.
    fn reset_reason(
        &mut self,
        reason: &Spanned<(Number, Number)>,
        tcp: &Tcp,
    ) -> Option<Spanned<Vec<u8>>> {
        let (number, enterprise) = &reason.node;
        let number = self.field16(number, "the reason of a reset");
        let enterprise = self.field32(enterprise, "a private enterprise number");
        let wrong = match &tcp.payload {
            Some(_) => "the reason of a reset is its payload: it stands beside no other contents",
            None if !tcp.flags.node.letters.contains('R') => {
                "the reason of a reset stands on a segment with the flag `R`"
            }
            None => "",
        };
        if !wrong.is_empty() {
            self.error(code::RESET_REASON, reason.span, wrong);
            return None;
        }
        let (number, enterprise) = (number?.to_be_bytes(), enterprise?.to_be_bytes());
        let bytes = [&RESET_REASON[..], &number, &enterprise].concat();
        Some(Spanned::new(bytes, reason.span))
    }

    /// What is wrong with the header on purpose.
    fn damage(&mut self, tcp: &Tcp, inbound: bool) -> Option<TcpDamage> {
        let damage = &tcp.damage;
        let numbers = [&damage.data_offset, &damage.reserved, &damage.cut];
        let places = numbers.map(|number| number.as_ref().map(|number| number.span));
        let first = damage
            .bad_checksum
            .into_iter()
            .chain(places.into_iter().flatten());
        if let (false, Some(span)) = (inbound, first.min()) {
            let message = "a malformed header can be sent, not expected: a stack never sends one";
            self.error(code::DAMAGE_USE, span, message);
            return None;
        }
        let mut number = |number: &Option<_>, what: &str, most: u64| match number {
            Some(number) => self.field(number, what, most).map(Some),
            None => Some(None),
        };
        let data_offset = number(
            &damage.data_offset,
            "a data offset, in words of 4 bytes,",
            15,
        );
        let reserved = number(&damage.reserved, "the reserved field", 7);
        let cut = number(&damage.cut, "the length of a segment", u64::from(u16::MAX));
        Some(TcpDamage {
            bad_checksum: damage.bad_checksum.is_some(),
            data_offset: data_offset?.and_then(|words| u8::try_from(words).ok()),
            reserved: reserved?
                .and_then(|bits| u8::try_from(bits).ok())
                .unwrap_or(0),
            cut: cut?.and_then(|len| u16::try_from(len).ok()),
        })
    }

    /// The option list and its length in bytes, as far as it is known.
    fn options_pattern(
        &mut self,
        options: Option<&Spanned<Options>>,
        inbound: bool,
    ) -> Option<(OptionsPattern, usize)> {
        match options {
            None => Some((OptionsPattern::List(Vec::new()), 0)),
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
                let (options, len) = self.tcp_options(list, *span, inbound)?;
                Some((OptionsPattern::List(options), len))
            }
        }
    }
}
