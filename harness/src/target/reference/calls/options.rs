//! `getsockopt` and `setsockopt`: one table of the options that are known.

use std::time::Duration;

use tcpdrill_stack::config::SendRoom;
use tcpdrill_stack::{SocketOptions, Status};

use crate::call::{Fd, Outcome, Output};
use crate::program::IpVersion;
use crate::target::reference::abi::{family, level};
use crate::target::reference::blocking::{Attempt, Stop};
use crate::target::reference::descriptors::{Family, Socket, Stage};
use crate::target::reference::errno::{EINVAL, ENOENT, ENOPROTOOPT};
use crate::target::reference::fast_open::FastOpen;
use crate::target::reference::kernel::Kernel;
use crate::target::reference::md5;
use crate::target::reference::sysctl::back_off;
use crate::target::values::{int, read_int, read_timeval, timeval};

/// The options the reference target knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    ReuseAddress,
    SocketType,
    Error,
    SendBuffer,
    ReceiveBuffer,
    KeepAlive,
    UrgentInline,
    Linger,
    ReceiveLowWater,
    SendLowWater,
    ReceiveTimeout,
    SendTimeout,
    AcceptConn,
    Protocol,
    Domain,
    Tos,
    Ttl,
    TrafficClass,
    HopLimit,
    V6Only,
    NoDelay,
    MaxSegment,
    Cork,
    UnsentLowWater,
    KeepIdle,
    KeepInterval,
    KeepCount,
    WindowClamp,
    QuickAck,
    Congestion,
    UserTimeout,
    SynCount,
    FastOpen(FastOpen),
    Inq,
    MaxPacingRate,
    ZeroCopy,
    Timestamping,
    /// Nothing that is sent or received depends on it here; the least and the greatest value, and the
    /// default.
    Remembered(i32, i32, i32),
    /// The same, on or off.
    RememberedFlag,
    /// With a prefix or without.
    Md5 {
        extended: bool,
    },
}

/// Any value; there are no queues, routes or foreign addresses that it could choose.
const FREE: Kind = Kind::Remembered(i32::MIN, i32::MAX, 0);

