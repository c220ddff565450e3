//! The symbols of scripts: names of numbers, and back.
//!
//! All numbers are Linux's on x86-64, whatever the host: a program is the same
//! everywhere, and a target whose own numbers differ translates.

mod ancillary;
mod code_block;
mod dscp;
mod errno;
mod file;
pub mod icmp;
mod ip;
mod names;
mod poll;
mod signal;
mod socket;
mod tcp;

use crate::call::Errno;

pub use names::{
    control_name, epoll_mask, family_name, flags_of_message, poll_mask, statistic_len,
    statistic_name,
};

const TABLES: &[&[(&str, i64)]] = &[
    socket::TABLE,
    tcp::TABLE,
    ip::TABLE,
    file::TABLE,
    poll::TABLE,
    ancillary::TABLE,
    signal::TABLE,
    &[("NULL", 0)],
];

/// The number of a symbol: a constant of a call, or an errno name.
pub fn lookup(name: &str) -> Option<i64> {
    TABLES
        .iter()
        .flat_map(|table| table.iter())
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
        .or_else(|| errno(name).map(|errno| i64::from(errno.0)))
}

/// Every symbol, for suggestions.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES
        .iter()
        .flat_map(|table| table.iter().map(|(name, _)| *name))
        .chain(errno_names())
}

/// The six bits of a DSCP name such as `af11`.
pub fn dscp(name: &str) -> Option<u8> {
    dscp::TABLE
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, bits)| *bits)
}

/// Every DSCP name.
pub fn dscp_names() -> impl Iterator<Item = &'static str> {
    dscp::TABLE.iter().map(|(name, _)| *name)
}

/// The errno of this name.
pub fn errno(name: &str) -> Option<Errno> {
    errno::TABLE
        .iter()
        .find(|(known, _, _)| *known == name)
        .map(|(_, number, _)| Errno(*number))
}

/// Every errno name.
pub fn errno_names() -> impl Iterator<Item = &'static str> {
    errno::TABLE.iter().map(|(name, _, _)| *name)
}

/// The name of an errno, such as `EAGAIN`.
pub fn errno_name(errno: Errno) -> Option<&'static str> {
    errno_row(errno).map(|(name, _)| name)
}

/// What an errno means, such as "Resource temporarily unavailable".
pub fn errno_text(errno: Errno) -> Option<&'static str> {
    errno_row(errno).map(|(_, text)| text)
}

fn errno_row(errno: Errno) -> Option<(&'static str, &'static str)> {
    errno::TABLE
        .iter()
        .find(|(_, number, _)| *number == errno.0)
        .map(|(name, _, text)| (*name, *text))
}

/// Level and name of a socket option as capabilities call it: `SOL_TCP/TCP_NODELAY`.
/// Numbers without a name stand as numbers.
pub fn socket_option(level: i32, name: i32) -> String {
    let (level_name, prefix) = match level {
        1 => ("SOL_SOCKET", "SO_"),
        6 => ("SOL_TCP", "TCP_"),
        0 => ("SOL_IP", "IP_"),
        41 => ("SOL_IPV6", "IPV6_"),
        17 => ("SOL_UDP", "UDP_"),
        _ => return format!("{level}/{name}"),
    };
    let table = match level {
        1 => socket::TABLE,
        6 => tcp::TABLE,
        _ => ip::TABLE,
    };
    let known = table.iter().find(|(known, number)| {
        known.starts_with(prefix) && !known.contains("_PMTUDISC_") && *number == i64::from(name)
    });
    match known {
        Some((known, _)) => format!("{level_name}/{known}"),
        None => format!("{level_name}/{name}"),
    }
}

/// The name of an ioctl request, such as `SIOCINQ` (which is also `FIONREAD`).
pub fn ioctl_name(request: u64) -> Option<&'static str> {
    file::TABLE
        .iter()
        .filter(|(name, _)| {
            name.starts_with("SIOC") || name.starts_with("FIO") || name.starts_with("TIOC")
        })
        .find(|(_, number)| u64::try_from(*number) == Ok(request))
        .map(|(name, _)| *name)
}

