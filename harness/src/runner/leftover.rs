//! What the stack sent and no line took: surplus.

use std::time::Duration;

use crate::expect::compare::difference;
use crate::expect::show;
use crate::program::SurplusMode;
use crate::source::Span;
use crate::target::Observed;
use crate::time::Time;
use crate::trace::TraceEvent;
use crate::verdict::Failure;
use crate::wire;

use super::{Connection, Run, Stop};

/// A packet of a connection that the script turned away from before a line took it.
pub(super) struct Leftover {
    at: Time,
    /// In the script's notation.
    text: String,
    /// The line that turned away.
    span: Span,
}

impl Run<'_> {
    /// Notes a packet that no line took before the one at `span` turned away from its connection.
    pub(super) fn leave_over(&mut self, observed: Observed, connection: &Connection, span: Span) {
        let Ok(parsed) = wire::parse(&observed.bytes) else {
            return;
        };
        let pattern = self.written_by(&parsed.packet, connection);
        let text = self.tagged(show::packet(&pattern, false));
        let shown = format!("{text}   (no line took it)");
        let event = TraceEvent::Sent(observed.bytes);
        self.trace.push(observed.at, event, None, shown);
        self.leftovers.push(Leftover {
            at: observed.at,
            text,
            span,
        });
    }

    fn minds_surplus(&self) -> bool {
        !self.drop_in && self.program.header.surplus == SurplusMode::Fail
    }

    /// Fails if packets were left over when the script turned away from their connection.
    pub(super) fn judge_leftovers(&mut self) -> Result<(), Stop> {
        if !self.minds_surplus() {
            return Ok(());
        }
        let Some(Leftover { at, text, span }) = self.leftovers.first() else {
            return Ok(());
        };
        Err(self.fail(Failure {
            code: "R003",
            message: "the stack sent a packet that the script does not mention".to_string(),
            label: format!(
                "no line before this one, which turns to another connection, took {text}"
            ),
            span: Some(*span),
            differences: vec![difference("surplus", "nothing more", text.clone())],
            notes: vec![format!("it was sent at {at}")],
            help: Some(
                "write the packet as a `>` line before this one; to go on with both connections, \
                 name one of them (`@b`); or say `// surplus: ignore` in the header"
                    .to_string(),
            ),
        }))
    }

    /// What is left over at the end, unless the case does not care: of the connection under test,
    /// then of each that has a name.
    pub(super) fn surplus(&mut self) -> Result<(), Stop> {
        /// How long a live stack is given for a packet that is already on its way.
        const GRACE: Duration = Duration::from_millis(10);
        if !self.minds_surplus() {
            return Ok(());
        }
        let now = self.session.now();
        let deadline = if self.is_virtual { now } else { now + GRACE };
        let names: Vec<String> = self.named.keys().cloned().collect();
        for name in std::iter::once(None).chain(names.iter().map(Some)) {
            self.on_track(name.map(String::as_str), |run| {
                match run.next_of_connection(deadline, None)? {
                    Some(seen) => Err(run.surplus_failure(&seen)),
                    None => Ok(()),
                }
            })?;
        }
        self.judge_leftovers()
    }
}
