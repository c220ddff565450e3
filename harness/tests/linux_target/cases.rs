//! What a session has to do, each against the running kernel.

use std::net::SocketAddr;
use std::time::Duration;

use tcpdrill::call::{Address, Call, Fd, Output, PollEntry};
use tcpdrill::program::{Capability, IpVersion};
use tcpdrill::target::linux::LinuxTarget;
use tcpdrill::target::{CallReport, Target, TargetError};
use tcpdrill::time::Time;

use crate::bench::{Bench, LIMIT, PEER_PORT, PORT, settings};
use crate::lifecycle;
use crate::segment::{ACK, FIN, PSH, RST, SYN};

const SOL_TCP: i32 = libc::IPPROTO_TCP;
const TCP_CONGESTION: i32 = 13;
const TCP_INQ: i32 = 36;

pub(crate) type Case = (&'static str, fn());

pub(crate) const ALL: &[Case] = &[
    (
        "an_interrupted_run_says_so_and_leaves_nothing",
        lifecycle::interrupted,
    ),
    ("a_killed_run_leaves_nothing", lifecycle::killed),
    (
        "packets_sent_before_the_start_have_negative_times",
        before_the_start,
    ),
    (
        "a_flood_is_answered_packet_by_packet_and_none_is_lost",
        flood,
    ),
    (
        "another_cases_processes_do_not_hold_a_connection_open",
        no_inheritance,
    ),
    ("passive_open_over_ipv4", || passive_open(IpVersion::Ipv4)),
    ("passive_open_over_ipv6", || passive_open(IpVersion::Ipv6)),
    ("passive_open_over_ipv4_mapped_ipv6", || {
        passive_open(IpVersion::Ipv4MappedIpv6)
    }),
    ("active_open_over_ipv4", || active_open(IpVersion::Ipv4)),
    ("active_open_over_ipv6", || active_open(IpVersion::Ipv6)),
    ("active_open_over_ipv4_mapped_ipv6", || {
        active_open(IpVersion::Ipv4MappedIpv6)
    }),
    ("a_packets_stamp_lies_within_what_caused_it", stamps),
    ("packets_after_the_deadline_are_kept_for_later", deadlines),
    (
        "a_large_write_leaves_in_segments_with_checksums",
        segmentation,
    ),
    ("a_blocking_accept_is_released_by_a_packet", blocking_accept),
    (
        "a_call_that_blocks_is_given_up_and_the_session_goes_on",
        given_up,
    ),
    (
        "a_session_with_a_blocked_call_can_be_dropped",
        dropped_while_blocked,
    ),
    ("options_are_set_and_read_back", options),
    (
        "the_congestion_control_is_reno_and_can_be_changed_or_is_unsupported",
        congestion_control,
    ),
    ("poll_and_epoll_see_a_connection", readiness),
    (
        "readv_and_recvmsg_give_bytes_and_control_messages",
        messages,
    ),
    ("pipes_files_and_splice", files),
    ("datagrams_go_both_ways", datagrams),
    ("a_snapshot_of_the_connection", snapshot),
    (
        "descriptors_of_others_are_out_of_reach",
        foreign_descriptors,
    ),
    ("a_capability_is_dropped_for_the_session_only", capabilities),
    (
        "a_process_is_in_the_namespace_and_ends_by_its_signal_only",
        crate::process::one_at_a_time,
    ),
    ("many_sessions_at_once_leave_nothing_open", many_sessions),
    (
        "the_namespace_is_gone_after_an_unfinished_close",
        namespace_is_gone,
    ),
    ("what_the_target_lacks_has_a_reason", lacks),
    (
        "an_ordinary_user_can_run_through_a_user_namespace",
        ordinary_user,
    ),
];

fn passive_open(version: IpVersion) {
    let mut bench = Bench::new(version);
    let mut peer = bench.connection();
    bench.silent();
    bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, b"hello"));
    peer.snd_nxt += 5;
    assert_eq!(bench.next().ack, peer.snd_nxt);
    let read = bench.ok(Call::Read {
        fd: peer.fd,
        len: 100,
    });
    assert_eq!(
        (read.result, read.output),
        (5, Output::Bytes(b"hello".to_vec()))
    );
    bench.ok(Call::Write {
        fd: peer.fd,
        data: b"world!".to_vec(),
    });
    let data = bench.next();
    assert_eq!(data.flags, PSH | ACK);
    assert_eq!(data.payload, b"world!");
    assert_eq!((data.seq, data.ack), (peer.rcv_nxt, peer.snd_nxt));
    assert_eq!(data.from, (bench.settings.local_ip, PORT));
    assert_eq!(data.to, (bench.settings.remote_ip, PEER_PORT));
}

