//! SEND (RFC 9293 §3.9.1.2, §3.10.2).

use crate::config::Segmentation;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::CallError;
use crate::host::Host;
use crate::send::{bursts, room};
use crate::socket::{SendFlags, SocketId};
use crate::state::State;
use crate::time::Instant;

impl Host {
    /// SEND (RFC 9293 §3.9.1.2, §3.10.2). Takes what the send buffer has room for and answers how
    /// many bytes that was. In SYN-SENT and SYN-RECEIVED the bytes are queued until ESTABLISHED, but
    /// for a connection that a listener handed out early (RFC 7413). The first call on a socket of
    /// [`open_on_first_send`](Self::open_on_first_send) takes what goes along with the SYN.
    ///
    /// # Errors
    /// `WouldBlock` (buffer full), `NotConnected`, `Closing` (after `shutdown_write`, or the
    /// connection is over), `Connection` (once; the error is taken).
    pub fn send(
        &mut self,
        now: Instant,
        id: SocketId,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<usize, CallError> {
        self.advance_to(now);
        let connection = self.user_connection_mut(id)?;
        if let Some(error) = connection.tcb.user.error.take() {
            return Err(CallError::Connection(error));
        }
        check_state(connection)?;
        if connection.tcb.fast_open.deferred {
            return self.send_first(id, data);
        }
        let mut taken = Ok(0);
        self.step(id, |connection, cx| {
            taken = queue(connection, data, flags, cx);
        });
        taken
    }
}

fn check_state(connection: &Connection) -> Result<(), CallError> {
    let user = &connection.tcb.user;
    match connection.state {
        State::Closed(_) if user.was_established => Err(CallError::Closing),
        State::Closed(_) => Err(CallError::NotConnected),
        State::SynSent(_) | State::SynReceived(_) | State::Established(_) | State::CloseWait(_)
            if !user.write_closed =>
        {
            Ok(())
        }
        State::SynSent(_)
        | State::SynReceived(_)
        | State::Established(_)
        | State::CloseWait(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::Closing(_)
        | State::LastAck(_)
        | State::TimeWait(_) => Err(CallError::Closing),
    }
}

// REQ: RFC9293-MUST-60
// REQ: RFC9293-MAY-16
fn queue(
    connection: &mut Connection,
    data: &[u8],
    flags: SendFlags,
    cx: &mut Context<'_>,
) -> Result<usize, CallError> {
    let SendFlags {
        urgent,
        more,
        end_of_record,
    } = flags;
    if data.is_empty() {
        return Ok(0);
    }
    let may_send = connection.state.may_send() && !connection.tcb.snd.syn_unacked();
    let tcb = &mut connection.tcb;
    let taken = match tcb.config.segmentation {
        Segmentation::Single => {
            let most = room::take(tcb, data.len(), usize::MAX);
            tcb.snd
                .buffer
                .write(&data[..most], !more && most == data.len())
        }
        Segmentation::Bursts(rules) => bursts::enqueue(tcb, rules, data, more, cx, may_send),
    };
    tcb.user.wants_room = taken < data.len();
    if taken == 0 {
        return Err(CallError::WouldBlock);
    }
    let snd = &mut tcb.snd;
    if end_of_record && taken == data.len() {
        snd.chunks.close();
    }
    snd.more_coming = more && taken == data.len();
    // The pointer names the byte after the urgent data, and it never goes back.
    // REQ: RFC9293-MUST-30
    // REQ: RFC9293-MUST-62
    if urgent && taken == data.len() {
        snd.up = Some(snd.data_end());
    }
    Ok(taken)
}
