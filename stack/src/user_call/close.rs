//! CLOSE (RFC 9293 §3.9.1.4, §3.10.4), as a half close and as letting go.

use core::time::Duration;

use crate::config::UnreadOnClose;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::CallError;
use crate::event::{AbandonCause, Event};
use crate::host::{Host, Socket};
use crate::send::segments;
use crate::socket::SocketId;
use crate::state::{Closed, FinWait1, LastAck, Origin, State, StateName, SynReceived};
use crate::time::Instant;

impl Host {
    /// Closes our direction (the half close of RFC 9293 §3.6): what is queued goes out, then FIN.
    /// Receiving goes on. During the handshake the FIN follows once it is done.
    ///
    /// # Errors
    /// `NotConnected`, `Closing` (already closed), `Connection` (once; the error is taken).
    // REQ: RFC9293-SM-36
    pub fn shutdown_write(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        self.advance_to(now);
        let connection = self.user_connection_mut(id)?;
        let user = &mut connection.tcb.user;
        if let Some(error) = user.error.take() {
            return Err(CallError::Connection(error));
        }
        match connection.state {
            State::Closed(_) if !user.was_established => return Err(CallError::NotConnected),
            State::SynSent(_)
            | State::SynReceived(_)
            | State::Established(_)
            | State::CloseWait(_)
                if !user.write_closed => {}
            State::Closed(_)
            | State::SynSent(_)
            | State::SynReceived(_)
            | State::Established(_)
            | State::CloseWait(_)
            | State::FinWait1(_)
            | State::FinWait2(_)
            | State::Closing(_)
            | State::LastAck(_)
            | State::TimeWait(_) => return Err(CallError::Closing),
        }
        self.step(id, queue_fin);
        Ok(())
    }

    /// CLOSE (RFC 9293 §3.9.1.4, §3.10.4) and let go of the socket: the id is dead at once for all
    /// calls but [`status`](Self::status), the connection finishes by itself. Unread data turns the
    /// FIN into a RST, and so does data that arrives later (both by configuration).
    ///
    /// A listener takes its queues with it: half-open connections go without a word, finished ones
    /// nobody accepted are reset.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn close(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        self.advance_to(now);
        if let Some(Socket::Listener(_)) = self.sockets.get(&id) {
            self.close_listener(id);
            return Ok(());
        }
        self.user_connection_mut(id)?;
        self.step(id, close_connection);
        Ok(())
    }

    /// A listener ends, and what it held with it.
    pub(crate) fn close_listener(&mut self, id: SocketId) {
        let Some(Socket::Listener(listener)) = self.sockets.get(&id) else {
            return;
        };
        let half_open = listener.syn_queue().clone();
        let finished = listener.accept_queue().clone();
        self.demux.remove_listener(listener.port, id);
        for child in half_open {
            self.step(child, |child, cx| {
                child.abandon(AbandonCause::ListenerClosed, cx)
            });
        }
        for child in finished {
            self.step(child, super::abort::abort_connection);
        }
        self.sockets.remove(&id);
        self.event(Event::StateChanged {
            id,
            from: StateName::Listen,
            to: StateName::Closed,
        });
    }
}

/// Our direction ends behind what is queued (RFC 9293 §3.10.4).
// REQ: RFC9293-SM-31
// REQ: RFC9293-SM-35
// REQ: DOC-CL-01
fn queue_fin(connection: &mut Connection, cx: &mut Context<'_>) {
    let tcb = &mut connection.tcb;
    tcb.user.write_closed = true;
    tcb.snd.more_coming = false;
    match connection.state {
        // Queued until ESTABLISHED.
        State::SynSent(_) => {
            tcb.snd.fin_queued = true;
            if tcb.fast_open.deferred {
                super::fast_open::start(connection, &[], cx);
            }
        }
        State::SynReceived(SynReceived { origin }) => {
            tcb.snd.fin_queued = true;
            if tcb.snd.buffer.is_empty() || origin == Origin::FastOpen {
                connection.transition(State::FinWait1(FinWait1), cx);
            }
        }
        // The state changes now, however long the FIN has to wait behind data and a closed window.
        State::Established(_) => {
            tcb.snd.fin_queued = true;
            if mutant!(tcb.config, G12, true, tcb.snd.wnd.bytes() > 0) {
                connection.transition(State::FinWait1(FinWait1), cx);
            }
        }
        State::CloseWait(_) => {
            tcb.snd.fin_queued = true;
            connection.transition(State::LastAck(LastAck), cx);
        }
        State::Closed(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::Closing(_)
        | State::LastAck(_)
        | State::TimeWait(_) => {}
    }
}

fn close_connection(connection: &mut Connection, cx: &mut Context<'_>) {
    let tcb = &mut connection.tcb;
    tcb.user.detached = true;
    let unread = tcb.rcv.buffer.readable() > 0;
    tcb.rcv.buffer.clear();
    // REQ: RFC9293-SHLD-3
    let lost_data = unread && tcb.config.close_with_unread_data == UnreadOnClose::Reset;
    let lost_data = mutant!(tcb.config, G01, lost_data, false);
    let no_linger = tcb.options.linger == Some(Duration::ZERO);
    match connection.state {
        State::SynSent(_) => connection.transition(State::Closed(Closed), cx),
        State::Established(_)
        | State::SynReceived(SynReceived {
            origin: Origin::FastOpen,
        })
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::CloseWait(_)
            if lost_data || no_linger =>
        {
            segments::send_reset(tcb, cx);
            connection.transition(State::Closed(Closed), cx);
        }
        State::SynReceived(_) if no_linger => {
            segments::send_reset(tcb, cx);
            connection.transition(State::Closed(Closed), cx);
        }
        State::SynReceived(_) | State::Established(_) | State::CloseWait(_)
            if !tcb.user.write_closed =>
        {
            queue_fin(connection, cx);
        }
        State::FinWait2(_) => connection.limit_fin_wait_2(cx),
        State::TimeWait(_) if mutant!(tcb.config, G07, false, true) => {
            connection.transition(State::Closed(Closed), cx);
        }
        State::Closed(_)
        | State::SynReceived(_)
        | State::Established(_)
        | State::CloseWait(_)
        | State::FinWait1(_)
        | State::Closing(_)
        | State::LastAck(_)
        | State::TimeWait(_) => {}
    }
}
