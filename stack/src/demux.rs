//! From a segment's addresses to a socket, in constant time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::net::{IpAddr, SocketAddr};

use hashbrown::HashMap;
use siphasher::sip::SipHasher24;

use crate::socket::SocketId;

/// Keyed, so that nobody outside can choose addresses that collide; the same in every run with the same secret.
#[derive(Clone)]
struct KeyedState {
    key: [u8; 16],
}

impl core::fmt::Debug for KeyedState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("KeyedState(..)")
    }
}

impl BuildHasher for KeyedState {
    type Hasher = SipHasher24;

    fn build_hasher(&self) -> SipHasher24 {
        SipHasher24::new_with_key(&self.key)
    }
}

/// Local and remote end of a connection.
pub(crate) type Tuple = (SocketAddr, SocketAddr);

/// Who gets a segment. The hash map is only ever asked for one key, never walked.
#[derive(Debug, Clone)]
pub(crate) struct Demux {
    connections: HashMap<Tuple, SocketId, KeyedState>,
    /// Connections by local port, for questions about a port.
    by_port: BTreeMap<u16, BTreeSet<SocketId>>,
    listeners: BTreeMap<u16, Vec<(Option<IpAddr>, SocketId)>>,
}

impl Demux {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self {
            connections: HashMap::with_hasher(KeyedState { key }),
            by_port: BTreeMap::new(),
            listeners: BTreeMap::new(),
        }
    }

    pub(crate) fn add_connection(&mut self, (local, remote): Tuple, id: SocketId) {
        self.connections.insert((local, remote), id);
        self.by_port.entry(local.port()).or_default().insert(id);
    }

    /// Forgets a connection, unless its place already belongs to another.
    pub(crate) fn remove_connection(&mut self, tuple: Tuple, id: SocketId) {
        if self.connections.get(&tuple) == Some(&id) {
            self.connections.remove(&tuple);
        }
        let port = tuple.0.port();
        if let Some(ids) = self.by_port.get_mut(&port) {
            ids.remove(&id);
            if ids.is_empty() {
                self.by_port.remove(&port);
            }
        }
    }

    pub(crate) fn connection(&self, tuple: Tuple) -> Option<SocketId> {
        self.connections.get(&tuple).copied()
    }

    pub(crate) fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Connections with this local port, in order of age.
    pub(crate) fn connections_on(&self, port: u16) -> impl Iterator<Item = SocketId> + '_ {
        self.by_port.get(&port).into_iter().flatten().copied()
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

    /// The listener for `local`: one on exactly this address before one on all of its family before one on all.
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
