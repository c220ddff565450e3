//! Linux's numbers for what the calls name (x86-64 and the generic ABI agree on all of these).

/// Address families and socket types.
pub(in crate::target) mod family {
    pub(in crate::target) const UNSPEC: i32 = 0;
    pub(in crate::target) const INET: i32 = 2;
    pub(in crate::target) const INET6: i32 = 10;
    pub(in crate::target) const STREAM: i32 = 1;
    pub(in crate::target) const DGRAM: i32 = 2;
    pub(in crate::target) const RAW: i32 = 3;
    pub(in crate::target) const TYPE_MASK: i32 = 0xf;
    pub(in crate::target) const NONBLOCK: i32 = 0o4000;
    pub(in crate::target) const CLOEXEC: i32 = 0o2_000_000;
    pub(in crate::target) const PROTOCOL_DEFAULT: i32 = 0;
    pub(in crate::target) const PROTOCOL_TCP: i32 = 6;
}

/// Option levels.
pub(in crate::target) mod level {
    pub(in crate::target) const IP: i32 = 0;
    pub(in crate::target) const SOCKET: i32 = 1;
    pub(in crate::target) const TCP: i32 = 6;
    pub(in crate::target) const IPV6: i32 = 41;
}

/// Control messages.
pub(in crate::target) mod control {
    pub(in crate::target) const TCP_CM_INQ: i32 = 36;
    pub(in crate::target) const TIMESTAMPING: i32 = 37;
    pub(in crate::target) const IP_RECVERR: i32 = 11;
    pub(in crate::target) const IPV6_RECVERR: i32 = 25;
    /// Bytes before the data of a control message, and what everything is aligned to.
    pub(in crate::target) const HEADER: usize = 16;
    pub(in crate::target) const ALIGNMENT: usize = 8;
}

/// Members of `struct sock_extended_err`.
pub(in crate::target) mod extended_error {
    pub(in crate::target) const TIMESTAMPING: u8 = 4;
    pub(in crate::target) const ZEROCOPY: u8 = 5;
    pub(in crate::target) const ZEROCOPY_COPIED: u8 = 1;
}

/// `SOF_TIMESTAMPING_` flags, and the kinds of stamps (`SCM_TSTAMP_`).
pub(in crate::target) mod stamping {
    pub(in crate::target) const TX_SOFTWARE: u32 = 1 << 1;
    pub(in crate::target) const RX_SOFTWARE: u32 = 1 << 3;
    pub(in crate::target) const SOFTWARE: u32 = 1 << 4;
    pub(in crate::target) const OPT_ID: u32 = 1 << 7;
    pub(in crate::target) const TX_SCHED: u32 = 1 << 8;
    pub(in crate::target) const TX_ACK: u32 = 1 << 9;
    pub(in crate::target) const OPT_TSONLY: u32 = 1 << 11;
    pub(in crate::target) const OPT_ID_TCP: u32 = 1 << 16;
    /// Stamps of what is sent.
    pub(in crate::target) const TX: u32 = TX_SOFTWARE | TX_SCHED | TX_ACK;
    /// Every flag there is.
    pub(in crate::target) const KNOWN: u32 = (1 << 19) - 1;
    pub(in crate::target) const SND: u32 = 0;
    pub(in crate::target) const SCHED: u32 = 1;
    pub(in crate::target) const ACK: u32 = 2;
}

/// Flags of the receive and send families.
pub(in crate::target) mod msg {
    pub(in crate::target) const OOB: i32 = 0x1;
    pub(in crate::target) const PEEK: i32 = 0x2;
    pub(in crate::target) const CTRUNC: i32 = 0x8;
    pub(in crate::target) const TRUNC: i32 = 0x20;
    pub(in crate::target) const DONTWAIT: i32 = 0x40;
    pub(in crate::target) const EOR: i32 = 0x80;
    pub(in crate::target) const WAITALL: i32 = 0x100;
    pub(in crate::target) const ERRQUEUE: i32 = 0x2000;
    pub(in crate::target) const NOSIGNAL: i32 = 0x4000;
    pub(in crate::target) const MORE: i32 = 0x8000;
    pub(in crate::target) const ZEROCOPY: i32 = 0x400_0000;
    pub(in crate::target) const FASTOPEN: i32 = 0x2000_0000;
    pub(in crate::target) const CMSG_CLOEXEC: i32 = 0x4000_0000;
}

