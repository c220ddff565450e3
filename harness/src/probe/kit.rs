//! What every probe needs: fresh hosts, a wire to each, and their history.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::expect::show;
use crate::program::IpVersion;
use crate::target::{Place, Session, SessionSettings, Target, TargetError};
use crate::time::{Moment, Time};
use crate::trace::{Trace, TraceEntry, TraceEvent};
use crate::wire::{IpFields, Packet, TcpFlags, TcpSegment, Transport, WireFault, parse};

use super::stop::{Stop, code};

/// How long an answer is waited for: long enough for a delayed ACK and for a busy machine.
pub(super) const ANSWER: Duration = Duration::from_secs(3);
/// How long nothing must come for silence. Longer than delayed ACKs (200 ms) and Linux's shortest RTO.
pub(super) const SILENCE: Duration = Duration::from_millis(400);
/// Entries kept of the beginning of a probe's history, and as many of its end.
const KEPT: usize = 2000;

/// The target under test and what has been seen of it.
pub(super) struct Bench<'a> {
    target: &'a dyn Target,
    place: Place,
    history: RefCell<History>,
}

#[derive(Default)]
struct History {
    beginning: Trace,
    end: VecDeque<TraceEntry>,
    left_out: usize,
    /// Where the present session's zero lies: sessions follow one another in the trace.
    origin: Duration,
    last: Time,
}

impl History {
    fn push(&mut self, at: Time, what: TraceEvent, text: String) {
        let at = at + self.origin;
        self.last = self.last.max(at);
        if self.beginning.entries.len() < KEPT {
            self.beginning.push(at, what, None, text);
            return;
        }
        if self.end.len() == KEPT {
            self.end.pop_front();
            self.left_out += 1;
        }
        let span = None;
        self.end.push_back(TraceEntry {
            at,
            what,
            span,
            text,
        });
    }

    fn into_trace(self) -> Trace {
        let mut trace = self.beginning;
        if let (1.., Some(next)) = (self.left_out, self.end.front()) {
            let text = format!("{} packets and calls are left out here", self.left_out);
            trace.push(next.at, TraceEvent::Note, None, text);
        }
        trace.entries.extend(self.end);
        trace
    }
}

impl<'a> Bench<'a> {
    /// A bench for hosts at this place.
    pub(super) fn new(target: &'a dyn Target, place: Place) -> Bench<'a> {
        Bench {
            target,
            place,
            history: RefCell::default(),
        }
    }

    /// The target's name.
    pub(super) fn target_name(&self) -> &'static str {
        self.target.name()
    }

    /// Whether waiting costs nothing.
    pub(super) fn is_virtual(&self) -> bool {
        self.target.is_virtual()
    }

    /// Opens a fresh host, sets `sysctls` there and starts its clock.
    pub(super) fn open(&self, sysctls: &[(&str, u64)]) -> Result<Wire<'_>, Stop> {
        let mut session = self.target.open(&self.place.settings)?;
        for (name, value) in sysctls {
            let command = format!("sysctl -q -w {name}={value}");
            let report = session.command(&command)?;
            if report.status != Some(0) {
                let what = report.output.trim().to_string();
                return Err(Stop::machine(format!("`{command}` failed: {what}")));
            }
        }
        session.start();
        let mut history = self.history.borrow_mut();
        history.origin = history.last.saturating_since(Time::ZERO);
        Ok(Wire {
            session,
            bench: self,
            waiting: VecDeque::new(),
        })
    }

    /// Everything that happened, and when it ended.
    pub(super) fn into_history(self) -> (Trace, Time) {
        let history = self.history.into_inner();
        let last = history.last;
        (history.into_trace(), last)
    }
}

/// Both ends of a connection, as sockets name them on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tuple {
    /// The stack's end.
    pub(super) local: SocketAddr,
    /// The end the probe plays.
    pub(super) remote: SocketAddr,
}

