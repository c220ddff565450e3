//! `getsockopt` and `setsockopt`: what smoltcp has a setting for, and what is above it.

use std::time::Duration;

use smoltcp::socket::tcp::CongestionControl;

use crate::call::{Fd, Outcome, Output};
use crate::target::abi::{family, level};
use crate::target::errno::{EINVAL, ENOPROTOOPT};
use crate::target::smoltcp::blocking::{Attempt, Stop};
use crate::target::smoltcp::descriptors::{Family, Socket, Stage};
use crate::target::smoltcp::host::ACK_DELAY;
use crate::target::smoltcp::kernel::Kernel;
use crate::target::values::{int, read_int, read_timeval, timeval};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ReuseAddress,
    SocketType,
    Error,
    SendBuffer,
    ReceiveBuffer,
    KeepAlive,
    Linger,
    ReceiveLowWater,
    ReceiveTimeout,
    SendTimeout,
    AcceptConn,
    Protocol,
    Domain,
    HopLimit,
    V6Only,
    NoDelay,
    KeepIdle,
    WindowClamp,
    QuickAck,
    Congestion,
    UserTimeout,
}

const TABLE: &[(i32, i32, &str, Kind)] = &[
    (level::SOCKET, 2, "SO_REUSEADDR", Kind::ReuseAddress),
    (level::SOCKET, 3, "SO_TYPE", Kind::SocketType),
    (level::SOCKET, 4, "SO_ERROR", Kind::Error),
    (level::SOCKET, 7, "SO_SNDBUF", Kind::SendBuffer),
    (level::SOCKET, 8, "SO_RCVBUF", Kind::ReceiveBuffer),
    (level::SOCKET, 9, "SO_KEEPALIVE", Kind::KeepAlive),
    (level::SOCKET, 13, "SO_LINGER", Kind::Linger),
    (level::SOCKET, 18, "SO_RCVLOWAT", Kind::ReceiveLowWater),
    (level::SOCKET, 20, "SO_RCVTIMEO", Kind::ReceiveTimeout),
    (level::SOCKET, 21, "SO_SNDTIMEO", Kind::SendTimeout),
    (level::SOCKET, 30, "SO_ACCEPTCONN", Kind::AcceptConn),
    (level::SOCKET, 38, "SO_PROTOCOL", Kind::Protocol),
    (level::SOCKET, 39, "SO_DOMAIN", Kind::Domain),
    (level::IP, 2, "IP_TTL", Kind::HopLimit),
    (level::IPV6, 16, "IPV6_UNICAST_HOPS", Kind::HopLimit),
    (level::IPV6, 26, "IPV6_V6ONLY", Kind::V6Only),
    (level::TCP, 1, "TCP_NODELAY", Kind::NoDelay),
    (level::TCP, 4, "TCP_KEEPIDLE", Kind::KeepIdle),
    (level::TCP, 10, "TCP_WINDOW_CLAMP", Kind::WindowClamp),
    (level::TCP, 12, "TCP_QUICKACK", Kind::QuickAck),
    (level::TCP, 13, "TCP_CONGESTION", Kind::Congestion),
    (level::TCP, 18, "TCP_USER_TIMEOUT", Kind::UserTimeout),
];

/// smoltcp's congestion controls by Linux's names.
const CONTROLS: [(&str, CongestionControl); 2] = [
    ("reno", CongestionControl::Reno),
    ("cubic", CongestionControl::Cubic),
];
/// Length of a congestion control's name with its zeros.
const CONTROL_NAME_LEN: usize = 16;
/// What smoltcp sends without being told: its documentation of `set_hop_limit`.
const HOP_LIMIT: u8 = 64;
/// smoltcp panics on a receive buffer that is larger.
const LARGEST_BUFFER: usize = 1 << 30;

/// Whether an option is known by `LEVEL/NAME`, `SOL_TCP/TCP_NODELAY` or by numbers, `6/1`.
pub(in crate::target::smoltcp) fn is_known(name: &str) -> bool {
    let Some((level_name, option)) = name.split_once('/') else {
        return false;
    };
    let wanted = match level_name {
        "SOL_SOCKET" => Some(level::SOCKET),
        "SOL_TCP" | "IPPROTO_TCP" => Some(level::TCP),
        "SOL_IP" | "IPPROTO_IP" => Some(level::IP),
        "SOL_IPV6" | "IPPROTO_IPV6" => Some(level::IPV6),
        number => number.parse().ok(),
    };
    TABLE.iter().any(|(level, number, name, _)| {
        wanted == Some(*level) && (*name == option || option.parse() == Ok(*number))
    })
}

