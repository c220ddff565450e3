//! TCP options: values, lengths, alignment.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{Match, OptionPattern};
use crate::script::ast;
use crate::source::{Span, Spanned};
use crate::wire::TcpOption;

/// Bytes of options a header has room for (RFC 9293 §3.1: data offset of 15 words).
const MAX_OPTIONS: usize = 40;
/// SACK blocks that fit (RFC 2018 §3).
const MAX_SACK_BLOCKS: usize = 4;
/// The kind of experiments (RFC 4727 §3.2).
const EXPERIMENT: u8 = 254;
/// The experiment of Fast Open (RFC 7413 §4.1.1).
const FAST_OPEN: u16 = 0xf989;
/// The experiment of the ACK rate request (draft-ietf-tcpm-ack-rate-request).
const ACK_RATE_REQUEST: u16 = 0x00ac;
/// The experiment of AccECN in order 0; that of order 1 follows.
const ACC_ECN: u16 = 0xacc0;
/// AccECN counters have 24 bits (RFC 9768 §3.2.3).
const MOST_COUNTED: u64 = (1 << 24) - 1;

impl Checker<'_> {
    /// The options and their length in bytes, as written: nothing is padded.
    pub(super) fn tcp_options(
        &mut self,
        list: &[Spanned<ast::TcpOption>],
        span: Span,
        inbound: bool,
    ) -> Option<(Vec<OptionPattern>, usize)> {
        let options: Vec<_> = list
            .iter()
            .map(|option| self.tcp_option(option, inbound))
            .collect();
        let options: Vec<OptionPattern> = options.into_iter().collect::<Option<_>>()?;
        let lengths: Vec<(usize, bool)> = options.iter().map(wire_length).collect();
        let len: usize = lengths.iter().map(|(len, _)| len).sum();
        let whole = lengths.iter().all(|(_, whole)| *whole);
        if len > MAX_OPTIONS {
            let message = format!(
                "these options take {len} bytes, a TCP header has room for {MAX_OPTIONS}: it would be longer than 60 bytes"
            );
            self.error(code::HEADER_TOO_LONG, span, message);
            return None;
        }
        if whole && !len.is_multiple_of(4) {
            self.unaligned(list, span, len);
            return None;
        }
        Some((options, len))
    }

    fn unaligned(&mut self, list: &[Spanned<ast::TcpOption>], span: Span, len: usize) {
        let missing = 4 - len % 4;
        let message = format!("these options take {len} bytes: expected a multiple of 4");
        let nops = vec!["nop"; missing].join(",");
        let words = self
            .source
            .slice(list[0].span.to(list[list.len() - 1].span));
        let help = match words.contains('\n') {
            true => format!("add `{nops}`"),
            false => format!("add `{nops}`, as in `<{nops},{words}>`; nothing is padded by itself"),
        };
        self.report(
            Diagnostic::error(code::OPTIONS_UNALIGNED, self.source, span, message)
                .label(format!("{missing} short"))
                .help(help),
        );
    }

    /// One option; whatever it leaves open is for outbound lines.
    fn tcp_option(
        &mut self,
        option: &Spanned<ast::TcpOption>,
        inbound: bool,
    ) -> Option<OptionPattern> {
        let span = option.span;
        let pattern = match &option.node {
            ast::TcpOption::EndOfList => OptionPattern::Is(TcpOption::EndOfList),
            ast::TcpOption::NoOperation => OptionPattern::Is(TcpOption::NoOperation),
            ast::TcpOption::SackPermitted => OptionPattern::Is(TcpOption::SackPermitted),
            ast::TcpOption::Raw(bytes) => OptionPattern::Is(TcpOption::Raw(bytes.clone())),
            ast::TcpOption::Md5Valid => OptionPattern::Md5Valid,
            ast::TcpOption::Others => self.others(span, inbound)?,
            ast::TcpOption::MaximumSegmentSize(size) => {
                match self.matched(size, "a segment size", u16::MAX, inbound)? {
                    Match::Is(size) => OptionPattern::Is(TcpOption::MaximumSegmentSize(size)),
                    open => OptionPattern::MaximumSegmentSize(open),
                }
            }
            ast::TcpOption::WindowScale(shift) => {
                match self.matched(shift, "a window scale", u8::MAX, inbound)? {
                    Match::Is(shift) => OptionPattern::Is(TcpOption::WindowScale(shift)),
                    open => OptionPattern::WindowScale(open),
                }
            }
            ast::TcpOption::Sack(None) => self.data(5, &[], None, span, inbound)?,
            ast::TcpOption::Sack(Some(blocks)) => self.sack(blocks, span, inbound)?,
            ast::TcpOption::Timestamps(value, reply, absolute) => {
                self.timestamps(value, reply, *absolute, inbound)?
            }
            ast::TcpOption::Md5(digest) => self.md5(digest.as_deref(), span, inbound)?,
            ast::TcpOption::FastOpen(cookie) => {
                self.data(34, &[], cookie.as_deref(), span, inbound)?
            }
            ast::TcpOption::Generic(kind, data) => {
                let kind = self.field8(kind, "the kind of an option")?;
                match data {
                    Some(data) => OptionPattern::Is(TcpOption::Other {
                        kind,
                        data: data.clone(),
                    }),
                    None => self.data(kind, &[], None, span, inbound)?,
                }
            }
            ast::TcpOption::AccEcn(order, counters) => self.acc_ecn(*order, counters, inbound)?,
            ast::TcpOption::FastOpenExperimental(_)
            | ast::TcpOption::Experiment(..)
            | ast::TcpOption::AckRateRequest(_)
            | ast::TcpOption::AccEcnExperimental(..) => self.experiment(option, inbound)?,
        };
        Some(pattern)
    }

    fn md5(&mut self, digest: Option<&[u8]>, span: Span, inbound: bool) -> Option<OptionPattern> {
        let len = digest.map_or(1, <[u8]>::len);
        if !(1..=16).contains(&len) {
            let message = format!("an MD5 digest has 1 to 16 bytes, not {len}");
            self.error(code::OPTION_LENGTH, span, message);
            return None;
        }
        self.data(19, &[], digest, span, inbound)
    }

    /// An option of kind 254: the id of the experiment, and its data (RFC 6994).
    fn experiment(
        &mut self,
        option: &Spanned<ast::TcpOption>,
        inbound: bool,
    ) -> Option<OptionPattern> {
        let (id, data) = match &option.node {
            ast::TcpOption::Experiment(id, data) => {
                let id = self.field16(id, "the id of an experiment")?;
                (id, data.clone())
            }
            ast::TcpOption::FastOpenExperimental(cookie) => (FAST_OPEN, cookie.clone()),
            ast::TcpOption::AckRateRequest(None) => (ACK_RATE_REQUEST, Some(Vec::new())),
            ast::TcpOption::AckRateRequest(Some(ratio)) => {
                let ratio = self.field(ratio, "an ACK rate", 127)?;
                (ACK_RATE_REQUEST, Some(vec![u8::try_from(ratio << 1).ok()?]))
            }
            ast::TcpOption::AccEcnExperimental(order, counters) => {
                let counters = counters
                    .iter()
                    .map(|counter| self.field(counter, "an AccECN counter", MOST_COUNTED));
                let counters: Option<Vec<u64>> = counters.collect();
                let bytes = |counter: &u64| counter.to_be_bytes()[5..].to_vec();
                let data = counters?.iter().flat_map(bytes).collect();
                (ACC_ECN + u16::from(*order), Some(data))
            }
            _ => return None,
        };
        let id = id.to_be_bytes();
        self.data(EXPERIMENT, &id, data.as_deref(), option.span, inbound)
    }

    /// An option of this kind with data that begins with `start`, and then `rest`; `None` is any.
    fn data(
        &mut self,
        kind: u8,
        start: &[u8],
        rest: Option<&[u8]>,
        span: Span,
        inbound: bool,
    ) -> Option<OptionPattern> {
        let start = start.to_vec();
        match rest {
            Some(rest) => {
                let data = [start.as_slice(), rest].concat();
                Some(OptionPattern::Is(TcpOption::of_kind(kind, &data)))
            }
            None if inbound => {
                self.cannot_be_sent(span);
                None
            }
            None => Some(OptionPattern::Data { kind, start }),
        }
    }

    fn others(&mut self, span: Span, inbound: bool) -> Option<OptionPattern> {
        if inbound {
            self.cannot_be_sent(span);
            return None;
        }
        Some(OptionPattern::Others)
    }

    fn cannot_be_sent(&mut self, span: Span) {
        let message = "an option to be sent is written out";
        let help = "wildcards and ranges are for outbound lines (`>`)";
        self.error_help(code::NOT_ONE_VALUE, span, message, help);
    }

    fn timestamps(
        &mut self,
        value: &ast::Field,
        reply: &ast::Field,
        absolute_echo: bool,
        inbound: bool,
    ) -> Option<OptionPattern> {
        let value = self.matched(value, "a time stamp", u32::MAX, inbound);
        let reply = self.matched(reply, "a time stamp", u32::MAX, inbound);
        Some(match (value?, reply?) {
            (Match::Is(value), Match::Is(echo_reply)) if !absolute_echo => {
                OptionPattern::Is(TcpOption::Timestamps { value, echo_reply })
            }
            (value, echo_reply) => OptionPattern::Timestamps {
                value,
                echo_reply,
                absolute_echo,
            },
        })
    }

    fn acc_ecn(
        &mut self,
        order: u8,
        counters: &[ast::Field],
        inbound: bool,
    ) -> Option<OptionPattern> {
        let counters: Vec<Option<Match<u32>>> = counters
            .iter()
            .map(|counter| self.matched(counter, "an AccECN counter", MOST_COUNTED as u32, inbound))
            .collect();
        let counters: Vec<Match<u32>> = counters.into_iter().collect::<Option<_>>()?;
        let exact: Option<Vec<u32>> = counters.iter().map(Match::exact).collect();
        Some(match exact {
            Some(counters) => OptionPattern::Is(TcpOption::AccEcn { order, counters }),
            None => OptionPattern::AccEcn { order, counters },
        })
    }

    fn sack(
        &mut self,
        blocks: &[(ast::Field, ast::Field)],
        span: Span,
        inbound: bool,
    ) -> Option<OptionPattern> {
        if blocks.len() > MAX_SACK_BLOCKS {
            let message = format!(
                "a SACK option has at most {MAX_SACK_BLOCKS} blocks, not {}",
                blocks.len()
            );
            self.error(code::OPTION_LENGTH, span, message);
            return None;
        }
        let what = "a sequence number";
        let edges: Vec<_> = blocks
            .iter()
            .map(|(left, right)| {
                let left = self.matched(left, what, u32::MAX, inbound);
                let right = self.matched(right, what, u32::MAX, inbound);
                Some((left?, right?))
            })
            .collect();
        let edges: Vec<_> = edges.into_iter().collect::<Option<_>>()?;
        let exact: Option<Vec<(u32, u32)>> = edges
            .iter()
            .map(|(left, right)| Some((left.exact()?, right.exact()?)))
            .collect();
        Some(match exact {
            Some(blocks) => OptionPattern::Is(TcpOption::Sack(blocks)),
            None => OptionPattern::Sack(edges),
        })
    }
}

/// Bytes an option takes in the header, and whether it may not take more.
fn wire_length(option: &OptionPattern) -> (usize, bool) {
    match option {
        OptionPattern::Is(option) => (option.wire_len(), true),
        OptionPattern::MaximumSegmentSize(_) => (4, true),
        OptionPattern::WindowScale(_) => (3, true),
        OptionPattern::Sack(blocks) => (2 + 8 * blocks.len(), true),
        OptionPattern::Timestamps { .. } => (10, true),
        OptionPattern::AccEcn { counters, .. } => (2 + 3 * counters.len(), true),
        OptionPattern::Md5Valid => (18, true),
        OptionPattern::Data { start, .. } => (2 + start.len(), false),
        OptionPattern::Others => (0, false),
    }
}
