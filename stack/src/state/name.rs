//! The names of the eleven states.

use core::fmt;

/// The state of a connection by its RFC 9293 §3.3.2 name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateName {
    /// No connection at all.
    Closed,
    /// Waits for a connection request.
    Listen,
    /// Sent a SYN, waits for one.
    SynSent,
    /// Sent and received a SYN, waits for the acknowledgment of its own.
    SynReceived,
    /// Open; data may flow both ways.
    Established,
    /// Sent a FIN; neither acknowledged nor answered yet.
    FinWait1,
    /// Our FIN is acknowledged; waits for the peer's.
    FinWait2,
    /// The peer sent a FIN; waits for our user to close.
    CloseWait,
    /// Both FINs crossed; waits for the acknowledgment of ours.
    Closing,
    /// Answered the peer's FIN with ours; waits for its acknowledgment.
    LastAck,
    /// Both FINs are acknowledged; waits 2MSL.
    TimeWait,
}

impl StateName {
    /// All eleven, in the RFC's order of life, CLOSED first.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// The RFC's spelling, such as `SYN-RECEIVED`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// Whether both ends have seen each other's SYN acknowledged (RFC 9293 §3.5.2, third group).
    pub const fn is_synchronized(self) -> bool {
        match self {
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived => false,
            Self::Established
            | Self::FinWait1
            | Self::FinWait2
            | Self::CloseWait
            | Self::Closing
            | Self::LastAck
            | Self::TimeWait => true,
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
