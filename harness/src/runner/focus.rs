//! Which connection a line means, and which one a packet belongs to.
//!
//! Lines without a name mean what packetdrill means: the socket made last, and once an inbound packet
//! comes while that one listens (or while there is none), a new child of it. Lines with a name mean
//! the connection of that name. What is known about each stands in a [`Track`]; the one whose line
//! is worked on lies spread out in the fields of [`Run`].

use std::mem::{swap, take};

use crate::call::{Call, Fd, Outcome};
use crate::expect::compare::difference;
use crate::program::PacketPattern;
use crate::source::Span;
use crate::target::Observed;
use crate::time::Time;
use crate::verdict::Difference;
use crate::wire::{self, Packet, TcpFlags, Transport};

use super::outbound::ports_of;
use super::{Connection, Run, Stop};

/// What the socket under test is doing, for choosing the connection a packet belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Focus {
    /// No socket yet, or one that listens: the next inbound segment opens a child.
    #[default]
    Open,
    /// A socket that neither listens nor connects.
    Idle,
    /// The connection is known.
    Connected,
}

/// The connection under test as it was before a `connect`.
pub(super) struct BeforeConnect {
    pub(super) connection: Option<Connection>,
    pub(super) focus: Focus,
    pub(super) connecting: Option<Fd>,
    pub(super) opened: usize,
    /// Its packets that no line had taken then.
    pub(super) unread: Vec<Observed>,
    /// When the call was made.
    pub(super) at: Time,
}

/// What is known about the connection that lines of one name mean, or those without.
#[derive(Default)]
pub(super) struct Track {
    connection: Option<Connection>,
    focus: Focus,
    connecting: Option<Fd>,
    subject: Option<Fd>,
    opened: usize,
    urgent_mark: Option<u64>,
    flow_label: Option<(u32, u32)>,
    before_connect: Option<BeforeConnect>,
}

/// A connection that the script has turned away from.
pub(super) struct Past {
    connection: Connection,
    /// What it sent before this was the script's matter still.
    until: Time,
    /// The line that turned away.
    span: Span,
}

/// Whose a packet of the stack is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// The connection of the line that is worked on.
    Current,
    /// The connection of lines of another name.
    Other,
    /// A connection that the script has turned away from, and it was sent before; at this place of
    /// the list.
    Past(usize),
    /// None that the script drives.
    Nobody,
}