/// The number of a constant that code blocks can use, such as `TCP_ESTABLISHED`.
pub fn code_constant(name: &str) -> Option<i64> {
    code_block::CONSTANTS
        .iter()
        .chain(
            tcp::TABLE
                .iter()
                .filter(|(known, _)| known.starts_with("TCP_CA_")),
        )
        .find(|(known, _)| *known == name)
        .map(|(_, number)| *number)
}

/// Whether a code block can see a variable of this name, such as `tcpi_rtt`.
pub fn is_code_variable(name: &str) -> bool {
    code_variables().any(|known| known == name)
}

/// Every variable of code blocks: the members of the socket's statistics.
pub fn code_variables() -> impl Iterator<Item = &'static str> {
    code_block::VARIABLES.iter().copied()
}

/// Every constant of code blocks.
pub fn code_constants() -> impl Iterator<Item = &'static str> {
    code_block::CONSTANTS
        .iter()
        .chain(
            tcp::TABLE
                .iter()
                .filter(|(known, _)| known.starts_with("TCP_CA_")),
        )
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("AF_INET6", 10)]
    #[case("SOCK_NONBLOCK", 0x800)]
    #[case("SOL_SOCKET", 1)]
    #[case("SO_REUSEADDR", 2)]
    #[case("TCP_INQ", 36)]
    #[case("O_NONBLOCK", 0x800)]
    #[case("EPOLLET", 0x8000_0000)]
    #[case("SIOCINQ", 0x541b)]
    #[case("CAP_SYS_TIME", 25)]
    #[case("SPLICE_F_MOVE", 1)]
    #[case("ENOPROTOOPT", 92)]
    #[case("SIGUSR1", 10)]
    #[case("SA_RESTART", 0x1000_0000)]
    #[case("EFD_NONBLOCK", 0x800)]
    #[case("TCP_REPAIR_OFF_NO_WP", -1)]
    #[case("TCP_INFINITE_SSTHRESH", 0x7fff_ffff)]
    #[case("NULL", 0)]
    fn symbols_have_the_numbers_of_linux(#[case] name: &str, #[case] number: i64) {
        assert_eq!(lookup(name), Some(number));
    }

    #[test]
    fn no_name_stands_twice() {
        let mut all: Vec<&str> = names().collect();
        all.sort_unstable();
        for pair in all.windows(2) {
            assert_ne!(pair[0], pair[1]);
        }
    }

    #[rstest]
    #[case(1, 2, "SOL_SOCKET/SO_REUSEADDR")]
    #[case(6, 36, "SOL_TCP/TCP_INQ")]
    #[case(6, 4, "SOL_TCP/TCP_KEEPIDLE")]
    #[case(0, 1, "SOL_IP/IP_TOS")]
    #[case(0, 2, "SOL_IP/IP_TTL")]
    #[case(41, 67, "SOL_IPV6/IPV6_TCLASS")]
    #[case(6, 999, "SOL_TCP/999")]
    #[case(41, 2, "SOL_IPV6/2")]
    #[case(200, 1, "200/1")]
    fn socket_options_have_one_name(#[case] level: i32, #[case] name: i32, #[case] want: &str) {
        assert_eq!(socket_option(level, name), want);
    }

    #[test]
    fn errno_names_are_canonical() {
        assert_eq!(errno("EWOULDBLOCK"), errno("EAGAIN"));
        assert_eq!(errno_name(Errno(11)), Some("EAGAIN"));
        assert_eq!(errno_text(Errno(104)), Some("Connection reset by peer"));
    }

    #[test]
    fn code_blocks_know_states_and_statistics() {
        assert_eq!(code_constant("TCP_CLOSING"), Some(11));
        assert_eq!(code_constant("TCP_CA_Loss"), Some(4));
        assert!(is_code_variable("tcpi_snd_cwnd"));
        assert!(!is_code_variable("tcpi_cwnd"));
        assert_eq!(ioctl_name(0x541b), Some("SIOCINQ"));
    }
}