fn active_open(version: IpVersion) {
    let mut bench = Bench::new(version);
    let fd = bench.socket();
    bench.ok(Call::Fcntl {
        fd,
        command: libc::F_SETFL,
        argument: Some((libc::O_RDWR | libc::O_NONBLOCK).into()),
    });
    let address = Address::Is(SocketAddr::new(bench.settings.remote_ip, PORT));
    assert_eq!(
        bench.errno(Call::Connect { fd, address }),
        libc::EINPROGRESS
    );
    let syn = bench.next();
    assert_eq!(syn.flags & (SYN | ACK), SYN);
    assert_eq!(syn.to, (bench.settings.remote_ip, PORT));
    let mut answer = bench.segment(SYN | ACK, 500, syn.seq.wrapping_add(1), &[]);
    (answer.from, answer.to) = (syn.to, syn.from);
    bench.inject(&answer);
    assert_eq!(bench.next().ack, 501);
    bench.ok(Call::Connect {
        fd,
        address: Address::Unspecified,
    });
    assert_ne!(bench.next().flags & RST, 0);
}

fn stamps() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    for _ in 0..20 {
        let mut stray = bench.segment(ACK, 7, 7, &[]);
        stray.to.1 = 4444;
        let injected = bench.inject(&stray);
        let (at, reset) = bench.next_at();
        assert_eq!(reset.flags & RST, RST);
        // The stack answers while the packet is being written. The two clocks are read one after
        // the other, hence a little leeway; a stamp of another clock would be off by years.
        let leeway = Duration::from_millis(2);
        assert!(at >= injected.start - leeway, "{at} before {injected:?}");
        assert!(at <= injected.end + leeway, "{at} after {injected:?}");
    }
    // The stamp tells when a packet was sent, not when it was asked for.
    let peer = bench.connection();
    bench.ok(Call::Write {
        fd: peer.fd,
        data: b"x".to_vec(),
    });
    let written = bench.session.now();
    std::thread::sleep(Duration::from_millis(50));
    let (at, segment) = bench.next_at();
    assert_eq!(segment.payload, b"x");
    assert!(
        at <= written + Duration::from_millis(2),
        "{at} after {written}"
    );
}

fn before_the_start() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    bench.session = LinuxTarget::default().open(&bench.settings).unwrap();
    let mut stray = bench.segment(ACK, 7, 7, &[]);
    stray.to.1 = 4444;
    bench.inject(&stray);
    bench.session.start();
    let (at, _) = bench.next_at();
    assert!(at < Time::ZERO && at > Time::ZERO - LIMIT, "{at}");
}

/// More packets than the device's queue holds, with nobody asking for them meanwhile.
fn flood() {
    const PACKETS: u32 = 5_000;
    let mut bench = Bench::new(IpVersion::Ipv4);
    let mut stray = bench.segment(ACK, 0, 0, &[]);
    stray.to.1 = 4444;
    for number in 0..PACKETS {
        stray.ack = number;
        bench.inject(&stray);
    }
    for number in 0..PACKETS {
        let reset = bench.next();
        assert_eq!((reset.flags & RST, reset.seq), (RST, number));
    }
    bench.silent();
    // Nor has the device dropped any because its queue was full: column 12 behind the name.
    let devices = bench.command("cat /proc/net/dev");
    let line = devices
        .lines()
        .find_map(|line| line.trim().strip_prefix("tun0:"));
    let numbers: Vec<&str> = line.unwrap().split_whitespace().collect();
    assert_eq!((numbers[9], numbers[11]), ("5000", "0"), "{devices}");
}

