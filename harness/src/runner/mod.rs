//! Drives one case: a checked script against a session of a target.
//!
//! The runner knows time, script numbers and what was said; it does not know which
//! stack it talks to. It stops at the first event that does not come out as written.

mod bookkeeping;
mod calls;
mod checks;
mod complaint;
mod connection;
mod descriptors;
mod explain;
mod inbound;
mod inbound_ip;
mod outbound;
mod outbound_ip;

mod schedule;
mod settings;
#[cfg(test)]
mod tests;
mod tunnel;

use std::time::Duration;

use crate::program::{Action, PayloadMode, Program, Step, SurplusMode};
use crate::script;
use crate::source::Span;
use crate::target::{Place, Plan, Session, Target, TargetError};
use crate::time::{Moment, Time};
use crate::trace::{Trace, TraceEvent};
use crate::verdict::{CaseError, Failure, Verdict};

use checks::{Checked, Scope, Value};
use connection::Connection;
use descriptors::Descriptors;
use schedule::{Due, Tolerance, due};

pub use explain::diagnostic;
pub use settings::RunSettings;

/// What came of running one program.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The judgement, before known deviations are looked at.
    pub verdict: Verdict,
    /// Everything that happened.
    pub trace: Trace,
    /// Time on the case's clock when it ended.
    pub ended_at: Time,
    /// How late the harness itself was at worst, beyond the tolerance: a failure
    /// after that says more about the machine than about the stack.
    pub lateness: Duration,
}

/// Capabilities that name an IP version: not the target's matter but the run's.
const IP_VERSION: &str = "ip_version:";

/// Runs a program on a fresh session of `target`.
pub fn run(program: &Program, target: &dyn Target, settings: &RunSettings) -> RunOutcome {
    let lacking = program
        .needs
        .keys()
        .filter(|capability| !capability.0.starts_with(IP_VERSION))
        .find_map(|capability| {
            let reason =
                script::capability::unavailable(capability).or_else(|| target.lacks(capability))?;
            Some((capability.0.clone(), reason))
        });
    if let Some((capability, reason)) = lacking {
        return RunOutcome::unstarted(Verdict::Skip { capability, reason });
    }
    let other_version = program.needs.keys().find(|capability| {
        let version = capability.0.strip_prefix(IP_VERSION);
        version.is_some_and(|version| version != settings.ip_version.to_string())
    });
    if let Some(capability) = other_version {
        return RunOutcome::unstarted(Verdict::Skip {
            capability: capability.0.clone(),
            reason: "the script is written for that IP version only".to_string(),
        });
    }
    let session_settings = match settings.session(&program.options) {
        Ok(session_settings) => session_settings,
        Err(skip) => return RunOutcome::unstarted(skip),
    };
    let ports = settings.ports(&program.options);
    let opened = target
        .place(&Plan::Script(program), session_settings, ports)
        .and_then(|place| Ok((target.open(&place.settings)?, place)));
    let (session, place) = match opened {
        Ok(opened) => opened,
        Err(error) => return RunOutcome::unstarted(Stop::from(error).verdict()),
    };
    let mut run = Run::new(program, settings, &place, session);
    run.is_virtual = target.is_virtual();
    let outcome = run.whole();
    drop(run);
    // Not before the session is gone: what it gives back may be the next case's.
    drop(place);
    outcome
}

impl RunOutcome {
    /// A verdict that needed no run.
    pub fn unstarted(verdict: Verdict) -> RunOutcome {
        RunOutcome {
            verdict,
            trace: Trace::default(),
            ended_at: Time::ZERO,
            lateness: Duration::ZERO,
        }
    }
}

/// Why a run ended before its last event.
enum Stop {
    Failed(Box<Failure>),
    Unsupported {
        capability: String,
        reason: String,
    },
    Machine(String),
    /// Only the script can be at fault.
    Script(Box<crate::diagnostic::Diagnostic>),
}

impl Stop {
    fn verdict(self) -> Verdict {
        match self {
            Stop::Failed(failure) => Verdict::Fail(failure),
            Stop::Unsupported { capability, reason } => Verdict::Skip { capability, reason },
            Stop::Machine(what) => Verdict::Error(CaseError::Machine(what)),
            Stop::Script(what) => Verdict::Error(CaseError::Script(vec![*what])),
        }
    }
}

impl From<TargetError> for Stop {
    fn from(error: TargetError) -> Stop {
        match error {
            TargetError::Unsupported { capability, reason } => {
                Stop::Unsupported { capability, reason }
            }
            TargetError::Machine(what) => Stop::Machine(what),
        }
    }
}

/// What the socket under test is doing, for choosing the connection a packet belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    /// No socket yet, or one that listens: the next inbound segment opens a child.
    Open,
    /// A socket that neither listens nor connects.
    Idle,
    /// The connection is known.
    Connected,
}

/// The connection under test as it was before a `connect`.
struct BeforeConnect {
    connection: Option<Connection>,
    focus: Focus,
    connecting: Option<crate::call::Fd>,
}

