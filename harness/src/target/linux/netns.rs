//! A network namespace set up as the host of one case.

use std::fs::File;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};

use super::cable::{Cable, Link};
use super::capture::Capture;
use super::ethtool;
use super::given;
use super::netlink::{Message, Netlink};
use super::rtnetlink::{self, Route};
use super::sysctl;
use super::tun;
use super::worker::Worker;
use crate::source::Span;
use crate::target::{SessionSettings, TargetError};
use crate::verdict::Perturbation;

/// The loopback interface is the first of every namespace.
const LOOPBACK: u32 = 1;

/// Settings of a fresh namespace before it has a device: name, value.
///
/// The kernel copies some of them from the host; a case must not depend on how a host is tuned.
const BEFORE: &[(&str, &str)] = &[
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.tcp_rmem", "4096 131072 6291456"),
    ("net.ipv4.tcp_wmem", "4096 16384 4194304"),
    ("net.ipv4.conf.all.rp_filter", "0"),
    ("net.ipv4.conf.default.rp_filter", "0"),
    // Duplicate address detection, router solicitations and link-local addresses would put
    // packets on the wire and time before the first use of an address.
    ("net.ipv6.conf.default.accept_dad", "0"),
    ("net.ipv6.conf.default.accept_ra", "0"),
    ("net.ipv6.conf.default.router_solicitations", "0"),
    ("net.ipv6.conf.default.addr_gen_mode", "1"),
    ("net.ipv6.conf.all.disable_ipv6", "0"),
    ("net.ipv6.conf.default.disable_ipv6", "0"),
];

/// What a namespace is made of, apart from the thread that is in it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) cable: Cable,
    pub(super) capture: Capture,
    /// The route to the remote network.
    pub(super) route: Route,
}

/// Moves the calling thread into a fresh network namespace with nothing in it, unless it is to
/// stay in the one that was made for it.
pub(super) fn enter() -> Result<(), TargetError> {
    if given::take() {
        return Ok(());
    }
    leave()
}

/// Moves the calling thread into a fresh network namespace with nothing in it, whatever was made for it.
pub(super) fn leave() -> Result<(), TargetError> {
    unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| {
        let todo = match errno {
            Errno::EPERM => {
                "run as root, or as an ordinary user where user namespaces are allowed (see `tcpdrill doctor`)"
            }
            Errno::ENOSPC => "raise user.max_net_namespaces",
            Errno::EINVAL => "this kernel has no network namespaces (CONFIG_NET_NS)",
            _ => "see `tcpdrill doctor`",
        };
        TargetError::Unsupported {
            capability: "network namespace".into(),
            reason: format!("the kernel refuses one ({errno}): {todo}"),
        }
    })
}

/// Moves the calling thread into the namespace that a file of `/proc` stands for.
pub(super) fn join(place: &File) -> Result<(), TargetError> {
    setns(place, CloneFlags::CLONE_NEWNET)
        .map_err(|errno| machine("its namespace cannot be entered", errno))
}

/// Sets up the calling thread's namespace: `tun0` with the local address, the route through the gateway.
pub(super) fn configure(settings: &SessionSettings, by: Link) -> Result<Wire, TargetError> {
    let six = settings.local_ip.is_ipv6();
    if six && !Path::new("/proc/sys/net/ipv6").exists() {
        return Err(TargetError::Unsupported {
            capability: "ipv6".into(),
            reason: "this kernel has no IPv6, or it is switched off (ipv6.disable=1)".into(),
        });
    }
    set_defaults();
    let cable = Cable::open(by, settings)?;
    let mut netlink = Netlink::open().map_err(|errno| machine("no rtnetlink socket", errno))?;
    let index = netlink
        .index(tun::NAME)
        .map_err(|errno| machine("the index of tun0 cannot be had", errno))?;
    if !six {
        set_default("net.ipv6.conf.tun0.disable_ipv6", "1");
    }
    // Before the link is up, so that nothing it sends is missed.
    let capture = Capture::open(index)?;
    let route = Route {
        destination: settings.remote_ip,
        prefix: settings.remote_prefix,
        gateway: settings.gateway_ip,
        index,
        congestion_control: None,
    };
    if let Some(speed) = settings.speed {
        ethtool::set_speed(tun::NAME, speed).map_err(|errno| {
            machine(
                &format!("tun0 cannot report a speed of {speed} Mbit/s"),
                errno,
            )
        })?;
    }
    let mut steps = steps(settings, &route);
    if cable.is_ethernet() {
        let step = rtnetlink::without_neighbours(index);
        steps.insert(
            0,
            (step, "tun0 cannot do without address resolution".into()),
        );
    }
    take(&mut netlink, steps, (!settings.is_anyip).then_some(&route))?;
    if let IpAddr::V6(address) = settings.local_ip
        && !settings.is_anyip
    {
        wait_for_local_route(address)?;
    }
    Ok(Wire {
        cable,
        capture,
        route,
    })
}

/// Sets what the kernel may have copied from the host, in a fresh namespace without a device.
pub(super) fn set_defaults() {
    for (name, value) in LEFT_TO_SET.get().map_or(BEFORE, Vec::as_slice) {
        set_default(name, value);
    }
}

/// What is left to set in a fresh namespace of a kernel that is ours alone.
static LEFT_TO_SET: OnceLock<Vec<(&str, &str)>> = OnceLock::new();

