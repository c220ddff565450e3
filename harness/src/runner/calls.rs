//! System calls: binding script values to live ones, and judging what came back.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::call::{Address, Call, Errno, Outcome};
use crate::expect::compare::difference;
use crate::expect::payload::{self, Direction};
use crate::program::{
    Action, CallExpectation, CallStep, IpVersion, OutputExpectation, PayloadMode, Step,
};
use crate::script::command::GLOBAL_STATE;
use crate::symbols;
use crate::target::CallReport;
use crate::time::Moment;
use crate::trace::TraceEvent;
use crate::verdict::{Difference, Failure};

use super::bookkeeping::{MSG_OOB, MSG_TRUNC, reader};
use super::outputs;
use super::schedule::due;
use super::{Pending, Run, Stop};

/// How long a call may take that is not written as a blocking one.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// Longer than this, a call on a live machine has waited for something, not just for the processor.
const CALL_WAITED: Duration = Duration::from_millis(100);
/// On a virtual clock a call takes no time, but some clocks move a little when they are looked at.
const CALL_READ_THE_CLOCK: Duration = Duration::from_micros(100);
/// How long a blocking call is waited for when its time is over.
const BLOCKING_GRACE: Duration = Duration::from_secs(1);

impl Run<'_> {
    /// Makes the call of a step.
    pub(super) fn call(&mut self, index: usize, step: &Step, call: &CallStep) -> Result<(), Stop> {
        // A signal is for the call in flight, whose time may be over just now.
        let is_signal = matches!(call.call, Call::TgKill { .. });
        match call.end {
            Some(_) => self.settle_pending(true)?,
            None if is_signal => {}
            None => self.look_at_call_in_flight()?,
        }
        self.check_leave(&call.call)?;
        let live = self.bind(call);
        self.before(&call.call)?;
        if call.end.is_some() {
            let started = self.session.start_call(&live)?;
            self.called(started)?;
            let text = format!("{}(…) started", call.call.name());
            self.trace
                .push(started.start, TraceEvent::Call, Some(step.span), text);
            self.pending = Some(Pending {
                step: index,
                started,
            });
            self.base = started;
            return Ok(());
        }
        match self.session.call(&live, CALL_LIMIT)? {
            CallReport::Returned { moment, outcome } => {
                self.called(moment)?;
                // A call that waited was meant to: what comes next counts from its return.
                let took = moment.end.saturating_since(moment.start);
                self.base = if took > self.longest_call() {
                    Moment::at(moment.end)
                } else {
                    moment
                };
                self.returned(call, moment, &outcome)
            }
            CallReport::Blocked => Err(self.blocked(call)),
        }
    }

    /// The longest that a call takes which does not wait.
    fn longest_call(&self) -> Duration {
        match self.is_virtual {
            true => CALL_READ_THE_CLOCK,
            false => CALL_WAITED,
        }
    }

    /// A script may write files of the machine only if it is allowed to.
    fn check_leave(&self, call: &Call) -> Result<(), Stop> {
        match call {
            Call::Open { path, flags }
                if !self.allow_commands && !self.is_virtual && writes_file(path, *flags) =>
            {
                Err(Stop::Unsupported {
                    capability: GLOBAL_STATE.to_string(),
                    reason: format!("`{path}` would be written; allow it with --allow-commands"),
                })
            }
            _ => Ok(()),
        }
    }

    /// The end of the script: a call still in flight must come back in time.
    pub(super) fn last_call(&mut self) -> Result<(), Stop> {
        self.settle_pending(true)
    }

    /// packetdrill lets the call in flight come back, for up to a second, before the next begins;
    /// here one may begin beside it.
    pub(super) fn await_call_in_flight(&mut self) -> Result<(), Stop> {
        match self.drop_in {
            true => self.settle_pending(false),
            false => Ok(()),
        }
    }

    /// If the call in flight has come back, or should have, takes its result. packetdrill waited
    /// for it before, if at all.
    pub(super) fn look_at_call_in_flight(&mut self) -> Result<(), Stop> {
        match self.drop_in {
            true => Ok(()),
            false => self.settle_pending(false),
        }
    }

    /// Takes the result of the call in flight, if there is one. With `must`, or once its
    /// time is over, it is waited for; otherwise it may stay in flight.
    fn settle_pending(&mut self, must: bool) -> Result<(), Stop> {
        let Some(pending) = self.pending.take() else {
            return Ok(());
        };
        let step = &self.program.steps[pending.step];
        let Action::Call(call) = &step.action else {
            return Ok(());
        };
        let Some(end) = call.end else { return Ok(()) };
        let end = due(end, pending.started);
        let slack = self
            .tolerance
            .for_gap(end.nominal().saturating_since(pending.started.start));
        let over = end.nominal() + slack;
        let now = self.session.now();
        let deadline = if self.drop_in {
            now + BLOCKING_GRACE
        } else if must || now >= end.nominal() {
            now.max(over) + BLOCKING_GRACE
        } else {
            now
        };
        match self.session.finish_call(deadline)? {
            CallReport::Returned { moment, outcome } => {
                self.base = Moment {
                    start: self.base.start.max(moment.start),
                    end: self.base.end.max(moment.end),
                };
                let early = moment.end < end.earliest - slack;
                // The moment begins with the call itself; it came back at the end of it.
                self.excuse_end(step.span, end.nominal(), moment, slack)?;
                if early || moment.end > over {
                    return Err(self.wrong_end(call, moment, end.nominal()));
                }
                let name = step.connection.as_deref();
                self.on_track(name, |run| run.returned(call, moment, &outcome))
            }
            CallReport::Blocked if must => Err(self.blocked(call)),
            CallReport::Blocked if !self.drop_in && now >= end.nominal() => Err(self.blocked(call)),
            CallReport::Blocked => {
                self.pending = Some(pending);
                Ok(())
            }
        }
    }

    /// The call with live descriptors, addresses and payload.
    fn bind(&self, step: &CallStep) -> Call {
        let mut live = step.call.clone();
        self.fill_payload(live.plain_mut(), &step.written);
        for fd in live.fds_mut() {
            *fd = self.descriptors.live(*fd);
        }
        match live.plain_mut() {
            Call::Bind { address, .. } => {
                self.fill_address(address, self.addresses.local_ip, self.bind_port);
            }
            Call::Connect { address, .. }
            | Call::SendTo { address, .. }
            | Call::SendMsg {
                address: Some(address),
                ..
            } => {
                self.fill_address(address, self.addresses.remote_ip, self.connect_port);
            }
            _ => {}
        }
        live
    }

    fn fill_address(&self, address: &mut Address, ip: IpAddr, port: u16) {
        if *address != Address::Default {
            return;
        }
        let ip = match (ip, self.addresses.ip_version) {
            (IpAddr::V4(v4), IpVersion::Ipv4MappedIpv6) => IpAddr::V6(v4.to_ipv6_mapped()),
            (ip, _) => ip,
        };
        *address = Address::Is(SocketAddr::new(ip, port));
    }

    /// Puts the payload into what is sent, where the script wrote nothing out.
    fn fill_payload(&self, call: &mut Call, written: &[bool]) {
        let fd = match call {
            Call::SendTo { fd, data, .. } if self.descriptors.is_ping(*fd) => {
                if written != [true] {
                    self.echo_request(data);
                }
                return;
            }
            Call::Write { fd, .. }
            | Call::Send { fd, .. }
            | Call::SendTo { fd, .. }
            | Call::Writev { fd, .. }
            | Call::SendMsg { fd, .. } => *fd,
            _ => return,
        };
        if self.payload == PayloadMode::Zero {
            return;
        }
        let pieces = sent_pieces(call);
        let total = pieces.iter().map(|piece| piece.len()).sum();
        let bytes = self.descriptors.next_written(fd, total);
        let mut rest = bytes.as_slice();
        for (at, piece) in pieces.into_iter().enumerate() {
            let (head, tail) = rest.split_at(piece.len());
            if !written.get(at).copied().unwrap_or_default() {
                piece.copy_from_slice(head);
            }
            rest = tail;
        }
    }

    /// An ICMP socket sends what it is given as a message, which has to be an echo request.
    fn echo_request(&self, data: &mut [u8]) {
        /// A header's length in bytes (RFC 792); less the kernel refuses.
        const HEADER: usize = 8;
        const ECHO: u8 = 8;
        const ECHO_V6: u8 = 128;
        if data.len() >= HEADER {
            data[0] = match self.addresses.ip_version {
                IpVersion::Ipv6 => ECHO_V6,
                IpVersion::Ipv4 | IpVersion::Ipv4MappedIpv6 => ECHO,
            };
        }
    }

    fn returned(&mut self, step: &CallStep, moment: Moment, outcome: &Outcome) -> Result<(), Stop> {
        let text = format!("{}(…) = {}", step.call.name(), show_result(outcome));
        self.trace
            .push(moment.end, TraceEvent::Call, Some(step.span), text);
        self.settle_connect(step, outcome);
        let mut differences = result_differences(&step.call, &step.expect, outcome);
        if outcome.errno.is_none() {
            differences.extend(outputs::differences(
                &step.expect.output,
                &outcome.output,
                self.tolerance.fixed,
            ));
        }
        if !says_what_is_read(&step.expect.output) {
            differences.extend(self.data_difference(&step.call, outcome));
        }
        differences.extend(self.peer_difference(&step.call, outcome)?);
        if !differences.is_empty() {
            self.excuse_stamps(step, outcome, &differences)?;
            return Err(self.wrong_call(step, outcome, differences));
        }
        self.after(step, outcome)
    }

    /// What a read gave, if it is not what belongs at that place of the stream.
    fn data_difference(&self, call: &Call, outcome: &Outcome) -> Option<Difference> {
        if self.payload == PayloadMode::Zero || outcome.result <= 0 {
            return None;
        }
        let (fd, flags) = reader(call)?;
        if !self.descriptors.is_tcp(fd) || flags & (MSG_OOB | MSG_TRUNC) != 0 {
            return None;
        }
        let data = outcome.output.data()?;
        let offset = self.descriptors.read_offset(fd);
        let (front, behind_mark) = data.split_at(data.len().min(self.descriptors.in_one_piece(fd)));
        let skipped = offset + front.len() as u64 + 1;
        stream_difference(offset, front).or_else(|| stream_difference(skipped, behind_mark))
    }
}

