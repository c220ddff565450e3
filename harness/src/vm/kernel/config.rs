//! What a kernel is configured with, and whether a tree took it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The options that we ship, each `CONFIG_NAME=VALUE`, in sections.
pub const FRAGMENT: &str = include_str!("uml.config");

/// Ticks a second. Without it timers are late by up to 10 ms of virtual time.
pub(super) const HZ: u32 = 1000;

/// What begins the name of an option.
const PREFIX: &str = "CONFIG_";

/// The configuration of a kernel, as its `.config` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Configuration {
    values: BTreeMap<String, String>,
}

impl Configuration {
    /// Reads a `.config`, or a fragment of one. What is not set is not in it.
    pub(super) fn parse(text: &str) -> Configuration {
        let line = |line: &str| {
            let (name, value) = line.trim().split_once('=')?;
            let is_option = name.starts_with(PREFIX) && value != "n";
            is_option.then(|| (name.to_owned(), value.to_owned()))
        };
        Configuration {
            values: text.lines().filter_map(line).collect(),
        }
    }

    /// The value of an option, `CONFIG_` included.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether nothing is set at all.
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Ticks a second.
    pub(super) fn hz(&self) -> Option<u32> {
        self.get("CONFIG_HZ")?.parse().ok()
    }

    /// What of `wanted` it has not, as `NAME=VALUE`.
    fn lacks(&self, wanted: &Configuration) -> Vec<String> {
        let wanted = wanted.values.iter();
        let missing = wanted.filter(|(name, value)| self.get(name) != Some(value.as_str()));
        missing
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }
}

/// What a tree did not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Untaken {
    /// Nothing works without it.
    pub(super) needed: Vec<String>,
    /// Some cases are skipped without it.
    pub(super) wished: Vec<String>,
    /// What the user's own fragment asked for.
    pub(super) own: Vec<String>,
}

/// Holds a tree's `.config` against [`FRAGMENT`] and the user's own fragment.
pub(super) fn untaken(taken: &Configuration, own: &str) -> Untaken {
    let mut needed = taken.lacks(&section("needed"));
    if taken.hz() != Some(HZ) {
        needed.push(format!("CONFIG_HZ={HZ}"));
    }
    let own = Configuration::parse(own);
    let mut wished = taken.lacks(&section("wished"));
    // What the user wants otherwise is not missing.
    wished.retain(|line| {
        line.split_once('=')
            .is_none_or(|(name, _)| own.get(name).is_none())
    });
    Untaken {
        needed,
        wished,
        own: taken.lacks(&own),
    }
}

/// The options below a line `## NAME`.
fn section(name: &str) -> Configuration {
    let sections = FRAGMENT.split("\n## ");
    let found = sections.filter_map(|section| section.split_once('\n'));
    let text: String = found
        .filter(|(title, _)| *title == name)
        .map(|(_, text)| text)
        .collect();
    Configuration::parse(&text)
}

/// A name for what a kernel is configured with: our fragment and the user's own.
pub fn configuration_hash(own: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(FRAGMENT);
    hash.update([0]);
    hash.update(own);
    let bytes = hash.finalize();
    bytes[..6]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The tree's top Kconfig with a tick of our own: HZ has no prompt, and its first default counts.
/// `None` if the text does not begin as a top Kconfig does.
pub(super) fn with_hz(kconfig: &str) -> Option<String> {
    let title = kconfig
        .lines()
        .position(|line| line.starts_with("mainmenu "))?;
    let mut lines: Vec<&str> = kconfig.lines().collect();
    let option = format!("config HZ\n\tint\n\tdefault {HZ}\n");
    lines.insert(title + 1, &option);
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> String {
        format!("{FRAGMENT}CONFIG_HZ=1000\n")
    }

    #[test]
    fn a_tree_that_takes_everything_lacks_nothing() {
        let taken = Configuration::parse(&complete());
        assert_eq!(untaken(&taken, ""), Untaken::default());
        assert!(section("needed").get("CONFIG_TUN").is_some());
        assert!(section("wished").get("CONFIG_TCP_AO").is_some());
    }

    #[test]
    fn every_option_stands_in_a_section() {
        let all = Configuration::parse(FRAGMENT);
        let parts = section("needed").values.len() + section("wished").values.len();
        assert_eq!(all.values.len(), parts);
    }

    #[test]
    fn what_is_needed_is_told_from_what_is_wished_for() {
        let text = complete()
            .replace("CONFIG_TUN=y", "# CONFIG_TUN is not set")
            .replace("CONFIG_VETH=y", "CONFIG_VETH=m")
            .replace("CONFIG_TCP_AO=y\n", "")
            .replace("CONFIG_HZ=1000", "CONFIG_HZ=100");
        let missing = untaken(&Configuration::parse(&text), "CONFIG_KCOV=y\n");
        assert_eq!(
            missing.needed,
            ["CONFIG_TUN=y", "CONFIG_VETH=y", "CONFIG_HZ=1000"]
        );
        assert_eq!(missing.wished, ["CONFIG_TCP_AO=y"]);
        assert_eq!(missing.own, ["CONFIG_KCOV=y"]);
    }

    #[test]
    fn a_wish_that_the_user_has_otherwise_is_not_missing() {
        let text = complete().replace("CONFIG_TLS=y", "CONFIG_TLS=m");
        let missing = untaken(&Configuration::parse(&text), "CONFIG_TLS=m\n");
        assert_eq!(missing, Untaken::default());
    }

    #[test]
    fn the_tick_stands_before_the_tree_has_its_own() {
        let kconfig = "# SPDX\nmainmenu \"Linux\"\n\nsource \"init/Kconfig\"\n";
        insta::assert_snapshot!(with_hz(kconfig).expect("a Kconfig"), @r#"
        # SPDX
        mainmenu "Linux"
        config HZ
        	int
        	default 1000


        source "init/Kconfig"
        "#);
        assert_eq!(with_hz("config X\n"), None);
    }

    #[test]
    fn another_fragment_has_another_name() {
        assert_eq!(configuration_hash("").len(), 12);
        assert_ne!(
            configuration_hash(""),
            configuration_hash("CONFIG_KCOV=y\n")
        );
    }
}
