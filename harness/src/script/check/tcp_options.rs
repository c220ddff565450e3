//! TCP options: values, lengths, alignment.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast;
use crate::source::{Span, Spanned};
use crate::wire::TcpOption;

/// Bytes of options a header has room for (RFC 9293 §3.1: data offset of 15 words).
const MAX_OPTIONS: usize = 40;
/// SACK blocks that fit (RFC 2018 §3).
const MAX_SACK_BLOCKS: usize = 4;

impl Checker<'_> {
    /// The options and their length in bytes, as written: nothing is padded.
    pub(super) fn tcp_options(
        &mut self,
        list: &[Spanned<ast::TcpOption>],
        span: Span,
    ) -> Option<(Vec<TcpOption>, usize)> {
        let options: Vec<_> = list.iter().map(|option| self.tcp_option(option)).collect();
        let options: Vec<TcpOption> = options.into_iter().collect::<Option<_>>()?;
        let len: usize = options.iter().map(wire_length).sum();
        if len > MAX_OPTIONS {
            let message = format!(
                "these options take {len} bytes, a TCP header has room for {MAX_OPTIONS}: it would be longer than 60 bytes"
            );
            self.error(code::HEADER_TOO_LONG, span, message);
            return None;
        }
        if !len.is_multiple_of(4) {
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

    fn tcp_option(&mut self, option: &Spanned<ast::TcpOption>) -> Option<TcpOption> {
        Some(match &option.node {
            ast::TcpOption::EndOfList => TcpOption::EndOfList,
            ast::TcpOption::NoOperation => TcpOption::NoOperation,
            ast::TcpOption::MaximumSegmentSize(size) => {
                TcpOption::MaximumSegmentSize(self.field16(size, "a segment size")?)
            }
            ast::TcpOption::WindowScale(shift) => {
                TcpOption::WindowScale(self.field8(shift, "a window scale")?)
            }
            ast::TcpOption::SackPermitted => TcpOption::SackPermitted,
            ast::TcpOption::Sack(blocks) => TcpOption::Sack(self.sack(blocks, option.span)?),
            ast::TcpOption::Timestamps(value, reply) => {
                let value = self.field32(value, "a time stamp");
                let reply = self.field32(reply, "a time stamp");
                TcpOption::Timestamps {
                    value: value?,
                    echo_reply: reply?,
                }
            }
            ast::TcpOption::Md5(digest) => {
                if !(1..=16).contains(&digest.len()) {
                    let message = format!("an MD5 digest has 1 to 16 bytes, not {}", digest.len());
                    self.error(code::OPTION_LENGTH, option.span, message);
                    return None;
                }
                TcpOption::Md5(digest.clone())
            }
            ast::TcpOption::FastOpen(cookie) => TcpOption::FastOpen(cookie.clone()),
            ast::TcpOption::FastOpenExperimental(cookie) => {
                TcpOption::FastOpenExperimental(cookie.clone())
            }
            ast::TcpOption::AccEcn(order, counters) => {
                let counters: Vec<_> = counters
                    .iter()
                    .map(|counter| self.field(counter, "an AccECN counter", (1 << 24) - 1))
                    .collect();
                let counters: Option<Vec<u32>> = counters
                    .into_iter()
                    .map(|counter| counter.and_then(|counter| u32::try_from(counter).ok()))
                    .collect();
                TcpOption::AccEcn {
                    order: *order,
                    counters: counters?,
                }
            }
        })
    }

    fn sack(
        &mut self,
        blocks: &[(ast::Number, ast::Number)],
        span: Span,
    ) -> Option<Vec<(u32, u32)>> {
        if blocks.len() > MAX_SACK_BLOCKS {
            let message = format!(
                "a SACK option has at most {MAX_SACK_BLOCKS} blocks, not {}",
                blocks.len()
            );
            self.error(code::OPTION_LENGTH, span, message);
            return None;
        }
        let edges: Vec<_> = blocks
            .iter()
            .map(|(left, right)| {
                let left = self.field32(left, "a sequence number");
                let right = self.field32(right, "a sequence number");
                Some((left?, right?))
            })
            .collect();
        edges.into_iter().collect()
    }
}

/// Bytes an option takes in the header.
fn wire_length(option: &TcpOption) -> usize {
    match option {
        TcpOption::EndOfList | TcpOption::NoOperation => 1,
        TcpOption::MaximumSegmentSize(_) => 4,
        TcpOption::WindowScale(_) => 3,
        TcpOption::SackPermitted => 2,
        TcpOption::Sack(blocks) => 2 + 8 * blocks.len(),
        TcpOption::Timestamps { .. } => 10,
        TcpOption::Md5(bytes) | TcpOption::FastOpen(bytes) => 2 + bytes.len(),
        TcpOption::FastOpenExperimental(cookie) => 4 + cookie.len(),
        TcpOption::AccEcn { counters, .. } => 2 + 3 * counters.len(),
        TcpOption::Other { data, .. } => 2 + data.len(),
    }
}
