//! Drives one case: a checked script against a session of a target.
//!
//! The runner knows time, script numbers and what was said; it does not know which
//! stack it talks to. It stops at the first event that does not come out as written.

mod bookkeeping;
mod calls;
mod checks;
mod commands;
mod complaint;
mod connection;
mod contents;
mod counted;
mod descriptors;
mod exact;
mod explain;
mod facts;
mod focus;
mod inbound;
mod inbound_ip;
mod lateness;
mod leftover;
mod outbound;
mod outbound_ip;
mod outputs;
mod overtaken;
mod python;
mod schedule;
mod settings;
mod silence;
#[cfg(test)]
mod tests;
mod tunnel;
mod undecided;

use std::time::Duration;

use crate::expect::payload;
use crate::program::{Action, Capability, PayloadMode, Program, ScriptOptions, Step};
use crate::script;
use crate::script::command::GLOBAL_STATE;
use crate::source::Span;
use crate::target::{CommandContext, Place, Plan, Session, Target, TargetError};
use crate::time::{Moment, Time};
use crate::trace::Trace;
use crate::verdict::{CaseError, Failure, Perturbation, Verdict};

use checks::Scope;
use connection::Connection;
use descriptors::Descriptors;
use focus::{BeforeConnect, Focus, Past, Track};
use lateness::Lateness;
use leftover::Leftover;
use schedule::{Due, Tolerance, due};

pub use explain::diagnostic;
pub use facts::load_context;
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
    /// How late the harness itself was at worst, as a share of what is allowed.
    pub strain: f64,
}

/// The capability of code blocks that take Python.
const PYTHON: &str = "python";

/// Capabilities that name an IP version: not the target's matter but the run's.
const IP_VERSION: &str = "ip_version:";