/// The congestion control of this name.
pub(in crate::target::smoltcp) fn control(name: &str) -> Option<CongestionControl> {
    let found = CONTROLS.iter().find(|entry| entry.0 == name);
    found.map(|entry| entry.1)
}

fn lookup(level: i32, name: i32) -> Result<Kind, Stop> {
    let known = TABLE
        .iter()
        .find(|entry| entry.0 == level && entry.1 == name);
    known.map(|entry| entry.3).ok_or_else(|| {
        let level = match level {
            level::SOCKET => "SOL_SOCKET".to_owned(),
            level::TCP => "SOL_TCP".to_owned(),
            level::IP => "SOL_IP".to_owned(),
            level::IPV6 => "SOL_IPV6".to_owned(),
            number => number.to_string(),
        };
        Stop::unsupported(
            format!("sockopt:{level}/{name}"),
            "smoltcp has nothing that this option could set",
        )
    })
}

impl Kernel {
    pub(in crate::target::smoltcp) fn get_option(
        &mut self,
        fd: Fd,
        level: i32,
        name: i32,
        len: u32,
    ) -> Attempt {
        let socket = self.socket_of(fd)?;
        let kind = lookup(level, name)?;
        check_family(socket, level)?;
        let mut value = match kind {
            Kind::Error => {
                let errno = match socket.stage {
                    Stage::Connection(id, _) => self.take_error(id),
                    Stage::Fresh | Stage::Listening(_) => None,
                };
                int(errno.map_or(0, |errno| errno.0))
            }
            Kind::Linger => {
                let linger = socket.local.linger;
                let seconds = linger.map_or(0, |length| clamp(length.as_secs()));
                [int(i32::from(linger.is_some())), int(seconds)].concat()
            }
            Kind::ReceiveTimeout => timeval(socket.local.receive_timeout),
            Kind::SendTimeout => timeval(socket.local.send_timeout),
            Kind::Congestion => {
                let set = socket.options.control;
                let found = CONTROLS.iter().find(|entry| entry.1 == set);
                let mut name = found.map_or("", |entry| entry.0).as_bytes().to_vec();
                name.resize(CONTROL_NAME_LEN, 0);
                name
            }
            other => int(get_int(socket, other)),
        };
        value.truncate(len as usize);
        Ok(Outcome::with(0, Output::Bytes(value)))
    }

