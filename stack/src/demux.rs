//! From a segment's addresses to a socket, in constant time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::Hasher;
use core::net::{IpAddr, SocketAddr};

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::socket::SocketId;

/// Local and remote end of a connection.
pub(crate) type Tuple = (SocketAddr, SocketAddr);

/// Who gets a segment. The table of connections is only ever asked for one key, never walked. It holds
/// the places of the sockets and nothing else: ids and addresses stand in the connections' blocks, and
/// `at` finds them there.
#[derive(Clone)]
pub(crate) struct Demux {
    /// Keyed, so that nobody outside can choose addresses that collide; the same in every run with
    /// the same secret.
    key: [u8; 16],
    connections: HashTable<u32>,
    /// The one found last: segments come in trains.
    latest: Option<(Tuple, SocketId)>,
    /// The places of connections by local port, for questions about a port.
    by_port: BTreeSet<(u16, u32)>,
    listeners: BTreeMap<u16, Vec<(Option<IpAddr>, SocketId)>>,
}

impl core::fmt::Debug for Demux {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Demux")
            .field("by_port", &self.by_port)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}

impl Demux {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self {
            key,
            connections: HashTable::new(),
            latest: None,
            by_port: BTreeSet::new(),
            listeners: BTreeMap::new(),
        }
    }

    pub(crate) fn add_connection(
        &mut self,
        tuple: Tuple,
        id: SocketId,
        at: impl Fn(u32) -> Option<(SocketId, Tuple)>,
    ) {
        let key = self.key;
        let hash = hash(&key, tuple);
        let has_tuple = |place: &u32| at(*place).is_some_and(|(_, other)| other == tuple);
        // One that had the same ends gives way.
        if let Ok(entry) = self.connections.find_entry(hash, has_tuple) {
            entry.remove();
        }
        let hash_of = |place: &u32| at(*place).map_or(0, |(_, tuple)| self::hash(&key, tuple));
        let place = id.place() as u32;
        self.connections.insert_unique(hash, place, hash_of);
        self.latest = Some((tuple, id));
        self.by_port.insert((tuple.0.port(), place));
    }

    /// Forgets a connection, unless another with the same ends has taken over.
    pub(crate) fn remove_connection(&mut self, tuple: Tuple, id: SocketId) {
        let hash = hash(&self.key, tuple);
        let place = id.place() as u32;
        if let Ok(entry) = self.connections.find_entry(hash, |other| *other == place) {
            entry.remove();
        }
        self.latest = self.latest.filter(|(_, latest)| *latest != id);
        self.by_port.remove(&(tuple.0.port(), place));
    }

    pub(crate) fn connection(
        &self,
        tuple: Tuple,
        at: impl Fn(u32) -> Option<(SocketId, Tuple)>,
    ) -> Option<SocketId> {
        let hash = hash(&self.key, tuple);
        let has_tuple = |place: &u32| at(*place).is_some_and(|(_, other)| other == tuple);
        let place = self.connections.find(hash, has_tuple)?;
        at(*place).map(|(id, _)| id)
    }

    /// The connection found last, and its ends.
    pub(crate) fn latest(&self) -> Option<(&Tuple, &SocketId)> {
        self.latest.as_ref().map(|(tuple, id)| (tuple, id))
    }

    /// As [`connection`](Self::connection), and remembers the answer.
    pub(crate) fn arriving_for(
        &mut self,
        tuple: Tuple,
        at: impl Fn(u32) -> Option<(SocketId, Tuple)>,
    ) -> Option<SocketId> {
        if let Some((latest, id)) = self.latest
            && latest == tuple
        {
            return Some(id);
        }
        let id = self.connection(tuple, at)?;
        self.latest = Some((tuple, id));
        Some(id)
    }

    pub(crate) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Bytes of memory that the tables take.
    pub(crate) fn held(&self) -> usize {
        let listeners: usize = self
            .listeners
            .values()
            .map(|all| size_of_val(&all[..]))
            .sum();
        self.connections.len() * size_of::<u32>()
            + self.by_port.len() * size_of::<(u16, u32)>()
            + listeners
    }

    /// Connections with this local port, in order of age.
    pub(crate) fn connections_on(&self, port: u16) -> impl Iterator<Item = usize> + '_ {
        let on_port = self.by_port.range((port, 0)..);
        on_port
            .take_while(move |(other, _)| *other == port)
            .map(|(_, place)| *place as usize)
    }

    pub(crate) fn add_listener(&mut self, local: (Option<IpAddr>, u16), id: SocketId) {
        self.listeners
            .entry(local.1)
            .or_default()
            .push((local.0, id));
    }

    pub(crate) fn remove_listener(&mut self, port: u16, id: SocketId) {
        if let Some(listeners) = self.listeners.get_mut(&port) {
            listeners.retain(|(_, other)| *other != id);
            if listeners.is_empty() {
                self.listeners.remove(&port);
            }
        }
    }

    /// The listener for `local`: one on exactly this address before one on all of its family before
    /// one on all.
    pub(crate) fn listener(&self, local: SocketAddr) -> Option<SocketId> {
        let listeners = self.listeners.get(&local.port())?;
        let rank = |address: Option<IpAddr>| match address {
            Some(address) if address == local.ip() => Some(0),
            Some(address) if address.is_unspecified() && same_family(address, local.ip()) => {
                Some(1)
            }
            None => Some(2),
            Some(_) => None,
        };
        listeners
            .iter()
            .filter_map(|(address, id)| rank(*address).map(|rank| (rank, *id)))
            .min()
            .map(|(_, id)| id)
    }

    /// Whether a listener on `port` and an address that overlaps `address` exists.
    pub(crate) fn has_listener_overlapping(&self, address: Option<IpAddr>, port: u16) -> bool {
        self.listeners
            .get(&port)
            .is_some_and(|all| all.iter().any(|(other, _)| overlap(*other, address)))
    }
}

fn hash(key: &[u8; 16], (local, remote): Tuple) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    for end in [local, remote] {
        match end.ip() {
            IpAddr::V4(v4) => hasher.write_u32(v4.to_bits()),
            IpAddr::V6(v6) => hasher.write_u128(v6.to_bits()),
        }
    }
    hasher.write_u32(u32::from(local.port()) << 16 | u32::from(remote.port()));
    hasher.finish()
}

fn same_family(a: IpAddr, b: IpAddr) -> bool {
    a.is_ipv4() == b.is_ipv4()
}

/// Whether one local address could receive what the other does.
pub(crate) fn overlap(a: Option<IpAddr>, b: Option<IpAddr>) -> bool {
    match (a, b) {
        (None, _) | (_, None) => true,
        (Some(a), Some(b)) => {
            a == b || (same_family(a, b) && (a.is_unspecified() || b.is_unspecified()))
        }
    }
}

#[cfg(test)]
mod tests;
