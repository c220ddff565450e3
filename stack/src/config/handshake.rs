//! What a host does with odd SYNs, and what the SYNs agree on.

use crate::ecn::Feedback;

/// Data on a SYN, before the connection exists (RFC9293-SM-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynData {
    /// Not taken: the SYN-ACK acknowledges the SYN only and the peer sends the data again.
    Drop,
    /// Acknowledged, kept, and handed to the user once ESTABLISHED is reached.
    Queue,
}

/// A SYN with FIN, for a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynWithFin {
    /// The SYN counts, the FIN does not (RFC 9293 §3.10.7.2).
    TakeSyn,
    /// Dropped in silence, as Linux does.
    Drop,
}

/// Answer to a repeat of the opening SYN in SYN-RECEIVED (RFC9293-SM-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DuplicateSyn {
    /// RFC 9293's first check: the SYN is below the window, a pure ACK answers.
    Ack,
    /// The SYN-ACK goes out again, as Linux does.
    RetransmitSynAck,
}

/// A further SYN in the window of a passive SYN-RECEIVED (RFC9293-SM-24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InWindowSyn {
    /// RFC 9293 fourth check: the half-open connection goes and the listener waits anew.
    ReturnToListen,
    /// A RST is sent as well, in the form that CLOSED has for the new SYN.
    ResetAndReturnToListen,
    /// The SYN-ACK goes out again, whatever number the new SYN has.
    RetransmitSynAck,
    /// RFC 5961 §4.2's answer for synchronized states: a challenge ACK, nothing else.
    ChallengeAck,
}

/// When a listener uses SYN cookies (RFC 4987 §3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynCookies {
    /// A SYN that finds the SYN queue full is dropped.
    Never,
    /// A SYN that finds the SYN queue full is answered with a cookie.
    OnOverflow,
    /// Every SYN is answered with a cookie.
    Always,
}

/// When connections use ECN, and in which form (RFC 3168 §6.1.1, RFC 9768 §3.1). Who takes accurate
/// feedback takes that of RFC 3168 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EcnUse {
    /// Never.
    Off,
    /// That of RFC 3168 where the peer asks for it.
    Accept,
    /// Our own opens ask for it as well.
    Request,
    /// What the peer asks for, accurate or not.
    AccurateAccept,
    /// The same, and our own opens ask for that of RFC 3168.
    AccurateAcceptRequest,
    /// The same, and our own opens ask for accurate feedback.
    AccurateRequest,
}

impl EcnUse {
    /// The best that a peer gets who asks for it.
    pub const fn accepts(self) -> Option<Feedback> {
        match self {
            Self::Off => None,
            Self::Accept | Self::Request => Some(Feedback::Classic),
            Self::AccurateAccept | Self::AccurateAcceptRequest | Self::AccurateRequest => {
                Some(Feedback::Accurate)
            }
        }
    }

    /// What our own opens ask for.
    pub const fn requests(self) -> Option<Feedback> {
        match self {
            Self::Off | Self::Accept | Self::AccurateAccept => None,
            Self::Request | Self::AccurateAcceptRequest => Some(Feedback::Classic),
            Self::AccurateRequest => Some(Feedback::Accurate),
        }
    }
}

/// A non-RST segment that lacks the negotiated timestamp (RFC7323-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissingTimestamp {
    /// Dropped without an answer.
    Drop,
    /// Processed as if PAWS had nothing to say.
    Accept,
}
