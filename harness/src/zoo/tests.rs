use super::*;
use crate::trace::Trace;
use crate::verdict::Failure;
use rstest::rstest;

fn failure() -> Box<Failure> {
    Box::new(Failure {
        code: "R001",
        message: String::new(),
        label: String::new(),
        span: None,
        differences: Vec::new(),
        notes: Vec::new(),
        help: None,
    })
}

fn fail() -> Verdict {
    Verdict::Fail(failure())
}

fn known() -> Verdict {
    let reason = String::new();
    Verdict::KnownDeviation {
        reason,
        failure: failure(),
    }
}

fn result(case: &str, covers: &str, verdict: Verdict, message: &str) -> CaseResult {
    CaseResult {
        case: case.to_string(),
        target: "reference".to_string(),
        ip_version: IpVersion::Ipv4,
        verdict,
        covers: vec!["RFC1-9".to_string(), covers.to_string()],
        wall: Duration::ZERO,
        script_time: Duration::ZERO,
        perturbed: 0,
        trace: Trace::default(),
        message: message.to_string(),
    }
}

/// A row of a defect that breaks RFC1-1 and RFC1-2.
pub(crate) fn row(id: &'static str, counts: (u64, u64), failing: &[(&str, bool)]) -> Row {
    let failing = failing.iter().map(|(case, covers)| Failing {
        case: (*case).to_string(),
        covers: *covers,
        message: "line 3: the packet differs in ack\nmore".to_string(),
    });
    Row {
        defect: Defect {
            id,
            title: "What is wrong",
            source: "somebody",
            breaks: &["RFC1-1", "RFC1-2"],
        },
        profile: "rfc9293".to_string(),
        reached: counts.0,
        triggered: counts.1,
        failing: failing.collect(),
        explained: None,
        time: Duration::from_millis(250),
    }
}

pub(crate) fn explained(mut row: Row) -> Row {
    row.explained = Some(Explained {
        id: row.defect.id.to_string(),
        reason: "no packet shows it".to_string(),
        seen_by: "a unit test".to_string(),
    });
    row
}

#[rstest]
#[case::it_fails(Verdict::Pass, fail(), "new", 1)]
#[case::it_passes(Verdict::Pass, Verdict::Pass, "", 0)]
#[case::it_failed_before_and_just_so(fail(), fail(), "old", 0)]
#[case::it_failed_before_but_not_so(fail(), fail(), "new", 1)]
#[case::a_known_deviation_as_ever(known(), known(), "old", 0)]
#[case::a_known_deviation_that_looks_different(known(), fail(), "new", 1)]
#[case::a_known_deviation_gone(known(), Verdict::UnexpectedPass { reason: String::new() }, "", 1)]
#[case::not_run(Verdict::Pass, Verdict::Skip { capability: String::new(), reason: String::new() }, "new", 0)]
#[case::the_harness_is_at_fault(
    Verdict::Pass,
    Verdict::Error(crate::verdict::CaseError::Machine(String::new())),
    "new",
    0
)]
fn only_a_failure_that_is_new_counts(
    #[case] before: Verdict,
    #[case] after: Verdict,
    #[case] message: &str,
    #[case] want: usize,
) {
    let baseline = Baseline::new(&[result("a", "RFC1-1", before, "old")]);
    let found = baseline.compare(&[result("a", "RFC1-1", after, message)], &["RFC1-1"]);
    assert_eq!(found.len(), want, "{found:?}");
}

#[test]
fn a_case_that_covers_a_broken_rule_comes_first() {
    let results = [
        result("b", "RFC1-2", fail(), ""),
        result("a", "RFC1-3", fail(), ""),
        result("c", "RFC1-1", fail(), ""),
    ];
    let found = Baseline::default().compare(&results, &["RFC1-1", "RFC1-2"]);
    let found: Vec<_> = found.iter().map(|one| (&*one.case, one.covers)).collect();
    assert_eq!(found, [("b", true), ("c", true), ("a", false)]);
}

#[rstest]
#[case(row("A01", (9, 3), &[("x", true), ("y", false)]), Fate::Killed, None)]
#[case(explained(row("A01", (9, 3), &[("x", true)])), Fate::Killed, Some("is killed and needs"))]
#[case(row("A01", (9, 3), &[("y", false)]), Fate::Accident, Some("none covers a rule it breaks (RFC1-1, RFC1-2)"))]
#[case(row("A01", (9, 3), &[]), Fate::Survived, Some("is not killed: survived"))]
#[case(row("A01", (9, 0), &[]), Fate::NotTriggered, Some("is not killed: not triggered"))]
#[case(row("A01", (0, 0), &[]), Fate::NotReached, Some("is not killed: not reached"))]
#[case(explained(row("A01", (9, 3), &[])), Fate::Survived, None)]
#[case(explained(row("A01", (9, 3), &[("y", false)])), Fate::Accident, None)]
fn a_row_is_judged(#[case] row: Row, #[case] fate: Fate, #[case] complaint: Option<&str>) {
    assert_eq!(row.fate(), fate);
    let found = row.complaint();
    assert_eq!(found.is_some(), complaint.is_some(), "{found:?}");
    assert!(
        found
            .unwrap_or_default()
            .contains(complaint.unwrap_or_default())
    );
}