/// Has every namespace to come begin with what a case starts from, as far as the kernel lets it inherit that
/// from the first one, in which the calling thread is. Only for a kernel that nobody else uses.
pub(super) fn bequeath_defaults() {
    set_default("net.core.devconf_inherit_init_net", "1");
    set_defaults();
    let missing = Worker::start(|| {
        leave()?;
        let differs = |(name, value): &&(&str, &str)| {
            sysctl::read(name).is_ok_and(|now| !now.split_whitespace().eq(value.split_whitespace()))
        };
        Ok(BEFORE.iter().filter(differs).copied().collect::<Vec<_>>())
    });
    // Where that cannot be found out each case sets all of it.
    if let Ok((_, missing)) = missing {
        let _ = LEFT_TO_SET.set(missing);
    }
}

/// A request, and what it means that it is refused.
type Step = (Message, String);

/// Brings both links up, with an address and the route.
fn steps(settings: &SessionSettings, route: &Route) -> Vec<Step> {
    let (mtu, local, prefix) = (settings.mtu, settings.local_ip, settings.local_prefix);
    let network = cidr(settings.remote_ip, settings.remote_prefix);
    let gateway = settings.gateway_ip;
    let mut steps = vec![
        (
            rtnetlink::link_up(LOOPBACK, None),
            "lo cannot be brought up".to_owned(),
        ),
        (
            rtnetlink::link_up(route.index, Some(mtu)),
            format!("tun0 cannot be brought up with an MTU of {mtu} bytes"),
        ),
    ];
    // With any address the local one is routed to the stack without being given to a device, and the remote network
    // to the link without a gateway.
    steps.extend(if settings.is_anyip {
        [
            (
                rtnetlink::local_route(LOOPBACK, local),
                format!("no local route to {local}"),
            ),
            (
                rtnetlink::link_route(route),
                format!("no route to {network} over tun0"),
            ),
        ]
    } else {
        [
            (
                rtnetlink::address(route.index, local, prefix),
                format!("tun0 cannot have the address {}", cidr(local, prefix)),
            ),
            (
                rtnetlink::route(route, rtnetlink::RTNH_F_ONLINK),
                format!("no route to {network} through {gateway} (the gateway must lie in the local network)"),
            ),
        ]
    });
    steps
}

/// Has the kernel take all steps. If the last one sets `route`, there is another way to have it.
fn take(netlink: &mut Netlink, steps: Vec<Step>, route: Option<&Route>) -> Result<(), TargetError> {
    let (messages, refusals): (Vec<Message>, Vec<String>) = steps.into_iter().unzip();
    let last = refusals.len() - 1;
    let taken = match (netlink.request_all(messages), route) {
        (Err((place, Errno::EINVAL)), Some(route)) if place == last => {
            netlink.set_route(route).map_err(|errno| (place, errno))
        }
        (taken, _) => taken,
    };
    taken.map_err(|(place, errno)| machine(&refusals[place.min(last)], errno))
}

/// Waits until packets to an IPv6 address are delivered.
///
/// Even without duplicate address detection the kernel makes the route to a new address in its own
/// time, on a work queue; a packet that comes earlier is dropped.
pub(super) fn wait_for_local_route(address: Ipv6Addr) -> Result<(), TargetError> {
    const PATIENCE: Duration = Duration::from_secs(5);
    let end = Instant::now() + PATIENCE;
    loop {
        let routes =
            std::fs::read_to_string("/proc/thread-self/net/ipv6_route").map_err(|error| {
                TargetError::Machine(format!("the IPv6 routes cannot be read: {error}"))
            })?;
        if has_local_route(&routes, address) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(TargetError::Late(Perturbation {
                span: Span::default(),
                what: "the kernel's route to the case's own address was",
                late: PATIENCE,
                allowed: Some(PATIENCE),
            }));
        }
        std::thread::sleep(Duration::from_micros(100));
    }
}

/// Whether `/proc/net/ipv6_route` has a route of the local table to exactly this address.
fn has_local_route(routes: &str, address: Ipv6Addr) -> bool {
    const RTF_LOCAL: u32 = 0x8000_0000;
    let wanted = format!("{:032x}", u128::from(address));
    routes.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let destination = fields.next() == Some(&wanted) && fields.next() == Some("80");
        // Of what follows the destination and its length, the seventh field holds the flags.
        let flags = fields
            .nth(6)
            .and_then(|flags| u32::from_str_radix(flags, 16).ok());
        destination && flags.is_some_and(|flags| flags & RTF_LOCAL != 0)
    })
}

/// Sets what every case starts from. A kernel that lacks it behaves that way anyhow or, for the
/// congestion control, is one without `reno`, which there is none of.
fn set_default(name: &str, value: &str) {
    let _ = sysctl::write(name, value);
}

fn cidr(address: IpAddr, prefix: u8) -> String {
    format!("{address}/{prefix}")
}

fn machine(what: &str, errno: Errno) -> TargetError {
    TargetError::Machine(format!("the case's host cannot be set up: {what}: {errno}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_route_of_the_local_table_counts() {
        let line = |prefix: &str, flags: &str| {
            let zeros = "0".repeat(32);
            let address = "fd3dfa7bd17d00000000000000000001";
            format!(
                "{address} {prefix} {zeros} 00 {zeros} 00000000 00000001 00000000 {flags} tun0\n"
            )
        };
        let address = "fd3d:fa7b:d17d::1".parse().unwrap();
        assert!(has_local_route(&line("80", "80200001"), address));
        assert!(!has_local_route(&line("80", "00000001"), address));
        assert!(!has_local_route(&line("30", "80200001"), address));
        assert!(!has_local_route(
            &line("80", "80200001"),
            Ipv6Addr::LOCALHOST
        ));
        assert!(!has_local_route("", address));
    }
}