/// `fcntl` commands and the flags they read and write.
pub(in crate::target) mod file {
    pub(in crate::target) const DUPFD: i32 = 0;
    pub(in crate::target) const DUPFD_CLOEXEC: i32 = 1030;
    pub(in crate::target) const GETFD: i32 = 1;
    pub(in crate::target) const SETFD: i32 = 2;
    pub(in crate::target) const GETFL: i32 = 3;
    pub(in crate::target) const SETFL: i32 = 4;
    pub(in crate::target) const CLOEXEC: i64 = 1;
    pub(in crate::target) const RDWR: i64 = 2;
    pub(in crate::target) const NONBLOCK: i64 = 0o4000;
    /// Flags of `open`.
    pub(in crate::target) const ACCESS: i32 = 3;
    pub(in crate::target) const CREATE: i32 = 0o100;
    pub(in crate::target) const EXCLUSIVE: i32 = 0o200;
    pub(in crate::target) const TRUNCATE: i32 = 0o1000;
    pub(in crate::target) const APPEND: i32 = 0o2000;
    pub(in crate::target) const CLOSE_ON_EXEC: i32 = 0o2_000_000;
}

/// Flags of `splice`.
pub(in crate::target) mod splice {
    pub(in crate::target) const NONBLOCK: u32 = 2;
    pub(in crate::target) const MORE: u32 = 4;
    pub(in crate::target) const KNOWN: u32 = 0xf;
}

/// `ioctl` requests.
pub(in crate::target) mod request {
    pub(in crate::target) const SIOCOUTQ: u64 = 0x5411;
    pub(in crate::target) const SIOCINQ: u64 = 0x541b;
    pub(in crate::target) const FIONBIO: u64 = 0x5421;
    pub(in crate::target) const SIOCATMARK: u64 = 0x8905;
    pub(in crate::target) const SIOCOUTQNSD: u64 = 0x894b;
}

/// `shutdown` directions.
pub(in crate::target) mod shut {
    pub(in crate::target) const RD: i32 = 0;
    pub(in crate::target) const WR: i32 = 1;
    pub(in crate::target) const RDWR: i32 = 2;
}

/// Readiness bits; `poll` and `epoll` share them.
pub(in crate::target) mod ready {
    pub(in crate::target) const IN: u32 = 0x1;
    pub(in crate::target) const PRI: u32 = 0x2;
    pub(in crate::target) const OUT: u32 = 0x4;
    pub(in crate::target) const ERR: u32 = 0x8;
    pub(in crate::target) const HUP: u32 = 0x10;
    pub(in crate::target) const NVAL: u32 = 0x20;
    pub(in crate::target) const RDNORM: u32 = 0x40;
    pub(in crate::target) const WRNORM: u32 = 0x100;
    pub(in crate::target) const RDHUP: u32 = 0x2000;
    /// What each set of `select` asks for: to read, to write, exceptional (Linux's fs/select.c).
    pub(in crate::target) const SELECT: [u32; 3] =
        [IN | RDNORM | HUP | ERR, OUT | WRNORM | ERR, PRI];
    /// Reported whether asked for or not.
    pub(in crate::target) const ALWAYS: u32 = ERR | HUP;
}

/// `epoll_ctl` operations and flag bits of its event mask.
pub(in crate::target) mod epoll {
    pub(in crate::target) const ADD: i32 = 1;
    pub(in crate::target) const DEL: i32 = 2;
    pub(in crate::target) const MOD: i32 = 3;
    pub(in crate::target) const EXCLUSIVE: u32 = 1 << 28;
    pub(in crate::target) const WAKEUP: u32 = 1 << 29;
    pub(in crate::target) const ONESHOT: u32 = 1 << 30;
    pub(in crate::target) const EDGE: u32 = 1 << 31;
}
