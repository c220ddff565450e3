//! What a user holds and sees of a socket.

use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::counters::Counters;
use crate::ecn::Feedback;
use crate::error::ConnectionError;
use crate::fast_open::Keys;
use crate::md5::Md5Keys;
use crate::seq::SeqNum;
use crate::state::StateName;
use crate::wire::accecn::ByteCounters;

/// The name of a socket. Given out in rising order and never used again by the same host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    number: u64,
    /// Where the host keeps the socket, so that it need not be searched for.
    place: u32,
}

impl SocketId {
    pub(crate) const fn new(number: u64, place: u32) -> SocketId {
        SocketId { number, place }
    }

    /// How many were given out with it.
    #[cfg(feature = "mutants")]
    pub(crate) const fn number(self) -> u64 {
        self.number
    }

    pub(crate) const fn place(self) -> usize {
        self.place as usize
    }
}

impl fmt::Display for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}", self.number)
    }
}

/// Flags of a SEND call (RFC 9293 §3.9.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SendFlags {
    /// The last byte of this data is the last byte of urgent data.
    pub urgent: bool,
    /// More data follows soon: hold back a partial segment and its PSH.
    pub more: bool,
    /// The data ends a record: later data leaves in segments of its own (MSG_EOR). It matters only where
    /// the host sends in bursts.
    pub end_of_record: bool,
}

/// Per-socket settings. `None` takes the host's [`Config`](crate::Config). An accepted connection
/// inherits its listener's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketOptions {
    /// Turns Nagle's algorithm off (RFC9293-MUST-17).
    pub nodelay: bool,
    /// Holds back partial segments until it is turned off or 200 ms have passed, as TCP_CORK does.
    pub cork: bool,
    /// Turns keep-alive probes on (RFC9293-MUST-24, MUST-25).
    pub keepalive: bool,
    /// Silence before the first probe (RFC9293-MUST-27).
    pub keepalive_idle: Option<Duration>,
    /// Silence between probes.
    pub keepalive_interval: Option<Duration>,
    /// Unanswered probes before the connection is aborted.
    pub keepalive_probes: Option<u32>,
    /// R2: longest time without progress, for data and for the handshake (RFC9293-MUST-21).
    pub user_timeout: Option<Duration>,
    /// Takes part in the user timeout option: announces ours, and where `user_timeout` is `None` goes
    /// by the peer's within the host's limits (RFC 5482 §3.1: ENABLED and CHANGEABLE).
    pub user_timeout_option: bool,
    /// What is announced, where it is to differ from the own user timeout (ADV_UTO).
    pub advertised_user_timeout: Option<Duration>,
    /// How long an active open keeps sending its SYN, where that is to differ from `user_timeout`
    /// (TCP_SYNCNT).
    pub syn_give_up: Option<Duration>,
    /// TTL or hop limit, 1..=255 (RFC9293-MUST-49).
    pub ttl: Option<u8>,
    /// Traffic class byte: DSCP in the upper six bits (RFC9293-MUST-48). The two ECN bits are sent
    /// as zero.
    pub traffic_class: u8,
    /// Lets a port be bound while an older connection from it is in TIME-WAIT.
    pub reuse_address: bool,
    /// Receive buffer in bytes.
    pub recv_buffer: Option<usize>,
    /// Send buffer in bytes, of what [`SendRoom`](crate::config::SendRoom) says.
    pub send_buffer: Option<usize>,
    /// Largest rate at which text leaves, in bytes a second (SO_MAX_PACING_RATE).
    pub max_pacing_rate: Option<u64>,
    /// Most bytes that may wait and never left before SEND takes no more (TCP_NOTSENT_LOWAT); a
    /// writer is told to come at half of it. `u32::MAX` sets no limit.
    pub unsent_low_water: Option<u32>,
    /// `Some(0)` turns CLOSE into ABORT. A longer time is the caller's matter: `close` never blocks
    /// here.
    pub linger: Option<Duration>,
    /// Largest MSS to advertise and to use.
    pub mss: Option<u16>,
    /// Largest window to advertise, in bytes.
    pub window_clamp: Option<u32>,
    /// Acknowledge every segment at once.
    pub quick_ack: bool,
    /// Leaves urgent data in the stream, as RFC 6093 asks. If false the byte before the urgent
    /// pointer is taken out and `recv_urgent` hands it over.
    pub urgent_inline: bool,
    /// Reports soft errors (ICMP, R1) as events and in `status` (RFC9293-SHLD-20).
    pub report_soft_errors: bool,
    /// Most connections of a listener that may be handed out before their handshake has ended (RFC
    /// 7413 §4.2, TCP_FASTOPEN); 0 takes no part in Fast Open.
    pub fast_open_queue: usize,
    /// What a listener makes its cookies with (TCP_FASTOPEN_KEY).
    pub fast_open_keys: Option<Keys>,
    /// Fast Open without cookies, on either side (TCP_FASTOPEN_NO_COOKIE).
    pub fast_open_without_cookie: bool,
    /// Keys of peers whose segments are signed, and to whom ours are (RFC 2385, TCP_MD5SIG). No part
    /// is taken in Fast Open with them: a SYN has no room for both options.
    pub md5_keys: Md5Keys,
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self {
            nodelay: false,
            cork: false,
            keepalive: false,
            keepalive_idle: None,
            keepalive_interval: None,
            keepalive_probes: None,
            user_timeout: None,
            user_timeout_option: false,
            advertised_user_timeout: None,
            syn_give_up: None,
            ttl: None,
            traffic_class: 0,
            reuse_address: false,
            recv_buffer: None,
            send_buffer: None,
            max_pacing_rate: None,
            unsent_low_water: None,
            linger: None,
            mss: None,
            window_clamp: None,
            quick_ack: false,
            urgent_inline: true,
            report_soft_errors: true,
            fast_open_queue: 0,
            fast_open_keys: None,
            fast_open_without_cookie: false,
            md5_keys: Md5Keys::default(),
        }
    }
}

