//! Outbound lines: taking what the stack sends and judging it.

use std::net::IpAddr;
use std::time::Duration;

use crate::expect::compare::{self, Rules, difference};
use crate::expect::{ip, show};
use crate::program::{
    BodyPattern, EcnPattern, IpPattern, Match, PacketPattern, PayloadMode, Step, TcpPattern,
};
use crate::source::Span;
use crate::target::Observed;
use crate::time::{Moment, Time};
use crate::trace::TraceEvent;
use crate::verdict::Difference;
use crate::wire::{self, IcmpMessage, IpFields, Packet, Parsed, TcpFlags, TcpOption, Transport};

use super::focus::Owner;
use super::outbound_ip::udp_as_written;
use super::schedule::Due;
use super::{Connection, Run, Stop};

/// How long after its time a missing packet is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a `*` line waits.
pub(super) const ANY_TIME: Duration = Duration::from_secs(600);

/// A packet of the connection under test.
pub(super) struct Seen {
    pub(super) observed: Observed,
    /// When the first of the pieces it was joined from was sent.
    pub(super) first_at: Time,
    /// How the pieces differ from the line, apart from what joining takes care of.
    pieces: Vec<Difference>,
    pub(super) parsed: Parsed,
    /// The packet as the script would write it.
    pub(super) pattern: PacketPattern,
    /// The digest that an MD5 option must carry; of several pieces that of the last.
    md5: Option<[u8; 16]>,
    /// Where it stands in the trace; of several pieces, each of them.
    entries: Vec<usize>,
}

