//! All sockets of a host, each found by its id at the same cost however many there are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::connection::Connection;
use crate::demux::Tuple;
use crate::host::Socket;
use crate::socket::SocketId;

/// Sockets by the place that their id names. A place is used again; its number alone names nobody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sockets {
    places: Vec<Option<Box<Socket>>>,
    /// Empty places, the one left last at the end.
    free: Vec<u32>,
    /// How many ids were given out.
    given_out: u64,
}

impl Sockets {
    /// The id of a socket that is about to be inserted.
    pub(crate) fn new_id(&mut self) -> SocketId {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            (self.places.len() - 1) as u32
        });
        self.given_out += 1;
        SocketId::new(self.given_out, place)
    }

    pub(crate) fn insert(&mut self, id: SocketId, socket: Socket) {
        debug_assert_eq!(id, socket.id());
        self.places[id.place()] = Some(Box::new(socket));
    }

    pub(crate) fn get(&self, id: &SocketId) -> Option<&Socket> {
        let socket = self.places.get(id.place())?.as_deref();
        socket.filter(|socket| socket.id() == *id)
    }

    pub(crate) fn get_mut(&mut self, id: &SocketId) -> Option<&mut Socket> {
        let socket = self.places.get_mut(id.place())?.as_deref_mut();
        socket.filter(|socket| socket.id() == *id)
    }

    /// The connection at a place.
    pub(crate) fn connection_at(&self, place: usize) -> Option<&Connection> {
        match self.places.get(place)?.as_deref()? {
            Socket::Connection(connection) => Some(connection),
            Socket::Listener(_) => None,
        }
    }

    /// The id and the ends of the connection at a place.
    pub(crate) fn ends_at(&self, place: u32) -> Option<(SocketId, Tuple)> {
        let connection = self.connection_at(place as usize)?;
        Some((connection.tcb.id, connection.tuple()))
    }

    pub(crate) fn remove(&mut self, id: &SocketId) {
        if self.get(id).is_some() {
            self.places[id.place()] = None;
            self.free.push(id.place() as u32);
        }
    }

    /// How many there are.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Bytes of memory that the table takes, and the sockets' blocks.
    pub(crate) fn held(&self) -> usize {
        size_of_val(&self.places[..])
            + size_of_val(&self.free[..])
            + self.iter().count() * size_of::<Socket>()
    }

    /// All of them, in no order that means anything.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        let places = self.places.iter().flatten();
        places.map(|socket| (socket.id(), &**socket))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::listener::Listener;
    use crate::socket::SocketOptions;
    use alloc::sync::Arc;

    fn socket(id: SocketId) -> Socket {
        let config = Arc::new(Config::default());
        let options = Arc::new(SocketOptions::default());
        Socket::Listener(Box::new(Listener::new(id, (None, 1), 1, config, options)))
    }

    #[test]
    fn a_place_is_used_again_and_its_old_id_is_dead() {
        let mut sockets = Sockets::default();
        let ids = [sockets.new_id(), sockets.new_id(), sockets.new_id()];
        assert!(ids.is_sorted(), "ids rise");
        for id in ids {
            sockets.insert(id, socket(id));
        }
        sockets.remove(&ids[1]);
        sockets.remove(&ids[1]);
        let later = sockets.new_id();
        assert!(sockets.get(&later).is_none());
        sockets.insert(later, socket(later));
        assert_eq!((later.place(), later > ids[2]), (ids[1].place(), true));
        assert!(sockets.get(&ids[1]).is_none() && sockets.get_mut(&ids[1]).is_none());
        sockets.remove(&ids[1]);
        let left: Vec<SocketId> = sockets.iter().map(|(id, _)| id).collect();
        assert_eq!(left, [ids[0], later, ids[2]]);
    }
}
