//! Performs events and sees to it that the host comes to rest after each.

use super::event::{Call, Event, Length, Options, Polite, Position, SegmentSpec, Setup};
use super::judge::{Judge, View};
use super::text::{peer_byte, peer_text, user_byte};
use crate::header_parse::with_right_checksums;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tcpdrill_stack::config::{SynCookies, SynData};
use tcpdrill_stack::segment::{self, Flags, Incoming, Segment};
use tcpdrill_stack::seq::{SeqNum, SeqRange};
use tcpdrill_stack::window::{Mss, UnscaledWindow, WindowScale};
use tcpdrill_stack::wire::ip::{self, IpHeader, PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_TCP};
use tcpdrill_stack::wire::options::{TcpOptions, Timestamps};
use tcpdrill_stack::{
    CallError, Config, Host, Instant, Output, SendFlags, SocketId, SocketOptions, StateName,
    invariant,
};

const LOCAL_PORT: u16 = 80;
const PEER_PORT: u16 = 40_000;
const FULL: usize = 1_000;
/// Timers that may fire in a minute: a retransmission every 200 ms, and more than enough others.
const MAX_TIMEOUTS: usize = 2_000;

pub(super) struct Driver {
    host: Host,
    now: Instant,
    local: SocketAddr,
    peer: SocketAddr,
    judge: Judge,
    listener: Option<SocketId>,
    connection: Option<SocketId>,
    /// How much of its stream each connection's user has written and read.
    written: BTreeMap<SocketId, u32>,
    read: BTreeMap<SocketId, u32>,
    /// The peer's next sequence number when it behaves, and its initial one.
    peer_isn: SeqNum,
    peer_timestamps: bool,
    peer_mss: Option<u16>,
    last_segment: Option<Segment>,
    states: BTreeSet<StateName>,
    log: Vec<Line>,
}

/// Something that happened, kept to be shown if the run is a finding.
#[derive(Debug)]
enum Line {
    Received(Vec<u8>),
    Sent(Vec<u8>),
    Reported(tcpdrill_stack::Event),
    Called(String),
}

impl Drop for Driver {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for line in &self.log[self.log.len().saturating_sub(60)..] {
            match line {
                Line::Received(datagram) => eprintln!("< {}", show(datagram)),
                Line::Sent(datagram) => eprintln!("> {}", show(datagram)),
                Line::Reported(event) => eprintln!("  {event:?}"),
                Line::Called(call) => eprintln!("  {call}"),
            }
        }
    }
}

