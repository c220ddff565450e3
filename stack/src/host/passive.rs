//! Passive opens: from a SYN at a listener to a connection, with or without a cookie between.

use alloc::sync::Arc;

use super::fast_open::Opening;
use super::{Host, Socket};
use crate::config::SynData;
use crate::connection::Connection;
use crate::cookie::answer::Rules;
use crate::cookie::options::CookieOptions;
use crate::ecn::negotiation;
use crate::event::{Discard, Event};
use crate::input::handshake;
use crate::listener::Admission;
use crate::md5;
use crate::segment::{Flags, Segment, SegmentRef};
use crate::send::retransmit;
use crate::seq::SeqNum;
use crate::socket::SocketId;
use crate::state::listen::{self, ListenDisposition};
use crate::state::{Origin, State, SynReceived};
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::window::Mss;
use crate::wire::options::TcpOptions;

impl Host {
    /// SEGMENT ARRIVES in LISTEN (RFC 9293 §3.10.7.2). `old_nxt` is SND.NXT of an incarnation in
    /// TIME-WAIT that gave way.
    pub(crate) fn on_listener_segment(
        &mut self,
        id: SocketId,
        segment: &SegmentRef<'_>,
        old_nxt: Option<SeqNum>,
    ) {
        #[cfg(feature = "mutants")]
        let segment = &crate::mutants::wrong::handshake::at_listener(&self.config, segment);
        if self.drop_unsigned(id, segment) || self.try_cookie(id, segment) {
            return;
        }
        match listen::on_segment(segment, self.config.syn_with_fin) {
            ListenDisposition::Discard(reason) => {
                self.event(Event::SegmentDropped { id, reason });
            }
            ListenDisposition::Reset => {
                if mutant!(self.config, B05, true, false) {
                    self.refuse(segment);
                }
            }
            ListenDisposition::Open => self.on_listener_syn(id, segment, old_nxt),
        }
    }

    /// Throws a segment away whose signature is not as the listener's keys want it.
    // REQ: RFC2385-1
    // REQ: RFC2385-5
    fn drop_unsigned(&mut self, id: SocketId, segment: &SegmentRef<'_>) -> bool {
        let Some(listener) = self.listener_mut(id) else {
            return false;
        };
        let key = listener.options.md5_keys.key_for(segment.src.ip());
        let verdict = md5::check(key, segment, &listener.config.md5);
        if let Err(reason) = verdict {
            self.event(Event::SegmentDropped { id, reason });
        }
        verdict.is_err()
    }

    fn on_listener_syn(&mut self, id: SocketId, segment: &SegmentRef<'_>, old_nxt: Option<SeqNum>) {
        let remote = segment.src;
        match self.listener_mut(id).map(|listener| listener.admit()) {
            Some(Admission::Queue) => self.open_half(id, segment, old_nxt),
            Some(Admission::Cookie) => self.send_cookie(id, segment),
            Some(Admission::Refuse) => {
                self.event(Event::ListenOverflow {
                    listener: id,
                    remote,
                });
                self.event(Event::SegmentDropped {
                    id,
                    reason: Discard::QueueFull,
                });
            }
            None => {}
        }
    }

    /// A connection in SYN-RECEIVED, and its SYN-ACK.
    // REQ: RFC9293-SM-10
    // REQ: RFC9293-MUST-41
    fn open_half(&mut self, listener_id: SocketId, syn: &SegmentRef<'_>, old_nxt: Option<SeqNum>) {
        let opening = self.opening(listener_id, syn);
        let Some(mut connection) = self.child(listener_id, syn) else {
            return;
        };
        let tcb = &mut connection.tcb;
        if let Some(old_nxt) = old_nxt {
            let rule = tcb.config.time_wait_iss;
            tcb.snd
                .restart_at(handshake::iss_after(tcb.snd.iss, old_nxt, rule));
        }
        handshake::take_syn(tcb, syn, self.now);
        match (opening, tcb.config.syn_data) {
            (Opening::Early(renewal), _) => {
                if let Some(renewal) = renewal {
                    tcb.fast_open.set_option(renewal);
                }
                return self.open_early(listener_id, connection, syn);
            }
            (Opening::Cookie(cookie), _) => tcb.fast_open.set_option(cookie),
            (Opening::Ordinary, SynData::Drop) => {
                if mutant!(tcb.config, B04, false, !syn.payload.is_empty()) {
                    handshake::queue_text(tcb, syn);
                }
            }
            (Opening::Ordinary, SynData::Queue) => handshake::queue_text(tcb, syn),
        }
        let id = tcb.id;
        self.insert_connection(connection);
        if let Some(listener) = self.listener_mut(listener_id) {
            listener.add_half_open(id);
        }
        self.answer_syn(
            id,
            Origin::Passive {
                listener: listener_id,
            },
        );
    }

    /// The SYN is trusted: its text is taken, and the user may have the connection before the
    /// handshake ends.
    // REQ: RFC7413-9
    // REQ: RFC7413-13
    fn open_early(
        &mut self,
        listener_id: SocketId,
        mut connection: Connection,
        syn: &SegmentRef<'_>,
    ) {
        let tcb = &mut connection.tcb;
        handshake::queue_text(tcb, syn);
        handshake::start_sending(tcb, 0, tcb.opened_at);
        tcb.fast_open.early = true;
        tcb.fast_open.data_taken = tcb.rcv.buffer.readable() > 0;
        tcb.fast_open.set_pending(listener_id);
        let (id, len) = (tcb.id, tcb.rcv.buffer.readable() as u32);
        self.insert_connection(connection);
        if let Some(listener) = self.listener_mut(listener_id) {
            listener.add_early(id);
        }
        self.answer_syn(id, Origin::FastOpen);
        self.event(Event::FastOpenAccepted {
            listener: listener_id,
            id,
            len,
        });
        self.event(Event::AcceptReady {
            listener: listener_id,
            id,
        });
    }

