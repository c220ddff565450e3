//! Known deviations: where a target is known to part from a rule, and exactly how.
//!
//! An entry excuses one thing: this case failing at this script line in these
//! fields. Any other failure of the case is a failure, and so is a pass.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::family;
use crate::program::IpVersion;
use crate::script::Version;
use crate::source::Source;
use crate::verdict::{Failure, Verdict};

use super::bound::Bound;
use super::case::{Body, Case};
use super::pattern::Pattern;

/// One entry of `known/TARGET.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deviation {
    /// The case's name; of generated cases a pattern (`*`, `{a,b}`) that may mean several.
    pub case: String,
    /// The rule the target parts from.
    pub requirement: String,
    /// Why, for people.
    pub reason: String,
    /// The version of the target it was seen with.
    pub seen_with: String,
    /// The script line it shows on, without surrounding space; empty for a probe. A pattern for
    /// generated cases.
    #[serde(default)]
    pub line: String,
    /// The fields that differ, all of them.
    pub fields: Vec<String>,
    /// The families it applies to; all if left out.
    #[serde(default)]
    pub ip_versions: Vec<String>,
    /// The kernels it applies to, such as `< 6.17`; all if left out.
    #[serde(default)]
    pub kernel: Bound,
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
    /// Several of one case are about different kernels.
    by_case: BTreeMap<String, Vec<Deviation>>,
    /// Entries for generated cases, until they are resolved.
    patterns: Vec<Deviation>,
}

impl KnownDeviations {
    /// Adds the entries of one list.
    ///
    /// # Errors
    /// If the text is not TOML of the right form, a case is listed twice, or an entry names
    /// no field or a family that there is not.
    pub fn read(&mut self, file: &str, text: &str) -> Result<(), KnownError> {
        let fail = |problem: String| KnownError {
            file: file.to_string(),
            problem,
        };
        let list: File = toml::from_str(text).map_err(|problem| fail(problem.to_string()))?;
        for deviation in list.deviation {
            deviation.check().map_err(fail)?;
            if deviation.case.starts_with(family::FOLDER) {
                self.patterns.push(deviation);
                continue;
            }
            self.add(deviation).map_err(fail)?;
        }
        Ok(())
    }

    /// Puts an entry for each generated case in the place of those for several.
    ///
    /// # Errors
    /// If a pattern means no case (and `is_whole`), a case that another entry means as well, or not
    /// exactly one line of a case.
    pub(super) fn resolve(
        &mut self,
        file: &str,
        cases: &[Case],
        is_whole: bool,
    ) -> Result<(), KnownError> {
        let fail = |problem: String| KnownError {
            file: file.to_string(),
            problem,
        };
        for entry in std::mem::take(&mut self.patterns) {
            let pattern = Pattern::new(&entry.case);
            let mut meant = cases
                .iter()
                .filter(|case| pattern.takes(&case.name))
                .peekable();
            if is_whole && meant.peek().is_none() {
                let pattern = &entry.case;
                return Err(fail(format!("there is no case like {pattern}")));
            }
            for case in meant {
                let line = Pattern::new(&entry.line).only_line(case.source().text());
                let Some(line) = line else {
                    let (name, line) = (&case.name, &entry.line);
                    return Err(fail(format!(
                        "{name}: not exactly one line is like `{line}`"
                    )));
                };
                let one = Deviation {
                    case: case.name.clone(),
                    line: line.to_string(),
                    ..entry.clone()
                };
                self.add(one).map_err(fail)?;
            }
        }
        Ok(())
    }

    /// Adds an entry, unless one of the same case stands there that is about the same kernels.
    fn add(&mut self, entry: Deviation) -> Result<(), String> {
        let others = self.by_case.entry(entry.case.clone()).or_default();
        if others.iter().any(|other| other.kernel.meets(&entry.kernel)) {
            return Err(format!("{} is listed twice", entry.case));
        }
        others.push(entry);
        Ok(())
    }

    /// What of the list is about a stack with this kernel, if it has one.
    #[must_use]
    pub fn on(mut self, kernel: Option<&str>) -> KnownDeviations {
        let kernel = kernel.and_then(Version::read);
        for entries in self.by_case.values_mut() {
            entries.retain(|entry| entry.kernel.holds(kernel.as_ref()));
        }
        self
    }

    /// Forgets the entries for generated cases.
    pub(super) fn leave_out_generated(&mut self) {
        self.patterns.clear();
    }

