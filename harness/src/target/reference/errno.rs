//! Errors of the stack as Linux's errno values.

use tcpdrill_stack::error::Unreachable;
use tcpdrill_stack::{CallError, ConnectionError};

use crate::call::Errno;
pub(super) use crate::target::errno::*;

/// What `SO_ERROR` or a call says about a connection that ended. The family of the packets
/// matters: ICMPv4 and ICMPv6 word the same trouble differently.
pub(super) fn of_connection(error: ConnectionError, ipv6_packets: bool) -> Errno {
    match error {
        ConnectionError::Refused => ECONNREFUSED,
        ConnectionError::Reset => ECONNRESET,
        ConnectionError::ResetAfterClose => EPIPE,
        ConnectionError::TimedOut => ETIMEDOUT,
        ConnectionError::Aborted => ECONNABORTED,
        ConnectionError::Unreachable(kind) => of_unreachable(kind, ipv6_packets),
    }
}

fn of_unreachable(kind: Unreachable, ipv6_packets: bool) -> Errno {
    match (kind, ipv6_packets) {
        (Unreachable::Network, _) => ENETUNREACH,
        (Unreachable::Protocol, false) => ENOPROTOOPT,
        (Unreachable::Protocol, true) | (Unreachable::ParameterProblem, _) => EPROTO,
        (Unreachable::Port, _) => ECONNREFUSED,
        (Unreachable::PacketTooBig, _) => EMSGSIZE,
        (Unreachable::SourceRoute, _) => EOPNOTSUPP,
        (Unreachable::Prohibited, true) => EACCES,
        (Unreachable::Host | Unreachable::TimeExceeded, _) | (Unreachable::Prohibited, false) => {
            EHOSTUNREACH
        }
    }
}

/// What `bind`, `listen` and `connect` say when the stack refuses to open.
pub(super) fn of_open(error: CallError, active: bool, ipv6_packets: bool) -> Errno {
    match error {
        // connect(2): no free local port, or the 4-tuple is taken.
        CallError::InsufficientResources | CallError::AlreadyConnected => EADDRNOTAVAIL,
        CallError::AddressInUse if active => EADDRNOTAVAIL,
        CallError::AddressInUse => EADDRINUSE,
        CallError::AddressNotAvailable => EADDRNOTAVAIL,
        CallError::InvalidRemote => ENETUNREACH,
        CallError::NotConnected => ENOTCONN,
        CallError::InvalidState | CallError::InvalidArgument | CallError::NoSuchSocket => EINVAL,
        CallError::Closing => EPIPE,
        CallError::WouldBlock => EAGAIN,
        CallError::Connection(error) => of_connection(error, ipv6_packets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(ConnectionError::Refused, false, 111)]
    #[case(ConnectionError::Reset, false, 104)]
    #[case(ConnectionError::TimedOut, true, 110)]
    #[case(ConnectionError::Unreachable(Unreachable::Host), false, 113)]
    #[case(ConnectionError::Unreachable(Unreachable::Protocol), false, 92)]
    #[case(ConnectionError::Unreachable(Unreachable::Protocol), true, 71)]
    #[case(ConnectionError::Unreachable(Unreachable::Port), true, 111)]
    #[case(ConnectionError::Unreachable(Unreachable::Prohibited), true, 13)]
    fn a_connection_error_has_linuxs_number(
        #[case] error: ConnectionError,
        #[case] ipv6: bool,
        #[case] errno: i32,
    ) {
        assert_eq!(of_connection(error, ipv6), Errno(errno));
    }
}
