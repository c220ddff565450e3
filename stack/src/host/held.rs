//! How much memory a host holds: what an attacker would like to see grow.

use super::{Host, Socket};
use crate::connection::Connection;
use crate::send::flight::Sent;
use crate::socket::SocketId;
use crate::tcb::Tcb;

impl Host {
    /// Bytes of memory that the host holds for its sockets and for what it remembers of others.
    ///
    /// Counted are the blocks of all sockets, those that are closed and not let go of included; the memory of send and
    /// receive buffers, used or not; what lies behind gaps; the records of what is in flight and of how it is cut;
    /// the queues of listeners; the tables that find sockets and timers; packets and events that wait to be polled; what
    /// is remembered of paths (RFC 1191 §6.3) and of servers (RFC 7413 §4.1.3). TIME-WAIT is a socket like any other.
    ///
    /// Not counted are the configuration, small parts of a block that it has once at most, room that tables keep for
    /// later entries, and the memory given to [`recycle`](Host::recycle).
    ///
    /// It looks at every socket, so it is for tests and reports.
    pub fn held(&self) -> usize {
        let sockets: usize = self
            .sockets
            .iter()
            .map(|(_, socket)| of_socket(socket))
            .sum();
        sockets
            + self.sockets.held()
            + self.demux.held()
            + self.deadlines.held()
            + self.dirty.len() * size_of::<SocketId>()
            + self.outbox.held()
            + self.servers.held()
            + self.paths.held()
    }
}

/// What hangs on a block.
fn of_socket(socket: &Socket) -> usize {
    match socket {
        Socket::Listener(listener) => size_of_val(&**listener) + listener.held(),
        Socket::Connection(Connection { tcb, .. }) => of_block(tcb),
    }
}

fn of_block(tcb: &Tcb) -> usize {
    let snd = &tcb.snd;
    snd.buffer.held()
        + snd.flight.len() * size_of::<Sent>()
        + snd.chunks.held()
        + snd.room.held()
        + tcb.rcv.buffer.held()
}
