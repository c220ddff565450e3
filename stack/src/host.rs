//! A host: addresses, sockets, and the doors through which the world reaches them.

mod arrival;
mod deadlines;
mod fast_open;
mod held;
mod passive;

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::{IpAddr, SocketAddr};

use crate::config::Config;
use crate::connection::Connection;
use crate::context::Context;
use crate::cookie::CookieGenerator;
use crate::demux::{Demux, Tuple};
use crate::error::{CallError, ConnectionError};
use crate::event::Event;
use crate::fast_open::cache::Cache;
use crate::isn::IsnGenerator;
use crate::keyed_hash::Secret;
use crate::listener::{Admission, Listener};
use crate::outbox::Outbox;
use crate::path::Path;
use crate::path::cache::PathCache;
use crate::ports::EphemeralPorts;
use crate::rng::Rng;
use crate::segment::Head;
use crate::socket::{SocketId, SocketOptions};
use crate::sockets::Sockets;
use crate::state::{Origin, State, SynReceived};
use crate::tcb::{Shared, Tcb, TcbSeed};
use crate::time::Instant;
use crate::timers::Timer;
use deadlines::Deadlines;

/// Keeps the hash behind timestamp offsets apart from the others of the same secret.
const PURPOSE_TIMESTAMP: u8 = b'S';

/// A TCP host without I/O, clock or randomness of its own.
///
/// After each call that takes `now` (and after each user call) drain [`poll`](Self::poll) until it
/// answers [`Output::Deadline`]; then hand in the next datagram, call, or
/// [`timeout`](Self::timeout). Several datagrams may be handed in before draining: acknowledgments
/// for them are then combined (RFC 9293 MUST-58, MUST-59). The same calls with the same times,
/// secret and seed give byte-identical outputs. `now` must not go backwards; an earlier time counts
/// as the latest one seen.
#[derive(Debug, Clone)]
pub struct Host {
    pub(crate) config: Arc<Config>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) sockets: Sockets,
    pub(crate) demux: Demux,
    pub(crate) deadlines: Deadlines,
    /// Connections that may have something to send once the present batch of input is done, the
    /// oldest first, each once: it knows that it is here.
    dirty: BinaryHeap<Reverse<SocketId>>,
    /// Room for the sockets that are due, kept from one time to the next.
    due: Vec<SocketId>,
    outbox: Outbox,
    pub(crate) now: Instant,
    isn: IsnGenerator,
    cookies: CookieGenerator,
    pub(crate) ports: EphemeralPorts,
    /// What is remembered of servers that were opened with Fast Open.
    pub(crate) servers: Cache,
    /// What routers said of the paths to other hosts.
    pub(crate) paths: PathCache,
    secret: Secret,
    rng: Rng,
    /// The options of the connection opened last: many are opened with the same ones.
    latest_options: Arc<SocketOptions>,
    /// What the latest connections have in common.
    shared: Shared,
}

/// What a [`SocketId`] stands for.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all sockets are connections, and each lies in memory of its own"
)]
pub(crate) enum Socket {
    Listener(Box<Listener>),
    Connection(Connection),
}