fn no_inheritance() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let peer = bench.connection();
    let mut other = Bench::new(IpVersion::Ipv4);
    // From now on the other case has a shell, which would have a copy of every descriptor.
    other.command("sleep 1000 &");
    bench.ok(Call::Close { fd: peer.fd });
    assert_eq!(bench.next().flags & FIN, FIN);
}

fn deadlines() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    bench.listener();
    let before = bench.session.now();
    bench
        .session
        .sleep_until(before + Duration::from_millis(3))
        .unwrap();
    assert!(bench.session.now() >= before + Duration::from_millis(3));
    bench.inject(&bench.segment(SYN, 0, 0, &[]));
    // The answer was sent after `before`: asked for up to then, there is nothing.
    assert_eq!(bench.session.next_packet(before).unwrap(), None);
    let past = bench.session.next_packet(Time::ZERO).unwrap();
    assert_eq!(past, None);
    assert_eq!(bench.next().flags, SYN | ACK);
}

fn segmentation() {
    for version in [IpVersion::Ipv4, IpVersion::Ipv6] {
        let mut bench = Bench::new(version);
        let peer = bench.connection();
        let data: Vec<u8> = (0..4_000_u32).map(|at| at as u8).collect();
        bench.ok(Call::Write {
            fd: peer.fd,
            data: data.clone(),
        });
        let mut seen = Vec::new();
        while seen.len() < data.len() {
            let deadline = bench.session.now() + LIMIT;
            let packet = bench.session.next_packet(deadline).unwrap().unwrap();
            assert!(packet.bytes.len() <= usize::from(bench.settings.mtu));
            // `parse` checks the checksums, which an offload would have left unfinished.
            let segment = crate::segment::Segment::parse(&packet.bytes);
            assert_eq!(segment.seq, peer.rcv_nxt.wrapping_add(seen.len() as u32));
            seen.extend(segment.payload);
        }
        assert_eq!(seen, data);
    }
}

fn blocking_accept() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let listener = bench.listener();
    let began = bench
        .session
        .start_call(&Call::Accept {
            fd: listener,
            flags: None,
        })
        .unwrap();
    let soon = bench.session.now() + Duration::from_millis(5);
    assert_eq!(
        bench.session.finish_call(soon).unwrap(),
        CallReport::Blocked
    );
    let (snd_nxt, rcv_nxt) = bench.handshake();
    let deadline = bench.session.now() + LIMIT;
    let CallReport::Returned { moment, outcome } = bench.session.finish_call(deadline).unwrap()
    else {
        panic!("accept does not return");
    };
    assert!(began.start <= moment.start && moment.end >= soon);
    let fd = Fd(outcome.result as i32);
    // The descriptor belongs to the case like any other.
    bench.inject(&bench.segment(PSH | ACK, snd_nxt, rcv_nxt, b"x"));
    assert_eq!(bench.ok(Call::Read { fd, len: 1 }).result, 1);
    // And the next blocking call can be made.
    bench
        .session
        .start_call(&Call::Read { fd, len: 1 })
        .unwrap();
    let second = bench.session.start_call(&Call::Read { fd, len: 1 });
    assert!(matches!(second, Err(TargetError::Machine(_))));
}

fn given_up() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.listener();
    let report = bench
        .session
        .call(&Call::Accept { fd, flags: None }, Duration::from_millis(5));
    assert_eq!(report.unwrap(), CallReport::Blocked);
    bench.handshake();
    bench.ok(Call::Accept { fd, flags: None });
}

