//! Inbound lines: the packets the script plays, made live and put in front of the stack.

use std::time::Duration;

use crate::expect::compare::difference;
use crate::expect::payload::{self, Direction};
use crate::expect::show;
use crate::program::{
    BodyPattern, OptionPattern, OptionsPattern, PacketPattern, PayloadMode, Step, TcpPattern,
};
use crate::source::Span;
use crate::trace::TraceEvent;
use crate::verdict::Failure;
use crate::wire::{self, Packet, TcpFlags, TcpOption, TcpSegment, Transport};

use super::focus::Owner;
use super::{Connection, Focus, Run, Stop};

impl Run<'_> {
    /// Puts the packet of an inbound line in front of the stack.
    pub(super) fn inject(&mut self, step: &Step, pattern: &PacketPattern) -> Result<(), Stop> {
        let transport = match &pattern.body {
            BodyPattern::Tcp(tcp) => Transport::Tcp(self.inbound_tcp(tcp, pattern.span)?),
            BodyPattern::Udp(udp) => Transport::Udp(self.inbound_udp(udp)),
            BodyPattern::Icmp(icmp) => Transport::Icmp(self.inbound_icmp(icmp, pattern.span)?),
        };
        let packet = Packet {
            ip: self.inbound_ip(&pattern.ip),
            transport,
        };
        let bytes = self.inbound_bytes(pattern, packet)?;
        let moment = self.session.inject(&bytes)?;
        self.acted(moment.end)?;
        self.base = moment;
        let text = self.tagged(show::packet(pattern, true));
        self.trace.push(
            self.base.start,
            TraceEvent::Injected(bytes),
            Some(step.span),
            text,
        );
        Ok(())
    }

    /// A TCP packet with its signature, and with what is to be wrong with it.
    pub(super) fn tcp_bytes(
        &self,
        pattern: &TcpPattern,
        mut packet: Packet,
    ) -> Result<Vec<u8>, String> {
        let signed = matches!(&pattern.options, OptionsPattern::List(list)
            if list.contains(&OptionPattern::Md5Valid));
        if signed {
            let digest = packet.md5_digest(&self.md5_secret)?;
            sign(&mut packet, pattern, digest);
        }
        pattern.damage.build(&packet)
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
            let read =
                wire::parse(&observed.bytes).and_then(|parsed| self.take_out_of_udp(parsed, None));
            if let Ok((parsed, _)) = read
                && self.owner(&parsed.packet, observed.at) == Owner::Current
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
    pub(super) fn connection_for_inbound(&mut self) -> &mut Connection {
        if self.focus == Focus::Open || self.connection.is_none() {
            let port = self.fresh_remote_port();
            self.connection = Some(Connection::new(Some(self.listen_port), port));
            self.focus = Focus::Connected;
        }
        self.connection
            .get_or_insert_with(|| Connection::new(None, 0))
    }

    fn inbound_tcp(&mut self, pattern: &TcpPattern, span: Span) -> Result<TcpSegment, Stop> {
        self.learn_local_port()?;
        let scaled = self.options.tcp_ts_ecr_scaled;
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
