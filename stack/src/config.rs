//! Every tunable of a host, with its unit, its bounds and the requirements it serves.
//!
//! [`Config::default`] is RFC 9293 with the choices of the project's founding documents where the
//! RFC leaves one. Other stacks' choices are tables of these settings: [`Profile`](crate::Profile).

use core::ops::RangeInclusive;
use core::time::Duration;

pub use crate::congestion::{self, InitialWindow};
use crate::ecn::Feedback;
pub use crate::ecn::{AccEcnConfig, AccEcnOptionUse};
pub use crate::fast_open::FastOpenConfig;
pub use crate::md5::{Md5Config, UnexpectedSignature};
pub use crate::path::{BelowMinimum, PathMtuConfig, Probing, TooBig};
pub use crate::send::pacing::{PacingRules, PauseCredit};
pub use crate::send::rtt::RttVariance;
pub use crate::user_timeout::UserTimeoutConfig;

/// Every tunable of a [`Host`](crate::Host). A change affects sockets opened later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    // --- What IP below can carry
    /// Largest IP packet the link carries, in bytes; the advertised MSS is this less the fixed IP
    /// and TCP headers (RFC 9293 §3.7.1). At least 576.
    pub mtu: u16,
    /// Smallest MSS taken from a peer, in bytes, so that a hostile option cannot leave no room for
    /// payload.
    pub min_mss: u16,
    /// How the largest packet of a path is found (RFC 1191, RFC 8201, RFC 4821).
    pub path_mtu: PathMtuConfig,
    /// Default IP TTL or hop limit, 1..=255 (RFC 9293 MUST-49).
    pub ttl: u8,

    // --- Handshake
    /// What becomes of data on a SYN (RFC 9293 §3.10.7.2, RFC9293-SM-12).
    pub syn_data: SynData,
    /// The same for a SYN-ACK: whether its data and FIN are taken. Of Fast Open they always are.
    pub syn_ack_data: SynData,
    /// What a listener does with a SYN that has FIN as well (RFC 9293 §3.10.7.2 looks at SYN only).
    pub syn_with_fin: SynWithFin,
    /// So many repeats of a SYN follow each other without back-off
    /// (`net.ipv4.tcp_syn_linear_timeouts`); 0 by RFC 6298.
    pub syn_linear_timeouts: u32,
    /// A segment in SYN-SENT that acknowledges something we never sent makes the first repeat of the SYN
    /// follow this soon, as on Linux; `None` leaves the timer alone. The peer is alive and probably
    /// about to forget an older connection.
    pub syn_repeat_after_bad_ack: Option<Duration>,
    /// How often a SYN-ACK is sent again before the half-open entry is given up (DOC-HS-11).
    pub syn_ack_retries: u32,
    /// Wait before the first repeat of a SYN-ACK; it doubles each time, and once more after the
    /// last repeat before the entry goes (DOC-HS-12, DOC-HS-13).
    pub syn_ack_timeout: Duration,
    /// How long an active open keeps sending its SYN; at least 180 s (RFC9293-MUST-23).
    pub syn_give_up: Duration,
    /// Answer to the very SYN that opened the connection, repeated while in SYN-RECEIVED
    /// (RFC9293-SM-25).
    pub duplicate_syn_in_syn_received: DuplicateSyn,
    /// Reaction of a passive SYN-RECEIVED to another SYN in its window (RFC9293-SM-24).
    pub syn_in_window_in_syn_received: InWindowSyn,
    /// When a listener answers with SYN cookies (RFC 4987 §3.6).
    pub syn_cookies: SynCookies,
    /// Whether the timestamp that goes with a cookie keeps the window scale, SACK and ECN of the SYN
    /// (RFC4987-4); without, or where a peer has no timestamps, only its MSS is kept.
    pub syn_cookie_options: bool,
    /// Most half-open connections of one listener.
    pub syn_queue: usize,

    /// Data on a SYN for those who have shown who they are (RFC 7413).
    pub fast_open: FastOpenConfig,

    // --- Options
    /// Offer and accept window scaling with this shift, 0..=14; `None` never offers it (RFC 7323
    /// §2).
    pub window_scale: Option<u8>,
    /// Offer and accept timestamps (RFC 7323 §3).
    pub timestamps: bool,
    /// Offer and accept selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Report text that arrives twice where selective acknowledgments are in use (RFC 2883 §4).
    pub dsack: bool,
    /// Explicit congestion notification (RFC 3168, RFC 9768).
    pub ecn: EcnUse,
    /// The choices of RFC 9768, where `ecn` admits it.
    pub accecn: AccEcnConfig,
    /// A segment without the negotiated timestamp option (RFC7323-13).
    pub missing_timestamp: MissingTimestamp,

    // --- Buffers and windows
    /// Receive buffer in bytes; the largest window we offer.
    pub recv_buffer: usize,
    /// Send buffer in bytes: most that `send` takes before it answers `WouldBlock`.
    pub send_buffer: usize,
    /// Whether buffers grow, where the user has set no size.
    pub tuning: BufferTuning,
    /// What `send_buffer` limits.
    pub send_room: SendRoom,
    /// Most bytes a user may have waiting that never left, unless a socket says otherwise; `None`
    /// sets no such limit.
    pub unsent_low_water: Option<u32>,
    /// How much may be in the network (RFC 5681, RFC 9438).
    pub congestion: congestion::Rules,
    /// Segments one after the other instead of in bursts (RFC 9002 §7.7).
    pub pacing: PacingRules,
    /// How losses are found where the peer has SACK; without it duplicate acknowledgments tell (RFC
    /// 6582).
    pub loss_detection: LossDetection,
    /// Which round trip RACK waits for.
    pub rack_round_trip: RackRoundTrip,
    /// Take back a reduction of the window when it turns out that nothing was lost (RFC 4015).
    pub undo: bool,
    /// A timeout after which an original arrives was too early (F-RTO, RFC 5682); needs `undo` and
    /// selective acknowledgments.
    pub frto: bool,
    /// Added to the wait for a tail loss probe of several segments, and to the wait for what may come
    /// out of order (RFC 8985 §7.2, §6.2); Linux has 2 ms.
    pub timer_slack: Duration,
    /// How long the peer may hold back the acknowledgment of a lone segment before a tail loss probe
    /// asks for it; RFC 8985 §7.2 suggests 200 ms.
    pub tlp_max_ack_delay: Duration,

    // --- Acknowledging
    /// Which text is acknowledged at once, and how long the rest waits (RFC 9293 §3.8.6.3).
    pub acknowledging: Acknowledging,
    /// Longest wait where the delay adapts, below 500 ms; `delayed_ack` is the shortest then
    /// (RFC9293-MUST-40). Linux has 200 ms.
    pub delayed_ack_max: Duration,
    /// Longest wait of a delayed acknowledgment, below 500 ms; zero acknowledges every segment at
    /// once (RFC9293-MUST-40, RFC9293-SHLD-18).
    pub delayed_ack: Duration,
    /// How many short segments (less than full sized) are acknowledged at once after the handshake
    /// before delaying begins; a full-sized one tells that another follows. The RFCs bound the
    /// delay from above only.
    pub quick_acks: u32,

    // --- Sending
    /// How much leaves in one go, which shows in where PSH stands and in what waits for more.
    pub segmentation: Segmentation,
    /// What asks a peer with a closed window for a wider one (RFC 9293 §3.8.6.1).
    pub window_probe: WindowProbe,
    /// Nagle's algorithm on new sockets (RFC9293-SHLD-7).
    pub nagle: bool,
    /// Which acknowledgments are measured (RFC 6298 §3: one each round trip at least).
    pub rtt_samples: RttSamples,
    /// How the variation of the round trip bounds the RTO from below.
    pub rtt_variance: RttVariance,
    /// RTO before the first sample; at least 1 s (RFC 6298 §2.1).
    pub initial_rto: Duration,
    /// Smallest RTO; 1 s by RFC 6298 §2.4.
    pub min_rto: Duration,
    /// Largest RTO, not below 60 s (RFC 6298 §2.5).
    pub max_rto: Duration,
    /// Added to every computed RTO before `min_rto` bounds it; zero by RFC 6298 §2.3, which lets it
    /// be longer.
    pub rto_slack: Duration,
    /// Least wait before a zero-window probe; zero leaves it at the RTO (RFC 9293 §3.8.6.1,
    /// RFC9293-SHLD-29).
    pub persist_min: Duration,
    /// Longest wait between zero-window probes, not below `persist_min` (RFC9293-SHLD-30).
    pub persist_max: Duration,
    /// Wait before another attempt at what the link below did not take
    /// ([`Host::set_link_blocked`](crate::Host::set_link_blocked)); above zero.
    pub link_retry: Duration,
    /// Retransmissions of one segment after which the trouble is reported; at least 3
    /// (RFC9293-SHLD-9, SHLD-10).
    pub r1: u32,
    /// Time without progress after which the connection is aborted; at least 100 s.
    // REQ: RFC9293-SHLD-11
    pub r2: Duration,
    /// Limits on the user timeout that a peer announces (RFC 5482).
    pub user_timeout_option: UserTimeoutConfig,
    /// Wait before the override of sender-side silly-window avoidance, 0.1..=1 s (RFC 9293
    /// §3.8.6.2.1).
    pub sws_override: Duration,

    // --- Keep-alive
    /// Timing of keep-alive probes where a socket asks for them; they are off by default
    /// (RFC9293-MUST-25).
    pub keepalive: KeepAliveConfig,

    // --- Closing
    /// Maximum segment lifetime; TIME-WAIT lasts twice as long (RFC 9293 §3.4.2, RFC9293-MUST-13).
    // REQ: RFC9293-SM-49
    pub msl: Duration,
    /// How long FIN-WAIT-2 waits for the peer's FIN once the user has let go of the socket; `None`
    /// waits for ever, as the RFC does.
    pub fin_wait_2_timeout: Option<Duration>,
    /// Reaction to a valid RST in TIME-WAIT (RFC9293-SM-42 against RFC1337-1).
    pub rst_in_time_wait: RstInTimeWait,
    /// Whether a SYN may reopen a connection in TIME-WAIT (RFC9293-MAY-2, RFC 6191).
    pub time_wait_syn: TimeWaitSyn,
    /// The initial sequence number of the incarnation that it opens.
    pub time_wait_iss: TimeWaitIss,
    /// Reaction to data that arrives after the user let go of the socket (RFC9293-SHLD-3, RFC 9293
    /// §3.6.1).
    pub data_after_close: DataAfterClose,
    /// Reaction to CLOSE with unread data (RFC9293-SHLD-3).
    pub close_with_unread_data: UnreadOnClose,
    /// What becomes of received data that is not read yet when the connection ends with an error
    /// (RFC9293-SM-46).
    pub received_on_error: ReceivedOnError,

    /// What the user is told of a reset.
    pub reset_error: ResetError,
    /// Whether the RST of an ABORT has the ACK bit: RFC 9293 §3.10.5 shows it bare, §3.1 wants ACK
    /// in every segment of a connection.
    pub reset_carries_ack: bool,
    /// Whether a RST has the timestamps option where the connection or the offending segment had it
    /// (RFC7323-23).
    pub timestamp_on_reset: bool,
    /// The same for the RST of an ABORT alone.
    pub timestamp_on_abort: bool,
    /// A SYN-ACK that echoes a timestamp we never sent is answered with a RST, as one that acknowledges
    /// what we never sent; Linux does so. RFC 7323 says nothing of it.
    pub check_syn_ack_echo: bool,

    // --- Defence
    /// The acceptable range of an ACK in synchronized states (RFC 5961 §5, RFC9293-MAY-12).
    pub old_ack_check: bool,
    /// Most challenge ACKs a connection sends in one `challenge_ack_interval` (RFC 5961 §7).
    pub challenge_ack_limit: u32,
    /// The interval the limit is counted over.
    pub challenge_ack_interval: Duration,

    /// Signatures of segments where a user has set a key (RFC 2385).
    pub md5: Md5Config,

    // --- ICMP
    /// Hard ICMP errors (protocol or port unreachable) on a synchronized connection
    /// (RFC9293-SHLD-26, RFC5927-2).
    pub hard_icmp: HardIcmp,
    /// Soft ICMP errors while the handshake lasts (RFC9293-MUST-56).
    pub soft_icmp_in_handshake: SoftIcmp,

    /// A defect that the host has, to see whether tests find it.
    #[cfg(feature = "mutants")]
    pub mutant: crate::mutants::Infection,

    // --- Ports
    /// Ephemeral ports (RFC 6056 §3.2).
    pub ephemeral_ports: RangeInclusive<u16>,
}

