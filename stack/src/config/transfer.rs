//! How text is queued, sent, acknowledged and repaired.

use core::time::Duration;

/// What the size of the send buffer limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SendRoom {
    /// The bytes that the user has sent and the peer has not acknowledged.
    Bytes,
    /// The memory of the buffers they lie in, as on Linux: a buffer of up to half the largest window
    /// is begun as long as there is any room, and may overshoot.
    Buffers {
        /// What a buffer costs beside its payload, in bytes.
        empty: usize,
        /// Up to where the limit follows the congestion window, in bytes, as long as the user sets
        /// none.
        grows_to: usize,
    },
}

/// Buffers that grow with what a connection can use. No RFC asks for it: RFC 9293 §3.8.6 leaves the
/// size of the window to the receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BufferTuning {
    /// The receive buffer grows with what the user reads in a round trip.
    pub receive: bool,
    /// Its bound in bytes, which the scale that is offered covers; at least `recv_buffer`.
    pub receive_max: usize,
    /// The window announced begins with that of the SYN and opens by two segments for each that
    /// arrives, as far as the buffer reaches, rather than at once.
    pub gradual_window: bool,
    /// The send buffer grows with the congestion window.
    pub send: bool,
    /// Its bound in bytes; at least `send_buffer`.
    pub send_max: usize,
}

impl Default for BufferTuning {
    /// Fixed buffers.
    fn default() -> BufferTuning {
        BufferTuning {
            receive: false,
            receive_max: 6 << 20,
            gradual_window: false,
            send: false,
            send_max: 4 << 20,
        }
    }
}

/// How the send queue is cut into segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Segmentation {
    /// One segment after the other, by the rules of RFC 9293 §3.7.4 and §3.8.6.2.1.
    Single,
    /// Several at once, which something below the sender cuts apart, as Linux has it. PSH stands on the
    /// last segment of several, and Nagle's algorithm is Minshall's.
    Bursts(BurstRules),
}

/// How large bursts are. The defaults are Linux's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BurstRules {
    /// Segments that may always leave together (`net.ipv4.tcp_min_tso_segs`).
    pub least_segments: u32,
    /// Bytes in a burst at most.
    pub most_bytes: u32,
    /// A burst waits for more while less than this part of the window is open
    /// (`net.ipv4.tcp_tso_win_divisor`); 0 waits for more than three segments.
    pub window_divisor: u32,
    /// The least round trip in µs shifted right by this is how often `most_bytes` is halved
    /// (`net.ipv4.tcp_tso_rtt_log`).
    pub round_trip_log: u32,
    /// The assumed rate in slow start, in percent of a window each round trip
    /// (`net.ipv4.tcp_pacing_ss_ratio`). A burst has a millisecond's worth.
    pub slow_start_percent: u32,
    /// The same in congestion avoidance (`net.ipv4.tcp_pacing_ca_ratio`).
    pub avoidance_percent: u32,
}

impl Default for BurstRules {
    fn default() -> Self {
        Self {
            least_segments: 2,
            most_bytes: 65_216,
            window_divisor: 3,
            round_trip_log: 9,
            slow_start_percent: 200,
            avoidance_percent: 120,
        }
    }
}

/// Which text is acknowledged at once (RFC 9293 §3.8.6.3, RFC 5681 §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Acknowledging {
    /// Every second full-sized segment; what is less waits for `delayed_ack`.
    // REQ: RFC9293-SHLD-18
    EverySecond,
    /// More than one full-sized segment, everything at first and after a pause, and the rest after a
    /// delay that follows the time between segments, as Linux does.
    Adaptive,
}

/// Which acknowledgments are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RttSamples {
    /// One segment at a time (RFC 6298 §3).
    OneARoundTrip,
    /// Every acknowledgment of something sent only once, selective ones too, as Linux does.
    EveryAck,
}

/// What asks a peer with a closed window for a wider one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WindowProbe {
    /// One byte of what comes next (RFC9293-MUST-36).
    OneByte,
    /// Nothing, but with an old sequence number, which must be answered just as well (RFC 9293
    /// §3.10.7.4), as Linux does.
    OldSequence,
}

/// How a sender finds losses by selective acknowledgments. The two are never combined
/// (RFC8985-15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LossDetection {
    /// By what arrived above a hole (RFC 6675).
    SelectiveAcks,
    /// By time, with probes of the flight's end (RFC 8985).
    RackTlp,
}

/// Which round trip RACK waits for (RFC 8985 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RackRoundTrip {
    /// RACK.rtt: that of the segment sent last of all that were delivered.
    OfNewest,
    /// That of the highest segment which the latest acknowledgment delivered, as Linux has it. What
    /// filled a hole late makes it longer.
    OfHighest,
}

/// Timing of keep-alive probes (RFC 9293 §3.8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeepAliveConfig {
    /// Whether connections that did not ask for it are probed as well; off by RFC9293-MUST-25.
    pub always: bool,
    /// Silence before the first probe; two hours or more by default.
    // REQ: RFC9293-MUST-28
    pub idle: Duration,
    /// Silence between probes.
    pub interval: Duration,
    /// Unanswered probes after which the connection is aborted, at least 2 (RFC9293-MUST-29).
    pub probes: u32,
}
