//! Performs events and sees to it that the host comes to rest after each.

use super::event::{Call, Event, Polite, Setup};
use super::judge::Judge;
use super::log::{Line, Log};
use super::peer::{Peer, near};
use super::text::{peer_byte, user_byte};
use crate::header_parse::with_right_checksums;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tcpdrill_stack::config::{FastOpenConfig, SynCookies, SynData};
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::{
    CallError, Config, Host, Instant, Output, Profile, SendFlags, SocketId, SocketOptions,
    StateName, invariant,
};

const LOCAL_PORT: u16 = 80;
const PEER_PORT: u16 = 40_000;
/// Timers that may fire in a minute: a retransmission every 200 ms, and more than enough others.
const MAX_TIMEOUTS: usize = 2_000;

pub(super) struct Driver {
    host: Host,
    now: Instant,
    peer: Peer,
    judge: Judge,
    listener: Option<SocketId>,
    connection: Option<SocketId>,
    /// How much of its stream each connection's user has written and read.
    written: BTreeMap<SocketId, u32>,
    read: BTreeMap<SocketId, u32>,
    last_segment: Option<Segment>,
    states: BTreeSet<StateName>,
    log: Log,
}

impl Driver {
    pub(super) fn new(setup: &Setup) -> Self {
        let address = |last: u8| -> IpAddr {
            if setup.v6 {
                [0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()].into()
            } else {
                [192, 0, 2, last].into()
            }
        };
        let mut driver = Self {
            host: Host::new(config(setup), &[address(1)], [42; 16], 42),
            now: Instant::from_secs(1),
            peer: Peer {
                host: SocketAddr::new(address(1), LOCAL_PORT),
                address: SocketAddr::new(address(2), PEER_PORT),
                isn: SeqNum::new(setup.peer_isn as u32),
                timestamps: setup.timestamps,
                mss: setup.peer_mss,
            },
            judge: Judge::default(),
            listener: None,
            connection: None,
            written: BTreeMap::new(),
            read: BTreeMap::new(),
            last_segment: None,
            states: BTreeSet::new(),
            log: Log::default(),
        };
        driver.call(Call::Open {
            active: setup.active,
        });
        if setup.handshake {
            driver.polite(Polite::Syn);
            driver.polite(Polite::Ack(u16::MAX));
            driver.call(Call::Accept);
        }
        driver
    }

    /// The states that connections went through.
    #[cfg(test)]
    pub(super) fn states_seen(&self) -> impl Iterator<Item = StateName> {
        self.states.iter().copied()
    }

    pub(super) fn perform(&mut self, event: Event) {
        match event {
            Event::Segment(spec) => {
                let view = self.judge.view(self.peer.source(&spec));
                let segment = self.peer.segment(&spec, &view, self.now);
                self.arrive(segment);
            }
            Event::Polite(polite) => self.polite(polite),
            Event::Repeat => {
                if let Some(segment) = self.last_segment.clone() {
                    self.arrive(segment);
                }
            }
            Event::Datagram(bytes) => self.datagram(&with_right_checksums(bytes)),
            Event::Icmp {
                kind,
                code,
                mtu,
                seq_offset,
            } => {
                let view = self.judge.view(self.peer.address);
                let datagram = self
                    .peer
                    .icmp(kind, code, mtu, near(view.snd_nxt, seq_offset));
                self.datagram(&datagram);
            }
            Event::Call(call) => self.call(call),
            Event::Wait(millis) => {
                let until = self.now + Duration::from_millis(millis.into());
                self.wait_until(until);
            }
            Event::WaitForTimer => {
                if let Some(deadline) = self.host.poll_deadline() {
                    self.wait_until(deadline.max(self.now));
                }
            }
        }
    }

