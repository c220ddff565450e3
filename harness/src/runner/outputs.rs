//! Judging what a call wrote through its pointers: member by member, with their names.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::call::{ControlMessage, Output};
use crate::expect::compare::difference;
use crate::program::{AddressExpectation, ControlData, ControlExpectation, OutputExpectation};
use crate::symbols;
use crate::time::Time;
use crate::verdict::Difference;

const AF_INET: i32 = 2;
const AF_INET6: i32 = 10;

/// Statistics that are lengths of time in microseconds, which no two runs agree on exactly.
const LENGTHS_OF_TIME: [&str; 3] = [
    "TCP_NLA_BUSY",
    "TCP_NLA_RWND_LIMITED",
    "TCP_NLA_SNDBUF_LIMITED",
];

const ERROR_MEMBERS: [&str; 6] = [
    "ee_errno",
    "ee_origin",
    "ee_type",
    "ee_code",
    "ee_info",
    "ee_data",
];

/// Everything in `output` that is not as written. `tolerance` is for times in it.
pub(super) fn differences(
    expect: &OutputExpectation,
    output: &Output,
    tolerance: Duration,
) -> Vec<Difference> {
    let mut found = Found(Vec::new());
    match (expect, output) {
        (OutputExpectation::Any, _) | (OutputExpectation::Pipe(..), Output::Pipe(..)) => {}
        (OutputExpectation::Bytes(want), Output::Bytes(got)) => {
            found.compare("", show_bytes(want), show_bytes(got));
        }
        (OutputExpectation::Received { data, address }, got) => {
            if let Some(want) = data {
                found.data(want, got.data().unwrap_or_default());
            }
            let from = match got {
                Output::Received { address, .. } => *address,
                _ => None,
            };
            found.address("address", address, from);
        }
        (OutputExpectation::Address(want), Output::Address(got)) => {
            found.address("address", want, *got);
        }
        (OutputExpectation::Members(want), Output::Members(got)) => {
            for (name, value) in want {
                let seen = got.get(name).map_or("nothing".to_string(), i64::to_string);
                found.compare(name, value.to_string(), seen);
            }
        }
        (OutputExpectation::Int(want), Output::Int(got)) => {
            found.compare("", want.to_string(), got.to_string());
        }
        (OutputExpectation::Poll(want), Output::Poll(got)) => found.poll(want, got),
        (OutputExpectation::Select(want), Output::Select(got)) => found.select(want, got),
        (OutputExpectation::Epoll(mask, data), Output::Epoll(got)) => {
            // Without an event the caller's structure stays as it was: all zeros.
            let (got_mask, got_data) = got.first().copied().unwrap_or_default();
            let shown = symbols::epoll_mask;
            found.compare("events", shown(*mask), shown(got_mask));
            found.compare("data", data.to_string(), got_data.to_string());
        }
        (expect @ OutputExpectation::Message { .. }, got @ Output::Message { .. }) => {
            found.message(expect, got, tolerance);
        }
        // A target that writes something else than the call does.
        _ => found.wrong("", "what this call writes".into(), "none of that".into()),
    }
    found.0
}

struct Found(Vec<Difference>);

impl Found {
    fn compare(&mut self, what: &str, expected: String, actual: String) {
        if expected != actual {
            self.wrong(what, expected, actual);
        }
    }

    fn wrong(&mut self, what: &str, expected: String, actual: String) {
        self.differs("output", what, expected, actual);
    }

    /// A time: on a busy machine it says more about that than about the stack.
    fn wrong_time(&mut self, what: &str, expected: String, actual: String) {
        self.differs("time", what, expected, actual);
    }

    fn differs(&mut self, field: &'static str, what: &str, expected: String, actual: String) {
        let named = |value: String| match what {
            "" => value,
            what => format!("{what} {value}"),
        };
        self.0
            .push(difference(field, named(expected), named(actual)));
    }

    fn message(&mut self, expect: &OutputExpectation, got: &Output, tolerance: Duration) {
        let (
            OutputExpectation::Message {
                flags,
                control,
                data,
                address,
            },
            Output::Message {
                flags: got_flags,
                control: got_control,
                data: got_data,
                address: got_address,
            },
        ) = (expect, got)
        else {
            return;
        };
        if let Some(flags) = flags {
            let shown = symbols::flags_of_message;
            self.compare("msg_flags", shown(*flags), shown(*got_flags));
        }
        if let Some(control) = control {
            self.controls(control, got_control, tolerance);
        }
        if let Some(want) = data {
            self.data(want, got_data);
        }
        self.address("msg_name", address, *got_address);
    }

