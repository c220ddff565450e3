//! A datagram arrives: to a connection, to a listener, or to nobody.

use core::cmp::Reverse;

use super::{Host, Socket};
use crate::connection::Aftermath;
use crate::event::Event;
use crate::icmp;
use crate::input::prediction;
use crate::md5::{self, Md5Key};
use crate::segment::{self, Incoming, SegmentRef};
use crate::seq::SeqNum;
use crate::state::{State, closed};
use crate::time::Instant;
use crate::wire::icmp::IcmpError;
use crate::wire::usual;

impl Host {
    /// One IP datagram arrives. Malformed or foreign ones are dropped, with an event that says why.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.advance_to(now);
        if !self.receive_predicted(datagram) {
            self.receive_any(datagram);
        }
    }

    /// Takes the datagram if it is what the connection that heard last expects next; false, and nothing
    /// has changed, if it is not. A connection in ESTABLISHED has heard of its peer before, so that nothing
    /// is wrong with their addresses.
    pub(crate) fn receive_predicted(&mut self, datagram: &[u8]) -> bool {
        let Some(((local, remote), id)) = self.demux.latest() else {
            return false;
        };
        let Some(arrived) = usual::read(datagram, remote, local) else {
            return false;
        };
        let Some(Socket::Connection(connection)) = self.sockets.get_mut(id) else {
            return false;
        };
        let State::Established(_) = connection.state else {
            return false;
        };
        if !prediction::process(&mut connection.tcb, &arrived, self.now) {
            return false;
        }
        // No timer was touched, so no deadline has moved.
        if !connection.tcb.dirty {
            connection.tcb.dirty = true;
            self.dirty.push(Reverse(*id));
        }
        true
    }

    /// Any datagram.
    pub(crate) fn receive_any(&mut self, datagram: &[u8]) {
        let read = segment::parse_ref(datagram);
        #[cfg(feature = "mutants")]
        let read = crate::mutants::wrong::header::read(&self.config, datagram, read);
        match read {
            // REQ: RFC9293-MUST-57
            // REQ: RFC9293-MUST-63
            Err(reason) => self.event(Event::DatagramDropped { reason }),
            Ok(Incoming::Icmp(error)) => self.on_icmp(&error),
            Ok(Incoming::Segment(segment)) if self.addresses.contains(&segment.dst.ip()) => {
                self.on_segment(&segment);
            }
            Ok(Incoming::Segment(segment)) => {
                self.event(Event::NotForThisHost {
                    destination: segment.dst,
                });
            }
        }
    }

    /// SEGMENT ARRIVES (RFC 9293 §3.10.7).
    // REQ: DOC-HDR-13
    fn on_segment(&mut self, segment: &SegmentRef<'_>) {
        let (local, remote) = (segment.dst, segment.src);
        let sockets = &self.sockets;
        let connection = self
            .demux
            .arriving_for((local, remote), |place| sockets.ends_at(place));
        let found = connection.and_then(|id| Some((id, &self.connection(id).ok()?.tcb)));
        // One whose SYN waits for data does not exist for anybody else.
        if let Some((id, tcb)) = found.filter(|(_, tcb)| !tcb.fast_open.deferred) {
            // REQ: RFC2385-1
            if let Err(reason) = md5::check(tcb.md5.as_deref(), segment, &tcb.config.md5) {
                self.event(Event::SegmentDropped { id, reason });
                return;
            }
            let old_nxt = Some(tcb.snd.nxt);
            let aftermath = self.step(id, |connection, cx| connection.on_segment(segment, cx));
            if aftermath == Aftermath::Reincarnate {
                self.on_stray_segment(segment, old_nxt);
            }
            return;
        }
        self.on_stray_segment(segment, None);
    }

    /// No connection claims the segment.
    fn on_stray_segment(&mut self, segment: &SegmentRef<'_>, old_nxt: Option<SeqNum>) {
        let listener = self
            .demux
            .listener(segment.dst)
            .and_then(|id| self.sockets.get(&id));
        match listener {
            Some(Socket::Listener(listener)) => {
                let id = listener.id;
                self.on_listener_segment(id, segment, old_nxt);
            }
            Some(Socket::Connection(_)) | None => self.refuse(segment),
        }
    }

    /// CLOSED (RFC 9293 §3.10.7.1).
    pub(crate) fn refuse(&mut self, segment: &SegmentRef<'_>) {
        if let Some(mut reset) = closed::answer(segment, &self.config) {
            // REQ: RFC2385-1
            if let Some(key) = self.listeners_key(segment) {
                key.sign_around(&mut reset, [&[], &[]]);
            }
            self.transmit(&reset);
            self.event(Event::ResetSent {
                local: reset.src,
                remote: reset.dst,
                id: None,
            });
        }
    }

    /// The key for the sender of a segment at the listener it was meant for.
    fn listeners_key(&self, segment: &SegmentRef<'_>) -> Option<Md5Key> {
        let listener = self.demux.listener(segment.dst)?;
        match self.sockets.get(&listener)? {
            Socket::Listener(listener) => {
                let keys = &listener.options.md5_keys;
                keys.key_for(segment.src.ip()).copied()
            }
            Socket::Connection(_) => None,
        }
    }

    fn on_icmp(&mut self, error: &IcmpError) {
        match self.connection_between((error.local, error.remote)) {
            Some(id) => self.step(id, |connection, cx| icmp::on_error(connection, error, cx)),
            None => self.event(Event::IcmpIgnored { id: None }),
        }
    }
}
