//! What people see: findings as they come, a table by area, one line of totals.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::diagnostic::render::clean;
use crate::family;
use crate::verdict::{CaseResult, Verdict};

use super::{RunEvent, Summary};

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    /// Results so far and the packets of each case (`-v`).
    pub verbose: bool,
    /// How the way so far is shown.
    pub progress: Progress,
    /// Colour.
    pub colour: bool,
}

/// How the way so far is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Not at all.
    #[default]
    Off,
    /// In a line that rewrites itself: only on a terminal.
    Line,
    /// In a line of its own after each stretch of this length.
    Every(Duration),
}

/// Writes a run as it happens.
pub struct Terminal<W> {
    out: W,
    style: Style,
    total: usize,
    done: usize,
    unexpected: usize,
    /// When the way so far was shown last.
    shown: Instant,
}

impl<W: Write> Terminal<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: Style) -> Terminal<W> {
        Terminal {
            out,
            style,
            total: 0,
            done: 0,
            unexpected: 0,
            shown: Instant::now(),
        }
    }

    /// Shows one event.
    ///
    /// # Errors
    /// If writing fails.
    pub fn event(&mut self, event: &RunEvent<'_>) -> io::Result<()> {
        match event {
            RunEvent::Started { total, .. } => self.total = *total,
            RunEvent::Perturbed { case, why } => {
                if self.style.verbose {
                    self.clear_progress()?;
                    writeln!(self.out, "AGAIN {case}\n  {why}\n")?;
                }
                self.progress()?;
            }
            RunEvent::Waiting => self.progress()?,
            RunEvent::Finished { result } => {
                self.done += 1;
                self.unexpected += usize::from(!result.verdict.is_expected());
                self.clear_progress()?;
                if self.style.verbose || !result.verdict.is_expected() {
                    self.result(result)?;
                }
                self.progress()?;
            }
        }
        self.out.flush()
    }

    /// Shows the table and the totals.
    ///
    /// # Errors
    /// If writing fails.
    pub fn summary(&mut self, results: &[CaseResult], summary: Summary) -> io::Result<()> {
        self.clear_progress()?;
        writeln!(self.out, "{}\n", table(results))?;
        for line in skips(results) {
            writeln!(self.out, "{line}")?;
        }
        let script_time = results.iter().map(|result| result.script_time).sum();
        if let Some(line) = again(summary) {
            writeln!(self.out, "{line}")?;
        }
        if summary.interrupted {
            let missing = self.total.saturating_sub(results.len());
            let total = self.total;
            writeln!(
                self.out,
                "interrupted by a signal: {missing} of {total} runs have no result"
            )?;
        }
        writeln!(self.out, "{}", totals(summary, script_time))?;
        self.out.flush()
    }

    fn result(&mut self, result: &CaseResult) -> io::Result<()> {
        let name = result.verdict.name().to_uppercase().replace('_', " ");
        let name = if self.style.colour {
            paint(&result.verdict, &name)
        } else {
            name
        };
        writeln!(
            self.out,
            "{name} {} ({}, {})",
            clean(&result.case),
            result.target,
            result.ip_version
        )?;
        if !result.message.is_empty() {
            writeln!(self.out, "{}", indent(&result.message))?;
        }
        if self.style.verbose {
            for entry in &result.trace.entries {
                let (at, text) = (entry.at.to_string(), clean(&entry.text));
                writeln!(self.out, "    {at:>12}  {text}")?;
            }
        }
        writeln!(self.out)
    }

    fn progress(&mut self) -> io::Result<()> {
        let (done, total, unexpected) = (self.done, self.total, self.unexpected);
        match self.style.progress {
            Progress::Line => write!(self.out, "\r{done}/{total} done, {unexpected} unexpected"),
            Progress::Every(stretch) if done < total && self.shown.elapsed() >= stretch => {
                self.shown = Instant::now();
                writeln!(self.out, "{done}/{total} done, {unexpected} unexpected")
            }
            Progress::Every(_) | Progress::Off => Ok(()),
        }
    }

    fn clear_progress(&mut self) -> io::Result<()> {
        if self.style.progress == Progress::Line {
            write!(self.out, "\r\x1b[K")
        } else {
            Ok(())
        }
    }
}