/// Data on a SYN, before the connection exists (RFC9293-SM-12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynData {
    /// Not taken: the SYN-ACK acknowledges the SYN only and the peer sends the data again.
    Drop,
    /// Acknowledged, kept, and handed to the user once ESTABLISHED is reached.
    Queue,
}

/// A SYN with FIN, for a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynWithFin {
    /// The SYN counts, the FIN does not (RFC 9293 §3.10.7.2).
    TakeSyn,
    /// Dropped in silence, as Linux does.
    Drop,
}

/// The initial sequence number of an incarnation that opens from TIME-WAIT (RFC9293-MAY-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeWaitIss {
    /// As for every connection, if it lies behind what the old one used.
    Generated,
    /// A fixed step behind what the old one used, as Linux has it.
    AfterOld,
}

/// What the user is told of a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResetError {
    /// "Connection refused" before ESTABLISHED of an active open, "connection reset" after it (RFC 9293
    /// §3.10.7.4).
    ByOpen,
    /// "Refused" in SYN-SENT only, and that the pipe is broken once the peer had closed, as on Linux.
    ByState,
}

/// Answer to a repeat of the opening SYN in SYN-RECEIVED (RFC9293-SM-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DuplicateSyn {
    /// RFC 9293's first check: the SYN is below the window, a pure ACK answers.
    Ack,
    /// The SYN-ACK goes out again, as Linux does.
    RetransmitSynAck,
}

