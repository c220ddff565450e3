//! Socket options, `sysctl`, and snapshots.

use std::time::Duration;

use rstest::rstest;

use super::bench::*;
use crate::call::{Call, Fd, Output};
use crate::program::IpVersion;
use crate::target::{Session, TargetError};
use crate::wire::TcpOption;

#[rstest]
#[case(1, 2, 0, 1, 1)] // SO_REUSEADDR
#[case(1, 3, 1, 1, 1)] // SO_TYPE reads SOCK_STREAM (and is not set)
#[case(1, 9, 0, 1, 1)] // SO_KEEPALIVE
#[case(1, 10, 0, 1, 1)] // SO_OOBINLINE
#[case(1, 18, 1, 20, 20)] // SO_RCVLOWAT
#[case(6, 1, 0, 1, 1)] // TCP_NODELAY
#[case(6, 2, 536, 900, 900)] // TCP_MAXSEG
#[case(6, 4, 7200, 60, 60)] // TCP_KEEPIDLE
#[case(6, 5, 75, 7, 7)] // TCP_KEEPINTVL
#[case(6, 6, 9, 4, 4)] // TCP_KEEPCNT
#[case(6, 18, 0, 5000, 5000)] // TCP_USER_TIMEOUT
#[case(0, 1, 0, 0x13, 0x10)] // IP_TOS keeps the ECN bits to itself
#[case(0, 2, 64, 9, 9)] // IP_TTL
#[case(0, 10, 1, 0, 0)] // IP_MTU_DISCOVER
#[case(0, 15, 0, 5, 1)] // IP_FREEBIND is on or off
#[case(1, 12, 0, 6, 6)] // SO_PRIORITY
#[case(1, 36, 0, 666, 666)] // SO_MARK
#[case(1, 60, 0, 1, 1)] // SO_ZEROCOPY
#[case(6, 25, 0, 4000, 4000)] // TCP_NOTSENT_LOWAT
#[case(6, 25, 0, -1, -1)] // TCP_NOTSENT_LOWAT of all ones sets no limit
fn an_option_reads_its_default_and_then_what_was_set(
    #[case] level: i32,
    #[case] name: i32,
    #[case] default: i32,
    #[case] set: i32,
    #[case] read: i32,
) {
    let mut bench = Bench::new();
    let fd = bench.socket();
    assert_eq!(bench.get_int(fd, level, name), default);
    if (level, name) != (1, 3) {
        bench.set_int(fd, level, name, set);
    }
    assert_eq!(bench.get_int(fd, level, name), read);
}

#[test]
fn buffer_sizes_read_twice_what_was_set() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    for name in [7, 8] {
        bench.set_int(fd, 1, name, 10_000);
        assert_eq!(bench.get_int(fd, 1, name), 20_000);
    }
}

#[test]
fn ttl_and_mss_reach_the_wire() {
    let mut bench = Bench::new();
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, 0, 2, 9);
    bench.set_int(fd, 6, 2, 700);
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    let syn = bench.expect_syn(SYN);
    assert!(syn.options.contains(&TcpOption::MaximumSegmentSize(700)));
    let parsed = crate::wire::parse(&bench.log[0].1).unwrap();
    assert_eq!(parsed.packet.ip.ttl, 9);
}

#[rstest]
#[case(6, 4, 0)]
#[case(6, 6, 128)]
#[case(6, 2, 20)]
#[case(0, 2, 256)]
#[case(0, 10, 9)]
#[case(1, 60, 2)]
#[case(1, 37, i32::MIN)]
#[case(1, 37, 1 << 16)]
#[case(6, 36, 2)]
fn values_out_of_range_are_einval(#[case] level: i32, #[case] name: i32, #[case] value: i32) {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let value = value.to_ne_bytes().to_vec();
    let call = Call::SetSockOpt {
        fd,
        level,
        name,
        value,
    };
    bench.fails(call, EINVAL);
}

#[test]
fn reno_is_the_only_congestion_control() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let set = |name: &[u8]| Call::SetSockOpt {
        fd,
        level: 6,
        name: 13,
        value: name.to_vec(),
    };
    bench.ok(set(b"reno"));
    bench.fails(set(b"nonsense"), 2);
    let error = bench.session.call(&set(b"cubic"), Duration::ZERO);
    insta::assert_snapshot!(
        error.unwrap_err(),
        @"congestion:cubic is not available: the reference stack has NewReno (`reno`) only"
    );
    let outcome = bench.call(Call::GetSockOpt {
        fd,
        level: 6,
        name: 13,
        len: 16,
    });
    assert_eq!(
        outcome.output,
        Output::Bytes(b"reno\0\0\0\0\0\0\0\0\0\0\0\0".to_vec())
    );
}

#[test]
fn an_unknown_option_is_a_missing_capability_not_an_errno() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let call = Call::GetSockOpt {
        fd,
        level: 6,
        name: 99,
        len: 4,
    };
    let error = bench.session.call(&call, Duration::ZERO).unwrap_err();
    insta::assert_snapshot!(
        error,
        @"sockopt:SOL_TCP/99 is not available: the reference target does not know this option"
    );
}

#[test]
fn a_sysctl_changes_what_sockets_opened_later_do() {
    let mut bench = Bench::new();
    let report = bench
        .session
        .command("sysctl -q -w net.ipv4.tcp_timestamps=0 net.ipv4.tcp_sack=0")
        .unwrap();
    assert_eq!((report.status, report.output.as_str()), (Some(0), ""));
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    let syn = bench.expect_syn(SYN);
    let unwanted = syn.options.iter().any(|option| {
        matches!(
            option,
            TcpOption::Timestamps { .. } | TcpOption::SackPermitted
        )
    });
    assert!(!unwanted, "{:?}", syn.options);
}