const TABLE: &[(i32, i32, &str, Kind)] = &[
    (level::SOCKET, 2, "SO_REUSEADDR", Kind::ReuseAddress),
    (level::SOCKET, 3, "SO_TYPE", Kind::SocketType),
    (level::SOCKET, 4, "SO_ERROR", Kind::Error),
    (level::SOCKET, 7, "SO_SNDBUF", Kind::SendBuffer),
    (level::SOCKET, 8, "SO_RCVBUF", Kind::ReceiveBuffer),
    (level::SOCKET, 9, "SO_KEEPALIVE", Kind::KeepAlive),
    (level::SOCKET, 10, "SO_OOBINLINE", Kind::UrgentInline),
    (level::SOCKET, 13, "SO_LINGER", Kind::Linger),
    (level::SOCKET, 18, "SO_RCVLOWAT", Kind::ReceiveLowWater),
    (level::SOCKET, 19, "SO_SNDLOWAT", Kind::SendLowWater),
    (level::SOCKET, 20, "SO_RCVTIMEO", Kind::ReceiveTimeout),
    (level::SOCKET, 21, "SO_SNDTIMEO", Kind::SendTimeout),
    (level::SOCKET, 30, "SO_ACCEPTCONN", Kind::AcceptConn),
    (level::SOCKET, 38, "SO_PROTOCOL", Kind::Protocol),
    (level::SOCKET, 39, "SO_DOMAIN", Kind::Domain),
    (level::SOCKET, 47, "SO_MAX_PACING_RATE", Kind::MaxPacingRate),
    (level::SOCKET, 12, "SO_PRIORITY", FREE),
    (level::SOCKET, 36, "SO_MARK", FREE),
    (level::SOCKET, 37, "SO_TIMESTAMPING", Kind::Timestamping),
    (level::SOCKET, 60, "SO_ZEROCOPY", Kind::ZeroCopy),
    (level::IP, 1, "IP_TOS", Kind::Tos),
    (level::IP, 2, "IP_TTL", Kind::Ttl),
    // Nothing is fragmented here, and what routers say is heard.
    (level::IP, 10, "IP_MTU_DISCOVER", Kind::Remembered(0, 5, 1)),
    (level::IP, 15, "IP_FREEBIND", Kind::RememberedFlag),
    (level::IPV6, 16, "IPV6_UNICAST_HOPS", Kind::HopLimit),
    (level::IPV6, 26, "IPV6_V6ONLY", Kind::V6Only),
    (level::IPV6, 67, "IPV6_TCLASS", Kind::TrafficClass),
    (level::TCP, 1, "TCP_NODELAY", Kind::NoDelay),
    (level::TCP, 2, "TCP_MAXSEG", Kind::MaxSegment),
    (level::TCP, 3, "TCP_CORK", Kind::Cork),
    (level::TCP, 4, "TCP_KEEPIDLE", Kind::KeepIdle),
    (level::TCP, 5, "TCP_KEEPINTVL", Kind::KeepInterval),
    (level::TCP, 6, "TCP_KEEPCNT", Kind::KeepCount),
    (level::TCP, 7, "TCP_SYNCNT", Kind::SynCount),
    (level::TCP, 10, "TCP_WINDOW_CLAMP", Kind::WindowClamp),
    (level::TCP, 12, "TCP_QUICKACK", Kind::QuickAck),
    (level::TCP, 13, "TCP_CONGESTION", Kind::Congestion),
    (level::TCP, 14, "TCP_MD5SIG", Kind::Md5 { extended: false }),
    (level::TCP, 18, "TCP_USER_TIMEOUT", Kind::UserTimeout),
    (
        level::TCP,
        23,
        "TCP_FASTOPEN",
        Kind::FastOpen(FastOpen::Queue),
    ),
    (level::TCP, 25, "TCP_NOTSENT_LOWAT", Kind::UnsentLowWater),
    (
        level::TCP,
        30,
        "TCP_FASTOPEN_CONNECT",
        Kind::FastOpen(FastOpen::Connect),
    ),
    (
        level::TCP,
        33,
        "TCP_FASTOPEN_KEY",
        Kind::FastOpen(FastOpen::Key),
    ),
    (
        level::TCP,
        34,
        "TCP_FASTOPEN_NO_COOKIE",
        Kind::FastOpen(FastOpen::NoCookie),
    ),
    (
        level::TCP,
        32,
        "TCP_MD5SIG_EXT",
        Kind::Md5 { extended: true },
    ),
    (level::TCP, 36, "TCP_INQ", Kind::Inq),
];

/// A rate in bytes a second, in four bytes or eight; all ones take the bound away.
fn read_rate(value: &[u8]) -> Result<Option<u64>, Stop> {
    if let Ok(bytes) = <[u8; 8]>::try_from(value) {
        let rate = u64::from_ne_bytes(bytes);
        return Ok(Some(rate).filter(|rate| *rate != u64::MAX));
    }
    let rate = read_int(value, 0)? as u32;
    Ok((rate != u32::MAX).then_some(u64::from(rate)))
}

/// Congestion controls Linux may have and the reference does not.
const OTHER_CONTROLS: &[&str] = &[
    "bbr",
    "bic",
    "cdg",
    "cubic",
    "dctcp",
    "highspeed",
    "htcp",
    "hybla",
    "illinois",
    "lp",
    "nv",
    "scalable",
    "vegas",
    "veno",
    "westwood",
    "yeah",
];

/// Linux's default MSS before a connection knows better (RFC 9293 §3.7.1).
const DEFAULT_MSS: i32 = 536;
/// Linux's default number of SYN retransmissions.
const DEFAULT_SYN_COUNT: i32 = 6;
/// Linux's lower bounds for the doubled buffer sizes.
const MIN_SEND_BUFFER: i32 = 4608;
const MIN_RECEIVE_BUFFER: i32 = 2304;
/// Length of a congestion control's name with its zeros.
const CONTROL_NAME_LEN: usize = 16;

