//! What every case and every known deviation must say.

use std::collections::BTreeMap;

use crate::case::{self, Case, Kind};
use crate::catalogue::{Catalogue, Level};
use crate::{Finding, Repository, SourceFile};

use super::probes;

pub(super) fn check(repository: &Repository, catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    let cases = case::cases(repository);
    let mut titles: BTreeMap<&str, &str> = BTreeMap::new();
    for case in &cases {
        let path = &case.file.path;
        findings
            .extend(complaints(case, catalogue).map(|message| Finding::error(path, 0, message)));
        if let Some(other) = titles.insert(&case.header.title, path)
            && !case.header.title.is_empty()
        {
            let message = format!("has the title of {other}: say what is different");
            findings.push(Finding::error(path, 0, message));
        }
    }
    for file in repository.files() {
        match case::kind(&file.path) {
            Some(Kind::Probe) => findings.extend(probes::check(file)),
            Some(Kind::Known) => findings.extend(known(file, &cases, catalogue)),
            Some(Kind::Stranger) => {
                let message = "neither a script (area/name.pkt) nor a probe (area/name.probe.toml)";
                findings.push(Finding::error(&file.path, 0, message));
            }
            _ => {}
        }
    }
    findings
}

/// What one case's header lacks.
fn complaints<'a>(
    case: &'a Case<'_>,
    catalogue: &'a Catalogue,
) -> impl Iterator<Item = String> + 'a {
    let header = &case.header;
    // The examples show the language; not each of them tests a rule.
    let covers_none = header.covers.is_empty() && !case.name().starts_with("examples/");
    let entries = [
        ("title", header.title.is_empty()),
        ("covers", covers_none),
        ("why", header.why.is_empty()),
    ];
    // What a probe's file lacks is told by its form.
    let is_script = case::kind(&case.file.path) == Some(Kind::Script);
    let missing = entries
        .into_iter()
        .filter(move |(_, empty)| is_script && *empty);
    let missing = missing.map(|(key, _)| format!("says no `{key}:` among its first comment lines"));
    let unknown = header.covers.iter().filter(|id| !catalogue.contains(id));
    let unknown = unknown.map(|id| format!("covers `{id}`, which is no requirement"));
    let twice = header.covers.iter().enumerate();
    let twice = twice.filter(|(index, id)| header.covers[..*index].contains(id));
    let twice = twice.map(|(_, id)| format!("covers `{id}` twice"));
    let excepted = header.covers.iter().filter(|id| is_excepted(catalogue, id));
    let excepted = excepted
        .map(|id| format!("covers `{id}`, which has an `exception`: one of the two is wrong"));
    missing.chain(unknown).chain(twice).chain(excepted)
}

/// Every `case` of a list of known deviations exists, and so does every requirement it names.
fn known(file: &SourceFile, cases: &[Case<'_>], catalogue: &Catalogue) -> Vec<Finding> {
    let table: toml::Table = match file.text.parse() {
        Ok(table) => table,
        Err(error) => return vec![Finding::error(&file.path, 0, error.message())],
    };
    let mut findings = Vec::new();
    let entries = table.values().filter_map(toml::Value::as_array).flatten();
    for entry in entries.filter_map(toml::Value::as_table) {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str);
        let mut error = |message: String| findings.push(Finding::error(&file.path, 0, message));
        let name = text("case").unwrap_or_default();
        // Generated cases are no files; the harness itself refuses an entry that means none of them.
        let exists = name.starts_with("family/")
            || cases
                .iter()
                .any(|case| case.name() == name || case.stem() == name);
        if !exists {
            error(format!("`case = \"{name}\"` is no case"));
        }
        match text("requirement") {
            Some(id) if catalogue.contains(id) => {
                if file.path.ends_with("/reference.toml") && is_a_must(catalogue, id) {
                    error(format!(
                        "{name}: the reference keeps {id}, a MUST: mend the stack"
                    ));
                }
            }
            Some(id) => error(format!("{name}: `{id}` is no requirement")),
            None => error(format!("{name}: names no `requirement`")),
        }
        if text("reason").is_none_or(|reason| reason.trim().is_empty()) {
            error(format!("{name}: gives no `reason`"));
        }
    }
    findings
}

fn is_excepted(catalogue: &Catalogue, id: &str) -> bool {
    let row = catalogue.get(id);
    row.is_some_and(|row| row.requirement.exception.is_some())
}

