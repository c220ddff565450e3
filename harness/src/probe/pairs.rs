//! Pairs of connections that differ in one part of the 4-tuple, and whether a number that the stack
//! chose for each says something about the other.

use serde::Deserialize;

use super::kit::{Seen, Tuple, Wire};
use super::peer::wrong;
use super::stop::{Stop, code};
use crate::wire::{TcpFlags, TcpOption};

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

/// Who sends the first SYN.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Open {
    /// The probe; what the stack chose is in its SYN-ACK.
    Passive,
    /// The stack; what it chose is in its SYN.
    Active,
}

/// The field in which the two tuples of a pair differ.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Field {
    RemotePort,
    RemoteAddress,
    LocalPort,
}

impl Field {
    pub(super) const ALL: [Field; 3] = [Field::RemotePort, Field::RemoteAddress, Field::LocalPort];

    fn name(self) -> &'static str {
        match self {
            Field::RemotePort => "remote_port",
            Field::RemoteAddress => "remote_address",
            Field::LocalPort => "local_port",
        }
    }
}

impl Open {
    /// Makes the host ready for all pairs.
    pub(super) fn prepare(self, wire: &mut Wire<'_>) -> Result<(), Stop> {
        wire.needs_hosts(2 * HOSTS)?;
        if let Open::Passive = self {
            for port in PORTS {
                wire.listen(port, 16)?;
            }
        }
        Ok(())
    }

    /// Opens so many pairs of connections that differ in `field`, and takes from the stack's first
    /// segment of each what `chosen` finds there.
    pub(super) fn pairs(
        self,
        wire: &mut Wire<'_>,
        field: Field,
        count: usize,
        options: &[TcpOption],
        chosen: impl Fn(&Seen) -> Result<u32, Stop>,
    ) -> Result<Vec<(u32, u32)>, Stop> {
        let mut pairs = Vec::new();
        for number in 0..count {
            let [one, other] = self.tuples(wire, field, number);
            let first = chosen(&self.first_segment(wire, &one, options)?)?;
            let second = chosen(&self.first_segment(wire, &other, options)?)?;
            pairs.push((first, second));
        }
        Ok(pairs)
    }

    /// Two tuples that differ in one field, by the smallest step.
    fn tuples(self, wire: &Wire<'_>, field: Field, number: usize) -> [Tuple; 2] {
        let offset = 4 * number as u16;
        let local = |step: u16| match self {
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

    /// The stack's SYN or SYN-ACK on a tuple; nothing is left of the connection afterwards.
    fn first_segment(
        self,
        wire: &mut Wire<'_>,
        tuple: &Tuple,
        options: &[TcpOption],
    ) -> Result<Seen, Stop> {
        match self {
            Open::Passive => {
                let half = wire.half_open(tuple, ISS, options)?;
                wire.reset(tuple, ISS + 1)?;
                Ok(half.seen)
            }
            Open::Active => {
                let fd = wire.bound_socket(tuple.local.port())?;
                wire.start_connect(fd, tuple.remote)?;
                let seen = wire.answer(tuple, "connect")?;
                if !seen.is(TcpFlags::SYN) {
                    return Err(wrong(&seen, "connect", "SYN"));
                }
                let refusal = TcpFlags::RST.with(TcpFlags::ACK);
                let isn = seen.segment.sequence;
                let refusal = tuple.segment(refusal, 0, isn.wrapping_add(1));
                wire.send(tuple, refusal)?;
                wire.close(fd)?;
                Ok(seen)
            }
        }
    }
}

/// The bounds an unkeyed or additive function fails and a keyed hash does not: of 32 pairs or more,
/// an eighth at one offset has a chance below 1e-12, a mean of changed bits outside 13 to 19 one below 1e-8.
/// `what` the numbers are, for people.
pub(super) fn judge(what: &str, field: Field, pairs: &[(u32, u32)]) -> Result<(), Stop> {
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
    let message = format!(
        "{what} of tuples that differ in {} are related",
        field.name()
    );
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
        judge("ISNs", Field::RemotePort, &pairs).unwrap();
    }

    #[test]
    fn one_offset_for_an_eighth_of_the_pairs_fails() {
        let mut isn = Isn::ideal(7);
        let mut pairs: Vec<(u32, u32)> = (0..32).map(|_| (isn.next(0), isn.next(0))).collect();
        for pair in &mut pairs[..5] {
            pair.1 = pair.0.wrapping_add(0x1234_5678);
        }
        judge("ISNs", Field::RemotePort, &pairs).unwrap_err();
    }
}
