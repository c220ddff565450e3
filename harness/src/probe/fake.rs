//! A small TCP in memory, with flaws on demand: what probes have to find out.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::call::{Errno, Fd, Outcome, Output};
use crate::program::Capability;
use crate::target::{Observed, Session, SessionSettings, Target, TargetError};
use crate::time::Time;
use crate::wire::{IpFields, Packet, TcpFlags, TcpOption, TcpSegment, Transport};

mod isn;
mod session;

pub(super) use isn::Isn;

/// Something the fake does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Segments with bad checksums are taken.
    TakesBadChecksums,
    /// Options behind the end of the list and behind malformed ones are read.
    ReadsOn,
    /// Reserved bits make it drop a segment.
    MindsReservedBits,
    /// The queue of half-open connections knows no bound.
    EndlessQueue,
    /// A full queue stays full.
    QueueNeverDrains,
    /// SYN-ACKs with cookies are repeated.
    RepeatsCookies,
    /// Any ACK up to cookie + 2 opens.
    LaxCookies,
    /// The dead leave nothing behind.
    SilentExit,
    /// Local ports are counted up.
    CountsPorts,
    /// Every challenge is answered.
    AnswersEveryChallenge,
    /// Nothing is left of a connection once both have closed it.
    HasNoTimeWait,
    /// Connections that are closed keep others out.
    HoardsClosed,
    /// All connections share what may be answered.
    OneChallengeBudget,
    /// Groups and impossible addresses are ends like others.
    MindsNoAddress,
    /// A segment behind an IP option is dropped.
    MindsIpOptions,
    /// Outbound reserved bits are set.
    SetsReservedBits,
    /// All connections have one timestamp clock.
    OneTimestampClock,
    /// The timestamp clock depends on the addresses alone.
    TimestampClockByHost,
}

/// A target of such hosts.
pub(super) struct FakeTarget {
    pub(super) isn: Isn,
    pub(super) flaw: Flaw,
}

impl Target for FakeTarget {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn defines(&self) -> Vec<String> {
        Vec::new()
    }

