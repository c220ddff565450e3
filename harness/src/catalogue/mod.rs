//! The catalogue of rules that travels inside the binary: one file a document, one row a rule.
//!
//! `cargo xtask` reads the same files by itself: the house's own checks have to run while this
//! package does not build.

mod implementation;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::suite::bundled_files;

/// Where the catalogue lies among the bundled files.
const FOLDER: &str = "requirements/";

/// How strongly the source words a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[expect(missing_docs, reason = "the words of RFC 2119")]
pub enum Level {
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
    /// A statement of a document that uses none of these words.
    #[serde(rename = "CLAIM")]
    Claim,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
            Level::Claim => "CLAIM",
        })
    }
}

/// What can show a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Testable {
    /// Packets.
    Wire,
    /// System calls.
    Api,
    /// Only the inside of a stack.
    Internal,
    /// Nothing.
    No,
}

impl Testable {
    /// Whether a case can show it.
    pub fn by_a_case(self) -> bool {
        matches!(self, Testable::Wire | Testable::Api)
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Never used for another rule: `RFC9293-MUST-14`.
    pub id: String,
    /// How strongly it is worded.
    pub level: Level,
    /// Document and section.
    pub source: String,
    /// The part of TCP it belongs to, in a word.
    pub area: String,
    /// The rule in our own words.
    pub summary: String,
    /// What can show it.
    pub testable: Testable,
    /// How a test can show it.
    pub how: String,
    /// What today's systems do, and doubts; may be empty.
    #[serde(default)]
    pub note: String,
    /// Why no case covers it though one could, in principle; empty if one has to.
    #[serde(default)]
    pub exception: String,
    /// Whether it was held against the source's text.
    #[serde(default = "yes")]
    pub verified: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    requirement: Vec<Requirement>,
}

/// The rules of one document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file's name without `.toml`: `rfc9293`.
    pub name: String,
    /// Its rules, in the order of the file.
    pub requirements: Vec<Requirement>,
}

/// A catalogue that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {problem}")]
pub struct CatalogueError {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// By name of the document.
    pub documents: Vec<Document>,
    /// Places in the reference stack, by id.
    places: BTreeMap<String, Vec<String>>,
}

impl Catalogue {
    /// The one that travels inside the binary.
    ///
    /// # Errors
    /// If one of its files cannot be understood, which a test of this package rules out.
    pub fn bundled() -> Result<Catalogue, CatalogueError> {
        let files = bundled_files().into_iter().filter_map(|(path, text)| {
            let name = path.strip_prefix(FOLDER)?.strip_suffix(".toml")?;
            Some((name.to_string(), text))
        });
        Catalogue::read(files, implementation::PLACES)
    }

    /// From the names and texts of its files, and places in the stack by id.
    ///
    /// # Errors
    /// If one cannot be understood, or an id stands there twice.
    pub(crate) fn read<'a>(
        files: impl Iterator<Item = (String, &'a str)>,
        places: &[(&str, &str)],
    ) -> Result<Catalogue, CatalogueError> {
        let mut catalogue = Catalogue::default();
        for (name, text) in files {
            let fail = |problem: String| CatalogueError {
                file: format!("{FOLDER}{name}.toml"),
                problem,
            };
            let file: File = toml::from_str(text).map_err(|error| fail(error.to_string()))?;
            for requirement in &file.requirement {
                if catalogue.get(&requirement.id).is_some() {
                    return Err(fail(format!("{} names two rules", requirement.id)));
                }
            }
            catalogue.documents.push(Document {
                name,
                requirements: file.requirement,
            });
        }
        for (id, place) in places {
            let places = catalogue.places.entry((*id).to_string()).or_default();
            places.push((*place).to_string());
        }
        Ok(catalogue)
    }

    /// The rule of this id.
    pub fn get(&self, id: &str) -> Option<&Requirement> {
        self.requirements().find(|requirement| requirement.id == id)
    }

    /// All rules, in the order of the documents.
    pub fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        let documents = self.documents.iter();
        documents.flat_map(|document| &document.requirements)
    }

    /// Where the reference stack implements a rule: `stack/src/input/ack.rs:40`.
    pub fn places(&self, id: &str) -> &[String] {
        self.places.get(id).map_or(&[], Vec::as_slice)
    }

    /// The id that somebody may have meant.
    pub fn like(&self, wrong: &str) -> Option<&str> {
        /// Less alike than this is something else.
        const ALIKE: f64 = 0.8;
        let wrong = wrong.to_uppercase();
        let short = format!("-{wrong}");
        if let Some(whole) = self.requirements().find(|rule| rule.id.ends_with(&short)) {
            return Some(&whole.id);
        }
        self.requirements()
            .map(|requirement| (strsim::jaro_winkler(&requirement.id, &wrong), requirement))
            .filter(|(alike, _)| *alike >= ALIKE)
            .max_by(|(one, _), (other, _)| one.total_cmp(other))
            .map(|(_, requirement)| requirement.id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ROW: &str = "[[requirement]]\nid = \"RFC1-1\"\nlevel = \"MUST NOT\"\nsource = \"RFC 1 §1\"\narea = \"ack\"\nsummary = \"s\"\ntestable = \"wire\"\nhow = \"h\"\n";

    fn read(texts: &[&str]) -> Result<Catalogue, CatalogueError> {
        let files = texts.iter().enumerate();
        let files = files.map(|(number, text)| (format!("rfc{number}"), *text));
        Catalogue::read(files, &[("RFC1-1", "a.rs:1"), ("RFC1-1", "b.rs:2")])
    }

    #[test]
    fn a_rule_is_found_with_its_places() {
        let catalogue = read(&[ROW]).unwrap();
        let rule = catalogue.get("RFC1-1").unwrap();
        assert_eq!((rule.level, rule.verified), (Level::MustNot, true));
        assert_eq!(catalogue.places("RFC1-1"), ["a.rs:1", "b.rs:2"]);
        assert_eq!(catalogue.places("RFC1-2"), <[String; 0]>::default());
        assert_eq!(catalogue.like("rfc1-2"), Some("RFC1-1"));
        assert_eq!(catalogue.like("1"), Some("RFC1-1"));
        assert_eq!(catalogue.like("handshake/passive"), None);
    }

    #[rstest]
    #[case::twice(("ack", "window"), "requirements/rfc1.toml: RFC1-1 names two rules")]
    #[case::level(("MUST NOT", "WANT"), "unknown variant `WANT`")]
    #[case::missing(("how", "# how"), "missing field `how`")]
    fn a_bad_catalogue_is_refused(#[case] (from, to): (&str, &str), #[case] problem: &str) {
        let other = ROW.replace(from, to);
        let message = read(&[ROW, &other]).unwrap_err().to_string();
        assert!(message.contains(problem), "{message}");
    }

    #[test]
    fn the_bundled_one_can_be_read_and_the_stack_names_only_its_rules() {
        let catalogue = Catalogue::bundled().unwrap();
        assert!(catalogue.get("RFC9293-MUST-14").is_some());
        assert!(!catalogue.places.is_empty());
        let unknown: Vec<_> = catalogue
            .places
            .keys()
            .filter(|id| catalogue.get(id).is_none())
            .collect();
        assert_eq!(unknown, <[&String; 0]>::default());
    }
}