/// A blocking call in flight.
struct Pending {
    step: usize,
    started: Moment,
}

/// One run.
struct Run<'a> {
    program: &'a Program,
    session: Box<dyn Session>,
    addresses: crate::target::SessionSettings,
    bind_port: u16,
    connect_port: u16,
    next_remote_port: u16,
    tolerance: Tolerance,
    payload: PayloadMode,
    /// The key of `md5 valid`.
    md5_secret: Vec<u8>,
    drop_in: bool,
    descriptors: Descriptors,
    focus: Focus,
    connection: Option<Connection>,
    /// The descriptor code blocks look at.
    subject: Option<crate::call::Fd>,
    scope: Scope,
    pending: Option<Pending>,
    is_virtual: bool,
    /// Packets taken from the session before their line was reached.
    waiting: std::collections::VecDeque<crate::target::Observed>,
    /// The flow label a script value stands for, and the live one.
    flow_label: Option<(u32, u32)>,
    /// Pieces of outbound datagrams seen so far.
    pieces: crate::wire::Reassembly,
    /// Where in the stream the last injected urgent byte stands.
    urgent_mark: Option<u64>,
    /// What was known before the latest `connect`, should it come to nothing.
    before_connect: Option<BeforeConnect>,
    /// The socket whose `connect` made the connection under test.
    connecting: Option<crate::call::Fd>,
    /// The previous event.
    base: Moment,
    /// When the previous event was due, if it was an inbound packet.
    inbound_due: Option<Time>,
    lateness: Duration,
    trace: Trace,
}

