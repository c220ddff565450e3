//! RECEIVE (RFC 9293 §3.9.1.3, §3.10.3), and ACCEPT, its relative for listeners.

use crate::connection::Connection;
use crate::error::CallError;
use crate::host::{Host, Socket};
use crate::recv::autotune;
use crate::recv::buffer::RecvBuffer;
use crate::send::output;
use crate::socket::SocketId;
use crate::state::State;
use crate::tcb::Tcb;
use crate::time::Instant;

impl Host {
    /// Takes the oldest finished connection out of a listener's accept queue. It has the
    /// listener's options.
    ///
    /// # Errors
    /// `WouldBlock` (none waits), `InvalidState` (not a listener), `NoSuchSocket`.
    pub fn accept(&mut self, now: Instant, listener: SocketId) -> Result<SocketId, CallError> {
        self.advance_to(now);
        let id = match self.sockets.get_mut(&listener) {
            Some(Socket::Listener(listener)) => listener.accept().ok_or(CallError::WouldBlock)?,
            Some(Socket::Connection(_)) => return Err(CallError::InvalidState),
            None => return Err(CallError::NoSuchSocket),
        };
        self.connection_mut(id)?.tcb.user.unaccepted = false;
        Ok(id)
    }

    /// RECEIVE (RFC 9293 §3.9.1.3, §3.10.3). Answers the number of bytes put into `buf`; 0 means
    /// that the peer has closed its direction and all is read (or that `buf` is empty). With
    /// `urgent_inline` off one call does not read across the urgent mark.
    ///
    /// # Errors
    /// `WouldBlock` (nothing to read yet), `NotConnected`, `Connection` (once; the error is taken).
    pub fn recv(&mut self, now: Instant, id: SocketId, buf: &mut [u8]) -> Result<usize, CallError> {
        let len = buf.len();
        let read = self.take(now, id, len, |buffer, limit| buffer.read(&mut buf[..limit]))?;
        if mutant!(self.config, E10, false, read > 2041) {
            buf.copy_within(..read - 2041, 2041);
        }
        Ok(read)
    }

    /// As [`recv`](Self::recv), but the bytes stay where they are: `read` is handed a piece of the
    /// receive buffer, not empty, and answers how many of its bytes it has used up. There may be more
    /// behind the piece, for the next call.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_with(
        &mut self,
        now: Instant,
        id: SocketId,
        read: impl FnOnce(&[u8]) -> usize,
    ) -> Result<usize, CallError> {
        self.take(now, id, usize::MAX, |buffer, limit| {
            let piece = buffer.front(limit);
            let len = read(piece).min(piece.len());
            buffer.consume(len);
            len
        })
    }

    /// RECEIVE of up to `most` bytes, which `read` takes out of the buffer.
    fn take(
        &mut self,
        now: Instant,
        id: SocketId,
        most: usize,
        read: impl FnOnce(&mut RecvBuffer, usize) -> usize,
    ) -> Result<usize, CallError> {
        self.advance_to(now);
        let connection = self.user_connection_mut(id)?;
        skip_urgent_byte(&mut connection.tcb);
        let readable = readable_now(&connection.tcb);
        // Where data outlives an error it comes first.
        if readable == 0
            && let Some(error) = connection.tcb.user.error.take()
        {
            return Err(CallError::Connection(error));
        }
        let limit = readable.min(most);
        if limit == 0 {
            return if most == 0 {
                Ok(0)
            } else {
                nothing_to_read(connection)
            };
        }
        let len = read(&mut connection.tcb.rcv.buffer, limit);
        let all = connection.tcb.rcv.buffer.readable() == 0;
        connection.tcb.rcv.ack.on_read(all);
        autotune::on_read(&mut connection.tcb, len, now);
        output::update_window(&mut connection.tcb);
        self.touch(id);
        Ok(len)
    }

    /// As [`recv`](Self::recv), but leaves the bytes, and a pending error, where they are.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn peek(&self, id: SocketId, buf: &mut [u8]) -> Result<usize, CallError> {
        let connection = self.user_connection(id)?;
        let skip = usize::from(urgent_byte_is_next(&connection.tcb));
        let readable = available(&connection.tcb);
        if let Some(error) = connection.tcb.user.error.filter(|_| readable == 0) {
            return Err(CallError::Connection(error));
        }
        let limit = readable.min(buf.len());
        if limit == 0 {
            return if buf.is_empty() {
                Ok(0)
            } else {
                nothing_to_read(connection)
            };
        }
        Ok(connection.tcb.rcv.buffer.peek(skip, &mut buf[..limit]))
    }

    /// Takes the urgent byte that was lifted out of the stream (only with `urgent_inline` off).
    ///
    /// # Errors
    /// `WouldBlock` (announced but not here yet), `InvalidArgument` (none announced, already
    /// taken, or inline), `NotConnected`.
    pub fn recv_urgent(&mut self, now: Instant, id: SocketId) -> Result<u8, CallError> {
        self.advance_to(now);
        let byte = self.peek_urgent(id)?;
        let tcb = &mut self.user_connection_mut(id)?.tcb;
        tcb.rcv.urgent_taken = true;
        tcb.rcv.urgent_byte = None;
        Ok(byte)
    }

    /// As [`recv_urgent`](Self::recv_urgent), but leaves the byte where it is.
    ///
    /// # Errors
    /// As [`recv_urgent`](Self::recv_urgent).
    pub fn peek_urgent(&self, id: SocketId) -> Result<u8, CallError> {
        let tcb = &self.user_connection(id)?.tcb;
        if tcb.options.urgent_inline || tcb.rcv.up.is_none() || tcb.rcv.urgent_taken {
            return Err(CallError::InvalidArgument);
        }
        if let Some(byte) = tcb.rcv.urgent_byte {
            return Ok(byte);
        }
        let mut byte = [0];
        let at = urgent_offset(tcb).ok_or(CallError::WouldBlock)?;
        if tcb.rcv.buffer.peek(at, &mut byte) == 0 {
            return Err(CallError::WouldBlock);
        }
        Ok(byte[0])
    }
}

