//! Settings by the names of other systems: what each means here, and which mean nothing.
//!
//! A name means the same whatever profile the stack began with; `linux` and `freebsd` are tables.

mod freebsd;
mod linux;
mod value;

use tcpdrill_stack::Config;

use super::kernel::Kernel;
pub(super) use value::back_off;
use value::{integer, number};

/// Why a setting was not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a value of this sysctl: what `sysctl` itself would say.
    Invalid,
    /// A setting or a value the reference cannot offer, and why.
    Lacking(&'static str),
}

type Setter = fn(&mut Config, &str) -> Result<(), Refusal>;

/// A name and what its value does.
type Setting = (&'static str, Setter);

/// A name of a mechanism that the reference lacks, the values that ask for nothing it has not, and
/// the reason why any other is refused.
type Lacking = (&'static str, &'static [&'static str], &'static str);

/// A name that changes nothing here whatever its value, and why.
type Harmless = (&'static str, &'static str);

/// One system's names.
struct Names {
    table: &'static [Setting],
    lacking: &'static [Lacking],
    harmless: &'static [Harmless],
}

const SYSTEMS: [Names; 2] = [linux::NAMES, freebsd::NAMES];

/// What a name is.
enum Meaning {
    /// It sets something.
    Set(Setter),
    /// These values are as it is; for others there is no mechanism, and why.
    Only(&'static [&'static str], &'static str),
    /// Nothing.
    Nothing,
}

fn meaning(name: &str) -> Option<Meaning> {
    SYSTEMS.iter().find_map(|names| {
        let setting = || {
            Some(Meaning::Set(
                names.table.iter().find(|entry| entry.0 == name)?.1,
            ))
        };
        let lacking = || {
            let (_, offered, reason) = names.lacking.iter().find(|entry| entry.0 == name)?;
            Some(Meaning::Only(offered, reason))
        };
        let harmless = || {
            names.harmless.iter().find(|entry| entry.0 == name)?;
            Some(Meaning::Nothing)
        };
        setting().or_else(lacking).or_else(harmless)
    })
}

/// The one that belongs to the call interface.
const SOMAXCONN: &str = "net.core.somaxconn";

/// Whether a sysctl means something to the reference, or is known to mean nothing.
pub(super) fn is_known(name: &str) -> bool {
    name == SOMAXCONN || meaning(name).is_some()
}

/// Whether a sysctl takes a value, by itself: what other settings there are does not matter.
pub(super) fn takes(name: &str, value: &str) -> bool {
    let value = value.trim();
    match meaning(name) {
        _ if name == SOMAXCONN => number(value, 0, i32::MAX as u64).is_ok(),
        Some(Meaning::Set(setter)) => setter(&mut Config::default(), value).is_ok(),
        Some(Meaning::Only(offered, _)) => is_offered(offered, value),
        Some(Meaning::Nothing) => true,
        None => false,
    }
}

/// Makes a setting of a configuration; whether the reference has such a one.
pub(super) fn set_in(config: &mut Config, name: &str, value: &str) -> bool {
    match meaning(name) {
        Some(Meaning::Set(setter)) => setter(config, value).is_ok(),
        Some(Meaning::Only(..) | Meaning::Nothing) | None => false,
    }
}

/// Whether a value is one of those that ask for nothing a missing mechanism would have to do.
fn is_offered(offered: &[&str], value: &str) -> bool {
    offered
        .iter()
        .any(|text| match (integer(text), integer(value)) {
            (Some(offered), Some(value)) => offered == value,
            _ => *text == value,
        })
}

impl Kernel {
    /// Sets a parameter of a module, `/sys/module/…`; false if it is none that means anything here, or
    /// not a value of it.
    pub(super) fn set_parameter(&mut self, path: &str, value: &str) -> bool {
        let Some(name) = path.strip_prefix("/sys/module/") else {
            return false;
        };
        let setter = linux::PARAMETERS.iter().find(|(known, _)| *known == name);
        let config = self.engine.host_mut().config_mut();
        setter.is_some_and(|(_, setter)| setter(config, value.trim()).is_ok())
    }

    /// Makes one setting.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let value = value.trim();
        match meaning(name) {
            _ if name == SOMAXCONN => {
                self.max_backlog = number(value, 0, i32::MAX as u64)? as usize;
            }
            Some(Meaning::Set(setter)) => setter(self.engine.host_mut().config_mut(), value)?,
            Some(Meaning::Only(offered, reason)) => {
                if !is_offered(offered, value) {
                    return Err(Refusal::Lacking(reason));
                }
            }
            Some(Meaning::Nothing) => {}
            None => return Err(Refusal::Lacking("the reference stack has no such setting")),
        }
        self.settings.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use tcpdrill_stack::Profile;
    use tcpdrill_stack::profile::settings;

    #[test]
    fn a_name_stands_in_one_table() {
        let names = || {
            SYSTEMS.iter().flat_map(|names| {
                let table = names.table.iter().map(|entry| entry.0);
                let lacking = names.lacking.iter().map(|entry| entry.0);
                let harmless = names.harmless.iter().map(|entry| entry.0);
                table.chain(lacking).chain(harmless)
            })
        };
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
        }
    }

    #[test]
    fn the_settings_of_the_stack_know_the_names_they_are_set_by() {
        let settings = crate::target::reference::profile_settings();
        let told = || {
            settings
                .iter()
                .flat_map(|setting| setting.linux.iter().chain(&setting.freebsd).copied())
        };
        for name in told() {
            let sets = matches!(meaning(name), Some(Meaning::Set(_)));
            assert!(sets, "{name} sets nothing");
        }
        for name in SYSTEMS.iter().flat_map(|names| names.table) {
            let is_told = told().any(|other| other == name.0);
            assert!(is_told, "no setting is told to be set by {}", name.0);
        }
    }

    /// What a name makes of its value, in words.
    #[rstest]
    #[case(
        Profile::Rfc9293,
        "net.ipv4.tcp_rto_min_us",
        "50000",
        "min_rto",
        "50 ms"
    )]
    #[case(Profile::Linux, "net.ipv4.tcp_syn_retries", "1", "syn_give_up", "3 s")]
    fn a_value_means_what_it_says(
        #[case] profile: Profile,
        #[case] name: &str,
        #[case] value: &str,
        #[case] setting: &str,
        #[case] shown: &str,
    ) {
        let Some(Meaning::Set(setter)) = meaning(name) else {
            panic!("{name} sets nothing")
        };
        let mut config = profile.config();
        setter(&mut config, value).unwrap();
        let rows = settings::of(&config);
        let row = rows.iter().find(|row| row.name == setting).unwrap();
        assert_eq!(row.value, shown);
    }

    /// A name changes the settings that are told to be set by it, and no other.
    #[test]
    fn a_name_changes_what_it_is_told_to_change() {
        /// Values of which one at least differs from what is there.
        const VALUES: &[&str] = &[
            "0",
            "1",
            "2",
            "3",
            "77",
            "0x707",
            "cubic",
            "1000 2000",
            "4096 5000 99999999",
            "01234567-89abcdef-00112233-44556677",
        ];
        for (name, setter) in SYSTEMS.iter().flat_map(|names| names.table) {
            let mut changed: Vec<&str> = Vec::new();
            let before = settings::of(&Config::default());
            // What is off in one profile may be on in another, and only then have something to set.
            let starts = Profile::ALL.map(Profile::config);
            let from_each = VALUES
                .iter()
                .flat_map(|value| starts.iter().map(move |start| (value, start)));
            for (value, start) in from_each {
                let before = settings::of(start);
                let mut config = start.clone();
                if setter(&mut config, value).is_err() {
                    continue;
                }
                let after = settings::of(&config);
                let rows = before.iter().zip(&after);
                changed.extend(
                    rows.filter(|(old, new)| old != new)
                        .map(|(old, _)| old.name),
                );
            }
            changed.sort_unstable();
            changed.dedup();
            let mut told: Vec<&str> = before
                .iter()
                .filter(|row| {
                    let names = row.linux.split(' ').chain(row.freebsd.split(' '));
                    names.into_iter().any(|other| other == *name)
                })
                .map(|row| row.name)
                .collect();
            told.sort_unstable();
            assert_eq!(changed, told, "{name}");
        }
    }
}
