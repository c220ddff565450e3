//! `cargo xtask trace`: from each requirement to the code that implements it and the cases that
//! show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::Repository;
use crate::case;
use crate::catalogue::{Catalogue, Row};
use crate::code::requirement_comments;

/// Where each requirement is implemented and covered.
pub struct Trace {
    catalogue: Catalogue,
    /// Places `path:line` in `stack/`, by id.
    code: BTreeMap<String, Vec<String>>,
    /// Paths below `conformance-cases/`, by id.
    cases: BTreeMap<String, Vec<String>>,
}

/// What the summary counts in one document, or in all.
#[derive(Clone, Copy, Default)]
struct Counts {
    rules: usize,
    in_code: usize,
    showable: usize,
    covered: usize,
    excepted: usize,
    open: usize,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.rules += other.rules;
        self.in_code += other.in_code;
        self.showable += other.showable;
        self.covered += other.covered;
        self.excepted += other.excepted;
        self.open += other.open;
    }

    fn line(&self, name: &str) -> String {
        let Self {
            rules,
            in_code,
            showable,
            covered,
            excepted,
            open,
        } = self;
        format!(
            "{name:<12}{rules:>8}{in_code:>10}{showable:>10}{covered:>10}{excepted:>10}{open:>8}\n"
        )
    }
}

impl Trace {
    /// Reads the catalogue, the `// REQ:` comments of `stack/` and the headers of the cases.
    /// Ids that do not exist are left out here; `tidy` names them.
    pub fn new(repository: &Repository) -> Self {
        let (catalogue, _) = Catalogue::read(repository);
        let mut code: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in repository
            .rust_files()
            .filter(|file| file.path.starts_with("stack/"))
        {
            for comment in requirement_comments(&file.text) {
                let places = code.entry(comment.id.to_owned()).or_default();
                places.push(format!("{}:{}", file.path, comment.line));
            }
        }
        let mut cases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for case in case::cases(repository) {
            for id in &case.header.covers {
                cases
                    .entry(id.clone())
                    .or_default()
                    .push(case.name().to_owned());
            }
        }
        Self {
            catalogue,
            code,
            cases,
        }
    }

    /// A table with a line for each document, and the rules that are excepted.
    pub fn summary(&self) -> String {
        let mut documents: BTreeMap<&str, Counts> = BTreeMap::new();
        for row in &self.catalogue.rows {
            documents
                .entry(&row.document)
                .or_default()
                .add(self.counts(row));
        }
        let mut text =
            "document       rules   in code  showable   covered  excepted    open\n".to_owned();
        let mut total = Counts::default();
        for (name, counts) in documents {
            text += &counts.line(name);
            total.add(counts);
        }
        text += &total.line("all");
        text += "\nin code: named by a `// REQ:` comment in stack/; showable: packets or calls can show it;\n\
                 covered: a case names it; excepted: no case can, for a reason given below;\n\
                 open: showable, neither covered nor excepted (see --missing)\n";
        text += &self.exceptions();
        text
    }

    /// The requirements that are showable and yet have a reason why no case shows them.
    fn exceptions(&self) -> String {
        let mut text = String::new();
        for row in &self.catalogue.rows {
            if let Some(reason) = &row.requirement.exception {
                let title = if text.is_empty() { "\nexcepted\n" } else { "" };
                let _ = writeln!(text, "{title}  {:<17}{reason}", row.requirement.id);
            }
        }
        text
    }

    /// The requirements a case could show and none does, by document. Those excepted are left out.
    pub fn missing(&self) -> String {
        let mut text = String::new();
        let mut document = "";
        for row in self
            .catalogue
            .rows
            .iter()
            .filter(|row| self.counts(row).open > 0)
        {
            if row.document != document {
                document = &row.document;
                let _ = writeln!(text, "{document}");
            }
            let requirement = &row.requirement;
            let code = if self.code.contains_key(&requirement.id) {
                "in code"
            } else {
                ""
            };
            let level = requirement.level.name();
            let _ = writeln!(
                text,
                "  {:<17}{level:<11}{code:<9}{}",
                requirement.id, requirement.summary
            );
        }
        text
    }

