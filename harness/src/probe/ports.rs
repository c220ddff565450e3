//! `ephemeral-ports`: the ports a stack chooses for its connections cannot be guessed (RFC 6056).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::call::Fd;
use crate::wire::TcpFlags;

use super::Probe;
use super::file::Within;
use super::kit::{Bench, Wire};
use super::stop::{Stop, code};

/// The first port connected to.
const REMOTE_PORT: u16 = 5_000;
/// Addresses connected to; they repeat with other ports.
const HOSTS: usize = 16;
/// Below this ports have owners (RFC 6335 §6).
const FIRST_FREE: u16 = 1_024;

/// Parameters of `ephemeral-ports`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EphemeralPorts {
    /// Connections to as many different peers.
    peers: Within<32, 1024>,
    /// Between the lowest and the highest port there are at least this many.
    spread_at_least: Within<1, 60_000>,
}

impl Probe for EphemeralPorts {
    const NAME: &'static str = "ephemeral-ports";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        wire.needs_hosts(HOSTS)?;
        let mut ports = Vec::new();
        let mut sockets = Vec::new();
        for number in 0..self.peers.count() {
            let (fd, port) = chosen_port(&mut wire, number)?;
            ports.push(port);
            sockets.push(fd);
        }
        for fd in sockets {
            wire.close(fd)?;
        }
        judge(&ports, self.spread_at_least.get())
    }
}

/// Connects to the `number`-th peer and refuses; the socket stays open, so that its port is not free again.
fn chosen_port(wire: &mut Wire<'_>, number: usize) -> Result<(Fd, u16), Stop> {
    let to = wire.remote(number % HOSTS, REMOTE_PORT + (number / HOSTS) as u16);
    let fd = wire.socket()?;
    wire.start_connect(fd, to)?;
    let syn = wire.first_to(to)?;
    let ack = syn.segment.sequence.wrapping_add(1);
    let refusal = syn.tuple.segment(TcpFlags::RST.with(TcpFlags::ACK), 0, ack);
    wire.send(&syn.tuple, refusal)?;
    Ok((fd, syn.tuple.local.port()))
}

/// Bounds that counters and fixed steps fail, and a hash of the peer does not.
fn judge(ports: &[u16], spread_at_least: u64) -> Result<(), Stop> {
    let lowest = ports.iter().min().copied().unwrap_or(0);
    let highest = ports.iter().max().copied().unwrap_or(0);
    let mut steps: BTreeMap<u16, usize> = BTreeMap::new();
    for pair in ports.windows(2) {
        *steps.entry(pair[1].wrapping_sub(pair[0])).or_default() += 1;
    }
    let commonest = steps.values().max().copied().unwrap_or(0);
    let near = ports
        .windows(2)
        .filter(|pair| pair[1].abs_diff(pair[0]) <= 16)
        .count();
    let bound = ports.len() / 8;
    let spread = u64::from(highest - lowest);
    let holds =
        lowest >= FIRST_FREE && spread >= spread_at_least && commonest <= bound && near <= bound;
    if holds {
        return Ok(());
    }
    Err(
        Stop::failed(code::NOT_RANDOM, "ports of connections can be guessed")
            .differs("lowest_port", format!("{FIRST_FREE} or more"), lowest)
            .differs("spread", format!("{spread_at_least} or more"), spread)
            .differs("same_step", format!("at most {bound} times"), commonest)
            .differs("near_the_last", format!("at most {bound} times"), near),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake::Isn;
    use rstest::rstest;

    fn ports(of: impl FnMut(u16) -> u16) -> Vec<u16> {
        (0..64).map(of).collect()
    }

    #[test]
    fn drawn_ports_pass() {
        let mut random = Isn::ideal(3);
        let drawn = ports(|_| 32_768 + (random.next(0) % 28_232) as u16);
        judge(&drawn, 8_192).unwrap();
    }

    #[rstest]
    #[case::counter(ports(|n| 32_768 + n))]
    #[case::counter_over_the_range(ports(|n| 32_768 + n * 400))]
    #[case::small_random_steps(ports(|n| 32_768 + n * 9 + n % 5))]
    #[case::privileged(ports(|n| 500 + n.wrapping_mul(25_173) % 30_000))]
    #[case::narrow(ports(|n| 40_000 + n.wrapping_mul(25_173) % 4_000))]
    fn ports_that_can_be_guessed_fail(#[case] ports: Vec<u16>) {
        judge(&ports, 8_192).unwrap_err();
    }
}
