//! Linux's numbers for what the calls name (x86-64 and the generic ABI agree on all of these).

/// Address families and socket types.
pub(super) mod family {
    pub(crate) const UNSPEC: i32 = 0;
    pub(crate) const INET: i32 = 2;
    pub(crate) const INET6: i32 = 10;
    pub(crate) const STREAM: i32 = 1;
    pub(crate) const DGRAM: i32 = 2;
    pub(crate) const RAW: i32 = 3;
    pub(crate) const TYPE_MASK: i32 = 0xf;
    pub(crate) const NONBLOCK: i32 = 0o4000;
    pub(crate) const CLOEXEC: i32 = 0o2_000_000;
    pub(crate) const PROTOCOL_DEFAULT: i32 = 0;
    pub(crate) const PROTOCOL_TCP: i32 = 6;
}

/// Option levels.
pub(super) mod level {
    pub(crate) const IP: i32 = 0;
    pub(crate) const SOCKET: i32 = 1;
    pub(crate) const TCP: i32 = 6;
    pub(crate) const IPV6: i32 = 41;
}

/// Control messages.
pub(super) mod control {
    pub(crate) const TCP_CM_INQ: i32 = 36;
    pub(crate) const TIMESTAMPING: i32 = 37;
    pub(crate) const IP_RECVERR: i32 = 11;
    pub(crate) const IPV6_RECVERR: i32 = 25;
    /// Bytes before the data of a control message, and what everything is aligned to.
    pub(crate) const HEADER: usize = 16;
    pub(crate) const ALIGNMENT: usize = 8;
}

/// Members of `struct sock_extended_err`.
pub(super) mod extended_error {
    pub(crate) const TIMESTAMPING: u8 = 4;
    pub(crate) const ZEROCOPY: u8 = 5;
    pub(crate) const ZEROCOPY_COPIED: u8 = 1;
}

/// `SOF_TIMESTAMPING_` flags, and the kinds of stamps (`SCM_TSTAMP_`).
pub(super) mod stamping {
    pub(crate) const TX_SOFTWARE: u32 = 1 << 1;
    pub(crate) const RX_SOFTWARE: u32 = 1 << 3;
    pub(crate) const SOFTWARE: u32 = 1 << 4;
    pub(crate) const OPT_ID: u32 = 1 << 7;
    pub(crate) const TX_SCHED: u32 = 1 << 8;
    pub(crate) const TX_ACK: u32 = 1 << 9;
    pub(crate) const OPT_TSONLY: u32 = 1 << 11;
    pub(crate) const OPT_ID_TCP: u32 = 1 << 16;
    /// Stamps of what is sent.
    pub(crate) const TX: u32 = TX_SOFTWARE | TX_SCHED | TX_ACK;
    /// Every flag there is.
    pub(crate) const KNOWN: u32 = (1 << 19) - 1;
    pub(crate) const SND: u32 = 0;
    pub(crate) const SCHED: u32 = 1;
    pub(crate) const ACK: u32 = 2;
}

/// Flags of the receive and send families.
pub(super) mod msg {
    pub(crate) const OOB: i32 = 0x1;
    pub(crate) const PEEK: i32 = 0x2;
    pub(crate) const CTRUNC: i32 = 0x8;
    pub(crate) const TRUNC: i32 = 0x20;
    pub(crate) const DONTWAIT: i32 = 0x40;
    pub(crate) const EOR: i32 = 0x80;
    pub(crate) const WAITALL: i32 = 0x100;
    pub(crate) const ERRQUEUE: i32 = 0x2000;
    pub(crate) const NOSIGNAL: i32 = 0x4000;
    pub(crate) const MORE: i32 = 0x8000;
    pub(crate) const ZEROCOPY: i32 = 0x400_0000;
    pub(crate) const FASTOPEN: i32 = 0x2000_0000;
    pub(crate) const CMSG_CLOEXEC: i32 = 0x4000_0000;
}

/// `fcntl` commands and the flags they read and write.
pub(super) mod file {
    pub(crate) const DUPFD: i32 = 0;
    pub(crate) const DUPFD_CLOEXEC: i32 = 1030;
    pub(crate) const GETFD: i32 = 1;
    pub(crate) const SETFD: i32 = 2;
    pub(crate) const GETFL: i32 = 3;
    pub(crate) const SETFL: i32 = 4;
    pub(crate) const CLOEXEC: i64 = 1;
    pub(crate) const RDWR: i64 = 2;
    pub(crate) const NONBLOCK: i64 = 0o4000;
    /// Flags of `open`.
    pub(crate) const ACCESS: i32 = 3;
    pub(crate) const CREATE: i32 = 0o100;
    pub(crate) const EXCLUSIVE: i32 = 0o200;
    pub(crate) const TRUNCATE: i32 = 0o1000;
    pub(crate) const APPEND: i32 = 0o2000;
    pub(crate) const CLOSE_ON_EXEC: i32 = 0o2_000_000;
}

/// Flags of `splice`.
pub(super) mod splice {
    pub(crate) const NONBLOCK: u32 = 2;
    pub(crate) const MORE: u32 = 4;
    pub(crate) const KNOWN: u32 = 0xf;
}

/// `ioctl` requests.
pub(super) mod request {
    pub(crate) const SIOCOUTQ: u64 = 0x5411;
    pub(crate) const SIOCINQ: u64 = 0x541b;
    pub(crate) const FIONBIO: u64 = 0x5421;
    pub(crate) const SIOCATMARK: u64 = 0x8905;
    pub(crate) const SIOCOUTQNSD: u64 = 0x894b;
}

/// `shutdown` directions.
pub(super) mod shut {
    pub(crate) const RD: i32 = 0;
    pub(crate) const WR: i32 = 1;
    pub(crate) const RDWR: i32 = 2;
}

/// Readiness bits; `poll` and `epoll` share them.
pub(super) mod ready {
    pub(crate) const IN: u32 = 0x1;
    pub(crate) const PRI: u32 = 0x2;
    pub(crate) const OUT: u32 = 0x4;
    pub(crate) const ERR: u32 = 0x8;
    pub(crate) const HUP: u32 = 0x10;
    pub(crate) const NVAL: u32 = 0x20;
    pub(crate) const RDNORM: u32 = 0x40;
    pub(crate) const WRNORM: u32 = 0x100;
    pub(crate) const RDHUP: u32 = 0x2000;
    /// What each set of `select` asks for: to read, to write, exceptional (Linux's fs/select.c).
    pub(crate) const SELECT: [u32; 3] = [IN | RDNORM | HUP | ERR, OUT | WRNORM | ERR, PRI];
    /// Reported whether asked for or not.
    pub(crate) const ALWAYS: u32 = ERR | HUP;
}

/// `epoll_ctl` operations and flag bits of its event mask.
pub(super) mod epoll {
    pub(crate) const ADD: i32 = 1;
    pub(crate) const DEL: i32 = 2;
    pub(crate) const MOD: i32 = 3;
    pub(crate) const EXCLUSIVE: u32 = 1 << 28;
    pub(crate) const WAKEUP: u32 = 1 << 29;
    pub(crate) const ONESHOT: u32 = 1 << 30;
    pub(crate) const EDGE: u32 = 1 << 31;
}
