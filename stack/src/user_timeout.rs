//! The user timeout, agreed on with the peer (RFC 5482), or the host's own (RFC 9293 §3.9.1, R2).

use core::time::Duration;

use crate::segment::SegmentRef;
use crate::tcb::Tcb;
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::options::TcpOptions;
use crate::wire::user_timeout::UserTimeout;

/// By how much L_LIMIT is above the retransmission timeout at least (RFC 5482 §3.1).
const ABOVE_RTO: Duration = Duration::from_millis(1);

/// The limits on what a peer can make of our user timeout. Nothing happens before a user asks for the
/// option, by [`user_timeout_option`](crate::SocketOptions::user_timeout_option).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserTimeoutConfig {
    /// L_LIMIT of RFC 5482 §3.1: at least 100 s; more than the present RTO in any case (RFC5482-3).
    pub lower: Duration,
    /// U_LIMIT.
    pub upper: Duration,
}

impl Default for UserTimeoutConfig {
    fn default() -> UserTimeoutConfig {
        UserTimeoutConfig {
            lower: Duration::from_secs(100),
            upper: Duration::from_secs(3600),
        }
    }
}

/// What a connection knows of the option.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct UserTimeoutState {
    /// REMOTE_UTO: what the peer announced last.
    remote: Option<UserTimeout>,
    /// The next segment with room announces ours.
    due: bool,
}

impl UserTimeoutState {
    /// A connection whose user takes part in the option, or does not.
    pub(crate) const fn new(enabled: bool) -> Self {
        Self {
            remote: None,
            due: enabled,
        }
    }
}

/// How long the connection lasts without progress. An own choice of the user stands (CHANGEABLE of RFC
/// 5482 §3.1 is false then); without one the peer's announcement counts within the limits.
// REQ: RFC9293-MUST-20
// REQ: RFC9293-MUST-21
// REQ: RFC5482-3
// REQ: RFC5482-4
// REQ: RFC5482-5
pub(crate) fn current(tcb: &Tcb) -> Duration {
    if let Some(own) = tcb.options.user_timeout {
        return own;
    }
    let Some(remote) = tcb.user_timeout.remote.map(UserTimeout::length) else {
        return tcb.config.r2;
    };
    let limits = &tcb.config.user_timeout_option;
    let lower = limits.lower.max(tcb.snd.rtt.rto() + ABOVE_RTO);
    advertised(tcb).max(remote).max(lower).min(limits.upper)
}

/// ADV_UTO.
fn advertised(tcb: &Tcb) -> Duration {
    let own = tcb.options.advertised_user_timeout;
    own.or(tcb.options.user_timeout).unwrap_or(tcb.config.r2)
}

/// Whether the peer's announcement decides.
pub(crate) fn is_adopted(tcb: &Tcb) -> bool {
    tcb.options.user_timeout.is_none() && tcb.user_timeout.remote.is_some()
}

/// A segment that is acceptable may announce the peer's user timeout.
// REQ: RFC5482-1
// REQ: RFC5482-4
pub(crate) fn take(tcb: &mut Tcb, segment: &SegmentRef<'_>, now: Instant) {
    let Some(announced) = segment.options.user_timeout else {
        return;
    };
    if !tcb.options.user_timeout_option {
        return;
    }
    let before = current(tcb);
    tcb.user_timeout.remote = Some(announced);
    follow(tcb, before, now);
}

/// The user timeout was `before`: a wait that has begun ends when it would have ended with the present
/// one.
fn follow(tcb: &mut Tcb, before: Duration, now: Instant) {
    let after = current(tcb);
    if let Some(end) = tcb.timers.get(Timer::UserTimeout) {
        let passed = before.saturating_sub(end.saturating_duration_since(now));
        let left = after.saturating_sub(passed);
        tcb.arm(Timer::UserTimeout, now, left);
    }
}

/// Adds the option to a SYN; it is left out where others leave no room for it.
// REQ: RFC5482-2
pub(crate) fn add_to_syn(tcb: &Tcb, options: &mut TcpOptions) {
    if tcb.options.user_timeout_option {
        options.add_user_timeout(UserTimeout::of(advertised(tcb)));
    }
}

/// Adds the option to a segment without SYN, if it is due. It waits where SACK blocks and counters of
/// marks take the room: it comes once, and they are for congestion control (RFC 9768 §3.2.3.3).
// REQ: RFC5482-2
// REQ: RFC9768-17
pub(crate) fn add_if_due(tcb: &Tcb, options: &mut TcpOptions) {
    if let Some(timeout) = due(tcb) {
        options.add_user_timeout(timeout);
    }
}

/// What the next segment with room announces: the first one after the SYN does, as a SYN may have been answered
/// with a cookie, and the first one after a change (RFC 5482 §3.2).
// REQ: RFC5482-2
pub(crate) fn due(tcb: &Tcb) -> Option<UserTimeout> {
    tcb.user_timeout
        .due
        .then(|| UserTimeout::of(advertised(tcb)))
}

/// A segment with these options left.
pub(crate) fn on_sent(tcb: &mut Tcb, options: &TcpOptions) {
    tcb.user_timeout.due &= options.user_timeout.is_none();
}

/// The user changed the options from what they were when the timeout was `before`.
pub(crate) fn on_changed(
    tcb: &mut Tcb,
    was_advertised: Option<Duration>,
    before: Duration,
    now: Instant,
) {
    let enabled = tcb.options.user_timeout_option;
    if !enabled {
        tcb.user_timeout = UserTimeoutState::new(false);
    } else if was_advertised != Some(advertised(tcb)) {
        tcb.user_timeout.due = true;
    }
    follow(tcb, before, now);
}

/// What is announced, if anything is.
pub(crate) fn announced(tcb: &Tcb) -> Option<Duration> {
    tcb.options.user_timeout_option.then(|| advertised(tcb))
}