    fn data(&mut self, want: &[u8], got: &[u8]) {
        self.compare("data", show_text(want), show_text(got));
    }

    fn poll(&mut self, want: &[i16], got: &[i16]) {
        for (at, (want, got)) in want.iter().zip(got).enumerate() {
            let shown = symbols::poll_mask;
            let what = format!("revents of entry {at}");
            self.compare(&what, shown(*want), shown(*got));
        }
    }

    fn select(&mut self, want: &[Vec<(i32, bool)>; 3], got: &[Vec<bool>; 3]) {
        let names = ["to read", "to write", "exceptional"];
        for ((name, want), got) in names.into_iter().zip(want).zip(got) {
            let ready = |is_ready: &dyn Fn(usize) -> bool| {
                let labels = (want.iter().enumerate())
                    .filter(|(at, _)| is_ready(*at))
                    .map(|(_, (label, _))| label.to_string());
                format!("[{}]", labels.collect::<Vec<_>>().join(", "))
            };
            let expected = ready(&|at| want[at].1);
            let actual = ready(&|at| got.get(at).copied().unwrap_or_default());
            self.compare(&format!("ready {name}"), expected, actual);
        }
    }

    fn address(&mut self, what: &str, want: &AddressExpectation, got: Option<SocketAddr>) {
        if *want == AddressExpectation::default() {
            return;
        }
        let Some(got) = got else {
            return self.wrong(what, "to be given".into(), "none".into());
        };
        let (family, len) = match got {
            SocketAddr::V4(_) => (AF_INET, 16),
            SocketAddr::V6(_) => (AF_INET6, 28),
        };
        if let Some(want) = want.family {
            let shown = symbols::family_name;
            self.compare("sa_family", shown(want), shown(family));
        }
        if let Some(want) = want.port {
            self.compare("sin_port", want.to_string(), got.port().to_string());
        }
        if let Some(want) = want.ip {
            let shown = |ip: IpAddr| ip.to_string();
            self.compare("sin_addr", shown(want), shown(got.ip()));
        }
        if let Some(want) = want.len {
            self.compare("address length", want.to_string(), len.to_string());
        }
    }

    fn controls(
        &mut self,
        want: &[ControlExpectation],
        got: &[ControlMessage],
        tolerance: Duration,
    ) {
        for at in 0..want.len().max(got.len()) {
            let place = format!("msg_control[{at}]");
            match (want.get(at), got.get(at)) {
                (Some(want), Some(got)) => self.control(&place, want, got, tolerance),
                (want, got) => {
                    let shown = |name: Option<(i32, i32)>| {
                        name.map_or("none".to_string(), |(level, kind)| {
                            symbols::control_name(level, kind)
                        })
                    };
                    let expected = shown(want.map(|want| (want.level, want.kind)));
                    self.wrong(
                        &place,
                        expected,
                        shown(got.map(|got| (got.level, got.kind))),
                    );
                }
            }
        }
    }

    fn control(
        &mut self,
        place: &str,
        want: &ControlExpectation,
        got: &ControlMessage,
        tolerance: Duration,
    ) {
        if (want.level, want.kind) != (got.level, got.kind) {
            let expected = symbols::control_name(want.level, want.kind);
            return self.wrong(place, expected, symbols::control_name(got.level, got.kind));
        }
        match &want.data {
            ControlData::Any => {}
            ControlData::Bytes(bytes) => {
                let place = format!("{place}.cmsg_data");
                self.compare(&place, show_bytes(bytes), show_bytes(&got.data));
            }
            ControlData::Stamp(time) => self.stamp(place, *time, &got.data, tolerance),
            ControlData::Error(members) => self.extended_error(place, members, &got.data),
            ControlData::Statistics(pairs) => self.statistics(place, pairs, &got.data, tolerance),
        }
    }

