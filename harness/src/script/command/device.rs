//! `ip` and `tc`, as far as suites use them on their device.

use std::net::IpAddr;

use super::{Change, Link, Qdisc, Route, Tool};

/// Metrics of a route: word, number of the kernel's `RTAX_`.
const METRICS: &[(&str, u16)] = &[
    ("mtu", 2),
    ("window", 3),
    ("ssthresh", 6),
    ("cwnd", 7),
    ("advmss", 8),
    ("reordering", 9),
    ("hoplimit", 10),
    ("initcwnd", 11),
    ("initrwnd", 14),
    ("quickack", 15),
];

/// `RTAX_RTO_MIN`, in milliseconds.
const RTO_MIN: u16 = 13;
/// `RTAX_CC_ALGO`
const CONGESTION_CONTROL: u16 = 16;

/// Disciplines that can be made without options, or with a limit: whether they take one.
const QDISCS: &[(&str, bool)] = &[
    ("pfifo", true),
    ("bfifo", true),
    ("fq", true),
    ("pfifo_fast", false),
    ("fq_codel", false),
    ("noqueue", false),
];

pub(super) fn ip(arguments: &[&str]) -> Option<Tool> {
    let arguments = match arguments {
        ["-4" | "-6", rest @ ..] => rest,
        all => all,
    };
    match arguments {
        ["tcp_metrics" | "tcpmetrics" | "tcp_metric", "flush"]
        | ["tcp_metrics" | "tcpmetrics" | "tcp_metric", "flush", "all"] => Some(Tool::FlushMetrics),
        ["route" | "ro" | "r", verb, rest @ ..] => route(change(verb)?, rest).map(Tool::Route),
        ["link" | "l", "set", rest @ ..] => link(rest).map(Tool::Link),
        ["address" | "addr" | "a", "add", network, "dev", device] => {
            let (address, prefix) = prefix(network)?;
            Some(Tool::Address((*device).to_owned(), address, prefix))
        }
        _ => None,
    }
}

fn change(verb: &str) -> Option<Change> {
    Some(match verb {
        "add" => Change::Add,
        "change" | "chg" => Change::Change,
        "replace" => Change::Replace,
        "delete" | "del" => Change::Delete,
        _ => return None,
    })
}

/// `address` or `address/length`.
fn prefix(text: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let length = length.unwrap_or(most);
    (length <= most).then_some((address, length))
}

fn route(change: Change, words: &[&str]) -> Option<Route> {
    let (destination, rest) = words.split_first()?;
    let mut route = Route {
        change,
        destination: prefix(destination)?,
        gateway: None,
        onlink: false,
        device: String::new(),
        metrics: Vec::new(),
        locks: 0,
        congestion_control: None,
    };
    let mut words = rest.iter().copied();
    while let Some(word) = words.next() {
        match word {
            "onlink" => route.onlink = true,
            "via" => route.gateway = Some(words.next()?.parse().ok()?),
            "dev" => route.device = words.next()?.to_owned(),
            metric => {
                let number = match metric {
                    "congctl" => CONGESTION_CONTROL,
                    "rto_min" => RTO_MIN,
                    name => METRICS.iter().find(|(known, _)| *known == name)?.1,
                };
                let mut value = words.next()?;
                if value == "lock" {
                    route.locks |= 1 << number;
                    value = words.next()?;
                }
                match metric {
                    "congctl" => route.congestion_control = Some(value.to_owned()),
                    "rto_min" => {
                        let millis = value.strip_suffix("ms")?.parse().ok()?;
                        route.metrics.push((number, millis));
                    }
                    _ => route.metrics.push((number, value.parse().ok()?)),
                }
            }
        }
    }
    let same_family = route
        .gateway
        .is_none_or(|gateway| gateway.is_ipv6() == route.destination.0.is_ipv6());
    (same_family && !route.device.is_empty()).then_some(route)
}

fn link(words: &[&str]) -> Option<Link> {
    let words = match words {
        ["dev", rest @ ..] => rest,
        all => all,
    };
    let (device, rest) = words.split_first()?;
    let mut link = Link {
        device: (*device).to_owned(),
        ..Link::default()
    };
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match *word {
            "up" => link.up = Some(true),
            "down" => link.up = Some(false),
            "mtu" => link.mtu = Some(words.next()?.parse().ok()?),
            "txqueuelen" | "qlen" => link.queue = Some(words.next()?.parse().ok()?),
            _ => return None,
        }
    }
    (link.up.is_some() || link.mtu.is_some() || link.queue.is_some()).then_some(link)
}

pub(super) fn tc(arguments: &[&str]) -> Option<Tool> {
    let ["qdisc", verb, "dev", device, "root", rest @ ..] = arguments else {
        return None;
    };
    let change = change(verb)?;
    let (kind, limit) = match rest {
        [] if change == Change::Delete => (None, None),
        [kind] => (Some(*kind), None),
        [kind, "limit", limit] => (Some(*kind), Some(limit.parse().ok()?)),
        _ => return None,
    };
    if let Some(kind) = kind {
        let (_, takes_limit) = QDISCS.iter().find(|(known, _)| *known == kind)?;
        if limit.is_some() && !takes_limit {
            return None;
        }
    }
    Some(Tool::Qdisc(Qdisc {
        change,
        device: (*device).to_owned(),
        kind: kind.map(str::to_owned),
        limit,
    }))
}
