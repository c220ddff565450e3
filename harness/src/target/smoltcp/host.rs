//! The stack and its clock: an interface, its sockets and what they have sent.
//!
//! Nothing here knows of descriptors or scripts.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet,
};
use smoltcp::socket::tcp::{
    CongestionControl, ConnectError, ListenError, Socket as Tcp, SocketBuffer, State,
};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint, IpListenEndpoint};

use super::clock::{self, BOOT};
use super::device::Queue;
use crate::target::{Observed, TargetError};
use crate::time::Time;

/// Steps within one wait, and packets after one step, after which the stack is taken to come to no end.
const MOST_WORK: u32 = 100_000;

/// smoltcp may ask to be polled "now" though a poll has just found nothing to do. A program that does as
/// it is told spins; the virtual clock has to move meanwhile.
const SPIN: Duration = Duration::from_millis(1);

/// A socket of smoltcp, open or ended, until it is [released](Host::release).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id(u32);

/// What ended a connection that its user had not ended. smoltcp itself says no more than CLOSED; what it was
/// doing then tells the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A segment, while the handshake was under way.
    Refused,
    /// A segment.
    Reset,
    /// A timer.
    TimedOut,
}

/// What smoltcp may be told of a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Receive buffer in bytes, which is also the largest window.
    pub(super) receive_buffer: usize,
    /// Send buffer in bytes.
    pub(super) send_buffer: usize,
    /// Nagle's algorithm (RFC 9293 §3.7.4).
    pub(super) nagle: bool,
    /// Interval of keep-alives.
    pub(super) keep_alive: Option<Duration>,
    /// How long the peer may be silent.
    pub(super) timeout: Option<Duration>,
    /// TTL or hop limit, not 0.
    pub(super) hop_limit: Option<u8>,
    /// For how long an acknowledgment may wait.
    pub(super) ack_delay: Option<Duration>,
    /// `None`, Reno or CUBIC.
    pub(super) control: CongestionControl,
    /// Timestamps (RFC 7323 §3) are offered and taken.
    pub(super) timestamps: bool,
}

/// smoltcp's own delay of acknowledgments.
pub(super) const ACK_DELAY: Duration = Duration::from_millis(10);

impl Default for Options {
    /// A receive buffer that makes it scale its window; else smoltcp's own defaults, with what it has and
    /// leaves off: timestamps, and congestion control, which RFC 9293 §3.8.2 demands.
    fn default() -> Options {
        Options {
            receive_buffer: 131_072,
            send_buffer: 65_536,
            nagle: true,
            keep_alive: None,
            timeout: None,
            hop_limit: None,
            ack_delay: Some(ACK_DELAY),
            control: CongestionControl::Reno,
            timestamps: true,
        }
    }
}

/// What is known of a socket besides what smoltcp says.
#[derive(Debug)]
struct Watched {
    handle: SocketHandle,
    /// Its state after the last step.
    state: State,
    /// It has been past SYN-RECEIVED.
    established: bool,
    end: Option<End>,
    /// Nobody will ask for it again; it goes when it has nothing more to do.
    released: bool,
}

/// An interface with its sockets in virtual time.
pub(super) struct Host {
    interface: Interface,
    device: Queue,
    sockets: SocketSet<'static>,
    watched: BTreeMap<Id, Watched>,
    made: u32,
    now: Instant,
    /// When the stack was last asked for all it has to send.
    settled: Instant,
    /// Zero of the case's clock.
    origin: Instant,
    sent: VecDeque<Observed>,
    /// Steps since the last call into the session.
    steps: u32,
    /// The stack had something to send without end.
    overflowed: bool,
}

