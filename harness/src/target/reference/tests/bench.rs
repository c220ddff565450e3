//! A session and the peer on the other end of its wire.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::call::{Address, Call, Errno, Fd, Outcome, Output};
use crate::program::IpVersion;
use crate::target::reference::{ReferenceSession, ReferenceTarget};
use crate::target::{CallReport, Session, SessionSettings};
use crate::time::Time;
use crate::wire::{IpFields, Packet, TcpFlags, TcpOption, TcpSegment, Transport, parse};

pub(super) const SYN: TcpFlags = TcpFlags::SYN;
pub(super) const ACK: TcpFlags = TcpFlags::ACK;
pub(super) const SYN_ACK: TcpFlags = TcpFlags::SYN.with(TcpFlags::ACK);
pub(super) const FIN_ACK: TcpFlags = TcpFlags::FIN.with(TcpFlags::ACK);
pub(super) const RST: TcpFlags = TcpFlags::RST;
pub(super) const RST_ACK: TcpFlags = TcpFlags::RST.with(TcpFlags::ACK);
pub(super) const PSH_ACK: TcpFlags = TcpFlags::PSH.with(TcpFlags::ACK);

pub(super) const AF_INET: i32 = 2;
pub(super) const AF_INET6: i32 = 10;
pub(super) const EAGAIN: i32 = 11;
pub(super) const EINVAL: i32 = 22;
pub(super) const EPIPE: i32 = 32;
pub(super) const EADDRINUSE: i32 = 98;
pub(super) const ECONNRESET: i32 = 104;
pub(super) const EISCONN: i32 = 106;
pub(super) const ENOTCONN: i32 = 107;
pub(super) const ECONNREFUSED: i32 = 111;
pub(super) const EALREADY: i32 = 114;
pub(super) const EINPROGRESS: i32 = 115;

/// The peer's first sequence number in every test.
pub(super) const PEER_ISN: u32 = 4_000_000_000;

pub(super) fn settings(ip_version: IpVersion, seed: u64) -> SessionSettings {
    let (local, remote, gateway) = match ip_version {
        IpVersion::Ipv4 => ("192.168.0.1", "192.0.2.1", "192.168.0.254"),
        IpVersion::Ipv6 => ("fd3d:fa7b:d17d::1", "2001:db8::1", "fd3d:fa7b:d17d:8888::1"),
        IpVersion::Ipv4MappedIpv6 => ("::ffff:192.168.0.1", "::ffff:192.0.2.1", "192.168.0.254"),
    };
    SessionSettings {
        ip_version,
        local_ip: local.parse().unwrap(),
        remote_ip: remote.parse().unwrap(),
        remote_prefix: 24,
        gateway_ip: gateway.parse().unwrap(),
        local_prefix: 16,
        mtu: 1500,
        mss: None,
        speed: None,
        is_anyip: false,
        seed,
    }
}

/// A session, the peer's address and sequence numbers, and a log of everything seen.
pub(super) struct Bench {
    pub(super) session: ReferenceSession,
    pub(super) settings: SessionSettings,
    /// The stack's port.
    pub(super) local_port: u16,
    /// The peer's port.
    pub(super) remote_port: u16,
    /// The stack's ISN, once seen.
    pub(super) isn: u32,
    /// Every packet the stack sent, with its time.
    pub(super) log: Vec<(Time, Vec<u8>)>,
}

impl Bench {
    pub(super) fn new() -> Bench {
        Bench::with(IpVersion::Ipv4, 1)
    }

    pub(super) fn with(ip_version: IpVersion, seed: u64) -> Bench {
        let settings = settings(ip_version, seed);
        let mut session = ReferenceTarget::default().session(&settings).unwrap();
        session.start();
        Bench {
            session,
            settings,
            local_port: 8080,
            remote_port: 40_000,
            isn: 0,
            log: Vec::new(),
        }
    }

    pub(super) fn now(&mut self) -> i64 {
        self.session.now().as_micros()
    }

    pub(super) fn sleep(&mut self, length: Duration) {
        let end = self.session.now() + length;
        self.session.sleep_until(end).unwrap();
    }

    /// Makes a call that may take up to a second of virtual time.
    pub(super) fn call(&mut self, call: Call) -> Outcome {
        match self.session.call(&call, Duration::from_secs(1)).unwrap() {
            CallReport::Returned { outcome, .. } => outcome,
            CallReport::Blocked => panic!("{} blocks", call.name()),
        }
    }

