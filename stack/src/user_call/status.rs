//! STATUS (RFC 9293 §3.9.1.6, §3.10.6), readiness, errors and options.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::open::check_options;
use super::receive;
use crate::config::Config;
use crate::connection::Connection;
use crate::counters::Counters;
use crate::error::{CallError, ConnectionError};
use crate::host::{Host, Socket};
use crate::listener::Listener;
use crate::path;
use crate::send::flight::{Mark, Sent};
use crate::send::{keepalive, pacing, room};
use crate::seq::SeqNum;
use crate::socket::{EcnStatus, Readiness, SocketId, SocketOptions, Status};
use crate::state::{State, StateName};
use crate::tcb::Tcb;
use crate::timers::Timer;
use crate::user_timeout;

impl Host {
    /// STATUS (RFC 9293 §3.9.1.6). Also answers for a connection whose user has let go, as long as
    /// there is one.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn status(&self, id: SocketId) -> Result<Status, CallError> {
        match self.sockets.get(&id) {
            Some(Socket::Listener(listener)) => Ok(listener_status(listener)),
            Some(Socket::Connection(connection)) => Ok(connection_status(connection)),
            None => Err(CallError::NoSuchSocket),
        }
    }

    /// What calls on this socket would find. A dead id is all `false` but for `closed`.
    pub fn readiness(&self, id: SocketId) -> Readiness {
        match self.sockets.get(&id) {
            Some(Socket::Listener(listener)) => Readiness {
                accept_ready: !listener.accept_queue().is_empty(),
                ..Readiness::default()
            },
            Some(Socket::Connection(connection)) if self.user_connection(id).is_ok() => {
                connection_readiness(connection)
            }
            Some(Socket::Connection(_)) | None => Readiness {
                closed: true,
                ..Readiness::default()
            },
        }
    }

    /// Takes the error that ended the connection, once.
    pub fn take_error(&mut self, id: SocketId) -> Option<ConnectionError> {
        self.user_connection_mut(id).ok()?.tcb.user.error.take()
    }

    /// The last soft error, which ended nothing; `status` no longer shows it then.
    // REQ: RFC9293-SHLD-25
    pub fn take_soft_error(&mut self, id: SocketId) -> Option<ConnectionError> {
        self.user_connection_mut(id)
            .ok()?
            .tcb
            .user
            .soft_error
            .take()
    }

    /// Changes a socket's options. Buffers may grow and shrink, the MSS holds from the next
    /// handshake on. A keep-alive that is switched on counts from the latest time the host was
    /// told: call [`timeout`](Self::timeout) first if that is long ago.
    ///
    /// # Errors
    /// `NoSuchSocket`, `InvalidArgument` (a TTL, buffer, MSS or probe count of 0).
    // REQ: RFC9293-SHLD-21
    pub fn set_options(&mut self, id: SocketId, options: SocketOptions) -> Result<(), CallError> {
        check_options(&options)?;
        let options = self.share_options(options);
        if let Some(listener) = self.listener_mut(id) {
            listener.options = options;
            return Ok(());
        }
        self.user_connection_mut(id)?;
        self.step(id, |Connection { state, tcb, .. }, cx| {
            let config = Arc::clone(&tcb.config);
            let new_give_up = tcb.options.syn_give_up != options.syn_give_up;
            let restart = tcb.options.keepalive != options.keepalive
                || tcb.options.keepalive_idle != options.keepalive_idle;
            // Who turns Nagle's algorithm off, or takes the cork out, wants to see things leave.
            tcb.snd.push_once |= options.nodelay && (!tcb.options.nodelay || tcb.options.cork);
            let before = (user_timeout::announced(tcb), tcb.user_timeout());
            tcb.options = options;
            user_timeout::on_changed(tcb, before.0, before.1, cx.now);
            let key = tcb.options.md5_keys.key_for(tcb.remote.ip());
            tcb.md5 = key.copied().map(Box::new);
            path::resize(tcb);
            resize_buffers(tcb, &config);
            pacing::follow_options(tcb);
            if new_give_up && tcb.timers.is_armed(Timer::HandshakeGiveUp) {
                let end = tcb.opened_at + tcb.syn_give_up();
                tcb.timers.arm(Timer::HandshakeGiveUp, end.max(cx.now));
            }
            if restart && !matches!(state, State::Closed(_)) {
                keepalive::restart(tcb, cx.now);
            }
        });
        Ok(())
    }

    /// A socket's options.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn options(&self, id: SocketId) -> Result<SocketOptions, CallError> {
        match self.sockets.get(&id) {
            Some(Socket::Listener(listener)) => Ok(SocketOptions::clone(&listener.options)),
            Some(Socket::Connection(_)) => {
                Ok(SocketOptions::clone(&self.user_connection(id)?.tcb.options))
            }
            None => Err(CallError::NoSuchSocket),
        }
    }

    /// Changes how many finished connections may wait for `accept`, as a second `listen` does.
    ///
    /// # Errors
    /// `InvalidState` (not a listener), `NoSuchSocket`.
    pub fn set_backlog(&mut self, id: SocketId, backlog: usize) -> Result<(), CallError> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Listener(listener)) => {
                listener.set_backlog(backlog);
                Ok(())
            }
            Some(Socket::Connection(_)) => Err(CallError::InvalidState),
            None => Err(CallError::NoSuchSocket),
        }
    }

    /// A connection the user still holds.
    pub(crate) fn user_connection(&self, id: SocketId) -> Result<&Connection, CallError> {
        let connection = self.connection(id)?;
        if connection.tcb.user.detached || connection.tcb.user.unaccepted {
            return Err(CallError::NoSuchSocket);
        }
        Ok(connection)
    }

    /// As [`user_connection`](Self::user_connection).
    pub(crate) fn user_connection_mut(
        &mut self,
        id: SocketId,
    ) -> Result<&mut Connection, CallError> {
        let connection = self.connection_mut(id)?;
        if connection.tcb.user.detached || connection.tcb.user.unaccepted {
            return Err(CallError::NoSuchSocket);
        }
        Ok(connection)
    }

    /// A call may have made something due.
    pub(crate) fn touch(&mut self, id: SocketId) {
        self.step(id, |_, _| ());
    }
}