/// Runs a program on a fresh session of `target`.
pub fn run(program: &Program, target: &dyn Target, settings: &RunSettings) -> RunOutcome {
    let mut needs = program.needs.keys();
    if let Some(skip) = needs.find_map(|capability| lacking(capability, target)) {
        return RunOutcome::unstarted(skip);
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
    let asked = settings::needs(&session_settings);
    if let Some(skip) = asked
        .into_iter()
        .find_map(|capability| lacking(&capability, target))
    {
        return RunOutcome::unstarted(skip);
    }
    let alone = program.needs.keys().any(|need| need.0 == GLOBAL_STATE);
    if alone && !settings.allow_commands && target.shares_a_machine() {
        return RunOutcome::unstarted(Verdict::Skip {
            capability: GLOBAL_STATE.to_string(),
            reason: "a command changes what all programs of the machine share; allow it with --allow-commands (it is put back afterwards)".to_string(),
        });
    }
    payload::prepare();
    let ports = settings.ports(&program.options);
    let opened = target
        .place(&Plan::Script(program), session_settings, ports)
        .and_then(|place| Ok((target.open(&place.settings)?, place)));
    let (mut session, place) = match opened {
        Ok(opened) => opened,
        Err(error) => return RunOutcome::unstarted(Stop::from(error).verdict()),
    };
    let context = CommandContext {
        folder: settings.folder.clone(),
        alone,
        allowed: settings.allow_commands,
    };
    if let Err(error) = session.prepare_commands(&context) {
        return RunOutcome::unstarted(Stop::from(error).verdict());
    }
    let mut run = Run::new(program, settings, &place, session);
    run.is_virtual = target.is_virtual();
    run.free_layout = target.has_own_option_layout();
    let outcome = run.whole();
    drop(run);
    // Not before the session is gone: what it gives back may be the next case's.
    drop(place);
    outcome
}

/// The verdict if the target, or the harness, lacks this.
fn lacking(capability: &Capability, target: &dyn Target) -> Option<Verdict> {
    if capability.0.starts_with(IP_VERSION) {
        return None;
    }
    let reason = script::capability::unavailable(capability)
        .or_else(|| (capability.0 == PYTHON).then(python::missing).flatten())
        .or_else(|| target.lacks(capability))?;
    Some(Verdict::Skip {
        capability: capability.0.clone(),
        reason,
    })
}

impl RunOutcome {
    /// A verdict that needed no run.
    pub fn unstarted(verdict: Verdict) -> RunOutcome {
        RunOutcome {
            verdict,
            trace: Trace::default(),
            ended_at: Time::ZERO,
            strain: 0.0,
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
    /// The stack broke down.
    Broken(String),
    /// The machine was too late for a judgement.
    Perturbed(Perturbation),
    /// Only the script can be at fault.
    Script(Box<crate::diagnostic::Diagnostic>),
}

impl Stop {
    fn verdict(self) -> Verdict {
        match self {
            Stop::Failed(failure) => Verdict::Fail(failure),
            Stop::Unsupported { capability, reason } => Verdict::Skip { capability, reason },
            Stop::Perturbed(what) => Verdict::Perturbed(what),
            Stop::Machine(what) => Verdict::Error(CaseError::Machine(what)),
            Stop::Broken(what) => Verdict::Fail(Box::new(complaint::broken(what, None))),
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
            TargetError::Stack(what) => Stop::Broken(what),
            TargetError::Late(what) => Stop::Perturbed(what),
        }
    }
}

/// A blocking call in flight.
struct Pending {
    step: usize,
    started: Moment,
}

/// One run.
struct Run<'a> {
    program: &'a Program,
    /// The script's option lines and the command line's.
    options: ScriptOptions,
    session: Box<dyn Session>,
    addresses: crate::target::SessionSettings,
    bind_port: u16,
    /// Sockets that have no connection yet.
    fresh: std::collections::BTreeSet<crate::call::Fd>,
    /// Ports that sockets were bound to by an address of the script.
    bound: std::collections::BTreeMap<crate::call::Fd, u16>,
    /// The port of the socket that listens, where children are opened.
    listen_port: u16,
    connect_port: u16,
    next_remote_port: u16,
    tolerance: Tolerance,
    /// Packets of the stack are judged without it.
    exact: bool,
    payload: PayloadMode,
    /// The key of `md5 valid`.
    md5_secret: Vec<u8>,
    drop_in: bool,
    /// Files of the machine may be written.
    allow_commands: bool,
    descriptors: Descriptors,
    focus: Focus,
    connection: Option<Connection>,
    /// The descriptor code blocks look at.
    subject: Option<crate::call::Fd>,
    /// Which `connect` made the connection, counted over the run.
    opened: usize,
    /// How many connections `connect` has made.
    connects: usize,
    /// The name of the line that is worked on, whose connection the fields here are then about.
    entered: Option<String>,
    /// What belongs to lines without a name, while one with a name is worked on.
    unnamed: Option<Track>,
    /// What belongs to the lines of each name.
    named: std::collections::BTreeMap<String, Track>,
    /// Connections that the script has turned away from.
    past: Vec<Past>,
    /// Packets that they sent before, and that no line took.
    leftovers: Vec<Leftover>,
    scope: Scope,
    pending: Option<Pending>,
    is_virtual: bool,
    /// Order and padding of TCP options are the stack's own.
    free_layout: bool,
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
    /// When the previous event was due by the script, whatever it was.
    last_due: Option<Time>,
    lateness: Lateness,
    trace: Trace,
}

impl<'a> Run<'a> {
    fn new(
        program: &'a Program,
        settings: &RunSettings,
        place: &Place,
        session: Box<dyn Session>,
    ) -> Run<'a> {
        let options = settings.options(&program.options);
        let bind_port = place.ports.bind;
        let scope = Scope::new(session.starter());
        Run {
            program,
            session,
            bind_port,
            fresh: std::collections::BTreeSet::new(),
            bound: std::collections::BTreeMap::new(),
            listen_port: bind_port,
            connect_port: place.ports.connect,
            next_remote_port: place.ports.first_remote,
            addresses: place.settings.clone(),
            lateness: Lateness::new(settings::tolerance(&options).fixed),
            tolerance: settings::tolerance(&options),
            exact: settings.exact,
            md5_secret: options
                .tcp_md5_secret
                .clone()
                .unwrap_or_default()
                .into_bytes(),
            options,
            payload: program.header.payload,
            drop_in: settings.drop_in,
            allow_commands: settings.allow_commands,
            descriptors: Descriptors::default(),
            focus: Focus::Open,
            connection: None,
            subject: None,
            opened: 0,
            connects: 0,
            entered: None,
            unnamed: None,
            named: std::collections::BTreeMap::new(),
            past: Vec::new(),
            leftovers: Vec::new(),
            scope,
            pending: None,
            is_virtual: false,
            free_layout: false,
            waiting: std::collections::VecDeque::new(),
            flow_label: None,
            pieces: crate::wire::Reassembly::default(),
            urgent_mark: None,
            before_connect: None,
            connecting: None,
            base: Moment::default(),
            inbound_due: None,
            last_due: None,
            trace: Trace::default(),
        }
    }

    fn whole(&mut self) -> RunOutcome {
        let result = self.events();
        let ended_at = self.session.now();
        if let (Err(Stop::Failed(_)), false) = (&result, self.is_virtual) {
            self.record_overtaken();
        }
        self.trace.sort();
        let cleaned = self.cleanup();
        let judged = match result.and(cleaned) {
            Err(Stop::Failed(failure)) => match self.session.intact() {
                Ok(()) => Err(self.unless_distorted(failure)),
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
            strain: self.lateness.strain,
        }
    }

    fn events(&mut self) -> Result<(), Stop> {
        for script in self.options.init_scripts.clone() {
            // Of the first line, where option lines stand; the command names the script.
            self.set_up(&script, Span::default())?;
        }
        if let Some(init) = &self.program.init {
            self.set_up(&init.node, init.span)?;
        }
        let blocks = self
            .program
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Check(block) => Some(block),
                _ => None,
            });
        self.scope.prepare(blocks);
        self.session.be_punctual();
        let moments = counted::moments(self.program);
        if !moments.is_empty() {
            self.lateness.keep_to_the_schedule();
        }
        self.session.keep_from_ticks(moments);
        self.session.start();
        for (index, step) in self.program.steps.iter().enumerate() {
            let result = self.step(index, step);
            result.map_err(|stop| self.located(stop, step.span))?;
        }
        self.last_call()?;
        self.surplus()
    }

    fn step(&mut self, index: usize, step: &Step) -> Result<(), Stop> {
        let due = self.due(step);
        let result = self.on_track(step.connection.as_deref(), |run| run.act(index, step, due));
        self.last_due = Some(due.earliest);
        self.inbound_due = result?;
        self.judge_leftovers()
    }

    /// Does what a step says. Gives when it was due, if it was an inbound packet.
    fn act(&mut self, index: usize, step: &Step, due: Due) -> Result<Option<Time>, Stop> {
        match &step.action {
            Action::Expect(pattern) => self.expect(step, pattern, due)?,
            Action::Nothing => self.silence(step, due)?,
            Action::Inject(pattern) => {
                self.act_at(step, due)?;
                self.turn_to_child(pattern)?;
                self.inject(step, pattern)?;
                return Ok(Some(self.lateness.nominal));
            }
            Action::Call(call) => {
                self.await_call_in_flight()?;
                self.act_at(step, due)?;
                self.call(index, step, call)?;
            }
            Action::Command(command) => {
                self.act_at(step, due)?;
                self.look_at_call_in_flight()?;
                let start = self.session.now();
                self.command(command, step.span)?;
                let end = self.session.now();
                self.commanded(step, end.saturating_since(start));
                self.base = Moment { start, end };
            }
            Action::Check(block) => {
                self.act_at(step, due)?;
                self.look_at_call_in_flight()?;
                self.check(step, block)?;
                self.base = Moment::at(self.session.now());
            }
        }
        Ok(None)
    }

    /// When a step is due. A train of inbound packets keeps its written spacing
    /// even if the machine drifts.
    fn due(&self, step: &Step) -> Due {
        let base = match (&step.action, self.inbound_due) {
            (Action::Inject(_), Some(previous)) => Moment::at(previous),
            (Action::Inject(_), None)
            | (
                Action::Expect(_)
                | Action::Nothing
                | Action::Call(_)
                | Action::Command(_)
                | Action::Check(_),
                Some(_) | None,
            ) => self.base,
        };
        let mut due = due(step.at.node, base);
        if let (true, Some(last)) = (self.drop_in, self.last_due) {
            // packetdrill's gap begins where the event before was due, whenever it happened.
            due.gap = due.earliest.saturating_since(last);
        }
        due
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

    /// Turns a failure into the reason to stop, with what commands have printed and the packets so far.
    fn fail(&self, mut failure: Failure) -> Stop {
        let printed = explain::printed_so_far(&self.trace, &self.program.source);
        failure.notes.extend(printed);
        let packets = explain::packets_so_far(&self.trace, &self.program.source);
        failure.notes.extend(packets);
        Stop::Failed(Box::new(failure))
    }
}
