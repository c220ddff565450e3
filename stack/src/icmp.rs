//! Reaction to ICMP errors (RFC 9293 §3.9.2.2, RFC 5927).

use crate::config::{HardIcmp, SoftIcmp};
use crate::connection::Connection;
use crate::context::Context;
use crate::error::{ConnectionError, Unreachable};
use crate::event::{AbandonCause, Event};
use crate::input::handshake;
use crate::send::retransmit;
use crate::state::{Origin, State, SynReceived};
use crate::tcb::Tcb;
use crate::window::Mss;
use crate::wire::icmp::{IcmpError, IcmpKind};
use crate::wire::ip::IpVersion;

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
        Class::TooBig(mtu) if connection.tcb.fast_open.syn_has_data() => {
            shrink_syn(&mut connection.tcb, mtu, cx);
        }
        Class::TooBig(mtu) => reduce_mss(connection, mtu, cx),
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

/// The next smaller size in use for routers that do not say theirs (RFC 1191 §7.1).
fn plateau_below(mtu: u32) -> u32 {
    const PLATEAUS: [u32; 6] = [1492, 1006, 576, 508, 296, 68];
    PLATEAUS
        .into_iter()
        .find(|plateau| *plateau < mtu)
        .unwrap_or(68)
}

/// A SYN with data was too big: a plain one follows at once, and the path's size counts in the
/// handshake.
fn shrink_syn(tcb: &mut Tcb, mtu: u32, cx: &mut Context<'_>) {
    let version = tcb.ip_version();
    let reported = match mtu {
        0 => plateau_below(u32::from(tcb.config.mtu)),
        mtu => mtu,
    };
    let least = match version {
        IpVersion::V4 => tcb.config.min_mss + version.header_len() + 20,
        IpVersion::V6 => 1280,
    };
    let mtu = u16::try_from(reported).unwrap_or(u16::MAX).max(least);
    // REQ: RFC5927-5
    if tcb.fast_open.repeated || mtu >= tcb.config.mtu {
        cx.event(Event::IcmpIgnored { id: Some(tcb.id) });
        return;
    }
    let mss = Mss::for_mtu(version, mtu);
    tcb.path_mtu = Some(mtu);
    tcb.rcv.mss = tcb.rcv.mss.min(mss);
    cx.event(Event::PathMtuReduced {
        id: tcb.id,
        mss: mss.raw(),
    });
    retransmit::repeat_syn(tcb, cx);
}

fn reduce_mss(connection: &mut Connection, mtu: u32, cx: &mut Context<'_>) {
    let tcb = &mut connection.tcb;
    let version = tcb.ip_version();
    let overhead = u32::from(version.header_len()) + 20;
    let now_sent = u32::from(tcb.snd.mss.raw()) + overhead;
    let reported = if mtu == 0 {
        plateau_below(now_sent)
    } else {
        mtu
    };
    let mtu = match version {
        IpVersion::V4 => reported,
        IpVersion::V6 => reported.max(1280),
    };
    let mss = u16::try_from(mtu).map_or(u16::MAX, |mtu| Mss::for_mtu(version, mtu).raw());
    let mss = mss.max(tcb.config.min_mss);
    // REQ: RFC5927-5
    if mss >= tcb.snd.mss.raw() {
        cx.event(Event::IcmpIgnored { id: Some(tcb.id) });
        return;
    }
    tcb.snd.mss = Mss::new(mss);
    tcb.snd.congestion.set_smss(handshake::segment_size(tcb));
    if connection.state.may_send() && tcb.snd.nxt.after(tcb.snd.una) && !tcb.snd.syn_unacked() {
        tcb.snd.flight.mark_all_lost();
    }
    cx.event(Event::PathMtuReduced { id: tcb.id, mss });
}
