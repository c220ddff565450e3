//! Packet lines: injecting what the script plays, and judging what the stack sends.

use std::net::IpAddr;
use std::time::Duration;

use crate::expect::compare::{self, Rules, difference};
use crate::expect::payload::{self, Direction};
use crate::expect::show;
use crate::program::{
    BodyPattern, EcnPattern, IcmpPattern, IcmpQuote, IpPattern, PacketPattern, PayloadMode, Step,
    TcpPattern,
};
use crate::source::Span;
use crate::target::Observed;
use crate::time::Moment;
use crate::trace::TraceEvent;
use crate::verdict::{Difference, Failure};
use crate::wire::{
    self, IcmpMessage, IpFields, Packet, Parsed, TcpFlags, TcpSegment, Transport, UdpDatagram,
};

use super::schedule::Due;
use super::{Connection, Focus, Run, Stop};

/// How long after its time a missing packet is waited for.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a `*` line waits.
const ANY_TIME: Duration = Duration::from_secs(600);

/// A packet of the connection under test.
pub(super) struct Seen {
    observed: Observed,
    parsed: Parsed,
    /// The packet as the script would write it.
    pattern: PacketPattern,
}

impl Run<'_> {
    /// Puts the packet of an inbound line in front of the stack.
    pub(super) fn inject(&mut self, step: &Step, pattern: &PacketPattern) -> Result<(), Stop> {
        let transport = match &pattern.body {
            BodyPattern::Tcp(tcp) => Transport::Tcp(self.inbound_tcp(tcp, pattern.span)?),
            BodyPattern::Udp { ports, len } => Transport::Udp(self.inbound_udp(*ports, *len)),
            BodyPattern::Icmp(icmp) => Transport::Icmp(self.inbound_icmp(icmp, pattern.span)?),
        };
        let packet = Packet {
            ip: self.inbound_ip(&pattern.ip),
            transport,
        };
        let bytes = packet.build().map_err(|problem| {
            Stop::Machine(format!(
                "the packet of this line cannot be built: {problem}"
            ))
        })?;
        self.base = self.session.inject(&bytes)?;
        let text = show::packet(pattern, true);
        self.trace.push(
            self.base.end,
            TraceEvent::Injected(bytes),
            Some(step.span),
            text,
        );
        Ok(())
    }

    /// Takes the next packet of the connection and holds it against an outbound line.
    pub(super) fn expect(
        &mut self,
        step: &Step,
        pattern: &PacketPattern,
        due: Due,
    ) -> Result<(), Stop> {
        let deadline = match due.latest {
            Some(latest) => latest + self.tolerance.for_gap(due.gap) + PATIENCE,
            None => self.session.now() + ANY_TIME,
        };
        let Some(mut seen) = self.next_of_connection(deadline, Some(pattern))? else {
            return Err(self.missing(pattern, due));
        };
        self.merge(&mut seen, pattern, deadline)?;
        let differences = self.judge(&seen, pattern, due);
        if !differences.is_empty() {
            return Err(self.mismatch(pattern, &seen, due, differences));
        }
        self.base = Moment::at(seen.observed.at);
        if let Some(entry) = self
            .trace
            .entries
            .iter_mut()
            .rfind(|entry| entry.at == seen.observed.at)
        {
            entry.span.get_or_insert(step.span);
        }
        Ok(())
    }

    /// The next packet that belongs to the connection under test (or to the ports an
    /// outbound line names), not later than `deadline`. Others are recorded and passed over.
    pub(super) fn next_of_connection(
        &mut self,
        deadline: crate::time::Time,
        expected: Option<&PacketPattern>,
    ) -> Result<Option<Seen>, Stop> {
        while let Some(observed) = self.session.next_packet(deadline)? {
            let parsed = match wire::parse(&observed.bytes) {
                Ok(parsed) => parsed,
                Err(problem) => return Err(self.unreadable(observed, &problem, expected)),
            };
            let ours = self.belongs(&parsed.packet, expected);
            let tcp = expected.and_then(|pattern| match &pattern.body {
                BodyPattern::Tcp(tcp) => Some(tcp),
                BodyPattern::Udp { .. } | BodyPattern::Icmp(_) => None,
            });
            if let (true, Some(connection)) = (ours, self.connection.as_mut()) {
                match &parsed.packet.transport {
                    Transport::Tcp(segment) => connection.learn(segment, tcp),
                    Transport::Udp(datagram) => {
                        connection.local_port.get_or_insert(datagram.source_port);
                    }
                    Transport::Icmp(_) | Transport::Other { .. } => {}
                }
            }
            let pattern = self.as_written(&parsed.packet);
            let mut text = show::packet(&pattern, false);
            if !ours {
                text.push_str("   (another connection)");
            }
            let event = TraceEvent::Sent(observed.bytes.clone());
            self.trace.push(observed.at, event, None, text);
            if ours {
                return Ok(Some(Seen {
                    observed,
                    parsed,
                    pattern,
                }));
            }
        }
        Ok(None)
    }

    /// Segments that together make the one written are one, unless the script says strict.
    fn merge(
        &mut self,
        seen: &mut Seen,
        pattern: &PacketPattern,
        deadline: crate::time::Time,
    ) -> Result<(), Stop> {
        let BodyPattern::Tcp(want) = &pattern.body else {
            return Ok(());
        };
        if self.program.options.strict_segments {
            return Ok(());
        }
        let piece = payload_len(&seen.parsed);
        while payload_len(&seen.parsed) > 0 && payload_len(&seen.parsed) < usize::from(want.len) {
            let Some(next) = self.next_of_connection(deadline, Some(pattern))? else {
                return Ok(());
            };
            let Some(joined) = join(&seen.parsed.packet, &next.parsed.packet, piece) else {
                return Err(self.split_wrong(pattern, seen, &next));
            };
            seen.parsed.packet = joined;
            seen.parsed.faults.extend(next.parsed.faults);
            seen.observed.at = next.observed.at;
            seen.pattern = self.as_written(&seen.parsed.packet);
        }
        Ok(())
    }

    fn judge(&self, seen: &Seen, pattern: &PacketPattern, due: Due) -> Vec<Difference> {
        let rules = Rules {
            echo_reply: self.payload == PayloadMode::Offset,
            timestamp_slack: self.timestamp_slack(seen),
        };
        let mut found = compare::packet(pattern, &seen.pattern, &seen.parsed.packet.ip, rules);
        found.extend(
            seen.parsed
                .faults
                .iter()
                .map(|fault| difference("checksum", "a well-formed packet", fault.to_string())),
        );
        if let Transport::Tcp(segment) = &seen.parsed.packet.transport {
            if segment.reserved != 0 {
                found.push(difference("reserved", "0", segment.reserved.to_string()));
            }
            found.extend(self.payload_difference(segment));
        }
        let error = due.error(seen.observed.at, self.tolerance);
        if error != 0 {
            let expected = match due.latest {
                Some(latest) if latest != due.earliest => format!("{} to {latest}", due.earliest),
                Some(_) | None => due.earliest.to_string(),
            };
            let way = if error < 0 { "early" } else { "late" };
            let off = Duration::from_micros(error.unsigned_abs());
            found.push(difference(
                "time",
                expected,
                format!("{} ({off:?} too {way})", seen.observed.at),
            ));
        }
        found
    }

    /// How far a TS value may be off: the tolerance for the time since the start, in ticks.
    fn timestamp_slack(&self, seen: &Seen) -> Option<u32> {
        let tick = self
            .program
            .options
            .tcp_ts_tick_usecs
            .filter(|&tick| tick > 0)?;
        let gap = seen.observed.at.saturating_since(crate::time::Time::ZERO);
        let slack = self.tolerance.for_gap(gap).as_micros() / u128::from(tick);
        Some(u32::try_from(slack).unwrap_or(u32::MAX) + 1)
    }

    fn payload_difference(&self, segment: &TcpSegment) -> Option<Difference> {
        let connection = self.connection.as_ref()?;
        if self.payload == PayloadMode::Zero {
            let at = segment.payload.iter().position(|&byte| byte != 0)?;
            let byte = format!("byte {at} is {:#04x}", segment.payload[at]);
            return Some(difference("payload", "zeros", byte));
        }
        let syn = segment.flags.contains(TcpFlags::SYN);
        let offset = Connection::stream_offset(connection.relative_local(segment), syn);
        let direction = Direction::FromStack;
        let (at, belongs, byte) = payload::first_difference(direction, offset, &segment.payload)?;
        let shift = payload::shifted_from(direction, offset, &segment.payload);
        let hint = shift.map_or(String::new(), |by| {
            format!(" (the stream's bytes {by:+} from here)")
        });
        Some(difference(
            "payload",
            format!(
                "byte {at} (stream offset {}) to be {belongs:#04x}",
                offset + at as u64
            ),
            format!("{byte:#04x}{hint}"),
        ))
    }

    fn inbound_ip(&self, pattern: &IpPattern) -> IpFields {
        let ecn = match pattern.ecn {
            Some(EcnPattern::Bits(bits)) => bits,
            Some(EcnPattern::EctAny) | None => 0,
        };
        IpFields {
            source: self.addresses.remote_ip,
            destination: self.addresses.local_ip,
            ttl: pattern.ttl.unwrap_or(255),
            traffic_class: pattern.tos.unwrap_or(ecn),
            flow_label: pattern.flow_label.unwrap_or(0),
        }
    }

    /// The connection an inbound segment belongs to: a new child of a listener, or the known one.
    fn connection_for_inbound(&mut self) -> &mut Connection {
        if self.focus == Focus::Open || self.connection.is_none() {
            let port = self.next_remote_port;
            self.next_remote_port += 1;
            self.connection = Some(Connection::new(Some(self.bind_port), port));
            self.focus = Focus::Connected;
        }
        self.connection
            .get_or_insert_with(|| Connection::new(None, 0))
    }

    fn inbound_tcp(&mut self, pattern: &TcpPattern, span: Span) -> Result<TcpSegment, Stop> {
        let scaled = self.program.options.tcp_ts_ecr_scaled;
        let mode = self.payload;
        let built = self.connection_for_inbound().inbound(pattern, scaled);
        let mut segment = built.map_err(|problem| {
            self.fail(Failure {
                code: "R008",
                message: problem.clone(),
                label: "this packet cannot be made".to_string(),
                span: Some(span),
                differences: vec![difference("packet", "a packet that can be made", problem)],
                notes: Vec::new(),
                help: None,
            })
        })?;
        let syn = pattern.flags.contains(TcpFlags::SYN);
        let len = usize::from(pattern.len);
        segment.payload = match mode {
            PayloadMode::Zero => vec![0; len],
            PayloadMode::Offset => {
                let offset = Connection::stream_offset(pattern.seq, syn);
                payload::bytes_at(Direction::ToStack, offset, len)
            }
        };
        Ok(segment)
    }

    fn inbound_udp(&mut self, ports: Option<(u16, u16)>, len: u16) -> UdpDatagram {
        let bind_port = self.bind_port;
        let connection = self.connection_for_inbound();
        let (source, destination) = ports.unwrap_or((0, 0));
        let or = |port: u16, otherwise: u16| if port == 0 { otherwise } else { port };
        UdpDatagram {
            source_port: or(source, connection.remote_port),
            destination_port: or(destination, connection.local_port.unwrap_or(bind_port)),
            payload: vec![0; usize::from(len)],
        }
    }

    fn inbound_icmp(&mut self, pattern: &IcmpPattern, span: Span) -> Result<IcmpMessage, Stop> {
        let v4 = self.addresses.local_ip.is_ipv4();
        let pick = |(four, six): (Option<u8>, Option<u8>)| if v4 { four } else { six };
        let (Some(kind), Some(code)) = (pick(pattern.kind), pick(pattern.code)) else {
            let version = if v4 { "IPv4" } else { "IPv6" };
            return Err(Stop::Unsupported {
                capability: "icmp".to_string(),
                reason: format!(
                    "line {}: this ICMP type or code does not exist in {version}",
                    self.program.source.line_of(span.start)
                ),
            });
        };
        let mut rest_of_header = [0; 4];
        if let Some(mtu) = pattern.mtu {
            // IPv4: the low 16 bits (RFC 1191 §4); IPv6: all 32 (RFC 4443 §3.2).
            rest_of_header = mtu.to_be_bytes();
        }
        if let Some(id) = pattern.id {
            rest_of_header[..2].copy_from_slice(&id.to_be_bytes());
        }
        let payload = self.quote(pattern.quote)?;
        Ok(IcmpMessage {
            kind,
            code,
            rest_of_header,
            payload,
        })
    }

    /// The datagram an ICMP error quotes: IP header and eight bytes of the stack's own packet.
    fn quote(&mut self, quote: IcmpQuote) -> Result<Vec<u8>, Stop> {
        let connection = self
            .connection
            .clone()
            .unwrap_or(Connection::new(None, self.connect_port));
        let source_port = connection.local_port.unwrap_or(self.bind_port);
        let destination_port = connection.remote_port;
        let transport = match quote {
            IcmpQuote::Raw(len) => return Ok(vec![0; usize::from(len).saturating_sub(8)]),
            IcmpQuote::Udp(len) => Transport::Udp(UdpDatagram {
                source_port,
                destination_port,
                payload: vec![0; usize::from(len)],
            }),
            IcmpQuote::Tcp { seq, len } => Transport::Tcp(TcpSegment {
                source_port,
                destination_port,
                sequence: connection.live_local(seq),
                acknowledgment: 0,
                flags: TcpFlags::ACK,
                reserved: 0,
                window: 0,
                urgent: 0,
                options: Vec::new(),
                payload: vec![0; usize::from(len)],
            }),
        };
        let ip = IpFields {
            source: self.addresses.local_ip,
            destination: self.addresses.remote_ip,
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        let header = if ip.source.is_ipv4() { 20 } else { 40 };
        let mut bytes = Packet { ip, transport }
            .build()
            .map_err(|problem| Stop::Machine(format!("the quoted packet: {problem}")))?;
        bytes.truncate(header + 8);
        Ok(bytes)
    }

    fn belongs(&self, packet: &Packet, expected: Option<&PacketPattern>) -> bool {
        let written = expected.and_then(|pattern| match &pattern.body {
            BodyPattern::Tcp(tcp) => tcp.ports,
            BodyPattern::Udp { ports, .. } => *ports,
            BodyPattern::Icmp(_) => None,
        });
        let (source, destination) = match &packet.transport {
            Transport::Tcp(segment) => (segment.source_port, segment.destination_port),
            Transport::Udp(datagram) => (datagram.source_port, datagram.destination_port),
            Transport::Icmp(message) => return !is_neighbour_noise(message, packet.ip.source),
            Transport::Other { .. } => return false,
        };
        if packet.ip.destination != self.addresses.remote_ip {
            return false;
        }
        if let Some((want_source, want_destination)) = written {
            return (want_source == 0 || want_source == source)
                && (want_destination == 0 || want_destination == destination);
        }
        self.connection.as_ref().is_some_and(|connection| {
            connection.remote_port == destination
                && connection.local_port.is_none_or(|port| port == source)
        })
    }

    /// A live packet as the script would write it.
    fn as_written(&self, packet: &Packet) -> PacketPattern {
        let body = match &packet.transport {
            Transport::Tcp(segment) => {
                let fallback = Connection::new(None, 0);
                BodyPattern::Tcp(
                    self.connection
                        .as_ref()
                        .unwrap_or(&fallback)
                        .outbound(segment),
                )
            }
            Transport::Udp(datagram) => BodyPattern::Udp {
                ports: None,
                len: u16::try_from(datagram.payload.len()).unwrap_or(u16::MAX),
            },
            Transport::Icmp(message) => BodyPattern::Icmp(IcmpPattern {
                kind: (Some(message.kind), Some(message.kind)),
                code: (Some(message.code), Some(message.code)),
                mtu: None,
                id: None,
                quote: IcmpQuote::Raw(u16::try_from(message.payload.len() + 8).unwrap_or(u16::MAX)),
            }),
            Transport::Other { payload, .. } => BodyPattern::Udp {
                ports: None,
                len: u16::try_from(payload.len()).unwrap_or(u16::MAX),
            },
        };
        let ecn = match packet.ip.traffic_class & 3 {
            0 => None,
            bits => Some(EcnPattern::Bits(bits)),
        };
        PacketPattern {
            ip: IpPattern {
                ecn,
                ..IpPattern::default()
            },
            body,
            span: Span::default(),
        }
    }
}

