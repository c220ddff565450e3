//! `isn-sample`: the ISNs of thousands of connections look drawn at random.

use std::time::Duration;

use serde::Deserialize;

use crate::probe::Probe;
use crate::probe::file::Within;
use crate::probe::kit::{Bench, Tuple, Wire};
use crate::probe::stop::{Stop, code};

use super::statistics::{self, Finding, Nmap};

/// Where the stack listens.
const PORT: u16 = 8080;
/// ISNs in a round of nmap's sequence test, and the time between them.
const ROUND: usize = 6;
const ROUND_STEP: Duration = Duration::from_millis(100);
/// Remote addresses the SYNs come from.
const HOSTS: usize = 64;
/// The first remote port, out of the range stacks choose from.
const FIRST_PORT: usize = 10_000;
/// The number of the probe's SYNs.
const ISS: u32 = 1_000;

/// Parameters of `isn-sample`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct IsnSample {
    /// SYNs from as many different 4-tuples. The bounds of the tests are made for 4,096.
    samples: Within<1024, 16_384>,
    /// Rounds of six SYNs 100 ms apart, judged by the median of nmap's indices.
    rounds: Within<3, 15>,
}

impl Probe for IsnSample {
    const NAME: &'static str = "isn-sample";
    const SERVER_ONLY: bool = true;

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let first = self.findings(bench)?;
        if first.iter().all(|finding| finding.passed) {
            return Ok(());
        }
        // Chance fails an ideal generator now and then, but hardly twice in the same test.
        let again = self.findings(bench)?;
        let failed: Vec<&Finding> = first
            .iter()
            .filter(|finding| !finding.passed)
            .filter(|finding| {
                again
                    .iter()
                    .any(|other| other.test == finding.test && !other.passed)
            })
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        let tests: Vec<&str> = failed.iter().map(|finding| finding.test).collect();
        let message = format!("ISNs are not random, by {}", tests.join(", "));
        let stop = failed
            .iter()
            .fold(Stop::failed(code::NOT_RANDOM, message), |stop, finding| {
                stop.differs(finding.test, &finding.expected, &finding.actual)
            });
        Err(stop.note("each test named failed on two samples of two fresh hosts"))
    }
}

impl IsnSample {
    /// A sample from a fresh host, and what the tests say of it.
    fn findings(&self, bench: &Bench<'_>) -> Result<Vec<Finding>, Stop> {
        let mut wire = bench.open(&[])?;
        wire.listen(PORT, 128)?;
        let mut rounds = Vec::new();
        for round in 0..self.rounds.count() {
            rounds.push(Nmap::of(&one_round(&mut wire, round * ROUND)?));
        }
        let mut sample = Vec::with_capacity(self.samples.count());
        for number in 0..self.samples.count() {
            let tuple = tuple(&wire, self.rounds.count() * ROUND + number);
            sample.push(one_isn(&mut wire, &tuple)?.1);
        }
        let mut findings = statistics::of_sample(&sample);
        findings.extend(statistics::of_rounds(&rounds));
        for finding in &findings {
            wire.note(format!("{}: {}", finding.test, finding.actual));
        }
        Ok(findings)
    }
}

/// The `number`-th of the different 4-tuples: neighbours differ in the address only.
fn tuple(wire: &Wire<'_>, number: usize) -> Tuple {
    let hosts = wire.hosts(HOSTS);
    let port = (FIRST_PORT + number / hosts) as u16;
    Tuple {
        local: wire.local(PORT),
        remote: wire.remote(number % hosts, port),
    }
}

/// When the SYN-ACK came, in microseconds, and its number.
fn one_isn(wire: &mut Wire<'_>, tuple: &Tuple) -> Result<(i64, u32), Stop> {
    let half = wire.half_open(tuple, ISS, &[])?;
    wire.reset(tuple, ISS + 1)?;
    Ok((half.seen.at.as_micros(), half.isn()))
}

fn one_round(wire: &mut Wire<'_>, first: usize) -> Result<Vec<(i64, u32)>, Stop> {
    let start = wire.now();
    let mut round = Vec::new();
    for index in 0..ROUND {
        wire.wait_until(start + ROUND_STEP * index as u32)?;
        let tuple = tuple(wire, first + index);
        round.push(one_isn(wire, &tuple)?);
    }
    // The next round keeps the distance, too.
    wire.wait_until(start + ROUND_STEP * ROUND as u32)?;
    Ok(round)
}