impl Host {
    /// A host with one address, and a gateway for what is not in its network.
    pub(super) fn new(mtu: u16, address: IpAddr, prefix: u8, gateway: IpAddr, seed: u64) -> Host {
        let mut device = Queue::new(mtu);
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        clock::show(BOOT);
        let mut interface = Interface::new(config, &mut device, BOOT);
        interface.update_ip_addrs(|addresses| {
            // There is room for two, and this is the first.
            let _ = addresses.push(IpCidr::new(IpAddress::from(address), prefix));
        });
        let routes = interface.routes_mut();
        // The same: the table is empty.
        let _ = match gateway {
            IpAddr::V4(gateway) => routes.add_default_ipv4_route(gateway),
            IpAddr::V6(gateway) => routes.add_default_ipv6_route(gateway),
        };
        Host {
            interface,
            device,
            sockets: SocketSet::new(Vec::new()),
            watched: BTreeMap::new(),
            made: 0,
            now: BOOT,
            settled: BOOT,
            origin: BOOT,
            sent: VecDeque::new(),
            steps: 0,
            overflowed: false,
        }
    }

    /// Makes the current moment the case's zero.
    pub(super) fn start(&mut self) {
        self.origin = self.now;
    }

    /// The current moment on the stack's clock.
    pub(super) fn now(&self) -> Instant {
        self.now
    }

    /// A moment of the stack's clock on the case's clock.
    pub(super) fn time_of(&self, instant: Instant) -> Time {
        Time::from_micros(instant.total_micros() - self.origin.total_micros())
    }

    /// A moment of the case's clock on the stack's.
    pub(super) fn instant_of(&self, time: Time) -> Instant {
        Instant::from_micros(self.origin.total_micros().saturating_add(time.as_micros()))
    }

    /// The oldest packet nobody has taken.
    pub(super) fn take_packet(&mut self) -> Option<Observed> {
        self.sent.pop_front()
    }

    /// Whether a packet waits to be taken.
    pub(super) fn has_packet(&self) -> bool {
        !self.sent.is_empty()
    }

    /// A socket in CLOSED.
    pub(super) fn open(&mut self, options: &Options) -> Id {
        let room = |size| SocketBuffer::new(vec![0; size]);
        let mut socket = Tcp::new(room(options.receive_buffer), room(options.send_buffer));
        socket.set_congestion_control(options.control);
        if options.timestamps {
            socket.set_tsval_generator(Some(clock::tsval));
        }
        let handle = self.sockets.add(socket);
        let id = Id(self.made);
        self.made += 1;
        let watched = Watched {
            handle,
            state: State::Closed,
            established: false,
            end: None,
            released: false,
        };
        self.watched.insert(id, watched);
        self.set(id, options);
        id
    }

    /// Tells a socket what can be told at any time: all but buffers, congestion control and timestamps.
    pub(super) fn set(&mut self, id: Id, options: &Options) {
        let Some(socket) = self.socket_mut(id) else {
            return;
        };
        socket.set_nagle_enabled(options.nagle);
        socket.set_timeout(options.timeout);
        socket.set_hop_limit(options.hop_limit);
        socket.set_ack_delay(options.ack_delay);
        // Told again, it begins to count again.
        if socket.keep_alive() != options.keep_alive {
            socket.set_keep_alive(options.keep_alive);
        }
    }

