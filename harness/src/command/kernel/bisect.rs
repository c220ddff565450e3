//! `tcpdrill bisect-run`: what `git bisect run` asks of a revision of Linux.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cli::BisectArgs;
use crate::exit::Exit;
use crate::report::Summary;
use crate::report::terminal::Terminal;
use crate::suite::{Case, Convention, ExecuteSettings, Interrupt, KnownDeviations, Suite};
use crate::target::{self, Target};
use crate::vm::kernel::bisect::{Found, judge};
use crate::vm::kernel::{Cache, Kernel, Tree};
use crate::vm::{VmTarget, execute};

use super::super::output::Output;
use super::super::{complain, families, given, run};
use super::building::Building;

/// How long a kernel may say nothing before it hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The list of known deviations, as [`VmTarget`] names it: it is read before there is a kernel.
const KNOWN: &str = "linux";

/// What is run on each revision.
struct Drill {
    chosen: Chosen,
    known: KnownDeviations,
    settings: ExecuteSettings,
}

/// A suite and what of it is meant.
struct Chosen {
    /// Whole: its lists name cases that are not meant as well.
    suite: Suite,
    /// Cases and areas; all of the suite if empty.
    names: Vec<String>,
}

/// Builds the tree, runs the cases on it, and says what that comes to.
pub(in crate::command) fn bisect_run(args: &BisectArgs) -> Exit {
    // A panic's own status is one that git takes for "bad".
    let found = catch_unwind(AssertUnwindSafe(|| find(args)));
    Exit::from(found.unwrap_or(Found::Abort))
}

fn find(args: &BisectArgs) -> Found {
    let interrupt = Interrupt::default();
    target::linux::raise_on_signals(&interrupt);
    let drill = match drill(args, &interrupt) {
        Ok(drill) => drill,
        Err(problem) => {
            problem
                .iter()
                .for_each(|problem| complain("error", problem));
            return Found::Abort;
        }
    };
    let tree = match Tree::at(&args.source) {
        Ok(tree) => tree,
        Err(error) => {
            complain("error", &error);
            return Found::of_tree(&error);
        }
    };
    let what = format!("Linux {} in {}", tree.release, tree.path.display());
    let (found, why) = match built(args, &tree, &interrupt) {
        Err(super::Problem::Build(error)) => judge(Err(error), |kernel| drill.run(&kernel)),
        Err(problem) => (Found::Abort, Some(problem.to_string())),
        Ok(kernel) => judge(Ok(kernel), |kernel| drill.run(&kernel)),
    };
    if let Some(why) = why {
        complain("error", &why);
    }
    super::super::say(&format_args!("bisect-run: {what}: {}", found.name()));
    found
}

fn built(args: &BisectArgs, tree: &Tree, interrupt: &Interrupt) -> Result<Kernel, super::Problem> {
    let cache = Cache::of_user()?;
    let building = Building::new(&args.how, &cache, interrupt)?;
    Ok(building.build(tree)?.kernel)
}

/// What to run; an error is what is wrong with the arguments, as far as it has not been said.
fn drill(args: &BisectArgs, interrupt: &Interrupt) -> Result<Drill, Option<String>> {
    let chosen = chosen(&args.cases).map_err(Some)?;
    let known = chosen.suite.known(KNOWN);
    let known = known.map_err(|problem| Some(problem.to_string()))?;
    let ip_versions = families(&args.family).map_err(|_| None)?;
    let convention = args.family.convention.map(Convention::from);
    let settings = ExecuteSettings {
        given: given(&args.family, &ip_versions, &[]).map_err(|_| None)?,
        ip_versions,
        jobs: None,
        defines: Vec::new(),
        seed: 0,
        drop_in: convention.is_some(),
        exact: false,
        allow_commands: false,
        convention,
        patience: Duration::ZERO,
        interrupt: interrupt.clone(),
    };
    Ok(Drill {
        chosen,
        known,
        settings,
    })
}

/// The cases in these files and folders, or the bundled ones of these names or in these areas.
fn chosen(words: &[String]) -> Result<Chosen, String> {
    let (paths, names): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| PathBuf::from(word).exists());
    if names.is_empty() {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        let suite = Suite::from_paths(&paths).map_err(|problem| problem.to_string())?;
        return Ok(Chosen {
            suite,
            names: Vec::new(),
        });
    }
    let suite = Suite::bundled();
    for name in &names {
        if !suite.cases.iter().any(|case| is_meant(case, name)) {
            return Err(format!(
                "`{name}` is neither a file nor a bundled case or area; `tcpdrill list` names them"
            ));
        }
    }
    if let Some(path) = paths.first() {
        return Err(format!(
            "`{path}` is a file and `{}` a bundled case; give the one or the other",
            names[0]
        ));
    }
    let names = names.into_iter().cloned().collect();
    Ok(Chosen { suite, names })
}

/// Whether a case is the one of this name, or lies in the area.
fn is_meant(case: &Case, name: &str) -> bool {
    let below = case.name.strip_prefix(name.trim_end_matches('/'));
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Chosen {
    fn cases(&self) -> Vec<&Case> {
        let is_chosen = |case: &&Case| {
            self.names.is_empty() || self.names.iter().any(|name| is_meant(case, name))
        };
        self.suite.cases.iter().filter(is_chosen).collect()
    }
}

impl Drill {
    /// Runs the cases on a kernel, and shows what comes of them.
    fn run(&self, kernel: &Kernel) -> Result<Summary, String> {
        let target = VmTarget::new(&kernel.path, None, PATIENCE)?;
        let known = self.known.clone().on(target.kernel().as_deref());
        let cases = self.chosen.cases();
        let output = Output::Standard;
        let mut terminal = Terminal::new(output, run::style(false, output));
        let started = Instant::now();
        let results = execute(&cases, &target, &known, &self.settings, &mut |event| {
            let _ = terminal.event(event);
        });
        let mut summary = Summary::of(&results, started.elapsed());
        summary.interrupted = self.settings.interrupt.is_raised();
        let _ = terminal.summary(&results, summary);
        Ok(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn names(words: &[&str]) -> Result<Vec<String>, String> {
        let words: Vec<String> = words.iter().map(ToString::to_string).collect();
        let chosen = chosen(&words)?;
        let cases = chosen.cases();
        Ok(cases.iter().map(|case| case.name.clone()).collect())
    }

    #[test]
    fn bundled_cases_are_named_one_by_one_or_by_area() {
        let area = names(&["time-wait/"]).expect("an area");
        assert!(area.len() > 3 && area.iter().all(|name| name.starts_with("time-wait/")));
        assert_eq!(names(&[&area[0]]), Ok(vec![area[0].clone()]));
        assert!(names(&["time"]).is_err(), "half a name is none");
    }

    #[test]
    fn a_part_of_the_suite_has_the_whole_suites_lists() {
        let part = chosen(&["time-wait".into()]).expect("an area");
        let known = part.suite.known(KNOWN).expect("a list for all cases");
        assert!(known.cases().count() > 0);
    }

    #[rstest]
    #[case(&["no-such-case"], "`no-such-case` is neither a file nor a bundled case or area; `tcpdrill list` names them")]
    #[case(&["/", "time-wait"], "`/` is a file and `time-wait` a bundled case; give the one or the other")]
    fn what_is_no_case_is_told(#[case] words: &[&str], #[case] want: &str) {
        assert_eq!(names(words), Err(want.into()));
    }
}
