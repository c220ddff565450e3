//! A checked script: typed steps, ready to run against any target.
//!
//! Made by `script::check` from the syntax tree; every name is resolved to a
//! number, every argument has its type. Sequence numbers, ports, descriptors and
//! timestamps are still the script's; the runner's bindings turn them into live ones.

pub mod code;
mod ip;
mod tcp;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use ip::{
    EcnPattern, FragmentPattern, IcmpPattern, IcmpQuote, IpDamage, IpPattern, LayerPattern,
    UdpPattern,
};

use crate::call::{Call, Errno};
use crate::source::{Source, Span, Spanned};
use crate::time::Time;

pub use tcp::{OptionPattern, OptionsPattern, TcpPattern};

/// A whole script.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file it came from.
    pub source: Source,
    /// The header comment lines (`// title:` …).
    pub header: CaseHeader,
    /// Option lines and what they set.
    pub options: ScriptOptions,
    /// The untimed command before the first event.
    pub init: Option<Spanned<String>>,
    /// The events, in order.
    pub steps: Vec<Step>,
    /// The untimed command after the last event.
    pub cleanup: Option<Spanned<String>>,
    /// What a target must offer to run this, with the place of first use.
    pub needs: BTreeMap<Capability, Span>,
}

/// Something a target may lack, by a stable name that `skip` reports: `call:splice`, `udp`,
/// `icmp`, `encapsulation`, `shell`, `sysctl:net.ipv4.tcp_rmem`,
/// `sockopt:SOL_TCP/TCP_INQ`, `ioctl:SIOCINQ` (a number in hex if it has no name),
/// `tcp_info:tcpi_rtt`, `python`, `psp`. docs/language.md lists them all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capability(pub String);

/// The structured comment lines at the top of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseHeader {
    /// `// title:`
    pub title: Option<String>,
    /// `// covers:` requirement ids, in order.
    pub covers: Vec<String>,
    /// `// why:` with its continuation lines joined by spaces.
    pub why: Option<String>,
    /// `// payload: zero|offset`; by default `offset` if there is a `covers` line, else `zero`.
    pub payload: PayloadMode,
    /// `// surplus: ignore|fail`; `fail` by default.
    pub surplus: SurplusMode,
}

/// What payload bytes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PayloadMode {
    /// Every byte is zero, as packetdrill has it; what `read` returns is not compared.
    #[default]
    Zero,
    /// A function of the stream offset and the direction; what `read` returns is compared.
    Offset,
}

/// What packets left over at the end of a script mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SurplusMode {
    /// The case fails.
    #[default]
    Fail,
    /// They are not looked at.
    Ignore,
}

/// IP families a case can run on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum IpVersion {
    /// IPv4 sockets and packets.
    #[default]
    Ipv4,
    /// IPv6 sockets and packets.
    Ipv6,
    /// IPv6 sockets, IPv4 packets.
    Ipv4MappedIpv6,
}

/// Typed option lines; `None` = not written in the script.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(
    missing_docs,
    reason = "named after the option lines, see docs/language.md"
)]
pub struct ScriptOptions {
    pub ip_version: Option<IpVersion>,
    pub local_ip: Option<std::net::IpAddr>,
    pub remote_ip: Option<(std::net::IpAddr, Option<u8>)>,
    pub gateway_ip: Option<std::net::IpAddr>,
    pub netmask_ip: Option<std::net::IpAddr>,
    pub bind_port: Option<u16>,
    pub connect_port: Option<u16>,
    pub mtu: Option<u16>,
    pub mss: Option<u16>,
    /// In Mbit/s.
    pub speed: Option<u32>,
    pub is_anyip: bool,
    /// Commands to be run before the script starts, in order.
    pub init_scripts: Vec<String>,
    pub tolerance: Option<Duration>,
    pub tolerance_percent: Option<f64>,
    pub tcp_ts_tick_usecs: Option<u32>,
    pub tcp_ts_ecr_scaled: bool,
    /// The key of `md5 valid`.
    pub tcp_md5_secret: Option<String>,
    pub strict_segments: bool,
    pub non_fatal_packet: bool,
    /// `--udp_encapsulation=tcp`: TCP travels inside UDP.
    pub udp_encapsulation: bool,
    /// Options that are legal but change nothing here (`--send_omit_free`, `--code_command` …).
    pub others: Vec<(String, Option<String>)>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Step {
    /// When.
    pub at: Spanned<TimeSpec>,
    /// The connection it is about, if the script names one.
    pub connection: Option<String>,
    /// What.
    pub action: Action,
    /// The whole event, time included.
    pub span: Span,
}

/// The time forms of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeSpec {
    /// `0.25`
    Absolute(Time),
    /// `+0.25`: since the previous event.
    Relative(Duration),
    /// `*`
    Any,
    /// `0.2~0.4`
    AbsoluteRange(Time, Time),
    /// `+0.2~+0.4`
    RelativeRange(Duration, Duration),
}