    pub(super) fn ok(&mut self, call: Call) -> i64 {
        let name = call.name();
        let outcome = self.call(call);
        assert_eq!(outcome.errno, None, "{name}");
        outcome.result
    }

    pub(super) fn fails(&mut self, call: Call, errno: i32) {
        let name = call.name();
        let outcome = self.call(call);
        assert_eq!(
            (outcome.result, outcome.errno),
            (-1, Some(Errno(errno))),
            "{name}"
        );
    }

    /// Finishes the started call within `limit` and gives its end and outcome.
    pub(super) fn finish(&mut self, limit: Duration) -> (i64, Outcome) {
        let deadline = self.session.now() + limit;
        match self.session.finish_call(deadline).unwrap() {
            CallReport::Returned { moment, outcome } => (moment.end.as_micros(), outcome),
            CallReport::Blocked => panic!("still blocked"),
        }
    }

    pub(super) fn socket(&mut self) -> Fd {
        let domain = match self.settings.ip_version {
            IpVersion::Ipv4 => AF_INET,
            IpVersion::Ipv6 | IpVersion::Ipv4MappedIpv6 => AF_INET6,
        };
        self.typed_socket(domain, 1)
    }

    pub(super) fn typed_socket(&mut self, domain: i32, kind: i32) -> Fd {
        let fd = self.ok(Call::Socket {
            domain,
            kind,
            protocol: 6,
        });
        Fd(i32::try_from(fd).unwrap())
    }

    pub(super) fn nonblocking_socket(&mut self) -> Fd {
        let fd = self.socket();
        self.set_nonblocking(fd);
        fd
    }

    pub(super) fn set_nonblocking(&mut self, fd: Fd) {
        self.ok(Call::Fcntl {
            fd,
            command: 4,
            argument: Some(0o4002),
        });
    }

    pub(super) fn local(&self) -> Address {
        Address::Is(SocketAddr::new(self.settings.local_ip, self.local_port))
    }

    pub(super) fn remote(&self) -> Address {
        Address::Is(SocketAddr::new(self.settings.remote_ip, self.remote_port))
    }

    pub(super) fn set_int(&mut self, fd: Fd, level: i32, name: i32, value: i32) {
        let value = value.to_ne_bytes().to_vec();
        self.ok(Call::SetSockOpt {
            fd,
            level,
            name,
            value,
        });
    }