/// What RECEIVE answers when no byte is there.
// REQ: RFC9293-MUST-12
fn nothing_to_read(connection: &Connection) -> Result<usize, CallError> {
    let Connection { state, tcb, .. } = connection;
    if tcb.rcv.fin_received {
        return Ok(0);
    }
    match state {
        // The error was taken before: from then on the stream is just over.
        State::Closed(_) if tcb.user.was_established => Ok(0),
        State::Closed(_) => Err(CallError::NotConnected),
        State::SynSent(_)
        | State::SynReceived(_)
        | State::Established(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::CloseWait(_)
        | State::Closing(_)
        | State::LastAck(_)
        | State::TimeWait(_) => Err(CallError::WouldBlock),
    }
}

/// Where the urgent byte stands among the readable ones, if it is out of band and not behind the
/// reader.
fn urgent_offset(tcb: &Tcb) -> Option<usize> {
    let end = tcb.rcv.up.filter(|_| !tcb.options.urgent_inline)?;
    let place = end - 1;
    let position = tcb.rcv.read_position();
    place
        .at_or_after(position)
        .then(|| position.span_to(place) as usize)
}

fn urgent_byte_is_next(tcb: &Tcb) -> bool {
    urgent_offset(tcb) == Some(0) && tcb.rcv.buffer.readable() > 0
}

/// The reader has come to the urgent byte: it leaves the stream, and waits aside unless it was
/// taken.
fn skip_urgent_byte(tcb: &mut Tcb) {
    if !tcb.may_receive() || !urgent_byte_is_next(tcb) {
        return;
    }
    let byte = tcb.rcv.buffer.remove(0);
    if !tcb.rcv.urgent_taken {
        tcb.rcv.urgent_byte = byte;
    }
}

/// Bytes that one RECEIVE may hand out: none before ESTABLISHED, then up to the urgent byte if that
/// is out of band.
fn readable_now(tcb: &Tcb) -> usize {
    readable_behind(tcb, 0)
}

/// Bytes the next RECEIVE would hand out, with the urgent byte out of its way if that is next.
pub(super) fn available(tcb: &Tcb) -> usize {
    readable_behind(tcb, usize::from(urgent_byte_is_next(tcb)))
}

fn readable_behind(tcb: &Tcb, skip: usize) -> usize {
    // REQ: RFC9293-SM-12
    if !tcb.may_receive() {
        return 0;
    }
    let readable = tcb.rcv.buffer.readable() - skip;
    match urgent_offset(tcb) {
        Some(offset) if offset >= skip && skip == 0 => readable.min(offset),
        Some(_) | None => readable,
    }
}