    fn lacks(&self, _capability: &Capability) -> Option<String> {
        None
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn open(&self, settings: &SessionSettings) -> Result<Box<dyn Session>, TargetError> {
        Ok(Box::new(FakeSession {
            isn: self.isn.clone(),
            flaw: self.flaw,
            local_ip: settings.local_ip,
            ports: Isn::ideal(99),
            now: Time::ZERO,
            sysctls: BTreeMap::new(),
            sockets: BTreeMap::new(),
            halves: BTreeMap::new(),
            accepted: VecDeque::new(),
            connections: BTreeMap::new(),
            sent: VecDeque::new(),
            next_challenge: BTreeMap::new(),
        }))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Ends {
    local: SocketAddr,
    remote: SocketAddr,
}

#[derive(Default)]
struct Socket {
    bound: Option<u16>,
    backlog: Option<usize>,
    ends: Option<Ends>,
}

struct Half {
    since: Time,
    isn: u32,
    irs: u32,
    mss: u16,
    is_repeated: bool,
}

struct Connection {
    snd_nxt: u32,
    rcv_nxt: u32,
    mss: u16,
    is_syn_sent: bool,
    received: Vec<u8>,
}

struct FakeSession {
    isn: Isn,
    flaw: Flaw,
    local_ip: IpAddr,
    ports: Isn,
    now: Time,
    sysctls: BTreeMap<String, u64>,
    sockets: BTreeMap<Fd, Socket>,
    halves: BTreeMap<Ends, Half>,
    accepted: VecDeque<Ends>,
    connections: BTreeMap<Ends, Connection>,
    sent: VecDeque<Observed>,
    /// From when on each connection may answer a challenge.
    next_challenge: BTreeMap<Option<Ends>, Time>,
}

const EAGAIN: Outcome = failed(11);
const EINPROGRESS: Outcome = failed(115);
/// The only process besides the probe's own has this descriptor.
const PROCESS: Fd = Fd(1000);

const fn failed(errno: i32) -> Outcome {
    Outcome {
        result: -1,
        errno: Some(Errno(errno)),
        output: Output::None,
    }
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether no single host has this address, or none but this one.
fn is_strange(ip: IpAddr) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    is_broadcast || ip.is_multicast() || ip.is_unspecified() || ip.is_loopback()
}

/// The datagram without a header of destination options (IPv6).
fn without_options(datagram: &[u8]) -> Vec<u8> {
    let mut bytes = datagram.to_vec();
    if bytes[0] >> 4 == 6 && bytes[6] == 60 {
        bytes[6] = bytes[40];
        bytes[5] -= 8;
        bytes.drain(40..48);
    }
    bytes
}

impl FakeSession {
    fn emit(&mut self, ends: Ends, segment: TcpSegment) {
        let mut segment = TcpSegment {
            source_port: ends.local.port(),
            destination_port: ends.remote.port(),
            ..segment
        };
        if self.flaw == Flaw::SetsReservedBits {
            segment.reserved = 4;
        }
        let packet = Packet {
            ip: IpFields {
                source: ends.local.ip(),
                destination: ends.remote.ip(),
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(segment),
        };
        self.sent.push_back(Observed {
            at: self.now,
            bytes: packet.build().unwrap(),
        });
    }

    fn say(&mut self, ends: Ends, flags: TcpFlags, sequence: u32, ack: u32, payload: &[u8]) {
        self.say_with(ends, flags, (sequence, ack), payload, Vec::new());
    }

    /// Timestamps for a SYN or SYN-ACK: a clock of milliseconds from a start of the connection's own.
    fn timestamps(&self, ends: Ends) -> Vec<TcpOption> {
        let clock = (self.now.as_micros() / 1000) as u32;
        let portless = |address: SocketAddr| SocketAddr::new(address.ip(), 0);
        let start = match self.flaw {
            Flaw::OneTimestampClock => 0,
            Flaw::TimestampClockByHost => {
                Isn::cookie((portless(ends.remote), portless(ends.local)))
            }
            _ => Isn::cookie((ends.remote, ends.local)),
        };
        let value = clock.wrapping_add(start);
        let echo_reply = 0;
        vec![
            TcpOption::NoOperation,
            TcpOption::NoOperation,
            TcpOption::Timestamps { value, echo_reply },
        ]
    }

    fn say_with(
        &mut self,
        ends: Ends,
        flags: TcpFlags,
        (sequence, ack): (u32, u32),
        payload: &[u8],
        options: Vec<TcpOption>,
    ) {
        self.emit(
            ends,
            TcpSegment {
                source_port: 0,
                destination_port: 0,
                sequence,
                acknowledgment: ack,
                flags,
                reserved: 0,
                window: 60_000,
                urgent: 0,
                options,
                payload: payload.to_vec(),
            },
        );
    }

    fn setting(&self, name: &str) -> u64 {
        self.sysctls.get(name).copied().unwrap_or(1)
    }

    fn new_isn(&mut self, ends: Ends) -> u32 {
        let micros = self.now.as_micros() as u64;
        self.isn.next_for((ends.local, ends.remote), micros)
    }

    fn backlog(&self, port: u16) -> Option<usize> {
        let listening = |socket: &&Socket| socket.bound == Some(port) && socket.backlog.is_some();
        self.sockets.values().find(listening)?.backlog
    }

    /// Repeats SYN-ACKs after a second and gives entries up after three.
    fn expire(&mut self) {
        let now = self.now;
        let mut again = Vec::new();
        let never = self.flaw == Flaw::QueueNeverDrains;
        self.halves
            .retain(|_, half| never || now < half.since + Duration::from_secs(3));
        for (ends, half) in &mut self.halves {
            if !half.is_repeated && now >= half.since + Duration::from_secs(1) {
                half.is_repeated = true;
                again.push((*ends, half.isn, half.irs));
            }
        }
        for (ends, isn, irs) in again {
            self.say(
                ends,
                TcpFlags::SYN.with(TcpFlags::ACK),
                isn,
                irs.wrapping_add(1),
                &[],
            );
        }
    }

    fn on_syn(&mut self, ends: Ends, segment: &TcpSegment, backlog: usize) {
        if self.flaw == Flaw::HoardsClosed && self.connections.len() > 100 {
            return;
        }
        let mss = self.mss(segment);
        let cookies = self.setting("net.ipv4.tcp_syncookies");
        let is_full = self.halves.len() > backlog && self.flaw != Flaw::EndlessQueue;
        let is_cookie = cookies == 2 || cookies == 1 && is_full;
        if is_full && !is_cookie {
            return;
        }
        let isn = if is_cookie {
            Isn::cookie((ends.local, ends.remote))
        } else {
            self.new_isn(ends)
        };
        let irs = segment.sequence;
        if !is_cookie || self.flaw == Flaw::RepeatsCookies {
            let since = self.now;
            let is_repeated = false;
            self.halves.insert(
                ends,
                Half {
                    since,
                    isn,
                    irs,
                    mss,
                    is_repeated,
                },
            );
        }
        let flags = TcpFlags::SYN.with(TcpFlags::ACK);
        let asked = |option: &TcpOption| matches!(option, TcpOption::Timestamps { .. });
        let options = match segment.options.iter().any(asked) {
            true => self.timestamps(ends),
            false => Vec::new(),
        };
        self.say_with(ends, flags, (isn, irs.wrapping_add(1)), &[], options);
    }

    fn mss(&self, segment: &TcpSegment) -> u16 {
        let mut before_end = segment
            .options
            .iter()
            .take_while(|option| **option != TcpOption::EndOfList);
        let mss = |option: &TcpOption| match option {
            TcpOption::MaximumSegmentSize(mss) => Some(*mss),
            _ => None,
        };
        let found = before_end.find_map(mss);
        if self.flaw == Flaw::ReadsOn {
            let last = segment.options.iter().filter_map(mss).next_back();
            return last.or(found).unwrap_or(536);
        }
        found.unwrap_or(536)
    }

    fn on_ack_for_half(&mut self, ends: Ends, segment: &TcpSegment) -> bool {
        let flags = segment.flags;
        if let Some(half) = self.halves.get(&ends) {
            if flags.contains(TcpFlags::RST) {
                self.halves.remove(&ends);
                return true;
            }
            let opens =
                flags.contains(TcpFlags::ACK) && segment.acknowledgment == half.isn.wrapping_add(1);
            if opens {
                let (snd_nxt, mss) = (half.isn.wrapping_add(1), half.mss);
                self.halves.remove(&ends);
                self.establish(ends, snd_nxt, segment.sequence, mss);
                return true;
            }
        }
        if self.backlog(ends.local.port()).is_none() || !flags.contains(TcpFlags::ACK) {
            return false;
        }
        let beyond = segment
            .acknowledgment
            .wrapping_sub(Isn::cookie((ends.local, ends.remote)));
        let bound = if self.flaw == Flaw::LaxCookies { 2 } else { 1 };
        if self.setting("net.ipv4.tcp_syncookies") > 0 && (1..=bound).contains(&beyond) {
            self.establish(ends, segment.acknowledgment, segment.sequence, 536);
        } else {
            self.say(ends, TcpFlags::RST, segment.acknowledgment, 0, &[]);
        }
        true
    }

    fn establish(&mut self, ends: Ends, snd_nxt: u32, rcv_nxt: u32, mss: u16) {
        self.accepted.push_back(ends);
        let connection = Connection {
            snd_nxt,
            rcv_nxt,
            mss,
            is_syn_sent: false,
            received: Vec::new(),
        };
        self.connections.insert(ends, connection);
    }

    fn on_connection(&mut self, ends: Ends, segment: &TcpSegment) {
        let every = self.flaw == Flaw::AnswersEveryChallenge;
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&ends) else {
            return;
        };
        let flags = segment.flags;
        if connection.is_syn_sent {
            if flags.contains(TcpFlags::RST) {
                self.connections.remove(&ends);
                return;
            }
            connection.is_syn_sent = false;
            connection.rcv_nxt = segment.sequence.wrapping_add(1);
        } else if flags.contains(TcpFlags::RST) && segment.sequence == connection.rcv_nxt {
            self.connections.remove(&ends);
            return;
        } else if flags.contains(TcpFlags::RST) || flags.contains(TcpFlags::SYN) {
            let of = (self.flaw != Flaw::OneChallengeBudget).then_some(ends);
            let next = self.next_challenge.entry(of).or_insert(Time::ZERO);
            if now < *next && !every {
                return;
            }
            *next = now + Duration::from_millis(500);
        } else if segment.sequence == connection.rcv_nxt {
            if segment.payload.is_empty() && !flags.contains(TcpFlags::FIN) {
                return;
            }
            connection.received.extend(&segment.payload);
            let fin = u32::from(flags.contains(TcpFlags::FIN));
            let len = segment.payload.len() as u32 + fin;
            connection.rcv_nxt = connection.rcv_nxt.wrapping_add(len);
        }
        let (sequence, ack) = (connection.snd_nxt, connection.rcv_nxt);
        if self.flaw == Flaw::HasNoTimeWait && flags.contains(TcpFlags::FIN) {
            self.connections.remove(&ends);
        }
        self.say(ends, TcpFlags::ACK, sequence, ack, &[]);
    }

    fn connect(&mut self, fd: Fd, to: SocketAddr) {
        let port = match self.sockets.get(&fd).and_then(|socket| socket.bound) {
            Some(port) => port,
            None if self.flaw == Flaw::CountsPorts => {
                let used = self.sockets.values().filter(|socket| socket.ends.is_some());
                32_768 + used.count() as u16
            }
            None => 32_768 + (self.ports.next(0) % 28_000) as u16,
        };
        let ends = Ends {
            local: SocketAddr::new(self.local_ip, port),
            remote: unmapped(to),
        };
        let isn = self.new_isn(ends);
        self.establish(ends, isn.wrapping_add(1), 0, 1460);
        self.accepted.pop_back();
        if let Some(connection) = self.connections.get_mut(&ends) {
            connection.is_syn_sent = true;
        }
        self.sockets.entry(fd).or_default().ends = Some(ends);
        let options = self.timestamps(ends);
        self.say_with(ends, TcpFlags::SYN, (isn, 0), &[], options);
    }

    fn close(&mut self, fd: Fd) {
        let ends = self.sockets.remove(&fd).and_then(|socket| socket.ends);
        let Some(ends) = ends else { return };
        let Some(connection) = self.connections.get_mut(&ends) else {
            return;
        };
        let (sequence, ack) = (connection.snd_nxt, connection.rcv_nxt);
        connection.snd_nxt = sequence.wrapping_add(1);
        let flags = if connection.received.is_empty() {
            TcpFlags::FIN
        } else {
            TcpFlags::RST
        };
        self.say(ends, flags.with(TcpFlags::ACK), sequence, ack, &[]);
    }

    fn read(&mut self, fd: Fd) -> Outcome {
        let ends = self.sockets.get(&fd).and_then(|socket| socket.ends);
        let connection = ends.and_then(|ends| self.connections.get_mut(&ends));
        match connection.map(|connection| std::mem::take(&mut connection.received)) {
            Some(bytes) if !bytes.is_empty() => {
                Outcome::with(bytes.len() as i64, Output::Bytes(bytes))
            }
            _ => EAGAIN,
        }
    }

    fn write(&mut self, fd: Fd, data: &[u8]) -> Outcome {
        let ends = self.sockets.get(&fd).and_then(|socket| socket.ends);
        let Some(ends) = ends else { return failed(32) };
        let Some(connection) = self.connections.get(&ends) else {
            return failed(32);
        };
        for chunk in data.chunks(usize::from(connection.mss)) {
            let Some(connection) = self.connections.get_mut(&ends) else {
                break;
            };
            let (sequence, ack) = (connection.snd_nxt, connection.rcv_nxt);
            connection.snd_nxt = sequence.wrapping_add(chunk.len() as u32);
            self.say(ends, TcpFlags::ACK, sequence, ack, chunk);
        }
        Outcome::ok(data.len() as i64)
    }

    fn next_fd(&self) -> Fd {
        Fd((3..)
            .find(|fd| !self.sockets.contains_key(&Fd(*fd)))
            .unwrap_or(3))
    }
}
