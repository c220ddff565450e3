//! Reaction to ICMP errors (RFC 9293 §3.9.2.2, RFC 5927).

use crate::config::{HardIcmp, SoftIcmp};
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{ConnectionError, Unreachable};
use crate::event::{AbandonCause, Event};
use crate::path::too_big;
use crate::state::{Origin, State, SynReceived};
use crate::wire::icmp::{IcmpError, IcmpKind};

/// What an error asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Nothing at all.
    Ignore,
    /// The user is told, nothing else.
    Soft(Unreachable),
    /// The connection cannot work.
    Hard(Unreachable),
    /// Segments must be smaller; the router says how small, or 0.
    TooBig(u32),
}

fn classify(error: &IcmpError) -> Class {
    match error.kind {
        // REQ: RFC9293-MUST-55
        // REQ: RFC5927-3
        IcmpKind::SourceQuench => Class::Ignore,
        // REQ: RFC9293-SHLD-26
        IcmpKind::ProtocolUnreachable => Class::Hard(Unreachable::Protocol),
        IcmpKind::PortUnreachable => Class::Hard(Unreachable::Port),
        IcmpKind::PacketTooBig { mtu } => Class::TooBig(mtu),
        // REQ: RFC9293-MUST-56
        IcmpKind::NetworkUnreachable => Class::Soft(Unreachable::Network),
        IcmpKind::HostUnreachable => Class::Soft(Unreachable::Host),
        IcmpKind::SourceRouteFailed => Class::Soft(Unreachable::SourceRoute),
        IcmpKind::OtherUnreachable { code: _ } => Class::Soft(Unreachable::Prohibited),
        IcmpKind::TimeExceeded { code: _ } => Class::Soft(Unreachable::TimeExceeded),
        IcmpKind::ParameterProblem { code: _ } => Class::Soft(Unreachable::ParameterProblem),
    }
}

/// Lets an error reach the connection whose segment it quotes.
// REQ: RFC9293-MUST-54
pub(crate) fn on_error(connection: &mut Connection, error: &IcmpError, cx: &mut Context<'_>) {
    let snd = &connection.tcb.snd;
    // Only who sees our segments can quote a number that is in flight.
    // REQ: RFC5927-1
    if error.seq.before(snd.una) || error.seq.at_or_after(snd.max) {
        cx.event(Event::IcmpIgnored {
            id: Some(connection.tcb.id),
        });
        return;
    }
    let config = &connection.tcb.config;
    let in_handshake = !connection.state.name().is_synchronized();
    match classify(error) {
        Class::Ignore => cx.event(Event::IcmpIgnored {
            id: Some(connection.tcb.id),
        }),
        Class::TooBig(mtu) => too_big::on_error(connection, error, mtu, cx),
        Class::Hard(kind) if in_handshake || config.hard_icmp == HardIcmp::Abort => {
            give_up(connection, kind, cx);
        }
        // REQ: RFC5927-2
        Class::Hard(kind) => note(connection, kind, cx),
        Class::Soft(kind) if in_handshake && config.soft_icmp_in_handshake == SoftIcmp::Abort => {
            give_up(connection, kind, cx);
        }
        Class::Soft(kind) => note(connection, kind, cx),
    }
}

fn give_up(connection: &mut Connection, kind: Unreachable, cx: &mut Context<'_>) {
    match connection.state {
        State::SynReceived(SynReceived {
            origin: Origin::Passive { .. },
        }) => {
            connection.abandon(AbandonCause::Unreachable, cx);
        }
        State::SynReceived(SynReceived {
            origin: Origin::FastOpen | Origin::Active,
        })
        | State::SynSent(_)
        | State::Established(_)
        | State::FinWait1(_)
        | State::FinWait2(_)
        | State::CloseWait(_)
        | State::Closing(_)
        | State::LastAck(_) => connection.fail(ConnectionError::Unreachable(kind), cx),
        State::Closed(_) | State::TimeWait(_) => {}
    }
}

// REQ: RFC9293-MUST-47
// REQ: RFC9293-SHLD-20
// REQ: RFC9293-SHLD-25
fn note(connection: &mut Connection, kind: Unreachable, cx: &mut Context<'_>) {
    let tcb = &mut connection.tcb;
    if tcb.options.report_soft_errors {
        let error = ConnectionError::Unreachable(kind);
        tcb.user.soft_error = Some(error);
        cx.event(Event::SoftError { id: tcb.id, error });
    }
}
