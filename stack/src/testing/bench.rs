//! One host on a bench: a scripted peer, a virtual clock, and everything the host says.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;

use crate::config::{Config, InitialWindow};
use crate::congestion::Rules;
use crate::event::Event;
use crate::host::{Host, Output};
use crate::invariant;
use crate::segment::{self, Flags, Incoming, Segment};
use crate::seq::SeqNum;
use crate::socket::{SocketId, SocketOptions};
use crate::state::StateName;
use crate::time::Instant;
use crate::window::{Mss, UnscaledWindow, WindowScale};
use crate::wire::accecn::{AccEcnOption, AccEcnOrder};

/// Most steps a bench takes to let time pass; more is a timer that never rests.
const STEPS_MAX: u32 = 100_000;

/// Something the host did, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It sent this.
    Sent(Segment),
    /// It reported this.
    Event(Event),
}

/// A host at 192.0.2.1 and its peer at 198.51.100.7, port 8080 and 40000. The peer is the test.
#[derive(Debug)]
pub struct Bench {
    /// The host under test.
    pub host: Host,
    /// The time.
    pub now: Instant,
    /// The host's end.
    pub local: SocketAddr,
    /// The peer's end.
    pub peer: SocketAddr,
    /// Everything the host did, with its time, oldest first.
    pub seen: Vec<(Instant, Seen)>,
    /// The peer's initial sequence number.
    pub irs: SeqNum,
    /// Window field of segments that the peer sends.
    pub peer_window: u16,
}

