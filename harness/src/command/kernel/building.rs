//! Building with the choices of the command line, while somebody may look on.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};

use super::Problem;
use crate::cli::BuildingArgs;
use crate::suite::Interrupt;
use crate::vm::kernel::build::{self, Built, Order};
use crate::vm::kernel::{Cache, Facts, Stage, Tree, configuration_hash};

/// What building goes by.
pub(super) struct Building<'a> {
    cache: &'a Cache,
    own: String,
    jobs: usize,
    interrupt: &'a Interrupt,
}

impl<'a> Building<'a> {
    /// Reads the user's own fragment.
    pub(super) fn new(
        args: &BuildingArgs,
        cache: &'a Cache,
        interrupt: &'a Interrupt,
    ) -> Result<Building<'a>, Problem> {
        let own = match &args.config {
            None => String::new(),
            Some(path) => fs::read_to_string(path).map_err(|problem| {
                Problem::Other(format!("cannot read {}: {problem}", path.display()))
            })?,
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Building {
            cache,
            own,
            jobs: args.jobs.map_or_else(cores, usize::from),
            interrupt,
        })
    }

    /// The name of what is configured.
    pub(super) fn configuration(&self) -> String {
        configuration_hash(&self.own)
    }

    /// Builds, and tells on standard error how far it is.
    pub(super) fn build(&self, tree: &Tree) -> Result<Built, Problem> {
        let order = Order {
            tree,
            own: &self.own,
            jobs: self.jobs,
            cache: self.cache,
        };
        let mut progress = Progress::default();
        Ok(build::build(&order, self.interrupt, &mut |stage| {
            progress.tell(stage);
        })?)
    }

    /// What is to be known of a kernel later.
    pub(super) fn facts(&self, built: &Built, source: String) -> Facts {
        Facts {
            release: built.kernel.name.clone(),
            hz: built.kernel.hz,
            source,
            configuration: self.configuration(),
            lacks: built.lacks.clone(),
            built: DateTime::<Utc>::from(SystemTime::now())
                .to_rfc3339_opts(SecondsFormat::Secs, true),
        }
    }
}

/// A line on standard error: over and over where somebody looks, now and then where not.
#[derive(Debug, Default)]
pub(super) struct Progress {
    told: Option<(String, Duration)>,
    is_open: bool,
}

impl Progress {
    /// A stage is so far.
    pub(super) fn tell(&mut self, stage: &Stage) {
        let mut output = io::stderr();
        if output.is_terminal() {
            self.is_open = true;
            let _ = write!(output, "\r{}\x1b[K", line(stage));
        } else if self.is_due(stage) {
            let _ = writeln!(output, "{}", line(stage));
        }
    }

    /// A new stage is told at once, and then every half minute.
    fn is_due(&mut self, stage: &Stage) -> bool {
        const NOW_AND_THEN: Duration = Duration::from_secs(30);
        let is_due = match &self.told {
            Some((what, when)) => *what != stage.what || stage.elapsed >= *when + NOW_AND_THEN,
            None => true,
        };
        if is_due {
            self.told = Some((stage.what.clone(), stage.elapsed));
        }
        is_due
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_open {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(stage: &Stage) -> String {
    let seconds = stage.elapsed.as_secs();
    let time = match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    };
    match stage.lines {
        0 => format!("{}: {time}", stage.what),
        lines => format!("{}: {time}, {lines} steps", stage.what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn stage(what: &str, lines: usize, seconds: u64) -> Stage {
        Stage {
            what: what.into(),
            lines,
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[rstest]
    #[case(0, 7, "building Linux 6.12.117: 7 s")]
    #[case(812, 72, "building Linux 6.12.117: 1 min 12 s, 812 steps")]
    fn a_line_says_how_far_it_is(#[case] lines: usize, #[case] seconds: u64, #[case] want: &str) {
        assert_eq!(
            line(&stage("building Linux 6.12.117", lines, seconds)),
            want
        );
    }

    #[test]
    fn who_does_not_look_is_told_now_and_then() {
        let mut progress = Progress::default();
        let told = [("a", 1), ("a", 2), ("a", 31), ("a", 40), ("b", 1), ("b", 2)]
            .map(|(what, seconds)| progress.is_due(&stage(what, 1, seconds)));
        assert_eq!(told, [true, false, true, false, true, false]);
    }
}