    fn answer_syn(&mut self, id: SocketId, origin: Origin) {
        self.step(id, |connection, cx| {
            connection.transition(State::SynReceived(SynReceived { origin }), cx);
            retransmit::start_syn_ack(&mut connection.tcb, origin, cx);
        });
    }

    /// A connection in CLOSED with everything it inherits from its listener.
    fn child(&mut self, listener_id: SocketId, segment: &SegmentRef<'_>) -> Option<Connection> {
        let Some(Socket::Listener(listener)) = self.sockets.get(&listener_id) else {
            return None;
        };
        let (config, options) = (Arc::clone(&listener.config), Arc::clone(&listener.options));
        let id = self.sockets.new_id();
        let mut tcb = self.new_tcb(id, (segment.dst, segment.src), config, options);
        tcb.user.unaccepted = true;
        Some(Connection::new(tcb))
    }

    /// Answers a SYN with a cookie: all that is remembered is that cookies are about.
    // REQ: RFC4987-1
    // REQ: RFC4987-4
    // REQ: RFC4987-5
    // REQ: DOC-SYNFLOOD-06
    fn send_cookie(&mut self, id: SocketId, syn: &SegmentRef<'_>) {
        let now = self.now;
        let Some(listener) = self.listener_mut(id) else {
            return;
        };
        listener.note_cookie(now);
        let (config, options) = (Arc::clone(&listener.config), Arc::clone(&listener.options));
        let cookie = self
            .cookies
            .encode(now, syn.dst, syn.src, syn.seq, syn.options.mss);
        let rules = Rules {
            config: &config,
            options: &options,
        };
        let offset = || self.timestamp_offset(syn.dst, syn.src);
        let segment = rules.syn_ack(syn, cookie, offset, now);
        self.transmit(&segment);
        self.event(Event::SynCookieSent {
            listener: id,
            remote: syn.src,
        });
    }

    /// Takes an ACK that brings back a cookie; false if it is none of ours.
    // REQ: DOC-SYNFLOOD-07
    // REQ: DOC-SYNFLOOD-08
    // REQ: DOC-SYNFLOOD-09
    fn try_cookie(&mut self, id: SocketId, segment: &SegmentRef<'_>) -> bool {
        let now = self.now;
        let flags = &segment.flags;
        let Some(ack) = segment.ack.filter(|_| !flags.rst && !flags.syn) else {
            return false;
        };
        if !self
            .listener_mut(id)
            .is_some_and(|listener| listener.expects_cookies(now))
        {
            return false;
        }
        let (cookie, client_isn) = (ack - 1, segment.seq - 1);
        let Some(mss) = self
            .cookies
            .verify(now, segment.dst, segment.src, client_isn, cookie)
        else {
            self.event(Event::SynCookieRejected {
                listener: id,
                remote: segment.src,
            });
            return false;
        };
        if !self
            .listener_mut(id)
            .is_some_and(|listener| listener.has_accept_room())
        {
            self.event(Event::ListenOverflow {
                listener: id,
                remote: segment.src,
            });
            return true;
        }
        let Some(mut connection) = self.child(id, segment) else {
            return true;
        };
        let tcb = &mut connection.tcb;
        let syn = remembered_syn(tcb, segment, mss, now);
        tcb.snd.restart_at(cookie);
        handshake::take_syn(tcb, &syn, now);
        negotiation::from_cookie(tcb, segment);
        tcb.snd.nxt = cookie + 1;
        tcb.snd.max = tcb.snd.nxt;
        let child = tcb.id;
        self.insert_connection(connection);
        if let Some(listener) = self.listener_mut(id) {
            listener.add_half_open(child);
        }
        self.event(Event::SynCookieAccepted {
            listener: id,
            id: child,
        });
        let origin = Origin::Passive { listener: id };
        // Two steps: the second must find the connection half open to see it leave the handshake.
        self.step(child, |connection, cx| {
            connection.transition(State::SynReceived(SynReceived { origin }), cx);
        });
        self.step(child, |connection, cx| connection.on_segment(segment, cx));
        true
    }
}

/// What the SYN was, as far as the cookie and the echo in `segment` tell. An echo that is not of a
/// cookie's time comes from a peer with which no timestamps were agreed on.
// REQ: RFC4987-4
// REQ: RFC7323-15
fn remembered_syn<'a>(
    tcb: &Tcb,
    segment: &SegmentRef<'a>,
    mss: Mss,
    now: Instant,
) -> SegmentRef<'a> {
    let mut syn: SegmentRef<'a> = Segment {
        seq: segment.seq - 1,
        ack: None,
        flags: Flags::SYN,
        options: TcpOptions {
            mss: Some(mss),
            ..TcpOptions::NONE
        },
        payload: &[],
        ..*segment
    };
    let offset = tcb.negotiated.timestamp_offset;
    let clock = tcb.negotiated.timestamp_clock(now).wrapping_sub(offset);
    let rules = Rules {
        config: &tcb.config,
        options: &tcb.options,
    };
    let keeps_options = rules.keep_options(tcb.md5.is_some());
    let echoed = segment.options.timestamps.filter(|_| keeps_options);
    let Some((timestamps, kept)) = echoed.and_then(|timestamps| {
        let value = timestamps.echo.wrapping_sub(offset);
        Some((timestamps, CookieOptions::read(value, clock)?))
    }) else {
        return syn;
    };
    syn.options.timestamps = Some(timestamps);
    syn.options.window_scale = kept.window_scale;
    syn.options.sack_permitted = kept.sack;
    syn.flags.ece = kept.ecn;
    syn.flags.cwr = kept.ecn;
    syn
}