    pub(in crate::target::smoltcp) fn set_option(
        &mut self,
        fd: Fd,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Attempt {
        let mut changed = self.socket_of(fd)?.clone();
        let kind = lookup(level, name)?;
        check_family(&changed, level)?;
        match kind {
            Kind::Congestion => changed.options.control = read_control(value)?,
            Kind::Linger => {
                let (on, seconds) = (read_int(value, 0)?, read_int(value, 4)?);
                let seconds = u64::try_from(seconds).unwrap_or(u64::from(u32::MAX));
                changed.local.linger = (on != 0).then_some(Duration::from_secs(seconds));
            }
            Kind::ReceiveTimeout => changed.local.receive_timeout = read_timeval(value)?,
            Kind::SendTimeout => changed.local.send_timeout = read_timeval(value)?,
            // ip(7): the options of IPv4 also take a single byte.
            Kind::HopLimit if level == level::IP && value.len() == 1 => {
                set_int(&mut changed, kind, i32::from(value[0]))?;
            }
            other => set_int(&mut changed, other, read_int(value, 0)?)?,
        }
        let (before, after) = (self.socket_of(fd)?.told(), changed.told());
        let fixed = before.receive_buffer != after.receive_buffer
            || before.send_buffer != after.send_buffer
            || before.control != after.control;
        let stage = changed.stage.clone();
        if fixed && matches!(stage, Stage::Connection(..)) {
            return Err(Stop::unsupported(
                "sockopt:on-a-connection",
                "smoltcp's sockets keep their buffers and their congestion control",
            ));
        }
        *self.socket_of_mut(fd)? = changed;
        if before != after {
            match stage {
                Stage::Fresh => {}
                Stage::Listening(_) => self.renew(fd)?,
                Stage::Connection(id, _) => self.host.set(id, &after),
            }
        }
        Ok(Outcome::ok(0))
    }
}

/// Options of IPv6 are for its sockets only.
fn check_family(socket: &Socket, level: i32) -> Result<(), Stop> {
    if level == level::IPV6 && socket.family == Family::Inet {
        return Err(ENOPROTOOPT.into());
    }
    Ok(())
}

fn get_int(socket: &Socket, kind: Kind) -> i32 {
    let (options, local) = (&socket.options, &socket.local);
    match kind {
        Kind::ReuseAddress => i32::from(local.reuse_address),
        Kind::SocketType => family::STREAM,
        // Linux shows twice what was asked for: half of it is for its own use.
        Kind::SendBuffer => clamp(options.send_buffer as u64 * 2),
        Kind::ReceiveBuffer => clamp(options.receive_buffer as u64 * 2),
        Kind::KeepAlive => i32::from(local.keep_alive),
        Kind::ReceiveLowWater => clamp(local.receive_low_water as u64),
        Kind::AcceptConn => i32::from(matches!(socket.stage, Stage::Listening(_))),
        Kind::Protocol => family::PROTOCOL_TCP,
        Kind::Domain => match socket.family {
            Family::Inet => family::INET,
            Family::Inet6 => family::INET6,
        },
        Kind::HopLimit => i32::from(options.hop_limit.unwrap_or(HOP_LIMIT)),
        Kind::V6Only => i32::from(local.v6_only),
        Kind::NoDelay => i32::from(!options.nagle),
        Kind::KeepIdle => clamp(local.keep_idle.as_secs()),
        Kind::WindowClamp => clamp(local.window_clamp.unwrap_or(0) as u64),
        Kind::QuickAck => i32::from(options.ack_delay.is_none()),
        Kind::UserTimeout => options
            .timeout
            .map_or(0, |length| clamp(length.total_millis())),
        Kind::Error
        | Kind::Linger
        | Kind::ReceiveTimeout
        | Kind::SendTimeout
        | Kind::Congestion => 0,
    }
}

fn set_int(socket: &mut Socket, kind: Kind, value: i32) -> Result<(), Stop> {
    let on = value != 0;
    let (options, local) = (&mut socket.options, &mut socket.local);
    match kind {
        Kind::ReuseAddress => local.reuse_address = on,
        Kind::SendBuffer => options.send_buffer = buffer(value),
        Kind::ReceiveBuffer => options.receive_buffer = buffer(value),
        Kind::KeepAlive => local.keep_alive = on,
        Kind::ReceiveLowWater => {
            let value = if value < 0 { i32::MAX } else { value };
            local.receive_low_water = usize::try_from(value.max(1)).unwrap_or(1);
        }
        Kind::HopLimit => {
            // −1 is "back to the default".
            options.hop_limit = match value {
                -1 => None,
                1..=255 => u8::try_from(value).ok(),
                _ => return Err(EINVAL.into()),
            };
        }
        Kind::V6Only => local.v6_only = on,
        Kind::NoDelay => options.nagle = !on,
        Kind::KeepIdle => {
            local.keep_idle = Duration::from_secs(ranged(value, 1, 32_767)?);
        }
        Kind::WindowClamp => {
            let clamp = ranged(value, 0, i32::MAX)?;
            local.window_clamp = usize::try_from(clamp).ok().filter(|clamp| *clamp != 0);
        }
        Kind::QuickAck => options.ack_delay = (!on).then_some(ACK_DELAY),
        Kind::UserTimeout => {
            let length = ranged(value, 0, i32::MAX)?;
            options.timeout = (length != 0).then_some(Duration::from_millis(length).into());
        }
        // Read-only options; the others never get here.
        _ => return Err(ENOPROTOOPT.into()),
    }
    Ok(())
}

fn read_control(value: &[u8]) -> Result<CongestionControl, Stop> {
    let text: Vec<u8> = value
        .iter()
        .copied()
        .take(CONTROL_NAME_LEN - 1)
        .take_while(|byte| *byte != 0)
        .collect();
    let name = String::from_utf8_lossy(&text);
    match control(&name) {
        Some(control) => Ok(control),
        None if name.is_empty() => Err(EINVAL.into()),
        None => Err(Stop::unsupported(
            format!("congestion:{name}"),
            "smoltcp has Reno and CUBIC",
        )),
    }
}

fn buffer(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0).clamp(1, LARGEST_BUFFER)
}

fn ranged(value: i32, low: i32, high: i32) -> Result<u64, Stop> {
    if (low..=high).contains(&value) {
        Ok(u64::from(value.unsigned_abs()))
    } else {
        Err(EINVAL.into())
    }
}

fn clamp(value: u64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("SOL_TCP/TCP_NODELAY", true)]
    #[case("IPPROTO_TCP/TCP_NODELAY", true)]
    #[case("6/1", true)]
    #[case("SOL_SOCKET/TCP_NODELAY", false)]
    #[case("SOL_TCP/TCP_MAXSEG", false)]
    #[case("SOL_TCP", false)]
    fn options_are_known_by_level_and_name(#[case] name: &str, #[case] known: bool) {
        assert_eq!(is_known(name), known);
    }
}