fn paint(verdict: &Verdict, text: &str) -> String {
    let colour = match verdict {
        Verdict::Pass => 32,
        Verdict::Skip { .. } | Verdict::KnownDeviation { .. } => 33,
        Verdict::Fail(_)
        | Verdict::UnexpectedPass { .. }
        | Verdict::Perturbed(_)
        | Verdict::Error(_) => 31,
    };
    format!("\x1b[{colour}m{text}\x1b[0m")
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Columns of the table: heading and the verdict counted.
const COLUMNS: [(&str, &str); 7] = [
    ("pass", "pass"),
    ("fail", "fail"),
    ("known", "known_deviation"),
    ("unexpected pass", "unexpected_pass"),
    ("skip", "skip"),
    ("perturbed", "perturbed"),
    ("error", "error"),
];

/// How many of which verdict in each area; columns without any count are left out.
fn table(results: &[CaseResult]) -> String {
    let mut areas: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for result in results {
        let folder = result.case.rsplit_once('/').map(|(area, _)| area);
        let area = family::of(&result.case).or(folder).unwrap_or("(top)");
        *areas
            .entry(area)
            .or_default()
            .entry(result.verdict.name())
            .or_default() += 1;
    }
    let used: Vec<&(&str, &str)> = COLUMNS
        .iter()
        .filter(|(_, verdict)| areas.values().any(|counts| counts.contains_key(verdict)))
        .collect();
    let width = areas
        .keys()
        .map(|area| area.len())
        .max()
        .unwrap_or(0)
        .max(4);
    let mut text = format!("{:<width$}", "area");
    for (heading, _) in &used {
        let _ = write!(text, "  {heading:>6}");
    }
    for (area, counts) in &areas {
        let _ = write!(text, "\n{area:<width$}");
        for (heading, verdict) in &used {
            let count = counts
                .get(verdict)
                .map_or(String::new(), ToString::to_string);
            let column = heading.len().max(6);
            let _ = write!(text, "  {count:>column$}");
        }
    }
    text.lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
}

/// What was skipped for want of what, one line a capability.
fn skips(results: &[CaseResult]) -> Vec<String> {
    let mut missing: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for result in results {
        if let Verdict::Skip { capability, reason } = &result.verdict {
            missing.entry(capability).or_insert((0, reason)).0 += 1;
        }
    }
    let line = |(capability, (count, reason)): (&str, (usize, &str))| {
        format!("skipped {count} for want of {capability}: {reason}")
    };
    missing.into_iter().map(line).collect()
}

/// How often the machine was late, if it was.
fn again(summary: Summary) -> Option<String> {
    let (attempts, runs) = (summary.perturbed_attempts, summary.runs_again);
    let plural = |count: usize, what: &str| {
        let s = if count == 1 { "" } else { "s" };
        format!("{count} {what}{s}")
    };
    (attempts > 0).then(|| {
        format!(
            "the machine was late in {} of {}, which were run again",
            plural(attempts, "attempt"),
            plural(runs, "run")
        )
    })
}

fn totals(summary: Summary, script_time: Duration) -> String {
    let mut parts = vec![
        format!("{} passed", summary.passed),
        format!("{} failed", summary.failed),
    ];
    let optional = [
        (summary.known_deviations, "known deviation", "s"),
        (summary.unexpected_passes, "unexpected pass", "es"),
        (summary.skipped, "skipped", ""),
        (summary.perturbed, "perturbed", ""),
        (summary.errors, "error", "s"),
    ];
    let counted = optional.iter().filter(|(count, ..)| *count > 0);
    parts.extend(counted.map(|(count, what, many)| {
        let many = if *count == 1 { "" } else { many };
        format!("{count} {what}{many}")
    }));
    let wall = match summary.wall_ms {
        0..1000 => format!("{} ms", summary.wall_ms),
        _ => long(Duration::from_millis(summary.wall_ms)),
    };
    format!(
        "{} in {wall} ({} on the cases' own clocks)",
        parts.join(", "),
        long(script_time)
    )
}

/// A length of time in the two largest units: `2 h 13 min`, `4.20 s`.
fn long(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0..60 => format!("{:.2} s", length.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(case: &str, verdict: Verdict, message: &str) -> CaseResult {
        let mut result = crate::report::samples::result(case, verdict, message);
        result.script_time = Duration::from_secs(4000);
        result
    }

    fn perturbed() -> Verdict {
        Verdict::Perturbed(crate::verdict::Perturbation {
            span: crate::source::Span::default(),
            what: "the harness was",
            late: Duration::from_millis(12),
            allowed: Some(Duration::from_millis(4)),
        })
    }

    #[test]
    fn what_the_machine_spoiled_and_what_a_signal_left_out_is_told() {
        let source = crate::source::Source::new("three.pkt", "+0 < S 0:0(0) win 1000\n");
        let all = perturbed();
        let message = crate::report::message(&all, &source);
        let mut results = [
            result("close/one", Verdict::Pass, ""),
            result("close/two", Verdict::Pass, ""),
            result("close/three", all, &message),
        ];
        results[1].perturbed = 1;
        results[2].perturbed = 5;
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Style::default());
        let started = RunEvent::Started {
            target: "linux",
            total: 9,
        };
        terminal.event(&started).unwrap();
        for result in &results {
            terminal.event(&RunEvent::Finished { result }).unwrap();
        }
        let mut summary = Summary::of(&results, Duration::from_millis(12));
        summary.interrupted = true;
        assert_eq!((summary.unexpected(), summary.judged()), (1, 2));
        terminal.summary(&results, summary).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_run_that_nobody_watches_says_now_and_then_how_far_it_is() {
        let style = Style {
            progress: Progress::Every(Duration::ZERO),
            ..Style::default()
        };
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, style);
        let started = RunEvent::Started {
            target: "reference",
            total: 2,
        };
        terminal.event(&started).unwrap();
        terminal.event(&RunEvent::Waiting).unwrap();
        for name in ["a", "b"] {
            let result = result(name, Verdict::Pass, "");
            let finished = RunEvent::Finished { result: &result };
            terminal.event(&finished).unwrap();
        }
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "0/2 done, 0 unexpected\n1/2 done, 0 unexpected\n"
        );
    }

    #[test]
    fn a_run_is_shown_with_its_findings_a_table_and_totals() {
        let results = [
            result("close/four-way", Verdict::Pass, ""),
            result(
                "close/half",
                Verdict::UnexpectedPass { reason: "x".into() },
                "passes, but",
            ),
            result(
                "reset/exact",
                Verdict::Skip {
                    capability: "udp".into(),
                    reason: "none".into(),
                },
                "udp: none",
            ),
        ];
        let mut out = Vec::new();
        let mut terminal = Terminal::new(&mut out, Style::default());
        terminal
            .event(&RunEvent::Started {
                target: "reference",
                total: 3,
            })
            .unwrap();
        for result in &results {
            terminal.event(&RunEvent::Finished { result }).unwrap();
        }
        let summary = Summary::of(&results, Duration::from_millis(12));
        terminal.summary(&results, summary).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }
}