/// Whether an option is known by `LEVEL/NAME`, `SOL_TCP/TCP_NODELAY` or by numbers, `6/1`.
pub(in crate::target::reference) fn is_known(name: &str) -> bool {
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

fn lookup(level: i32, name: i32) -> Result<Kind, Stop> {
    TABLE
        .iter()
        .find(|entry| entry.0 == level && entry.1 == name)
        .map(|entry| entry.3)
        .ok_or_else(|| {
            let level = match level {
                level::SOCKET => "SOL_SOCKET".to_owned(),
                level::TCP => "SOL_TCP".to_owned(),
                level::IP => "SOL_IP".to_owned(),
                level::IPV6 => "SOL_IPV6".to_owned(),
                number => number.to_string(),
            };
            Stop::unsupported(
                format!("sockopt:{level}/{name}"),
                "the reference target does not know this option",
            )
        })
}

impl Kernel {
    pub(in crate::target::reference) fn get_option(
        &mut self,
        fd: Fd,
        level: i32,
        name: i32,
        len: u32,
    ) -> Attempt {
        self.table.socket(fd)?;
        let kind = self.kind_of(fd, level, name)?;
        let mut value = match kind {
            Kind::Error => {
                let id = self.table.socket(fd)?.id();
                let errno = id.and_then(|id| self.take_reported_error(fd, id));
                int(errno.map_or(0, |errno| errno.0))
            }
            Kind::Linger => {
                let linger = self.table.socket(fd)?.options.linger;
                let seconds = linger.map_or(0, |length| clamp(length.as_secs()));
                [int(i32::from(linger.is_some())), int(seconds)].concat()
            }
            Kind::ReceiveTimeout => timeval(self.table.socket(fd)?.local.receive_timeout),
            Kind::SendTimeout => timeval(self.table.socket(fd)?.local.send_timeout),
            Kind::Congestion => {
                let mut name = b"reno".to_vec();
                name.resize(CONTROL_NAME_LEN, 0);
                name
            }
            Kind::FastOpen(setting) => self.fast_open_option(fd, setting)?,
            Kind::Remembered(_, _, default) => {
                let set = &self.table.socket(fd)?.local.remembered;
                int(set.get(&(level, name)).copied().unwrap_or(default))
            }
            Kind::RememberedFlag => {
                let set = &self.table.socket(fd)?.local.remembered;
                int(set.get(&(level, name)).copied().unwrap_or(0))
            }
            // Keys can be set and not read.
            Kind::Md5 { .. } => return Err(ENOPROTOOPT.into()),
            other => int(self.get_int(fd, other)?),
        };
        value.truncate(len as usize);
        Ok(Outcome::with(0, Output::Bytes(value)))
    }

    fn status_of(&self, fd: Fd) -> Result<Option<Status>, Stop> {
        match self.table.socket(fd)?.stage {
            Stage::Connection(id, _) => match self.engine.host().status(id) {
                Ok(status) => Ok(Some(status)),
                Err(error) => Err(Kernel::lost_socket(fd, error)),
            },
            Stage::Fresh | Stage::Listening(_) => Ok(None),
        }
    }

    fn get_int(&self, fd: Fd, kind: Kind) -> Result<i32, Stop> {
        let socket = self.table.socket(fd)?;
        let (options, config) = (&socket.options, self.engine.host().config());
        let seconds =
            |set: Option<Duration>, default: Duration| clamp(set.unwrap_or(default).as_secs());
        Ok(match kind {
            Kind::ReuseAddress => i32::from(options.reuse_address),
            Kind::SocketType => family::STREAM,
            // Linux shows twice what was asked for: half of it is for its own use.
            Kind::SendBuffer => {
                let status = self.status_of(fd)?;
                let set = options.send_buffer.unwrap_or(config.send_buffer);
                let limit = status.map_or(set, |status| status.send_limit);
                clamp(limit as u64 * own_use(config.send_room))
            }
            Kind::UnsentLowWater => options
                .unsent_low_water
                .map_or(0, |limit| i32::from_ne_bytes(limit.to_ne_bytes())),
            Kind::ReceiveBuffer => {
                clamp(options.recv_buffer.unwrap_or(config.recv_buffer) as u64 * 2)
            }
            Kind::KeepAlive => i32::from(options.keepalive),
            Kind::UrgentInline => i32::from(options.urgent_inline),
            Kind::ReceiveLowWater => clamp(socket.local.receive_low_water as u64),
            // socket(7): not changeable on Linux, always 1.
            Kind::SendLowWater => 1,
            Kind::AcceptConn => i32::from(matches!(socket.stage, Stage::Listening(_))),
            Kind::Protocol => family::PROTOCOL_TCP,
            Kind::Domain => match socket.family {
                Family::Inet => family::INET,
                Family::Inet6 => family::INET6,
            },
            Kind::Tos | Kind::TrafficClass => i32::from(options.traffic_class),
            Kind::Ttl | Kind::HopLimit => i32::from(options.ttl.unwrap_or(config.ttl)),
            Kind::V6Only => i32::from(socket.local.v6_only),
            Kind::NoDelay => i32::from(options.nodelay || !config.nagle),
            Kind::MaxSegment => match self.status_of(fd)? {
                Some(status) => i32::from(status.snd_mss),
                None => options.mss.map_or(DEFAULT_MSS, i32::from),
            },
            Kind::Cork => i32::from(options.cork),
            Kind::KeepIdle => seconds(options.keepalive_idle, config.keepalive.idle),
            Kind::KeepInterval => seconds(options.keepalive_interval, config.keepalive.interval),
            Kind::KeepCount => clamp(u64::from(
                options.keepalive_probes.unwrap_or(config.keepalive.probes),
            )),
            Kind::WindowClamp => clamp(u64::from(options.window_clamp.unwrap_or(0))),
            Kind::QuickAck => i32::from(options.quick_ack),
            Kind::UserTimeout => options
                .user_timeout
                .map_or(0, |length| clamp(length.as_millis() as u64)),
            // Linux shows its default, net.ipv4.tcp_syn_retries, as long as none is set.
            Kind::SynCount => socket.local.syn_count.unwrap_or(DEFAULT_SYN_COUNT),
            Kind::Inq => i32::from(socket.local.report_inq),
            Kind::MaxPacingRate => shown_rate(options.max_pacing_rate),
            Kind::ZeroCopy => i32::from(socket.local.zero_copy),
            Kind::Timestamping => clamp(u64::from(socket.local.timestamping)),
            Kind::Error
            | Kind::FastOpen(_)
            | Kind::Remembered(..)
            | Kind::RememberedFlag
            | Kind::Md5 { .. }
            | Kind::Linger
            | Kind::ReceiveTimeout
            | Kind::SendTimeout
            | Kind::Congestion => 0,
        })
    }

    pub(in crate::target::reference) fn set_option(
        &mut self,
        fd: Fd,
        level: i32,
        name: i32,
        value: &[u8],
    ) -> Attempt {
        let socket = self.table.socket(fd)?.clone();
        let kind = self.kind_of(fd, level, name)?;
        let mut changed = socket.clone();
        match kind {
            Kind::Congestion => select_control(value)?,
            Kind::Linger => {
                let (on, seconds) = (read_int(value, 0)?, read_int(value, 4)?);
                let seconds = u64::try_from(seconds).unwrap_or(u64::from(u32::MAX));
                changed.options.linger = (on != 0).then_some(Duration::from_secs(seconds));
            }
            Kind::ReceiveTimeout => changed.local.receive_timeout = read_timeval(value)?,
            Kind::SendTimeout => changed.local.send_timeout = read_timeval(value)?,
            Kind::Ttl | Kind::Tos | Kind::HopLimit | Kind::TrafficClass => {
                let number = int_or_byte(level, value)?;
                set_ip(&mut changed.options, kind, number)?;
            }
            Kind::FastOpen(setting) => self.set_fast_open(&mut changed, setting, value)?,
            Kind::MaxPacingRate => changed.options.max_pacing_rate = read_rate(value)?,
            Kind::Remembered(least, most, _) => {
                let number = int_or_byte(level, value)?;
                if !(least..=most).contains(&number) {
                    return Err(EINVAL.into());
                }
                changed.local.remembered.insert((level, name), number);
            }
            Kind::RememberedFlag => {
                let on = i32::from(int_or_byte(level, value)? != 0);
                changed.local.remembered.insert((level, name), on);
            }
            Kind::Md5 { extended } => md5::set(&mut changed.options.md5_keys, value, extended)?,
            Kind::SynCount => {
                let count = ranged(read_int(value, 0)?, 1, 127)?;
                let config = self.engine.host().config();
                let length = back_off(u64::from(count), config.initial_rto, config.max_rto);
                changed.options.syn_give_up = Some(length);
                changed.local.syn_count = Some(read_int(value, 0)?);
            }
            Kind::Timestamping => {
                let status = self.status_of(fd)?;
                changed.set_timestamping(read_int(value, 0)?, status.as_ref())?;
            }
            Kind::SendBuffer => {
                let shown = read_int(value, 0)?.saturating_mul(2).max(MIN_SEND_BUFFER);
                let room = self.engine.host().config().send_room;
                changed.options.send_buffer = Some(size(shown) / own_use(room) as usize);
            }
            other => set_int(&mut changed, other, read_int(value, 0)?)?,
        }
        // TCP_NODELAY sends what waits even where it changes nothing.
        let again = matches!(kind, Kind::NoDelay);
        if (again || changed.options != socket.options)
            && let Some(id) = socket.id()
        {
            self.engine
                .host_mut()
                .set_options(id, changed.options.clone())
                .map_err(|error| Kernel::lost_socket(fd, error))?;
        }
        *self.table.socket_mut(fd)? = changed;
        Ok(Outcome::ok(0))
    }

    /// The option, as far as this socket has it.
    fn kind_of(&self, fd: Fd, level: i32, name: i32) -> Result<Kind, Stop> {
        let kind = lookup(level, name)?;
        self.check_family(fd, level, kind)?;
        let socket = self.table.socket(fd)?;
        // An IPv6 socket has the options of IPv4 as well; they say nothing about IPv6 packets.
        let of_other_packets = (socket.family, level) == (Family::Inet6, level::IP)
            && self.ip_version == IpVersion::Ipv6;
        Ok(match kind {
            Kind::Tos if of_other_packets => Kind::Remembered(i32::MIN, i32::MAX, 0),
            Kind::Ttl if of_other_packets => {
                let default = i32::from(self.engine.host().config().ttl);
                Kind::Remembered(1, 255, default)
            }
            kind => kind,
        })
    }

    /// IP options belong to one family, and so do a connection's packets.
    fn check_family(&self, fd: Fd, level: i32, kind: Kind) -> Result<(), Stop> {
        let socket = self.table.socket(fd)?;
        let ipv6_packets = self.ip_version == IpVersion::Ipv6;
        match (socket.family, level) {
            (Family::Inet, level::IPV6) => Err(ENOPROTOOPT.into()),
            (Family::Inet6, level::IPV6) if kind == Kind::V6Only => {
                if socket.bound.is_some() || socket.stage != Stage::Fresh {
                    return Err(EINVAL.into());
                }
                Ok(())
            }
            (Family::Inet6, level::IPV6) if !ipv6_packets => Err(Stop::unsupported(
                "sockopt:SOL_IPV6",
                "IPv6 header options say nothing about IPv4 packets (ipv4-mapped-ipv6); use SOL_IP",
            )),
            _ => Ok(()),
        }
    }
}

fn set_int(socket: &mut Socket, kind: Kind, value: i32) -> Result<(), Stop> {
    let on = value != 0;
    let options = &mut socket.options;
    match kind {
        Kind::ReuseAddress => options.reuse_address = on,
        Kind::KeepAlive => options.keepalive = on,
        Kind::UrgentInline => options.urgent_inline = on,
        Kind::V6Only => socket.local.v6_only = on,
        Kind::NoDelay => options.nodelay = on,
        Kind::Cork => options.cork = on,
        Kind::QuickAck => options.quick_ack = on,
        Kind::Inq => {
            // tcp(7): only 0 and 1.
            ranged(value, 0, 1)?;
            socket.local.report_inq = on;
        }
        Kind::ZeroCopy => {
            ranged(value, 0, 1)?;
            socket.local.zero_copy = on;
        }
        Kind::UnsentLowWater => {
            let limit = u32::from_ne_bytes(value.to_ne_bytes());
            options.unsent_low_water = Some(limit).filter(|limit| *limit != 0);
        }
        Kind::ReceiveBuffer => {
            let shown = value.saturating_mul(2).max(MIN_RECEIVE_BUFFER);
            options.recv_buffer = Some(size(shown / 2));
        }
        Kind::ReceiveLowWater => {
            let value = if value < 0 { i32::MAX } else { value };
            socket.local.receive_low_water = size(value.max(1));
        }
        Kind::MaxSegment => {
            if value != 0 {
                ranged(value, 88, 32_767)?;
            }
            options.mss = u16::try_from(value).ok().filter(|mss| *mss != 0);
        }
        Kind::KeepIdle => options.keepalive_idle = Some(in_seconds(ranged(value, 1, 32_767)?)),
        Kind::KeepInterval => {
            options.keepalive_interval = Some(in_seconds(ranged(value, 1, 32_767)?));
        }
        Kind::KeepCount => options.keepalive_probes = Some(ranged(value, 1, 127)?),
        Kind::WindowClamp => {
            let clamp = ranged(value, 0, i32::MAX)?;
            options.window_clamp = Some(clamp).filter(|clamp| *clamp != 0);
        }
        Kind::UserTimeout => {
            let length = ranged(value, 0, i32::MAX)?;
            options.user_timeout =
                (length != 0).then_some(Duration::from_millis(u64::from(length)));
        }
        // Read-only options; the others never get here.
        _ => return Err(ENOPROTOOPT.into()),
    }
    Ok(())
}

/// ip(7): the options of IPv4 also take a single byte.
fn int_or_byte(level: i32, value: &[u8]) -> Result<i32, Stop> {
    match value {
        [byte, ..] if level == level::IP && value.len() < size_of::<i32>() => Ok(i32::from(*byte)),
        _ => Ok(read_int(value, 0)?),
    }
}

fn set_ip(options: &mut SocketOptions, kind: Kind, value: i32) -> Result<(), Stop> {
    let byte = u8::try_from(value).ok();
    match kind {
        // −1 is "back to the default".
        Kind::Ttl | Kind::HopLimit if value == -1 => options.ttl = None,
        Kind::TrafficClass if value == -1 => options.traffic_class = 0,
        Kind::Ttl | Kind::HopLimit => {
            options.ttl = Some(byte.filter(|ttl| *ttl != 0).ok_or(Stop::Failed(EINVAL))?);
        }
        // The two ECN bits are TCP's own.
        Kind::TrafficClass => {
            options.traffic_class = byte.ok_or(Stop::Failed(EINVAL))? & !3;
        }
        _ => options.traffic_class = value.to_le_bytes()[0] & !3,
    }
    Ok(())
}

fn select_control(value: &[u8]) -> Result<(), Stop> {
    let name: Vec<u8> = value
        .iter()
        .copied()
        .take(CONTROL_NAME_LEN - 1)
        .take_while(|byte| *byte != 0)
        .collect();
    match name.as_slice() {
        [] => Err(EINVAL.into()),
        b"reno" => Ok(()),
        other => match OTHER_CONTROLS
            .iter()
            .find(|control| control.as_bytes() == other)
        {
            Some(control) => Err(Stop::unsupported(
                format!("congestion:{control}"),
                "the reference stack has NewReno (`reno`) only",
            )),
            None => Err(ENOENT.into()),
        },
    }
}

/// How many bytes Linux shows for one of the limit: the limit is of memory, or of payload alone.
fn own_use(room: SendRoom) -> u64 {
    match room {
        SendRoom::Bytes => 2,
        SendRoom::Buffers { .. } => 1,
    }
}

fn ranged(value: i32, low: i32, high: i32) -> Result<u32, Stop> {
    if (low..=high).contains(&value) {
        Ok(value.unsigned_abs())
    } else {
        Err(EINVAL.into())
    }
}

fn in_seconds(seconds: u32) -> Duration {
    Duration::from_secs(u64::from(seconds))
}

fn size(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// All ones while none is set, and as much as fits of a larger one.
fn shown_rate(rate: Option<u64>) -> i32 {
    rate.map_or(u32::MAX, |rate| u32::try_from(rate).unwrap_or(u32::MAX)) as i32
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
    #[case("SOL_TCP/TCP_FASTOPEN", true)]
    #[case("SOL_TCP/TCP_MD5SIG", true)]
    #[case("SOL_TCP/TCP_REPAIR", false)]
    #[case("SOL_TCP", false)]
    fn options_are_known_by_level_and_name(#[case] name: &str, #[case] known: bool) {
        assert_eq!(is_known(name), known);
    }
}
