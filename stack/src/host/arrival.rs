//! A datagram arrives: to a connection, to a listener, or to nobody.

use super::{Host, Socket};
use crate::connection::Aftermath;
use crate::event::{Discard, Event};
use crate::icmp;
use crate::md5::{self, Md5Key};
use crate::segment::{self, Incoming, Segment};
use crate::seq::SeqNum;
use crate::socket::SocketId;
use crate::state::closed;
use crate::time::Instant;
use crate::wire::icmp::IcmpError;

/// A connection, its SND.NXT, and what its key says of a segment.
type Claim = (SocketId, SeqNum, Result<(), Discard>);

impl Host {
    /// One IP datagram arrives. Malformed or foreign ones are dropped, with an event that says why.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.advance_to(now);
        match segment::parse(datagram) {
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
    fn on_segment(&mut self, segment: &Segment) {
        let (local, remote) = (segment.dst, segment.src);
        let connection = self.demux.connection((local, remote));
        // One whose SYN waits for data does not exist for anybody else.
        if let Some((id, old_nxt, verdict)) = connection.and_then(|id| self.claim(id, segment)) {
            if let Err(reason) = verdict {
                self.event(Event::SegmentDropped { id, reason });
                return;
            }
            let aftermath = self.step(id, |connection, cx| connection.on_segment(segment, cx));
            if aftermath == Aftermath::Reincarnate {
                self.on_stray_segment(segment, Some(old_nxt));
            }
            return;
        }
        self.on_stray_segment(segment, None);
    }

    /// The connection a segment is for, with its SND.NXT, and whether it is signed as it should be.
    // REQ: RFC2385-1
    fn claim(&self, id: SocketId, segment: &Segment) -> Option<Claim> {
        let tcb = &self.connection(id).ok()?.tcb;
        if tcb.fast_open.deferred {
            return None;
        }
        let verdict = md5::check(tcb.md5.as_deref(), segment, &tcb.config.md5);
        Some((id, tcb.snd.nxt, verdict))
    }

    /// No connection claims the segment.
    fn on_stray_segment(&mut self, segment: &Segment, old_nxt: Option<SeqNum>) {
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
    pub(crate) fn refuse(&mut self, segment: &Segment) {
        if let Some(mut reset) = closed::answer(segment, &self.config) {
            // REQ: RFC2385-1
            if let Some(key) = self.listeners_key(segment) {
                key.sign(&mut reset);
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
    fn listeners_key(&self, segment: &Segment) -> Option<Md5Key> {
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
        match self.demux.connection((error.local, error.remote)) {
            Some(id) => self.step(id, |connection, cx| icmp::on_error(connection, error, cx)),
            None => self.event(Event::IcmpIgnored { id: None }),
        }
    }
}
