//! Facts about the machine for `tcpdrill doctor`.

use std::path::Path;

use nix::time::{ClockId, clock_getres};

use super::{Link, Privilege, clock, netns, priority, sysctl, worker::Worker};
use crate::doctor::{Finding, State};

/// Everything the doctor tells about a Linux machine.
pub(crate) fn findings(privilege: &Result<Privilege, String>) -> Vec<Finding> {
    let mut findings = vec![
        kernel(),
        privileges(privilege),
        user_namespaces(),
        network_namespaces(),
        tun_device(),
        links(),
        real_time(),
    ];
    findings.extend(congestion_controls());
    findings.extend([
        ipv6(),
        clock_resolution(),
        timer_slack(),
        tick(),
        processors(),
        tool("tcpdump", "to read the captures of `tcpdrill run --pcap`"),
        tool("python3", "by scripts whose commands call it"),
        tool("ip", "by scripts whose commands call it"),
        tool("tc", "by scripts whose commands call it"),
    ]);
    findings.extend(crate::vm::kernel::findings());
    findings
}

fn finding(subject: &str, state: State, detail: impl Into<String>) -> Finding {
    Finding {
        subject: subject.into(),
        state,
        detail: detail.into(),
        remedy: None,
    }
}

fn with_remedy(mut finding: Finding, remedy: impl Into<String>) -> Finding {
    finding.remedy = Some(remedy.into());
    finding
}

/// A finding that is all right, or missing with the error as the remedy's home.
fn from_result(subject: &str, fine: &str, result: Result<(), String>) -> Finding {
    match result {
        Ok(()) => finding(subject, State::Ok, fine),
        Err(reason) => {
            let (what, remedy) = reason
                .split_once("): ")
                .map_or((reason.as_str(), None), |(what, remedy)| {
                    (what, Some(remedy))
                });
            let open = if remedy.is_some() { ")" } else { "" };
            let missing = finding(subject, State::Missing, format!("{what}{open}"));
            match remedy {
                Some(remedy) => with_remedy(missing, remedy),
                None => missing,
            }
        }
    }
}

fn kernel() -> Finding {
    let detail = nix::sys::utsname::uname().map_or_else(
        |errno| format!("unknown ({errno})"),
        |names| {
            let text = |name: &std::ffi::OsStr| name.to_string_lossy().into_owned();
            format!(
                "{} {} {}",
                text(names.sysname()),
                text(names.release()),
                text(names.machine())
            )
        },
    );
    finding("kernel", State::Info, detail)
}

fn privileges(privilege: &Result<Privilege, String>) -> Finding {
    match privilege {
        Ok(Privilege::Own) => finding("privileges", State::Ok, "CAP_NET_ADMIN and CAP_SYS_ADMIN"),
        Ok(Privilege::UserNamespace) => finding(
            "privileges",
            State::Ok,
            "an ordinary user, root of a user namespace",
        ),
        Err(reason) => from_result("privileges", "", Err(reason.clone())),
    }
}

fn user_namespaces() -> Finding {
    let subject = "user namespaces";
    let value = |path: &str| std::fs::read_to_string(path).map(|text| text.trim().to_owned());
    if !Path::new("/proc/self/ns/user").exists() {
        return with_remedy(
            finding(
                subject,
                State::Limited,
                "not in this kernel (CONFIG_USER_NS)",
            ),
            "run as root",
        );
    }
    let switches = [
        (
            "/proc/sys/user/max_user_namespaces",
            "user.max_user_namespaces",
            "0",
        ),
        (
            "/proc/sys/kernel/unprivileged_userns_clone",
            "kernel.unprivileged_userns_clone",
            "0",
        ),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "kernel.apparmor_restrict_unprivileged_userns",
            "1",
        ),
    ];
    for (path, name, off) in switches {
        if value(path).is_ok_and(|value| value == off) {
            return with_remedy(
                finding(
                    subject,
                    State::Limited,
                    format!("switched off for ordinary users by {name}={off}"),
                ),
                "run as root, or have the administrator change that setting",
            );
        }
    }
    finding(subject, State::Ok, "available to ordinary users")
}

fn network_namespaces() -> Finding {
    let result = Worker::start(netns::enter)
        .map(drop)
        .map_err(|error| error.to_string());
    from_result("network namespaces", "one can be made", result)
}

fn tun_device() -> Finding {
    use nix::unistd::{AccessFlags, access};
    let path = "/dev/net/tun";
    let subject = "TUN device";
    if !Path::new(path).exists() {
        return with_remedy(
            finding(subject, State::Limited, format!("{path} does not exist")),
            "not needed with `--link packet`; `modprobe tun`, or pass it into the container (`--device /dev/net/tun`)",
        );
    }
    match access(path, AccessFlags::R_OK | AccessFlags::W_OK) {
        Ok(()) => finding(subject, State::Ok, format!("{path} is accessible")),
        Err(errno) => with_remedy(
            finding(
                subject,
                State::Limited,
                format!("{path} is not accessible ({errno})"),
            ),
            "not needed with `--link packet`; run as root, or `chmod 0666 /dev/net/tun`, as desktop distributions have it",
        ),
    }
}

/// Which links can be made in a namespace, and which one is taken.
fn links() -> Finding {
    let subject = "link to the kernel";
    match (Link::Tun.try_out(), Link::Packet.try_out()) {
        (Ok(()), Ok(())) => finding(subject, State::Ok, "tun; packet works too"),
        (Ok(()), Err(_)) => finding(subject, State::Ok, "tun; packet does not work here"),
        (Err(_), Ok(())) => finding(
            subject,
            State::Ok,
            "packet (virtual Ethernet devices), for want of a usable TUN device",
        ),
        (Err(reason), Err(_)) => from_result(subject, "", Err(reason)),
    }
}

