//! A host: addresses, sockets, and the doors through which the world reaches them.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::error::{CallError, ConnectionError};
use crate::event::Event;
use crate::socket::{Readiness, SendFlags, SocketId, SocketOptions, Status};
use crate::time::Instant;

/// A TCP host without I/O, clock or randomness of its own.
///
/// After each call that takes `now` (and after each user call) drain [`poll`](Self::poll) until it answers
/// [`Output::Deadline`]; then hand in the next datagram, call, or [`timeout`](Self::timeout). Several datagrams may be
/// handed in before draining: acknowledgments for them are then combined (RFC 9293 MUST-58, MUST-59). The same calls
/// with the same times, secret and seed give byte-identical outputs. `now` must not go backwards.
#[derive(Debug)]
pub struct Host {
    config: Arc<Config>,
    addresses: Vec<IpAddr>,
    outbox: VecDeque<Output>,
}

/// What [`Host::poll`] hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Put this IP datagram on the wire.
    Transmit(Vec<u8>),
    /// Something observable happened.
    Event(Event),
    /// Nothing more now; call [`Host::timeout`] at this time, or never.
    Deadline(Option<Instant>),
}

impl Host {
    /// A host that answers for `addresses`. `secret` keys ISNs, cookies, ports and hash maps; `seed` starts the
    /// generator behind the remaining random choices.
    pub fn new(config: Config, addresses: &[IpAddr], secret: [u8; 16], seed: u64) -> Self {
        let _ = (secret, seed);
        Self {
            config: Arc::new(config),
            addresses: addresses.to_vec(),
            outbox: VecDeque::new(),
        }
    }

    /// The settings that sockets opened now would get.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Changes the settings of sockets opened later.
    pub fn config_mut(&mut self) -> &mut Config {
        Arc::make_mut(&mut self.config)
    }