fn dropped_while_blocked() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.listener();
    bench
        .session
        .start_call(&Call::Accept { fd, flags: None })
        .unwrap();
    drop(bench);
}

fn options() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.socket();
    let linger: Vec<u8> = [1_i32, 2]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    let (level, name) = (libc::SOL_SOCKET, libc::SO_LINGER);
    bench.ok(Call::SetSockOpt {
        fd,
        level,
        name,
        value: linger.clone(),
    });
    let read = bench.ok(Call::GetSockOpt {
        fd,
        level,
        name,
        len: 100,
    });
    assert_eq!(read.output, Output::Bytes(linger));
    let unknown = Call::GetSockOpt {
        fd,
        level: SOL_TCP,
        name: 9999,
        len: 4,
    };
    assert_eq!(bench.errno(unknown), libc::ENOPROTOOPT);
    let negative = Call::GetSockOpt {
        fd,
        level,
        name,
        len: u32::MAX,
    };
    assert_eq!(bench.errno(negative), libc::EINVAL);
    // Close-on-exec is the harness's own affair.
    let flags = |command, argument| Call::Fcntl {
        fd,
        command,
        argument,
    };
    assert_eq!(bench.ok(flags(libc::F_GETFD, None)).result, 0);
    bench.ok(flags(libc::F_SETFD, Some(1)));
    assert_eq!(bench.ok(flags(libc::F_GETFD, None)).result, 1);
    assert_eq!(
        bench.ok(flags(libc::F_GETFL, None)).result,
        i64::from(libc::O_RDWR)
    );
    let lock = bench.session.call(&flags(libc::F_GETLK, Some(4096)), LIMIT);
    assert!(matches!(lock, Err(TargetError::Unsupported { .. })));
}

fn congestion_control_of(bench: &mut Bench, fd: Fd) -> String {
    let read = bench.ok(Call::GetSockOpt {
        fd,
        level: SOL_TCP,
        name: TCP_CONGESTION,
        len: 16,
    });
    let Output::Bytes(bytes) = read.output else {
        panic!("no name: {read:?}");
    };
    let name: Vec<u8> = bytes.into_iter().take_while(|byte| *byte != 0).collect();
    String::from_utf8(name).unwrap()
}

fn congestion_control() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.socket();
    assert_eq!(congestion_control_of(&mut bench, fd), "reno");
    match bench
        .session
        .command("sysctl -q -w net.ipv4.tcp_congestion_control=cubic")
    {
        Ok(report) => {
            assert_eq!(report.status, Some(0));
            let peer = bench.connection();
            assert_eq!(congestion_control_of(&mut bench, peer.fd), "cubic");
        }
        Err(TargetError::Unsupported { capability, .. }) => {
            assert_eq!(capability, "sysctl:net.ipv4.tcp_congestion_control=cubic");
        }
        Err(error) => panic!("{error}"),
    }
    let unknown = bench
        .session
        .command("sysctl -w net.ipv4.tcp_congestion_control=nosuch");
    let Err(TargetError::Unsupported { reason, .. }) = unknown else {
        panic!("{unknown:?}");
    };
    assert!(reason.contains("`nosuch`"), "{reason}");
}

fn readiness() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.listener();
    let poll = |fd| Call::Poll {
        entries: vec![PollEntry {
            fd,
            events: libc::POLLIN,
        }],
        timeout_ms: 0,
    };
    let epoll = Fd(bench.ok(Call::EpollCreate { size: 1 }).result as i32);
    bench.ok(Call::EpollCtl {
        epoll,
        operation: libc::EPOLL_CTL_ADD,
        fd,
        events: libc::EPOLLIN as u32,
        data: 7,
    });
    let wait = Call::EpollWait {
        epoll,
        max_events: 4,
        timeout_ms: 0,
    };
    assert_eq!(bench.ok(poll(fd)).output, Output::Poll(vec![0]));
    assert_eq!(bench.ok(wait.clone()).output, Output::Epoll(vec![]));
    bench.handshake();
    let seen = bench.ok(poll(fd));
    assert_eq!(
        (seen.result, seen.output),
        (1, Output::Poll(vec![libc::POLLIN]))
    );
    let seen = bench.ok(wait);
    assert_eq!(seen.output, Output::Epoll(vec![(libc::EPOLLIN as u32, 7)]));
    assert_eq!(bench.errno(Call::EpollCreate { size: 0 }), libc::EINVAL);
    bench.ok(Call::Close { fd });
    assert_eq!(
        bench.ok(poll(fd)).output,
        Output::Poll(vec![libc::POLLNVAL])
    );
}