impl<'a> Run<'a> {
    fn new(
        program: &'a Program,
        settings: &RunSettings,
        place: &Place,
        session: Box<dyn Session>,
    ) -> Run<'a> {
        let variables = crate::symbols::code_constants()
            .filter_map(|name| {
                Some((
                    name.to_string(),
                    Value::Int(crate::symbols::code_constant(name)?),
                ))
            })
            .collect();
        Run {
            program,
            session,
            bind_port: place.ports.bind,
            connect_port: place.ports.connect,
            next_remote_port: place.ports.first_remote,
            addresses: place.settings.clone(),
            tolerance: settings.tolerance(&program.options),
            payload: program.header.payload,
            md5_secret: settings.md5_secret(&program.options),
            drop_in: settings.drop_in,
            descriptors: Descriptors::default(),
            focus: Focus::Open,
            connection: None,
            subject: None,
            scope: Scope { variables },
            pending: None,
            is_virtual: false,
            waiting: std::collections::VecDeque::new(),
            flow_label: None,
            pieces: crate::wire::Reassembly::default(),
            urgent_mark: None,
            before_connect: None,
            connecting: None,
            base: Moment::default(),
            inbound_due: None,
            lateness: Duration::ZERO,
            trace: Trace::default(),
        }
    }

    fn whole(&mut self) -> RunOutcome {
        let result = self.events();
        let ended_at = self.session.now();
        self.trace.sort();
        let cleaned = self.cleanup();
        let judged = match result.and(cleaned) {
            Err(Stop::Failed(failure)) => match self.session.intact() {
                Ok(()) => Err(Stop::Failed(failure)),
                Err(error) => Err(Stop::from(error)),
            },
            other => other,
        };
        let verdict = match judged {
            Ok(()) => Verdict::Pass,
            Err(stop) => stop.verdict(),
        };
        RunOutcome {
            verdict,
            trace: std::mem::take(&mut self.trace),
            ended_at,
            lateness: self.lateness,
        }
    }

    fn events(&mut self) -> Result<(), Stop> {
        if let Some(init) = &self.program.init {
            self.set_up(&init.node, init.span)?;
        }
        self.session.start();
        for (index, step) in self.program.steps.iter().enumerate() {
            self.step(index, step)?;
        }
        self.last_call()?;
        self.surplus()
    }

    fn step(&mut self, index: usize, step: &Step) -> Result<(), Stop> {
        let due = self.due(step);
        let inbound_due = match &step.action {
            Action::Expect(pattern) => {
                self.expect(step, pattern, due)?;
                None
            }
            Action::Inject(pattern) => {
                self.act_at(step, due)?;
                self.inject(step, pattern)?;
                Some(due.nominal())
            }
            Action::Call(call) => {
                self.act_at(step, due)?;
                self.call(index, step, call)?;
                None
            }
            Action::Command(command) => {
                self.act_at(step, due)?;
                self.settle_pending(false)?;
                let start = self.session.now();
                self.command(command, step.span)?;
                self.base = Moment {
                    start,
                    end: self.session.now(),
                };
                None
            }
            Action::Check(statements) => {
                self.act_at(step, due)?;
                self.settle_pending(false)?;
                self.check(statements)?;
                self.base = Moment::at(self.session.now());
                None
            }
        };
        self.inbound_due = inbound_due;
        Ok(())
    }

    /// When a step is due. A train of inbound packets keeps its written spacing
    /// even if the machine drifts.
    fn due(&self, step: &Step) -> Due {
        let base = match (&step.action, self.inbound_due) {
            (Action::Inject(_), Some(previous)) => Moment::at(previous),
            (Action::Inject(_), None)
            | (
                Action::Expect(_) | Action::Call(_) | Action::Command(_) | Action::Check(_),
                Some(_) | None,
            ) => self.base,
        };
        due(step.at.node, base)
    }

    /// Waits until the harness is to act. If the time has long passed, the events before took
    /// longer than the script says; if the machine woke the harness too late, that is noted.
    fn act_at(&mut self, step: &Step, due: Due) -> Result<(), Stop> {
        /// On a live machine, what no noise explains any more.
        const OVERRUN: Duration = Duration::from_millis(500);
        let nominal = due.nominal();
        let slack = self.tolerance.for_gap(due.gap);
        let overrun = self.session.now().saturating_since(nominal);
        if overrun
            > if self.is_virtual {
                slack
            } else {
                slack.max(OVERRUN)
            }
        {
            return Err(self.too_late(step, nominal, overrun));
        }
        self.session.sleep_until(nominal)?;
        let late = self.session.now().saturating_since(nominal);
        if late > slack {
            self.lateness = self.lateness.max(late);
        }
        Ok(())
    }

    fn too_late(&self, step: &Step, nominal: Time, overrun: Duration) -> Stop {
        let actual = format!("{} ({overrun:?} too late)", nominal + overrun);
        self.fail(Failure {
            code: "R007",
            message: "the events before took longer than the script says".to_string(),
            label: format!("due at {nominal}, reached only at {actual}"),
            span: Some(step.span),
            differences: vec![crate::expect::compare::difference(
                "time",
                nominal.to_string(),
                actual,
            )],
            notes: Vec::new(),
            help: None,
        })
    }

    /// The init or cleanup command: if it fails, nothing is said about the stack.
    fn set_up(&mut self, command: &str, span: Span) -> Result<(), Stop> {
        match self.command(command, span) {
            Err(Stop::Failed(failure)) => Err(self.script_error(*failure)),
            other => other,
        }
    }

    /// A failure that only the script can be at fault for.
    fn script_error(&self, failure: Failure) -> Stop {
        Stop::Script(Box::new(explain::diagnostic(
            &failure,
            &self.program.source,
        )))
    }

    fn command(&mut self, command: &str, span: Span) -> Result<(), Stop> {
        let at = self.session.now();
        let report = self.session.command(command)?;
        self.trace
            .push(at, TraceEvent::Note, Some(span), format!("`{command}`"));
        if report.status == Some(0) {
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
            differences: vec![crate::expect::compare::difference("status", "0", status)],
            notes,
            help: None,
        };
        Err(if broken {
            self.script_error(failure)
        } else {
            self.fail(failure)
        })
    }

    fn check(&mut self, statements: &[crate::program::CheckStatement]) -> Result<(), Stop> {
        let at = self.session.now();
        if let Some(subject) = self.subject {
            let info = self.session.socket_info(self.descriptors.live(subject))?;
            let info = info
                .into_iter()
                .map(|(name, value)| (name, Value::Int(value)));
            self.scope.variables.extend(info);
        }
        match self.scope.run(statements) {
            Checked::Held(printed) => {
                for line in printed {
                    self.trace.push(at, TraceEvent::Note, None, line);
                }
                Ok(())
            }
            Checked::Broken {
                span,
                values,
                message,
            } => {
                let label = message
                    .clone()
                    .unwrap_or_else(|| "does not hold".to_string());
                let difference =
                    crate::expect::compare::difference("assert", "true", values.clone());
                Err(self.fail(Failure {
                    code: "R005",
                    message: "the assertion does not hold".to_string(),
                    label,
                    span: Some(span),
                    differences: vec![difference],
                    notes: vec![format!("at {at}: {values}")],
                    help: None,
                }))
            }
            Checked::Unusable(problem) => Err(Stop::Machine(format!(
                "a code block cannot be evaluated: {problem}; use names from docs/language.md"
            ))),
        }
    }

    fn cleanup(&mut self) -> Result<(), Stop> {
        match &self.program.cleanup {
            Some(cleanup) => self.set_up(&cleanup.node, cleanup.span),
            None => Ok(()),
        }
    }

    /// What is left over at the end, unless the case does not care.
    fn surplus(&mut self) -> Result<(), Stop> {
        /// How long a live stack is given for a packet that is already on its way.
        const GRACE: Duration = Duration::from_millis(10);
        if self.drop_in || self.program.header.surplus == SurplusMode::Ignore {
            return Ok(());
        }
        let now = self.session.now();
        let deadline = if self.is_virtual { now } else { now + GRACE };
        match self.next_of_connection(deadline, None)? {
            Some(seen) => Err(self.surplus_failure(&seen)),
            None => Ok(()),
        }
    }

    /// Turns a failure into the reason to stop, with the packets so far.
    fn fail(&self, mut failure: Failure) -> Stop {
        let packets = explain::packets_so_far(&self.trace, &self.program.source);
        failure.notes.extend(packets);
        Stop::Failed(Box::new(failure))
    }
}
