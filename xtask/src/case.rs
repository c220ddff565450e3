//! The headers of the cases under `conformance-cases/`.
//!
//! Read here afresh, not through the harness: the house's own checks must run while the harness
//! does not build.

use crate::{Repository, SourceFile};

const FOLDER: &str = "conformance-cases/";
/// Endings of scripts and probe files.
const SCRIPT: &str = ".pkt";
const PROBE: &str = ".probe.toml";

/// What a case says about itself. A missing entry is an empty string.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) title: String,
    pub(crate) covers: Vec<String>,
    pub(crate) why: String,
}

/// A case and its header.
pub(crate) struct Case<'a> {
    pub(crate) file: &'a SourceFile,
    pub(crate) header: Header,
}

impl Case<'_> {
    /// Path below `conformance-cases/`.
    pub(crate) fn name(&self) -> &str {
        self.file
            .path
            .strip_prefix(FOLDER)
            .unwrap_or(&self.file.path)
    }

    /// The name the harness shows: without the ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.name();
        let stem = name.strip_suffix(SCRIPT).or(name.strip_suffix(PROBE));
        stem.unwrap_or(name)
    }
}

/// What a file under `conformance-cases/` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A script, `area/name.pkt`.
    Script,
    /// A probe's parameters, `area/name.probe.toml`.
    Probe,
    /// A list of expected deviations, `known/target.toml`.
    Known,
    /// Part of the catalogue, or something to read.
    Other,
    /// Nothing that belongs here.
    Stranger,
}

/// The list of historic defects that no case finds.
const ZOO: &str = "zoo.toml";

/// The kind of the file at this path; `None` outside `conformance-cases/`.
pub(crate) fn kind(path: &str) -> Option<Kind> {
    let path = path.strip_prefix(FOLDER)?;
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    Some(match (folder, extension) {
        ("requirements", "toml") | (_, "md") => Kind::Other,
        ("known", "toml") => Kind::Known,
        ("", "toml") if name == ZOO => Kind::Other,
        ("" | "requirements" | "known", _) => Kind::Stranger,
        (_, "pkt") => Kind::Script,
        (_, "toml") if name.ends_with(PROBE) => Kind::Probe,
        _ => Kind::Stranger,
    })
}

/// Every script and probe, sorted by path.
pub(crate) fn cases(repository: &Repository) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for file in repository.files() {
        let header = match kind(&file.path) {
            Some(Kind::Script) => script_header(&file.text),
            Some(Kind::Probe) => probe_header(&file.text),
            _ => continue,
        };
        cases.push(Case { file, header });
    }
    cases
}

/// The leading `//` lines as `key: value`; a line indented by three spaces or more continues the
/// one above.
fn script_header(text: &str) -> Header {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let Some(comment) = line.strip_prefix("//") else {
            break;
        };
        let entry = comment.strip_prefix(' ').unwrap_or(comment).split_once(':');
        match (entry, entries.last_mut()) {
            (_, Some((_, value))) if comment.starts_with("   ") => {
                value.push(' ');
                value.push_str(comment.trim());
            }
            (Some((key, value)), _) => entries.push((key.to_owned(), value.trim().to_owned())),
            (None, _) => {}
        }
    }
    let value = |key: &str| {
        let found = entries.iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    let ids = value("covers");
    let covers = ids
        .split(',')
        .map(str::trim)
        .filter(|id| !id.is_empty())
        .map(str::to_owned);
    Header {
        title: value("title"),
        covers: covers.collect(),
        why: value("why"),
    }
}

/// The same three entries of a probe's file. One that is no TOML has none of them.
fn probe_header(text: &str) -> Header {
    let table: toml::Table = text.parse().unwrap_or_default();
    let value = |key: &str| {
        table
            .get(key)
            .and_then(toml::Value::as_str)
            .unwrap_or_default()
    };
    let covers = table.get("covers").and_then(toml::Value::as_array);
    let ids = covers
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_str)
        .map(str::to_owned);
    Header {
        title: value("title").to_owned(),
        covers: ids.collect(),
        why: value("why").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_script_tells_its_header_in_comments() {
        let text =
            "// title: A: b\n// covers: X-1,\n//   X-2\n// why: One\n//   two.\n\n// covers: Y\n";
        let expected = Header {
            title: "A: b".to_owned(),
            covers: vec!["X-1".to_owned(), "X-2".to_owned()],
            why: "One two.".to_owned(),
        };
        assert_eq!(script_header(text), expected);
    }

    #[test]
    fn a_probe_tells_its_header_in_toml() {
        let text = "title = \"A\"\ncovers = [\"X-1\", \"X-2\"]\nwhy = \"B\"\n";
        let expected = Header {
            title: "A".to_owned(),
            covers: vec!["X-1".to_owned(), "X-2".to_owned()],
            why: "B".to_owned(),
        };
        assert_eq!(probe_header(text), expected);
        assert_eq!(probe_header("no toml"), Header::default());
    }

    #[rstest]
    #[case("conformance-cases/reset/a.pkt", Some(Kind::Script))]
    #[case("conformance-cases/isn/a.probe.toml", Some(Kind::Probe))]
    #[case("conformance-cases/isn/a.toml", Some(Kind::Stranger))]
    #[case("conformance-cases/known/linux.toml", Some(Kind::Known))]
    #[case("conformance-cases/requirements/rfc1.toml", Some(Kind::Other))]
    #[case("conformance-cases/README.md", Some(Kind::Other))]
    #[case("conformance-cases/zoo.toml", Some(Kind::Other))]
    #[case("conformance-cases/a.toml", Some(Kind::Stranger))]
    #[case("conformance-cases/a.pkt", Some(Kind::Stranger))]
    #[case("conformance-cases/reset/a.txt", Some(Kind::Stranger))]
    #[case("harness/tests/a.pkt", None)]
    fn place_and_name_tell_the_kind(#[case] path: &str, #[case] expected: Option<Kind>) {
        assert_eq!(kind(path), expected);
    }
}
