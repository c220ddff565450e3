//! The settings of the reference stack, profile beside profile.

use tcpdrill_stack::Profile;
use tcpdrill_stack::profile::settings::{self, Setting};

/// One setting in every profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSetting {
    /// Its name in the stack's `Config`.
    pub name: &'static str,
    /// Its value in each profile, in the order of [`ReferenceTarget::profiles`].
    ///
    /// [`ReferenceTarget::profiles`]: super::ReferenceTarget::profiles
    pub values: Vec<String>,
    /// Its unit and its bounds; empty where the name says all.
    pub bounds: &'static str,
    /// The requirements or sections it answers to.
    pub answers: Vec<&'static str>,
    /// Linux's sysctls for it.
    pub linux: Vec<&'static str>,
    /// FreeBSD's sysctls for it.
    pub freebsd: Vec<&'static str>,
}

/// Every setting there is.
pub fn profile_settings() -> Vec<ProfileSetting> {
    let columns = Profile::ALL.map(|profile| settings::of(&profile.config()));
    let rows = 0..columns[0].len();
    rows.map(|row| {
        let values = columns.iter().map(|column| column[row].value.clone());
        let Setting {
            name,
            value: _,
            bounds,
            answers,
            linux,
            freebsd,
        } = columns[0][row];
        ProfileSetting {
            name,
            values: values.collect(),
            bounds,
            answers: answers.split(", ").collect(),
            linux: linux.split_whitespace().collect(),
            freebsd: freebsd.split_whitespace().collect(),
        }
    })
    .collect()
}
