//! What back-quoted commands can do, and what they cannot.

use tcpdrill::program::IpVersion;
use tcpdrill::target::TargetError;

use crate::bench::Bench;

pub(crate) fn sysctls() {
    let host = || std::fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2").unwrap();
    let before = host();
    let mut bench = Bench::new(IpVersion::Ipv4);
    bench.command("sysctl -q -w net.ipv4.tcp_retries2=3 net.ipv4.tcp_rmem=\"4096 5000 6000\"");
    assert_eq!(bench.command("cat /proc/sys/net/ipv4/tcp_retries2"), "3");
    assert_eq!(host(), before);
    let wrong = bench
        .session
        .command("sysctl -q -w net.ipv4.tcp_retries2=abc")
        .unwrap();
    assert_ne!(wrong.status, Some(0));
    for name in ["kernel.panic", "net.ipv4.tcp_no_such_thing"] {
        let refused = bench.session.command(&format!("sysctl -q -w {name}=1"));
        let Err(TargetError::Unsupported { capability, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(capability, format!("sysctl:{name}=1"));
    }
}

pub(crate) fn commands() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    assert_eq!(bench.command("echo a; echo 'b c' >&2"), "a\nb c");
    let failed = bench.session.command("echo no; exit 3").unwrap();
    assert_eq!((failed.status, failed.output.as_str()), (Some(3), "no\n"));
    let killed = bench.session.command("kill -9 $$").unwrap();
    assert_eq!(killed.status, None);
    let parent = bench.command("echo $PPID");
    assert_eq!(bench.command("echo $PPID"), parent);
    assert_eq!(bench.command("echo $PACKETDRILL_PID"), parent);
    let mut other = Bench::new(IpVersion::Ipv4);
    assert_ne!(other.command("echo $PPID"), parent);
    // One interface apart from loopback, and it is the case's own.
    let devices = bench.command("cat /proc/net/dev");
    assert!(devices.contains("tun0:"), "{devices}");
    assert_ne!(
        bench.command("readlink /proc/self/ns/net"),
        other.command("readlink /proc/self/ns/net")
    );
    // Output larger than a pipe does not block, a command in the background does not hold up.
    let zeros = bench.command("head -c 300000 /dev/zero | tr '\\0' x");
    assert_eq!(zeros.len(), 300_000);
    let left = bench.command("sleep 1000 & echo $!");
    drop(bench);
    // Killed it is gone, or a zombie until the machine's first process reaps it.
    other.command(&format!(
        "! grep -q '^State:[[:space:]]*[RSD]' /proc/{left}/status 2>/dev/null"
    ));
}

pub(crate) fn host_is_protected() {
    let mut bench = Bench::new(IpVersion::Ipv4);
    let value = std::fs::read_to_string("/proc/sys/kernel/panic").unwrap();
    let command = format!("echo {} > /proc/sys/kernel/panic", value.trim());
    let report = bench.session.command(&command).unwrap();
    assert_ne!(
        report.status,
        Some(0),
        "the host's kernel.panic was written"
    );
    bench.command("echo 4 > /proc/sys/net/ipv4/tcp_retries2");
}