/// A further SYN in the window of a passive SYN-RECEIVED (RFC9293-SM-24).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InWindowSyn {
    /// RFC 9293 fourth check: the half-open connection goes and the listener waits anew.
    ReturnToListen,
    /// A RST is sent as well, in the form that CLOSED has for the new SYN.
    ResetAndReturnToListen,
    /// The SYN-ACK goes out again, whatever number the new SYN has.
    RetransmitSynAck,
    /// RFC 5961 §4.2's answer for synchronized states: a challenge ACK, nothing else.
    ChallengeAck,
}

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

/// When connections use ECN, and in which form (RFC 3168 §6.1.1, RFC 9768 §3.1). Who takes accurate
/// feedback takes that of RFC 3168 as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EcnUse {
    /// Never.
    Off,
    /// That of RFC 3168 where the peer asks for it.
    Accept,
    /// Our own opens ask for it as well.
    Request,
    /// What the peer asks for, accurate or not.
    AccurateAccept,
    /// The same, and our own opens ask for that of RFC 3168.
    AccurateAcceptRequest,
    /// The same, and our own opens ask for accurate feedback.
    AccurateRequest,
}

impl EcnUse {
    /// The best that a peer gets who asks for it.
    pub const fn accepts(self) -> Option<Feedback> {
        match self {
            Self::Off => None,
            Self::Accept | Self::Request => Some(Feedback::Classic),
            Self::AccurateAccept | Self::AccurateAcceptRequest | Self::AccurateRequest => {
                Some(Feedback::Accurate)
            }
        }
    }

