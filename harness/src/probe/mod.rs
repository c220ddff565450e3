//! Probes: what a linear script cannot say, such as samples of thousands and floods.
//!
//! A probe is Rust here, named and parameterised by a small `NAME.probe.toml` among the cases.
//! It speaks to the stack only through a [`Target`], as scripts do; docs/probes.md lists them all.

mod challenge;
mod exit;
mod file;
mod flood;
mod header_damage;
mod isn;
mod kit;
mod pairs;
mod peer;
mod ports;
mod raw;
mod sockets;
mod stop;
mod strange;
mod time_wait;
mod timestamps;

#[cfg(test)]
mod fake;

use serde::de::DeserializeOwned;

use crate::diagnostic::Diagnostic;
use crate::program::{Capability, CaseHeader, ScriptOptions};
use crate::runner::{RunOutcome, RunSettings};
use crate::source::Source;
use crate::target::{Plan, Target};
use crate::verdict::{CaseError, Verdict};

use kit::Bench;
use stop::Stop;

pub(crate) use isn::statistics::of_sample as isn_findings;

/// A probe with its parameters.
trait Probe: DeserializeOwned {
    /// The name probe files use.
    const NAME: &'static str;

    /// Whether it sends more at once than a host that others use should be sent.
    const FLOODS: bool = false;

    /// Whether a server that listens is all it needs: it makes no other calls.
    const SERVER_ONLY: bool = false;

    /// Does what the probe is for; a passed probe returns `Ok`.
    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop>;
}

/// What is known of a probe before its file is read.
struct Entry {
    name: &'static str,
    floods: bool,
    server_only: bool,
    check: fn(&Source) -> Result<(), Box<Diagnostic>>,
    run: fn(&Source, &Bench<'_>) -> Result<(), Stop>,
}

impl Entry {
    const fn of<P: Probe>() -> Entry {
        Entry {
            name: P::NAME,
            floods: P::FLOODS,
            server_only: P::SERVER_ONLY,
            check: |source| file::parameters::<P>(source).map(|_| ()),
            run: |source, bench| file::parameters::<P>(source)?.run(bench),
        }
    }
}

/// Every probe there is.
const PROBES: &[Entry] = &[
    Entry::of::<isn::sample::IsnSample>(),
    Entry::of::<isn::clock::IsnClock>(),
    Entry::of::<isn::tuple::IsnTuple>(),
    Entry::of::<flood::SynFlood>(),
    Entry::of::<header_damage::DamagedHeader>(),
    Entry::of::<exit::ProcessExit>(),
    Entry::of::<ports::EphemeralPorts>(),
    Entry::of::<challenge::ChallengeAckRate>(),
    Entry::of::<strange::StrangeDatagram>(),
    Entry::of::<timestamps::TimestampOffsets>(),
    Entry::of::<time_wait::TimeWaitGrowth>(),
];

/// Title and covered requirements of a probe file, as far as they can be read.
pub fn header(source: &Source) -> CaseHeader {
    file::header(source)
}

/// What is wrong with a probe file: nothing if it names a probe and gives it the parameters it wants.
pub fn check(source: &Source) -> Vec<Diagnostic> {
    let result = entry(source).and_then(|entry| (entry.check)(source));
    result.err().into_iter().map(|wrong| *wrong).collect()
}

/// Runs a probe.
pub fn run(source: &Source, target: &dyn Target, settings: &RunSettings) -> RunOutcome {
    let session = match settings.session(&ScriptOptions::default()) {
        Ok(session) => session,
        Err(verdict) => return RunOutcome::unstarted(verdict),
    };
    let entry = match entry(source) {
        Ok(entry) => entry,
        Err(wrong) => return RunOutcome::unstarted(Stop::from(wrong).into_verdict()),
    };
    let flood = Capability("flood".to_string());
    if let Some(reason) = target.lacks(&flood).filter(|_| entry.floods) {
        let capability = flood.0;
        return RunOutcome::unstarted(Verdict::Skip { capability, reason });
    }
    let ports = settings.ports(&ScriptOptions::default());
    let plan = Plan::Probe {
        name: entry.name,
        server_only: entry.server_only,
    };
    let place = match target.place(&plan, session, ports) {
        Ok(place) => place,
        Err(error) => return RunOutcome::unstarted(Stop::from(error).into_verdict()),
    };
    let bench = Bench::new(target, place);
    let result = (entry.run)(source, &bench);
    let (trace, ended_at) = bench.into_history();
    RunOutcome {
        verdict: result.map_or_else(Stop::into_verdict, |()| Verdict::Pass),
        trace,
        ended_at,
        ..RunOutcome::unstarted(Verdict::Pass)
    }
}

fn entry(source: &Source) -> Result<&'static Entry, Box<Diagnostic>> {
    let (name, span) = file::name(source)?;
    PROBES
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| {
            let names: Vec<&str> = PROBES.iter().map(|entry| entry.name).collect();
            let message = format!("there is no probe `{name}`");
            let wrong = Diagnostic::error(file::BAD_FILE, source, span, message);
            Box::new(wrong.help(format!("the probes are {}", names.join(", "))))
        })
}

impl From<Box<Diagnostic>> for Stop {
    fn from(diagnostic: Box<Diagnostic>) -> Stop {
        Stop::verdict(Verdict::Error(CaseError::Script(vec![*diagnostic])))
    }
}

#[cfg(test)]
mod tests;
