use super::*;
use crate::report::{Exchange, TargetEntry, samples};
use crate::source::Source;
use crate::suite::{Body, Origin};
use rstest::rstest;

const RULES: &str = "RFC1-1 MUST wire
RFC1-2 SHOULD wire
RFC1-3 MUST internal
RFC1-4 MAY wire
RFC1-5 MUST wire exception
RFC1-6 MUST NOT wire note=DEVIATION: Linux does the other thing
RFC1-7 SHOULD NOT wire
RFC1-8 MUST wire
RFC1-9 MUST api";

const CLAIMS_OF_FOUNDERS: &str = "DOC-A-01 CLAIM wire
DOC-A-02 CLAIM wire note=WRONG as worded: it is one | more";

/// A catalogue of two documents, a run on Linux with every kind of result, and its list.
pub(crate) fn sample(report: impl FnOnce(&Comparison<'_>) -> String) -> String {
    let files = [
        (CLAIMS.to_string(), toml(CLAIMS_OF_FOUNDERS)),
        ("rfc1".to_string(), toml(RULES)),
    ];
    let files = files
        .iter()
        .map(|(name, text)| (name.clone(), text.as_str()));
    let catalogue = Catalogue::read(files, &[]).expect("a catalogue");
    let (source, result) = samples::failed("ack", "1001", "501");
    let cases = [
        ("a/one", "RFC1-1 RFC1-2 RFC1-7", source.clone()),
        ("a/two", "RFC1-2 DOC-A-01", Source::new("two", "")),
        (
            "a/three",
            "RFC1-6 DOC-A-02",
            Source::new("three", "#if target == linux\n#endif\n"),
        ),
        ("a/four", "RFC1-8", Source::new("four", "")),
    ];
    let cases = cases.map(|(name, covers, source)| (case(name, source), covers));
    let covers: Vec<(&Case, Vec<String>)> = cases
        .iter()
        .map(|(case, covers)| (case, covers.split(' ').map(str::to_string).collect()))
        .collect();
    let mut failed = entry("a/one", "known_deviation", "RFC1-1: it is older");
    failed.evidence = Exchange::of(&result, &source);
    let run = Results {
        name: "linux".to_string(),
        target: TargetEntry {
            name: "linux".to_string(),
            description: "the running Linux kernel (6.18.44)".to_string(),
            kernel: Some("6.18.44".to_string()),
            known: "linux".to_string(),
        },
        entries: vec![
            failed,
            entry("a/two", "pass", ""),
            entry("a/three", "pass", ""),
            entry(
                "a/four",
                "skip",
                "sysctl:x: this kernel has no such setting",
            ),
        ],
    };
    let mut known = KnownDeviations::default();
    let list = "[[deviation]]\ncase = \"a/one\"\nrequirement = \"RFC1-1\"\nreason = \"it is older <than> the rule\"\n\
                seen_with = \"Linux 6.18\"\nline = \"+0 > . 1:1(0) ack 1001\"\nfields = [\"ack\"]\n";
    known.read("linux.toml", list).expect("a list");
    report(&Comparison::new(&catalogue, &covers, &run, &known))
}

fn toml(rows: &str) -> String {
    let row = |row: &str| {
        let (row, note) = row.split_once(" note=").unwrap_or((row, ""));
        let (row, exception) = match row.strip_suffix(" exception") {
            Some(row) => (row, "nobody does it"),
            None => (row, ""),
        };
        let (id, rest) = row.split_once(' ').expect("an id");
        let (level, testable) = rest.rsplit_once(' ').expect("a level");
        format!(
            "[[requirement]]\nid = \"{id}\"\nlevel = \"{level}\"\nsource = \"RFC 1 §2\"\narea = \"ack\"\nsummary = \"What {id} says\"\n\
             how = \"look inside\"\ntestable = \"{testable}\"\nnote = \"{note}\"\nexception = \"{exception}\"\n"
        )
    };
    rows.lines().map(row).collect()
}

fn case(name: &str, source: Source) -> Case {
    Case {
        name: name.to_string(),
        origin: Origin::Bundled,
        body: Body::Script(source),
    }
}

fn entry(case: &str, verdict: &str, message: &str) -> ResultEntry {
    ResultEntry {
        case: case.to_string(),
        target: "linux".to_string(),
        ip_version: "ipv4".to_string(),
        verdict: verdict.to_string(),
        message: message.to_string(),
        evidence: None,
    }
}

#[rstest]
#[case::departs_as_listed("RFC1-1", "differs")]
#[case::another_case_passed("RFC1-2", "agrees")]
#[case::inside("RFC1-3", "only the inside of a stack shows it: look inside")]
#[case::excepted("RFC1-5", "nobody does it")]
#[case::its_own_lines("RFC1-6", "as written for it")]
#[case::behind_a_departure("RFC1-7", "ends before, RFC1-1")]
#[case::skipped("RFC1-8", "skipped: sysctl:x: this kernel has no such setting")]
#[case::no_case("RFC1-9", "no case shows it yet")]
#[case::a_claim("DOC-A-01", "agrees")]
#[case::a_wrong_claim("DOC-A-02", "not as worded")]
#[case::optional("RFC1-4", "")]
fn each_rule_has_its_finding(#[case] id: &str, #[case] want: &str) {
    let found = sample(|comparison| {
        let rule = comparison
            .rules
            .iter()
            .find(|compared| compared.rule.id == id);
        match rule.map(|compared| &compared.finding) {
            None => String::new(),
            Some(Finding::Agrees) => "agrees".to_string(),
            Some(Finding::NotAsWorded) => "not as worded".to_string(),
            Some(Finding::AsWrittenForIt) => "as written for it".to_string(),
            Some(Finding::Differs(_)) => "differs".to_string(),
            Some(Finding::EndsBefore(rules)) => format!("ends before, {}", rules.join(" ")),
            Some(Finding::NotObservable(why) | Finding::NotJudged(why)) => why.clone(),
        }
    });
    assert_eq!(found, want);
}

#[test]
fn generated_cases_that_depart_for_one_reason_are_one() {
    let deviation = |reason: &str| {
        let list = format!(
            "[[deviation]]\ncase = \"a\"\nrequirement = \"RFC1-1\"\nreason = \"{reason}\"\nseen_with = \"x\"\nfields = [\"ack\"]\n"
        );
        let mut known = KnownDeviations::default();
        known.read("x", &list).expect("a list");
        known.cases().next().cloned().expect("an entry")
    };
    let (one, other) = (deviation("one"), deviation("other"));
    let departure = |case, listed| Departure {
        case,
        listed: Some(listed),
        results: Vec::new(),
    };
    let all = [
        departure("family/f/part/a", &one),
        departure("family/f/part/b", &one),
        departure("family/f/part/c", &other),
        departure("a/one", &one),
        departure("a/two", &one),
    ];
    let found: Vec<(&str, usize)> = folded(&all)
        .iter()
        .map(|(first, others)| (first.case, *others))
        .collect();
    let alone = [("family/f/part/c", 0), ("a/one", 0), ("a/two", 0)];
    assert_eq!(found, [&[("family/f/part/a", 1)][..], &alone].concat());
}

#[rstest]
#[case("#if target == linux", true)]
#[case("  #elif kernel >= 6 && linux", true)]
#[case("#ifndef linux", true)]
#[case("#if target == linuxish", false)]
#[case("// linux does it otherwise", false)]
#[case("#endif // linux", false)]
fn lines_for_a_target_are_recognised(#[case] line: &str, #[case] want: bool) {
    assert_eq!(
        has_lines_for(&case("x", Source::new("x", line)), "linux"),
        want
    );
}