fn show(datagram: &[u8]) -> String {
    match segment::parse(datagram) {
        Ok(Incoming::Segment(s)) => format!(
            "{}->{} {} {}:{}({}) ack {:?} win {} up {}",
            s.src.port(),
            s.dst.port(),
            s.flags,
            s.seq,
            s.end(),
            s.payload.len(),
            s.ack.map(SeqNum::raw),
            s.wnd.raw(),
            s.up
        ),
        other => format!("{other:?}"),
    }
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
            local: SocketAddr::new(address(1), LOCAL_PORT),
            peer: SocketAddr::new(address(2), PEER_PORT),
            judge: Judge::default(),
            listener: None,
            connection: None,
            written: BTreeMap::new(),
            read: BTreeMap::new(),
            peer_isn: SeqNum::new(setup.peer_isn as u32),
            peer_timestamps: setup.timestamps,
            peer_mss: setup.peer_mss,
            last_segment: None,
            states: BTreeSet::new(),
            log: Vec::new(),
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
                let segment = self.segment(&spec);
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
            } => self.icmp(kind, code, mtu, seq_offset),
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
            let view = self.judge.view(self.peer);
            let segment = Segment {
                payload: peer_text(self.peer_next(&view), FULL),
                ..self.polite_segment(&view)
            };
            self.arrive(segment);
            self.call(Call::Recv(u16::MAX));
            if self.judge.view(self.peer).rcv_nxt == view.rcv_nxt {
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
            Call::Send { len, urgent, more } => self.send(len, SendFlags { urgent, more }),
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
            let local = (Some(self.local.ip()), Some(self.local.port()));
            self.connection = self
                .host
                .open_active(self.now, local, self.peer, options)
                .ok();
        } else if !active && self.listener.is_none() {
            let local = (None, self.local.port());
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

    /// The number the host expects next, or the peer's ISN when it expects none yet.
    fn peer_next(&self, view: &View) -> SeqNum {
        view.rcv_nxt.unwrap_or(self.peer_isn)
    }

    /// A segment without text, in order, that acknowledges all.
    fn polite_segment(&self, view: &View) -> Segment {
        Segment {
            seq: self.peer_next(view),
            ack: view.is_open().then_some(view.snd_nxt),
            wnd: UnscaledWindow::new(u16::MAX),
            options: self.usual_options(view),
            ..Segment::new(self.peer, self.local)
        }
    }

    fn polite(&mut self, polite: Polite) {
        let view = self.judge.view(self.peer);
        let mut segment = self.polite_segment(&view);
        let ack = segment.ack;
        match polite {
            Polite::Syn => {
                segment.seq = self.peer_isn;
                segment.flags = Flags::SYN;
                segment.options.mss = self.peer_mss.map(Mss::new);
                segment.options.sack_permitted = true;
                segment.options.window_scale = Some(WindowScale::new(2));
                segment.ack = ack.filter(|_| self.connection.is_some());
            }
            Polite::Ack(window) => segment.wnd = UnscaledWindow::new(window),
            Polite::Text(len) => {
                segment.flags = Flags::PSH;
                segment.payload = peer_text(segment.seq, len.into());
            }
            Polite::Fin => segment.flags = Flags::FIN,
            Polite::Reset => segment.flags = Flags::RST,
        }
        self.arrive(segment);
    }

    fn usual_options(&self, view: &View) -> TcpOptions {
        TcpOptions {
            timestamps: self.peer_timestamps.then(|| Timestamps {
                value: self.now.as_millis() as u32,
                echo: view.timestamp,
            }),
            ..TcpOptions::NONE
        }
    }

    fn segment(&self, spec: &SegmentSpec) -> Segment {
        let SegmentSpec {
            seq,
            ack,
            flags,
            window,
            urgent,
            len,
            options,
            other_port,
        } = spec;
        let mut src = self.peer;
        src.set_port(src.port() + u16::from(*other_port));
        let view = self.judge.view(src);
        let seq = place(*seq, self.peer_next(&view), view.window);
        let flags = flags_of(*flags);
        let len = match *len {
            Length::None => 0,
            Length::Short(len) => len.into(),
            Length::Full => FULL,
            Length::Window(more) => (view.window as usize).min(60_000) + usize::from(more),
        };
        Segment {
            seq,
            ack: ack.map(|ack| place(ack, view.snd_nxt, 0)),
            flags,
            wnd: UnscaledWindow::new(*window),
            up: *urgent,
            options: self.options(options, &view),
            payload: peer_text(seq + u32::from(flags.syn), len),
            ..Segment::new(src, self.local)
        }
    }

    fn options(&self, spec: &Options, view: &View) -> TcpOptions {
        TcpOptions {
            mss: spec.mss.map(Mss::new),
            window_scale: spec.window_scale.map(WindowScale::new),
            sack_permitted: spec.sack_permitted,
            timestamps: spec.timestamp.map(|(drift, echo_right)| Timestamps {
                value: (self.now.as_millis() as u32).wrapping_add_signed(i32::from(drift) * 100),
                echo: if echo_right {
                    view.timestamp
                } else {
                    !view.timestamp
                },
            }),
            sack: spec
                .sack
                .iter()
                .map(|(start, len)| {
                    SeqRange::with_len(place(*start, view.snd_nxt, 0), u32::from(*len))
                })
                .collect(),
            note: None,
        }
    }

    fn icmp(&mut self, kind: u8, code: u8, mtu: u16, seq_offset: i8) {
        let view = self.judge.view(self.peer);
        let seq = near(view.snd_nxt, seq_offset);
        let quoted = Segment {
            seq,
            ..Segment::new(self.local, self.peer)
        };
        let mut quote = quoted.emit();
        quote.truncate(quote.len() - 20 + 8);
        let v6 = self.local.is_ipv6();
        let kinds: &[u8] = if v6 { &[1, 2, 3, 4] } else { &[3, 4, 11, 12] };
        let mut message = vec![kinds[usize::from(kind) % 4], code % 16, 0, 0, 0, 0];
        message.extend(mtu.to_be_bytes());
        message.extend(quote);
        let header = IpHeader {
            src: self.peer.ip(),
            dst: self.local.ip(),
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        let protocol = if v6 { PROTOCOL_ICMPV6 } else { PROTOCOL_ICMP };
        debug_assert_ne!(protocol, PROTOCOL_TCP);
        let datagram = with_right_checksums(ip::emit(&header, protocol, &message));
        self.datagram(&datagram);
    }
}

fn config(setup: &Setup) -> Config {
    let base = if setup.linux_like {
        Config::linux_like()
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
        ..base
    }
}

fn near(seq: SeqNum, offset: i8) -> SeqNum {
    SeqNum::new(seq.raw().wrapping_add_signed(offset.into()))
}

fn place(position: Position, next: SeqNum, window: u32) -> SeqNum {
    match position {
        Position::Next => next,
        Position::NearNext(offset) => near(next, offset),
        Position::NearEdge(offset) => near(next + window, offset),
        Position::Inside(offset) => next + u32::from(offset) % window.saturating_add(100).max(1),
        Position::HalfTurn(offset) => near(next + (1 << 31), offset),
        Position::Any(raw) => SeqNum::new(raw),
    }
}

fn flags_of(bits: u8) -> Flags {
    Flags {
        fin: bits & 1 != 0,
        // Rarer than the others: they end what the rest builds up.
        syn: bits & 0x42 == 0x42,
        rst: bits & 0x84 == 0x84,
        psh: bits & 8 != 0,
        urg: bits & 16 != 0,
        ece: bits & 32 != 0,
        cwr: bits & 64 != 0,
    }
}