/// A size that the user sets is final; one that grew by itself stays.
fn resize_buffers(tcb: &mut Tcb, config: &Config) {
    let Tcb { options, snd, .. } = tcb;
    match (snd.room.limit(), options.send_buffer) {
        (Some(_), Some(size)) => snd.room.set_limit(size),
        (None, Some(size)) => {
            snd.buffer_grows = false;
            snd.buffer.set_capacity(size);
        }
        (None, None) if !snd.buffer_grows => snd.buffer.set_capacity(config.send_buffer),
        // What it has grown to stays.
        (Some(_) | None, None) => {}
    }
    let scale = tcb.negotiated.rcv_scale;
    match tcb.options.recv_buffer {
        Some(size) => {
            tcb.rcv.tuner = None;
            tcb.rcv.make_room(size, scale);
        }
        None if tcb.rcv.tuner.is_none() => tcb.rcv.make_room(config.recv_buffer, scale),
        None => {}
    }
}

fn listener_status(listener: &Listener) -> Status {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let zero = SeqNum::new(0);
    Status {
        state: StateName::Listen,
        local: SocketAddr::new(listener.address.unwrap_or(any), listener.port),
        remote: None,
        iss: zero,
        snd_una: zero,
        snd_nxt: zero,
        snd_wnd: 0,
        irs: zero,
        rcv_nxt: zero,
        fin_received: false,
        rcv_wnd: 0,
        srtt: None,
        rttvar: None,
        rto: listener.config.initial_rto,
        user_timeout: listener.options.user_timeout.unwrap_or(listener.config.r2),
        backoff: 0,
        timeouts: 0,
        cwnd: 0,
        ssthresh: 0,
        duplicate_acks: 0,
        in_recovery: false,
        probes: 0,
        snd_mss: 0,
        rcv_mss: 0,
        snd_wscale: None,
        rcv_wscale: None,
        timestamps: false,
        sack: false,
        ecn: EcnStatus::default(),
        send_queued: 0,
        send_limit: listener
            .options
            .send_buffer
            .unwrap_or(listener.config.send_buffer),
        send_unsent: 0,
        recv_queued: 0,
        urgent_ahead: None,
        pacing_rate: None,
        retransmitted: 0,
        in_flight: 0,
        sacked: 0,
        lost: 0,
        reordering_seen: 0,
        reordering_distance: 0,
        min_rtt: None,
        counters: Counters::default(),
        retransmitted_in_flight: 0,
        delivered: 0,
        syn_data_taken: false,
        accept_queued: listener.accept_queue().len(),
        syn_queued: listener.syn_queue().len(),
        error: None,
        soft_error: None,
    }
}

