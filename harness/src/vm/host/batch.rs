//! What shares a kernel.

use std::cmp::Reverse;
use std::path::absolute;

use crate::suite::{Body, Case, ExecuteSettings, Origin};
use crate::vm::protocol::Unit;

/// Scripts of a batch at least: a kernel's start costs as much as a hundred of them.
const SIZE: usize = 256;

/// Of a longer run the batches are longer, so that there are no more than about so many: enough for every processor,
/// and for none to wait long for the last one.
const BATCHES: usize = 16;

/// A probe may send thousands of packets: it is as much work as so many scripts.
const PROBE: usize = 64;

/// Cuts a run into batches of about the same work, by the cases' order alone: what shares a kernel depends neither on
/// how many run side by side nor on how fast they are. Those with probes come first, so that nobody waits for one in the end.
pub(super) fn cut(cases: &[&Case], settings: &ExecuteSettings) -> Vec<Vec<Unit>> {
    let units = cases
        .iter()
        .flat_map(|case| {
            let versions = settings.ip_versions.iter();
            versions.map(move |version| (*case, *version))
        })
        .filter(|(case, version)| settings.takes(case, *version))
        .enumerate()
        .map(|(number, (case, ip_version))| Unit {
            number,
            case: found_from_anywhere(case),
            ip_version,
        });
    let units: Vec<Unit> = units.collect();
    let size = SIZE.max(units.iter().map(work).sum::<usize>() / BATCHES);
    let mut batches: Vec<Vec<Unit>> = Vec::new();
    let mut done = size;
    for unit in units {
        if done >= size {
            batches.push(Vec::new());
            done = 0;
        }
        done += work(&unit);
        if let Some(batch) = batches.last_mut() {
            batch.push(unit);
        }
    }
    batches.sort_by_key(|batch| Reverse(batch.iter().filter(|unit| is_probe(unit)).count()));
    batches
}

fn work(unit: &Unit) -> usize {
    if is_probe(unit) { PROBE } else { 1 }
}

fn is_probe(unit: &Unit) -> bool {
    matches!(unit.case.body, Body::Probe(_))
}

/// The same case, its file named so that it does not matter which folder is the current one.
fn found_from_anywhere(case: &Case) -> Case {
    let mut case = case.clone();
    if let Origin::File(path) = &mut case.origin
        && let Ok(whole) = absolute(&*path)
    {
        *path = whole;
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::IpVersion;
    use crate::suite::Suite;

    #[test]
    fn every_case_is_in_one_batch_on_each_family_in_its_order() {
        let suite = Suite::bundled();
        let is_script = |case: &&Case| matches!(case.body, Body::Script(_));
        let cases: Vec<&Case> = suite.cases.iter().filter(is_script).take(SIZE).collect();
        let settings = ExecuteSettings {
            ip_versions: vec![IpVersion::Ipv4, IpVersion::Ipv6],
            ..ExecuteSettings::default()
        };
        let batches = cut(&cases, &settings);
        let lengths: Vec<usize> = batches.iter().map(Vec::len).collect();
        assert_eq!(lengths, [SIZE, SIZE]);
        for (number, unit) in batches.iter().flatten().enumerate() {
            assert_eq!(unit.number, number);
            assert_eq!(unit.case.name, cases[number / 2].name);
            assert_eq!(unit.ip_version, settings.ip_versions[number % 2]);
        }
        assert!(cut(&[], &settings).is_empty());
    }

    #[test]
    fn probes_are_spread_over_batches_that_come_first() {
        let suite = Suite::bundled();
        let cases: Vec<&Case> = suite.cases.iter().collect();
        let settings = ExecuteSettings {
            ip_versions: vec![IpVersion::Ipv4],
            ..ExecuteSettings::default()
        };
        let batches = cut(&cases, &settings);
        let probes = |batch: &Vec<Unit>| batch.iter().filter(|unit| is_probe(unit)).count();
        let counts: Vec<usize> = batches.iter().map(probes).collect();
        assert!(counts.is_sorted_by(|a, b| a >= b), "{counts:?}");
        let all: usize = batches.iter().flatten().map(work).sum();
        let most = SIZE.max(all / BATCHES).div_ceil(PROBE);
        assert!((1..=most).contains(&counts[0]), "{counts:?}");
        let mut numbers: Vec<usize> = batches.iter().flatten().map(|unit| unit.number).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..cases.len()));
    }
}
