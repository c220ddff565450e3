//! Known deviations: where a target is known to part from a rule, and exactly how.
//!
//! An entry excuses one thing: this case failing at this script line in these
//! fields. Any other failure of the case is a failure, and so is a pass.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::program::IpVersion;
use crate::source::Source;
use crate::verdict::{Failure, Verdict};

/// One entry of `known/TARGET.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The case's name.
    pub case: String,
    /// The rule the target parts from.
    pub requirement: String,
    /// Why, for people.
    pub reason: String,
    /// The version of the target it was seen with.
    pub seen_with: String,
    /// The script line it shows on, without surrounding space; empty for a probe.
    #[serde(default)]
    pub line: String,
    /// The fields that differ, all of them.
    pub fields: Vec<String>,
    /// The families it applies to; all if left out.
    #[serde(default)]
    pub ip_versions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    deviation: Vec<Deviation>,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct KnownError {
    /// The list.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The deviations of one target, by case.
#[derive(Clone, Debug, Default)]
pub struct KnownDeviations {
    by_case: BTreeMap<String, Deviation>,
}

impl KnownDeviations {
    /// Adds the entries of one list.
    ///
    /// # Errors
    /// If the text is not TOML of the right form, or a case is listed twice.
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), KnownError> {
        let fail = |problem: String| KnownError {
            file: file.to_string(),
            problem,
        };
        let list: File = toml::from_str(text).map_err(|problem| fail(problem.to_string()))?;
        for deviation in list.deviation {
            let case = deviation.case.clone();
            if self.by_case.insert(case.clone(), deviation).is_some() {
                return Err(fail(format!("{case} is listed twice")));
            }
        }
        Ok(())
    }

    /// The listed cases, in order of name.
    pub fn cases(&self) -> impl Iterator<Item = &Deviation> {
        self.by_case.values()
    }

    /// What a verdict becomes when this list is held against it.
    pub fn judge(
        &self,
        case: &str,
        ip_version: IpVersion,
        source: &Source,
        verdict: Verdict,
    ) -> Verdict {
        let version = ip_version.to_string();
        let listed = self
            .by_case
            .get(case)
            .filter(|entry| entry.ip_versions.is_empty() || entry.ip_versions.contains(&version));
        let Some(entry) = listed else { return verdict };
        let reason = format!("{}: {}", entry.requirement, entry.reason);
        match verdict {
            Verdict::Pass => Verdict::UnexpectedPass { reason },
            Verdict::Fail(failure) if entry.fits(&failure, source) => {
                Verdict::KnownDeviation { reason, failure }
            }
            Verdict::Fail(mut failure) => {
                failure.notes.push(format!(
                    "{case} is listed as a known deviation, but on the line `{}` in the fields {}",
                    entry.line,
                    entry.fields.join(", ")
                ));
                Verdict::Fail(failure)
            }
            other @ (Verdict::Skip { .. }
            | Verdict::KnownDeviation { .. }
            | Verdict::UnexpectedPass { .. }
            | Verdict::Error(_)) => other,
        }
    }
}

impl Deviation {
    fn fits(&self, failure: &Failure, source: &Source) -> bool {
        let line = failure.span.map_or("", |span| {
            source.line_text(source.line_of(span.start)).trim()
        });
        let mut seen: Vec<&str> = failure
            .differences
            .iter()
            .map(|found| found.field)
            .collect();
        let mut listed: Vec<&str> = self.fields.iter().map(String::as_str).collect();
        for fields in [&mut seen, &mut listed] {
            fields.sort_unstable();
            fields.dedup();
        }
        line == self.line.trim() && seen == listed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expect::compare::difference;
    use crate::source::Span;
    use rstest::rstest;

    const LIST: &str = r#"
        [[deviation]]
        case = "a/b"
        requirement = "RFC9293-SM-12"
        reason = "drops the payload"
        seen_with = "Linux 6.18"
        line = "+0 > S. 0:0(0) ack 101"
        fields = ["ack"]
        ip_versions = ["ipv4"]
    "#;

    fn known() -> KnownDeviations {
        let mut known = KnownDeviations::default();
        known.read("linux.toml", LIST).unwrap();
        known
    }

    fn failure(start: usize, fields: &[&'static str]) -> Verdict {
        Verdict::Fail(Box::new(Failure {
            code: "R001",
            message: String::new(),
            label: String::new(),
            span: Some(Span::new(start, start + 1)),
            differences: fields
                .iter()
                .map(|field| difference(field, "1", "2"))
                .collect(),
            notes: Vec::new(),
            help: None,
        }))
    }

    #[rstest]
    #[case::as_listed("a/b", IpVersion::Ipv4, failure(10, &["ack"]), "known_deviation")]
    #[case::other_field("a/b", IpVersion::Ipv4, failure(10, &["ack", "flags"]), "fail")]
    #[case::other_line("a/b", IpVersion::Ipv4, failure(0, &["ack"]), "fail")]
    #[case::other_family("a/b", IpVersion::Ipv6, failure(10, &["ack"]), "fail")]
    #[case::other_case("a/c", IpVersion::Ipv4, failure(10, &["ack"]), "fail")]
    #[case::passes("a/b", IpVersion::Ipv4, Verdict::Pass, "unexpected_pass")]
    #[case::passes_elsewhere("a/b", IpVersion::Ipv6, Verdict::Pass, "pass")]
    fn only_the_listed_difference_is_excused(
        #[case] case: &str,
        #[case] version: IpVersion,
        #[case] verdict: Verdict,
        #[case] want: &str,
    ) {
        let source = Source::new("b.pkt", "// other\n  +0 > S. 0:0(0) ack 101\n");
        assert_eq!(known().judge(case, version, &source, verdict).name(), want);
    }

    #[rstest]
    #[case("[[deviation]]\ncase = \"a\"\n", "missing field")]
    #[case("[[deviaton]]\n", "unknown field")]
    fn a_list_with_a_mistake_is_refused(#[case] text: &str, #[case] want: &str) {
        let error = KnownDeviations::default()
            .read("linux.toml", text)
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
}
