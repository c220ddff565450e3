//! Every tunable of a host, with its unit, its bounds and the requirements it serves.
//!
//! [`Config::default`] is RFC 9293 with the choices of the project's founding documents where the
//! RFC leaves one. Other stacks' choices are tables of these settings: [`Profile`](crate::Profile).

mod closing;
mod handshake;
mod transfer;

use core::ops::RangeInclusive;
use core::time::Duration;

pub use crate::congestion::{self, InitialWindow};
pub use crate::ecn::{AccEcnConfig, AccEcnOptionUse};
pub use crate::fast_open::FastOpenConfig;
pub use crate::md5::{Md5Config, UnexpectedSignature};
pub use crate::path::{BelowMinimum, PathMtuConfig, Probing, TooBig};
pub use crate::send::pacing::{PacingRules, PauseCredit};
pub use crate::send::rtt::RttVariance;
pub use crate::user_timeout::UserTimeoutConfig;
pub use closing::{
    DataAfterClose, HardIcmp, ReceivedOnError, ResetError, RstInTimeWait, SoftIcmp, TimeWaitIss,
    TimeWaitSyn, UnreadOnClose,
};
pub use handshake::{
    DuplicateSyn, EcnUse, InWindowSyn, MissingTimestamp, SynCookies, SynData, SynWithFin,
};
pub use transfer::{
    Acknowledging, BufferTuning, BurstRules, KeepAliveConfig, LossDetection, RackRoundTrip,
    RttSamples, Segmentation, SendRoom, WindowProbe,
};

/// Every tunable of a [`Host`](crate::Host). A change affects sockets opened later, but for
/// [`FastOpenConfig::keys`].
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
    /// How long an active open keeps sending its SYN; at least 180 s (RFC9293-MUST-23). Where the first
    /// repeats have no back-off (`syn_linear_timeouts`), the wait under way is waited to its end, as on
    /// Linux: 131 s of 127.
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