/// Whether opening a file so may change it: not if it is `/dev/null`, or lies below `/tmp`.
fn writes_file(path: &str, flags: i32) -> bool {
    /// O_WRONLY, O_RDWR, O_CREAT, O_TRUNC and O_APPEND.
    const WRITING: i32 = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000;
    let below_tmp = path.starts_with("/tmp/") && !path.contains("..");
    flags & WRITING != 0 && path != "/dev/null" && !below_tmp
}

/// The buffers of a call that sends.
pub(super) fn sent_pieces(call: &mut Call) -> Vec<&mut Vec<u8>> {
    match call {
        Call::Write { data, .. } | Call::Send { data, .. } | Call::SendTo { data, .. } => {
            vec![data]
        }
        Call::Writev { data, .. } | Call::SendMsg { data, .. } => data.iter_mut().collect(),
        _ => Vec::new(),
    }
}

/// Whether the script wrote the bytes that are to be read.
fn says_what_is_read(expect: &OutputExpectation) -> bool {
    matches!(
        expect,
        OutputExpectation::Received { data: Some(_), .. }
            | OutputExpectation::Message { data: Some(_), .. }
    )
}

/// How bytes that were read differ from the stream at `offset`.
fn stream_difference(offset: u64, data: &[u8]) -> Option<Difference> {
    let (at, belongs, byte) = payload::first_difference(Direction::ToStack, offset, data)?;
    let shift = payload::shifted_from(Direction::ToStack, offset, data);
    let hint = shift.map_or(String::new(), |by| {
        format!(" (the stream's bytes {by:+} from here)")
    });
    Some(difference(
        "data",
        format!(
            "byte {at} (stream offset {}) to be {belongs:#04x}",
            offset + at as u64
        ),
        format!("{byte:#04x}{hint}"),
    ))
}

