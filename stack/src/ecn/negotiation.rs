//! What the two SYNs say of ECN (RFC 9768 §3.1, table 2; RFC 3168 §6.1.1).
//!
//! AE, CWR and ECE are written as the number they form, AE highest.

use alloc::boxed::Box;

use super::accurate::Accurate;
use super::classic::Classic;
use super::{Codepoint, Ecn, Feedback, Mode};
use crate::config::Config;
use crate::error::ConnectionError;
use crate::event::AbandonCause;
use crate::segment::SegmentRef;
use crate::state::{Check, Disposition, Origin};
use crate::tcb::Tcb;

/// A SYN that asks for accurate feedback.
const ACCURATE_SYN: u8 = 0b111;
/// A SYN that asks for the feedback of RFC 3168.
const CLASSIC_SYN: u8 = 0b011;
/// The answer to that.
const CLASSIC_SYN_ACK: u8 = 0b001;
/// Neither asks nor agrees.
const NOTHING: u8 = 0b000;

/// What a SYN-ACK comes to for the side that sent the SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// No ECN.
    Declined,
    /// RFC 3168.
    Classic,
    /// RFC 9768.
    Accurate {
        /// How the SYN arrived; `None` if the combination, reserved as yet, does not say.
        syn_arrived_as: Option<Codepoint>,
    },
}

/// The feedback that a SYN with this combination gets from a host that offers `offered` and what is
/// below it.
// REQ: RFC9768-2
// REQ: RFC9768-3
// REQ: RFC9768-4
// REQ: RFC9768-6
// REQ: RFC3168-1
pub const fn feedback_for(syn: u8, offered: Option<Feedback>) -> Option<Feedback> {
    match (offered, syn) {
        (None, _) => None,
        // RFC 3168 knows no AE.
        (Some(Feedback::Classic), _) if syn & 0b011 == CLASSIC_SYN => Some(Feedback::Classic),
        (Some(Feedback::Classic), _) | (Some(Feedback::Accurate), NOTHING) => None,
        (Some(Feedback::Accurate), CLASSIC_SYN) => Some(Feedback::Classic),
        // Whatever else there may be one day asks for no less.
        (Some(Feedback::Accurate), _) => Some(Feedback::Accurate),
    }
}

/// What this combination on a SYN-ACK answers to a SYN that asked for `asked`.
// REQ: RFC9768-4
// REQ: RFC9768-5
// REQ: RFC3168-2
// REQ: RFC3168-5
pub const fn answer_of(syn_ack: u8, asked: Option<Feedback>) -> Answer {
    match (asked, syn_ack) {
        (None, _) => Answer::Declined,
        (Some(Feedback::Classic), _) if syn_ack & 0b011 == CLASSIC_SYN_ACK => Answer::Classic,
        (Some(Feedback::Accurate), CLASSIC_SYN_ACK) => Answer::Classic,
        (Some(Feedback::Accurate), 0b101) => Answer::Accurate {
            syn_arrived_as: None,
        },
        // 0b111 is our own SYN reflected: the peer knows nothing of ECN.
        (Some(Feedback::Classic), _) | (Some(Feedback::Accurate), NOTHING | ACCURATE_SYN) => {
            Answer::Declined
        }
        (Some(Feedback::Accurate), _) => Answer::Accurate {
            syn_arrived_as: decoded(syn_ack),
        },
    }
}

/// The handshake encoding of how a SYN or a SYN-ACK arrived (RFC 9768 table 2 and §3.2.2.1, table
/// 3).
// REQ: RFC9768-2
// REQ: RFC9768-9
pub const fn encoded(codepoint: Codepoint) -> u8 {
    match codepoint {
        Codepoint::NotEct => 0b010,
        Codepoint::Ect1 => 0b011,
        Codepoint::Ect0 => 0b100,
        Codepoint::Ce => 0b110,
    }
}

/// The codepoint behind a handshake encoding; four of the eight numbers are none.
pub const fn decoded(ace: u8) -> Option<Codepoint> {
    match ace {
        0b010 => Some(Codepoint::NotEct),
        0b011 => Some(Codepoint::Ect1),
        0b100 => Some(Codepoint::Ect0),
        0b110 => Some(Codepoint::Ce),
        _ => None,
    }
}