fn real_time() -> Finding {
    let subject = "real-time priority";
    match Worker::start(|| Ok(priority::urgent())) {
        Ok((_, true)) => finding(subject, State::Ok, "for the threads of a running case"),
        _ => with_remedy(
            finding(subject, State::Limited, "refused to this user"),
            "on a busy machine more attempts are perturbed and made again; run as root, or raise the limit `rtprio`",
        ),
    }
}

fn congestion_controls() -> Vec<Finding> {
    let read = |what: &str| {
        std::fs::read_to_string(format!("/proc/sys/net/ipv4/tcp_{what}congestion_control"))
            .map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
    };
    let mut findings = vec![finding(
        "congestion controls",
        State::Info,
        format!(
            "available: {}; allowed: {}; the host's default: {}",
            read("available_"),
            read("allowed_"),
            read(""),
        ),
    )];
    for name in ["reno", "cubic"] {
        let subject = format!("{name} in a namespace");
        let set = Worker::start(move || {
            netns::enter()?;
            Ok(sysctl::write("net.ipv4.tcp_congestion_control", name))
        });
        findings.push(match set {
            Ok((_, Ok(()))) => finding(&subject, State::Ok, "can be the default of a case"),
            Ok((_, Err(_))) => with_remedy(
                finding(&subject, State::Limited, "cannot be the default of a case"),
                format!("cases get it by a metric of their route; to allow it outright, add {name} to net.ipv4.tcp_allowed_congestion_control"),
            ),
            Err(_) => finding(&subject, State::Limited, "not known without a namespace"),
        });
    }
    findings
}

fn ipv6() -> Finding {
    if Path::new("/proc/sys/net/ipv6").exists() {
        finding("IPv6", State::Ok, "available")
    } else {
        with_remedy(
            finding(
                "IPv6",
                State::Limited,
                "not in this kernel, or switched off",
            ),
            "boot without ipv6.disable=1; until then cases over IPv6 are skipped",
        )
    }
}

fn clock_resolution() -> Finding {
    match clock_getres(ClockId::CLOCK_MONOTONIC) {
        Ok(step) if step.tv_sec() == 0 && step.tv_nsec() <= 1_000 => finding(
            "clock",
            State::Ok,
            format!("resolution {} ns", step.tv_nsec()),
        ),
        Ok(step) => with_remedy(
            finding(
                "clock",
                State::Limited,
                format!("resolution {}.{:09} s", step.tv_sec(), step.tv_nsec()),
            ),
            "high resolution timers are off (highres=off, nohz=off?): times will be inexact",
        ),
        Err(errno) => finding("clock", State::Limited, format!("cannot be read ({errno})")),
    }
}

fn timer_slack() -> Finding {
    let measured = Worker::start(|| Ok(nix::sys::prctl::get_timerslack()));
    match measured {
        Ok((_, Ok(1))) => finding("timer slack", State::Ok, "1 ns for the threads of a case"),
        Ok((_, Ok(slack))) => finding(
            "timer slack",
            State::Limited,
            format!("{slack} ns, could not be lowered"),
        ),
        _ => finding("timer slack", State::Limited, "unknown"),
    }
}

fn tick() -> Finding {
    let tick = clock::tick_nanos();
    finding(
        "kernel tick",
        State::Info,
        format!(
            "{} ms (HZ={}); timers of seconds are rounded up by percents of their length",
            tick / 1_000_000,
            1_000_000_000 / tick.max(1)
        ),
    )
}

fn processors() -> Finding {
    match std::thread::available_parallelism() {
        Ok(number) => finding("processors", State::Info, number.to_string()),
        Err(error) => finding("processors", State::Info, format!("unknown ({error})")),
    }
}

fn tool(name: &str, used: &str) -> Finding {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    match found {
        Some(file) => finding(name, State::Ok, file.display().to_string()),
        None => with_remedy(
            finding(name, State::Limited, "not found"),
            format!("only needed {used}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_split_into_what_is_wrong_and_what_to_do() {
        let missing = from_result("x", "", Err("refused (EPERM): run as root".into()));
        assert_eq!(missing.detail, "refused (EPERM)");
        assert_eq!(missing.remedy.as_deref(), Some("run as root"));
        let plain = from_result("x", "", Err("broken".into()));
        assert_eq!((plain.detail.as_str(), plain.remedy), ("broken", None));
    }

    #[test]
    fn a_tool_that_is_not_there_is_a_limit_and_not_an_obstacle() {
        assert_eq!(tool("no-such-tool-at-all", "").state, State::Limited);
        assert_eq!(tool("sh", "").state, State::Ok);
    }

    #[test]
    fn an_examination_covers_what_the_target_needs() {
        let findings = findings(&Ok(Privilege::Own));
        for subject in [
            "kernel",
            "TUN device",
            "network namespaces",
            "reno in a namespace",
            "clock",
        ] {
            assert!(
                findings.iter().any(|finding| finding.subject == subject),
                "{subject}"
            );
        }
        let refused = super::findings(&Err("no user namespace (EPERM): run as root".into()));
        assert!(
            refused
                .iter()
                .any(|finding| finding.state == State::Missing)
        );
    }
}