fn connection_status(connection: &Connection) -> Status {
    let Connection { state, tcb, .. } = connection;
    let scaling = tcb.negotiated.scaling;
    let snd_mss = tcb.effective_mss(tcb.fixed_options_len());
    let snd_mss = u16::try_from(snd_mss).unwrap_or(u16::MAX);
    let reordering = tcb.snd.recovery.reordering();
    Status {
        state: state.name(),
        local: tcb.local.into(),
        remote: Some(tcb.remote.into()),
        iss: tcb.snd.iss,
        snd_una: tcb.snd.una,
        snd_nxt: tcb.snd.nxt,
        snd_wnd: tcb.snd.wnd.bytes(),
        irs: tcb.rcv.irs,
        rcv_nxt: tcb.rcv.nxt,
        fin_received: tcb.rcv.fin_received,
        rcv_wnd: tcb.rcv.wnd(),
        srtt: tcb.snd.rtt.srtt(),
        rttvar: tcb.snd.rtt.rttvar(),
        rto: tcb.snd.rtt.rto(),
        user_timeout: tcb.user_timeout(),
        backoff: tcb.snd.rtt.backoff(),
        timeouts: tcb.snd.retries,
        cwnd: tcb.snd.congestion.cwnd(),
        ssthresh: tcb.snd.congestion.ssthresh(),
        duplicate_acks: tcb.snd.recovery.duplicate_acks(),
        in_recovery: tcb.snd.recovery.in_recovery(),
        probes: tcb.snd.probes.max(tcb.keepalive_probes_sent),
        snd_mss,
        rcv_mss: tcb.rcv.mss.raw(),
        snd_wscale: scaling.then(|| tcb.negotiated.snd_scale.shift()),
        rcv_wscale: scaling.then(|| tcb.negotiated.rcv_scale.shift()),
        timestamps: tcb.negotiated.timestamps.is_some(),
        sack: tcb.negotiated.sack,
        ecn: tcb.ecn.status(),
        send_queued: tcb.snd.buffer.len(),
        send_limit: (tcb.snd.room.limit()).unwrap_or_else(|| tcb.snd.buffer.capacity()),
        send_unsent: room::unsent(tcb) as usize,
        recv_queued: tcb.rcv.buffer.readable(),
        urgent_ahead: urgent_ahead(tcb),
        pacing_rate: tcb.snd.pacer.as_ref().and_then(|_| pacing::rate(tcb)),
        retransmitted: tcb.counters.retransmitted(),
        in_flight: tcb.snd.flight.iter().count(),
        sacked: segments_marked(tcb, |sent| sent.mark == Mark::Sacked),
        lost: lost(tcb),
        reordering_seen: reordering.times,
        reordering_distance: reordering.distance,
        min_rtt: tcb.snd.recovery.min_rtt(),
        counters: tcb.counters.counters(),
        retransmitted_in_flight: tcb.snd.flight.repeated(),
        delivered: tcb.counters.delivered(),
        syn_data_taken: tcb.fast_open.data_taken,
        accept_queued: 0,
        syn_queued: 0,
        error: tcb.user.error,
        soft_error: tcb.user.soft_error,
    }
}

fn segments_marked(tcb: &Tcb, wanted: impl Fn(&Sent) -> bool) -> usize {
    tcb.snd.flight.iter().filter(|sent| wanted(sent)).count()
}

/// What was sent again while losses are repaired was lost, and nobody knows yet whether it still is.
fn lost(tcb: &Tcb) -> usize {
    let repairs = tcb.snd.recovery.in_recovery() || tcb.snd.retries > 0;
    segments_marked(tcb, |sent| match sent.mark {
        Mark::Lost => true,
        Mark::Out => repairs && sent.was_repeated(),
        Mark::Sacked => false,
    })
}

/// Bytes between the reader and the end of urgent data.
// REQ: RFC9293-MUST-33
fn urgent_ahead(tcb: &Tcb) -> Option<u32> {
    let position = tcb.rcv.read_position();
    tcb.rcv
        .up
        .filter(|up| up.after(position))
        .map(|up| position.span_to(up))
}

fn connection_readiness(connection: &Connection) -> Readiness {
    let Connection { state, tcb, .. } = connection;
    let user = &tcb.user;
    let closed = matches!(state, State::Closed(_));
    let handshake = matches!(state.name(), StateName::SynSent | StateName::SynReceived);
    let error = user.error.is_some();
    // An open that waits for the first SEND, or a connection handed out early, takes data.
    let waits = handshake && !tcb.fast_open.deferred && !tcb.fast_open.early;
    Readiness {
        readable: error || closed || receive::available(tcb) > 0 || tcb.rcv.fin_received,
        writable: error || closed || user.write_closed || (!waits && room::is_writable(tcb)),
        accept_ready: false,
        peer_closed: tcb.rcv.fin_received,
        closed: closed || (user.write_closed && tcb.rcv.fin_received),
        error,
        urgent: (urgent_ahead(tcb).is_some() && !tcb.rcv.urgent_taken)
            || tcb.rcv.urgent_byte.is_some(),
        connected: user.was_established,
    }
}
