//! Back-quoted commands: what they set, what they leave alone, what is missing.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use rstest::rstest;

use super::bench::*;
use crate::call::Call;
use crate::target::{CommandContext, Session, TargetError};
use crate::wire::TcpOption;

const DEFAULTS: &str = "#!/bin/bash
# What all start from.
ip tcp_metrics flush all > /dev/null 2>&1
sysctl -q net.ipv4.tcp_rmem=\"4096 540000 $((15*1024*1024))\"
sysctl -q net.ipv4.tcp_fastopen=0x70403
sysctl -q net.ipv4.tcp_congestion_control=bbr
sysctl -q net.ipv4.ip_no_pmtu_disc=1 net.ipv4.tcp_recovery=1
sysctl -q net.ipv4.tcp_pacing_ss_ratio=200
sysctl -q net.ipv4.tcp_sack=0
tc qdisc add dev tun0 root pfifo
";

/// Not the suites' own, but one that is taken for it.
const HELPER: &str = "#!/usr/bin/env python3
import os, sys
with open('/tmp/sysctl_restore_%s.sh' % os.environ['PACKETDRILL_PID'], 'w') as undo:
    for one in sys.argv[1:]: name, value = one.split('=')
";

fn with_files() -> (Bench, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("defaults.sh", DEFAULTS), ("set_sysctls.py", HELPER)] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut bench = Bench::new();
    let context = CommandContext {
        folder: Some(folder.path().to_path_buf()),
        alone: false,
        allowed: false,
    };
    bench.session.prepare_commands(&context).unwrap();
    (bench, folder)
}

/// What the SYN of a connection opened now offers.
fn offered(bench: &mut Bench) -> String {
    let fd = bench.nonblocking_socket();
    let address = bench.remote();
    bench.fails(Call::Connect { fd, address }, EINPROGRESS);
    let syn = bench.expect_syn(SYN);
    let words = syn.options.iter().filter_map(|option| match option {
        TcpOption::SackPermitted => Some("sack".to_owned()),
        TcpOption::Timestamps { .. } => Some("timestamps".to_owned()),
        TcpOption::WindowScale(shift) => Some(format!("shift {shift}")),
        _ => None,
    });
    words.collect::<Vec<_>>().join(" ")
}

fn run(bench: &mut Bench, line: &str) -> String {
    let report = bench.session.command(line).unwrap();
    assert_eq!(report.status, Some(0), "{line}: {}", report.output);
    report.output
}

#[test]
fn a_file_of_defaults_sets_what_there_is_and_goes_on() {
    let (mut bench, _folder) = with_files();
    let said = run(&mut bench, "./defaults.sh");
    for lacking in ["cannot be `bbr`", "ip_no_pmtu_disc"] {
        assert!(said.contains(lacking), "{said}");
    }
    assert_eq!(
        run(&mut bench, "sysctl -n net.ipv4.tcp_rmem"),
        "4096 540000 15728640\n"
    );
    // Timestamps and window scaling, without SACK, and a shift for 15 MB.
    assert_eq!(offered(&mut bench), "timestamps shift 8");
}

#[test]
fn the_suites_helper_sets_and_its_script_puts_back() {
    let (mut bench, _folder) = with_files();
    run(
        &mut bench,
        "./set_sysctls.py /proc/sys/net/ipv4/tcp_sack=0 /proc/sys/net/ipv4/tcp_timestamps=0",
    );
    assert_eq!(offered(&mut bench), "shift 7");
    run(&mut bench, "/tmp/sysctl_restore_${PPID}.sh");
    assert_eq!(offered(&mut bench), "sack timestamps shift 7");
}

