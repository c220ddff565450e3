//! Commands: what the script runs beside the stack.

use crate::expect::compare::difference;
use crate::source::Span;
use crate::trace::TraceEvent;
use crate::verdict::Failure;

use super::{Run, Stop, explain, tunnel};

impl Run<'_> {
    /// The init or cleanup command: if it fails, nothing is said about the stack.
    pub(super) fn set_up(&mut self, command: &str, span: Span) -> Result<(), Stop> {
        match self.command(command, span) {
            Err(Stop::Failed(failure)) => Err(self.script_error(*failure)),
            other => other,
        }
    }

    /// A failure that only the script can be at fault for.
    pub(super) fn script_error(&self, failure: Failure) -> Stop {
        Stop::Script(Box::new(explain::diagnostic(
            &failure,
            &self.program.source,
        )))
    }

    pub(super) fn command(&mut self, command: &str, span: Span) -> Result<(), Stop> {
        let at = self.session.now();
        let report = self.session.command(command)?;
        self.trace
            .push(at, TraceEvent::Note, Some(span), format!("`{command}`"));
        if report.status == Some(0) {
            // A line of it may have failed nevertheless: the status is the last one's.
            for line in report.output.lines().filter(|line| !line.trim().is_empty()) {
                let text = line.to_string();
                self.trace.push(at, TraceEvent::Printed, Some(span), text);
            }
            return Ok(());
        }
        if let Some(skip) = tunnel::lacking(command, &report) {
            return Err(skip);
        }
        // A command that cannot be found or run, or that was killed, is not the stack's doing.
        let broken = matches!(report.status, None | Some(126 | 127));
        let status = report
            .status
            .map_or("a signal".to_string(), |code| code.to_string());
        let mut notes = Vec::new();
        if !report.output.trim().is_empty() {
            notes.push(format!("it printed: {}", report.output.trim()));
        }
        let failure = Failure {
            code: "R006",
            message: format!("the command ended with {status} instead of status 0"),
            label: format!("ended with {status}"),
            span: Some(span),
            differences: vec![difference("status", "0", status)],
            notes,
            help: None,
        };
        Err(if broken {
            self.script_error(failure)
        } else {
            self.fail(failure)
        })
    }

    pub(super) fn cleanup(&mut self) -> Result<(), Stop> {
        match &self.program.cleanup {
            Some(cleanup) => self.set_up(&cleanup.node, cleanup.span),
            None => Ok(()),
        }
    }
}
