//! Which socket's timer is due next.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::socket::SocketId;
use crate::time::Instant;

/// The earliest deadline of each socket, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deadlines {
    order: BTreeSet<(Instant, SocketId)>,
    of: BTreeMap<SocketId, Instant>,
}

impl Deadlines {
    /// Notes a socket's earliest deadline, or that it has none.
    pub(crate) fn set(&mut self, id: SocketId, at: Option<Instant>) {
        let old = match at {
            Some(at) => {
                self.order.insert((at, id));
                self.of.insert(id, at)
            }
            None => self.of.remove(&id),
        };
        if let Some(old) = old
            && Some(old) != at
        {
            self.order.remove(&(old, id));
        }
    }

    /// The earliest of all.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// The sockets with something due at `now`, earliest first.
    pub(crate) fn due(&self, now: Instant) -> Vec<SocketId> {
        self.order
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
            .collect()
    }

    /// A socket's deadline, as noted.
    pub(crate) fn get(&self, id: SocketId) -> Option<Instant> {
        self.of.get(&id).copied()
    }

    /// How many sockets have one.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_comes_first_and_a_socket_has_one() {
        let mut deadlines = Deadlines::default();
        let at = |secs| Some(Instant::from_secs(secs));
        deadlines.set(SocketId(1), at(5));
        deadlines.set(SocketId(2), at(3));
        deadlines.set(SocketId(3), at(5));
        assert_eq!(deadlines.first(), at(3));
        assert_eq!(
            deadlines.due(Instant::from_secs(5)),
            [SocketId(2), SocketId(1), SocketId(3)]
        );
        deadlines.set(SocketId(2), at(9));
        assert_eq!(deadlines.first(), at(5));
        assert_eq!(deadlines.due(Instant::from_secs(4)), []);
        deadlines.set(SocketId(1), None);
        deadlines.set(SocketId(3), at(5));
        assert_eq!((deadlines.len(), deadlines.get(SocketId(3))), (2, at(5)));
        assert_eq!(deadlines.get(SocketId(1)), None);
    }
}
