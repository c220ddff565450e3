//! What is known about the stack of a run, for the conditions of a script.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::LoadContext;
use super::condition::{self, Condition};
use crate::program::Capability;
use crate::source::Source;

/// What the conditions of a script may ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The target's name: `linux`, `reference`.
    pub target: String,
    /// Whose stack that is, where the target's name does not say it: `linux` for a machine on the wire.
    pub system: String,
    /// The set of choices the stack follows: `rfc9293`, `linux`.
    pub profile: String,
    /// The version of its kernel, if it has one.
    pub kernel: Option<Version>,
    /// Which of the capabilities that the script asks for are missing.
    pub lacks: BTreeSet<Capability>,
}

impl Facts {
    /// Whether the stack of the run is called so: by the way to it, or by the system that it is part of.
    pub fn is_target(&self, name: &str) -> bool {
        self.target == name || self.system == name
    }
}

/// A version, as far as it is written: `6.8`, `6.18.5`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(Vec<u32>);

impl Version {
    /// Reads `6.8` or `6.18.5-custom`: numbers with points between, then anything that is no number.
    pub fn read(text: &str) -> Option<Version> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
        let numbers = text[..end.unwrap_or(text.len())].trim_end_matches('.');
        let parts: Result<Vec<u32>, _> = numbers.split('.').map(str::parse).collect();
        parts.ok().map(Version)
    }

    /// How it stands to a version of a script, as far as that one is written: 6.8.12 is 6.8.
    pub fn compare(&self, written: &Version) -> Ordering {
        let own = self.0.iter().copied().chain(std::iter::repeat(0));
        let own: Vec<u32> = own.take(written.0.len()).collect();
        own.cmp(&written.0)
    }
}

/// The capabilities that the conditions of a script ask for.
pub fn asked(source: &Source) -> BTreeSet<Capability> {
    let mut asked = BTreeSet::new();
    for condition in condition::all(source) {
        condition.each(&mut |part| {
            if let Condition::Has(capability) = part {
                asked.insert(capability.clone());
            }
        });
    }
    asked
}

/// As many views of a script as it takes to see every branch that a stack like `base` could
/// take: older and newer kernels, with and without each capability, other targets and profiles
/// that it names, each family.
pub fn views(source: &Source, base: &LoadContext) -> Vec<LoadContext> {
    /// More than this is no script but an attack.
    const MOST: usize = 256;
    let conditions = condition::all(source);
    let mut views = vec![base.clone()];
    let mut vary = |apply: &dyn Fn(&LoadContext) -> Option<LoadContext>| {
        let more: Vec<LoadContext> = views.iter().filter_map(apply).collect();
        views.extend(more);
        views.truncate(MOST);
    };
    let mut parts: Vec<Condition> = Vec::new();
    for condition in &conditions {
        condition.each(&mut |part| {
            if !parts.contains(part) {
                parts.push(part.clone());
            }
        });
    }
    for part in &parts {
        vary(&|view| {
            let mut other = view.clone();
            match part {
                Condition::Has(capability) => {
                    other.facts.lacks.insert(capability.clone());
                }
                Condition::Target(name, _) => other.facts.target.clone_from(name),
                Condition::Profile(name, _) => other.facts.profile.clone_from(name),
                Condition::Family(family, _) => other.ip_version = Some(*family),
                Condition::Kernel(..) | Condition::Defined(_) => return None,
                Condition::Any(_) | Condition::All(_) | Condition::Not(_) => return None,
            }
            (other != *view && possible(base, &other)).then_some(other)
        });
        if let (Condition::Kernel(_, version), Some(_)) = (part, &base.facts.kernel) {
            // Just this one; older and newer than all are among those around it.
            for kernel in version.around() {
                vary(&|view| {
                    let mut other = view.clone();
                    other.facts.kernel = Some(kernel.clone());
                    (view.facts.kernel == base.facts.kernel).then_some(other)
                });
            }
        }
    }
    views
}

/// Whether a target could be what it is in `view`: only a stack of no known name may get one.
fn possible(base: &LoadContext, view: &LoadContext) -> bool {
    let named = !["linux", "reference"].contains(&view.facts.target.as_str());
    view.facts.target == base.facts.target || named
}

