//! What must hold of a host between two steps, however hostile its peers.
//!
//! Every test, simulation and fuzzer calls [`check`] after each drained step. A violation is always
//! a defect of this crate.

use core::fmt;

use crate::config::SendRoom;
use crate::connection::Connection;
use crate::ecn::{Mode, hold};
use crate::host::{Host, Socket};
use crate::listener::Listener;
use crate::path;
use crate::send::persist;
use crate::seq::SeqRange;
use crate::socket::SocketId;
use crate::state::{Origin, State, StateName, SynReceived};
use crate::tcb::Tcb;
use crate::timers::Timer;

/// A broken invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Violation {
    /// The socket it was found at, if it concerns one.
    pub id: Option<SocketId>,
    /// The state of that socket.
    pub state: Option<StateName>,
    /// What should hold and does not.
    pub rule: Rule,
}

/// The invariants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// SND.UNA =< SND.NXT =< highest sent, the last two at most one probe apart.
    SendOrder,
    /// SND.NXT is not behind the end of the queue and its FIN.
    SendWithinQueue,
    /// Our SYN is acknowledged exactly if the state is synchronized, but for a FIN-WAIT-1 entered
    /// from SYN-RECEIVED.
    SynAcknowledged,
    /// The scoreboard records exactly what lies between SND.UNA and SND.NXT.
    ScoreboardIsFlight,
    /// The congestion window lets at least one segment out.
    CongestionWindowHoldsSegment,
    /// SND.MSS is what the path, the peer and the link allow, and congestion control counts in it.
    SegmentsFitPath,
    /// The timers of loss detection run only beside the retransmission timer, for what is in flight.
    LossTimersWatchFlight,
    /// RCV.NXT is not beyond the right edge of the announced window and the FIN behind it.
    ReceiveWithinWindow,
    /// The window announced lies within what reassembly can hold.
    WindowWithinBuffer,
    /// A buffer that grows by itself stays within its bound, and no other grows.
    BuffersWithinBounds,
    /// Few marks of the peer's packets wait to be told, and the SYN-ACK's does not.
    MarksAreTold,
    /// Reassembly holds nothing at RCV.NXT that could have been handed over.
    NoHiddenText,
    /// The FINs that were sent, acknowledged and received are those the state tells of.
    FinsMatchState,
    /// What is outstanding is watched by the retransmission timer, or by the persist timer while
    /// the window is closed; never by both.
    OutstandingIsWatched,
    /// Only a paced connection with something to send has a pacing timer.
    PacingTimer,
    /// The 2MSL timer runs in TIME-WAIT and nowhere else.
    TimeWaitTimer,
    /// A half-open or opening connection has a retransmission timer, unless its SYN waits for data.
    HandshakeIsWatched,
    /// A closed connection has no timers.
    ClosedIsQuiet,
    /// A delayed acknowledgment is owed exactly while its timer runs.
    DelayedAckTimer,
    /// A closed connection whose user let go is forgotten.
    NoLeftovers,
    /// The demultiplexer knows exactly the connections that are not closed.
    DemuxMatchesSockets,
    /// The deadlines are those of the sockets.
    DeadlinesMatchTimers,
    /// The queues of a listener hold connections in the right states, within their limits.
    ListenerQueues,
    /// Everything that was due has been sent before the host was left.
    NothingPending,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SendOrder => "SND.UNA =< SND.NXT =< highest sent =< SND.NXT + 1",
            Self::SendWithinQueue => "SND.NXT is within the send queue and its FIN",
            Self::SynAcknowledged => "the SYN is acknowledged exactly in synchronized states",
            Self::ScoreboardIsFlight => "the scoreboard holds exactly what is in flight",
            Self::CongestionWindowHoldsSegment => "cwnd is at least one segment",
            Self::SegmentsFitPath => "segments are as large as path and peer allow",
            Self::LossTimersWatchFlight => {
                "a loss probe or reordering timer runs only with something in flight"
            }
            Self::ReceiveWithinWindow => "RCV.NXT is within the announced window",
            Self::WindowWithinBuffer => "the announced window fits the buffer",
            Self::BuffersWithinBounds => "buffers are within their bounds",
            Self::MarksAreTold => "marks are told before their counter can go round",
            Self::NoHiddenText => "in-order text is readable",
            Self::FinsMatchState => "the FINs are those of the state",
            Self::OutstandingIsWatched => "what is outstanding has exactly one timer",
            Self::PacingTimer => "what pacing holds back is there to be sent",
            Self::TimeWaitTimer => "the 2MSL timer runs exactly in TIME-WAIT",
            Self::HandshakeIsWatched => "a handshake has a retransmission timer",
            Self::ClosedIsQuiet => "a closed connection has no timers",
            Self::DelayedAckTimer => "a delayed acknowledgment has its timer",
            Self::NoLeftovers => "nothing is left of a connection nobody holds",
            Self::DemuxMatchesSockets => "the demultiplexer knows exactly the live connections",
            Self::DeadlinesMatchTimers => "the deadlines are those of the timers",
            Self::ListenerQueues => "a listener's queues hold what they should",
            Self::NothingPending => "the host was drained",
        })
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant broken: {}", self.rule)?;
        if let Some(id) = self.id {
            write!(f, " ({id}")?;
            if let Some(state) = self.state {
                write!(f, " in {state}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl core::error::Error for Violation {}

/// Checks a host that was drained: `poll` answered with a deadline and nothing was called since.
///
/// # Errors
/// The first invariant found broken.
pub fn check(host: &Host) -> Result<(), Violation> {
    let broken = |id, state, rule| Violation { id, state, rule };
    if !host.is_drained() {
        return Err(broken(None, None, Rule::NothingPending));
    }
    let mut live = 0;
    let mut with_deadline = 0;
    for (id, socket) in host.sockets.iter() {
        let result = match socket {
            Socket::Listener(listener) => check_listener(host, listener)
                .map_err(|rule| broken(Some(id), Some(StateName::Listen), rule)),
            Socket::Connection(connection) => {
                live += usize::from(!matches!(connection.state, State::Closed(_)));
                with_deadline += usize::from(connection.tcb.timers.deadline().is_some());
                check_connection(connection)
                    .and_then(|()| check_books(host, connection))
                    .map_err(|rule| broken(Some(id), Some(connection.state.name()), rule))
            }
        };
        result?;
    }
    if live != host.demux.connection_count() {
        return Err(broken(None, None, Rule::DemuxMatchesSockets));
    }
    if with_deadline != host.deadlines.len() {
        return Err(broken(None, None, Rule::DeadlinesMatchTimers));
    }
    Ok(())
}

fn require(holds: bool, rule: Rule) -> Result<(), Rule> {
    if holds { Ok(()) } else { Err(rule) }
}

fn check_connection(connection: &Connection) -> Result<(), Rule> {
    let Connection { state, tcb, .. } = connection;
    if let State::Closed(_) = state {
        require(tcb.timers.deadline().is_none(), Rule::ClosedIsQuiet)?;
        return require(!tcb.user.detached, Rule::NoLeftovers);
    }
    check_send(tcb, state)?;
    check_receive(tcb)?;
    check_buffers(tcb)?;
    check_marks(tcb)?;
    check_fins(tcb, state)?;
    check_timers(tcb, state)
}

fn check_send(tcb: &Tcb, state: &State) -> Result<(), Rule> {
    let snd = &tcb.snd;
    let ordered = snd.una.at_or_before(snd.nxt)
        && snd.nxt.at_or_before(snd.max)
        && snd.nxt.span_to(snd.max) <= 1;
    require(ordered, Rule::SendOrder)?;
    let behind_fin = snd.data_end() + u32::from(snd.fin_queued);
    require(snd.nxt.at_or_before(behind_fin), Rule::SendWithinQueue)?;
    let early_close = matches!(state, State::FinWait1(_) | State::Closing(_));
    let acknowledged = !snd.syn_unacked();
    let matches_state = acknowledged == state.name().is_synchronized();
    require(
        matches_state || (early_close && !acknowledged),
        Rule::SynAcknowledged,
    )?;
    let first = snd.data_start();
    let in_flight = snd.nxt.after(first);
    let recorded = snd.flight.range();
    let matches = match recorded {
        Some(range) => in_flight && range == SeqRange::new(first, snd.nxt),
        None => !in_flight,
    };
    let marked = snd.flight.sacked() + snd.flight.lost();
    let scoreboard_ok = matches && marked <= snd.flight.outstanding();
    require(scoreboard_ok, Rule::ScoreboardIsFlight)?;
    let congestion = &snd.congestion;
    require(
        congestion.cwnd() >= congestion.smss(),
        Rule::CongestionWindowHoldsSegment,
    )?;
    require(path::is_kept(tcb), Rule::SegmentsFitPath)
}

fn check_receive(tcb: &Tcb) -> Result<(), Rule> {
    let rcv = &tcb.rcv;
    if !rcv.syn_received {
        return Ok(());
    }
    require(rcv.nxt.at_or_before(rcv.adv), Rule::ReceiveWithinWindow)?;
    let held = rcv.buffer.readable() + rcv.wnd() as usize;
    require(held <= rcv.buffer.capacity() + 1, Rule::WindowWithinBuffer)?;
    let hidden = rcv
        .buffer
        .islands()
        .first()
        .is_some_and(|island| island.start == 0);
    require(!hidden, Rule::NoHiddenText)
}

fn check_buffers(tcb: &Tcb) -> Result<(), Rule> {
    let Tcb {
        options, config, ..
    } = tcb;
    let recv = options.recv_buffer.unwrap_or(config.recv_buffer);
    let recv_limit = match tcb.rcv.tuner {
        Some(_) => recv.max(config.tuning.receive_max),
        None => recv,
    };
    let send = options.send_buffer.unwrap_or(config.send_buffer);
    let (size, grows_to) = match (tcb.snd.room.limit(), config.send_room) {
        (Some(limit), SendRoom::Buffers { grows_to, .. }) => (limit, grows_to),
        _ if tcb.snd.buffer_grows => (tcb.snd.buffer.capacity(), config.tuning.send_max),
        _ => (tcb.snd.buffer.capacity(), 0),
    };
    let within = tcb.rcv.capacity <= recv_limit && size <= grows_to.max(send);
    require(within, Rule::BuffersWithinBounds)
}

fn check_marks(tcb: &Tcb) -> Result<(), Rule> {
    let Mode::Accurate(accurate) = &tcb.ecn.mode else {
        return Ok(());
    };
    let rules = &tcb.config.accecn;
    let limit = rules.marks_per_ack.max(rules.marks_per_bare_ack);
    let told = accurate.receiver.untold() < limit && accurate.handshake_ack.is_none();
    require(told, Rule::MarksAreTold)
}

fn check_fins(tcb: &Tcb, state: &State) -> Result<(), Rule> {
    let (queued, acknowledged, received) = (
        tcb.snd.fin_queued,
        tcb.snd.fin_acknowledged,
        tcb.rcv.fin_received,
    );
    let holds = match state {
        State::Closed(_) => true,
        State::SynSent(_) | State::SynReceived(_) => !acknowledged && !received,
        State::Established(_) => !queued && !received,
        State::FinWait1(_) => queued && !acknowledged && !received,
        State::FinWait2(_) => acknowledged && !received,
        State::CloseWait(_) => !queued && received,
        State::Closing(_) | State::LastAck(_) => queued && !acknowledged && received,
        State::TimeWait(_) => acknowledged && received,
    };
    require(holds, Rule::FinsMatchState)
}

fn check_timers(tcb: &Tcb, state: &State) -> Result<(), Rule> {
    let armed = |timer| tcb.timers.is_armed(timer);
    let time_wait = matches!(state, State::TimeWait(_));
    require(armed(Timer::TimeWait) == time_wait, Rule::TimeWaitTimer)?;
    let delayed = tcb.rcv.ack.is_delayed();
    require(armed(Timer::DelayedAck) == delayed, Rule::DelayedAckTimer)?;
    let left = tcb.snd.unsent() || tcb.snd.flight.lost() > 0 || tcb.snd.in_flight();
    require(
        !armed(Timer::Pacing) || ((tcb.snd.pacer.is_some() || hold::until(tcb).is_some()) && left),
        Rule::PacingTimer,
    )?;
    let (retransmit, persist) = (armed(Timer::Retransmit), armed(Timer::Persist));
    let probing = armed(Timer::LossProbe) || armed(Timer::Reordering);
    require(
        !probing || (retransmit && !tcb.snd.flight.is_empty()),
        Rule::LossTimersWatchFlight,
    )?;
    match state {
        State::SynSent(_) | State::SynReceived(_) => require(
            retransmit != tcb.fast_open.deferred && !persist,
            Rule::HandshakeIsWatched,
        ),
        State::Closed(_) | State::FinWait2(_) | State::TimeWait(_) => {
            require(!retransmit && !persist, Rule::OutstandingIsWatched)
        }
        State::Established(_)
        | State::FinWait1(_)
        | State::CloseWait(_)
        | State::Closing(_)
        | State::LastAck(_) => {
            // Before the handshake has ended nothing but the SYN can be probed for.
            let closed_window = tcb.snd.wnd.bytes() == 0 && !tcb.snd.syn_unacked();
            let held = closed_window || persist::waits_for_link(tcb);
            let left = tcb.snd.in_flight() || (held && tcb.snd.unsent());
            let watched = if held {
                persist && !retransmit
            } else {
                retransmit && !persist
            };
            require(
                if left {
                    watched
                } else {
                    !retransmit && !persist
                },
                Rule::OutstandingIsWatched,
            )
        }
    }
}

fn check_books(host: &Host, connection: &Connection) -> Result<(), Rule> {
    let Connection { state, tcb, .. } = connection;
    let known = host.connection_between(connection.tuple()) == Some(tcb.id);
    require(
        known != matches!(state, State::Closed(_)),
        Rule::DemuxMatchesSockets,
    )?;
    require(
        host.deadlines.get(tcb.id) == tcb.timers.deadline(),
        Rule::DeadlinesMatchTimers,
    )?;
    if let State::SynReceived(SynReceived {
        origin: Origin::Passive { listener },
    }) = state
    {
        let queued = match host.sockets.get(listener) {
            Some(Socket::Listener(listener)) => listener.syn_queue().contains(&tcb.id),
            Some(Socket::Connection(_)) | None => false,
        };
        require(queued, Rule::ListenerQueues)?;
    }
    check_early(host, connection)
}

/// Who was handed out early counts at its listener until its handshake ends, and only then.
fn check_early(host: &Host, connection: &Connection) -> Result<(), Rule> {
    let Connection { state, tcb, .. } = connection;
    if state.origin() == Some(Origin::FastOpen) {
        require(tcb.fast_open.early, Rule::ListenerQueues)?;
    }
    let pending = tcb.fast_open.pending();
    let handshake = tcb.fast_open.early && tcb.snd.syn_unacked();
    let closed = matches!(state, State::Closed(_));
    require(
        pending.is_some() == (handshake && !closed),
        Rule::ListenerQueues,
    )?;
    match pending.and_then(|listener| host.sockets.get(&listener)) {
        Some(Socket::Listener(listener)) => {
            require(listener.early().contains(&tcb.id), Rule::ListenerQueues)
        }
        // The listener may be gone.
        Some(Socket::Connection(_)) | None => Ok(()),
    }
}

fn check_listener(host: &Host, listener: &Listener) -> Result<(), Rule> {
    let half_open = listener.syn_queue().iter().all(|id| {
        host.connection(*id)
            .is_ok_and(|child| child.state.name() == StateName::SynReceived)
    });
    let finished = listener.accept_queue().iter().all(|id| {
        host.connection(*id).is_ok_and(|child| {
            child.state.name() != StateName::SynReceived
                || child.state.origin() == Some(Origin::FastOpen)
        })
    });
    let early = listener.early().iter().all(|id| {
        host.connection(*id)
            .is_ok_and(|child| child.tcb.fast_open.pending() == Some(listener.id))
    });
    let bounded = listener.syn_queue().len() <= listener.config.syn_queue.max(1);
    require(
        half_open && finished && early && bounded,
        Rule::ListenerQueues,
    )
}

#[cfg(test)]
mod tests;
