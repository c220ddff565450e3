//! What user calls and the mere passing of time may do to the state (RFC 9293 §3.10.1 to §3.10.8).

use super::{Cause, Reaction};
use crate::fuzz::input::Call;
use crate::fuzz::oracle::{Choices, Oracle, Violation};
use crate::fuzz::packet::{Packet, RST};
use crate::fuzz::subject::{Answer, Micros, State};

/// What is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Calls {
    /// The user has asked for keep-alives at some time.
    keeps_alive: bool,
    /// When the state became this one.
    since: Option<(State, Micros)>,
    /// The user has closed, and not only his own direction.
    has_closed: bool,
}

impl Calls {
    pub(super) fn judge(
        &mut self,
        reaction: &Reaction<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        let (before, after) = (reaction.before, reaction.after);
        let judged = match reaction.cause {
            Cause::Arrival(_) | Cause::Error | Cause::TooBig => Ok(()),
            Cause::Call(call, answer) => called(call, answer, reaction, choices),
            Cause::Timer => self.passed(reaction, choices),
        };
        if let Cause::Call(call, Answer::Done) = reaction.cause {
            self.keeps_alive |= call == Call::KeepAlive(true);
            self.has_closed |= reaction.is_users && matches!(call, Call::Close | Call::Abort);
        }
        if self.since.is_none_or(|(state, _)| state != after) {
            self.since = Some((after, reaction.now));
        }
        if is_over(after) && !is_over(before) {
            self.has_closed = false;
        }
        judged
    }

    /// Time has passed, and nothing else has happened.
    fn passed(&self, reaction: &Reaction<'_>, choices: &Choices) -> Result<(), Violation> {
        let (before, after) = (reaction.before, reaction.after);
        if before == after {
            return Ok(());
        }
        let since = self.since.filter(|(state, _)| *state == before);
        let Some((_, since)) = since else {
            return Ok(());
        };
        let passed = reaction.now - since;
        let wrong = |rules: &[&'static str], why: &str| {
            let (before, after) = (before.name(), after.name());
            Err(Violation::of_rules(
                Oracle::Timing,
                rules,
                format!("time alone leads from {before} to {after}: {why}"),
            ))
        };
        let keeps_alive = self.keeps_alive || choices.always_keeps_alive;
        let has_work = reaction.unsent > 0 || reaction.snd_nxt() != reaction.standing.snd_una;
        match before {
            _ if !is_over(after) => wrong(&[], "it can only end a connection"),
            State::TimeWait if passed < choices.time_wait => {
                wrong(&["RFC9293-MUST-13"], "2 MSL are not over")
            }
            State::SynSent if passed < choices.patience_with_syn => {
                wrong(&["RFC9293-MUST-23"], "it is too early to give up")
            }
            State::FinWait2 if self.has_closed || keeps_alive || has_work => Ok(()),
            State::Established | State::FinWait2 | State::CloseWait
                if !keeps_alive && !has_work =>
            {
                wrong(&[], "nothing is outstanding, and the user has not closed")
            }
            _ => Ok(()),
        }
    }
}

/// Either is the end of a connection; a listener may be there or not.
pub(super) fn is_over(state: State) -> bool {
    matches!(state, State::Closed | State::Listen)
}

/// The user has called.
fn called(
    call: Call,
    answer: Answer,
    reaction: &Reaction<'_>,
    choices: &Choices,
) -> Result<(), Violation> {
    let (before, after) = (reaction.before, reaction.after);
    let is_about_this = reaction.is_users && answer == Answer::Done;
    match call {
        Call::Listen | Call::Connect => Ok(()),
        Call::Close if is_about_this => closed(reaction, choices),
        Call::Abort if is_about_this => aborted(reaction),
        Call::Shutdown if is_about_this => {
            let is_early = before == State::SynReceived && after == State::FinWait1;
            let is_right = after == after_fin(before) || is_early;
            ok_or(is_right, &["RFC9293-SM-31"], || told("SHUTDOWN", reaction))
        }
        _ => ok_or(before == after, &[], || {
            told(&format!("{call:?}"), reaction)
        }),
    }
}

/// CLOSE (§3.10.4, and §3.6.1 for what was not read).
fn closed(reaction: &Reaction<'_>, choices: &Choices) -> Result<(), Violation> {
    let (before, after) = (reaction.before, reaction.after);
    let receives = matches!(
        before,
        State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait
    );
    // Where the user can go on to read, nothing is lost.
    let facts = &choices.facts;
    if receives && reaction.unread > 0 && facts.half_duplex_close && !facts.closes_over_unread {
        let is_right = has(reaction.sent, RST) && is_over(after);
        return ok_or(is_right, &["RFC9293-SHLD-3"], || {
            let unread = reaction.unread;
            format!("CLOSE with {unread} bytes unread is to send a RST, and does not")
        });
    }
    let is_right = match before {
        State::SynSent => is_over(after),
        State::SynReceived => matches!(after, State::SynReceived | State::FinWait1),
        _ => after == after_fin(before),
    };
    ok_or(is_right, &["RFC9293-SM-31"], || told("CLOSE", reaction))
}

/// ABORT (§3.10.5).
fn aborted(reaction: &Reaction<'_>) -> Result<(), Violation> {
    ok_or(is_over(reaction.after), &[], || told("ABORT", reaction))?;
    let resets = matches!(
        reaction.before,
        State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
    );
    let is_right = !resets || has(reaction.sent, RST);
    ok_or(is_right, &[], || {
        format!("ABORT in {} sends no RST", reaction.before.name())
    })
}

/// The state once our direction is closed.
fn after_fin(state: State) -> State {
    match state {
        State::Established => State::FinWait1,
        State::CloseWait => State::LastAck,
        other => other,
    }
}

fn has(sent: &[Packet<'_>], flag: u8) -> bool {
    sent.iter().any(|packet| packet.has(flag))
}

fn told(what: &str, reaction: &Reaction<'_>) -> String {
    let (before, after) = (reaction.before.name(), reaction.after.name());
    format!("{what} leads from {before} to {after}")
}

fn ok_or(
    is_right: bool,
    rules: &[&'static str],
    message: impl FnOnce() -> String,
) -> Result<(), Violation> {
    match is_right {
        true => Ok(()),
        false => Err(Violation::of_rules(Oracle::Specification, rules, message())),
    }
}
