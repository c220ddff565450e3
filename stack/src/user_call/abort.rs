//! ABORT (RFC 9293 §3.9.1.5, §3.10.5).

use crate::connection::Connection;
use crate::context::Context;
use crate::error::CallError;
use crate::host::{Host, Socket};
use crate::send::segments;
use crate::socket::SocketId;
use crate::state::{Closed, State};
use crate::time::Instant;

impl Host {
    /// ABORT (RFC 9293 §3.9.1.5, §3.10.5): RST if the peer knows of us, everything queued is gone,
    /// the id is dead. For a listener the same as [`close`](Self::close).
    ///
    /// # Errors
    /// `NoSuchSocket`.
    // REQ: RFC6429-2
    pub fn abort(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        self.advance_to(now);
        if let Some(Socket::Listener(_)) = self.sockets.get(&id) {
            self.close_listener(id);
            return Ok(());
        }
        self.user_connection_mut(id)?;
        self.step(id, abort_connection);
        Ok(())
    }
}

pub(super) fn abort_connection(connection: &mut Connection, cx: &mut Context<'_>) {
    let tcb = &mut connection.tcb;
    tcb.user.detached = true;
    tcb.snd.buffer.clear();
    tcb.rcv.buffer.clear();
    match connection.state {
        State::Closed(_) => return,
        // The peer has nothing that a reset could clear.
        State::SynSent(_) => {}
        State::SynReceived(_)
        | State::Established(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::CloseWait(_) => segments::send_reset(tcb, cx),
        // Both directions are over.
        State::Closing(_) | State::LastAck(_) | State::TimeWait(_) => {}
    }
    connection.transition(State::Closed(Closed), cx);
}