    /// Fills every gap in what the peer sent and reads it all: bytes that wait out of order must
    /// be right too.
    pub(super) fn fill_and_read(&mut self) {
        self.call(Call::Accept);
        for _ in 0..60 {
            let view = self.judge.view(self.peer.address);
            let segment = self.peer.next_text(&view, self.now);
            self.arrive(segment);
            self.call(Call::Recv(u16::MAX));
            if self.judge.view(self.peer.address).rcv_nxt == view.rcv_nxt {
                return;
            }
        }
    }

    /// Lets time pass until no timer runs: with nobody answering, a host gives up everything in
    /// the end.
    pub(super) fn wait_until_quiet(&mut self) {
        for id in [self.connection.take(), self.listener.take()]
            .into_iter()
            .flatten()
        {
            let _ = self.host.close(self.now, id);
            self.settle(None);
        }
        for _ in 0..20_000 {
            let Some(deadline) = self.host.poll_deadline() else {
                return;
            };
            self.now = self.now.max(deadline);
            self.host.timeout(self.now);
            self.settle(None);
        }
        panic!("timers still run, at {:?}", self.now);
    }

    fn wait_until(&mut self, until: Instant) {
        for _ in 0..MAX_TIMEOUTS {
            let due = self.host.poll_deadline().filter(|due| *due <= until);
            let Some(deadline) = due else {
                self.now = self.now.max(until);
                return;
            };
            self.now = self.now.max(deadline);
            self.host.timeout(self.now);
            self.settle(None);
        }
        panic!("more than {MAX_TIMEOUTS} timeouts up to {until:?}");
    }

    fn arrive(&mut self, segment: Segment) {
        let datagram = segment.emit();
        self.last_segment = Some(segment);
        self.datagram(&datagram);
    }

    fn datagram(&mut self, datagram: &[u8]) {
        let cause = match segment::parse(datagram) {
            Ok(Incoming::Segment(segment)) => Some(segment),
            _ => None,
        };
        self.log.push(Line::Received(datagram.to_vec()));
        self.host.receive(self.now, datagram);
        self.settle(cause.as_ref());
    }

    /// Takes everything the host has to say and judges it.
    fn settle(&mut self, cause: Option<&Segment>) {
        let queued = |id: &SocketId| self.host.status(*id).map_or(0, |s| s.send_queued);
        // Nobody need send more than what waits, in pieces of at least 16 bytes, and a little
        // around it: a FIN, an ACK, a RST.
        let written: u32 = self.written.values().sum();
        let waiting = self
            .connection
            .iter()
            .map(queued)
            .sum::<usize>()
            .max(written as usize);
        let most = 8 + waiting / 16;
        let mut sent = 0;
        loop {
            match self.host.poll() {
                Output::Transmit(datagram) => {
                    sent += 1;
                    self.log.push(Line::Sent(datagram.clone()));
                    assert!(sent <= most, "more than {most} packets at once");
                    self.judge.packet(&datagram, cause);
                }
                Output::Event(event) => {
                    if let tcpdrill_stack::Event::StateChanged { from, to, .. } = event {
                        self.states.extend([from, to]);
                    }
                    self.log.push(Line::Reported(event));
                }
                Output::Deadline(_) => break,
            }
        }
        if let Err(violation) = invariant::check(&self.host) {
            panic!("invariant broken at {:?}: {violation}", self.now);
        }
    }