fn messages() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let peer = bench.connection();
    bench.ok(Call::SetSockOpt {
        fd: peer.fd,
        level: SOL_TCP,
        name: TCP_INQ,
        value: 1_i32.to_ne_bytes().to_vec(),
    });
    let payload: Vec<u8> = (0..=255).collect();
    bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, &payload));
    let read = bench.ok(Call::Readv {
        fd: peer.fd,
        lens: vec![10, 20],
    });
    assert_eq!(read.output, Output::Bytes(payload[..30].to_vec()));
    let received = bench.ok(Call::RecvMsg {
        fd: peer.fd,
        lens: vec![6, 20],
        flags: 0,
        control_len: 256,
    });
    let Output::Message {
        data,
        flags,
        control,
        address: None,
    } = received.output
    else {
        panic!("no message");
    };
    assert_eq!(data, payload[30..56]);
    assert_eq!(flags, 0);
    assert_eq!(control.len(), 1);
    assert_eq!((control[0].level, control[0].kind), (SOL_TCP, TCP_INQ));
    assert_eq!(control[0].data, 200_i32.to_ne_bytes());
    let waiting = bench.ok(Call::Ioctl {
        fd: peer.fd,
        request: 0x541b,
        argument: Some(0),
    });
    assert_eq!(waiting.output, Output::Int(200));
    assert_eq!(bench.next().ack, peer.snd_nxt + 256);
    bench.ok(Call::Writev {
        fd: peer.fd,
        data: vec![b"ab".to_vec(), b"cde".to_vec()],
    });
    assert_eq!(bench.next().payload, b"abcde");
    // Acknowledged, so that Nagle's algorithm does not hold back the rest.
    let (seq, ack) = (peer.snd_nxt + 256, peer.rcv_nxt.wrapping_add(5));
    bench.inject(&bench.segment(ACK, seq, ack, &[]));
    bench.ok(Call::SendMsg {
        fd: peer.fd,
        data: vec![b"f".to_vec(), b"g".to_vec()],
        flags: 0,
        address: None,
        control: Vec::new(),
    });
    assert_eq!(bench.next().payload, b"fg");
}

fn files() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let Output::Pipe(read, write) = bench.ok(Call::Pipe).output else {
        panic!("no pipe");
    };
    let null = bench.ok(Call::Open {
        path: "/dev/null".into(),
        flags: libc::O_WRONLY,
    });
    bench.ok(Call::Write {
        fd: write,
        data: vec![0; 64],
    });
    let spliced = bench.ok(Call::Splice {
        input: read,
        output: Fd(null.result as i32),
        len: 100,
        flags: 1,
    });
    assert_eq!(spliced.result, 64);
    let zero = bench.ok(Call::Open {
        path: "/proc/self/exe".into(),
        flags: libc::O_RDONLY,
    });
    let peer = bench.connection();
    let sent = bench.ok(Call::SendFile {
        output: peer.fd,
        input: Fd(zero.result as i32),
        offset: 1,
        len: 3,
    });
    assert_eq!(sent.result, 3);
    assert_eq!(bench.next().payload, b"ELF");
}