/// Neighbour and router discovery, multicast listener reports: the host's own housekeeping.
fn is_neighbour_noise(message: &IcmpMessage, source: IpAddr) -> bool {
    source.is_ipv6() && matches!(message.kind, 130..=143)
}

fn payload_len(parsed: &Parsed) -> usize {
    match &parsed.packet.transport {
        Transport::Tcp(segment) => segment.payload.len(),
        Transport::Udp(_) | Transport::Icmp(_) | Transport::Other { .. } => 0,
    }
}

/// Joins two segments in a row, if the first and all but the last are `piece` bytes long and
/// their headers agree but for FIN, PSH and CWR. The sum has the first one's sequence number
/// and CWR and the last one's other fields.
fn join(first: &Packet, next: &Packet, piece: usize) -> Option<Packet> {
    let (Transport::Tcp(head), Transport::Tcp(tail)) = (&first.transport, &next.transport) else {
        return None;
    };
    let varying = TcpFlags::FIN.with(TcpFlags::PSH).with(TcpFlags::CWR).0;
    let agree = head.flags.0 & !varying == tail.flags.0 & !varying
        && head.sequence.wrapping_add(head.payload.len() as u32) == tail.sequence
        && head.payload.len() % piece == 0
        && !tail.payload.is_empty()
        && tail.payload.len() <= piece;
    if !agree {
        return None;
    }
    let cwr = TcpFlags::CWR.0;
    let mut joined = tail.clone();
    joined.sequence = head.sequence;
    joined.flags = TcpFlags((tail.flags.0 & !cwr) | (head.flags.0 & cwr));
    joined.payload = [head.payload.as_slice(), tail.payload.as_slice()].concat();
    Some(Packet {
        ip: next.ip.clone(),
        transport: Transport::Tcp(joined),
    })
}