fn is_a_must(catalogue: &Catalogue, id: &str) -> bool {
    let level = catalogue.get(id).map(|row| row.requirement.level);
    matches!(level, Some(Level::Must | Level::MustNot))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ROW: &str = "[[requirement]]\nid = \"RFC1-1\"\nlevel = \"MUST\"\nsource = \"s\"\narea = \"a\"\nsummary = \"s\"\ntestable = \"wire\"\nhow = \"h\"\n";
    const CASE: &str = "// title: A\n// covers: RFC1-1\n// why: B\n";

    const PROBE: &str =
        "probe = \"p\"\ntitle = \"P\"\ncovers = [\"RFC1-1\"]\nwhy = \"B\"\n[parameters]\n";

    fn messages(files: &[(&str, &str)]) -> Vec<String> {
        let mut all = vec![("conformance-cases/requirements/rfc1.toml", ROW)];
        all.extend_from_slice(files);
        let repository = Repository::of(&all);
        let (catalogue, _) = Catalogue::read(&repository);
        check(&repository, &catalogue)
            .into_iter()
            .map(|found| found.message)
            .collect()
    }

    #[rstest]
    #[case(CASE, &[])]
    #[case("// title: A\n", &["says no `covers:` among its first comment lines", "says no `why:` among its first comment lines"])]
    #[case("0 socket()\n// title: A\n// covers: RFC1-1\n", &["says no `title:` among its first comment lines", "says no `covers:` among its first comment lines", "says no `why:` among its first comment lines"])]
    #[case("// title: A\n// covers: RFC1-2\n// why: B\n", &["covers `RFC1-2`, which is no requirement"])]
    #[case("// title: A\n// covers: RFC1-1, RFC1-1\n// why: B\n", &["covers `RFC1-1` twice"])]
    fn a_case_says_title_covers_and_why(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(messages(&[("conformance-cases/a/b.pkt", text)]), expected);
    }

    #[test]
    fn a_rule_that_is_excepted_has_no_case() {
        let row = ROW.replace("RFC1-1", "RFC2-1") + "exception = \"e\"\n";
        let found = messages(&[
            ("conformance-cases/requirements/rfc2.toml", &row),
            (
                "conformance-cases/a/b.pkt",
                &CASE.replace("RFC1-1", "RFC2-1"),
            ),
        ]);
        assert_eq!(
            found,
            ["covers `RFC2-1`, which has an `exception`: one of the two is wrong"]
        );
    }

    #[test]
    fn two_cases_do_not_share_a_title() {
        let found = messages(&[
            ("conformance-cases/a/b.pkt", CASE),
            ("conformance-cases/a/c.pkt", CASE),
        ]);
        assert_eq!(
            found,
            ["has the title of conformance-cases/a/b.pkt: say what is different"]
        );
    }

    #[test]
    fn a_file_that_is_no_case_does_not_belong_here() {
        let found = messages(&[("conformance-cases/a/b.txt", "")]);
        assert_eq!(
            found,
            ["neither a script (area/name.pkt) nor a probe (area/name.probe.toml)"]
        );
    }

    #[rstest]
    #[case("case = \"a/b.pkt\"\nrequirement = \"RFC1-1\"\nreason = \"r\"", &[])]
    #[case("case = \"a/b\"\nrequirement = \"RFC1-1\"\nreason = \"r\"", &[])]
    #[case("case = \"a/p\"\nrequirement = \"RFC1-1\"\nreason = \"r\"", &[])]
    #[case("case = \"a/c\"\nrequirement = \"RFC1-1\"\nreason = \"r\"", &["`case = \"a/c\"` is no case"])]
    #[case("case = \"a/b\"\nrequirement = \"RFC1-2\"\nreason = \"r\"", &["a/b: `RFC1-2` is no requirement"])]
    #[case("case = \"a/b\"\nreason = \" \"", &["a/b: names no `requirement`", "a/b: gives no `reason`"])]
    fn a_known_deviation_names_case_rule_and_reason(
        #[case] entry: &str,
        #[case] expected: &[&str],
    ) {
        let list = format!("[[deviation]]\n{entry}\n");
        let files = [
            ("conformance-cases/a/b.pkt", CASE),
            ("conformance-cases/a/p.probe.toml", PROBE),
            ("conformance-cases/known/linux.toml", &list),
        ];
        assert_eq!(messages(&files), expected);
    }

    #[test]
    fn the_reference_is_not_excused_from_a_must() {
        let list = "[[deviation]]\ncase = \"a/b\"\nrequirement = \"RFC1-1\"\nreason = \"r\"\n";
        let files = [
            ("conformance-cases/a/b.pkt", CASE),
            ("conformance-cases/known/reference.toml", list),
        ];
        assert_eq!(
            messages(&files),
            ["a/b: the reference keeps RFC1-1, a MUST: mend the stack"]
        );
    }
}