    /// Everything about one requirement; `None` where the id does not exist.
    pub fn requirement(&self, id: &str) -> Option<String> {
        let requirement = &self.catalogue.get(id)?.requirement;
        let mut text = format!(
            "{id}  {}  {}\n{}\nhow: {}\n",
            requirement.level.name(),
            requirement.source,
            requirement.summary,
            requirement.how
        );
        if !requirement.note.is_empty() {
            let _ = writeln!(text, "note: {}", requirement.note);
        }
        if let Some(reason) = &requirement.exception {
            let _ = writeln!(text, "no case: {reason}");
        }
        if !requirement.verified {
            text += "not yet checked against the source\n";
        }
        for (label, places) in [("code", self.code.get(id)), ("case", self.cases.get(id))] {
            for place in places.into_iter().flatten() {
                let _ = writeln!(text, "{label}: {place}");
            }
        }
        Some(text)
    }

    /// The ids of the requirements that a case covers, of those that packets or calls can show and that
    /// nobody has excepted; what `tcpdrill coverage` counts as covered.
    pub fn covered(&self) -> Vec<&str> {
        let rows = self.catalogue.rows.iter();
        let covered = rows.filter(|row| {
            let counts = self.counts(row);
            counts.showable > 0 && counts.covered > 0 && counts.excepted == 0
        });
        covered.map(|row| row.requirement.id.as_str()).collect()
    }

    fn counts(&self, row: &Row) -> Counts {
        let id = &row.requirement.id;
        let showable = row.requirement.testable.by_a_case();
        let covered = self.cases.contains_key(id);
        let excepted = row.requirement.exception.is_some();
        Counts {
            rules: 1,
            in_code: usize::from(self.code.contains_key(id)),
            showable: usize::from(showable),
            covered: usize::from(covered),
            excepted: usize::from(excepted),
            open: usize::from(showable && !covered && !excepted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Trace {
        let row = |id: &str, testable: &str| {
            format!(
                "[[requirement]]\nid = \"{id}\"\nlevel = \"MUST\"\nsource = \"RFC 1 §2\"\narea = \"ack\"\nsummary = \"Summary of {id}\"\ntestable = \"{testable}\"\nhow = \"look\"\nnote = \"n\"\nverified = false\n\n"
            )
        };
        let first = row("RFC1-1", "wire") + &row("RFC1-2", "api") + &row("RFC1-3", "internal");
        let excepted = row("RFC2-2", "wire") + "exception = \"takes hours\"\n\n";
        let second = row("RFC2-1", "wire") + &excepted;
        Trace::new(&Repository::of(&[
            ("conformance-cases/requirements/rfc1.toml", &first),
            ("conformance-cases/requirements/rfc2.toml", &second),
            (
                "conformance-cases/ack/one.pkt",
                "// title: A\n// covers: RFC1-1\n// why: B\n",
            ),
            (
                "conformance-cases/ack/two.probe.toml",
                "covers = [\"RFC1-1\", \"RFC1-3\"]\n",
            ),
            (
                "stack/src/a.rs",
                "// REQ: RFC1-1\nlet a = 1;\n// REQ: RFC2-1\nlet b = 1;\n",
            ),
            ("harness/src/a.rs", "// REQ: RFC1-2\nlet a = 1;\n"),
        ]))
    }

    #[test]
    fn the_summary_counts_by_document() {
        insta::assert_snapshot!(small().summary());
    }

    #[test]
    fn what_no_case_shows_is_missing() {
        insta::assert_snapshot!(small().missing());
    }

    #[test]
    fn only_what_a_case_can_show_and_shows_is_covered() {
        assert_eq!(small().covered(), ["RFC1-1"]);
    }

    #[test]
    fn one_requirement_tells_its_places() {
        insta::assert_snapshot!(small().requirement("RFC1-1").unwrap_or_default());
        insta::assert_snapshot!(small().requirement("RFC2-2").unwrap_or_default());
        assert_eq!(small().requirement("RFC1-9"), None);
    }
}