fn result_differences(call: &Call, expect: &CallExpectation, outcome: &Outcome) -> Vec<Difference> {
    let mut found = Vec::new();
    let fits = match expect.result {
        None => true,
        Some(label) if call.makes_fd() && label >= 0 => outcome.result >= 0,
        Some(result) => result == outcome.result,
    };
    if !fits {
        let wanted = expect.result.unwrap_or_default();
        let wanted = if call.makes_fd() && wanted >= 0 {
            "a descriptor".to_string()
        } else {
            wanted.to_string()
        };
        found.push(difference("result", wanted, show_result(outcome)));
    }
    if let Some(errno) = expect.errno.filter(|errno| Some(*errno) != outcome.errno) {
        let actual = outcome.errno.map_or("no error".to_string(), errno_name);
        found.push(difference("errno", errno_name(errno), actual));
    }
    found
}

fn show_result(outcome: &Outcome) -> String {
    match outcome.errno {
        Some(errno) => format!("{} {}", outcome.result, errno_name(errno)),
        None => outcome.result.to_string(),
    }
}

/// An errno by its name, or by its number if it has none.
fn errno_name(errno: Errno) -> String {
    symbols::errno_name(errno).map_or(errno.0.to_string(), str::to_string)
}

/// Failures of calls.
impl Run<'_> {
    fn wrong_call(&self, step: &CallStep, outcome: &Outcome, differences: Vec<Difference>) -> Stop {
        let label: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let (name, result) = (step.call.name(), show_result(outcome));
        let as_written = !differences
            .iter()
            .any(|found| ["result", "errno"].contains(&found.field));
        self.fail(Failure {
            code: "R004",
            message: match as_written {
                true => format!("{name}() gave {result} as written, but wrote something else"),
                false => format!("{name}() gave {result}"),
            },
            label: label.join("; "),
            span: Some(step.span),
            differences,
            notes: Vec::new(),
            help: None,
        })
    }

    fn blocked(&mut self, step: &CallStep) -> Stop {
        self.record_unread();
        let blocking = step.end.is_some();
        self.fail(Failure {
            code: "R004",
            message: format!("{}() did not return", step.call.name()),
            label: "still blocked".to_string(),
            span: Some(step.span),
            differences: vec![difference("blocked", "the call to return", "still blocked")],
            notes: Vec::new(),
            help: (!blocking).then(|| {
                "a call that is to block is written with two times, such as `+0...0.3 read(…)`"
                    .to_string()
            }),
        })
    }

    fn wrong_end(&self, step: &CallStep, moment: Moment, end: crate::time::Time) -> Stop {
        let got = moment.end.to_string();
        self.fail(Failure {
            code: "R007",
            message: format!("{}() returned at the wrong time", step.call.name()),
            label: format!("expected at {end}, returned at {got}"),
            span: Some(step.span),
            differences: vec![difference("time", end.to_string(), got)],
            notes: Vec::new(),
            help: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Fd;
    use rstest::rstest;

    #[rstest]
    #[case::reading("/etc/hostname", 0, false)]
    #[case::the_sink("/dev/null", 1, false)]
    #[case::temporary("/tmp/testfile", 0o102, false)]
    #[case::out_of_it("/tmp/../etc/hostname", 1, true)]
    #[case::cutting("/etc/hostname", 0o1000, true)]
    #[case::relative("file", 0o101, true)]
    fn opening_a_file_may_need_leave(#[case] path: &str, #[case] flags: i32, #[case] leave: bool) {
        assert_eq!(writes_file(path, flags), leave);
    }

    fn expecting(result: i64, errno: Option<i32>) -> CallExpectation {
        CallExpectation {
            result: Some(result),
            errno: errno.map(Errno),
            output: OutputExpectation::Any,
        }
    }

    #[rstest]
    #[case::label_is_not_a_value(Call::Socket { domain: 2, kind: 1, protocol: 6 }, 3, None, Outcome::ok(99), 0)]
    #[case::descriptor_instead_of_error(Call::Socket { domain: 2, kind: 1, protocol: 6 }, -1, None, Outcome::ok(3), 1)]
    #[case::exact_result(Call::Listen { fd: Fd(3), backlog: 1 }, 0, None, Outcome::ok(0), 0)]
    #[case::wrong_result(Call::Read { fd: Fd(3), len: 9 }, 5, None, Outcome::ok(4), 1)]
    #[case::any_errno(Call::Read { fd: Fd(3), len: 9 }, -1, None, Outcome::failed(Errno(11)), 0)]
    #[case::wrong_errno(Call::Read { fd: Fd(3), len: 9 }, -1, Some(104), Outcome::failed(Errno(11)), 1)]
    #[case::result_and_errno(Call::Read { fd: Fd(3), len: 9 }, -1, Some(104), Outcome::ok(1), 2)]
    fn results_are_compared_as_the_language_says(
        #[case] call: Call,
        #[case] result: i64,
        #[case] errno: Option<i32>,
        #[case] outcome: Outcome,
        #[case] differences: usize,
    ) {
        let found = result_differences(&call, &expecting(result, errno), &outcome);
        assert_eq!(found.len(), differences, "{found:?}");
    }
}