impl Tuple {
    /// A segment from the probe's end, with a window of 65,535 and nothing else.
    pub(super) fn segment(&self, flags: TcpFlags, sequence: u32, ack: u32) -> TcpSegment {
        TcpSegment {
            source_port: self.remote.port(),
            destination_port: self.local.port(),
            sequence,
            acknowledgment: ack,
            flags,
            reserved: 0,
            window: 65_535,
            urgent: 0,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    /// The datagram that carries `segment` to the stack.
    pub(super) fn packet(&self, segment: TcpSegment) -> Packet {
        Packet {
            ip: IpFields {
                source: self.remote.ip(),
                destination: self.local.ip(),
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(segment),
        }
    }
}

/// A segment the stack sent.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// When.
    pub(super) at: Time,
    /// On which connection.
    pub(super) tuple: Tuple,
    /// What.
    pub(super) segment: TcpSegment,
}

impl Seen {
    /// Whether exactly these of SYN, ACK, FIN and RST are set.
    pub(super) fn is(&self, flags: TcpFlags) -> bool {
        let kinds = TcpFlags::SYN.0 | TcpFlags::ACK.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
        self.segment.flags.0 & kinds == flags.0
    }

    /// The segment for people.
    pub(super) fn text(&self) -> String {
        text_of(&self.segment)
    }
}

/// SYN and ACK.
pub(super) const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);

/// One host and the wire to it.
pub(super) struct Wire<'a> {
    pub(super) session: Box<dyn Session>,
    bench: &'a Bench<'a>,
    /// Segments nobody has asked for yet, oldest first.
    waiting: VecDeque<Seen>,
}

impl Wire<'_> {
    /// The settings the host was opened with.
    pub(super) fn settings(&self) -> &SessionSettings {
        &self.bench.place.settings
    }

    /// The present moment.
    pub(super) fn now(&mut self) -> Time {
        self.session.now()
    }

    /// The stack's end at a port. The ports from 8080 on are those the target has for servers.
    pub(super) fn local(&self, port: u16) -> SocketAddr {
        /// As many as a probe listens on.
        const SERVERS: std::ops::Range<u16> = 8080..8082;
        let port = if SERVERS.contains(&port) {
            self.bench.place.ports.bind + (port - SERVERS.start)
        } else {
            port
        };
        SocketAddr::new(self.settings().local_ip, port)
    }

    /// As many of `wanted` addresses as the probe's end can have, one at least.
    pub(super) fn hosts(&self, wanted: usize) -> usize {
        wanted.min(self.bench.target.remote_addresses()).max(1)
    }

    /// The probe goes on only if its end can have that many addresses.
    pub(super) fn needs_hosts(&self, wanted: usize) -> Result<(), Stop> {
        let there = self.bench.target.remote_addresses();
        if there >= wanted {
            return Ok(());
        }
        Err(Stop::from(TargetError::Unsupported {
            capability: "remote_addresses".to_string(),
            reason: format!("the probe plays {wanted} addresses, the target has {there} for it"),
        }))
    }

    /// The `host`-th end of the probe's network (0 is the configured address), at a port.
    /// There are 200 of them; they repeat from there on.
    pub(super) fn remote(&self, host: usize, port: u16) -> SocketAddr {
        let host = (host % 200) as u8;
        let ip = match self.settings().remote_ip {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                IpAddr::from([a, b, c, (d + host) % 255])
            }
            IpAddr::V6(ip) => {
                let mut octets = ip.octets();
                octets[15] = octets[15].wrapping_add(host);
                IpAddr::from(octets)
            }
        };
        SocketAddr::new(ip, port)
    }

    /// An address as sockets of the case's family name it.
    pub(super) fn socket_address(&self, address: SocketAddr) -> SocketAddr {
        match (address.ip(), self.settings().ip_version) {
            (IpAddr::V4(ip), IpVersion::Ipv4MappedIpv6) => {
                SocketAddr::new(IpAddr::V6(ip.to_ipv6_mapped()), address.port())
            }
            _ => address,
        }
    }

    /// Sends a segment to the stack.
    pub(super) fn send(&mut self, tuple: &Tuple, segment: TcpSegment) -> Result<Moment, Stop> {
        let text = text_of(&segment);
        let bytes = tuple.packet(segment).build().map_err(Stop::machine)?;
        self.inject(bytes, text)
    }

    /// Puts bytes in front of the stack, `text` telling what they are.
    pub(super) fn inject(&mut self, bytes: Vec<u8>, text: String) -> Result<Moment, Stop> {
        let moment = self.session.inject(&bytes)?;
        self.record(
            moment.start,
            TraceEvent::Injected(bytes),
            format!("< {text}"),
        );
        Ok(moment)
    }

    /// The next segment on a connection, waiting up to `within` for it.
    pub(super) fn next(&mut self, tuple: &Tuple, within: Duration) -> Result<Option<Seen>, Stop> {
        if let Some(index) = self.waiting.iter().position(|seen| seen.tuple == *tuple) {
            return Ok(self.waiting.remove(index));
        }
        let deadline = self.session.now() + within;
        while let Some(seen) = self.receive(deadline)? {
            if seen.tuple == *tuple {
                return Ok(Some(seen));
            }
            self.waiting.push_back(seen);
        }
        Ok(None)
    }

    /// The first segment to one of the probe's ends, from whichever port.
    pub(super) fn first_to(&mut self, remote: SocketAddr) -> Result<Seen, Stop> {
        let deadline = self.session.now() + ANSWER;
        while let Some(seen) = self.receive(deadline)? {
            if seen.tuple.remote == remote {
                return Ok(seen);
            }
            self.waiting.push_back(seen);
        }
        let message = format!("nothing was sent to {remote} within {ANSWER:?}");
        Err(Stop::failed(code::NO_ANSWER, message).differs("packet", "a SYN", "nothing"))
    }

    /// The next segment on a connection, which has to be there soon. `cause` says what it answers.
    pub(super) fn answer(&mut self, tuple: &Tuple, cause: &str) -> Result<Seen, Stop> {
        self.next(tuple, ANSWER)?.ok_or_else(|| {
            let message = format!("no answer to {cause} within {ANSWER:?}");
            Stop::failed(code::NO_ANSWER, message).differs("packet", "an answer", "nothing")
        })
    }

    /// Lets time pass; what comes meanwhile waits to be asked for.
    pub(super) fn wait_until(&mut self, time: Time) -> Result<(), Stop> {
        while let Some(seen) = self.receive(time)? {
            self.waiting.push_back(seen);
        }
        Ok(())
    }

    /// [`wait_until`](Self::wait_until) that long from now.
    pub(super) fn wait(&mut self, length: Duration) -> Result<(), Stop> {
        let until = self.session.now() + length;
        self.wait_until(until)
    }

    /// Everything that is there or comes until `time`.
    pub(super) fn take_until(&mut self, time: Time) -> Result<Vec<Seen>, Stop> {
        self.wait_until(time)?;
        Ok(self.waiting.drain(..).collect())
    }

    /// Everything that is there by now.
    pub(super) fn take(&mut self) -> Result<Vec<Seen>, Stop> {
        let now = self.session.now();
        self.take_until(now)
    }

    /// Adds a line to the history.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let now = self.session.now();
        self.record(now, TraceEvent::Note, text.into());
    }

    pub(super) fn record(&self, at: Time, what: TraceEvent, text: String) {
        self.bench.history.borrow_mut().push(at, what, text);
    }

    /// The next TCP segment of the stack; other protocols (neighbour discovery …) are no matter here.
    fn receive(&mut self, deadline: Time) -> Result<Option<Seen>, Stop> {
        while let Some(observed) = self.session.next_packet(deadline)? {
            let event = TraceEvent::Sent(observed.bytes.clone());
            let parsed = match parse(&observed.bytes) {
                Ok(parsed) => parsed,
                Err(problem) => {
                    self.record(observed.at, event, format!("> {problem}"));
                    return Err(faulty(&problem));
                }
            };
            let Transport::Tcp(segment) = parsed.packet.transport else {
                continue;
            };
            self.record(observed.at, event, format!("> {}", text_of(&segment)));
            check_outbound(&segment, &parsed.faults)?;
            let ip = parsed.packet.ip;
            return Ok(Some(Seen {
                at: observed.at,
                tuple: Tuple {
                    local: SocketAddr::new(ip.source, segment.source_port),
                    remote: SocketAddr::new(ip.destination, segment.destination_port),
                },
                segment,
            }));
        }
        Ok(None)
    }
}

