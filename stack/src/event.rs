//! The list of everything observable that is not a packet.
//!
//! Tests, traces and reports read events; there is no log text. Events and packets leave
//! [`Host::poll`](crate::Host::poll) in the order in which they came about.

use core::net::SocketAddr;
use core::time::Duration;

use crate::error::ConnectionError;
use crate::seq::SeqNum;
use crate::socket::SocketId;
use crate::state::StateName;
use crate::wire::DropReason;

/// One observable fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A connection went from one state to another. Every connection begins in CLOSED and ends
    /// there.
    StateChanged {
        /// The connection.
        id: SocketId,
        /// State before.
        from: StateName,
        /// State after.
        to: StateName,
    },
    /// A finished connection waits in a listener's accept queue.
    AcceptReady {
        /// The listener.
        listener: SocketId,
        /// The connection.
        id: SocketId,
    },
    /// A connection ended with an error.
    ConnectionAborted {
        /// The connection.
        id: SocketId,
        /// Why.
        error: ConnectionError,
    },
    /// A segment reached a connection or listener and was not accepted.
    SegmentDropped {
        /// The socket.
        id: SocketId,
        /// Why.
        reason: Discard,
    },
    /// A RST went out.
    ResetSent {
        /// Our end.
        local: SocketAddr,
        /// The other end.
        remote: SocketAddr,
        /// The connection it ended, if it did not answer a segment to nobody.
        id: Option<SocketId>,
    },
    /// A challenge ACK went out (RFC 5961).
    ChallengeAckSent {
        /// The connection.
        id: SocketId,
    },
    /// A challenge ACK was due and withheld by the limiter (RFC 5961 §7).
    ChallengeAckSuppressed {
        /// The connection.
        id: SocketId,
    },
    /// A segment was sent again.
    Retransmitted {
        /// The connection.
        id: SocketId,
        /// Its first sequence number.
        seq: SeqNum,
        /// Its SEG.LEN.
        len: u32,
        /// What made us do so.
        cause: RetransmitCause,
    },
    /// The retransmission timer fired.
    RtoFired {
        /// The connection.
        id: SocketId,
        /// The back-off that holds from now on.
        rto: Duration,
    },
    /// A zero-window probe went out.
    WindowProbeSent {
        /// The connection.
        id: SocketId,
    },
    /// A tail loss probe went out (RFC 8985 §7).
    LossProbeSent {
        /// The connection.
        id: SocketId,
    },
    /// A keep-alive probe went out.
    KeepAliveProbeSent {
        /// The connection.
        id: SocketId,
    },
    /// R1 was reached: the segment at SND.UNA was retransmitted this often (RFC9293-SHLD-9).
    RetransmissionTrouble {
        /// The connection.
        id: SocketId,
        /// Retransmissions so far.
        count: u32,
    },
    /// A SYN was answered with a cookie; nothing was allocated (RFC 4987 §3.6).
    SynCookieSent {
        /// The listener.
        listener: SocketId,
        /// Who asked.
        remote: SocketAddr,
    },
    /// An ACK brought back a valid cookie.
    SynCookieAccepted {
        /// The listener.
        listener: SocketId,
        /// The connection made from it.
        id: SocketId,
    },
    /// An ACK to a listener that uses cookies held no valid one.
    SynCookieRejected {
        /// The listener.
        listener: SocketId,
        /// Who sent it.
        remote: SocketAddr,
    },
    /// A SYN found the SYN queue or the accept queue full.
    ListenOverflow {
        /// The listener.
        listener: SocketId,
        /// Who asked.
        remote: SocketAddr,
    },
    /// A SYN was trusted: the connection waits in the accept queue before its handshake has ended
    /// (RFC 7413 §4.2.2). [`AcceptReady`](Self::AcceptReady) follows.
    FastOpenAccepted {
        /// The listener.
        listener: SocketId,
        /// The connection.
        id: SocketId,
        /// Bytes taken from the SYN.
        len: u32,
    },
    /// A SYN showed a Fast Open cookie that is not ours.
    FastOpenCookieRejected {
        /// The listener.
        listener: SocketId,
        /// Who sent it.
        remote: SocketAddr,
    },
    /// Too many connections of a listener wait for the end of their handshake for Fast Open to go on.
    FastOpenOverflow {
        /// The listener.
        listener: SocketId,
        /// Who asked.
        remote: SocketAddr,
    },
    /// A half-open connection of a listener was given up without ever being ESTABLISHED.
    HandshakeAbandoned {
        /// The listener.
        listener: SocketId,
        /// The half-open connection.
        id: SocketId,
        /// Why.
        cause: AbandonCause,
    },
    /// Urgent data is now ahead of the user, or its end moved on (RFC9293-MUST-32).
    UrgentSignal {
        /// The connection.
        id: SocketId,
        /// The sequence number after the last urgent byte.
        end: SeqNum,
    },
    /// A soft error became known (RFC9293-MUST-47, SHLD-25).
    SoftError {
        /// The connection.
        id: SocketId,
        /// What was reported.
        error: ConnectionError,
    },
    /// An ICMP error matched no connection, or quoted a sequence number that is not in flight
    /// (RFC5927-1).
    IcmpIgnored {
        /// The connection, if one matched.
        id: Option<SocketId>,
    },
    /// A datagram was no use to any connection.
    DatagramDropped {
        /// Why.
        reason: DropReason,
    },
    /// A datagram was addressed to somebody else.
    NotForThisHost {
        /// To whom.
        destination: SocketAddr,
    },
    /// The path carries only smaller packets; the send MSS went down.
    PathMtuReduced {
        /// The connection.
        id: SocketId,
        /// The effective send MSS from now on.
        mss: u16,
    },
    /// The path carries larger packets than was known, or a router's word is too old to count; the send
    /// MSS went up.
    PathMtuRaised {
        /// The connection.
        id: SocketId,
        /// The effective send MSS from now on.
        mss: u16,
    },
    /// A router says that less fits than has arrived already; it is believed if the segment it quotes
    /// times out (RFC 5927 §7.2).
    PathMtuHeldBack {
        /// The connection.
        id: SocketId,
        /// What it says.
        mtu: u16,
    },
    /// A segment larger than what is known to pass went out (RFC 4821).
    PathMtuProbeSent {
        /// The connection.
        id: SocketId,
        /// Size of its packet in bytes.
        mtu: u16,
    },
}

