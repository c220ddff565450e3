//! A session with a peer played by hand.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tcpdrill::call::{Address, Call, Errno, Fd, Outcome};
use tcpdrill::program::IpVersion;
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::target::{CallReport, Session, SessionSettings, Target};
use tcpdrill::time::{Moment, Time};

use crate::segment::{ACK, SYN, Segment};

pub(crate) const PORT: u16 = 8080;
pub(crate) const PEER_PORT: u16 = 40_000;

/// Far more than anything in these tests takes; only a hang reaches it.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

pub(crate) struct Bench {
    pub(crate) session: Box<dyn Session>,
    pub(crate) settings: SessionSettings,
}

/// An established connection: the accepted descriptor and both next sequence numbers.
pub(crate) struct Connection {
    pub(crate) fd: Fd,
    pub(crate) snd_nxt: u32,
    pub(crate) rcv_nxt: u32,
}

pub(crate) fn settings(ip_version: IpVersion) -> SessionSettings {
    let six = ip_version == IpVersion::Ipv6;
    let pick =
        |four: &str, sixth: &str| -> IpAddr { (if six { sixth } else { four }).parse().unwrap() };
    SessionSettings {
        ip_version,
        local_ip: pick("192.168.0.1", "fd3d:fa7b:d17d::1"),
        remote_ip: pick("192.0.2.1", "2001:db8::1"),
        remote_prefix: if six { 32 } else { 24 },
        gateway_ip: pick("192.168.0.254", "fd3d:fa7b:d17d:8888::"),
        local_prefix: if six { 48 } else { 16 },
        mtu: if six { 1520 } else { 1500 },
        mss: None,
        speed: None,
        is_anyip: false,
        seed: 1,
    }
}

impl Bench {
    pub(crate) fn new(ip_version: IpVersion) -> Bench {
        let settings = settings(ip_version);
        let mut session = LinuxTarget::default().open(&settings).unwrap();
        session.start();
        Bench { session, settings }
    }

    pub(crate) fn outcome(&mut self, call: Call) -> Outcome {
        match self.session.call(&call, LIMIT).unwrap() {
            CallReport::Returned { moment, outcome } => {
                assert!(moment.start <= moment.end);
                outcome
            }
            CallReport::Blocked => panic!("{} does not return", call.name()),
        }
    }

    /// A call that must succeed.
    pub(crate) fn ok(&mut self, call: Call) -> Outcome {
        let name = call.name();
        let outcome = self.outcome(call);
        assert_eq!(outcome.errno, None, "{name}: {outcome:?}");
        outcome
    }

    /// A call that must fail; gives its errno.
    pub(crate) fn errno(&mut self, call: Call) -> i32 {
        let name = call.name();
        let outcome = self.outcome(call);
        match outcome.errno {
            Some(Errno(number)) => number,
            None => panic!("{name} succeeded: {outcome:?}"),
        }
    }

    pub(crate) fn socket(&mut self) -> Fd {
        let domain = match self.settings.ip_version {
            IpVersion::Ipv4 => libc::AF_INET,
            IpVersion::Ipv6 | IpVersion::Ipv4MappedIpv6 => libc::AF_INET6,
        };
        let socket = self.ok(Call::Socket {
            domain,
            kind: libc::SOCK_STREAM,
            protocol: libc::IPPROTO_TCP,
        });
        Fd(socket.result as i32)
    }

    pub(crate) fn listener(&mut self) -> Fd {
        let fd = self.socket();
        let address = Address::Is(SocketAddr::new(self.settings.local_ip, PORT));
        self.ok(Call::Bind { fd, address });
        self.ok(Call::Listen { fd, backlog: 5 });
        fd
    }

    pub(crate) fn segment(&self, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Segment {
        Segment {
            from: (self.settings.remote_ip, PEER_PORT),
            to: (self.settings.local_ip, PORT),
            flags,
            seq,
            ack,
            payload: payload.to_vec(),
        }
    }

    pub(crate) fn inject(&mut self, segment: &Segment) -> Moment {
        self.session.inject(&segment.datagram()).unwrap()
    }

    /// The next segment the stack sends and when; fails if there is none for a long time.
    pub(crate) fn next_at(&mut self) -> (Time, Segment) {
        let deadline = self.session.now() + LIMIT;
        let packet = self.session.next_packet(deadline).unwrap();
        let packet = packet.expect("the stack sends nothing");
        (packet.at, Segment::parse(&packet.bytes))
    }

    pub(crate) fn next(&mut self) -> Segment {
        self.next_at().1
    }

    /// Everything the stack has sent up to now is nothing.
    pub(crate) fn silent(&mut self) {
        let now = self.session.now();
        assert_eq!(self.session.next_packet(now).unwrap(), None);
    }

    /// A three-way handshake with the peer's ISN 999.
    pub(crate) fn handshake(&mut self) -> (u32, u32) {
        self.inject(&self.segment(SYN, 999, 0, &[]));
        let answer = self.next();
        assert_eq!((answer.flags, answer.ack), (SYN | ACK, 1000));
        let rcv_nxt = answer.seq.wrapping_add(1);
        self.inject(&self.segment(ACK, 1000, rcv_nxt, &[]));
        (1000, rcv_nxt)
    }

    /// A listener and an accepted connection.
    pub(crate) fn connection(&mut self) -> Connection {
        let listener = self.listener();
        let (snd_nxt, rcv_nxt) = self.handshake();
        let accepted = self.ok(Call::Accept {
            fd: listener,
            flags: None,
        });
        Connection {
            fd: Fd(accepted.result as i32),
            snd_nxt,
            rcv_nxt,
        }
    }

    /// Runs a command that must succeed; gives its output.
    pub(crate) fn command(&mut self, command: &str) -> String {
        let report = self.session.command(command).unwrap();
        assert_eq!(report.status, Some(0), "{command}: {}", report.output);
        report.output.trim().into()
    }
}