/// Whether a router turned the field of a packet sent as `sent` into something that no router may
/// make of it (RFC 9768 §3.2.2.3).
pub const fn is_mangled(sent: Codepoint, arrived: Codepoint) -> bool {
    match (sent, arrived) {
        (Codepoint::NotEct, Codepoint::NotEct) | (Codepoint::Ce, Codepoint::Ce) => false,
        (Codepoint::NotEct | Codepoint::Ce, _) | (_, Codepoint::NotEct) => true,
        (Codepoint::Ect0 | Codepoint::Ect1, _) => false,
    }
}

/// The combination on our SYN. Some path may not let one through that asks: after some repeats it
/// asks no more (RFC 9768 §3.1.4.1), one for RFC 3168 after the first (RFC 3168 §6.1.1.1).
// REQ: RFC9768-1
// REQ: RFC9768-7
// REQ: RFC3168-14
pub(crate) fn on_syn(tcb: &Tcb) -> u8 {
    let sent_before = tcb.snd.retries;
    match tcb.config.ecn.requests() {
        Some(Feedback::Accurate) if sent_before < tcb.config.accecn.syn_attempts => ACCURATE_SYN,
        Some(Feedback::Classic) if sent_before == 0 => CLASSIC_SYN,
        Some(Feedback::Accurate | Feedback::Classic) | None => NOTHING,
    }
}

/// The combination on our SYN-ACK. Accurate feedback tells how the latest SYN arrived; when that was
/// not acknowledged in time twice, the last way out is one that has nothing to do with ECN.
// REQ: RFC9768-2
// REQ: RFC3168-2
pub(crate) fn on_syn_ack(tcb: &mut Tcb) -> u8 {
    let falls_back = tcb.snd.retries >= tcb.config.accecn.syn_ack_attempts;
    let Ecn { mode, no_ect, .. } = &mut tcb.ecn;
    match mode {
        Mode::Off => NOTHING,
        Mode::Classic(_) => CLASSIC_SYN_ACK,
        Mode::Accurate(_) if falls_back => {
            // The peer may now be in another mode than we are.
            *no_ect = true;
            NOTHING
        }
        Mode::Accurate(accurate) => encoded(accurate.syn_arrived_as),
    }
}

/// The combination on a SYN-ACK of which nothing is remembered. What the ACK of it carries tells
/// whether it agreed on accurate feedback (RFC 9768 §5.1); classic ECN is forgotten where no timestamp
/// keeps it, which `kept` tells.
pub(crate) fn on_cookie(config: &Config, syn: &SegmentRef<'_>, kept: bool) -> u8 {
    match feedback_for(syn.flags.ace(), config.ecn.accepts()) {
        Some(Feedback::Accurate) => encoded(Codepoint::of(syn.traffic_class)),
        Some(Feedback::Classic) if kept => CLASSIC_SYN_ACK,
        Some(Feedback::Classic) | None => NOTHING,
    }
}

/// Whether a SYN gets the feedback of RFC 3168.
pub(crate) fn is_classic(config: &Config, syn: &SegmentRef<'_>) -> bool {
    feedback_for(syn.flags.ace(), config.ecn.accepts()) == Some(Feedback::Classic)
}

/// Takes the ACK that brought a cookie back.
pub(crate) fn from_cookie(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let pure = segment.is_empty() && segment.options.sack.is_empty();
    let offered = tcb.config.ecn.accepts() == Some(Feedback::Accurate);
    if offered && pure && !tcb.ecn.is_classic() && segment.flags.ace() >= 0b010 {
        tcb.ecn.mode = accurate(Accurate::of_server(Codepoint::NotEct));
    }
}

