//! What shares a kernel.

use std::path::absolute;

use crate::suite::{Case, ExecuteSettings, Origin};
use crate::vm::protocol::Unit;

/// Cases of a batch: a kernel's start costs as much as thirty of them.
const SIZE: usize = 256;

/// Cuts a run into batches of a fixed size, by the cases' order alone: what shares a kernel depends neither on
/// how many run side by side nor on how fast they are.
pub(super) fn cut(cases: &[&Case], settings: &ExecuteSettings) -> Vec<Vec<Unit>> {
    let units: Vec<Unit> = cases
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
        })
        .collect();
    units.chunks(SIZE).map(<[Unit]>::to_vec).collect()
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
        let cases: Vec<&Case> = suite.cases.iter().take(SIZE).collect();
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
}