/// Checksum, options and reserved bits of everything the stack sends (RFC 9293 §3.1).
fn check_outbound(segment: &TcpSegment, faults: &[WireFault]) -> Result<(), Stop> {
    if let Some(fault) = faults.first() {
        return Err(faulty(&fault.to_string()).note(text_of(segment)));
    }
    if segment.reserved != 0 {
        return Err(faulty("reserved bits are set")
            .differs("reserved", 0, segment.reserved)
            .note(text_of(segment)));
    }
    Ok(())
}

fn faulty(what: &str) -> Stop {
    Stop::failed(
        code::FAULTY_PACKET,
        format!("the stack sent a faulty packet: {what}"),
    )
}

/// The failure of a stack that should have been silent.
pub(super) fn unexpected(seen: &Seen, cause: &str) -> Stop {
    Stop::failed(
        code::UNEXPECTED_ANSWER,
        format!("{cause} must not be answered"),
    )
    .differs("packet", "nothing", seen.text())
}

/// A segment in the script's notation, with live numbers and ports.
fn text_of(segment: &TcpSegment) -> String {
    let options: Vec<String> = segment.options.iter().map(show::option).collect();
    let mut text = format!(
        "{} > {} {} {}({}) ack {} win {}",
        segment.source_port,
        segment.destination_port,
        show::flags(segment.flags),
        segment.sequence,
        segment.payload.len(),
        segment.acknowledgment,
        segment.window,
    );
    if !options.is_empty() {
        text.push_str(&format!(" <{}>", options.join(",")));
    }
    text
}
