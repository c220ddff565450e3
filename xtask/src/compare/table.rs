//! The comparison: who said what, and how long it took.

use std::fmt;

use super::{Answer, Round, Run};

/// A run whose verdicts differ.
#[derive(Clone, Debug, PartialEq)]
struct Difference {
    run: Run,
    ours: String,
    theirs: String,
}

/// The comparison of all runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    runs: usize,
    rounds: usize,
    /// Both pass; both fail; ours skips what theirs fails; ours cannot read what theirs fails.
    same: [usize; 4],
    differences: Vec<Difference>,
    /// Runs on which packetdrill's own rounds do not agree.
    unsteady: usize,
    /// Wall and processor seconds: theirs (mean of the rounds), then ours.
    wall: [f64; 2],
    processor: [f64; 2],
    /// The longest single run of packetdrill's, in seconds.
    longest: f64,
}

impl Table {
    pub(super) fn new(runs: &[Run], rounds: &[Round], ours: &Round) -> Table {
        let mean =
            |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>() / rounds.len().max(1) as f64;
        let mut table = Table {
            runs: runs.len(),
            rounds: rounds.len(),
            same: [0; 4],
            differences: Vec::new(),
            unsteady: 0,
            wall: [mean(|round| round.wall), ours.wall],
            processor: [mean(|round| round.processor), ours.processor],
            longest: 0.0,
        };
        for (run, ours) in runs.iter().zip(&ours.answers) {
            let theirs: Vec<&Answer> = rounds
                .iter()
                .filter_map(|round| round.answers.iter().find(|answer| answer.run == *run))
                .collect();
            table.count(run, ours, &theirs);
        }
        table
    }

    /// packetdrill's best round counts: its failures include those of the machine.
    fn count(&mut self, run: &Run, ours: &Answer, theirs: &[&Answer]) {
        let passes = theirs
            .iter()
            .filter(|answer| answer.verdict == "pass")
            .count();
        self.unsteady += usize::from(passes > 0 && passes < theirs.len());
        let walls = theirs.iter().map(|answer| answer.wall);
        self.longest = walls.fold(self.longest, f64::max);
        let kind = match (ours.verdict.as_str(), passes > 0) {
            ("pass", true) => Some(0),
            ("fail", false) => Some(1),
            ("skip", false) => Some(2),
            ("error", false) if ours.message.starts_with("error[") => Some(3),
            _ => None,
        };
        match kind {
            Some(kind) => self.same[kind] += 1,
            None => {
                let last = theirs.last().map_or("", |answer| answer.message.as_str());
                self.differences.push(Difference {
                    run: run.clone(),
                    ours: format!("{}: {}", ours.verdict, ours.message),
                    theirs: match passes {
                        0 => format!("fail: {last}"),
                        _ => format!("pass ({passes} of {})", theirs.len()),
                    },
                });
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.differences {
            writeln!(f, "{}", difference.run)?;
            writeln!(f, "    tcpdrill     {}", difference.ours)?;
            writeln!(f, "    packetdrill  {}", difference.theirs)?;
        }
        let [pass, fail, skip, unread] = self.same;
        let same = pass + fail + skip + unread;
        let share = 100.0 * same as f64 / self.runs.max(1) as f64;
        writeln!(
            f,
            "{same} of {} runs with the same verdict ({share:.1} %): {pass} pass, {fail} fail, \
             {skip} skipped and {unread} refused as scripts that packetdrill fails; {} differ",
            self.runs,
            self.differences.len()
        )?;
        writeln!(
            f,
            "packetdrill's {} rounds disagree among themselves on {} runs",
            self.rounds, self.unsteady
        )?;
        let [theirs, ours] = self.wall;
        writeln!(
            f,
            "wall time: packetdrill {theirs:.1} s (longest run {:.1} s), tcpdrill {ours:.1} s: 1/{:.1}",
            self.longest,
            theirs / ours.max(0.001)
        )?;
        let each = |seconds: f64| seconds / self.runs.max(1) as f64;
        let [theirs, ours] = self.processor;
        writeln!(
            f,
            "processor time a run: packetdrill {:.3} s, tcpdrill {:.3} s",
            each(theirs),
            each(ours)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(verdicts: &[&str], wall: f64) -> Round {
        let answers = verdicts.iter().enumerate().map(|(number, verdict)| Answer {
            run: run(number),
            verdict: (*verdict).to_string(),
            message: format!("said of {number}"),
            wall: number as f64,
        });
        Round {
            answers: answers.collect(),
            wall,
            processor: wall / 10.0,
        }
    }

    fn run(number: usize) -> Run {
        Run {
            script: format!("area/script-{number}"),
            family: "ipv4".to_string(),
        }
    }

    #[test]
    fn the_best_round_counts_and_only_differences_are_listed() {
        let runs: Vec<Run> = (0..7).map(run).collect();
        let theirs = [
            round(
                &["pass", "fail", "fail", "pass", "fail", "fail", "fail"],
                40.0,
            ),
            round(
                &["fail", "fail", "fail", "pass", "fail", "fail", "fail"],
                60.0,
            ),
        ];
        let ours = round(
            &["pass", "fail", "skip", "skip", "pass", "perturbed", "error"],
            2.0,
        );
        let mut ours = ours;
        ours.answers[6].message = "error[C018]: no such word".to_string();
        insta::assert_snapshot!(Table::new(&runs, &theirs, &ours));
    }
}
