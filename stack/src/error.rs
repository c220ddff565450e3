//! What a user call or a connection can fail with.

use core::fmt;

/// Why a connection ended otherwise than by an orderly close.
///
/// RFC 9293 §3.10 words these as "error: connection reset" and so on. A connection reports its
/// error once: through the pending call, or through [`Host::take_error`](crate::Host::take_error).
// REQ: RFC9293-MUST-12
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionError {
    /// The peer answered our SYN with a reset (RFC 9293 §3.10.7.3, §3.10.7.4 for a crossed open).
    Refused,
    /// The peer reset a connection that was established (RFC 9293 §3.10.7.4).
    Reset,
    /// The peer reset a connection after it had closed its own direction, where that is told apart
    /// ([`ResetError::ByState`](crate::config::ResetError::ByState)).
    ResetAfterClose,
    /// Nothing was acknowledged for the user timeout or R2, or keep-alive probes stayed unanswered
    /// (RFC 9293 §3.8.3, §3.8.4, §3.10.8).
    TimedOut,
    /// ICMP reported that the peer cannot be reached (RFC 9293 §3.9.2.2).
    Unreachable(Unreachable),
    /// Our own user ended the connection by ABORT (RFC 9293 §3.10.5).
    Aborted,
}

/// The kind of an ICMP destination problem, the same for both families.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unreachable {
    /// No route to the network (ICMPv4 3/0, ICMPv6 1/0).
    Network,
    /// The host does not answer (ICMPv4 3/1, ICMPv6 1/3).
    Host,
    /// The host does not speak TCP (ICMPv4 3/2, ICMPv6 4/1).
    Protocol,
    /// The port is closed (ICMPv4 3/3, ICMPv6 1/4).
    Port,
    /// A packet was too big for the path and may not be fragmented (ICMPv4 3/4, ICMPv6 2/0).
    PacketTooBig,
    /// The source route failed (ICMPv4 3/5).
    SourceRoute,
    /// A filter forbids the path (ICMPv4 3/9, 3/10, 3/13, ICMPv6 1/1).
    Prohibited,
    /// The hop limit ran out, or a fragment was never completed (ICMPv4 11, ICMPv6 3).
    TimeExceeded,
    /// A header field was refused (ICMPv4 12, ICMPv6 4/0).
    ParameterProblem,
}

/// Why a user call did not do what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallError {
    /// The id names no socket: it was closed and let go, or never existed (RFC 9293: "connection
    /// does not exist").
    NoSuchSocket,
    /// The socket is a listener, or its handshake is not finished; the call needs a connection.
    NotConnected,
    /// The 4-tuple is in use (RFC 9293 §3.10.1: "connection already exists").
    AlreadyConnected,
    /// The call makes no sense for this kind of socket, such as `accept` on a connection.
    InvalidState,
    /// The local port is taken by a listener, a connection or a TIME-WAIT.
    AddressInUse,
    /// The local address is not one of the host's.
    AddressNotAvailable,
    /// The remote address may not be connected to: unspecified, broadcast, multicast, port 0 or
    /// another family.
    InvalidRemote,
    /// An argument is out of its documented range.
    InvalidArgument,
    /// No ephemeral port is free, or a limit is reached (RFC 9293: "insufficient resources").
    InsufficientResources,
    /// The user has already closed this direction (RFC 9293: "connection closing").
    Closing,
    /// The RFC would queue the call; this interface returns and the caller tries again after
    /// readiness changes.
    WouldBlock,
    /// The connection ended with an error.
    Connection(ConnectionError),
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Reset | Self::ResetAfterClose => f.write_str("connection reset"),
            Self::TimedOut => f.write_str("connection timed out"),
            Self::Unreachable(kind) => write!(f, "destination unreachable ({kind})"),
            Self::Aborted => f.write_str("connection aborted by the local user"),
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Host => "host",
            Self::Protocol => "protocol",
            Self::Port => "port",
            Self::PacketTooBig => "packet too big",
            Self::SourceRoute => "source route failed",
            Self::Prohibited => "administratively prohibited",
            Self::TimeExceeded => "time exceeded",
            Self::ParameterProblem => "parameter problem",
        })
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchSocket => f.write_str("no such socket"),
            Self::NotConnected => f.write_str("not connected"),
            Self::AlreadyConnected => f.write_str("connection already exists"),
            Self::InvalidState => f.write_str("call not possible on this socket"),
            Self::AddressInUse => f.write_str("local address and port in use"),
            Self::AddressNotAvailable => f.write_str("local address is not one of this host's"),
            Self::InvalidRemote => f.write_str("remote address cannot be connected to"),
            Self::InvalidArgument => f.write_str("argument out of range"),
            Self::InsufficientResources => f.write_str("insufficient resources"),
            Self::Closing => f.write_str("connection closing"),
            Self::WouldBlock => f.write_str("call would block"),
            Self::Connection(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ConnectionError {}
impl core::error::Error for CallError {}

impl From<ConnectionError> for CallError {
    fn from(error: ConnectionError) -> Self {
        Self::Connection(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    /// What a user reads. An error of the connection is told by a call in its own words.
    #[test]
    fn errors_are_told_in_words() {
        let kinds = [
            Unreachable::Network,
            Unreachable::Host,
            Unreachable::Protocol,
            Unreachable::Port,
            Unreachable::PacketTooBig,
            Unreachable::SourceRoute,
            Unreachable::Prohibited,
            Unreachable::TimeExceeded,
            Unreachable::ParameterProblem,
        ];
        let mut errors = Vec::from([
            CallError::NoSuchSocket,
            CallError::NotConnected,
            CallError::AlreadyConnected,
            CallError::InvalidState,
            CallError::AddressInUse,
            CallError::AddressNotAvailable,
            CallError::InvalidRemote,
            CallError::InvalidArgument,
            CallError::InsufficientResources,
            CallError::Closing,
            CallError::WouldBlock,
            ConnectionError::Refused.into(),
            ConnectionError::Reset.into(),
            ConnectionError::ResetAfterClose.into(),
            ConnectionError::TimedOut.into(),
            ConnectionError::Aborted.into(),
        ]);
        errors.extend(kinds.map(|kind| CallError::from(ConnectionError::Unreachable(kind))));
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