/// Answer to STATUS (RFC 9293 §3.9.1.6). For a listener only `state`, `local` and the queue lengths
/// say something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The RFC's name of the state.
    pub state: StateName,
    /// Local address and port; the address is unspecified for a listener on all addresses.
    pub local: SocketAddr,
    /// Remote address and port.
    pub remote: Option<SocketAddr>,
    /// Initial send sequence number.
    pub iss: SeqNum,
    /// Oldest unacknowledged sequence number.
    pub snd_una: SeqNum,
    /// Next sequence number to send.
    pub snd_nxt: SeqNum,
    /// Window offered by the peer, in bytes.
    pub snd_wnd: u32,
    /// Initial receive sequence number.
    pub irs: SeqNum,
    /// Next sequence number expected.
    pub rcv_nxt: SeqNum,
    /// The peer's FIN is counted in RCV.NXT.
    pub fin_received: bool,
    /// Window we offer, in bytes.
    pub rcv_wnd: u32,
    /// Smoothed round-trip time, once there is a sample (RFC 6298).
    pub srtt: Option<Duration>,
    /// Round-trip time variation.
    pub rttvar: Option<Duration>,
    /// Retransmission timeout with its back-off.
    pub rto: Duration,
    /// The longest time without progress: R2, or what was agreed on with the peer (RFC 5482).
    pub user_timeout: Duration,
    /// Times the present back-off has doubled the RTO.
    pub backoff: u32,
    /// Timeouts since anything was acknowledged: how often what is oldest was sent again by the timer.
    pub timeouts: u32,
    /// Congestion window in bytes.
    pub cwnd: u32,
    /// Slow start threshold in bytes.
    pub ssthresh: u32,
    /// Acknowledgments without progress, one after the other, up to now (RFC 5681 §3.2).
    pub duplicate_acks: u32,
    /// Whether a loss is being recovered from without a timeout (RFC 6582).
    pub in_recovery: bool,
    /// Unanswered probes of a closed window or of a silent peer.
    pub probes: u32,
    /// Effective send MSS: most payload bytes in a segment without further options
    /// (RFC9293-MUST-16).
    pub snd_mss: u16,
    /// MSS we advertised.
    pub rcv_mss: u16,
    /// Shift applied to windows we receive, if scaling is in use.
    pub snd_wscale: Option<u8>,
    /// Shift applied to windows we send, if scaling is in use.
    pub rcv_wscale: Option<u8>,
    /// Whether timestamps were negotiated.
    pub timestamps: bool,
    /// Whether SACK was negotiated.
    pub sack: bool,
    /// What the two sides tell each other of marks.
    pub ecn: EcnStatus,
    /// Bytes the user has sent and the peer has not acknowledged.
    pub send_queued: usize,
    /// What the send buffer is limited to, in bytes.
    pub send_limit: usize,
    /// Of the bytes queued to send, those never transmitted.
    pub send_unsent: usize,
    /// Bytes in order and not yet read.
    pub recv_queued: usize,
    /// Bytes from the next byte to be read up to the end of urgent data, if any is ahead
    /// (RFC9293-MUST-33).
    pub urgent_ahead: Option<u32>,
    /// The rate at which text leaves, in bytes a second, if it is paced and a rate is known.
    pub pacing_rate: Option<u64>,
    /// Segments retransmitted in the life of the connection.
    pub retransmitted: u64,
    /// Segments in flight, FIN included, SYN not: each as it was sent, or what is left of it.
    pub in_flight: usize,
    /// Of these, how many the peer has by its selective acknowledgments.
    pub sacked: usize,
    /// Of these, how many count as lost, sent again or not.
    pub lost: usize,
    /// How often segments were seen to arrive out of order; RACK looks at that (RFC 8985 §6.2).
    pub reordering_seen: u32,
    /// Most bytes from a segment that arrived late to the highest that had arrived.
    pub reordering_distance: u32,
    /// The least round-trip time, as RACK knows it.
    pub min_rtt: Option<Duration>,
    /// Segments in flight that were sent more than once.
    pub retransmitted_in_flight: usize,
    /// Segments that the peer has, by its acknowledgments of either kind. Our SYN counts as one,
    /// with all of its data if that was taken.
    pub delivered: u64,
    /// What was counted so far.
    pub counters: Counters,
    /// Whether data on a SYN was taken: all of ours by the peer, or the peer's by us (RFC 7413).
    pub syn_data_taken: bool,
    /// Connections waiting for `accept` (listener).
    pub accept_queued: usize,
    /// Half-open connections (listener).
    pub syn_queued: usize,
    /// The error that ended the connection, not yet taken.
    pub error: Option<ConnectionError>,
    /// The last soft error (RFC9293-SHLD-25).
    pub soft_error: Option<ConnectionError>,
}