/// Why a well-formed segment was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Discard {
    /// No acceptable sequence number (RFC 9293 §3.10.7.4, first check).
    Sequence,
    /// An old timestamp (RFC 7323 §5.3 R1).
    Paws,
    /// The negotiated timestamp is missing (RFC 7323 §3.2).
    MissingTimestamp,
    /// A reset outside the window, or one that only earns a challenge (RFC 5961 §3.2).
    Reset,
    /// A SYN where none is due (RFC 5961 §4.2).
    Syn,
    /// No ACK bit where one is needed.
    NoAck,
    /// The ACK field is outside the acceptable range (RFC 9293 §3.10.7.4 fifth check, RFC 5961
    /// §5.2).
    Ack,
    /// A segment for SYN-SENT with neither SYN nor RST.
    NeitherSynNorReset,
    /// Nothing in a listener's state to use the segment for.
    NotForListener,
    /// The SYN or accept queue is full.
    QueueFull,
    /// Text after the peer's FIN.
    TextAfterFin,
    /// Text after our user let go of the socket.
    TextAfterClose,
    /// No signature from a peer with a key (RFC 2385 §2).
    SignatureMissing,
    /// A signature that was not made with the peer's key.
    SignatureWrong,
    /// A signature from a peer without a key.
    SignatureUnexpected,
}

/// What made a segment go out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetransmitCause {
    /// The retransmission timer.
    Timeout,
    /// Three duplicate ACKs (RFC 5681 §3.2).
    FastRetransmit,
    /// A partial ACK in fast recovery (RFC 6582 §3.2).
    PartialAck,
    /// The rest of a flight that counts as lost, as the windows permit: after a timeout, a smaller
    /// path MTU, or a window that was closed.
    LostFlight,
    /// A tail loss probe of what was sent last (RFC 8985 §7.3).
    LossProbe,
    /// The peer repeated its SYN.
    DuplicateSyn,
}

/// Why a half-open connection went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AbandonCause {
    /// All SYN-ACK repeats went unanswered.
    TimedOut,
    /// The peer reset it.
    Reset,
    /// A new SYN came in its window.
    NewSyn,
    /// ICMP reported a hard error.
    Unreachable,
    /// The listener was closed.
    ListenerClosed,
}
