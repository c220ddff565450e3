//! OPEN with data (RFC 7413 §2): a SEND that goes out on the SYN, if the peer gave a cookie before.

use core::net::{IpAddr, SocketAddr};

use crate::connection::Connection;
use crate::context::Context;
use crate::error::CallError;
use crate::fast_open::client;
use crate::host::Host;
use crate::send::retransmit;
use crate::socket::{SocketId, SocketOptions};
use crate::state::{State, SynSent};
use crate::time::Instant;

impl Host {
    /// OPEN, active, and a first SEND in one. With a cookie of this peer at hand the SYN carries the
    /// data, as much as fits in one segment; without one it asks for a cookie and takes nothing; and
    /// where Fast Open is off or lately went wrong it is an ordinary one. Answers how many bytes were
    /// taken; the rest is to be sent as ever.
    ///
    /// Data on a SYN may arrive twice at the peer's user (RFC 7413 §2): send nothing that must not.
    ///
    /// # Errors
    /// As [`open_active`](Self::open_active).
    // REQ: RFC7413-1
    pub fn open_with_data(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, Option<u16>),
        remote: SocketAddr,
        options: SocketOptions,
        data: &[u8],
    ) -> Result<(SocketId, usize), CallError> {
        let id = self.new_active(now, local, remote, options)?;
        let taken = self.step(id, |connection, cx| {
            connection.transition(State::SynSent(SynSent), cx);
            start(connection, data, cx)
        });
        Ok((id, taken))
    }

    /// OPEN, active, whose SYN waits for the first [`send`](Self::send) to go with it, if there is a
    /// cookie to send data with (TCP_FASTOPEN_CONNECT). Otherwise it leaves at once and asks for one.
    /// The answer says whether it waits.
    ///
    /// Until then nothing can reach the socket: a segment for it finds nobody there.
    ///
    /// # Errors
    /// As [`open_active`](Self::open_active).
    // REQ: RFC7413-1
    pub fn open_on_first_send(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, Option<u16>),
        remote: SocketAddr,
        options: SocketOptions,
    ) -> Result<(SocketId, bool), CallError> {
        let id = self.new_active(now, local, remote, options)?;
        let waits = self.step(id, |connection, cx| {
            connection.transition(State::SynSent(SynSent), cx);
            let waits = client::is_ready(&connection.tcb, cx);
            if waits {
                connection.tcb.fast_open.deferred = true;
            } else {
                start(connection, &[], cx);
            }
            waits
        });
        Ok((id, waits))
    }

    /// Forgets the cookies, sizes and disappointments of all servers.
    pub fn forget_servers(&mut self) {
        self.servers.clear();
    }

    /// The first SEND of a socket whose SYN waits for it.
    pub(super) fn send_first(&mut self, id: SocketId, data: &[u8]) -> Result<usize, CallError> {
        let taken = self.step(id, |connection, cx| start(connection, data, cx));
        // The cookie may be gone by now.
        if taken == 0 && !data.is_empty() {
            return Err(CallError::WouldBlock);
        }
        Ok(taken)
    }
}

/// Sends the SYN, with what of the data may go along.
pub(super) fn start(connection: &mut Connection, data: &[u8], cx: &mut Context<'_>) -> usize {
    let tcb = &mut connection.tcb;
    tcb.fast_open.deferred = false;
    tcb.opened_at = cx.now;
    let taken = client::prepare(tcb, data, cx);
    retransmit::start_syn(tcb, cx);
    taken
}
