//! `strange-datagram`: addresses that no connection may have, and IP options that nobody knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::Deserialize;

use crate::call::Fd;
use crate::wire::{TcpFlags, TcpSegment};

use super::Probe;
use super::kit::{Bench, SILENCE, Tuple, Wire, unexpected};
use super::peer::{Half, Peer};
use super::raw::Raw;
use super::stop::Stop;

const PORT: u16 = 8080;
const REMOTE_PORT: u16 = 12_000;
const ISS: u32 = 1_000;
const BACKLOG: i32 = 64;

/// Parameters of `strange-datagram`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrangeDatagram {
    /// What is strange.
    strange: Strange,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Strange {
    /// Segments from addresses that no host can have: silence, and nothing comes of them.
    Source,
    /// Segments from the very end they go to ("LAND"): the same.
    Itself,
    /// Segments to broadcast and multicast addresses: the same.
    Destination,
    /// Unknown options of IP in front of the segment: as if they were not there.
    IpOptions,
}

impl Probe for StrangeDatagram {
    const NAME: &'static str = "strange-datagram";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        let listener = wire.listen(PORT, BACKLOG)?;
        let tuple = Tuple {
            local: wire.local(PORT),
            remote: wire.remote(0, REMOTE_PORT),
        };
        let is_ipv4 = tuple.local.is_ipv4();
        let from = |ip| Tuple {
            remote: SocketAddr::new(ip, REMOTE_PORT),
            ..tuple
        };
        let to = |ip| Tuple {
            local: SocketAddr::new(ip, PORT),
            ..tuple
        };
        let tuples: Vec<Tuple> = match self.strange {
            Strange::Source => nobody(is_ipv4).into_iter().map(from).collect(),
            Strange::Itself => vec![Tuple {
                remote: tuple.local,
                ..tuple
            }],
            Strange::Destination => groups(is_ipv4).into_iter().map(to).collect(),
            Strange::IpOptions => return optional(&mut wire, listener, tuple),
        };
        for strange in tuples {
            ignored(&mut wire, &strange)?;
        }
        // None of them waits to be accepted: the first is the one that means it.
        let (fd, mut peer) = wire.connect(listener, &tuple, ISS, &[])?;
        wire.deliver(&mut peer, fd, b"the only one")
    }
}

/// Addresses that no sender has: groups, this host on this network, loops.
fn nobody(is_ipv4: bool) -> Vec<IpAddr> {
    let mut all = groups(is_ipv4);
    if is_ipv4 {
        all.extend([Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST].map(IpAddr::V4));
    } else {
        all.extend([Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST].map(IpAddr::V6));
    }
    all
}

/// Addresses of many hosts.
fn groups(is_ipv4: bool) -> Vec<IpAddr> {
    if is_ipv4 {
        let groups = [
            Ipv4Addr::BROADCAST,
            Ipv4Addr::new(224, 0, 0, 1),
            Ipv4Addr::new(239, 255, 255, 255),
        ];
        return groups.map(IpAddr::V4).to_vec();
    }
    let groups = [0xff02, 0xff0e].map(|scope| Ipv6Addr::new(scope, 0, 0, 0, 0, 0, 0, 1));
    groups.map(IpAddr::V6).to_vec()
}

/// A SYN, then data that goes with no connection, between these ends: neither draws an answer.
fn ignored(wire: &mut Wire<'_>, tuple: &Tuple) -> Result<(), Stop> {
    let kinds = [
        ("a SYN", TcpFlags::SYN, 0),
        ("an ACK", TcpFlags::ACK, 77),
        ("a FIN", TcpFlags::FIN.with(TcpFlags::ACK), 77),
    ];
    for (kind, flags, ack) in kinds {
        wire.send(tuple, tuple.segment(flags, ISS, ack))?;
        let end = wire.now() + SILENCE;
        if let Some(seen) = wire.take_until(end)?.first() {
            let cause = format!("{kind} from {} to {}", tuple.remote.ip(), tuple.local.ip());
            return Err(unexpected(seen, &cause));
        }
    }
    Ok(())
}

/// A handshake and data, an unknown option in front of each segment.
fn optional(wire: &mut Wire<'_>, listener: Fd, tuple: Tuple) -> Result<(), Stop> {
    let asked = send_optional(wire, &tuple, tuple.segment(TcpFlags::SYN, ISS, 0))?;
    let seen = wire.syn_ack(&tuple, ISS, "a SYN behind an unknown IP option")?;
    let half = Half { asked, seen };
    let rcv_nxt = half.isn().wrapping_add(1);
    let ack = tuple.segment(TcpFlags::ACK, ISS + 1, rcv_nxt);
    send_optional(wire, &tuple, ack)?;
    let fd = wire.accept(listener)?;
    let mut peer = Peer {
        tuple,
        snd_nxt: ISS + 1,
        rcv_nxt,
    };
    let mut data = peer.segment(TcpFlags::ACK.with(TcpFlags::PSH));
    data.payload = b"behind an option".to_vec();
    send_optional(wire, &tuple, data)?;
    peer.snd_nxt = peer.snd_nxt.wrapping_add(16);
    wire.acknowledged(&peer, "data behind an unknown IP option")?;
    wire.read_exactly(fd, b"behind an option")?;
    wire.fetch(&mut peer, fd, b"and back").map(|_| ())
}

fn send_optional(
    wire: &mut Wire<'_>,
    tuple: &Tuple,
    segment: TcpSegment,
) -> Result<crate::time::Moment, Stop> {
    let raw = Raw::new(&tuple.packet(segment)).map_err(Stop::machine)?;
    let text = "segment behind an unknown IP option".to_string();
    wire.inject(raw.with_unknown_ip_option().into_bytes(), text)
}
