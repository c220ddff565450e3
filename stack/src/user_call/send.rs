//! SEND (RFC 9293 §3.9.1.2, §3.10.2).

use alloc::vec;

use crate::config::Segmentation;
use crate::connection::Connection;
use crate::context::Context;
use crate::error::CallError;
use crate::host::Host;
use crate::send::{bursts, room};
use crate::socket::{SendFlags, SocketId};
use crate::state::State;
use crate::tcb::SendSide;
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
        let connection = self.sending(now, id)?;
        if connection.tcb.fast_open.deferred {
            return self.send_first(id, data);
        }
        let mut taken = Ok(0);
        self.step(id, |connection, cx| {
            taken = queue(connection, data, flags, cx);
        });
        taken
    }

    /// As [`send`](Self::send), but `fill` writes the bytes where they will be sent from: it is handed
    /// a free piece of the send buffer, at most `most` bytes long and not empty, and answers how many
    /// of them it wrote. There may be more room behind the piece, for the next call. Under
    /// [`SendRoom::Buffers`](crate::config::SendRoom::Buffers) and [`Segmentation::Bursts`] fewer bytes
    /// may be taken than were written; the answer is what was taken.
    ///
    /// # Errors
    /// As [`send`](Self::send); `InvalidArgument` on a socket whose SYN waits for its first data, which
    /// is to be given to [`send`](Self::send).
    pub fn send_with(
        &mut self,
        now: Instant,
        id: SocketId,
        most: usize,
        flags: SendFlags,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> Result<usize, CallError> {
        let connection = self.sending(now, id)?;
        if connection.tcb.fast_open.deferred {
            return Err(CallError::InvalidArgument);
        }
        if most == 0 {
            return Ok(0);
        }
        let tcb = &mut connection.tcb;
        let free = tcb.snd.buffer.free();
        if free == 0 {
            tcb.user.wants_room = true;
            return Err(CallError::WouldBlock);
        }
        if tcb.config.segmentation != Segmentation::Single || tcb.snd.room.limit().is_some() {
            // Buffers are filled, and bursts cut, while the user writes: the text has to be there before.
            let mut text = vec![0; most.min(free)];
            let len = fill(&mut text).min(text.len());
            return self.send(now, id, &text[..len], flags);
        }
        let granted = room::take(tcb, most.min(free), usize::MAX);
        if granted == 0 {
            tcb.user.wants_room = true;
            return Err(CallError::WouldBlock);
        }
        let SendFlags {
            urgent,
            more,
            end_of_record,
        } = flags;
        let snd = &mut tcb.snd;
        let taken = snd.buffer.write_with(granted, !more, fill);
        tcb.user.wants_room = granted < most && taken == granted;
        if taken > 0 {
            note_queued(snd, (urgent, more, end_of_record));
            self.touch(id);
        }
        Ok(taken)
    }

    /// The connection, if it may take data to send.
    fn sending(&mut self, now: Instant, id: SocketId) -> Result<&mut Connection, CallError> {
        self.advance_to(now);
        let connection = self.user_connection_mut(id)?;
        if let Some(error) = connection.tcb.user.error.take() {
            return Err(CallError::Connection(error));
        }
        check_state(connection)?;
        Ok(connection)
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
    let whole = taken == data.len();
    note_queued(
        &mut tcb.snd,
        (urgent && whole, more && whole, end_of_record && whole),
    );
    Ok(taken)
}

/// Data was appended to the send queue: whether it is urgent, more follows, a record ends with it.
fn note_queued(snd: &mut SendSide, (urgent, more, end_of_record): (bool, bool, bool)) {
    if end_of_record {
        snd.chunks.close();
    }
    snd.more_coming = more;
    // The pointer names the byte after the urgent data, and it never goes back.
    // REQ: RFC9293-MUST-30
    // REQ: RFC9293-MUST-62
    if urgent {
        snd.up = Some(snd.data_end());
    }
}