impl Socket {
    pub(crate) fn id(&self) -> SocketId {
        match self {
            Socket::Listener(listener) => listener.id,
            Socket::Connection(connection) => connection.tcb.id,
        }
    }
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
    /// A host that answers for `addresses`. `secret` keys ISNs, cookies, ports and hash maps;
    /// `seed` starts the generator behind the remaining random choices.
    pub fn new(config: Config, addresses: &[IpAddr], secret: [u8; 16], seed: u64) -> Self {
        Self {
            shared: Shared::new(&config),
            config: Arc::new(config),
            addresses: addresses.to_vec(),
            sockets: Sockets::default(),
            demux: Demux::new(secret),
            deadlines: Deadlines::default(),
            dirty: BinaryHeap::new(),
            due: Vec::new(),
            outbox: Outbox::default(),
            now: Instant::ZERO,
            isn: IsnGenerator::new(secret),
            cookies: CookieGenerator::new(secret),
            ports: EphemeralPorts::new(secret),
            servers: Cache::default(),
            paths: PathCache::default(),
            secret: Secret::new(secret),
            rng: Rng::new(seed),
            latest_options: Arc::default(),
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

    /// From now on the link takes nothing, as a queue below the stack that is full, or does again
    /// (`false`). What would leave meanwhile never does, and its sender knows that: data counts as not
    /// sent and is tried again after [`Config::link_retry`]; acknowledgments, SYNs and resets are lost.
    pub fn set_link_blocked(&mut self, blocked: bool) {
        self.outbox.set_blocked(blocked);
    }

    /// Fires every timer due at `now`, in the order of their times, then of socket ids, then of
    /// [`Timer`].
    pub fn timeout(&mut self, now: Instant) {
        self.advance_to(now);
        // Each socket has its turn once: a timer that rearms itself for this very moment waits for
        // the next call.
        let mut due = core::mem::take(&mut self.due);
        self.deadlines.take_due(self.now, &mut due);
        for id in due.drain(..) {
            for _ in 0..Timer::ALL.len() {
                let fired = match self.connection_mut(id) {
                    Ok(connection) => connection.tcb.timers.expired(now),
                    Err(_) => None,
                };
                let Some(timer) = fired else { break };
                self.step(id, |connection, cx| connection.on_timer(timer, cx));
            }
            let deadline = self.connection(id).map(|c| c.tcb.timers.deadline());
            self.deadlines.set(id, deadline.unwrap_or(None));
        }
        self.due = due;
    }

    /// The next thing the host has to say.
    pub fn poll(&mut self) -> Output {
        loop {
            if let Some(output) = self.outbox.pop() {
                return output;
            }
            let Some(Reverse(id)) = self.dirty.peek().copied() else {
                self.deadlines.settle();
                return Output::Deadline(self.poll_deadline());
            };
            let more = self.step(id, |connection, cx| connection.flush(cx));
            if !more {
                self.dirty.pop();
                if let Ok(connection) = self.connection_mut(id) {
                    connection.tcb.dirty = false;
                }
            }
        }
    }

    /// Takes the memory of a datagram that [`poll`](Self::poll) handed out and that is no longer
    /// needed. Later ones are written into it: who gives back what was handed out makes the host
    /// send without allocating.
    pub fn recycle(&mut self, datagram: Vec<u8>) {
        self.outbox.recycle(datagram);
    }

    /// When `timeout` is to be called next; `None` if no timer runs. Right once `poll` is drained.
    pub fn poll_deadline(&self) -> Option<Instant> {
        self.deadlines.first()
    }

    /// Whether nothing waits to be polled.
    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.dirty.is_empty()
    }

    /// Time does not go backwards.
    pub(crate) fn advance_to(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.outbox.event(event);
    }

    pub(crate) fn transmit(&mut self, segment: &Head) {
        self.outbox.transmit(segment);
    }

    pub(crate) fn connection(&self, id: SocketId) -> Result<&Connection, CallError> {
        match self.sockets.get(&id) {
            Some(Socket::Connection(connection)) => Ok(connection),
            Some(Socket::Listener(_)) => Err(CallError::NotConnected),
            None => Err(CallError::NoSuchSocket),
        }
    }

    pub(crate) fn connection_mut(&mut self, id: SocketId) -> Result<&mut Connection, CallError> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Connection(connection)) => Ok(connection),
            Some(Socket::Listener(_)) => Err(CallError::NotConnected),
            None => Err(CallError::NoSuchSocket),
        }
    }

    pub(crate) fn listener_mut(&mut self, id: SocketId) -> Option<&mut Listener> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Listener(listener)) => Some(listener),
            Some(Socket::Connection(_)) | None => None,
        }
    }

    /// Where the timestamp clock of a connection between these ends starts.
    pub(crate) fn timestamp_offset(&self, local: SocketAddr, remote: SocketAddr) -> u32 {
        let hash = self.secret.hash(PURPOSE_TIMESTAMP);
        hash.socket(local).socket(remote).finish() as u32
    }

    /// A block for a new connection. `after` is the last sequence number of an older incarnation.
    // REQ: RFC9293-MUST-8
    // REQ: RFC6528-1
    pub(crate) fn new_tcb(
        &mut self,
        id: SocketId,
        (local, remote): (SocketAddr, SocketAddr),
        config: Arc<Config>,
        options: Arc<SocketOptions>,
    ) -> Tcb {
        let timestamp_offset = self.timestamp_offset(local, remote);
        self.shared.follow(&config);
        let lifetime = config.path_mtu.lifetime;
        let known = self.paths.get(remote.ip(), lifetime, self.now);
        let path = Path::new(config.mtu, known, self.paths.generation());
        let iss = self.isn.isn(self.now, local, remote);
        #[cfg(feature = "mutants")]
        let iss = {
            let count = id.number();
            let now = self.now;
            crate::mutants::wrong::isn::wrong(&config, &self.isn, iss, (now, count, local, remote))
        };
        Tcb::new(TcbSeed {
            shared: self.shared.clone(),
            id,
            local,
            remote,
            path,
            config,
            options,
            iss,
            timestamp_offset,
            now: self.now,
        })
    }

    /// These options, in memory of their own if the latest were others.
    pub(crate) fn share_options(&mut self, options: SocketOptions) -> Arc<SocketOptions> {
        if *self.latest_options != options {
            self.latest_options = Arc::new(options);
        }
        Arc::clone(&self.latest_options)
    }

    /// Adds a connection in CLOSED to the sockets and the demultiplexer.
    pub(crate) fn insert_connection(&mut self, connection: Connection) {
        let (id, tuple) = (connection.tcb.id, connection.tuple());
        self.sockets.insert(id, Socket::Connection(connection));
        let sockets = &self.sockets;
        self.demux
            .add_connection(tuple, id, |place| sockets.ends_at(place));
    }

    /// The connection between these ends, local one first, unless it is closed.
    pub(crate) fn connection_between(&self, tuple: Tuple) -> Option<SocketId> {
        self.demux
            .connection(tuple, |place| self.sockets.ends_at(place))
    }

    /// One step of one connection, and what it means for the host: queues of its listener, the
    /// demultiplexer, the deadlines, what is to be flushed.
    pub(crate) fn step<T: Default>(
        &mut self,
        id: SocketId,
        act: impl FnOnce(&mut Connection, &mut Context<'_>) -> T,
    ) -> T {
        let Ok(connection) = self.connection(id) else {
            return T::default();
        };
        let parent = parent_of(connection);
        let accept_room = parent.is_none_or(|listener| self.has_accept_room(listener));
        let listens = matches!(connection.state, State::TimeWait(_))
            && self.would_queue_syn(connection.tcb.local.into());
        let Some(Socket::Connection(connection)) = self.sockets.get_mut(&id) else {
            return T::default();
        };
        let mut cx = Context {
            now: self.now,
            outbox: &mut self.outbox,
            accept_room,
            listens,
            servers: &mut self.servers,
            paths: &mut self.paths,
        };
        let result = act(connection, &mut cx);
        if !connection.tcb.dirty && !matches!(connection.state, State::Closed(_)) {
            connection.tcb.dirty = true;
            self.dirty.push(Reverse(id));
        }
        self.settle(id, parent);
        result
    }

    fn has_accept_room(&self, listener: SocketId) -> bool {
        match self.sockets.get(&listener) {
            Some(Socket::Listener(listener)) => listener.has_accept_room(),
            Some(Socket::Connection(_)) | None => true,
        }
    }

    /// Whether a SYN for this local end would get a place in a SYN queue.
    fn would_queue_syn(&self, local: SocketAddr) -> bool {
        let listener = self.demux.listener(local);
        match listener.and_then(|listener| self.sockets.get(&listener)) {
            Some(Socket::Listener(listener)) => listener.admit() == Admission::Queue,
            Some(Socket::Connection(_)) | None => false,
        }
    }

    /// Brings the host's books in line with a connection that was just touched.
    pub(crate) fn settle(&mut self, id: SocketId, parent: Option<SocketId>) {
        let Some(Socket::Connection(connection)) = self.sockets.get_mut(&id) else {
            return;
        };
        self.deadlines.set(id, connection.tcb.timers.deadline());
        let closed = matches!(connection.state, State::Closed(_));
        if !closed && parent.is_none() && connection.tcb.fast_open.pending().is_none() {
            return;
        }
        let tuple = connection.tuple();
        let detached = connection.tcb.user.detached;
        let left_handshake = parent.filter(|_| parent_of(connection).is_none());
        let early_is_over = closed || !connection.tcb.snd.syn_unacked();
        let was_reset = closed && connection.tcb.user.error == Some(ConnectionError::Reset);
        let early_at = early_is_over
            .then(|| connection.tcb.fast_open.take_pending())
            .flatten();
        if closed {
            self.demux.remove_connection(tuple, id);
        }
        let now = self.now;
        if let Some(listener) = early_at.and_then(|listener| self.listener_mut(listener)) {
            listener.early_is_over(id, was_reset.then_some(now));
        }
        if let Some(listener_id) = left_handshake {
            self.leave_handshake(id, listener_id, closed);
        } else if closed && detached {
            self.sockets.remove(&id);
        }
    }

    /// A passive connection left SYN-RECEIVED: into the accept queue, or into nothing.
    fn leave_handshake(&mut self, id: SocketId, listener_id: SocketId, closed: bool) {
        let Some(listener) = self.listener_mut(listener_id) else {
            return;
        };
        if closed {
            listener.drop_half_open(id);
            self.sockets.remove(&id);
        } else {
            listener.complete(id);
            self.event(Event::AcceptReady {
                listener: listener_id,
                id,
            });
        }
    }

    /// A random number below `n`, from the seeded generator.
    pub(crate) fn random_below(&mut self, n: u64) -> u64 {
        self.rng.below(n)
    }
}

/// The listener of a connection that is still half open.
fn parent_of(connection: &Connection) -> Option<SocketId> {
    match connection.state {
        State::SynReceived(SynReceived {
            origin: Origin::Passive { listener },
        }) => Some(listener),
        State::SynReceived(SynReceived {
            origin: Origin::FastOpen | Origin::Active,
        })
        | State::Closed(_)
        | State::SynSent(_)
        | State::Established(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::CloseWait(_)
        | State::Closing(_)
        | State::LastAck(_)
        | State::TimeWait(_) => None,
    }
}
