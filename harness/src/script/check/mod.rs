//! Syntax tree to program: every name resolved, every number in its range, every time in order.

mod annotation;
mod call;
mod code;
mod connection;
mod field;
mod icmp;
mod layer;
mod options;
mod packet;
mod tcp;
mod tcp_options;
mod tcp_range;
mod time;
mod value;

pub(super) use call::is_call;

use std::collections::{BTreeMap, BTreeSet};

use super::LoadContext;
use super::ast;
use super::command;
use super::superset;
use crate::diagnostic::{Diagnostic, code as diagnostic_code};
use crate::program::{Action, Capability, CaseHeader, IpVersion, Program, Step, TimeSpec};
use crate::source::{Source, Span};
use crate::time::Time;

/// Turns a tree into a program, recording all that is wrong. `whole` says that nothing was
/// wrong before, so that checks on what is missing make sense.
pub(crate) fn check(
    source: &Source,
    header: CaseHeader,
    file: &ast::File,
    context: &LoadContext,
    whole: bool,
    diagnostics: &mut Vec<Diagnostic>,
) -> Program {
    let mut checker = Checker {
        source,
        diagnostics,
        needs: BTreeMap::new(),
        ip_version: IpVersion::Ipv4,
        last_absolute: None,
        previous_absolute: None,
        assigned: BTreeSet::new(),
        signals: BTreeSet::new(),
        python: false,
        connections: BTreeSet::new(),
        drop_in: context.drop_in,
    };
    let options = checker.options(&file.options);
    checker.ip_version = context
        .ip_version
        .or(options.ip_version)
        .unwrap_or_default();
    for command in [&file.init, &file.cleanup].into_iter().flatten() {
        checker.command_needs(&command.node, command.span);
    }
    if whole {
        checker.first_time(&file.events);
    }
    let steps = file
        .events
        .iter()
        .filter_map(|event| checker.event(event))
        .collect();
    let needs = checker.needs;
    Program {
        source: source.clone(),
        header,
        options,
        init: file.init.clone(),
        steps,
        cleanup: file.cleanup.clone(),
        needs,
    }
}

struct Checker<'a> {
    source: &'a Source,
    diagnostics: &'a mut Vec<Diagnostic>,
    needs: BTreeMap<Capability, Span>,
    ip_version: IpVersion,
    /// The latest absolute time so far, and where.
    last_absolute: Option<(Time, Span)>,
    /// That of the event right before, if it has one.
    previous_absolute: Option<(Time, Span)>,
    /// Names that code blocks have given a value so far.
    assigned: BTreeSet<String>,
    /// Signals that calls so far have set a handler for.
    signals: BTreeSet<i32>,
    /// Whether some block needs Python, whose assignments nobody here can see.
    python: bool,
    /// Names of connections that lines so far have opened.
    connections: BTreeSet<String>,
    /// Only packetdrill's own language is taken, and only what it takes is asked for.
    drop_in: bool,
}

impl Checker<'_> {
    /// Records an error at a place, to be completed by the caller's chain.
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, id: &'static str, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(id, self.source, span, message));
    }

    fn error_help(
        &mut self,
        id: &'static str,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report(Diagnostic::error(id, self.source, span, message).help(help));
    }

    /// Here stands a form of our own; `form` names it as [`superset::refuse`] says.
    fn superset(&mut self, span: Span, form: &str) {
        if self.drop_in {
            self.report(superset::refuse(self.source, span, form));
        }
    }

    /// Records that a target must offer `capability`, at its first use.
    fn need(&mut self, capability: impl Into<String>, span: Span) {
        self.needs
            .entry(Capability(capability.into()))
            .or_insert(span);
    }

    fn command_needs(&mut self, command: &str, span: Span) {
        for name in command::needs(command, self.drop_in) {
            self.need(name, span);
        }
        if let Some(at) = command::unclosed_quote(command) {
            let line = command[..at].matches('\n').count();
            let message = "no shell can read this command: a quote in it is never closed";
            let which = match line {
                0 => format!("the quote `{}` is the one", &command[at..=at]),
                _ => format!(
                    "the quote `{}` in line {} of it is the one",
                    &command[at..=at],
                    line + 1
                ),
            };
            self.error_help(diagnostic_code::COMMAND_QUOTE, span, message, which);
        }
    }

    fn event(&mut self, event: &ast::Event) -> Option<Step> {
        self.time(event);
        self.connection_name(event);
        let action = match &event.action {
            ast::Action::Packet(packet) => {
                let pattern = self.packet(packet);
                match packet.direction.node {
                    ast::Direction::Inbound => Action::Inject(pattern?),
                    ast::Direction::Outbound => Action::Expect(pattern?),
                }
            }
            ast::Action::Nothing(span) => self.nothing(event, *span)?,
            ast::Action::Call(call) => Action::Call(self.call(call, event.at.node)?),
            ast::Action::Command(command) => {
                self.command_needs(command, event.span);
                Action::Command(command.clone())
            }
            ast::Action::Code(block) => Action::Check(self.code(block)?),
        };
        Some(Step {
            at: event.at.clone(),
            connection: event.connection.as_ref().map(|name| name.node.clone()),
            action,
            span: event.span,
        })
    }
}

/// When an event begins, for those that must be in order.
fn start_of(at: TimeSpec) -> Option<Time> {
    match at {
        TimeSpec::Absolute(time) | TimeSpec::AbsoluteRange(time, _) => Some(time),
        TimeSpec::Relative(_) | TimeSpec::RelativeRange(..) | TimeSpec::Any => None,
    }
}
