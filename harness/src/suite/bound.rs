//! The kernels that an entry of a list is about.

use serde::Deserialize;

use crate::script::Version;

/// `< 6.17`, or `>= 6.8, < 6.17`: all of these hold of the kernel's version. Empty: any kernel, and none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Bound(Vec<Limit>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Limit {
    From(Version),
    Before(Version),
}

impl TryFrom<String> for Bound {
    type Error = String;

    fn try_from(text: String) -> Result<Bound, String> {
        let limits: Option<Vec<Limit>> = text.split(',').map(|part| limit(part.trim())).collect();
        limits.map(Bound).ok_or_else(|| {
            format!("`{text}` names no kernels: write `>= 6.17`, `< 6.17`, or both with a comma")
        })
    }
}

fn limit(text: &str) -> Option<Limit> {
    let (make, version): (fn(Version) -> Limit, &str) = match text.strip_prefix(">=") {
        Some(version) => (Limit::From, version),
        None => (Limit::Before, text.strip_prefix('<')?),
    };
    let version = version.trim();
    let is_whole = version
        .chars()
        .all(|char| char.is_ascii_digit() || char == '.');
    Version::read(version).filter(|_| is_whole).map(make)
}

impl Bound {
    /// Whether it is about a stack with this kernel. One without a kernel is only meant where none is named.
    pub(super) fn holds(&self, kernel: Option<&Version>) -> bool {
        self.0.iter().all(|limit| match (limit, kernel) {
            (_, None) => false,
            (Limit::From(version), Some(kernel)) => kernel.compare(version).is_ge(),
            (Limit::Before(version), Some(kernel)) => kernel.compare(version).is_lt(),
        })
    }

    /// Whether some kernel is meant by both.
    pub(super) fn meets(&self, other: &Bound) -> bool {
        if self.0.is_empty() || other.0.is_empty() {
            return true;
        }
        // Where both hold, they do from a limit of theirs on, or from the first kernel of all.
        let first = Version::read("0");
        let limits = self.0.iter().chain(&other.0);
        let begins = limits.filter_map(|limit| match limit {
            Limit::From(version) => Some(version),
            Limit::Before(_) => None,
        });
        begins
            .chain(&first)
            .any(|version| self.holds(Some(version)) && other.holds(Some(version)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn bound(text: &str) -> Bound {
        match text {
            "" => Bound::default(),
            _ => Bound::try_from(text.to_string()).unwrap(),
        }
    }

    #[rstest]
    #[case("< 6.17", "6.12.117", true)]
    #[case("< 6.17", "6.17.0-rc1", false)]
    #[case(">= 6.17", "6.17", true)]
    #[case(">=6.8, <6.17", "6.12", true)]
    #[case(">=6.8, <6.17", "6.1.170", false)]
    #[case("", "6.1", true)]
    fn a_bound_holds_of_the_kernels_that_it_names(
        #[case] text: &str,
        #[case] kernel: &str,
        #[case] want: bool,
    ) {
        let kernel = Version::read(kernel);
        assert_eq!(bound(text).holds(kernel.as_ref()), want);
    }

    #[test]
    fn a_stack_without_a_kernel_is_meant_where_none_is_named() {
        assert!(bound("").holds(None));
        assert!(!bound("< 6.17").holds(None));
    }

    #[rstest]
    #[case("< 6.17", ">= 6.17", false)]
    #[case("< 6.17", ">= 6.16", true)]
    #[case("< 6.17", "< 6.1", true)]
    #[case(">= 6.17", ">= 6.18", true)]
    #[case(">= 6.1, < 6.5", ">= 6.5", false)]
    #[case("", ">= 6.5", true)]
    fn two_bounds_meet_if_a_kernel_is_meant_by_both(
        #[case] one: &str,
        #[case] other: &str,
        #[case] want: bool,
    ) {
        assert_eq!(bound(one).meets(&bound(other)), want);
        assert_eq!(bound(other).meets(&bound(one)), want);
    }

    #[rstest]
    #[case("6.17")]
    #[case("> 6.17")]
    #[case("< new")]
    #[case("< 6.17-rc1")]
    #[case("< 6.17,")]
    #[case("")]
    fn what_is_no_bound_is_refused(#[case] text: &str) {
        assert!(Bound::try_from(text.to_string()).is_err());
    }
}
