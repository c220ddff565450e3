//! Numbers of releases.

use std::fmt;

/// The number of a release of Linux, without what a distribution or a candidate adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Release {
    /// `major.minor.patch`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Release {
        Release {
            major,
            minor,
            patch,
        }
    }

    /// Reads `6.12.117`, `6.13.0-rc3` or `6.1.0-13-amd64`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Release> {
        let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.'));
        let (number, rest) = text.split_at(end.unwrap_or(text.len()));
        if !(rest.is_empty() || rest.starts_with(['-', '+', '_'])) {
            return None;
        }
        match numbers(number)?[..] {
            [major, minor] => Some(Release::new(major, minor, 0)),
            [major, minor, patch] => Some(Release::new(major, minor, patch)),
            _ => None,
        }
    }

    /// What the top Makefile of a source tree says.
    pub fn of_makefile(text: &str) -> Option<Release> {
        let value = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            let (_, value) = lines.find(|(left, _)| left.trim() == name)?;
            value.trim().parse().ok()
        };
        Some(Release::new(
            value("VERSION")?,
            value("PATCHLEVEL")?,
            value("SUBLEVEL")?,
        ))
    }

    /// Whether `prefix`, such as `6`, `6.12` or `6.12.117`, stands for it; `None` if it is no number.
    pub fn begins_with(self, prefix: &str) -> Option<bool> {
        let wanted = numbers(prefix)?;
        let own = [self.major, self.minor, self.patch];
        Some(wanted.len() <= own.len() && own.starts_with(&wanted))
    }
}

/// The numbers between the dots.
fn numbers(text: &str) -> Option<Vec<u32>> {
    let number = |part: &str| {
        let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse().ok()).flatten()
    };
    text.split('.').map(number).collect()
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("6.12.117", Some(Release::new(6, 12, 117)))]
    #[case("6.12", Some(Release::new(6, 12, 0)))]
    #[case("6.13.0-rc3", Some(Release::new(6, 13, 0)))]
    #[case("6.1.0-13-amd64", Some(Release::new(6, 1, 0)))]
    #[case("6.1.5+", Some(Release::new(6, 1, 5)))]
    #[case("7.0.1_custom", Some(Release::new(7, 0, 1)))]
    #[case("6", None)]
    #[case("", None)]
    #[case("6..1", None)]
    #[case("6.1.", None)]
    #[case("6.1.2.3", None)]
    #[case("6.1.x", None)]
    #[case("v6.1.2", None)]
    #[case("6.99999999999", None)]
    #[case("tcpdrill 0.1.0", None)]
    fn a_release_is_read(#[case] text: &str, #[case] want: Option<Release>) {
        assert_eq!(Release::parse(text), want);
    }

    #[rstest]
    #[case("6", Some(true))]
    #[case("6.12", Some(true))]
    #[case("6.12.117", Some(true))]
    #[case("6.1", Some(false))]
    #[case("6.12.11", Some(false))]
    #[case("6.12.117.0", Some(false))]
    #[case("linux", None)]
    #[case("6.", None)]
    #[case("+6", None)]
    fn a_prefix_counts_in_whole_numbers(#[case] prefix: &str, #[case] want: Option<bool>) {
        assert_eq!(Release::new(6, 12, 117).begins_with(prefix), want);
    }

    #[test]
    fn releases_are_ordered_by_number_and_not_by_letter() {
        let mut releases = ["6.9.1", "6.12.3", "6.12.21", "5.15.200"]
            .map(|text| Release::parse(text).expect("a release"));
        releases.sort();
        let shown = releases.map(|release| release.to_string());
        assert_eq!(shown, ["5.15.200", "6.9.1", "6.12.3", "6.12.21"]);
    }

    #[test]
    fn a_makefile_tells_the_release() {
        let text =
            "# SPDX\nVERSION = 6\nPATCHLEVEL = 13\nSUBLEVEL = 0\nEXTRAVERSION = -rc3\nNAME = X\n";
        assert_eq!(Release::of_makefile(text), Some(Release::new(6, 13, 0)));
        assert_eq!(Release::of_makefile("all:\n\tcc x.c\nVERSION = 1\n"), None);
    }
}
