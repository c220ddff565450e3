//! OPEN (RFC 9293 §3.9.1.1, §3.10.1), and the questions about ports around it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};

use crate::connection::Connection;
use crate::demux::overlap;
use crate::error::CallError;
use crate::event::Event;
use crate::host::{Host, Socket};
use crate::listener::Listener;
use crate::send::retransmit;
use crate::socket::{SocketId, SocketOptions};
use crate::state::{State, StateName, SynSent};
use crate::time::Instant;

impl Host {
    /// OPEN, active (RFC 9293 §3.9.1.1): chooses what of `local` is left open, sends a SYN.
    ///
    /// # Errors
    /// `InvalidRemote`, `AddressNotAvailable`, `AddressInUse`, `AlreadyConnected` (same 4-tuple),
    /// `InvalidArgument` (an option out of range), `InsufficientResources` (no ephemeral port).
    pub fn open_active(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, Option<u16>),
        remote: SocketAddr,
        options: SocketOptions,
    ) -> Result<SocketId, CallError> {
        let id = self.new_active(now, local, remote, options)?;
        self.step(id, |connection, cx| {
            connection.transition(State::SynSent(SynSent), cx);
            retransmit::start_syn(&mut connection.tcb, cx);
        });
        Ok(id)
    }

    /// A connection in CLOSED, about to send a SYN.
    pub(super) fn new_active(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, Option<u16>),
        remote: SocketAddr,
        options: SocketOptions,
    ) -> Result<SocketId, CallError> {
        self.advance_to(now);
        check_options(&options)?;
        check_remote(remote)?;
        let address = self.choose_address(local.0, remote)?;
        let port = match local.1 {
            Some(port) => self.check_port_for(SocketAddr::new(address, port), remote, &options)?,
            None => self.choose_port_to(address, remote)?,
        };
        let tuple = (SocketAddr::new(address, port), remote);
        let id = self.sockets.new_id();
        let options = self.share_options(options);
        let tcb = self.new_tcb(id, tuple, Arc::clone(&self.config), options);
        self.insert_connection(Connection::new(tcb));
        Ok(id)
    }

    /// OPEN, passive (RFC 9293 §3.9.1.1): listens. `local.0` of `None` listens on all addresses of
    /// both families; an unspecified address on all of its family. At most `backlog` connections
    /// (at least one) wait for `accept`.
    ///
    /// # Errors
    /// `AddressNotAvailable`, `AddressInUse`, `InvalidArgument` (port 0, or an option out of
    /// range).
    // REQ: RFC9293-MUST-43
    pub fn open_passive(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, u16),
        backlog: usize,
        options: SocketOptions,
    ) -> Result<SocketId, CallError> {
        self.advance_to(now);
        check_options(&options)?;
        if local.1 == 0 {
            return Err(CallError::InvalidArgument);
        }
        self.bind_check(local, &options)?;
        let id = self.sockets.new_id();
        let options = self.share_options(options);
        let listener = Listener::new(id, local, backlog, Arc::clone(&self.config), options);
        self.sockets
            .insert(id, Socket::Listener(Box::new(listener)));
        self.demux.add_listener(local, id);
        self.event(Event::StateChanged {
            id,
            from: StateName::Closed,
            to: StateName::Listen,
        });
        Ok(id)
    }

    /// Whether a socket with these options could take this local address and port now, as `bind`
    /// would ask. Port 0 stands for a port to be chosen and is always free.
    ///
    /// A listener on an overlapping address is always in the way. A connection is in the way if
    /// `reuse_address` is off, but never while it is in SYN-SENT or SYN-RECEIVED.
    ///
    /// # Errors
    /// `AddressNotAvailable`, `AddressInUse`.
    // REQ: RFC9293-MUST-42
    // REQ: DOC-TW-08
    // REQ: DOC-TW-10
    pub fn bind_check(
        &self,
        local: (Option<IpAddr>, u16),
        options: &SocketOptions,
    ) -> Result<(), CallError> {
        let (address, port) = local;
        if address.is_some_and(|address| !self.is_local(address)) {
            return Err(CallError::AddressNotAvailable);
        }
        if self.demux.has_listener_overlapping(address, port) {
            return Err(CallError::AddressInUse);
        }
        let blocks = |place| match self.sockets.connection_at(place) {
            Some(Connection { state, tcb, .. }) => {
                let handshake = matches!(state.name(), StateName::SynSent | StateName::SynReceived);
                !handshake && overlap(address, Some(tcb.local.ip()))
            }
            None => false,
        };
        if !options.reuse_address && self.demux.connections_on(port).any(blocks) {
            return Err(CallError::AddressInUse);
        }
        Ok(())
    }

    /// A free ephemeral port for a socket that is bound before its remote end is known.
    ///
    /// # Errors
    /// `InsufficientResources` if every port of the range is taken.
    pub fn choose_port(&mut self, local: Option<IpAddr>) -> Result<u16, CallError> {
        let range = self.config.ephemeral_ports.clone();
        let span = u64::from(range.end().saturating_sub(*range.start())) + 1;
        let first = self.random_below(span) as u32;
        let options = SocketOptions::default();
        (0..span as u32)
            .map(|step| range.start() + ((first + step) % span as u32) as u16)
            .find(|port| *port != 0 && self.bind_check((local, *port), &options).is_ok())
            .ok_or(CallError::InsufficientResources)
    }

    fn is_local(&self, address: IpAddr) -> bool {
        address.is_unspecified() || self.addresses.contains(&address)
    }

    /// The address to send from.
    // REQ: RFC9293-MUST-44
    fn choose_address(
        &self,
        wish: Option<IpAddr>,
        remote: SocketAddr,
    ) -> Result<IpAddr, CallError> {
        let same_family = |address: &&IpAddr| address.is_ipv4() == remote.is_ipv4();
        match wish.filter(|address| !address.is_unspecified()) {
            Some(address) if !self.addresses.contains(&address) => {
                Err(CallError::AddressNotAvailable)
            }
            Some(address) if address.is_ipv4() != remote.is_ipv4() => Err(CallError::InvalidRemote),
            Some(address) => Ok(address),
            None => {
                let first = self.addresses.iter().find(same_family);
                first.copied().ok_or(CallError::AddressNotAvailable)
            }
        }
    }

    /// Whether the user's choice of a port leaves the 4-tuple unique.
    fn check_port_for(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
        options: &SocketOptions,
    ) -> Result<u16, CallError> {
        if local.port() == 0 {
            return Err(CallError::InvalidArgument);
        }
        if local == remote {
            return Err(CallError::InvalidRemote);
        }
        if self.connection_between((local, remote)).is_some() {
            return Err(CallError::AlreadyConnected);
        }
        let in_time_wait = |place| match self.sockets.connection_at(place) {
            Some(Connection { state, tcb, .. }) => {
                state.name() == StateName::TimeWait && tcb.local.ip() == local.ip()
            }
            None => false,
        };
        if !options.reuse_address && self.demux.connections_on(local.port()).any(in_time_wait) {
            return Err(CallError::AddressInUse);
        }
        Ok(local.port())
    }

    fn choose_port_to(&mut self, local: IpAddr, remote: SocketAddr) -> Result<u16, CallError> {
        let (demux, sockets) = (&self.demux, &self.sockets);
        let free = |port| {
            let tuple = (SocketAddr::new(local, port), remote);
            tuple.0 != remote
                && demux
                    .connection(tuple, |place| sockets.ends_at(place))
                    .is_none()
                && !demux.has_listener_overlapping(Some(local), port)
        };
        self.ports
            .pick(self.config.ephemeral_ports.clone(), local, remote, free)
            .ok_or(CallError::InsufficientResources)
    }
}

/// A remote end that a connection can have.
// REQ: RFC9293-MUST-46
fn check_remote(remote: SocketAddr) -> Result<(), CallError> {
    let bad = match remote.ip() {
        IpAddr::V4(ip) => ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast(),
    };
    if bad || remote.port() == 0 {
        return Err(CallError::InvalidRemote);
    }
    Ok(())
}

/// Options that make no sense are refused before anything happens.
pub(super) fn check_options(options: &SocketOptions) -> Result<(), CallError> {
    let zero_ttl = options.ttl == Some(0);
    let zero_probes = options.keepalive_probes == Some(0);
    let zero_mss = options.mss == Some(0);
    let zero_buffer = options.recv_buffer == Some(0) || options.send_buffer == Some(0);
    if zero_ttl || zero_probes || zero_mss || zero_buffer {
        return Err(CallError::InvalidArgument);
    }
    Ok(())
}
