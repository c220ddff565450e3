//! How connections end, in order and by error, and what comes after.

/// A valid RST in TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RstInTimeWait {
    /// RFC 9293 §3.10.7.4: the connection is gone at once.
    Close,
    /// RFC 1337 §3 fix F1: ignored, so that an old duplicate cannot end TIME-WAIT early.
    Ignore,
}

/// A SYN for a connection in TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeWaitSyn {
    /// A new incarnation opens if sequence number or timestamp prove the SYN new (RFC 6191 §2). A
    /// number proves it from RCV.NXT on, for the last one that the old incarnation used is its FIN's.
    Accept,
    /// The same, but the number has to lie beyond RCV.NXT, as Linux and FreeBSD want it.
    AcceptBeyond,
    /// The SYN is treated as in any synchronized state: challenge ACK.
    Refuse,
}

/// The initial sequence number of an incarnation that opens from TIME-WAIT (RFC9293-MAY-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeWaitIss {
    /// As for every connection, if it lies behind what the old one used.
    Generated,
    /// A fixed step behind what the old one used, as Linux has it.
    AfterOld,
}

/// Data that arrives after the user has closed and let go of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataAfterClose {
    /// A RST tells the peer that data was lost (RFC 9293 §3.6.1, half-duplex close).
    Reset,
    /// The same RST that a segment for no connection gets: `<SEQ=SEG.ACK><CTL=RST>`.
    ResetAsUnknown,
    /// Acknowledged and thrown away.
    Discard,
}

/// CLOSE while received data is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreadOnClose {
    /// A RST instead of a FIN (RFC9293-SHLD-3).
    Reset,
    /// A FIN as ever.
    Fin,
}

/// Unread data of a connection that ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceivedOnError {
    /// RFC 9293 §3.10.7.4: all queues are flushed, and the next call gets the error.
    Flush,
    /// It can be read, then comes the error, as on Linux.
    Keep,
}

/// What the user is told of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetError {
    /// "Connection refused" before ESTABLISHED of an active open, "connection reset" after it (RFC 9293
    /// §3.10.7.4).
    ByOpen,
    /// "Refused" in SYN-SENT only, and that the pipe is broken once the peer had closed, as on Linux.
    ByState,
}

/// A hard ICMP error on a synchronized connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HardIcmp {
    /// The connection is aborted (RFC9293-SHLD-26).
    Abort,
    /// Kept as a soft error (RFC5927-2). While the handshake lasts a hard error aborts all the
    /// same.
    Soft,
}

/// A soft ICMP error while the handshake lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoftIcmp {
    /// Noted for the user, the SYN goes on (RFC9293-MUST-56).
    Ignore,
    /// The open fails at once, as many stacks do (RFC 5461).
    Abort,
}
