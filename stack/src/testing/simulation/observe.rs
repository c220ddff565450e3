//! What the judges see: packets leaving, packets arriving, events.

use super::attacker::FORGED_TTL;
use super::packet_rules;
use super::plan::FIRST_CLIENT_PORT;
use super::ranges::Ranges;
use super::world::World;
use super::{Oracle, Trouble};
use crate::event::{Event, RetransmitCause};
use crate::segment::{self, Incoming, Segment};
use crate::socket::SocketId;
use crate::state::StateName;
use alloc::format;
use alloc::string::String;
use core::net::SocketAddr;

impl World {
    /// The connection between two sockets, and which side `src` is.
    pub(super) fn side_of(&self, src: SocketAddr, dst: SocketAddr) -> Option<(usize, usize)> {
        let by_port = |port: u16| {
            let connection = usize::from(port.checked_sub(FIRST_CLIENT_PORT)?);
            (connection < self.flows.len()).then_some(connection)
        };
        let connection = by_port(src.port()).or_else(|| by_port(dst.port()))?;
        let sockets = self.plan.sockets(connection);
        if sockets == [src, dst] {
            Some((connection, 0))
        } else if sockets == [dst, src] {
            Some((connection, 1))
        } else {
            None
        }
    }

    /// Judges a datagram that a host sends.
    pub(super) fn judge_sent(&mut self, host: usize, datagram: &[u8]) -> Result<(), Trouble> {
        let trouble = |oracle, what: String| Trouble::new(oracle, Some(host), what);
        let segment = match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => segment,
            other => {
                let what = format!("this is no segment: {other:?}");
                return Err(trouble(Oracle::Packet, what));
            }
        };
        let Some((connection, side)) = self.side_of(segment.src, segment.dst) else {
            return Ok(());
        };
        let flow = &mut self.flows[connection];
        let limits = self.nodes[host].limits;
        packet_rules::judge(flow, side, &segment, limits, &self.pattern)
            .map_err(|what| trouble(Oracle::Packet, what))?;
        let way = &mut flow.ways[side];
        if segment.flags.rst {
            return Ok(());
        }
        if segment.flags.syn && segment.ack.is_some() {
            return Ok(());
        }
        if segment.is_empty() {
            // At SND.UNA-1 it acknowledges nothing: it asks (RFC 9293 §3.8.4, §3.8.6.1).
            let asks = way.place(segment.seq).is_some_and(|at| at + 1 == way.acked);
            let budget = if asks { &mut way.probes } else { &mut way.acks };
            return budget
                .spend(self.now)
                .map_err(|what| trouble(Oracle::Storm, what));
        }
        let place = way.place(segment.text_seq()).unwrap_or(0);
        way.back_off
            .on_sent(segment.seq, segment.end(), self.now)
            .and_then(|()| way.sends.on_sent(place, segment.payload.len()))
            .map_err(|what| trouble(Oracle::Pace, what))
    }

    /// A datagram reaches a host.
    pub(super) fn note_delivered(&mut self, host: usize, datagram: &[u8]) {
        match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => self.note_segment(&segment),
            Ok(Incoming::Icmp(_)) => {
                for which in &self.nodes[host].applications {
                    let way = &mut self.flows[which / 2].ways[which % 2];
                    way.back_off.heard();
                    way.sends.end();
                }
            }
            Err(_) => {}
        }
    }

    fn note_segment(&mut self, segment: &Segment) {
        let Some((connection, side)) = self.side_of(segment.src, segment.dst) else {
            return;
        };
        let flow = &mut self.flows[connection];
        let receiver = &mut flow.ways[1 - side];
        receiver.back_off.heard();
        receiver.acks.earn(u64::from(!segment.is_empty()));
        // What nobody may believe does not count as arrived.
        if segment.ttl == FORGED_TTL {
            return;
        }
        flow.ways[side].on_delivered(segment);
        let Some(ack) = segment.ack.filter(|_| !segment.flags.rst) else {
            return;
        };
        // In SYN-SENT nothing but a SYN acknowledges (RFC 9293 §3.10.7.3).
        if flow.ways[side].offer.is_none() {
            return;
        }
        let receiver = &mut flow.ways[1 - side];
        let (news, sacked) = receiver.on_ack_delivered(ack, segment.options.sack.as_slice());
        receiver.sends.on_ack(receiver.acked, news, sacked);
        if news > 0 {
            flow.last_progress = self.now;
            flow.lost_since_progress[1 - side] = 0;
        }
    }

    /// The connection of the plan that a host's socket belongs to, and which side it is.
    fn side_of_socket(&self, host: usize, id: SocketId) -> Option<(usize, usize)> {
        self.nodes[host].sides.get(&id).copied()
    }

    /// The same, asked of the host, while it knows.
    fn look_up(&self, host: usize, id: SocketId) -> Option<(usize, usize)> {
        let status = self.nodes[host].host.status(id).ok()?;
        self.side_of(status.local, status.remote?)
    }

    /// Takes what a host reports into account.
    pub(super) fn note_event(&mut self, host: usize, event: &Event) {
        match *event {
            Event::StateChanged {
                id,
                from: StateName::Closed,
                ..
            } => {
                if let Some(side) = self.look_up(host, id) {
                    self.nodes[host].sides.insert(id, side);
                }
            }
            Event::RtoFired { id, .. } => self.limit_sends(host, id, false),
            Event::StateChanged {
                id,
                from: StateName::SynSent | StateName::SynReceived,
                to: StateName::Established,
            } => self.limit_sends(host, id, true),
            Event::Retransmitted {
                id,
                cause: RetransmitCause::FastRetransmit | RetransmitCause::PartialAck,
                ..
            }
            | Event::WindowProbeSent { id }
            | Event::PathMtuReduced { id, .. } => {
                if let Some((connection, side)) = self.side_of_socket(host, id) {
                    self.flows[connection].ways[side].sends.end();
                }
            }
            Event::PathMtuRaised { id, mss } => {
                if let Some((connection, side)) = self.side_of_socket(host, id) {
                    let way = &mut self.flows[connection].ways[side];
                    way.sends.raise(mss.into());
                }
            }
            Event::ConnectionAborted { id, .. } => {
                if let Some((connection, side)) = self.side_of_socket(host, id) {
                    let flow = &mut self.flows[connection];
                    flow.lost_when_broken[side] = flow.lost_since_progress[side];
                    flow.broke_opening[side] = flow.ways[side].acked <= 1;
                }
            }
            Event::SynCookieSent { remote, .. } => {
                if let Some(connection) = self.connection_of(remote, host) {
                    self.flows[connection].cookie_sent = true;
                }
            }
            Event::SynCookieAccepted { id, .. } => {
                if let Some((connection, side)) = self.look_up(host, id) {
                    self.flows[connection].ways[side].forget_acks();
                }
            }
            Event::KeepAliveProbeSent { id } => {
                if let Some((connection, side)) = self.side_of_socket(host, id) {
                    self.flows[connection].ways[side].acks.earn(1);
                }
            }
            _ => {}
        }
    }

    /// The congestion window is what it is at the start, or after a timeout: a segment.
    fn limit_sends(&mut self, host: usize, id: SocketId, start: bool) {
        let Some((connection, side)) = self.side_of_socket(host, id) else {
            return;
        };
        let config = &self.plan.hosts[host].config;
        let Ok(status) = self.nodes[host].host.status(id) else {
            return;
        };
        let smss = u32::from(status.snd_mss);
        let way = &mut self.flows[connection].ways[side];
        // An acknowledgment may have come in a segment that was not accepted.
        if let Some(una) = way.place(status.snd_una) {
            way.acked = una;
            way.sacked = Ranges::default();
        }
        let sends = &mut way.sends;
        if start {
            // Who was accepted early may have sent for long.
            if sends.has_begun() {
                return;
            }
            sends.begin(config.congestion.initial_window.bytes(smss), smss);
        } else if config.undo {
            sends.end();
        } else {
            sends.begin(smss, smss);
        }
    }
}
