//! Where the connection stands, of a subject that does not tell: followed from what was judged, from the user's calls
//! and from time.
//!
//! Where more than one state is possible there is none: nothing is judged until an answer shows that the connection
//! is over, or the user opens another.

use super::input::Call;
use super::packet::{ACK, FIN, Packet, RST, SYN};
use super::subject::{Micros, State};

/// TIME-WAIT lasts longer than this on every host: two maximum segment lifetimes, of which some have shortened theirs
/// to one second (RFC 9293 §3.4.2 has two minutes).
const SHORTEST_TIME_WAIT: Micros = 1_000_000;
/// Nobody gives up what it has sent within this time (R2 is at least 100 s, RFC 9293 §3.8.3; of a SYN-ACK, or of a
/// FIN-WAIT-2 that nobody will read from, some do after a minute).
const NOBODY_GIVES_UP: Micros = 30_000_000;

/// The user's socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Users {
    None,
    /// This incarnation.
    Of(u32),
    /// One of several.
    Unknown,
}

/// What is known of the state.
#[derive(Clone, Debug)]
pub struct Track {
    /// `None`: it may be more than one.
    state: Option<State>,
    /// The last one that was known.
    last: State,
    listens: bool,
    /// Connections so far.
    incarnation: u32,
    /// Those that wait for the user to accept them.
    waiting: Vec<u32>,
    users: Users,
    /// When it was entered; or when the subject last had nothing under way.
    since: Micros,
}

impl Default for Track {
    fn default() -> Track {
        Track {
            state: Some(State::Closed),
            last: State::Closed,
            listens: false,
            incarnation: 0,
            waiting: Vec::new(),
            users: Users::None,
            since: 0,
        }
    }
}

impl Track {
    /// The state, if there is only one that it can be.
    pub fn state(&self) -> Option<State> {
        self.state
    }

    /// What is left when a connection is over.
    pub fn over(&self) -> State {
        match self.listens {
            true => State::Listen,
            false => State::Closed,
        }
    }

    /// Whether the user's socket is the connection that there is; `None` if nobody can say.
    pub fn is_users(&self) -> Option<bool> {
        match self.users {
            Users::None => Some(false),
            Users::Of(incarnation) => Some(incarnation == self.incarnation),
            Users::Unknown => None,
        }
    }

    /// It may be more than one from here on.
    pub fn doubt(&mut self) {
        self.state = None;
    }

    /// A segment of the peer was judged, and this state follows; `opens`: it has begun a connection.
    pub fn follow(&mut self, state: State, opens: bool, now: Micros) {
        let is_over = matches!(state, State::Closed | State::Listen);
        let state = if is_over { self.over() } else { state };
        if opens {
            self.incarnation += 1;
        }
        let is_handshake = |state| matches!(state, State::SynReceived | State::SynSent);
        let is_established = !is_over && !is_handshake(state);
        let is_new = !self.waiting.contains(&self.incarnation);
        if is_established && is_new && self.users != Users::Of(self.incarnation) {
            self.waiting.push(self.incarnation);
        }
        self.enter(state, now);
    }

    fn enter(&mut self, state: State, now: Micros) {
        if self.state != Some(state) {
            self.since = now;
        }
        (self.state, self.last) = (Some(state), state);
    }

    /// Whether this answer to a segment shows that there was no connection: one that is open never gives it.
    pub fn shows_none(&self, segment: &Packet<'_>, sent: &[Packet<'_>], iss: Option<u32>) -> bool {
        let [only] = sent else { return false };
        if segment.has(RST) {
            return false;
        }
        if only.has(SYN) {
            return segment.has(SYN)
                && iss != Some(only.seq)
                && only.ack == segment.seq.wrapping_add(1);
        }
        !self.was_handshake()
            && match segment.has(ACK) {
                true => only.flags == RST && only.seq == segment.ack,
                false => only.flags == RST | ACK && only.seq == 0 && only.ack == segment.end(),
            }
    }

    /// Where the state is in doubt: whether this SYN may have been taken by a connection that waits for one.
    pub fn may_take_syn(
        &self,
        segment: &Packet<'_>,
        sent: &[Packet<'_>],
        iss: Option<u32>,
    ) -> bool {
        self.was_handshake() && !self.shows_none(segment, sent, iss)
    }

    fn was_handshake(&self) -> bool {
        matches!(self.last, State::SynSent | State::SynReceived)
    }

    /// The user has called, and it was done; `sent` is what the subject sent at once.
    pub fn called(&mut self, call: Call, is_users: Option<bool>, sent: &[Packet<'_>], now: Micros) {
        match call {
            Call::Listen => {
                self.listens = true;
                if self.state == Some(State::Closed) {
                    self.enter(State::Listen, now);
                }
            }
            Call::Connect => {
                self.incarnation += 1;
                self.users = Users::Of(self.incarnation);
                self.enter(State::SynSent, now);
            }
            Call::Accept => self.accept(),
            Call::Close | Call::Abort | Call::Shutdown => {
                match is_users {
                    Some(true) => self.end(call, sent, now),
                    Some(false) => {}
                    None => self.doubt(),
                }
                if call != Call::Shutdown {
                    self.users = Users::None;
                }
            }
            Call::Send(_) | Call::Recv(_) | Call::NoDelay(_) | Call::KeepAlive(_) => {}
        }
    }

    /// Which one is accepted is sure only if there is no choice: some stacks leave out those that are over.
    fn accept(&mut self) {
        self.users = match self.waiting[..] {
            [only] => Users::Of(only),
            _ => Users::Unknown,
        };
        self.waiting.clear();
    }

    /// The user ends his connection (RFC 9293 §3.10.4, §3.10.5).
    fn end(&mut self, call: Call, sent: &[Packet<'_>], now: Micros) {
        let Some(state) = self.state else { return };
        if sent.iter().any(|packet| packet.has(RST)) {
            // Something was left that nobody will read (RFC 2525 §2.17), or it was to be so.
            return self.enter(self.over(), now);
        }
        let has_fin = sent.iter().any(|packet| packet.has(FIN));
        let next = match (state, call) {
            (State::Closed | State::Listen, _) => Some(state),
            (State::TimeWait, Call::Abort) => None,
            (_, Call::Abort) | (State::SynSent, Call::Close) => Some(self.over()),
            (State::SynReceived, _) if has_fin => Some(State::FinWait1),
            // Queued, or not: nobody sees it.
            (State::SynSent | State::SynReceived, _) => None,
            (State::Established, _) => Some(State::FinWait1),
            (State::CloseWait, _) => Some(State::LastAck),
            (state, _) => Some(state),
        };
        match next {
            Some(next) => self.enter(next, now),
            None => self.doubt(),
        }
    }

    /// Time has passed; `is_quiet`: the subject has nothing under way that it could give up.
    pub fn passed(&mut self, now: Micros, is_quiet: bool) {
        if is_quiet && matches!(self.state, Some(State::Established | State::CloseWait)) {
            self.since = now;
        }
        let silent = now.saturating_sub(self.since);
        let may_be_over = match self.state {
            None | Some(State::Closed | State::Listen) => false,
            Some(State::TimeWait) => silent >= SHORTEST_TIME_WAIT,
            Some(_) => silent >= NOBODY_GIVES_UP,
        };
        if may_be_over {
            self.doubt();
        }
    }
}
