//! A network namespace set up as the host of one case.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, unshare};

use super::cable::{Cable, Link};
use super::capture::Capture;
use super::ethtool;
use super::given;
use super::netlink::{Netlink, Route};
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
    let index = if_nametoindex(tun::NAME)
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
    let mut netlink = Netlink::open().map_err(|errno| machine("no rtnetlink socket", errno))?;
    if cable.is_ethernet() {
        netlink
            .without_neighbours(index)
            .map_err(|errno| machine("tun0 cannot do without address resolution", errno))?;
    }
    link(&mut netlink, settings, &route)?;
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

fn link(
    netlink: &mut Netlink,
    settings: &SessionSettings,
    route: &Route,
) -> Result<(), TargetError> {
    netlink
        .link_up(LOOPBACK, None)
        .map_err(|errno| machine("lo cannot be brought up", errno))?;
    netlink
        .link_up(route.index, Some(settings.mtu))
        .map_err(|errno| {
            machine(
                &format!(
                    "tun0 cannot be brought up with an MTU of {} bytes",
                    settings.mtu
                ),
                errno,
            )
        })?;
    if settings.is_anyip {
        return any_ip(netlink, settings, route);
    }
    netlink
        .add_address(route.index, settings.local_ip, settings.local_prefix)
        .map_err(|errno| {
            let address = cidr(settings.local_ip, settings.local_prefix);
            machine(&format!("tun0 cannot have the address {address}"), errno)
        })?;
    if let IpAddr::V6(address) = settings.local_ip {
        wait_for_local_route(address)?;
    }
    netlink.set_route(route).map_err(|errno| {
        let network = cidr(settings.remote_ip, settings.remote_prefix);
        let gateway = settings.gateway_ip;
        machine(&format!("no route to {network} through {gateway} (the gateway must lie in the local network)"), errno)
    })
}

/// Routes the local address to the stack without giving it to a device, and the remote network to
/// the link without a gateway.
fn any_ip(
    netlink: &mut Netlink,
    settings: &SessionSettings,
    route: &Route,
) -> Result<(), TargetError> {
    let address = settings.local_ip;
    netlink
        .set_local_route(LOOPBACK, address)
        .map_err(|errno| machine(&format!("no local route to {address}"), errno))?;
    netlink.set_link_route(route).map_err(|errno| {
        let network = cidr(settings.remote_ip, settings.remote_prefix);
        machine(&format!("no route to {network} over tun0"), errno)
    })
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