    /// What our own opens ask for.
    pub const fn requests(self) -> Option<Feedback> {
        match self {
            Self::Off | Self::Accept | Self::AccurateAccept => None,
            Self::Request | Self::AccurateAcceptRequest => Some(Feedback::Classic),
            Self::AccurateRequest => Some(Feedback::Accurate),
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

/// Which round trip RACK waits for (RFC 8985 §6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RackRoundTrip {
    /// RACK.rtt: that of the segment sent last of all that were delivered.
    OfNewest,
    /// That of the highest segment which the latest acknowledgment delivered, as Linux has it. What
    /// filled a hole late makes it longer.
    OfHighest,
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

/// When a listener uses SYN cookies (RFC 4987 §3.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SynCookies {
    /// A SYN that finds the SYN queue full is dropped.
    Never,
    /// A SYN that finds the SYN queue full is answered with a cookie.
    OnOverflow,
    /// Every SYN is answered with a cookie.
    Always,
}

/// A non-RST segment that lacks the negotiated timestamp (RFC7323-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MissingTimestamp {
    /// Dropped without an answer.
    Drop,
    /// Processed as if PAWS had nothing to say.
    Accept,
}

/// A valid RST in TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RstInTimeWait {
    /// RFC 9293 §3.10.7.4: the connection is gone at once.
    Close,
    /// RFC 1337 §3 fix F1: ignored, so that an old duplicate cannot end TIME-WAIT early.
    Ignore,
}

/// A SYN for a connection in TIME-WAIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TimeWaitSyn {
    /// A new incarnation opens if sequence number or timestamp prove the SYN new (RFC 6191 §2).
    Accept,
    /// The SYN is treated as in any synchronized state: challenge ACK.
    Refuse,
}

/// Data that arrives after the user has closed and let go of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataAfterClose {
    /// A RST tells the peer that data was lost (RFC 9293 §3.6.1, half-duplex close).
    Reset,
    /// The same RST that a segment for no connection gets: `<SEQ=SEG.ACK><CTL=RST>`.
    ResetAsUnknown,
    /// Acknowledged and thrown away.
    Discard,
}

/// CLOSE while received data is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnreadOnClose {
    /// A RST instead of a FIN (RFC9293-SHLD-3).
    Reset,
    /// A FIN as ever.
    Fin,
}