/// Failures of packet lines.
impl Run<'_> {
    fn mismatch(
        &self,
        pattern: &PacketPattern,
        seen: &Seen,
        due: Due,
        differences: Vec<Difference>,
    ) -> Stop {
        let fields: Vec<&str> = differences.iter().map(|found| found.field).collect();
        let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
        let only_time = fields == ["time"];
        let mut notes = vec![
            format!(
                "expected: {:>10}  {}",
                due.nominal().to_string(),
                show::packet(pattern, false)
            ),
            format!(
                "got:      {:>10}  {}",
                seen.observed.at.to_string(),
                show::packet(&seen.pattern, false)
            ),
        ];
        if lines.len() > 2 {
            notes.push(format!("differences:\n    {}", lines.join("\n    ")));
        }
        self.fail(Failure {
            code: if only_time { "R007" } else { "R001" },
            message: if only_time {
                "the packet came at the wrong time".to_string()
            } else {
                format!("the packet differs in {}", list(&fields))
            },
            label: match lines.as_slice() {
                [] | [_] | [_, _] => lines.join("; "),
                [first, ..] => format!("{first}; and more, below"),
            },
            span: Some(pattern.span),
            differences,
            notes,
            help: None,
        })
    }

    fn missing(&self, pattern: &PacketPattern, due: Due) -> Stop {
        let wanted = show::packet(pattern, false);
        let until = match due.latest {
            Some(latest) => latest + self.tolerance.for_gap(due.gap) + PATIENCE,
            None => due.earliest + ANY_TIME,
        };
        self.fail(Failure {
            code: "R002",
            message: "the stack did not send this packet".to_string(),
            label: format!("nothing came until {until}"),
            span: Some(pattern.span),
            differences: vec![difference("packet", wanted, "nothing")],
            notes: vec![format!("it was due at {}", due.earliest)],
            help: None,
        })
    }

    fn split_wrong(&self, pattern: &PacketPattern, first: &Seen, next: &Seen) -> Stop {
        let BodyPattern::Tcp(want) = &pattern.body else {
            return Stop::Machine("only TCP segments are merged".to_string());
        };
        let got = payload_len(&first.parsed);
        self.fail(Failure {
            code: "R001",
            message: "the packet differs in length".to_string(),
            label: format!(
                "expected {} bytes, got {got} and then another packet",
                want.len
            ),
            span: Some(pattern.span),
            differences: vec![difference("length", want.len.to_string(), got.to_string())],
            notes: vec![
                format!("expected:  {}", show::packet(pattern, false)),
                format!("got:       {}", show::packet(&first.pattern, false)),
                format!("and then:  {}", show::packet(&next.pattern, false)),
            ],
            help: None,
        })
    }

    fn unreadable(
        &mut self,
        observed: Observed,
        problem: &str,
        expected: Option<&PacketPattern>,
    ) -> Stop {
        let text = format!("> unreadable: {problem}");
        self.trace
            .push(observed.at, TraceEvent::Sent(observed.bytes), None, text);
        self.fail(Failure {
            code: "R009",
            message: "the stack sent a packet that cannot be read".to_string(),
            label: problem.to_string(),
            span: expected.map(|pattern| pattern.span),
            differences: vec![difference("packet", "a well-formed packet", problem)],
            notes: Vec::new(),
            help: None,
        })
    }

    /// A packet was left over at the end.
    pub(super) fn surplus_failure(&self, seen: &Seen) -> Stop {
        let got = show::packet(&seen.pattern, false);
        let last = self.program.steps.last().map(|step| step.span);
        self.fail(Failure {
            code: "R003",
            message: "the stack sent a packet that the script does not mention".to_string(),
            label: format!("after this, at {}: {got}", seen.observed.at),
            span: last,
            differences: vec![difference("packet", "nothing more", got)],
            notes: Vec::new(),
            help: Some(
                "write the packet as a `>` line, or say `// surplus: ignore` in the header"
                    .to_string(),
            ),
        })
    }
}

/// `ack`, `ack and window`, `flags, ack and window`.
fn list(fields: &[&str]) -> String {
    match fields {
        [] => String::new(),
        [only] => (*only).to_string(),
        [init @ .., last] => format!("{} and {last}", init.join(", ")),
    }
}
