//! The choices of path MTU discovery.

use core::time::Duration;

/// How a host finds the largest packet of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathMtuConfig {
    /// What becomes of "packet too big" (RFC 5927 §7.2, RFC5927-4, RFC5927-5).
    pub too_big: TooBig,
    /// Timeouts of the quoted segment after which a claim that was held back counts: MAXSEGRTO of RFC
    /// 5927 §7.2, at least 1.
    pub held_back_timeouts: u32,
    /// Smallest MTU believed of an IPv4 path, in bytes; at least 68 (RFC 1191 §3, RFC1191-4). The
    /// segment size never falls below [`min_mss`](crate::Config::min_mss) either.
    pub min_ipv4_mtu: u16,
    /// What becomes of an IPv6 claim below 1280 bytes (RFC8201-2).
    pub below_minimum: BelowMinimum,
    /// How long a router's word counts; 10 minutes by RFC 1191 §6.3, at least 5 by RFC 8201 §4; `None`
    /// is for ever (RFC1191-5, RFC8201-4).
    pub lifetime: Option<Duration>,
    /// Most destinations remembered; who was heard of longest ago goes first.
    pub remembered: usize,
    /// Probing with larger segments (RFC 4821).
    pub probing: Probing,
    /// Segment size, without headers and options, that any path should carry: where probing begins
    /// (RFC 4821 §7.2 suggests 1024; BASE_PLPMTU of RFC 8899 §5.1.2).
    pub base_mss: u16,
    /// Smallest segment size that a black hole leads to; IPv6 stays at packets of 1280 bytes.
    pub floor_mss: u16,
    /// How long a finished search rests before larger sizes are tried again; 600 s by RFC 8899 §5.1.1
    /// (PMTU_RAISE_TIMER).
    pub probe_interval: Duration,
    /// A search ends when the sizes in question are closer together than this many bytes.
    pub probe_threshold: u16,
    /// Lost probes of one size after which it counts as too large; 3 by RFC 8899 §5.1.2 (MAX_PROBES).
    pub max_probes: u32,
}

/// What becomes of an ICMP "packet too big" that quotes a segment in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TooBig {
    /// It counts at once if it is smaller than what is in use.
    AtOnce,
    /// It counts at once only while no larger packet has arrived; otherwise when the segment it
    /// quotes times out, and never once that is acknowledged. A claim of more than was ever sent is
    /// ignored (RFC 5927 §7.2).
    TwoStages,
}

/// A claim that no IPv6 link can mean (RFC 8200 §5: every link carries 1280 bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BelowMinimum {
    /// It is thrown away (RFC 8201 §4).
    Discard,
    /// It is taken as 1280, as before RFC 8201.
    Clamp,
}

/// When segments larger than what is known to pass are tried (RFC 4821 §5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Probing {
    /// Never, and no black hole is looked for.
    Off,
    /// Once repeated timeouts told of a black hole (RFC 4821 §7.7).
    AfterBlackHole,
    /// From the start, upwards from `base_mss`.
    Always,
}

impl Default for PathMtuConfig {
    fn default() -> PathMtuConfig {
        PathMtuConfig {
            too_big: TooBig::TwoStages,
            held_back_timeouts: 1,
            min_ipv4_mtu: 68,
            below_minimum: BelowMinimum::Discard,
            lifetime: Some(Duration::from_secs(600)),
            remembered: 1024,
            probing: Probing::Off,
            base_mss: 1024,
            floor_mss: 48,
            probe_interval: Duration::from_secs(600),
            probe_threshold: 8,
            max_probes: 3,
        }
    }
}
