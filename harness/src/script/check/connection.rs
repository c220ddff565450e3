//! Named connections and silence: where they can stand.

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{Action, TimeSpec};
use crate::script::ast::{self, Body, Direction};
use crate::script::suggest;
use crate::source::Span;

/// What a named line does to its connection.
enum Use {
    /// It opens the connection if there is none of that name.
    Opens,
    /// The connection must be there.
    Needs,
    /// It has nothing to do with connections.
    None(&'static str),
}

impl Checker<'_> {
    /// Whether the name of a line, if it has one, means something there.
    pub(super) fn connection_name(&mut self, event: &ast::Event) {
        let Some(name) = &event.connection else {
            return;
        };
        match use_of(&event.action) {
            Use::Opens => {
                self.connections.insert(name.node.clone());
            }
            Use::Needs if self.connections.contains(&name.node) => {}
            Use::Needs => {
                let message = format!("no line before has opened a connection `@{}`", name.node);
                let mut diagnostic =
                    Diagnostic::error(code::CONNECTION_UNKNOWN, self.source, name.span, message);
                let known = self.connections.iter().map(String::as_str);
                diagnostic = match suggest::nearest(&name.node, known) {
                    Some(near) => diagnostic.help(format!("did you mean `@{near}`?")),
                    None => {
                        diagnostic.help("an inbound TCP line or a `connect` with the name opens it")
                    }
                };
                self.report(diagnostic);
            }
            Use::None(what) => {
                let message = format!("{what} has nothing to do with a connection");
                self.error_help(
                    code::CONNECTION_USE,
                    name.span,
                    message,
                    format!("leave out `@{}`", name.node),
                );
            }
        }
    }

    /// `> nothing`: it needs a range, since it says how long.
    pub(super) fn nothing(&mut self, event: &ast::Event, span: Span) -> Option<Action> {
        if matches!(
            event.at.node,
            TimeSpec::AbsoluteRange(..) | TimeSpec::RelativeRange(..)
        ) {
            return Some(Action::Nothing);
        }
        let message = "`nothing` needs a time range: from when until when nothing is sent";
        self.report(
            Diagnostic::error(code::SILENCE_RANGE, self.source, event.at.span, message)
                .also(span, "this lasts for a while")
                .help("write `+0~+0.5 > nothing`, for one"),
        );
        None
    }
}

fn use_of(action: &ast::Action) -> Use {
    match action {
        ast::Action::Packet(packet) => match (packet.direction.node, &packet.body) {
            (Direction::Inbound, Body::Tcp(_) | Body::Udp { .. }) => Use::Opens,
            (Direction::Inbound, Body::Icmp(_)) | (Direction::Outbound, _) => Use::Needs,
        },
        ast::Action::Nothing(_) | ast::Action::Code(_) => Use::Needs,
        ast::Action::Call(call) => match call.name.node.as_str() {
            "connect" | "sendto" => Use::Opens,
            "accept" | "accept4" => Use::Needs,
            _ => Use::None("this call"),
        },
        ast::Action::Command(_) => Use::None("a command"),
    }
}