impl Version {
    /// Versions before, at and after this one.
    fn around(&self) -> [Version; 3] {
        let mut after = self.clone();
        if let Some(last) = after.0.last_mut() {
            *last = last.saturating_add(1);
        }
        [Version(vec![0]), self.clone(), after]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::IpVersion;
    use rstest::rstest;

    #[rstest]
    #[case("6.8", "6.8", Ordering::Equal)]
    #[case("6.18.5-custom", "6.18.5", Ordering::Equal)]
    #[case("6.18.5-custom", "6.18.6", Ordering::Less)]
    #[case("7.0-rc1", "6.99", Ordering::Greater)]
    #[case("6.8.12", "6.8", Ordering::Equal)]
    #[case("6.8", "6.8.1", Ordering::Less)]
    #[case("6.", "6", Ordering::Equal)]
    fn versions_are_compared_as_far_as_they_are_written(
        #[case] own: &str,
        #[case] written: &str,
        #[case] order: Ordering,
    ) {
        let [own, written] = [own, written].map(|text| Version::read(text).unwrap());
        assert_eq!(own.compare(&written), order);
    }

    #[rstest]
    #[case("")]
    #[case("new")]
    #[case("99999999999")]
    #[case("6..8")]
    fn what_is_no_version_is_none(#[case] text: &str) {
        assert_eq!(Version::read(text), None);
    }

    #[test]
    fn the_capabilities_a_script_asks_for_are_found_wherever_they_stand() {
        let text = "#if has(udp) && !has(icmp)\n#elif has(sockopt:SOL_TCP/TCP_INQ)\n#endif\n0 close(3) = 0\n";
        let names: Vec<String> = asked(&Source::new("x", text))
            .into_iter()
            .map(|capability| capability.0)
            .collect();
        assert_eq!(names, ["icmp", "sockopt:SOL_TCP/TCP_INQ", "udp"]);
    }

    fn base(kernel: Option<&str>) -> LoadContext {
        LoadContext {
            facts: Facts {
                target: "linux".to_owned(),
                kernel: kernel.and_then(Version::read),
                ..Facts::default()
            },
            ip_version: Some(IpVersion::Ipv4),
            ..LoadContext::default()
        }
    }

    #[rstest]
    #[case(
        "#if kernel >= 6.8\n0 a(3) = 0\n#elif kernel > 5\n0 b(3) = 0\n#else\n0 c(3) = 0\n#endif\n"
    )]
    #[case(
        "#if has(udp)\n#if has(icmp)\n0 a(3) = 0\n#else\n0 b(3) = 0\n#endif\n#else\n0 c(3) = 0\n#endif\n"
    )]
    #[case(
        "#if ip_version == ipv6\n0 a(3) = 0\n#elif ip_version == ipv4\n0 b(3) = 0\n#elif ip_version == ipv4_mapped_ipv6\n0 c(3) = 0\n#endif\n"
    )]
    #[case(
        "#if target == wire\n0 a(3) = 0\n#elif target == linux && !has(udp)\n0 b(3) = 0\n#else\n0 c(3) = 0\n#endif\n"
    )]
    #[case(
        "#if profile == freebsd\n0 a(3) = 0\n#elif profile != linux\n0 b(3) = 0\n#else\n0 c(3) = 0\n#endif\n"
    )]
    fn every_branch_is_seen_in_some_view(#[case] text: &str) {
        let source = Source::new("x", text);
        let seen: BTreeSet<String> = views(&source, &base(Some("6.1")))
            .iter()
            .flat_map(|view| crate::script::check_only(&source, view))
            .map(|one| one.message)
            .filter(|message| message.starts_with("unknown system call"))
            .collect();
        let every = ["a", "b", "c"].map(|name| format!("unknown system call `{name}`"));
        assert_eq!(seen, every.into());
    }

    #[test]
    fn a_script_without_conditions_has_one_view() {
        let source = Source::new("x", "0 close(3) = 0\n");
        assert_eq!(views(&source, &base(None)), [base(None)]);
    }
}
