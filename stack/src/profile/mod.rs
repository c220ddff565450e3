//! Whole sets of choices: a profile is a table of settings and nothing else.
//!
//! What a profile does not name is as in [`Config::default`], which is [`Profile::Rfc9293`]. No code
//! outside this folder asks which profile a host was made from.

mod freebsd;
mod linux;
pub mod settings;

use core::fmt;
use core::str::FromStr;

use crate::Config;

/// A set of choices known by name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Profile {
    /// Every MUST and SHOULD as written.
    #[default]
    Rfc9293,
    /// What a current Linux does.
    Linux,
    /// What a current FreeBSD does.
    Freebsd,
}

impl Profile {
    /// Every profile, the default first.
    pub const ALL: [Profile; 3] = [Profile::Rfc9293, Profile::Linux, Profile::Freebsd];

    /// Its name on command lines and in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Rfc9293 => "rfc9293",
            Profile::Linux => "linux",
            Profile::Freebsd => "freebsd",
        }
    }

    /// Its settings.
    pub fn config(self) -> Config {
        match self {
            Profile::Rfc9293 => Config::default(),
            Profile::Linux => linux::config(),
            Profile::Freebsd => freebsd::config(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is that of no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownProfile;

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no profile has this name; there are")?;
        for (place, profile) in Profile::ALL.into_iter().enumerate() {
            let between = if place == 0 { " " } else { ", " };
            write!(f, "{between}{profile}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Profile::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or(UnknownProfile)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn a_name_leads_back_to_its_profile() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
    }

    #[test]
    fn another_name_is_answered_with_those_there_are() {
        let told = "plan9".parse::<Profile>().unwrap_err().to_string();
        assert_eq!(
            told,
            "no profile has this name; there are rfc9293, linux, freebsd"
        );
    }

    #[test]
    fn the_default_is_the_rfc() {
        assert_eq!(Profile::default().config(), Config::default());
    }
}
