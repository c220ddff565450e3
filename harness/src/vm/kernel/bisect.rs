//! What `git bisect run` is told of a revision.
//!
//! It takes every status from 1 to 127 for "bad", but for 125; so whatever says nothing about the kernel must
//! end with another.

use super::TreeError;
use super::build::BuildError;
use crate::report::Summary;

/// What is known of a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The cases end as they should: 0.
    Good,
    /// At least one does not: 1.
    Bad,
    /// This revision says nothing: 125, and git takes another.
    Untestable,
    /// No revision would say anything: 128, and git stops.
    Abort,
    /// A signal ended it: 130, and git stops.
    Interrupted,
}

impl Found {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Found::Good => "good",
            Found::Bad => "bad",
            Found::Untestable => "cannot be tested",
            Found::Abort => "nothing can be tested",
            Found::Interrupted => "interrupted",
        }
    }

    /// What a folder without a usable source comes to. A revision before the oldest Linux that is built may lie
    /// on the way between two later ones.
    pub fn of_tree(error: &TreeError) -> Found {
        match error {
            TreeError::TooOld { .. } => Found::Untestable,
            TreeError::Unreadable { .. }
            | TreeError::NoTree { .. }
            | TreeError::NoRelease { .. } => Found::Abort,
        }
    }

    /// What a kernel that is not built comes to.
    pub fn of_build(error: &BuildError) -> Found {
        match error {
            error if error.is_interrupted() => Found::Interrupted,
            error if error.is_about_the_tree() => Found::Untestable,
            _ => Found::Abort,
        }
    }

    /// What the cases come to. One that fails tells more than others that could not be run; where none fails, an
    /// error or nothing but skipped cases says nothing.
    pub fn of_run(summary: &Summary) -> Found {
        if summary.interrupted {
            Found::Interrupted
        } else if summary.script_errors > 0 {
            Found::Abort
        } else if summary.failed + summary.unexpected_passes > 0 {
            Found::Bad
        } else if summary.errors + summary.perturbed > 0 || summary.judged() == 0 {
            Found::Untestable
        } else {
            Found::Good
        }
    }
}

/// What comes of a revision: it is built, and if that goes well the cases are run on it. The second part of the
/// answer says why there were none.
pub fn judge<K>(
    built: Result<K, BuildError>,
    run: impl FnOnce(K) -> Result<Summary, String>,
) -> (Found, Option<String>) {
    match built.map(run) {
        Ok(Ok(summary)) => (Found::of_run(&summary), None),
        // It was built, and cannot be started.
        Ok(Err(problem)) => (Found::Untestable, Some(problem)),
        Err(error) => (Found::of_build(&error), Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::child::ChildError;
    use super::super::{ProgramError, Release, ToolsError};
    use super::*;
    use crate::exit::Exit;
    use crate::report::samples;
    use rstest::rstest;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitCode, ExitStatus};
    use std::time::Duration;

    fn did_not_compile() -> BuildError {
        BuildError::Child(ChildError::Failed {
            what: "building".into(),
            status: ExitStatus::from_raw(2 << 8),
            log: "/log".into(),
            excerpt: String::new(),
        })
    }

    fn untaken() -> BuildError {
        BuildError::Untaken {
            tree: "/tree".into(),
            options: vec!["CONFIG_TUN=y".into()],
        }
    }

    fn no_tools() -> BuildError {
        BuildError::Tools(ToolsError {
            missing: vec!["flex"],
            packages: vec!["flex"],
        })
    }

    fn no_kernel() -> BuildError {
        BuildError::Program(ProgramError::Unusable {
            path: "/k".into(),
            problem: "it is no program".into(),
        })
    }

    #[rstest]
    #[case(did_not_compile(), Found::Untestable)]
    #[case(untaken(), Found::Untestable)]
    #[case(no_kernel(), Found::Untestable)]
    #[case(no_tools(), Found::Abort)]
    #[case(BuildError::Busy { folder: "/b".into() }, Found::Abort)]
    #[case(BuildError::NoSpace { folder: "/b".into(), needed: 2, free: 1 }, Found::Abort)]
    #[case(BuildError::Child(ChildError::Interrupted), Found::Interrupted)]
    fn a_kernel_that_is_not_built_is_never_bad(#[case] error: BuildError, #[case] want: Found) {
        let told = error.to_string();
        let judged = judge(Err::<(), _>(error), |()| panic!("there is nothing to run"));
        assert_eq!(judged, (want, Some(told)));
    }

    #[rstest]
    #[case(TreeError::TooOld { path: "/t".into(), release: Release::new(6, 0, 0) }, Found::Untestable)]
    #[case(TreeError::NoTree { path: "/t".into(), lacks: "Makefile" }, Found::Abort)]
    fn a_tree_that_is_too_old_lies_on_the_way(#[case] error: TreeError, #[case] want: Found) {
        assert_eq!(Found::of_tree(&error), want);
    }

    #[rstest]
    #[case::good(&["pass", "known_deviation"], Found::Good)]
    #[case::a_skip_beside_a_pass(&["pass", "skip"], Found::Good)]
    #[case::only_skips(&["skip"], Found::Untestable)]
    #[case::nothing(&[], Found::Untestable)]
    #[case::an_error(&["pass", "error"], Found::Untestable)]
    #[case::late(&["pass", "perturbed"], Found::Untestable)]
    #[case::a_failure(&["pass", "fail"], Found::Bad)]
    #[case::a_failure_outweighs_an_error(&["fail", "error", "skip"], Found::Bad)]
    #[case::a_deviation_that_is_gone(&["pass", "unexpected_pass"], Found::Bad)]
    fn the_cases_decide(#[case] verdicts: &[&str], #[case] want: Found) {
        let all = samples::every_verdict();
        let one = |name: &&str| {
            let mut all = all.iter();
            let found = all.find(|result| result.verdict.name() == *name);
            found.expect("a sample of it").clone()
        };
        let results: Vec<_> = verdicts.iter().map(one).collect();
        let mut summary = Summary::of(&results, Duration::ZERO);
        summary.script_errors = 0;
        assert_eq!(judge(Ok("kernel"), |_| Ok(summary)), (want, None));
    }

    #[test]
    fn a_script_with_mistakes_stops_it_all() {
        let mut summary = Summary::of(&[], Duration::ZERO);
        summary.script_errors = 1;
        assert_eq!(Found::of_run(&summary), Found::Abort);
        summary.interrupted = true;
        assert_eq!(Found::of_run(&summary), Found::Interrupted);
    }

    #[test]
    fn a_kernel_that_does_not_start_says_nothing() {
        let (found, why) = judge(Ok(()), |()| Err("no boot".into()));
        assert_eq!(
            (found, why.as_deref()),
            (Found::Untestable, Some("no boot"))
        );
    }

    #[rstest]
    #[case(Found::Good, 0)]
    #[case(Found::Bad, 1)]
    #[case(Found::Untestable, 125)]
    #[case(Found::Abort, 128)]
    #[case(Found::Interrupted, 130)]
    fn git_understands_the_statuses(#[case] found: Found, #[case] want: u8) {
        let code = ExitCode::from(Exit::from(found));
        // ExitCode can be compared only by what it shows.
        assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(want)));
    }
}