impl Bench {
    /// A host without connections.
    pub fn new(config: Config) -> Self {
        let local = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let peer = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 7));
        Self::between(config, local, peer)
    }

    /// As [`new`](Self::new), at 2001:db8::1 with a peer at 2001:db8:7::7.
    pub fn new_v6(config: Config) -> Self {
        let local = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
        let peer = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 7));
        Self::between(config, local, peer)
    }

    fn between(config: Config, local: IpAddr, peer: IpAddr) -> Self {
        Self {
            host: Host::new(config, &[local], [7; 16], 1),
            now: Instant::from_secs(1),
            local: SocketAddr::new(local, 8080),
            peer: SocketAddr::new(peer, 40_000),
            seen: Vec::new(),
            irs: SeqNum::new(1000),
            peer_window: 65_535,
        }
    }

    /// Settings that keep options out of the way: no scaling, timestamps or SACK. The delay of acknowledgments begins
    /// at once, and the initial window is the wide one.
    pub fn plain_config() -> Config {
        Config {
            quick_acks: 0,
            congestion: Rules {
                initial_window: InitialWindow::Rfc6928,
                ..Rules::default()
            },
            window_scale: None,
            timestamps: false,
            sack: false,
            ..Config::default()
        }
    }

    /// Takes everything the host has to say; answers what it sent.
    pub fn drain(&mut self) -> Vec<Segment> {
        let mut sent = Vec::new();
        loop {
            match self.host.poll() {
                Output::Deadline(_) => {
                    if let Err(violation) = invariant::check(&self.host) {
                        panic!("{violation}\n{:#?}", self.host.sockets);
                    }
                    return sent;
                }
                Output::Event(event) => self.seen.push((self.now, Seen::Event(event))),
                Output::Transmit(datagram) => {
                    let Ok(Incoming::Segment(segment)) = segment::parse(&datagram) else {
                        panic!("the host sent what it would not read itself: {datagram:02x?}");
                    };
                    self.seen.push((self.now, Seen::Sent(segment.clone())));
                    sent.push(segment);
                }
            }
        }
    }

    /// Hands the host a segment; answers what it sent.
    pub fn inject(&mut self, segment: &Segment) -> Vec<Segment> {
        self.host.receive(self.now, &segment.emit());
        self.drain()
    }

    /// Lets time pass, timers firing on the way; answers what the host sent and when.
    pub fn wait(&mut self, length: Duration) -> Vec<(Instant, Segment)> {
        let end = self.now + length;
        let mut sent = Vec::new();
        for _ in 0..STEPS_MAX {
            match self.host.poll_deadline() {
                Some(at) if at <= end => {
                    self.now = self.now.max(at);
                    self.host.timeout(self.now);
                    let now = self.now;
                    sent.extend(self.drain().into_iter().map(|segment| (now, segment)));
                }
                Some(_) | None => {
                    self.now = end;
                    return sent;
                }
            }
        }
        panic!("timers do not come to rest before {end:?}");
    }

    /// A segment from the peer, from a short form: flag letters as tcpdump writes them (`S`, `F`,
    /// `R`, `P`, `U`, `.` for ACK), sequence number relative to the peer's ISN, acknowledgment
    /// relative to ours.
    pub fn peer_segment(&self, flags: &str, seq: i64, ack: SeqNum) -> Segment {
        let has = |letter| flags.contains(letter);
        Segment {
            seq: self.irs + seq as u32,
            ack: has('.').then_some(ack),
            flags: Flags {
                syn: has('S'),
                fin: has('F'),
                rst: has('R'),
                psh: has('P'),
                urg: has('U'),
                ..Flags::NONE
            },
            wnd: UnscaledWindow::new(self.peer_window),
            ..Segment::new(self.peer, self.local)
        }
    }

    /// The peer's SYN, with the options of the host's own default SYN where `options` is set.
    pub fn peer_syn(&self, options: bool) -> Segment {
        let mut syn = self.peer_segment("S", 0, SeqNum::new(0));
        syn.options.mss = Some(Mss::new(1460));
        if options {
            syn.options.window_scale = Some(WindowScale::new(7));
            syn.options.sack_permitted = true;
        }
        syn
    }

    /// A listener on the host's port.
    pub fn listen(&mut self) -> SocketId {
        self.listen_with(8, SocketOptions::default())
    }

    /// A listener with this backlog and these options.
    ///
    /// # Panics
    /// If the port is taken.
    pub fn listen_with(&mut self, backlog: usize, options: SocketOptions) -> SocketId {
        let local = (None, self.local.port());
        let id = self
            .host
            .open_passive(self.now, local, backlog, options)
            .unwrap_or_else(|error| panic!("listen: {error}"));
        self.drain();
        id
    }

    /// A connection accepted from a fresh listener: handshake of three segments.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn accepted(&mut self) -> Conn {
        self.accepted_with(SocketOptions::default())
    }

    /// As [`accepted`](Self::accepted), with socket options on the listener.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn accepted_with(&mut self, options: SocketOptions) -> Conn {
        let syn = self.peer_syn(false);
        self.accepted_by(&syn, options)
    }

    /// As [`accepted`](Self::accepted), with this SYN; the third segment repeats its timestamps.
    ///
    /// # Panics
    /// If the handshake fails.
    pub fn accepted_by(&mut self, syn: &Segment, options: SocketOptions) -> Conn {
        let listener = self.listen_with(8, options);
        let sent = self.inject(syn);
        let [syn_ack] = &sent[..] else {
            panic!("no single SYN-ACK: {sent:?}")
        };
        let iss = syn_ack.seq;
        let mut third = self.peer_segment(".", 1, iss + 1);
        third.options.timestamps = syn.options.timestamps;
        self.inject(&third);
        let id = self
            .host
            .accept(self.now, listener)
            .unwrap_or_else(|error| panic!("accept: {error}"));
        self.drain();
        Conn {
            id,
            iss,
            listener: Some(listener),
        }
    }

    /// A connection that the host opens towards the peer; the SYN is out, nothing has come back.
    ///
    /// # Panics
    /// If the open fails.
    pub fn connecting(&mut self, options: SocketOptions) -> Conn {
        let local = (None, Some(self.local.port()));
        let id = self
            .host
            .open_active(self.now, local, self.peer, options)
            .unwrap_or_else(|error| panic!("connect: {error}"));
        let sent = self.drain();
        let [syn] = &sent[..] else {
            panic!("no single SYN: {sent:?}")
        };
        Conn {
            id,
            iss: syn.seq,
            listener: None,
        }
    }

    /// A half-open connection of a fresh listener: the SYN-ACK is out, nothing has come back.
    ///
    /// # Panics
    /// If the host does not answer the SYN.
    pub fn half_open(&mut self) -> Conn {
        let listener = self.listen();
        let sent = self.inject(&self.peer_syn(false));
        let [syn_ack] = &sent[..] else {
            panic!("no single SYN-ACK: {sent:?}")
        };
        let child = self.events().find_map(|event| match event {
            Event::StateChanged {
                id,
                to: StateName::SynReceived,
                ..
            } => Some(*id),
            _ => None,
        });
        let id = child.unwrap_or_else(|| panic!("no connection in SYN-RECEIVED"));
        Conn {
            id,
            iss: syn_ack.seq,
            listener: Some(listener),
        }
    }

    /// Brings one connection into `state` on the shortest way. In CLOSED there is no socket at all,
    /// in LISTEN only the listener.
    pub fn reach(&mut self, state: StateName) -> Conn {
        let nothing = |id, listener| Conn {
            id,
            iss: SeqNum::new(0),
            listener,
        };
        match state {
            StateName::Closed => nothing(SocketId::new(0, u32::MAX), None),
            StateName::Listen => {
                let id = self.listen();
                nothing(id, Some(id))
            }
            StateName::SynSent => self.connecting(SocketOptions::default()),
            StateName::SynReceived => self.half_open(),
            StateName::Established => self.accepted(),
            StateName::FinWait1 => {
                let conn = self.accepted();
                self.shutdown(conn);
                conn
            }
            StateName::FinWait2 => {
                let conn = self.reach(StateName::FinWait1);
                self.inject(&self.peer_segment(".", 1, conn.iss + 2));
                conn
            }
            StateName::CloseWait => {
                let conn = self.accepted();
                self.inject(&self.peer_segment("F.", 1, conn.iss + 1));
                conn
            }
            StateName::Closing => {
                let conn = self.reach(StateName::FinWait1);
                self.inject(&self.peer_segment("F.", 1, conn.iss + 1));
                conn
            }
            StateName::LastAck => {
                let conn = self.reach(StateName::CloseWait);
                self.shutdown(conn);
                conn
            }
            StateName::TimeWait => {
                let conn = self.reach(StateName::FinWait2);
                self.inject(&self.peer_segment("F.", 1, conn.iss + 2));
                conn
            }
        }
    }

    fn shutdown(&mut self, conn: Conn) {
        if let Err(error) = self.host.shutdown_write(self.now, conn.id) {
            panic!("shutdown: {error}");
        }
        self.drain();
    }

    /// The state of a connection; CLOSED if it is gone.
    pub fn state(&self, id: SocketId) -> StateName {
        self.host
            .status(id)
            .map_or(StateName::Closed, |status| status.state)
    }

    /// The segments that the host sent since the beginning.
    pub fn sent(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.seen.iter().filter_map(|(_, seen)| match seen {
            Seen::Sent(segment) => Some(segment),
            Seen::Event(_) => None,
        })
    }

    /// The events since the beginning.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.seen.iter().filter_map(|(_, seen)| match seen {
            Seen::Event(event) => Some(event),
            Seen::Sent(_) => None,
        })
    }
}

