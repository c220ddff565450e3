//! The requirements under `conformance-cases/requirements/`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Finding, Repository, SourceFile};

/// Where the catalogue lies.
const FOLDER: &str = "conformance-cases/requirements/";

/// How strongly the source words the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Level {
    #[serde(rename = "MUST")]
    Must,
    #[serde(rename = "MUST NOT")]
    MustNot,
    #[serde(rename = "SHOULD")]
    Should,
    #[serde(rename = "SHOULD NOT")]
    ShouldNot,
    #[serde(rename = "MAY")]
    May,
    #[serde(rename = "CLAIM")]
    Claim,
}

impl Level {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::May => "MAY",
            Self::Claim => "CLAIM",
        }
    }
}

/// What can show the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Testable {
    Wire,
    Api,
    Internal,
    No,
}

impl Testable {
    /// Whether a case can show it.
    pub(crate) fn by_a_case(self) -> bool {
        matches!(self, Self::Wire | Self::Api)
    }
}

/// One row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Requirement {
    pub(crate) id: String,
    pub(crate) level: Level,
    pub(crate) source: String,
    pub(crate) area: String,
    pub(crate) summary: String,
    pub(crate) testable: Testable,
    pub(crate) how: String,
    #[serde(default)]
    pub(crate) note: String,
    #[serde(default = "written_from_the_source")]
    pub(crate) verified: bool,
    /// Why no case shows the rule although packets or calls could.
    pub(crate) exception: Option<String>,
}

fn written_from_the_source() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    requirement: Vec<Requirement>,
}

/// A row and the file it stands in.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The file's name without folder and `.toml`.
    pub(crate) document: String,
    pub(crate) requirement: Requirement,
}

/// Every requirement, by its id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    /// In the order of the files and, within one, of the rows.
    pub(crate) rows: Vec<Row>,
    by_id: BTreeMap<String, usize>,
}

impl Catalogue {
    /// Reads the catalogue; what is wrong with it comes as findings, the rest is kept.
    pub(crate) fn read(repository: &Repository) -> (Self, Vec<Finding>) {
        let mut catalogue = Self::default();
        let mut findings = Vec::new();
        for file in repository.files() {
            let Some(name) = file.path.strip_prefix(FOLDER) else {
                continue;
            };
            let Some(document) = name.strip_suffix(".toml") else {
                continue;
            };
            match toml::from_str::<Document>(&file.text) {
                Ok(parsed) => catalogue.add(file, document, parsed, &mut findings),
                Err(error) => {
                    let start = error.span().map_or(0, |span| span.start);
                    let line = file.text[..start].lines().count().max(1);
                    findings.push(Finding::error(&file.path, line, error.message()));
                }
            }
        }
        (catalogue, findings)
    }

    fn add(
        &mut self,
        file: &SourceFile,
        name: &str,
        parsed: Document,
        findings: &mut Vec<Finding>,
    ) {
        for requirement in parsed.requirement {
            let id = requirement.id.clone();
            let line = line_of_id(file, &id, self.by_id.contains_key(&id));
            if let Some(complaint) = complaint(name, &requirement) {
                findings.push(Finding::error(&file.path, line, complaint));
            }
            if self.by_id.contains_key(&id) {
                let message = format!("{id} names two requirements; ids are unique");
                findings.push(Finding::error(&file.path, line, message));
                continue;
            }
            self.by_id.insert(id, self.rows.len());
            self.rows.push(Row {
                document: name.to_owned(),
                requirement,
            });
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Row> {
        self.by_id.get(id).map(|index| &self.rows[*index])
    }
}

/// What is wrong with one row, if anything.
fn complaint(document: &str, requirement: &Requirement) -> Option<String> {
    let Requirement {
        id,
        source,
        area,
        summary,
        how,
        ..
    } = requirement;
    let fields = [
        ("source", source),
        ("area", area),
        ("summary", summary),
        ("how", how),
    ];
    if let Some((name, _)) = fields.iter().find(|(_, value)| value.trim().is_empty()) {
        return Some(format!("{id}: `{name}` is empty"));
    }
    if let Some(reason) = &requirement.exception {
        if reason.trim().is_empty() {
            return Some(format!("{id}: `exception` is empty"));
        }
        if !requirement.testable.by_a_case() {
            return Some(format!(
                "{id}: `exception` is for rules that packets or calls can show"
            ));
        }
    }
    let prefix = match document {
        "documents" => "DOC-".to_owned(),
        rfc => format!("{}-", rfc.to_uppercase()),
    };
    if id.starts_with(&prefix) {
        None
    } else {
        Some(format!("{id}: ids of this file begin with {prefix}"))
    }
}

fn line_of_id(file: &SourceFile, id: &str, last: bool) -> usize {
    let wanted = format!("id = \"{id}\"");
    let mut lines = file.numbered_lines().filter(|(_, line)| *line == wanted);
    let found = if last { lines.last() } else { lines.next() };
    found.map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ROW: &str = "[[requirement]]\nid = \"RFC1-1\"\nlevel = \"MUST\"\nsource = \"RFC 1 §1\"\narea = \"ack\"\nsummary = \"s\"\ntestable = \"wire\"\nhow = \"h\"\n";

    #[test]
    fn a_good_row_is_found_by_its_id() {
        let repository = Repository::of(&[("conformance-cases/requirements/rfc1.toml", ROW)]);
        let (catalogue, findings) = Catalogue::read(&repository);
        assert_eq!(findings, []);
        assert_eq!(
            catalogue.get("RFC1-1").map(|row| row.document.as_str()),
            Some("rfc1")
        );
        assert!(!catalogue.contains("RFC1-2"));
    }

    #[rstest]
    #[case::twice(&format!("{ROW}{ROW}"), 10, "RFC1-1 names two requirements; ids are unique")]
    #[case::foreign(&ROW.replace("RFC1-1", "RFC2-1"), 2, "RFC2-1: ids of this file begin with RFC1-")]
    #[case::empty(&ROW.replace("\"h\"", "\" \""), 2, "RFC1-1: `how` is empty")]
    #[case::exception(&format!("{ROW}exception = \" \"\n"), 2, "RFC1-1: `exception` is empty")]
    #[case::exception_to_nothing(&format!("{}exception = \"e\"\n", ROW.replace("wire", "internal")), 2, "RFC1-1: `exception` is for rules that packets or calls can show")]
    #[case::level(&ROW.replace("MUST", "WANT"), 3, "unknown variant `WANT`, expected one of `MUST`, `MUST NOT`, `SHOULD`, `SHOULD NOT`, `MAY`, `CLAIM`")]
    fn a_bad_row_is_named(#[case] text: &str, #[case] line: usize, #[case] message: &str) {
        let path = "conformance-cases/requirements/rfc1.toml";
        let (_, findings) = Catalogue::read(&Repository::of(&[(path, text)]));
        assert_eq!(findings, [Finding::error(path, line, message)]);
    }
}