#[rstest]
#[case(
    "sysctl -q net.ipv4.ip_no_pmtu_disc=1; true",
    "sysctl:net.ipv4.ip_no_pmtu_disc"
)]
#[case(
    "./set_sysctls.py /proc/sys/net/ipv4/ip_no_pmtu_disc=1; true",
    "sysctl:net.ipv4.ip_no_pmtu_disc"
)]
#[case(
    "sysctl -q net.ipv4.tcp_tw_reuse=1; true",
    "sysctl:net.ipv4.tcp_tw_reuse"
)]
#[case("tc qdisc replace dev tun0 root pfifo limit 5", "qdisc:pfifo")]
#[case(
    "ip route change 192.0.2.1 via 192.168.0.2 dev tun0 mtu lock 1500",
    "command:route"
)]
#[case("ip link set dev tun0 down", "command:link")]
#[case("echo 1 > /sys/module/tcp_bbr/parameters/bbr", "command:global-state")]
#[case("sysctl net.ipv4.tcp_sack", "sysctl:net.ipv4.tcp_sack")]
#[case("./nothing.sh", "shell")]
#[case("true; ls", "shell")]
#[case("cd /; true", "shell")]
fn what_is_lacking_is_named(#[case] line: &str, #[case] name: &str) {
    let (mut bench, _folder) = with_files();
    match bench.session.command(line) {
        Err(TargetError::Unsupported { capability, .. }) => assert_eq!(capability, name),
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case("sysctl -q net.ipv4.ip_no_pmtu_disc=0")]
#[case("sysctl -q net.ipv4.tcp_early_retrans=0 net.ipv4.tcp_min_tso_segs=2")]
#[case("sysctl -e -q net.ipv4.tcp_nothing=1")]
#[case("sysctl -q net.ipv4.tcp_nothing=1 2> /dev/null || true")]
#[case("sysctl -q net.ipv4.tcp_nothing=1 &> /dev/null || ip tcp_metrics flush all &> /dev/null")]
#[case("tc qdisc delete dev tun0 root 2>/dev/null ; tc qdisc add dev tun0 root pfifo")]
#[case("ip tcp_metrics flush all")]
#[case(
    "echo 1 > /proc/sys/net/ipv4/tcp_timestamps; cat /proc/sys/net/ipv4/tcp_timestamps > /dev/null"
)]
fn what_changes_nothing_is_taken(#[case] line: &str) {
    run(&mut with_files().0, line);
}

/// A queue without room: nothing leaves, the sender knows it, and tries again.
#[test]
fn a_full_queue_takes_nothing() {
    let mut bench = Bench::new();
    let (_, fd) = bench.accepted();
    run(&mut bench, "tc qdisc replace dev tun0 root pfifo limit 0");
    assert_eq!(bench.write(fd, 100), 100);
    bench.silence(Duration::from_secs(3));
    let info = bench.session.socket_info(fd).unwrap();
    assert_eq!((info["tcpi_unacked"], info["tcpi_backoff"]), (0, 0));
    assert!(info["tcpi_probes"] >= 3, "{}", info["tcpi_probes"]);
    run(&mut bench, "tc qdisc replace dev tun0 root pfifo");
    bench.expect_within(Duration::from_secs(1), PSH_ACK, 1, 1, 100);
}

/// `fq` lets segments leave at their sender's rate.
#[test]
fn a_fair_queue_paces_connections() {
    let mut bench = Bench::new();
    let paced = |bench: &mut Bench| bench.session.config().pacing.always;
    run(&mut bench, "tc qdisc replace dev tun0 root fq");
    assert!(paced(&mut bench));
    run(&mut bench, "tc qdisc delete dev tun0 root");
    assert!(!paced(&mut bench));
    // Those that are open keep their settings.
    bench.accepted();
    match bench.session.command("tc qdisc replace dev tun0 root fq") {
        Err(TargetError::Unsupported { capability, .. }) => assert_eq!(capability, "qdisc:fq"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sleep_takes_virtual_time() {
    let mut bench = Bench::new();
    let before = bench.now();
    run(&mut bench, "sleep 1.5; true && sleep 1m");
    assert_eq!(bench.now() - before, 61_500_000);
}