fn datagrams() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let socket = bench.ok(Call::Socket {
        domain: libc::AF_INET,
        kind: libc::SOCK_DGRAM,
        protocol: 0,
    });
    let fd = Fd(socket.result as i32);
    let peer = Address::Is(SocketAddr::new(bench.settings.remote_ip, 53));
    let sent = bench.ok(Call::SendTo {
        fd,
        data: vec![1, 2, 3],
        flags: 0,
        address: peer,
    });
    assert_eq!(sent.result, 3);
    let deadline = bench.session.now() + LIMIT;
    let mut packet = bench.session.next_packet(deadline).unwrap().unwrap().bytes;
    assert_eq!((packet[9], &packet[28..]), (17, &[1, 2, 3][..]));
    // Sent back with its ends exchanged, every checksum stays right.
    for at in 12..16 {
        packet.swap(at, at + 4);
    }
    packet.swap(20, 22);
    packet.swap(21, 23);
    bench.session.inject(&packet).unwrap();
    let received = bench.ok(Call::RecvFrom {
        fd,
        len: 100,
        flags: 0,
    });
    assert_eq!(
        received.output,
        Output::Received {
            data: vec![1, 2, 3],
            address: Some("192.0.2.1:53".parse().unwrap()),
        }
    );
}

fn snapshot() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let peer = bench.connection();
    bench.inject(&bench.segment(PSH | ACK, peer.snd_nxt, peer.rcv_nxt, &[0; 300]));
    bench.ok(Call::Write {
        fd: peer.fd,
        data: vec![0; 700],
    });
    let variables = bench.session.socket_info(peer.fd).unwrap();
    assert_eq!(variables["tcpi_state"], 1);
    assert_eq!(variables["tcpi_bytes_received"], 300);
    assert_eq!(variables["tcpi_bytes_sent"], 700);
    // The peer has not given an MSS: 536 (RFC 9293 section 3.7.1), hence two segments.
    assert_eq!(variables["tcpi_snd_mss"], 536);
    assert_eq!(variables["tcpi_unacked"], 2);
    assert_eq!(variables["tcpi_snd_cwnd"], 10);
    assert!(variables["SK_MEMINFO_RCVBUF"] > 0);
    let closed = bench.session.socket_info(Fd(i32::MAX));
    assert!(matches!(closed, Err(TargetError::Machine(_))), "{closed:?}");
}

fn foreign_descriptors() {
    let mut one = Bench::new(IpVersion::Ipv4);
    let mut other = Bench::new(IpVersion::Ipv4);
    let foreign = one.listener();
    let calls = [
        Call::Close { fd: foreign },
        Call::Listen {
            fd: foreign,
            backlog: 1,
        },
        Call::Read {
            fd: foreign,
            len: 1,
        },
        Call::Read { fd: Fd(0), len: 1 },
        Call::Close { fd: Fd(2) },
    ];
    for call in calls {
        assert_eq!(other.errno(call), libc::EBADF);
    }
    one.handshake();
}

fn capabilities() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let fd = bench.socket();
    let force = |fd| Call::SetSockOpt {
        fd,
        level: libc::SOL_SOCKET,
        name: libc::SO_MARK,
        value: 1_i32.to_ne_bytes().to_vec(),
    };
    bench.ok(force(fd));
    for capability in [12, 13] {
        bench.ok(Call::CapSet {
            set: 0,
            capability,
            action: 0,
        });
    }
    assert_eq!(bench.errno(force(fd)), libc::EPERM);
    let mut other = Bench::new(IpVersion::Ipv4);
    let fd = other.socket();
    other.ok(force(fd));
}

fn many_sessions() {
    const SESSIONS: usize = 64;
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut benches: Vec<_> = (0..SESSIONS / 8)
                    .map(|_| Bench::new(IpVersion::Ipv4))
                    .collect();
                for bench in &mut benches {
                    let peer = bench.connection();
                    // Left open on purpose: dropping the session closes it.
                    bench.inject(&bench.segment(FIN | ACK, peer.snd_nxt, peer.rcv_nxt, &[]));
                    assert_eq!(bench.next().ack, peer.snd_nxt + 1);
                }
            });
        }
    });
    // Other tests run at the same time in this process; only a leak of every session shows for sure.
    let after = open();
    assert!(
        after < before + SESSIONS,
        "{before} descriptors before, {after} after"
    );
}