#[rstest]
#[case("true", Some(0), "")]
#[case("sysctl -w net.ipv4.tcp_sack=1", Some(0), "net.ipv4.tcp_sack = 1\n")]
#[case(
    "sysctl -q net.ipv4.tcp_sack=7",
    Some(1),
    "sysctl: setting key \"net.ipv4.tcp_sack\": Invalid argument\n"
)]
fn commands_report_as_the_shell_would(
    #[case] line: &str,
    #[case] status: Option<i32>,
    #[case] output: &str,
) {
    let report = Bench::new().session.command(line).unwrap();
    assert_eq!((report.status, report.output.as_str()), (status, output));
}

#[rstest]
#[case(
    "sysctl -q net.ipv4.ip_no_pmtu_disc=1",
    "sysctl:net.ipv4.ip_no_pmtu_disc"
)]
#[case(
    "sysctl net.ipv4.tcp_congestion_control=bbr",
    "sysctl:net.ipv4.tcp_congestion_control"
)]
#[case("ip link set dev tun0 mtu 1500", "command:link")]
#[case("sysctl a=1; rm -rf x", "shell")]
fn other_commands_are_missing_capabilities(#[case] line: &str, #[case] name: &str) {
    match Bench::new().session.command(line) {
        Err(TargetError::Unsupported { capability, .. }) => assert_eq!(capability, name),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_snapshot_follows_the_connection() {
    let mut bench = Bench::new();
    let (listener, fd) = bench.accepted();
    assert_eq!(
        bench.session.socket_info(listener).unwrap()["tcpi_state"],
        10
    );
    bench.send(PSH_ACK, 1, 1, &bytes(300));
    bench.read(fd, 1000);
    bench.write(fd, 700);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!(info["tcpi_state"], 1);
    assert_eq!(info["tcpi_unacked"], 1);
    assert_eq!(info["tcpi_bytes_received"], 300);
    assert_eq!((info["tcpi_pmtu"], info["tcpi_ca_state"]), (1500, 0));
    bench.send(ACK, 301, 1, &[]);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_ca_state"], info["tcpi_probes"]), (1, 0));
    bench.send(ACK, 301, 701, &[]);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_unacked"], info["tcpi_bytes_acked"]), (0, 700));
    bench.send(FIN_ACK, 301, 701, &[]);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_state"], info["tcpi_bytes_received"]), (8, 300));
    assert_eq!(info.len(), crate::target::reference::info::NAMES.len());
}

/// `TCP_CA_Disorder` with SACK, where nobody counts duplicates.
#[test]
fn a_selection_is_disorder() {
    let mut bench = Bench::new();
    let listener = bench.listener();
    let options = vec![
        TcpOption::MaximumSegmentSize(1000),
        TcpOption::SackPermitted,
        TcpOption::NoOperation,
        TcpOption::NoOperation,
    ];
    bench.send_with(SYN, 0, 0, &[], options, 0);
    bench.expect_syn(SYN_ACK);
    bench.send(ACK, 1, 1, &[]);
    let accept = Call::Accept {
        fd: listener,
        flags: None,
    };
    let fd = Fd(i32::try_from(bench.ok(accept)).unwrap());
    bench.write(fd, 2000);
    let first = bench.isn.wrapping_add(1001);
    let block = TcpOption::Sack(vec![(first, first.wrapping_add(1000))]);
    let options = vec![TcpOption::NoOperation, TcpOption::NoOperation, block];
    bench.send_with(ACK, 1, 1, &[], options, 0);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_ca_state"], info["tcpi_sacked"]), (1, 1));
    bench.send(ACK, 1, 2001, &[]);
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_ca_state"], info["tcpi_sacked"]), (0, 0));
}

#[test]
fn header_options_of_the_other_family_are_refused() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let hops = Call::SetSockOpt {
        fd,
        level: 41,
        name: 16,
        value: 9i32.to_ne_bytes().to_vec(),
    };
    bench.fails(hops, 92);
}

#[test]
fn hop_limit_reaches_the_wire() {
    let mut bench = Bench::with(IpVersion::Ipv6, 1);
    let fd = bench.nonblocking_socket();
    bench.set_int(fd, 41, 16, 9);
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    bench.expect_syn(SYN);
    let parsed = crate::wire::parse(&bench.log[0].1).unwrap();
    assert_eq!(parsed.packet.ip.ttl, 9);
}

#[test]
fn a_socket_without_a_connection_has_a_snapshot_of_zeros() {
    let mut bench = Bench::new();
    let fd = bench.socket();
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!(info["tcpi_state"], 7);
    assert!(
        info.iter()
            .all(|(name, value)| name == "tcpi_state" || *value == 0)
    );
    assert_eq!(info.len(), crate::target::reference::info::NAMES.len());
}

#[test]
fn a_snapshot_counts_payload_and_no_fins() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    bench.send(PSH_ACK, 1, 1, &bytes(30));
    bench.write(fd, 20);
    bench.ok(Call::Shutdown { fd, how: 1 });
    let seen = |bench: &mut Bench| {
        let info = bench.session.socket_info(fd).unwrap();
        (
            info["tcpi_state"],
            info["tcpi_bytes_acked"],
            info["tcpi_bytes_received"],
        )
    };
    bench.send(ACK, 31, 21, &[]);
    assert_eq!(seen(&mut bench), (4, 20, 30));
    bench.send(ACK, 31, 22, &[]);
    assert_eq!(seen(&mut bench), (5, 20, 30));
    bench.send(FIN_ACK, 31, 22, &[]);
    assert_eq!(seen(&mut bench), (6, 20, 30));
}
