//! The JUnit report, for continuous integration systems.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::verdict::{CaseResult, Verdict};

use super::Summary;

/// The report as XML. Known deviations count as skipped, unexpected passes as failures,
/// runs that the machine perturbed every time as errors.
///
/// # Errors
/// If writing XML fails, which no value of these types makes it do.
pub fn render(summary: Summary, results: &[CaseResult]) -> Result<String, String> {
    let mut report = Report::new("tcpdrill");
    report.set_time(Duration::from_millis(summary.wall_ms));
    let mut targets: Vec<&str> = results
        .iter()
        .map(|result| result.target.as_str())
        .collect();
    targets.dedup();
    for target in targets {
        let mut suite = TestSuite::new(target);
        for result in results.iter().filter(|result| result.target == target) {
            suite.add_test_case(test_case(result));
        }
        report.add_test_suite(suite);
    }
    report.to_string().map_err(|problem| problem.to_string())
}

fn test_case(result: &CaseResult) -> TestCase {
    let status = match &result.verdict {
        Verdict::Pass => TestCaseStatus::success(),
        Verdict::Fail(_) | Verdict::UnexpectedPass { .. } => {
            described(TestCaseStatus::non_success(NonSuccessKind::Failure), result)
        }
        Verdict::Perturbed(_) | Verdict::Error(_) => {
            described(TestCaseStatus::non_success(NonSuccessKind::Error), result)
        }
        Verdict::Skip { .. } | Verdict::KnownDeviation { .. } => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(first_line(result));
            status
        }
    };
    let mut case = TestCase::new(format!("{} ({})", result.case, result.ip_version), status);
    case.set_classname(
        result
            .case
            .rsplit_once('/')
            .map_or("(top)", |(area, _)| area),
    );
    case.set_time(result.wall);
    if result.perturbed > 0 {
        let attempts = result.perturbed.to_string();
        let property = Property::new("perturbed_attempts", attempts);
        case.properties.push(property);
    }
    case
}

fn described(mut status: TestCaseStatus, result: &CaseResult) -> TestCaseStatus {
    status
        .set_message(first_line(result))
        .set_type(result.verdict.name());
    status.set_description(result.message.clone());
    status
}

fn first_line(result: &CaseResult) -> String {
    let line = result.message.lines().next().unwrap_or_default();
    format!("{}: {line}", result.verdict.name())
}