impl Run<'_> {
    /// Works on something that is the matter of the lines of this name.
    pub(super) fn on_track<T>(
        &mut self,
        name: Option<&str>,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let before = self.leave();
        self.enter(name.map(str::to_string));
        let result = work(self);
        self.leave();
        self.enter(before);
        result
    }

    fn enter(&mut self, name: Option<String>) {
        if let Some(name) = name {
            let mut track = self.named.remove(&name).unwrap_or_default();
            self.exchange(&mut track);
            self.unnamed = Some(track);
            self.entered = Some(name);
        }
    }

    fn leave(&mut self) -> Option<String> {
        let name = self.entered.take()?;
        let mut track = self.unnamed.take().unwrap_or_default();
        self.exchange(&mut track);
        self.named.insert(name.clone(), track);
        Some(name)
    }

    fn exchange(&mut self, track: &mut Track) {
        swap(&mut self.connection, &mut track.connection);
        swap(&mut self.focus, &mut track.focus);
        swap(&mut self.connecting, &mut track.connecting);
        swap(&mut self.subject, &mut track.subject);
        swap(&mut self.opened, &mut track.opened);
        swap(&mut self.urgent_mark, &mut track.urgent_mark);
        swap(&mut self.flow_label, &mut track.flow_label);
        swap(&mut self.before_connect, &mut track.before_connect);
    }

    /// A line's text with the name of its connection in front.
    pub(super) fn tagged(&self, text: String) -> String {
        match &self.entered {
            Some(name) => format!("@{name} {text}"),
            None => text,
        }
    }

    /// Whose a packet is, sent at `at`. A connection whose port of the stack is not known yet gets
    /// the first packet from a port that is no other's; of several the one connected first.
    pub(super) fn owner(&mut self, packet: &Packet, at: Time) -> Owner {
        let (source, destination) = match &packet.transport {
            Transport::Tcp(segment) => (segment.source_port, segment.destination_port),
            Transport::Udp(datagram) => (datagram.source_port, datagram.destination_port),
            Transport::Icmp(_) | Transport::Other { .. } => {
                return match self.belongs(packet, None) {
                    true => Owner::Current,
                    false => Owner::Nobody,
                };
            }
        };
        if packet.ip.destination != self.addresses.remote_ip {
            return Owner::Nobody;
        }
        let meets = |connection: &Connection, local: Option<u16>| {
            connection.remote_port == destination && connection.local_port == local
        };
        let known = |connection: &Connection| meets(connection, Some(source));
        let unknown = |connection: &Connection| meets(connection, None);
        let past = self
            .past
            .iter()
            .position(|past| known(&past.connection) && at < past.until);
        if let Some(place) = past {
            return Owner::Past(place);
        }
        if self.connection.as_ref().is_some_and(known) {
            return Owner::Current;
        }
        // A connection of before that sends on is no new one; only a SYN may begin on its ports.
        let in_flight = self.before_connect.as_ref();
        let in_flight = in_flight.and_then(|before| before.connection.as_ref());
        let before = self.past.iter().map(|past| &past.connection);
        let stale = before.chain(in_flight).any(known) && !begins(packet);
        let unknown = |connection: &Connection| unknown(connection) && !stale;
        let own = self.connection.as_ref().filter(|one| unknown(one));
        let own = own.map(|_| self.opened);
        let others = self.named.values_mut().chain(self.unnamed.as_mut());
        let mut best: Option<(usize, &mut Connection)> = None;
        for track in others {
            let opened = track.opened;
            match track.connection.as_mut() {
                Some(connection) if known(connection) => return Owner::Other,
                Some(connection) if unknown(connection) => {
                    if best.as_ref().is_none_or(|(first, _)| opened < *first) {
                        best = Some((opened, connection));
                    }
                }
                Some(_) | None => {}
            }
        }
        match (own, best) {
            (Some(own), Some((first, _))) if own < first => Owner::Current,
            (Some(_), None) => Owner::Current,
            (_, Some((_, connection))) => {
                match &packet.transport {
                    Transport::Tcp(segment) => connection.learn(segment, None),
                    _ => connection.local_port = Some(source),
                }
                Owner::Other
            }
            (None, None) => Owner::Nobody,
        }
    }

    /// Takes out what the connection under test has sent by now and no line has taken.
    pub(super) fn take_unread(&mut self) -> Result<Vec<Observed>, Stop> {
        if self.connection.is_none() {
            return Ok(Vec::new());
        }
        let now = self.session.now();
        while let Some(observed) = self.session.next_packet(now)? {
            self.waiting.push_back(observed);
        }
        let mut unread = Vec::new();
        for observed in take(&mut self.waiting) {
            let own = wire::parse(&observed.bytes).is_ok_and(|parsed| {
                let has_ports = matches!(
                    parsed.packet.transport,
                    Transport::Tcp(_) | Transport::Udp(_)
                );
                has_ports && self.owner(&parsed.packet, observed.at) == Owner::Current
            });
            match own {
                true => unread.push(observed),
                false => self.waiting.push_back(observed),
            }
        }
        Ok(unread)
    }

    /// The script turns away from a connection at `until`; `unread` is what no line took.
    pub(super) fn turn_away(
        &mut self,
        connection: Option<Connection>,
        unread: Vec<Observed>,
        until: Time,
        span: Span,
    ) {
        let Some(connection) = connection else { return };
        for observed in unread {
            self.leave_over(observed, &connection, span);
        }
        self.past.push(Past {
            connection,
            until,
            span,
        });
    }

    /// Turns away from the connection under test, if there is one.
    pub(super) fn turn_away_from_current(&mut self, span: Span) -> Result<(), Stop> {
        let unread = self.take_unread()?;
        let now = self.session.now();
        let connection = self.connection.take();
        self.turn_away(connection, unread, now, span);
        Ok(())
    }

    /// A packet of a past connection came to light only now.
    pub(super) fn leave_over_late(&mut self, observed: Observed, place: usize) {
        let Past {
            connection, span, ..
        } = &self.past[place];
        let (connection, span) = (connection.clone(), *span);
        self.leave_over(observed, &connection, span);
    }

    /// An inbound packet while the socket listens opens a child: the one before is past. One with a
    /// name is on the ports that the line says, if it does.
    pub(super) fn turn_to_child(&mut self, pattern: &PacketPattern) -> Result<(), Stop> {
        if self.focus != Focus::Open {
            return Ok(());
        }
        self.turn_away_from_current(pattern.span)?;
        if let (Some(_), Some((source, destination))) = (&self.entered, ports_of(pattern)) {
            let local = match destination {
                0 => self.listen_port,
                port => port,
            };
            let remote = match source {
                0 => self.fresh_remote_port(),
                port => port,
            };
            self.connection = Some(Connection::new(Some(local), remote));
            self.focus = Focus::Connected;
        }
        Ok(())
    }

    /// A port for the harness to play that no connection had yet, as long as there is one.
    pub(super) fn fresh_remote_port(&mut self) -> u16 {
        /// Out of the range that stacks choose from.
        const AGAIN: u16 = 10_000;
        let port = self.next_remote_port;
        self.next_remote_port = port.checked_add(1).unwrap_or(AGAIN);
        port
    }

    /// Whether a call on this descriptor is about the socket that packetdrill has under test.
    pub(super) fn is_under_test(&self, fd: Fd) -> bool {
        self.subject == Some(fd)
    }

    /// How the peer that `accept` gave differs from the child under test.
    pub(super) fn peer_difference(
        &mut self,
        call: &Call,
        outcome: &Outcome,
    ) -> Result<Option<Difference>, Stop> {
        let Call::Accept { .. } = call else {
            return Ok(None);
        };
        let Some(connection) = &self.connection else {
            return Ok(None);
        };
        let passive = self.focus == Focus::Connected && self.connecting.is_none();
        let Ok(fd) = i32::try_from(outcome.result) else {
            return Ok(None);
        };
        if fd < 0 || !passive {
            return Ok(None);
        }
        let expected = std::net::SocketAddr::new(self.addresses.remote_ip, connection.remote_port);
        let Some(peer) = self.session.peer(Fd(fd))? else {
            return Ok(None);
        };
        let actual = std::net::SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let differs = actual != expected;
        Ok(differs.then(|| difference("peer", expected.to_string(), actual.to_string())))
    }

    /// The line's packet as the script writes it, in the numbers of `connection`.
    pub(super) fn written_by(&mut self, packet: &Packet, connection: &Connection) -> PacketPattern {
        let own = self.connection.replace(connection.clone());
        let pattern = self.as_written(packet, None);
        self.connection = own;
        pattern
    }
}

/// Whether a packet may be the first of a connection: a SYN alone.
fn begins(packet: &Packet) -> bool {
    match &packet.transport {
        Transport::Tcp(segment) => {
            segment.flags.contains(TcpFlags::SYN) && !segment.flags.contains(TcpFlags::ACK)
        }
        _ => true,
    }
}