    fn stamp(&mut self, place: &str, want: Time, data: &[u8], tolerance: Duration) {
        if want == Time::ZERO {
            return;
        }
        let place = format!("{place} stamp");
        let word = |at: usize| Some(i64::from_ne_bytes(*data.get(at..)?.first_chunk()?));
        let (Some(sec), Some(nsec)) = (word(0), word(8)) else {
            let actual = format!("{} bytes", data.len());
            return self.wrong(&place, format!("at {want}"), actual);
        };
        let got = Time::from_micros(sec.saturating_mul(1_000_000).saturating_add(nsec / 1_000));
        let off = want.saturating_since(got).max(got.saturating_since(want));
        if off > tolerance {
            let expected = format!("at {want} (within {tolerance:?})");
            self.wrong_time(&place, expected, format!("at {got}"));
        }
    }

    /// `struct sock_extended_err`: a word, four bytes, two words.
    fn extended_error(&mut self, place: &str, want: &[Option<u32>; 6], data: &[u8]) {
        let word = |at: usize| Some(u32::from_ne_bytes(*data.get(at..)?.first_chunk()?));
        let byte = |at: usize| data.get(at).map(|byte| u32::from(*byte));
        let got = [word(0), byte(4), byte(5), byte(6), word(8), word(12)];
        for ((name, want), got) in ERROR_MEMBERS.into_iter().zip(want).zip(got) {
            let Some(want) = want else { continue };
            let shown = |value: u32| match name {
                "ee_errno" => show_errno(value),
                _ => value.to_string(),
            };
            let actual = got.map_or("nothing".to_string(), shown);
            self.compare(&format!("{place}.{name}"), shown(*want), actual);
        }
    }

    fn statistics(
        &mut self,
        place: &str,
        want: &[(u16, Option<u64>)],
        data: &[u8],
        tolerance: Duration,
    ) {
        let got = attributes(data);
        for at in 0..want.len().max(got.len()) {
            let (want, got) = (want.get(at), got.get(at));
            let name = |kind: Option<u16>| kind.map_or("none".to_string(), symbols::statistic_name);
            let (kind, got_kind) = (want.map(|want| want.0), got.map(|got| got.0));
            if kind != got_kind {
                let place = format!("{place} statistic {at}");
                return self.wrong(&place, name(kind), name(got_kind));
            }
            let (Some((kind, Some(want))), Some((_, got))) = (want, got) else {
                continue;
            };
            let name = symbols::statistic_name(*kind);
            let is_length = LENGTHS_OF_TIME.contains(&name.as_str());
            let place = format!("{place}.{name}");
            let (expected, actual) = (want.to_string(), got.to_string());
            if is_length && *want != 0 {
                if u128::from(want.abs_diff(*got)) > tolerance.as_micros() {
                    self.wrong_time(&place, expected, actual);
                }
            } else {
                self.compare(&place, expected, actual);
            }
        }
    }
}

/// Netlink attributes (netlink(7)): two words of 16 bits for length and type, the value, and
/// padding to a multiple of four. Attributes that only pad are left out.
fn attributes(mut data: &[u8]) -> Vec<(u16, u64)> {
    const HEAD: usize = 4;
    let mut found = Vec::new();
    while let Some((head, _)) = data.split_first_chunk::<HEAD>() {
        let len = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]);
        let Some(value) = data.get(HEAD..len) else {
            break;
        };
        let mut bytes = [0; 8];
        let kept = value.len().min(8);
        let place = if cfg!(target_endian = "big") {
            8 - kept
        } else {
            0
        };
        bytes[place..place + kept].copy_from_slice(&value[..kept]);
        if !value.is_empty() {
            found.push((kind, u64::from_ne_bytes(bytes)));
        }
        data = data.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn show_errno(number: u32) -> String {
    i32::try_from(number)
        .ok()
        .and_then(|number| symbols::errno_name(crate::call::Errno(number)))
        .map_or(number.to_string(), str::to_string)
}

/// The value of an option: four bytes are an `int`.
fn show_bytes(bytes: &[u8]) -> String {
    match bytes {
        [a, b, c, d] => {
            let number = i32::from_ne_bytes([*a, *b, *c, *d]);
            format!("{number} (4 bytes)")
        }
        _ => show_text(bytes),
    }
}

/// Bytes as a script writes them.
fn show_text(bytes: &[u8]) -> String {
    format!("\"{}\" ({} bytes)", bytes.escape_ascii(), bytes.len())
}

#[cfg(test)]
mod tests;