    /// Holds the list against the cases it is for. `is_whole`: these are all the cases there
    /// are, so that a listed case that is not among them is a mistake.
    ///
    /// # Errors
    /// If an entry could excuse nothing, or more than it says: no such case, or a line that
    /// does not stand in the case's file exactly once.
    pub(super) fn hold_against(
        &self,
        file: &str,
        cases: &[Case],
        is_whole: bool,
    ) -> Result<(), KnownError> {
        let fail = |problem: String| KnownError {
            file: file.to_string(),
            problem,
        };
        for entry in self.cases() {
            match cases.iter().find(|case| case.name == entry.case) {
                Some(case) => entry.check_line(&case.body).map_err(fail)?,
                None if is_whole => {
                    return Err(fail(format!(
                        "there is no case {}; correct the name or take the entry off the list",
                        entry.case
                    )));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Makes the names of the entries begin with `prefix`, as those of their cases do.
    pub(super) fn count_from(&mut self, prefix: &str) {
        let entries = std::mem::take(&mut self.by_case).into_values();
        for mut entry in entries.flatten() {
            entry.case = format!("{prefix}{}", entry.case);
            let others = self.by_case.entry(entry.case.clone()).or_default();
            others.push(entry);
        }
    }

    /// Adds the entries of another list.
    ///
    /// # Errors
    /// If a case stands in both; `file` is what the message calls the other.
    pub(super) fn merge(&mut self, file: &str, other: KnownDeviations) -> Result<(), KnownError> {
        for (case, deviations) in other.by_case {
            if self.by_case.contains_key(&case) {
                return Err(KnownError {
                    file: file.to_string(),
                    problem: format!("{case} is on another list as well"),
                });
            }
            self.by_case.insert(case, deviations);
        }
        Ok(())
    }

    /// The listed cases, in order of name.
    pub fn cases(&self) -> impl Iterator<Item = &Deviation> {
        self.by_case.values().flatten()
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
            .into_iter()
            .flatten()
            .find(|entry| entry.ip_versions.is_empty() || entry.ip_versions.contains(&version));
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
            | Verdict::Perturbed(_)
            | Verdict::Error(_)) => other,
        }
    }
}

/// Every family, as a list names them.
const FAMILIES: [IpVersion; 3] = [IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6];

impl Deviation {
    fn check(&self) -> Result<(), String> {
        let case = &self.case;
        if self.fields.is_empty() {
            return Err(format!(
                "{case}: `fields` is empty; name every field that differs"
            ));
        }
        let families = FAMILIES.map(|family| family.to_string());
        match self
            .ip_versions
            .iter()
            .find(|name| !families.contains(name))
        {
            Some(unknown) => Err(format!(
                "{case}: `{unknown}` is no family; expected {}",
                families.join(", ")
            )),
            None => Ok(()),
        }
    }

    /// Lines are told apart by their text alone, so the text must stand in the file once.
    fn check_line(&self, body: &Body) -> Result<(), String> {
        let Body::Script(source) = body else {
            return Ok(());
        };
        let line = self.line.trim();
        let times = source.text().lines().filter(|text| text.trim() == line);
        match times.count() {
            _ if line.is_empty() => Ok(()),
            1 => Ok(()),
            0 => Err(format!(
                "{}: the line `{line}` does not stand in {}",
                self.case,
                source.name()
            )),
            times => Err(format!(
                "{}: the line `{line}` stands {times} times in {}, so that it is not clear which is meant; \
                 write one of them differently, for example with a comment behind it",
                self.case,
                source.name()
            )),
        }
    }

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
    #[case(&LIST.replace("ipv4", "ipv5"), "`ipv5` is no family; expected ipv4, ipv6, ipv4-mapped-ipv6")]
    #[case(&LIST.replace("[\"ack\"]", "[]"), "`fields` is empty")]
    #[case(&format!("{LIST}{LIST}"), "a/b is listed twice")]
    fn a_list_with_a_mistake_is_refused(#[case] text: &str, #[case] want: &str) {
        let error = KnownDeviations::default()
            .read("linux.toml", text)
            .unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }

    #[rstest]
    #[case::once("a/b", "// other\n  +0 > S. 0:0(0) ack 101\n", None)]
    #[case::twice(
        "a/b",
        "+0 > S. 0:0(0) ack 101\n +0 > S. 0:0(0) ack 101\n",
        Some("stands 2 times")
    )]
    #[case::never("a/b", "+1 > S. 0:0(0) ack 101\n", Some("does not stand in b.pkt"))]
    #[case::other_case("a/c", "", Some("there is no case a/b"))]
    fn an_entry_means_one_line_of_one_case(
        #[case] name: &str,
        #[case] script: &str,
        #[case] want: Option<&str>,
    ) {
        let cases = [Case {
            name: name.to_string(),
            origin: crate::suite::Origin::Bundled,
            body: Body::Script(Source::new("b.pkt", script)),
        }];
        let outcome = known().hold_against("linux.toml", &cases, true);
        match want {
            None => outcome.unwrap(),
            Some(want) => {
                let error = outcome.unwrap_err().to_string();
                assert!(error.contains(want), "{error}");
            }
        }
    }

    #[test]
    fn a_part_of_a_suite_need_not_hold_every_listed_case() {
        known().hold_against("linux.toml", &[], false).unwrap();
    }

    #[test]
    fn a_case_on_two_lists_is_refused() {
        let error = known().merge("other.toml", known()).unwrap_err();
        assert!(error.to_string().contains("other.toml: a/b"), "{error}");
    }
}