/// Unread data of a connection that ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceivedOnError {
    /// RFC 9293 §3.10.7.4: all queues are flushed, and the next call gets the error.
    Flush,
    /// It can be read, then comes the error, as on Linux.
    Keep,
}

/// A hard ICMP error on a synchronized connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HardIcmp {
    /// The connection is aborted (RFC9293-SHLD-26).
    Abort,
    /// Kept as a soft error (RFC5927-2). While the handshake lasts a hard error aborts all the
    /// same.
    Soft,
}

/// A soft ICMP error while the handshake lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SoftIcmp {
    /// Noted for the user, the SYN goes on (RFC9293-MUST-56).
    Ignore,
    /// The open fails at once, as many stacks do (RFC 5461).
    Abort,
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

impl Default for Config {
    fn default() -> Self {
        Self {
            mtu: 1500,
            min_mss: 64,
            path_mtu: PathMtuConfig::default(),
            ttl: 64,
            syn_data: SynData::Drop,
            syn_ack_data: SynData::Queue,
            syn_with_fin: SynWithFin::TakeSyn,
            syn_linear_timeouts: 0,
            syn_repeat_after_bad_ack: None,
            syn_ack_retries: 5,
            syn_ack_timeout: Duration::from_secs(1),
            syn_give_up: Duration::from_secs(180),
            duplicate_syn_in_syn_received: DuplicateSyn::Ack,
            syn_in_window_in_syn_received: InWindowSyn::ReturnToListen,
            syn_cookies: SynCookies::OnOverflow,
            syn_cookie_options: true,
            syn_queue: 128,
            fast_open: FastOpenConfig::default(),
            window_scale: Some(7),
            timestamps: true,
            sack: true,
            dsack: true,
            ecn: EcnUse::Accept,
            accecn: AccEcnConfig::default(),
            missing_timestamp: MissingTimestamp::Drop,
            recv_buffer: 65_535,
            send_buffer: 65_536,
            tuning: BufferTuning::default(),
            send_room: SendRoom::Bytes,
            unsent_low_water: None,
            congestion: congestion::Rules::default(),
            pacing: PacingRules::default(),
            loss_detection: LossDetection::SelectiveAcks,
            rack_round_trip: RackRoundTrip::OfNewest,
            undo: false,
            frto: false,
            timer_slack: Duration::ZERO,
            tlp_max_ack_delay: Duration::from_millis(200),
            acknowledging: Acknowledging::EverySecond,
            delayed_ack_max: Duration::from_millis(200),
            delayed_ack: Duration::from_millis(200),
            quick_acks: 1,
            segmentation: Segmentation::Single,
            window_probe: WindowProbe::OneByte,
            nagle: true,
            rtt_samples: RttSamples::OneARoundTrip,
            rtt_variance: RttVariance::Rfc6298,
            initial_rto: Duration::from_secs(1),
            min_rto: Duration::from_secs(1),
            max_rto: Duration::from_secs(60),
            rto_slack: Duration::ZERO,
            persist_min: Duration::ZERO,
            persist_max: Duration::from_secs(60),
            link_retry: Duration::from_millis(500),
            r1: 3,
            r2: Duration::from_secs(300),
            user_timeout_option: UserTimeoutConfig::default(),
            sws_override: Duration::from_millis(500),
            keepalive: KeepAliveConfig {
                always: false,
                idle: Duration::from_secs(7200),
                interval: Duration::from_secs(75),
                probes: 9,
            },
            msl: Duration::from_secs(120),
            fin_wait_2_timeout: Some(Duration::from_secs(60)),
            rst_in_time_wait: RstInTimeWait::Close,
            time_wait_syn: TimeWaitSyn::Accept,
            time_wait_iss: TimeWaitIss::Generated,
            data_after_close: DataAfterClose::Reset,
            close_with_unread_data: UnreadOnClose::Reset,
            received_on_error: ReceivedOnError::Flush,
            reset_error: ResetError::ByOpen,
            reset_carries_ack: true,
            timestamp_on_reset: true,
            timestamp_on_abort: true,
            check_syn_ack_echo: false,
            old_ack_check: true,
            challenge_ack_limit: 10,
            challenge_ack_interval: Duration::from_secs(1),
            md5: Md5Config::default(),
            hard_icmp: HardIcmp::Abort,
            soft_icmp_in_handshake: SoftIcmp::Ignore,
            #[cfg(feature = "mutants")]
            mutant: crate::mutants::Infection::default(),
            ephemeral_ports: 49_152..=65_535,
        }
    }
}