/// Takes what the peer's SYN or SYN-ACK says. The first of them decides: nothing that comes later
/// changes the mode.
// REQ: RFC9768-8
pub(crate) fn take(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let said = segment.flags.ace();
    let arrived_as = Codepoint::of(segment.traffic_class);
    if segment.ack.is_none() {
        tcb.ecn.mode = match feedback_for(said, tcb.config.ecn.accepts()) {
            None => Mode::Off,
            Some(Feedback::Classic) => Mode::Classic(Classic::default()),
            Some(Feedback::Accurate) => accurate(Accurate::of_server(arrived_as)),
        };
        return;
    }
    let asks_no_more = on_syn(tcb) == NOTHING;
    let asked = match tcb.config.ecn.requests() {
        // A host that has sent both kinds of SYN cannot tell which one was answered (RFC 3168
        // §6.1.1).
        Some(Feedback::Classic) if asks_no_more => None,
        asked => asked,
    };
    match answer_of(said, asked) {
        Answer::Declined => tcb.ecn.mode = Mode::Off,
        Answer::Classic => {
            tcb.ecn.mode = Mode::Classic(Classic::default());
            tcb.ecn.no_ect = asks_no_more;
        }
        Answer::Accurate { syn_arrived_as } => {
            let syn_arrived_as = syn_arrived_as.unwrap_or(Codepoint::NotEct);
            let mut state = Accurate::of_client(arrived_as, &segment.options, &tcb.config.accecn);
            state.handshake_marked = syn_arrived_as == Codepoint::Ce;
            tcb.ecn.no_ect = is_mangled(Codepoint::NotEct, syn_arrived_as);
            tcb.ecn.mode = accurate(state);
        }
    }
}

fn accurate(state: Accurate) -> Mode {
    Mode::Accurate(Box::new(state))
}

/// The SYN that opened the connection came once more, in SYN-RECEIVED (RFC 9768 §3.1.5).
// REQ: RFC9768-8
pub(crate) fn on_repeated_syn(tcb: &mut Tcb, segment: &SegmentRef<'_>, origin: Origin) -> Check {
    let said = segment.flags.ace();
    if tcb.config.ecn.accepts() != Some(Feedback::Accurate) {
        return Check::Continue(());
    }
    match (&mut tcb.ecn.mode, said) {
        // Nobody can tell which of the two the peer will go by.
        (Mode::Accurate(_), CLASSIC_SYN) => return Check::Break(conflict(origin)),
        (Mode::Classic(_), _) if said != CLASSIC_SYN && said != NOTHING => {
            return Check::Break(conflict(origin));
        }
        (Mode::Accurate(accurate), _) => {
            accurate.syn_arrived_as = Codepoint::of(segment.traffic_class);
            // The option on our answer may be what was in its way.
            accurate.syn_ack_has_option = false;
            // The peer may end up without ECN.
            tcb.ecn.no_ect |= said == NOTHING;
        }
        (Mode::Off | Mode::Classic(_), _) => {}
    }
    Check::Continue(())
}

fn conflict(origin: Origin) -> Disposition {
    match origin {
        Origin::Passive { .. } => Disposition::ReturnToListen {
            cause: AbandonCause::NewSyn,
            reset: true,
        },
        Origin::FastOpen | Origin::Active => Disposition::AbortWithReset(ConnectionError::Aborted),
    }
}

/// The SYN-ACK that we have answered came once more: the challenge that answers it tells how it
/// arrived, as the first answer did.
// REQ: RFC9768-9
pub(crate) fn on_repeated_syn_ack(tcb: &mut Tcb, segment: &SegmentRef<'_>) {
    let is_repeat = segment.flags.syn && segment.ack.is_some() && segment.seq == tcb.rcv.irs;
    let arrived_as = Codepoint::of(segment.traffic_class);
    match tcb.ecn.accurate_mut() {
        Some(accurate) if is_repeat && accurate.is_client => {
            // Of several at most one is counted.
            if arrived_as == Codepoint::Ce && !accurate.syn_ack_counted {
                accurate.syn_ack_counted = true;
                accurate.receiver.cep = accurate.receiver.cep.wrapping_add(1);
            }
            accurate.handshake_ack = Some(arrived_as);
        }
        Some(_) | None => {}
    }
}

/// The challenge is out, or withheld: nothing more is told of the SYN-ACK.
pub(crate) fn forget_syn_ack(tcb: &mut Tcb) {
    if let Some(accurate) = tcb.ecn.accurate_mut() {
        accurate.handshake_ack = None;
    }
}

#[cfg(test)]
mod tests;
