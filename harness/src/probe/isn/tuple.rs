//! `isn-tuple`: ISNs of neighbouring 4-tuples have nothing to do with one another.

use serde::Deserialize;

use crate::probe::Probe;
use crate::probe::file::Within;
use crate::probe::kit::{Bench, Tuple, Wire};
use crate::probe::peer::wrong;
use crate::probe::stop::{Stop, code};
use crate::wire::TcpFlags;

/// Where the stack listens: two ports, so that a local port can be varied.
const PORTS: [u16; 2] = [8080, 8081];
/// The first of the ports the probe's end has.
const REMOTE_PORT: u16 = 12_000;
/// The first of the ports the stack connects from.
const LOCAL_PORT: u16 = 15_000;
const ISS: u32 = 1_000;
/// Pairs of remote addresses; they repeat with other ports.
const HOSTS: usize = 16;
/// Offsets this near to one another are the same: the clock runs on between two SYNs.
const NEAR: u32 = 20_000;

/// Parameters of `isn-tuple`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct IsnTuple {
    /// Who opens: the probe (the ISN of the SYN-ACK) or the stack (that of its SYN).
    open: Open,
    /// Pairs of tuples for each field that is varied.
    pairs: Within<32, 1024>,
}

/// Who sends the first SYN.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Open {
    Passive,
    Active,
}

/// The field in which the two tuples of a pair differ.
#[derive(Clone, Copy, Debug)]
enum Field {
    RemotePort,
    RemoteAddress,
    LocalPort,
}

impl Field {
    const ALL: [Field; 3] = [Field::RemotePort, Field::RemoteAddress, Field::LocalPort];

    fn name(self) -> &'static str {
        match self {
            Field::RemotePort => "remote_port",
            Field::RemoteAddress => "remote_address",
            Field::LocalPort => "local_port",
        }
    }
}

impl Probe for IsnTuple {
    const NAME: &'static str = "isn-tuple";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        wire.needs_hosts(2 * HOSTS)?;
        if let Open::Passive = self.open {
            for port in PORTS {
                wire.listen(port, 16)?;
            }
        }
        for field in Field::ALL {
            let mut pairs = Vec::new();
            for number in 0..self.pairs.count() {
                let [one, other] = self.pair(&wire, field, number);
                let first = self.isn(&mut wire, &one)?;
                pairs.push((first, self.isn(&mut wire, &other)?));
            }
            judge(field, &pairs)?;
        }
        Ok(())
    }
}

impl IsnTuple {
    /// Two tuples that differ in one field, by the smallest step.
    fn pair(&self, wire: &Wire<'_>, field: Field, number: usize) -> [Tuple; 2] {
        let offset = 4 * number as u16;
        let local = |step: u16| match self.open {
            Open::Passive => wire.local(PORTS[usize::from(step)]),
            Open::Active => wire.local(LOCAL_PORT + offset + step),
        };
        let remote = |host: usize, step: u16| wire.remote(host, REMOTE_PORT + offset + step);
        let host = number % HOSTS * 2;
        let one = Tuple {
            local: local(0),
            remote: remote(host, 0),
        };
        let mut other = one;
        match field {
            Field::RemotePort => other.remote = remote(host, 1),
            Field::RemoteAddress => other.remote = remote(host + 1, 0),
            Field::LocalPort => other.local = local(1),
        }
        [one, other]
    }

    /// The stack's ISN on a tuple; nothing is left of the connection afterwards.
    fn isn(&self, wire: &mut Wire<'_>, tuple: &Tuple) -> Result<u32, Stop> {
        match self.open {
            Open::Passive => {
                let half = wire.half_open(tuple, ISS, &[])?;
                wire.reset(tuple, ISS + 1)?;
                Ok(half.isn())
            }
            Open::Active => {
                let fd = wire.bound_socket(tuple.local.port())?;
                wire.start_connect(fd, tuple.remote)?;
                let seen = wire.answer(tuple, "connect")?;
                if !seen.is(TcpFlags::SYN) {
                    return Err(wrong(&seen, "connect", "SYN"));
                }
                let isn = seen.segment.sequence;
                let refusal = TcpFlags::RST.with(TcpFlags::ACK);
                let refusal = tuple.segment(refusal, 0, isn.wrapping_add(1));
                wire.send(tuple, refusal)?;
                wire.close(fd)?;
                Ok(isn)
            }
        }
    }
}

/// The bounds an unkeyed or additive function fails and a keyed hash does not: of 32 pairs or more,
/// an eighth at one offset has a chance below 1e-12, a mean of changed bits outside 13 to 19 one below 1e-8.
fn judge(field: Field, pairs: &[(u32, u32)]) -> Result<(), Stop> {
    let offsets: Vec<u32> = pairs
        .iter()
        .map(|(one, other)| other.wrapping_sub(*one))
        .collect();
    let largest = offsets
        .iter()
        .map(|centre| {
            let near = |offset: &&u32| offset.wrapping_sub(*centre) <= NEAR;
            offsets.iter().filter(near).count()
        })
        .max()
        .unwrap_or(0);
    let changed: u32 = pairs
        .iter()
        .map(|(one, other)| (one ^ other).count_ones())
        .sum();
    let mean = f64::from(changed) / pairs.len() as f64;
    if largest <= pairs.len() / 8 && (13.0..=19.0).contains(&mean) {
        return Ok(());
    }
    let message = format!("ISNs of tuples that differ in {} are related", field.name());
    Err(Stop::failed(code::NOT_RANDOM, message)
        .differs(
            "same_offset",
            format!("at most {} of {} pairs", pairs.len() / 8, pairs.len()),
            largest,
        )
        .differs(
            "changed_bits",
            "13 to 19 of 32 on average",
            format!("{mean:.1}"),
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fake::Isn;

    #[test]
    fn unrelated_pairs_pass() {
        let mut isn = Isn::ideal(7);
        let pairs: Vec<(u32, u32)> = (0..32).map(|_| (isn.next(0), isn.next(0))).collect();
        judge(Field::RemotePort, &pairs).unwrap();
    }

    #[test]
    fn one_offset_for_an_eighth_of_the_pairs_fails() {
        let mut isn = Isn::ideal(7);
        let mut pairs: Vec<(u32, u32)> = (0..32).map(|_| (isn.next(0), isn.next(0))).collect();
        for pair in &mut pairs[..5] {
            pair.1 = pair.0.wrapping_add(0x1234_5678);
        }
        judge(Field::RemotePort, &pairs).unwrap_err();
    }
}
