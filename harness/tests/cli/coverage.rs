//! `coverage`, `explain` and `diff`, as people call them.

use std::path::Path;

use super::{status, stderr, stdout, tcpdrill};
use serde_json::Value;

/// A rule that has code, cases, and a deviation of Linux.
const RULE: &str = "RFC9293-MUST-56";

#[test]
fn coverage_joins_rules_with_code_cases_and_the_verdicts_of_a_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = tcpdrill(
        folder.path(),
        &[
            "run",
            "--filter",
            RULE,
            "--ip-version",
            "all",
            "--json",
            "run.json",
        ],
    );
    assert_eq!(status(&run), 0, "{}", stderr(&run));
    let output = tcpdrill(
        folder.path(),
        &[
            "coverage",
            "--results",
            "run.json",
            "--json",
            "-",
            "--html",
            "rules.html",
        ],
    );
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let rows = report["requirements"].as_array().expect("a list");
    let of = |id: &str| rows.iter().find(|row| row["id"] == id).expect("the rule");
    assert_eq!(of(RULE)["targets"]["reference"], "agrees");
    assert!(!of(RULE)["code"].as_array().expect("a list").is_empty());
    assert_eq!(of("RFC9293-MUST-8")["targets"]["reference"], "unknown");
    assert_eq!(report["unknown_ids"].as_array().map(Vec::len), Some(0));
    assert!(
        stderr(&output).contains("rfc9293"),
        "the table goes elsewhere"
    );
    let page = std::fs::read_to_string(folder.path().join("rules.html")).expect("the page");
    assert!(page.contains(&format!("id=\"{RULE}\"")));
    assert!(!page.contains("<script"));
}

#[test]
fn too_many_open_rules_are_told_by_the_status() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(
        folder.path().join("none.json"),
        r#"{"schema": 1, "results": []}"#,
    )
    .expect("a file");
    let bound = |most: &str| {
        tcpdrill(
            folder.path(),
            &["coverage", "--results", "none.json", "--open-at-most", most],
        )
    };
    assert_eq!(status(&bound("100000")), 0);
    let text = stdout(&bound("100000"));
    let is_complete = !text.contains("\nOpen: ");
    assert_eq!(status(&bound("0")), i32::from(!is_complete));
}

#[test]
fn explain_tells_a_rule_and_a_case_and_what_may_have_been_meant() {
    let here = Path::new(".");
    let rule = stdout(&tcpdrill(here, &["explain", &RULE.to_lowercase()]));
    for part in [
        RULE,
        "code:    stack/src/",
        "case:    icmp/",
        "reference  pass (ipv4)",
        "departs: linux",
    ] {
        assert!(rule.contains(part), "{part} in {rule}");
    }
    let case = stdout(&tcpdrill(here, &["explain", "handshake/passive-open"]));
    assert!(case.contains("covers:  RFC9293-SM-10"), "{case}");
    let wrong = tcpdrill(here, &["explain", "MUST-56"]);
    assert_eq!(status(&wrong), 2);
    assert!(
        stderr(&wrong).contains(&format!("is `{RULE}` meant?")),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn diff_lists_what_changed_and_refuses_what_is_no_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = |verdict: &str| {
        format!(
            r#"{{"schema": 1, "results": [{{"case": "a/b", "target": "linux", "ip_version": "ipv4", "verdict": "{verdict}"}}]}}"#
        )
    };
    for (name, text) in [
        ("old", report("pass")),
        ("new", report("fail")),
        ("bad", "{}".into()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let diff = |old: &str, new: &str| tcpdrill(folder.path(), &["diff", old, new]);
    assert_eq!(
        stdout(&diff("old", "new")),
        "a/b (ipv4): pass -> fail\n1 of 1 verdicts changed\n"
    );
    assert_eq!(status(&diff("old", "new")), 1);
    assert_eq!(status(&diff("old", "old")), 0);
    let refused = diff("old", "bad");
    assert_eq!(status(&refused), 2);
    assert!(
        stderr(&refused).contains("bad: no report of"),
        "{}",
        stderr(&refused)
    );
    assert_eq!(status(&diff("old", "missing")), 2);
}