    /// The addresses this host answers for.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// One IP datagram arrives. Malformed or foreign ones are dropped, with an event that says why.
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        let _ = (now, datagram);
    }

    /// Fires every timer due at `now`, in a fixed order.
    pub fn timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// The next thing the host has to say.
    pub fn poll(&mut self) -> Output {
        self.outbox
            .pop_front()
            .unwrap_or(Output::Deadline(self.poll_deadline()))
    }

    /// When `timeout` is to be called next; `None` if no timer runs.
    pub fn poll_deadline(&self) -> Option<Instant> {
        None
    }

    /// OPEN, active (RFC 9293 §3.9.1.1): chooses what of `local` is left open, sends a SYN.
    ///
    /// # Errors
    /// `InvalidRemote`, `AddressNotAvailable`, `AddressInUse`, `AlreadyConnected` (same 4-tuple),
    /// `InsufficientResources` (no ephemeral port).
    pub fn open_active(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, Option<u16>),
        remote: SocketAddr,
        options: SocketOptions,
    ) -> Result<SocketId, CallError> {
        let _ = (now, local, remote, options);
        Err(CallError::InsufficientResources)
    }

    /// OPEN, passive (RFC 9293 §3.9.1.1): listens. `local.0` of `None` listens on all addresses of both families; an
    /// unspecified address on all of its family. At most `backlog` connections (at least one) wait for `accept`.
    ///
    /// # Errors
    /// `AddressNotAvailable`, `AddressInUse`, `InvalidArgument` (port 0).
    pub fn open_passive(
        &mut self,
        now: Instant,
        local: (Option<IpAddr>, u16),
        backlog: usize,
        options: SocketOptions,
    ) -> Result<SocketId, CallError> {
        let _ = (now, local, backlog, options);
        Err(CallError::InsufficientResources)
    }

    /// Whether a socket with these options could take this local address and port now, as `bind` would ask.
    ///
    /// # Errors
    /// `AddressNotAvailable`, `AddressInUse`.
    pub fn bind_check(
        &self,
        local: (Option<IpAddr>, u16),
        options: &SocketOptions,
    ) -> Result<(), CallError> {
        let _ = (local, options);
        Ok(())
    }

    /// Takes the oldest finished connection out of a listener's accept queue. It has the listener's options.
    ///
    /// # Errors
    /// `WouldBlock` (none waits), `InvalidState` (not a listener), `NoSuchSocket`.
    pub fn accept(&mut self, now: Instant, listener: SocketId) -> Result<SocketId, CallError> {
        let _ = (now, listener);
        Err(CallError::NoSuchSocket)
    }

    /// SEND (RFC 9293 §3.9.1.2, §3.10.2). Takes what the send buffer has room for and answers how many bytes that was.
    /// In SYN-SENT and SYN-RECEIVED the bytes are queued until ESTABLISHED.
    ///
    /// # Errors
    /// `WouldBlock` (buffer full), `NotConnected`, `Closing` (after `shutdown_write`), `Connection`.
    pub fn send(
        &mut self,
        now: Instant,
        id: SocketId,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<usize, CallError> {
        let _ = (now, id, data, flags);
        Err(CallError::NoSuchSocket)
    }

    /// RECEIVE (RFC 9293 §3.9.1.3, §3.10.3). Answers the number of bytes put into `buf`; 0 means that the peer has
    /// closed its direction and all is read (or that `buf` is empty).
    ///
    /// # Errors
    /// `WouldBlock` (nothing to read yet), `NotConnected`, `Closing` (after an own close), `Connection`.
    pub fn recv(&mut self, now: Instant, id: SocketId, buf: &mut [u8]) -> Result<usize, CallError> {
        let _ = (now, id, buf);
        Err(CallError::NoSuchSocket)
    }

    /// As [`recv`](Self::recv), but leaves the bytes where they are.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn peek(&self, id: SocketId, buf: &mut [u8]) -> Result<usize, CallError> {
        let _ = (id, buf);
        Err(CallError::NoSuchSocket)
    }

    /// Takes the urgent byte that was lifted out of the stream (only with `urgent_inline` off).
    ///
    /// # Errors
    /// `WouldBlock` (announced but not here yet), `InvalidArgument` (none announced, already taken, or inline).
    pub fn recv_urgent(&mut self, now: Instant, id: SocketId) -> Result<u8, CallError> {
        let _ = (now, id);
        Err(CallError::NoSuchSocket)
    }

    /// Closes our direction (the half close of RFC 9293 §3.6): what is queued goes out, then FIN. Receiving goes on.
    ///
    /// # Errors
    /// `NotConnected`, `Closing` (already closed).
    pub fn shutdown_write(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        let _ = (now, id);
        Err(CallError::NoSuchSocket)
    }

    /// CLOSE (RFC 9293 §3.9.1.4, §3.10.4) and let go of the socket: the id is dead at once, the connection finishes by
    /// itself. Unread data turns the FIN into a RST, and so does data that arrives later (both by configuration).
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn close(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        let _ = (now, id);
        Err(CallError::NoSuchSocket)
    }

    /// ABORT (RFC 9293 §3.9.1.5, §3.10.5): RST if the peer knows of us, everything queued is gone, the id is dead.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn abort(&mut self, now: Instant, id: SocketId) -> Result<(), CallError> {
        let _ = (now, id);
        Err(CallError::NoSuchSocket)
    }

    /// STATUS (RFC 9293 §3.9.1.6).
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn status(&self, id: SocketId) -> Result<Status, CallError> {
        let _ = id;
        Err(CallError::NoSuchSocket)
    }

    /// What calls on this socket would find. A dead id is all `false` but for `closed`.
    pub fn readiness(&self, id: SocketId) -> Readiness {
        let _ = id;
        Readiness {
            closed: true,
            ..Readiness::default()
        }
    }

    /// Takes the error that ended the connection, once.
    pub fn take_error(&mut self, id: SocketId) -> Option<ConnectionError> {
        let _ = id;
        None
    }

    /// Changes a socket's options. Buffers may grow and shrink, the MSS holds from the next handshake on.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn set_options(&mut self, id: SocketId, options: SocketOptions) -> Result<(), CallError> {
        let _ = (id, options);
        Err(CallError::NoSuchSocket)
    }

    /// A socket's options.
    ///
    /// # Errors
    /// `NoSuchSocket`.
    pub fn options(&self, id: SocketId) -> Result<SocketOptions, CallError> {
        let _ = id;
        Err(CallError::NoSuchSocket)
    }
}
