//! `isn-clock`: ISNs of one 4-tuple run with a clock, so that an incarnation starts beyond the one before.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::probe::Probe;
use crate::probe::file::Within;
use crate::probe::kit::{Bench, Tuple, Wire};
use crate::probe::stop::{Stop, code};

/// Where the stack listens, and from where the same SYN comes again and again.
const PORT: u16 = 8080;
const REMOTE_PORT: u16 = 11_111;
const ISS: u32 = 1_000;
/// How much a host's clock may run faster or slower than the one that stamps packets.
const DRIFT: f64 = 0.001;

/// Parameters of `isn-clock`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct IsnClock {
    /// Times between one SYN and the next in milliseconds, each at most 50 times the one before.
    gaps_ms: Vec<Within<1, 10_000>>,
    /// Further times in seconds, only where waiting costs nothing.
    virtual_gaps_s: Vec<Within<1, 100_000>>,
    /// The tick in nanoseconds by target; one between `fastest_tick_ns` and `slowest_tick_ns`
    /// is inferred for others.
    tick_ns: BTreeMap<String, Within<1, 1_000_000>>,
    /// Shortest tick taken for a clock.
    fastest_tick_ns: Within<1, 1_000_000>,
    /// Longest tick taken for a clock.
    slowest_tick_ns: Within<1, 1_000_000>,
}

/// Numbers a microsecond, from and to.
#[derive(Clone, Copy, Debug)]
struct Rate {
    low: f64,
    high: f64,
}

/// One step from an ISN to the next.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The ISN's growth modulo 2^32.
    growth: u32,
    /// The time in between in microseconds: at least, at most.
    least: f64,
    most: f64,
}

impl Probe for IsnClock {
    const NAME: &'static str = "isn-clock";
    const SERVER_ONLY: bool = true;

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut gaps: Vec<Duration> = self
            .gaps_ms
            .iter()
            .map(|gap| Duration::from_millis(gap.get()))
            .collect();
        if bench.is_virtual() {
            let further = self.virtual_gaps_s.iter();
            gaps.extend(further.map(|gap| Duration::from_secs(gap.get())));
        }
        let mut rate = self.rate(bench.target_name());
        for step in steps(bench, &gaps)? {
            rate = narrow(rate, step)?;
        }
        Ok(())
    }
}

impl IsnClock {
    /// The rates that are taken for a clock.
    fn rate(&self, target: &str) -> Rate {
        let per_micro = |tick_ns: u64| 1000.0 / tick_ns as f64;
        match self.tick_ns.get(target) {
            Some(tick) => Rate {
                low: per_micro(tick.get()) * (1.0 - DRIFT),
                high: per_micro(tick.get()) * (1.0 + DRIFT),
            },
            None => Rate {
                low: per_micro(self.slowest_tick_ns.get()),
                high: per_micro(self.fastest_tick_ns.get()),
            },
        }
    }
}

/// Opens the same 4-tuple again after each gap.
fn steps(bench: &Bench<'_>, gaps: &[Duration]) -> Result<Vec<Step>, Stop> {
    let mut wire = bench.open(&[])?;
    wire.listen(PORT, 16)?;
    let tuple = Tuple {
        local: wire.local(PORT),
        remote: wire.remote(0, REMOTE_PORT),
    };
    let (mut asked, mut answered, mut isn) = one(&mut wire, &tuple)?;
    let mut steps = Vec::new();
    for gap in gaps {
        wire.wait(*gap)?;
        let next = one(&mut wire, &tuple)?;
        // The ISN was made after the SYN went in and before the SYN-ACK came out.
        let step = Step {
            growth: next.2.wrapping_sub(isn),
            least: (next.0 - answered).max(0) as f64,
            most: (next.1 - asked) as f64,
        };
        wire.note(format!(
            "{} more after {} to {} us",
            step.growth, step.least, step.most
        ));
        steps.push(step);
        (asked, answered, isn) = next;
    }
    Ok(steps)
}

/// When the SYN went in and its answer came out, in microseconds, and the ISN.
fn one(wire: &mut Wire<'_>, tuple: &Tuple) -> Result<(i64, i64, u32), Stop> {
    let half = wire.half_open(tuple, ISS, &[])?;
    wire.reset(tuple, ISS + 1)?;
    let asked = half.asked.start.as_micros();
    Ok((asked, half.seen.at.as_micros().max(asked), half.isn()))
}

/// The rates of `rate` that explain the step, however often the ISN went round; it fails if none does.
fn narrow(rate: Rate, step: Step) -> Result<Rate, Stop> {
    const ROUND: f64 = 4_294_967_296.0;
    let growth = f64::from(step.growth);
    // Two ticks' worth: one ISN may be made early, the other late in its tick.
    let least = rate.low * step.least * (1.0 - DRIFT) - 2.0;
    let most = rate.high * step.most * (1.0 + DRIFT) + 2.0;
    let rounds = ((least - growth) / ROUND).ceil().max(0.0);
    let total = growth + rounds * ROUND;
    if total > most {
        return Err(Stop::failed(
            code::NO_CLOCK,
            "ISNs of one 4-tuple do not follow a clock with one steady tick",
        )
        .differs(
            "isn",
            format!(
                "{least:.0} to {most:.0} more after {:.0} to {:.0} us",
                step.least, step.most
            ),
            format!("{} more", step.growth),
        ));
    }
    if most - least >= ROUND {
        // Any number would do: nothing is learnt from this step.
        return Ok(rate);
    }
    Ok(Rate {
        low: rate.low.max((total - 2.0) / step.most * (1.0 - DRIFT)),
        high: rate
            .high
            .min((total + 2.0) / step.least.max(1.0) * (1.0 + DRIFT)),
    })
}

#[cfg(test)]
mod tests;
