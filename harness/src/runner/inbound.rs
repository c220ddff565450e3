//! Inbound lines: the packets the script plays, made live and put in front of the stack.

use std::time::Duration;

use crate::expect::compare::difference;
use crate::expect::payload::{self, Direction};
use crate::expect::show;
use crate::program::{
    BodyPattern, EcnPattern, IcmpPattern, IcmpQuote, IpPattern, OptionPattern, OptionsPattern,
    PacketPattern, PayloadMode, Step, TcpPattern,
};
use crate::source::Span;
use crate::trace::TraceEvent;
use crate::verdict::Failure;
use crate::wire::{
    self, IcmpMessage, IpFields, Packet, TcpFlags, TcpOption, TcpSegment, Transport, UdpDatagram,
};

use super::{Connection, Focus, Run, Stop};

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
        let built = match &pattern.body {
            BodyPattern::Tcp(tcp) => self.tcp_bytes(tcp, packet),
            BodyPattern::Udp { .. } | BodyPattern::Icmp(_) => packet.build(),
        };
        let bytes = built.map_err(|problem| {
            Stop::Machine(format!(
                "the packet of this line cannot be built: {problem}"
            ))
        })?;
        self.base = self.session.inject(&bytes)?;
        let text = show::packet(pattern, true);
        self.trace.push(
            self.base.start,
            TraceEvent::Injected(bytes),
            Some(step.span),
            text,
        );
        Ok(())
    }

    /// A TCP packet with its signature, and with what is to be wrong with it.
    fn tcp_bytes(&self, pattern: &TcpPattern, mut packet: Packet) -> Result<Vec<u8>, String> {
        let signed = matches!(&pattern.options, OptionsPattern::List(list)
            if list.contains(&OptionPattern::Md5Valid));
        if signed {
            let digest = packet.md5_digest(&self.md5_secret)?;
            sign(&mut packet, pattern, digest);
        }
        pattern.damage.build(&packet)
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

    /// Before the first outbound line of an active open the stack's port and number are known
    /// only from the packets that are waiting to be looked at.
    fn learn_local_port(&mut self) -> Result<(), Stop> {
        /// For a packet of a live stack that is already on its way.
        const GRACE: Duration = Duration::from_millis(20);
        let unknown = |run: &Self| {
            let connection = run.connection.as_ref();
            run.focus == Focus::Connected
                && connection.is_some_and(|connection| connection.local_port.is_none())
        };
        if !unknown(self) {
            return Ok(());
        }
        let now = self.session.now();
        let deadline = if self.is_virtual { now } else { now + GRACE };
        while unknown(self) {
            let Some(observed) = self.session.next_packet(deadline)? else {
                return Err(Stop::Machine(
                    "an inbound packet stands before the first packet of the stack, whose port is \
                     not known yet; put the `>` line of its SYN first"
                        .to_string(),
                ));
            };
            if let Ok(parsed) = wire::parse(&observed.bytes)
                && self.belongs(&parsed.packet, None)
                && let (Transport::Tcp(segment), Some(connection)) =
                    (&parsed.packet.transport, self.connection.as_mut())
            {
                connection.learn(segment, None);
            }
            self.waiting.push_back(observed);
        }
        Ok(())
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
        self.learn_local_port()?;
        let scaled = self.program.options.tcp_ts_ecr_scaled;
        let mode = self.payload;
        let built = self.connection_for_inbound().inbound(pattern, scaled);
        let mut segment = built.map_err(|problem| {
            self.script_error(Failure {
                code: "R008",
                message: problem.clone(),
                label: "this packet cannot be made".to_string(),
                span: Some(span),
                differences: vec![difference("packet", "a packet that can be made", problem)],
                notes: Vec::new(),
                help: None,
            })
        })?;
        let relative = self
            .connection
            .as_ref()
            .map_or(0, |connection| connection.relative_remote(&segment));
        let syn = segment.flags.contains(TcpFlags::SYN);
        let offset = Connection::stream_offset(relative, syn);
        if segment.flags.contains(TcpFlags::URG) {
            self.urgent_mark = (offset + u64::from(segment.urgent)).checked_sub(1);
        }
        let len = usize::from(pattern.len.exact().unwrap_or(0));
        segment.payload = match (&pattern.payload, mode) {
            (Some(written), _) => written.clone(),
            (None, PayloadMode::Zero) => vec![0; len],
            (None, PayloadMode::Offset) => payload::segment_at(Direction::ToStack, offset, len),
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
}

/// Puts a digest into each option that the line calls `md5 valid`.
fn sign(packet: &mut Packet, pattern: &TcpPattern, digest: [u8; 16]) {
    let (Transport::Tcp(segment), OptionsPattern::List(list)) =
        (&mut packet.transport, &pattern.options)
    else {
        return;
    };
    for (option, written) in segment.options.iter_mut().zip(list) {
        if *written == OptionPattern::Md5Valid {
            *option = TcpOption::Md5(digest.to_vec());
        }
    }
}