    pub(super) fn get_int(&mut self, fd: Fd, level: i32, name: i32) -> i32 {
        let outcome = self.call(Call::GetSockOpt {
            fd,
            level,
            name,
            len: 4,
        });
        match outcome.output {
            Output::Bytes(bytes) => i32::from_ne_bytes(bytes.try_into().unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// SO_ERROR.
    pub(super) fn so_error(&mut self, fd: Fd) -> i32 {
        self.get_int(fd, 1, 4)
    }

    pub(super) fn listener(&mut self) -> Fd {
        let fd = self.socket();
        let address = self.local();
        self.ok(Call::Bind { fd, address });
        self.ok(Call::Listen { fd, backlog: 5 });
        fd
    }

    fn addresses(&self) -> (IpAddr, IpAddr) {
        let plain = |ip: IpAddr| match ip {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
            IpAddr::V4(_) => ip,
        };
        (
            plain(self.settings.local_ip),
            plain(self.settings.remote_ip),
        )
    }

    /// The peer sends a segment; sequence numbers count from the two ISNs.
    pub(super) fn send(&mut self, flags: TcpFlags, seq: u32, ack: u32, payload: &[u8]) {
        self.send_with(flags, seq, ack, payload, Vec::new(), 0);
    }

    pub(super) fn send_with(
        &mut self,
        flags: TcpFlags,
        seq: u32,
        ack: u32,
        payload: &[u8],
        options: Vec<TcpOption>,
        urgent: u16,
    ) {
        let (local, remote) = self.addresses();
        let acks = flags.contains(TcpFlags::ACK);
        let packet = Packet {
            ip: IpFields {
                source: remote,
                destination: local,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(TcpSegment {
                source_port: self.remote_port,
                destination_port: self.local_port,
                sequence: PEER_ISN.wrapping_add(seq),
                acknowledgment: if acks { self.isn.wrapping_add(ack) } else { 0 },
                flags,
                reserved: 0,
                window: 65_000,
                urgent,
                options,
                payload: payload.to_vec(),
            }),
        };
        self.session.inject(&packet.build().unwrap()).unwrap();
    }

    pub(super) fn send_syn(&mut self, mss: u16) {
        let options = vec![TcpOption::MaximumSegmentSize(mss)];
        self.send_with(SYN, 0, 0, &[], options, 0);
    }

    /// The next segment the stack sends within `limit`, and when.
    pub(super) fn next(&mut self, limit: Duration) -> Option<(i64, TcpSegment)> {
        let deadline = self.session.now() + limit;
        let observed = self.session.next_packet(deadline).unwrap()?;
        self.log.push((observed.at, observed.bytes.clone()));
        let parsed = parse(&observed.bytes).unwrap();
        assert_eq!(parsed.faults, [], "{parsed:?}");
        let (local, remote) = self.addresses();
        assert_eq!(parsed.packet.ip.source, local);
        assert_eq!(parsed.packet.ip.destination, remote);
        match parsed.packet.transport {
            Transport::Tcp(segment) => Some((observed.at.as_micros(), segment)),
            other => panic!("{other:?}"),
        }
    }

    /// The stack must send a segment now: flags, relative sequence and acknowledgment number, payload length.
    pub(super) fn expect(&mut self, flags: TcpFlags, seq: u32, ack: u32, len: usize) -> TcpSegment {
        self.expect_within(Duration::ZERO, flags, seq, ack, len).1
    }

    pub(super) fn expect_within(
        &mut self,
        limit: Duration,
        flags: TcpFlags,
        seq: u32,
        ack: u32,
        len: usize,
    ) -> (i64, TcpSegment) {
        let (at, segment) = self.next(limit).expect("no packet");
        let acks = flags.contains(TcpFlags::ACK);
        let seen = (
            segment.flags,
            segment.sequence.wrapping_sub(self.isn),
            if acks {
                segment.acknowledgment.wrapping_sub(PEER_ISN)
            } else {
                segment.acknowledgment
            },
            segment.payload.len(),
        );
        assert_eq!(seen, (flags, seq, ack, len), "{segment:?}");
        (at, segment)
    }

    /// Nothing may leave the stack for this long.
    pub(super) fn silence(&mut self, length: Duration) {
        let seen = self.next(length);
        assert_eq!(seen, None);
    }

    /// A SYN or SYN-ACK of the stack: notes its ISN and port.
    pub(super) fn expect_syn(&mut self, flags: TcpFlags) -> TcpSegment {
        let (_, segment) = self.next(Duration::ZERO).expect("no SYN");
        assert_eq!(segment.flags, flags, "{segment:?}");
        self.isn = segment.sequence;
        self.local_port = segment.source_port;
        segment
    }

    /// The peer opens a connection to a listener.
    pub(super) fn peer_opens(&mut self) {
        self.send_syn(1000);
        self.expect_syn(SYN_ACK);
        self.send(ACK, 1, 1, &[]);
    }

    /// A listener and a connection accepted from it.
    pub(super) fn accepted(&mut self) -> (Fd, Fd) {
        let listener = self.listener();
        self.peer_opens();
        let fd = self.ok(Call::Accept {
            fd: listener,
            flags: None,
        });
        (listener, Fd(i32::try_from(fd).unwrap()))
    }

    /// What `read` gives.
    pub(super) fn read(&mut self, fd: Fd, len: usize) -> Vec<u8> {
        let outcome = self.call(Call::Read { fd, len });
        match outcome.output {
            Output::Bytes(bytes) => {
                assert_eq!(outcome.result, i64::try_from(bytes.len()).unwrap());
                bytes
            }
            other => panic!("read gave {:?} {other:?}", outcome.errno),
        }
    }

    pub(super) fn write(&mut self, fd: Fd, len: usize) -> i64 {
        self.ok(Call::Write {
            fd,
            data: bytes(len),
        })
    }
}

/// `len` bytes that tell their place.
pub(super) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

impl Bench {
    /// As [`Bench::peer_opens`], past what an older connection may still send.
    pub(super) fn peer_opens_again(&mut self) {
        while self.session.next_packet(Time::ZERO).unwrap().is_some() {}
        self.peer_opens();
    }
}