    /// The socket of smoltcp.
    pub(super) fn socket(&self, id: Id) -> Option<&Tcp<'static>> {
        let watched = self.watched.get(&id)?;
        Some(self.sockets.get(watched.handle))
    }

    /// The same, to call it; [`settle`](Self::settle) afterwards.
    pub(super) fn socket_mut(&mut self, id: Id) -> Option<&mut Tcp<'static>> {
        let watched = self.watched.get(&id)?;
        Some(self.sockets.get_mut(watched.handle))
    }

    /// Its state; CLOSED for one that is gone.
    pub(super) fn state(&self, id: Id) -> State {
        self.socket(id).map_or(State::Closed, Tcp::state)
    }

    /// Whether the handshake was completed at some time.
    pub(super) fn was_established(&self, id: Id) -> bool {
        self.watched.get(&id).is_some_and(|known| known.established)
    }

    /// What ended the connection, if that has not been told yet.
    pub(super) fn end(&self, id: Id) -> Option<End> {
        self.watched.get(&id)?.end
    }

    /// The same, and it counts as told.
    pub(super) fn take_end(&mut self, id: Id) -> Option<End> {
        self.watched.get_mut(&id)?.end.take()
    }

    /// Whether a connection with this local port is not closed.
    pub(super) fn has_connection_from(&self, port: u16) -> bool {
        self.watched.values().any(|watched| {
            let socket: &Tcp<'static> = self.sockets.get(watched.handle);
            let local = socket.local_endpoint();
            socket.state() != State::Closed && local.is_some_and(|local| local.port == port)
        })
    }

    /// Passive open.
    ///
    /// # Errors
    /// smoltcp's.
    pub(super) fn listen(
        &mut self,
        id: Id,
        address: Option<IpAddr>,
        port: u16,
    ) -> Result<(), ListenError> {
        let addr = address.map(IpAddress::from);
        let Some(socket) = self.socket_mut(id) else {
            return Err(ListenError::InvalidState);
        };
        socket.listen(IpListenEndpoint { addr, port })?;
        self.settle();
        Ok(())
    }

    /// Active open.
    ///
    /// # Errors
    /// smoltcp's.
    pub(super) fn connect(
        &mut self,
        id: Id,
        remote: SocketAddr,
        local: (Option<IpAddr>, u16),
    ) -> Result<(), ConnectError> {
        let Some(watched) = self.watched.get(&id) else {
            return Err(ConnectError::InvalidState);
        };
        let socket: &mut Tcp<'static> = self.sockets.get_mut(watched.handle);
        let local = IpListenEndpoint {
            addr: local.0.map(IpAddress::from),
            port: local.1,
        };
        socket.connect(self.interface.context(), IpEndpoint::from(remote), local)?;
        self.settle();
        Ok(())
    }

    /// A RST, and CLOSED.
    pub(super) fn abort(&mut self, id: Id) {
        if let Some(socket) = self.socket_mut(id) {
            socket.abort();
        }
        self.settle();
    }

    /// A FIN behind what waits to be sent.
    pub(super) fn close(&mut self, id: Id) {
        if let Some(socket) = self.socket_mut(id) {
            socket.close();
        }
        self.settle();
    }

    /// Nobody will ask for this socket again.
    pub(super) fn release(&mut self, id: Id) {
        if let Some(watched) = self.watched.get_mut(&id) {
            watched.released = true;
        }
        self.sweep();
    }

    /// One datagram arrives now.
    pub(super) fn receive(&mut self, datagram: &[u8]) {
        clock::show(self.now);
        self.device.put(datagram);
        loop {
            let found =
                self.interface
                    .poll_ingress_single(self.now, &mut self.device, &mut self.sockets);
            if matches!(found, PollIngressSingleResult::None) {
                break;
            }
            self.note(Some(End::Reset));
        }
        self.collect();
        self.settle();
    }

    /// Lets the stack send all that it has to send now. To be done after every call into it.
    pub(super) fn settle(&mut self) {
        // Whatever the call has done was the user's doing.
        self.note(None);
        clock::show(self.now);
        self.interface.poll_maintenance(self.now);
        for _ in 0..MOST_WORK {
            let found = self
                .interface
                .poll_egress(self.now, &mut self.device, &mut self.sockets);
            self.collect();
            self.note(Some(End::TimedOut));
            if matches!(found, PollResult::None) {
                self.settled = self.now;
                self.sweep();
                return;
            }
        }
        self.overflowed = true;
    }

    fn collect(&mut self) {
        let at = self.time_of(self.now);
        while let Some(bytes) = self.device.take() {
            self.sent.push_back(Observed { at, bytes });
        }
    }

    /// Looks at what has become of each socket; `cause` is what ends one that ends by itself.
    fn note(&mut self, cause: Option<End>) {
        for watched in self.watched.values_mut() {
            let state = self.sockets.get::<Tcp<'static>>(watched.handle).state();
            let before = std::mem::replace(&mut watched.state, state);
            watched.established |= !matches!(
                state,
                State::Closed | State::Listen | State::SynSent | State::SynReceived
            );
            if state != State::Closed || before == State::Closed {
                continue;
            }
            watched.end = match (cause, before) {
                (Some(End::Reset), State::SynSent | State::SynReceived) => Some(End::Refused),
                // In LAST-ACK the acknowledgment of the FIN looks the same as a RST; both are an end.
                (Some(End::Reset), State::LastAck) | (_, State::TimeWait) => None,
                (cause, _) => cause,
            };
        }
    }

    /// Takes away what was released and has nothing more to do.
    fn sweep(&mut self) {
        let sockets = &mut self.sockets;
        self.watched.retain(|_, watched| {
            let socket: &Tcp<'static> = sockets.get(watched.handle);
            // One that has still to send its RST has an endpoint.
            let done = socket.state() == State::Closed && socket.remote_endpoint().is_none();
            if watched.released && done {
                sockets.remove(watched.handle);
            }
            !(watched.released && done)
        });
    }

    /// A call into the session begins: what the stack does from here on is counted.
    pub(super) fn begin(&mut self) {
        self.steps = 0;
    }

    /// When the stack wants to be polled.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        clock::show(self.now);
        let at = self.interface.poll_at(self.now, &self.sockets)?;
        let earliest = if self.settled == self.now {
            self.now + SPIN
        } else {
            self.now
        };
        Some(if at <= self.now { earliest } else { at })
    }

    /// Moves the clock to `to` (never back) and does what is due there.
    ///
    /// # Errors
    /// [`TargetError::Stack`] if the stack does more than any case asks of it.
    pub(super) fn advance(&mut self, to: Instant) -> Result<(), TargetError> {
        let due = self.deadline().is_some_and(|at| at <= to);
        self.now = self.now.max(to);
        self.steps += 1;
        if self.overflowed || self.steps > MOST_WORK {
            return Err(TargetError::Stack(format!(
                "smoltcp comes to no end: {MOST_WORK} polls within one wait, at {}",
                self.time_of(self.now)
            )));
        }
        if due {
            self.settle();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn host() -> Host {
        let address = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        Host::new(1500, address(1), 24, address(254), 0)
    }

    fn peer() -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 2], 80))
    }

    #[test]
    fn the_clock_goes_to_the_next_timeout_and_a_syn_goes_out_again() {
        let mut host = host();
        let id = host.open(&Options::default());
        host.connect(id, peer(), (None, 49_152)).unwrap();
        assert_eq!(host.take_packet().unwrap().at, Time::ZERO);
        // RFC 6298 §2.1.
        let deadline = host.deadline().unwrap();
        assert_eq!(deadline, BOOT + Duration::from_secs(1));
        host.advance(deadline - Duration::from_micros(1)).unwrap();
        assert!(!host.has_packet());
        host.advance(deadline).unwrap();
        assert_eq!(host.take_packet().unwrap().at, Time::from_micros(1_000_000));
        // Never back.
        host.advance(BOOT).unwrap();
        assert_eq!(host.now(), deadline);
    }

    #[test]
    fn what_was_released_goes_once_its_reset_is_out() {
        let mut host = host();
        let id = host.open(&Options::default());
        host.connect(id, peer(), (None, 49_152)).unwrap();
        assert!(host.has_connection_from(49_152));
        host.release(id);
        assert_eq!(host.state(id), State::SynSent);
        host.abort(id);
        assert!(host.socket(id).is_none());
        assert!(!host.has_connection_from(49_152));
        assert_eq!(host.state(id), State::Closed);
    }

    #[test]
    fn work_is_bounded_within_one_wait_and_not_over_several() {
        let mut host = host();
        for _ in 0..2 {
            host.begin();
            for _ in 0..MOST_WORK {
                host.advance(BOOT).unwrap();
            }
        }
        let error = host.advance(BOOT).unwrap_err().to_string();
        assert!(
            error.starts_with("smoltcp comes to no end: 100000"),
            "{error}"
        );
    }
}
