//! Control messages: what `sendmsg` passes on, and what `recvmsg` must give.

use crate::call::ControlMessage;
use crate::program::{ControlData, ControlExpectation};
use crate::script::ast::Expr;
use crate::script::check::Checker;
use crate::script::check::value::Argument;
use crate::symbols;
use crate::time::Time;

/// Room where nothing is said of a message's length, in bytes.
const ANY_ROOM: usize = 4096;
/// A control message's header, and what everything is aligned to.
const HEADER: usize = 16;
const ALIGNMENT: usize = 8;
/// Three stamps of two words.
const STAMPS: usize = 48;
/// Lengths in bytes: an extended error, and the address behind it by family.
const EXTENDED_ERROR: usize = 16;
const SOCKADDR_IN: usize = 16;
const SOCKADDR_IN6: usize = 28;
const SOL_IP: i32 = 0;

const ERROR_MEMBERS: [&str; 6] = [
    "ee_errno",
    "ee_origin",
    "ee_type",
    "ee_code",
    "ee_info",
    "ee_data",
];

/// The room these messages take: a target that has more to say runs out of it and says so with
/// MSG_CTRUNC, as it does in packetdrill.
pub(super) fn room(messages: &[ControlExpectation]) -> usize {
    let space = |len: usize| HEADER + len.next_multiple_of(ALIGNMENT);
    messages
        .iter()
        .map(|message| match &message.data {
            ControlData::Any => ANY_ROOM,
            ControlData::Bytes(bytes) => space(bytes.len()),
            ControlData::Stamp(_) => space(STAMPS),
            ControlData::Error(_) if message.level == SOL_IP => space(EXTENDED_ERROR + SOCKADDR_IN),
            ControlData::Error(_) => space(EXTENDED_ERROR + SOCKADDR_IN6),
            ControlData::Statistics(pairs) => space(
                pairs
                    .iter()
                    .map(|(kind, _)| 4 + symbols::statistic_len(*kind).next_multiple_of(4))
                    .sum(),
            ),
        })
        .sum()
}

impl Checker<'_> {
    /// `msg_control` of `recvmsg`.
    pub(super) fn expected_controls(&mut self, list: &Argument) -> Option<Vec<ControlExpectation>> {
        let items = self.list(list, "a list of control messages")?;
        let messages: Vec<_> = items
            .iter()
            .map(|item| {
                let (level, kind, data) = self.control_parts(item)?;
                let data = self.expected_data(data)?;
                Some(ControlExpectation { level, kind, data })
            })
            .collect();
        messages.into_iter().collect()
    }

    /// `msg_control` of `sendmsg`.
    pub(super) fn sent_controls(&mut self, list: &Argument) -> Option<Vec<ControlMessage>> {
        let items = self.list(list, "a list of control messages")?;
        let messages: Vec<_> = items
            .iter()
            .map(|item| {
                let (level, kind, data) = self.control_parts(item)?;
                let data = self.control_bytes(data)?;
                Some(ControlMessage { level, kind, data })
            })
            .collect();
        messages.into_iter().collect()
    }

    /// `{cmsg_level=…, cmsg_type=…, cmsg_data=…}`
    fn control_parts<'e>(&mut self, item: &'e Argument) -> Option<(i32, i32, &'e Argument)> {
        let names = ["cmsg_level", "cmsg_type", "cmsg_data"];
        let [level, kind, data] = self.members(item, names, 3)?;
        let level = self.c_int(level?, "a level");
        let kind = self.c_int(kind?, "a type");
        Some((level?, kind?, data?))
    }

    /// An `int`, or bytes in quotes.
    fn control_bytes(&mut self, data: &Argument) -> Option<Vec<u8>> {
        if let Expr::Text(bytes) = &data.node {
            self.superset(data.span, "a control message of bytes");
            return Some(bytes.clone());
        }
        let value = self.c_int(data, "the data, a number or bytes in quotes")?;
        Some(value.to_le_bytes().to_vec())
    }

    fn expected_data(&mut self, data: &Argument) -> Option<ControlData> {
        let (Expr::Braces(items) | Expr::List(items)) = &data.node else {
            if data.node == Expr::Ellipsis {
                self.superset(data.span, "`...` as the data of a control message");
                return Some(ControlData::Any);
            }
            return self.control_bytes(data).map(ControlData::Bytes);
        };
        let first = items.first().and_then(|item| match &item.node {
            Expr::Assign(target, _) => target.node.name(),
            _ => None,
        });
        match first {
            Some(name) if name.starts_with("scm_") => self.stamp(data),
            Some(name) if name.starts_with("ee_") => self.extended_error(data),
            _ => self.statistics(items, data),
        }
    }

    /// `{scm_sec=S, scm_nsec=N}`
    fn stamp(&mut self, data: &Argument) -> Option<ControlData> {
        let [sec, nsec] = self.members(data, ["scm_sec", "scm_nsec"], 2)?;
        let sec = self.int_between(sec?, "seconds", 0, i64::from(u32::MAX));
        let nsec = self.int_between(nsec?, "nanoseconds", 0, i64::from(u32::MAX));
        let micros = sec? * 1_000_000 + nsec? / 1_000;
        self.need("control:timestamping", data.span);
        Some(ControlData::Stamp(Time::from_micros(micros)))
    }

    /// `{ee_errno=…, ee_origin=…, ee_type=…, ee_code=…, ee_info=…, ee_data=…}`
    fn extended_error(&mut self, data: &Argument) -> Option<ControlData> {
        let members = self.members(data, ERROR_MEMBERS, 6)?;
        let mut values = [None; 6];
        for (value, argument) in values.iter_mut().zip(members.into_iter().flatten()) {
            match &argument.node {
                Expr::Ellipsis => self.superset(argument.span, "`...` in an extended error"),
                _ => *value = Some(self.c_unsigned(argument, "a number")?),
            }
        }
        self.need("control:extended_error", data.span);
        Some(ControlData::Error(values))
    }

    /// `TCP_NLA_x=value` or `TCP_NLA_x=...` pairs.
    fn statistics(&mut self, items: &[Argument], data: &Argument) -> Option<ControlData> {
        let mut pairs = Vec::new();
        for item in items {
            let Expr::Assign(target, value) = &item.node else {
                return self.wrong(item, "`TCP_NLA_…=value`");
            };
            let kind = self.int_between(target, "a TCP_NLA_… number", 0, i64::from(u16::MAX))?;
            let value = match &value.node {
                Expr::Ellipsis => None,
                _ => Some(self.int(value, "a number or `...`")?.cast_unsigned()),
            };
            pairs.push((u16::try_from(kind).ok()?, value));
        }
        self.need("control:statistics", data.span);
        Some(ControlData::Statistics(pairs))
    }
}
