//! `ip` and `tc` done in-process by rtnetlink: routes with metrics, links, queueing disciplines.

use std::net::IpAddr;

use nix::errno::Errno;
use nix::net::if_::if_nametoindex;

use super::netlink::{Message, Netlink};
use super::rtnetlink::{self, RTNH_F_ONLINK, family, masked, octets};
use crate::script::command::{Change, Link, Qdisc, Route};
use crate::target::commands::Done;

/// Attributes of `linux/rtnetlink.h` and `linux/pkt_sched.h` that libc does not name.
const RTAX_LOCK: u16 = 1;
const RTAX_CC_ALGO: u16 = 16;
const TCA_KIND: u16 = 1;
const TCA_OPTIONS: u16 = 2;
const TCA_FQ_PLIMIT: u16 = 1;
const TC_H_ROOT: u32 = 0xffff_ffff;

/// What `tc` and `ip` end with when the kernel refuses.
const REFUSED: i32 = 2;

/// Changes the root queueing discipline of a device.
pub(super) fn qdisc(qdisc: &Qdisc) -> Done {
    let result = index(&qdisc.device).and_then(|index| {
        let (kind, flags) = match qdisc.change {
            Change::Add => (libc::RTM_NEWQDISC, libc::NLM_F_CREATE | libc::NLM_F_EXCL),
            Change::Replace => (libc::RTM_NEWQDISC, libc::NLM_F_CREATE | libc::NLM_F_REPLACE),
            Change::Change => (libc::RTM_NEWQDISC, 0),
            Change::Delete => (libc::RTM_DELQDISC, 0),
        };
        let mut message = Message::new(kind, flags);
        message.put(&[0; 4]);
        message.put(&index.to_ne_bytes());
        message.put(&0_u32.to_ne_bytes());
        message.put(&TC_H_ROOT.to_ne_bytes());
        message.put(&0_u32.to_ne_bytes());
        if let Some(kind) = &qdisc.kind {
            message.attribute(TCA_KIND, &[kind.as_bytes(), &[0]].concat());
            match qdisc.limit {
                // The fifos take a bare number instead of attributes.
                Some(limit) if kind.ends_with("fifo") => {
                    message.attribute(TCA_OPTIONS, &limit.to_ne_bytes());
                }
                Some(limit) => {
                    let mut options = Message::bare();
                    options.attribute(TCA_FQ_PLIMIT, &limit.to_ne_bytes());
                    message.attribute(TCA_OPTIONS, options.bytes());
                }
                None => {}
            }
        }
        Netlink::open()?.request(message)
    });
    match (result, &qdisc.kind) {
        (Err(Errno::ENOENT), Some(kind)) if qdisc.change != Change::Delete => Done::lacking(
            REFUSED,
            format!("qdisc:{kind}"),
            "this kernel has no such queueing discipline",
        ),
        (result, _) => done("tc", result),
    }
}

/// Adds, changes or deletes a route. One that names no congestion control gets `fallback`.
pub(super) fn route(route: &Route, fallback: Option<&str>) -> Done {
    let (destination, prefix) = route.destination;
    let result = index(&route.device).and_then(|index| {
        let (kind, flags) = match route.change {
            Change::Add => (libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_EXCL),
            Change::Replace => (libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_REPLACE),
            Change::Change => (libc::RTM_NEWROUTE, libc::NLM_F_REPLACE),
            Change::Delete => (libc::RTM_DELROUTE, 0),
        };
        let mut message = Message::new(kind, flags);
        message.put(&[family(destination), prefix, 0, 0]);
        let scope = match (route.change, route.gateway, destination) {
            (Change::Delete, ..) => libc::RT_SCOPE_NOWHERE,
            (_, None, IpAddr::V4(_)) => libc::RT_SCOPE_LINK,
            _ => libc::RT_SCOPE_UNIVERSE,
        };
        message.put(&[
            libc::RT_TABLE_MAIN,
            libc::RTPROT_BOOT,
            scope,
            libc::RTN_UNICAST,
        ]);
        let onlink = if route.onlink { RTNH_F_ONLINK } else { 0 };
        message.put(&onlink.to_ne_bytes());
        message.attribute(libc::RTA_DST, &masked(&octets(destination), prefix));
        if let Some(gateway) = route.gateway {
            message.attribute(libc::RTA_GATEWAY, &octets(gateway));
        }
        message.attribute(libc::RTA_OIF, &index.to_ne_bytes());
        let metrics = metrics(route, fallback);
        if !metrics.bytes().is_empty() {
            message.attribute(libc::RTA_METRICS, metrics.bytes());
        }
        Netlink::open()?.request(message)
    });
    done("ip", result)
}

fn metrics(route: &Route, fallback: Option<&str>) -> Message {
    let mut metrics = Message::bare();
    if route.locks != 0 {
        metrics.attribute(RTAX_LOCK, &route.locks.to_ne_bytes());
    }
    for (number, value) in &route.metrics {
        metrics.attribute(*number, &value.to_ne_bytes());
    }
    let name = route.congestion_control.as_deref().or(fallback);
    if let Some(name) = name.filter(|_| route.change != Change::Delete) {
        metrics.attribute(RTAX_CC_ALGO, &[name.as_bytes(), &[0]].concat());
    }
    metrics
}

/// Changes a link.
pub(super) fn link(link: &Link) -> Done {
    let result = index(&link.device).and_then(|index| {
        let bit = libc::IFF_UP as u32;
        let mut message = Message::new(libc::RTM_NEWLINK, 0);
        message.put(&[libc::AF_UNSPEC as u8, 0, 0, 0]);
        message.put(&index.to_ne_bytes());
        message.put(&(if link.up == Some(true) { bit } else { 0 }).to_ne_bytes());
        message.put(&(if link.up.is_some() { bit } else { 0 }).to_ne_bytes());
        if let Some(mtu) = link.mtu {
            message.attribute(libc::IFLA_MTU, &mtu.to_ne_bytes());
        }
        if let Some(queue) = link.queue {
            message.attribute(libc::IFLA_TXQLEN, &queue.to_ne_bytes());
        }
        Netlink::open()?.request(message)
    });
    done("ip", result)
}

/// Gives a device an address.
pub(super) fn address(device: &str, address: IpAddr, prefix: u8) -> Done {
    let result = index(device)
        .and_then(|index| Netlink::open()?.request(rtnetlink::address(index, address, prefix)));
    done("ip", result)
}

fn index(device: &str) -> Result<u32, Errno> {
    if_nametoindex(device)
}

fn done(tool: &str, result: Result<(), Errno>) -> Done {
    match result {
        Ok(()) => Done::default(),
        Err(Errno::ENODEV | Errno::ENXIO) => {
            Done::failed(1, format!("{tool}: there is no such device\n"))
        }
        Err(errno) => Done::failed(REFUSED, format!("{tool}: {}\n", errno.desc())),
    }
}