impl Run<'_> {
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
        self.excuse(step, &seen, due)?;
        self.decide(step, &seen, due)?;
        let differences = self.judge(&seen, pattern, due);
        if self.options.non_fatal_packet {
            self.warn_of(&seen, step, &differences);
        } else if !differences.is_empty() {
            let mismatch = self.mismatch(pattern, &seen, due, differences);
            self.claim(&seen, step.span);
            return Err(mismatch);
        }
        // A packet that had waited does not turn the clock back.
        self.base = Moment::at(seen.observed.at.max(self.base.start));
        self.claim(&seen, step.span);
        Ok(())
    }

    /// Notes in the trace which line was held against a packet.
    fn claim(&mut self, seen: &Seen, span: Span) {
        for place in &seen.entries {
            if let Some(entry) = self.trace.entries.get_mut(*place) {
                entry.span.get_or_insert(span);
            }
        }
    }

    /// The next packet that belongs to the connection under test (or to the ports an
    /// outbound line names), not later than `deadline`. Others are recorded and passed over.
    pub(super) fn next_of_connection(
        &mut self,
        deadline: Time,
        expected: Option<&PacketPattern>,
    ) -> Result<Option<Seen>, Stop> {
        let mut kept = Vec::new();
        let found = self.look_for(deadline, expected, &mut kept);
        kept.into_iter()
            .rev()
            .for_each(|observed| self.waiting.push_front(observed));
        found
    }

    /// The same; packets of the connection that a line with ports of others passes over are kept.
    fn look_for(
        &mut self,
        deadline: Time,
        expected: Option<&PacketPattern>,
        kept: &mut Vec<Observed>,
    ) -> Result<Option<Seen>, Stop> {
        while let Some(observed) = self.next_packet(deadline)? {
            let read = wire::parse(&observed.bytes)
                .and_then(|parsed| self.take_out_of_udp(parsed, expected));
            let (parsed, udp_ports) = match read {
                Ok(read) => read,
                Err(problem) => return Err(self.unreadable(observed, &problem, expected)),
            };
            let piece = self.is_piece_of_ours(&parsed);
            let owner = match piece {
                true => Owner::Current,
                false => self.owner(&parsed.packet, observed.at),
            };
            let under_test = owner == Owner::Current;
            let ours = match expected.and_then(ports_of) {
                Some(_) if !self.drop_in && !piece => self.belongs(&parsed.packet, expected),
                Some(_) | None => under_test,
            };
            match owner {
                Owner::Current | Owner::Other if !ours => {
                    kept.push(observed);
                    continue;
                }
                Owner::Past(place) if !ours => {
                    self.leave_over_late(observed, place);
                    continue;
                }
                Owner::Nobody if !ours => {
                    self.pass_over(observed, &parsed);
                    continue;
                }
                Owner::Current | Owner::Other | Owner::Past(_) | Owner::Nobody => {}
            }
            if under_test {
                self.learn_from(&parsed.packet, expected);
            }
            let pattern = PacketPattern {
                layers: ip::as_written(&parsed.layers),
                udp_encapsulation: udp_ports,
                ..self.as_written(&parsed.packet, expected)
            };
            let md5 = self.md5_of(&parsed.packet);
            let text = self.tagged(show::packet(&pattern, false));
            let event = TraceEvent::Sent(observed.bytes.clone());
            self.trace.push(observed.at, event, None, text);
            return Ok(Some(Seen {
                first_at: observed.at,
                pieces: Vec::new(),
                observed,
                parsed,
                pattern,
                md5,
                entries: vec![self.trace.entries.len() - 1],
            }));
        }
        Ok(None)
    }

    /// Learns from a packet of the connection under test, before it is shown in script numbers.
    fn learn_from(&mut self, packet: &Packet, expected: Option<&PacketPattern>) {
        let tcp = expected.and_then(|pattern| match &pattern.body {
            BodyPattern::Tcp(tcp) => Some(tcp),
            BodyPattern::Udp(_) | BodyPattern::Icmp(_) => None,
        });
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        match &packet.transport {
            Transport::Tcp(segment) => connection.learn(segment, tcp),
            Transport::Udp(datagram) => {
                connection.local_port.get_or_insert(datagram.source_port);
            }
            Transport::Icmp(_) | Transport::Other { .. } => {}
        }
    }

    /// Records a packet of no connection that the script drives.
    pub(super) fn pass_over(&mut self, observed: Observed, parsed: &Parsed) {
        let text = show::packet(&self.as_written(&parsed.packet, None), false);
        let text = format!("{text}   (another connection)");
        let event = TraceEvent::Sent(observed.bytes);
        self.trace.push(observed.at, event, None, text);
    }

    /// Records what the connection under test has sent by now and no line has taken: what a call
    /// waits for that does not return.
    pub(super) fn record_unread(&mut self) {
        let now = self.session.now();
        // A packet that cannot be read ends it; what failed is the call.
        while let Ok(Some(_)) = self.next_of_connection(now, None) {}
    }

    /// Records what comes within the moment in which a segment can be overtaken.
    pub(super) fn record_overtaken(&mut self) {
        let end = self.session.now() + super::overtaken::MOMENT;
        while let Ok(Some(_)) = self.next_of_connection(end, None) {}
    }

    /// The oldest packet that nobody has looked at.
    pub(super) fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, Stop> {
        match self.waiting.pop_front() {
            Some(observed) => Ok(Some(observed)),
            None => Ok(self.session.next_packet(deadline)?),
        }
    }

    /// Segments that together make the one written are one, unless the script says strict.
    fn merge(
        &mut self,
        seen: &mut Seen,
        pattern: &PacketPattern,
        deadline: Time,
    ) -> Result<(), Stop> {
        let BodyPattern::Tcp(want) = &pattern.body else {
            return Ok(());
        };
        let Some(want) = want.len.exact().map(usize::from) else {
            return Ok(());
        };
        if self.options.strict_segments {
            return Ok(());
        }
        let piece = payload_len(&seen.parsed);
        let mut whole = true;
        while payload_len(&seen.parsed) > 0 && payload_len(&seen.parsed) < want {
            let Some(next) = self.next_of_connection(deadline, Some(pattern))? else {
                return Ok(());
            };
            let Some(joined) = join(&seen.parsed.packet, &next.parsed.packet, piece) else {
                let split_wrong = self.split_wrong(pattern, seen, &next);
                self.claim(seen, pattern.span);
                return Err(split_wrong);
            };
            if whole {
                seen.pieces = self.piece_differences(pattern, seen, false);
                whole = false;
            }
            let last = payload_len(&seen.parsed) + payload_len(&next.parsed) >= want;
            let more = self.piece_differences(pattern, &next, last);
            seen.pieces.extend(more);
            seen.parsed.packet = joined;
            seen.parsed.faults.extend(next.parsed.faults);
            seen.observed.at = next.observed.at;
            seen.md5 = next.md5;
            seen.entries.extend(next.entries);
            seen.pattern.body = self.as_written(&seen.parsed.packet, Some(pattern)).body;
        }
        Ok(())
    }

    /// How one of several pieces differs from the line: in everything but its place in the stream
    /// and in PSH and CWR; FIN stands on the last one only.
    fn piece_differences(
        &self,
        pattern: &PacketPattern,
        piece: &Seen,
        last: bool,
    ) -> Vec<Difference> {
        let (BodyPattern::Tcp(want), BodyPattern::Tcp(got)) = (&pattern.body, &piece.pattern.body)
        else {
            return Vec::new();
        };
        let free = TcpFlags::PSH.with(TcpFlags::CWR).0;
        let fin = if last { 0 } else { TcpFlags::FIN.0 };
        let flags = want
            .flags
            .zip(got.flags)
            .map(|(want, got)| TcpFlags((want.0 & !free & !fin) | (got.0 & free)));
        // The pointer is an offset from each piece's own number.
        let urgent = match want.urgent {
            Match::Is(0) => Match::Is(0),
            _ => got.urgent,
        };
        let expected = TcpPattern {
            flags,
            seq: got.seq,
            len: got.len,
            urgent,
            ..want.clone()
        };
        let whole = |body| PacketPattern {
            body: BodyPattern::Tcp(body),
            ..pattern.clone()
        };
        let rules = Rules {
            timestamp_slack: None,
            ..self.rules(piece)
        };
        compare::packet(&whole(expected), &piece.pattern, &piece.parsed, rules)
    }

    fn rules(&self, seen: &Seen) -> Rules {
        Rules {
            echo_reply: self.payload == PayloadMode::Offset,
            timestamp_slack: self.timestamp_slack(seen.observed.at),
            md5: seen.md5,
            drop_in: self.drop_in,
            free_layout: self.free_layout,
        }
    }

    /// The digest that the MD5 option of a packet must carry, if it has one.
    fn md5_of(&self, packet: &Packet) -> Option<[u8; 16]> {
        let Transport::Tcp(segment) = &packet.transport else {
            return None;
        };
        let signed = |option: &TcpOption| matches!(option, TcpOption::Md5(_));
        segment.options.iter().find(|option| signed(option))?;
        packet.md5_digest(&self.md5_secret).ok()
    }

    fn judge(&mut self, seen: &Seen, pattern: &PacketPattern, due: Due) -> Vec<Difference> {
        let rules = self.rules(seen);
        let mut found = match (pattern.ip.fragment, seen.parsed.header.piece) {
            (None, None) => compare::packet(pattern, &seen.pattern, &seen.parsed, rules),
            (wanted, piece) => self.judge_piece(seen, pattern, wanted, piece),
        };
        for piece in &seen.pieces {
            if !found.contains(piece) {
                found.push(piece.clone());
            }
        }
        found.extend(self.ip_differences(&seen.parsed.packet.ip, pattern));
        found.extend(
            seen.parsed
                .faults
                .iter()
                .map(|fault| difference(fault.field(), "a well-formed packet", fault.to_string())),
        );
        if let Transport::Tcp(segment) = &seen.parsed.packet.transport {
            if segment.reserved != 0 {
                found.push(difference("reserved", "0", segment.reserved.to_string()));
            }
            found.extend(self.payload_difference(segment, pattern));
        }
        for at in [seen.first_at, seen.observed.at] {
            let error = self.off(due, at);
            if error == 0 {
                continue;
            }
            let way = if error < 0 { "early" } else { "late" };
            let off = Duration::from_micros(error.unsigned_abs());
            found.push(difference(
                "time",
                due.show(),
                format!("{at} ({off:?} too {way})"),
            ));
            break;
        }
        found
    }

    /// Where it came from, and the flow label: a name in the script, tied to the live one.
    fn ip_differences(&mut self, ip: &IpFields, pattern: &PacketPattern) -> Vec<Difference> {
        let mut found = Vec::new();
        if ip.source != self.addresses.local_ip {
            let expected = self.addresses.local_ip.to_string();
            found.push(difference("source", expected, ip.source.to_string()));
        }
        let Some(name) = pattern.ip.flow_label.filter(|&name| name != 0) else {
            return found;
        };
        let live = ip.flow_label;
        let wrong = match self.flow_label {
            _ if live == 0 => Some("a label other than 0".to_string()),
            Some((known, bound)) if known == name && bound != live => Some(format!("{bound:#x}")),
            Some((known, bound)) if known != name && bound == live => {
                Some(format!("another label than {bound:#x}"))
            }
            Some(_) | None => None,
        };
        match wrong {
            Some(expected) => found.push(difference("flowlabel", expected, format!("{live:#x}"))),
            None => self.flow_label = Some((name, live)),
        }
        found
    }

    /// How far a TS value may be off: the tolerance for the time since the start, in ticks.
    fn timestamp_slack(&self, at: Time) -> Option<u32> {
        let tick = self.options.tcp_ts_tick_usecs.filter(|&tick| tick > 0)?;
        let gap = at.saturating_since(Time::ZERO);
        let slack = self.tolerance.for_gap(gap).as_micros() / u128::from(tick);
        Some(u32::try_from(slack).unwrap_or(u32::MAX) + 1)
    }

    pub(super) fn belongs(&self, packet: &Packet, expected: Option<&PacketPattern>) -> bool {
        // In packetdrill the ports of an outbound line mean nothing.
        let naming = expected.filter(|_| !self.drop_in);
        let written = naming.and_then(ports_of);
        let (source, destination) = match &packet.transport {
            Transport::Tcp(segment) => (segment.source_port, segment.destination_port),
            Transport::Udp(datagram) => (datagram.source_port, datagram.destination_port),
            Transport::Icmp(message) => {
                return self.sees_icmp() && !is_neighbour_noise(message, packet.ip.source);
            }
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

    /// A live packet as the script would write it; a line with an absolute number has it so too.
    pub(super) fn as_written(
        &self,
        packet: &Packet,
        expected: Option<&PacketPattern>,
    ) -> PacketPattern {
        let absolute = matches!(
            expected.map(|line| &line.body),
            Some(BodyPattern::Tcp(TcpPattern { absolute: true, .. }))
        );
        let body = match &packet.transport {
            Transport::Tcp(segment) => {
                let fallback = Connection::new(None, 0);
                BodyPattern::Tcp(
                    self.connection
                        .as_ref()
                        .unwrap_or(&fallback)
                        .outbound(segment, absolute),
                )
            }
            Transport::Udp(datagram) => BodyPattern::Udp(udp_as_written(&datagram.payload)),
            Transport::Icmp(message) => BodyPattern::Icmp(self.icmp_as_written(message)),
            Transport::Other { payload, .. } => BodyPattern::Udp(udp_as_written(payload)),
        };
        let ecn = match packet.ip.traffic_class & 3 {
            0 => None,
            bits => Some(EcnPattern::Bits(bits)),
        };
        PacketPattern {
            layers: Vec::new(),
            ip: IpPattern {
                ecn,
                ..IpPattern::default()
            },
            udp_encapsulation: None,
            body,
            span: Span::default(),
        }
    }
}

/// The ports a line names.
pub(super) fn ports_of(pattern: &PacketPattern) -> Option<(u16, u16)> {
    match &pattern.body {
        BodyPattern::Tcp(tcp) => tcp.ports,
        BodyPattern::Udp(udp) => udp.ports,
        BodyPattern::Icmp(_) => None,
    }
}

/// Neighbour and router discovery, multicast listener reports: the host's own housekeeping.
fn is_neighbour_noise(message: &IcmpMessage, source: IpAddr) -> bool {
    source.is_ipv6() && matches!(message.kind, 130..=143)
}

pub(super) fn payload_len(parsed: &Parsed) -> usize {
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
    joined.reserved |= head.reserved;
    joined.flags = TcpFlags((tail.flags.0 & !cwr) | (head.flags.0 & cwr));
    joined.payload = [head.payload.as_slice(), tail.payload.as_slice()].concat();
    Some(Packet {
        ip: next.ip.clone(),
        transport: Transport::Tcp(joined),
    })
}