/// A connection on the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conn {
    /// The connection.
    pub id: SocketId,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// Its listener, if the peer opened it.
    pub listener: Option<SocketId>,
}

/// A segment in one line, sequence numbers relative to `iss` (the sender's) and `irs` (the
/// other's): `FP. 1:101(100) ack 1 win 65535 <mss 1460>`.
pub fn show(segment: &Segment, iss: SeqNum, irs: SeqNum) -> String {
    let Flags {
        fin,
        syn,
        rst,
        psh,
        urg,
        ece,
        cwr,
        ae,
    } = segment.flags;
    let letters = [
        (syn, 'S'),
        (fin, 'F'),
        (rst, 'R'),
        (psh, 'P'),
        (urg, 'U'),
        (ece, 'E'),
        (cwr, 'W'),
        (ae, 'A'),
        (segment.ack.is_some(), '.'),
    ];
    let flags: String = letters
        .iter()
        .filter(|(set, _)| *set)
        .map(|(_, letter)| letter)
        .collect();
    let start = iss.signed_distance_to(segment.seq);
    let len = segment.payload.len();
    let mut line = format!("{flags} {start}:{}({len})", i64::from(start) + len as i64);
    if let Some(ack) = segment.ack {
        let _ = write!(line, " ack {}", irs.signed_distance_to(ack));
    }
    let _ = write!(line, " win {}", segment.wnd.raw());
    if urg {
        let _ = write!(line, " urg {}", segment.up);
    }
    let options = show_options(segment, irs);
    if !options.is_empty() {
        let _ = write!(line, " <{}>", options.join(","));
    }
    line
}

fn show_options(segment: &Segment, irs: SeqNum) -> Vec<String> {
    let options = &segment.options;
    let mut shown = Vec::new();
    if let Some(mss) = options.mss {
        shown.push(format!("mss {}", mss.raw()));
    }
    if options.sack_permitted {
        shown.push(String::from("sackOK"));
    }
    if let Some(timestamps) = options.timestamps {
        shown.push(format!("TS ecr {}", timestamps.echo));
    }
    if let Some(scale) = options.window_scale {
        shown.push(format!("wscale {}", scale.shift()));
    }
    if let Some(fast_open) = options.fast_open {
        let kind = if fast_open.experimental {
            "FOEXP"
        } else {
            "FO"
        };
        shown.push(match fast_open.cookie {
            Some(cookie) => format!("{kind} {cookie:?}"),
            None => String::from(kind),
        });
    }
    if let Some(accecn) = options.accecn {
        shown.push(show_accecn(&accecn));
    }
    for block in options.sack.as_slice() {
        let edge = |seq| irs.signed_distance_to(seq);
        shown.push(format!("sack {}:{}", edge(block.start), edge(block.end)));
    }
    shown
}

/// The counters in their order: `ECN e0b 1 ceb 0`.
fn show_accecn(option: &AccEcnOption) -> String {
    let (e0b, e1b) = (("e0b", option.e0b()), ("e1b", option.e1b()));
    let (first, last) = match option.order() {
        AccEcnOrder::Ect0First => (e0b, e1b),
        AccEcnOrder::Ect1First => (e1b, e0b),
    };
    let mut shown = String::from("ECN");
    for (name, value) in [first, ("ceb", option.ceb()), last] {
        if let Some(value) = value {
            let _ = write!(shown, " {name} {value}");
        }
    }
    shown
}