/// What an event does.
#[derive(Clone, Debug)]
pub enum Action {
    /// `<`: the packet is put in front of the stack.
    Inject(PacketPattern),
    /// `>`: the stack must send such a packet.
    Expect(PacketPattern),
    /// `> nothing`: from the start of the step's time range to its end the stack sends nothing.
    Nothing,
    /// A system call.
    Call(CallStep),
    /// A back-quoted command.
    Command(String),
    /// A `%{ … }%` block.
    Check(code::CodeBlock),
}

/// A packet as written: fields to build one from, or to compare one with.
/// An absent field means the default when injecting and "any" when expecting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketPattern {
    /// Encapsulation, outermost first.
    pub layers: Vec<LayerPattern>,
    /// The `[…]` annotation.
    pub ip: IpPattern,
    /// `/udp(SPORT > DPORT)`: the TCP segment stands inside UDP, with these ports.
    pub udp_encapsulation: Option<(u16, u16)>,
    /// The rest of the line.
    pub body: BodyPattern,
    /// The packet as written, from the arrow on.
    pub span: Span,
}

/// What a field of an expected packet may be. When injecting, only [`Match::Is`] says what to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Match<T> {
    /// `*`: not compared.
    #[default]
    Any,
    /// This value.
    Is(T),
    /// `a..b`: from the first to the second, both included.
    Within(T, T),
}

impl<T: PartialOrd + Copy> Match<T> {
    /// Whether a value is one that the script allows.
    pub fn takes(&self, value: T) -> bool {
        match self {
            Match::Any => true,
            Match::Is(wanted) => *wanted == value,
            Match::Within(low, high) => *low <= value && value <= *high,
        }
    }

    /// The value, if there is exactly one.
    pub fn exact(&self) -> Option<T> {
        match self {
            Match::Is(value) => Some(*value),
            Match::Any | Match::Within(..) => None,
        }
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Match<T> {
    /// As the script writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Match::Any => f.write_str("*"),
            Match::Is(value) => value.fmt(f),
            Match::Within(low, high) => write!(f, "{low}..{high}"),
        }
    }
}

/// What the packet is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyPattern {
    /// TCP.
    Tcp(TcpPattern),
    /// UDP.
    Udp(UdpPattern),
    /// ICMP.
    Icmp(IcmpPattern),
}

/// A system call of a script.
#[derive(Clone, Debug)]
pub struct CallStep {
    /// The call with the script's descriptors; buffers to send hold zeros.
    pub call: Call,
    /// When a blocking call must return, the `U` of `T...U`. In a script `+.1...0.3` means 0.1 s and
    /// 0.3 s after the previous event; here `Relative` is what lies between, 0.2 s.
    pub end: Option<TimeSpec>,
    /// Which pieces of what is sent the script wrote out; they stay as they are.
    pub written: Vec<bool>,
    /// The `= …` part.
    pub expect: CallExpectation,
    /// From the name to the end of the result.
    pub span: Span,
}

/// What a call must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallExpectation {
    /// The return value; for calls that make a descriptor the label to bind. `None` = any (`...`).
    pub result: Option<i64>,
    /// The errno, if written.
    pub errno: Option<Errno>,
    /// What must have been written through the pointers.
    pub output: OutputExpectation,
}