    fn call(&mut self, call: Call) {
        let now = self.now;
        self.log.push(Line::Called(format!("{call:?} at {now:?}")));
        match call {
            Call::Open { active } => self.open(active),
            Call::Accept => {
                if let (Some(listener), None) = (self.listener, self.connection) {
                    self.connection = self.host.accept(now, listener).ok();
                }
            }
            Call::Send { len, urgent, more } => self.send(
                len,
                SendFlags {
                    urgent,
                    more,
                    ..SendFlags::default()
                },
            ),
            Call::Recv(len) => self.recv(len),
            Call::ShutdownWrite => {
                if let Some(id) = self.connection {
                    let _ = self.host.shutdown_write(now, id);
                }
            }
            Call::Close => {
                if let Some(id) = self.connection.take() {
                    self.host
                        .close(now, id)
                        .expect("an open socket can be closed");
                }
            }
            Call::Abort => {
                if let Some(id) = self.connection.take() {
                    self.host
                        .abort(now, id)
                        .expect("an open socket can be aborted");
                }
            }
            Call::CloseListener => {
                if let Some(id) = self.listener.take() {
                    self.host.close(now, id).expect("a listener can be closed");
                }
            }
            Call::SetOptions {
                nodelay,
                keepalive,
                cork,
                small_buffers,
                user_timeout,
            } => {
                let options = SocketOptions {
                    nodelay,
                    keepalive,
                    cork,
                    recv_buffer: small_buffers.then_some(500),
                    send_buffer: small_buffers.then_some(500),
                    user_timeout: user_timeout.map(|secs| Duration::from_secs(secs.into())),
                    ..SocketOptions::default()
                };
                if let Some(id) = self.connection {
                    let _ = self.host.set_options(id, options);
                }
            }
        }
        self.settle(None);
    }

    fn open(&mut self, active: bool) {
        let options = SocketOptions {
            reuse_address: true,
            ..SocketOptions::default()
        };
        if active && self.connection.is_none() {
            let local = (Some(self.peer.host.ip()), Some(self.peer.host.port()));
            self.connection = self
                .host
                .open_active(self.now, local, self.peer.address, options)
                .ok();
        } else if !active && self.listener.is_none() {
            let local = (None, self.peer.host.port());
            let options = SocketOptions {
                fast_open_queue: 2,
                ..options
            };
            self.listener = self.host.open_passive(self.now, local, 2, options).ok();
        }
    }

    fn send(&mut self, len: u16, flags: SendFlags) {
        let Some(id) = self.connection else { return };
        let written = self.written.entry(id).or_default();
        let data: Vec<u8> = (0..u32::from(len))
            .map(|n| user_byte(*written + n))
            .collect();
        if let Ok(taken) = self.host.send(self.now, id, &data, flags) {
            assert!(taken <= data.len(), "send took {taken} of {}", data.len());
            *written += taken as u32;
        }
    }

    fn recv(&mut self, len: u16) {
        let Some(id) = self.connection else { return };
        let irs = self.host.status(id).map(|status| status.irs);
        let mut buf = vec![0; len.into()];
        match self.host.recv(self.now, id, &mut buf) {
            Ok(len) => {
                let irs = irs.expect("a connection that delivers has a status");
                let read = self.read.entry(id).or_default();
                for byte in &buf[..len] {
                    assert_eq!(
                        *byte,
                        peer_byte(irs + 1 + *read),
                        "byte {read} delivered is wrong"
                    );
                    *read += 1;
                }
            }
            Err(CallError::NoSuchSocket) => panic!("{id} was never closed"),
            Err(_) => {}
        }
    }

    fn polite(&mut self, polite: Polite) {
        let view = self.judge.view(self.peer.address);
        let answers = self.connection.is_some();
        let segment = self.peer.polite(polite, &view, self.now, answers);
        self.arrive(segment);
    }
}

fn config(setup: &Setup) -> Config {
    let base = if setup.linux_like {
        Profile::Linux.config()
    } else {
        Config::default()
    };
    let buffer = if setup.small_buffers { 2_000 } else { 20_000 };
    Config {
        timestamps: setup.timestamps,
        sack: setup.sack,
        window_scale: setup.window_scale,
        recv_buffer: buffer,
        send_buffer: buffer,
        syn_data: if setup.queue_syn_data {
            SynData::Queue
        } else {
            SynData::Drop
        },
        syn_cookies: if setup.always_cookies {
            SynCookies::Always
        } else {
            SynCookies::OnOverflow
        },
        syn_queue: 2,
        fast_open: FastOpenConfig {
            server: true,
            // No peer guesses a cookie.
            accept_without_cookie: setup.queue_syn_data,
            ..base.fast_open.clone()
        },
        ..base
    }
}