/// Explicit congestion notification on a connection. The counters are those of RFC 9768 §3.2 and
/// move with accurate feedback only; all of them wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcnStatus {
    /// The feedback in use, if the handshake agreed on one.
    pub feedback: Option<Feedback>,
    /// New data leaves with ECT(0).
    pub sends_ect: bool,
    /// Packets of the peer that arrived marked, less the 5 that the counter begins with.
    pub received_marked: u32,
    /// Packets of ours that arrived marked, as far as the peer says, less the 5.
    pub delivered_marked: u32,
    /// Text of the peer by marking (r.e0b, r.ceb, r.e1b).
    pub received_bytes: ByteCounters,
    /// Text of ours by marking, if the peer sends the option (s.e0b, s.ceb, s.e1b).
    pub delivered_bytes: ByteCounters,
}

/// What a call would find, for readiness interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Readiness {
    /// `recv` would not block: data, end of stream or an error waits.
    pub readable: bool,
    /// `send` would not block: there is room, or an error waits.
    pub writable: bool,
    /// `accept` would hand out a connection.
    pub accept_ready: bool,
    /// The peer has closed its direction.
    pub peer_closed: bool,
    /// Both directions are over.
    pub closed: bool,
    /// An error waits to be taken.
    pub error: bool,
    /// Urgent data is ahead and not yet taken, or a byte waits in `recv_urgent`.
    pub urgent: bool,
    /// The handshake is done (also in every later state of a connection that was established).
    pub connected: bool,
}