/// What an address must be; `None` = not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressExpectation {
    /// `sa_family`
    pub family: Option<i32>,
    /// `sin_port`
    pub port: Option<u16>,
    /// `sin_addr`
    pub ip: Option<std::net::IpAddr>,
    /// Bytes the address takes.
    pub len: Option<u32>,
}

/// One control message that `recvmsg` must give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlExpectation {
    /// `cmsg_level`
    pub level: i32,
    /// `cmsg_type`
    pub kind: i32,
    /// `cmsg_data`
    pub data: ControlData,
}

/// What the data of a control message must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlData {
    /// `...`: not looked at.
    Any,
    /// These bytes.
    Bytes(Vec<u8>),
    /// `{scm_sec=…, scm_nsec=…}`: the first stamp, within the fixed tolerance; zero is not looked at.
    Stamp(Time),
    /// `{ee_errno=…, …}`: the members in order; `None` is not looked at.
    Error([Option<u32>; 6]),
    /// `TCP_NLA_x=value` pairs: number of the attribute and its value, `None` for `...`.
    Statistics(Vec<(u16, Option<u64>)>),
}

/// What a call must have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutputExpectation {
    /// Not looked at.
    Any,
    /// Exactly these bytes (`getsockopt`, with the length returned).
    Bytes(Vec<u8>),
    /// These bytes read, and from where (`read` and its kin with a string for the buffer).
    #[expect(missing_docs, reason = "said above")]
    Received {
        data: Option<Vec<u8>>,
        address: AddressExpectation,
    },
    /// This address (`getsockname`, `getpeername`, `accept`).
    Address(AddressExpectation),
    /// These members of a structure (`getsockopt` of TCP_INFO).
    Members(Vec<(String, i64)>),
    /// This `int` (`ioctl`).
    Int(i32),
    /// `revents` of each entry of `poll`.
    Poll(Vec<i16>),
    /// Which descriptors of each set of `select` are ready; a pair of label and readiness each.
    Select([Vec<(i32, bool)>; 3]),
    /// The first event of `epoll_wait`: mask and user data; both zero if there was none.
    Epoll(u32, u64),
    /// Labels for both ends of a pipe.
    Pipe(i32, i32),
    /// `recvmsg`: flags, control messages if a list was written, and bytes if a string was.
    #[expect(missing_docs, reason = "named after the members of msghdr")]
    Message {
        flags: Option<i32>,
        control: Option<Vec<ControlExpectation>>,
        data: Option<Vec<u8>>,
        address: AddressExpectation,
    },
}

impl std::fmt::Display for IpVersion {
    /// The spelling of `--ip_version`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            IpVersion::Ipv4 => "ipv4",
            IpVersion::Ipv6 => "ipv6",
            IpVersion::Ipv4MappedIpv6 => "ipv4-mapped-ipv6",
        })
    }
}

impl Program {
    /// How long the script waits in all, by its own times: for planning, not for judging.
    pub fn waits(&self) -> Duration {
        let mut at = Duration::ZERO;
        for step in &self.steps {
            let absolute = |time: Time| time.saturating_since(Time::ZERO);
            at = match step.at.node {
                TimeSpec::Absolute(time) => at.max(absolute(time)),
                TimeSpec::AbsoluteRange(_, to) => at.max(absolute(to)),
                TimeSpec::Relative(wait) => at + wait,
                TimeSpec::RelativeRange(_, to) => at + to,
                TimeSpec::Any => at + Duration::from_secs(1),
            };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(Match::Any, "*", [true, true, true, true])]
    #[case(Match::Is(3), "3", [false, true, false, false])]
    #[case(Match::Within(3, 5), "3..5", [false, true, true, false])]
    fn a_field_takes_what_the_script_allows(
        #[case] wanted: Match<u16>,
        #[case] shown: &str,
        #[case] takes: [bool; 4],
    ) {
        assert_eq!([2, 3, 5, 6].map(|value| wanted.takes(value)), takes);
        assert_eq!(wanted.to_string(), shown);
        assert_eq!(wanted.exact().is_some(), shown == "3");
    }
}