fn namespace_is_gone() {
    let mut outside = Bench::new(IpVersion::Ipv4);
    if outside
        .session
        .command("ip link help 2>&1; command -v ip")
        .unwrap()
        .status
        != Some(0)
    {
        println!("skipped: `ip` is not installed");
        return;
    }
    for version in [IpVersion::Ipv4, IpVersion::Ipv6] {
        let pid = outside.command("sleep 1000 & echo $!");
        let mut bench = Bench::new(version);
        // A veth pair lives as long as the namespaces of both its ends.
        let pair = "ip link add inside type veth peer name outside netns";
        let made = bench.session.command(&format!("{pair} {pid}")).unwrap();
        assert_eq!(made.status, Some(0), "{}", made.output);
        outside.command("ip link show outside");
        // Closed in good order, but the peer does not answer: FIN-WAIT-1 for minutes.
        let peer = bench.connection();
        bench.ok(Call::Close { fd: peer.fd });
        assert_eq!(bench.next().flags & FIN, FIN);
        // Data that the stack has not told it has: the first reset is not the right one.
        bench.inject(&bench.segment(ACK, peer.snd_nxt, peer.rcv_nxt, &[]));
        drop(bench);
        outside.command(
            "i=0; while ip link show outside >/dev/null 2>&1; do i=$((i+1)); [ $i -lt 200 ] || exit 1; sleep .05; done",
        );
    }
}

fn lacks() {
    let lacks = |name: &str| LinuxTarget::default().lacks(&Capability(name.into()));
    for name in [
        "psp",
        "udp_encapsulation",
        "sysctl:kernel.panic",
        "sysctl:net.nosuch",
    ] {
        assert!(lacks(name).is_some(), "{name}");
    }
    for name in [
        "udp",
        "icmp",
        "encapsulation",
        "shell",
        "call:splice",
        "sysctl:net.ipv4.tcp_rmem",
        "sockopt:SOL_TCP/TCP_INQ",
        "tcp_info:tcpi_rtt",
    ] {
        assert_eq!(lacks(name), None, "{name}");
    }
    assert!(
        LinuxTarget::default()
            .open(&settings(IpVersion::Ipv4))
            .is_ok()
    );
}

/// Runs one of these tests again as the user `nobody`, who is given a TUN device of their own in
/// a mount namespace. Only root can arrange that; anybody else *is* an ordinary user already.
fn ordinary_user() {
    const AGAIN: &str = "passive_open_over_ipv4";
    // Root of the host, that is, not of a user namespace.
    let map = std::fs::read_to_string("/proc/self/uid_map").unwrap();
    let host_root = map.split_whitespace().eq(["0", "0", "4294967295"]);
    if !host_root || !nix::unistd::geteuid().is_root() {
        println!("skipped: this is an ordinary user already");
        return;
    }
    let script = r#"
        for tool in unshare setpriv mknod; do
            command -v $tool >/dev/null || { echo "skipped: no $tool"; exit 0; }
        done
        exec unshare --mount sh -e -c '
            mount -t tmpfs none /dev/net
            mknod -m 666 /dev/net/tun c 10 200
            cp "$0" /dev/net/test
            chmod 755 /dev/net/test /dev/net
            cd /
            TCPDRILL_REQUIRE_LINUX=1 exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all \
                /dev/net/test --exact "$1"
        ' "$0" "$1"
    "#;
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .arg(AGAIN)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if text.starts_with("skipped") {
        println!("{text}");
        return;
    }
    assert!(output.status.success(), "{text}{errors}");
    assert!(text.contains("1 passed"), "{text}{errors}");
}
