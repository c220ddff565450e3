//! Runs a learned script.

use std::path::PathBuf;

use crate::program::IpVersion;
use crate::runner::{self, RunSettings};
use crate::script::{self as language, Given, LoadContext};
use crate::source::Source;
use crate::suite::{Body, Case, ExecuteSettings, KnownDeviations, Origin};
use crate::target::Target;
use crate::verdict::Verdict;
use crate::vm::{self, VmTarget};

/// What scripts are called in messages.
const NAME: &str = "a learned script";

/// What a script fails of on a stack, if it does.
pub(super) fn failure(target: &dyn Target, text: &str) -> Option<String> {
    let source = Source::new(NAME, text);
    let context = LoadContext {
        ip_version: Some(IpVersion::Ipv4),
        ..runner::load_context(target, &source)
    };
    let program = match language::load(&source, &context) {
        Ok(program) => program,
        Err(problems) => {
            let first = problems.first().map(|problem| problem.message.clone());
            return Some(first.unwrap_or_default());
        }
    };
    let settings = RunSettings {
        ip_version: IpVersion::Ipv4,
        ..RunSettings::default()
    };
    match runner::run(&program, target, &settings).verdict {
        Verdict::Pass => None,
        verdict => Some(crate::report::message(&verdict, &source)),
    }
}

/// The same on a kernel, which runs it inside.
pub(super) fn inside(target: &VmTarget, text: &str) -> Option<String> {
    let case = Case {
        name: NAME.to_owned(),
        origin: Origin::File(PathBuf::from(NAME)),
        body: Body::Script(Source::new(NAME, text)),
    };
    let settings = ExecuteSettings {
        ip_versions: vec![IpVersion::Ipv4],
        given: [(IpVersion::Ipv4, Given::default())].into(),
        ..ExecuteSettings::default()
    };
    let known = KnownDeviations::default();
    let results = vm::execute(&[&case], target, &known, &settings, &mut |_| {});
    match results.into_iter().next() {
        Some(result) if matches!(result.verdict, Verdict::Pass) => None,
        Some(result) => Some(result.message),
        None => Some("the kernel gives no result".to_owned()),
    }
}
