//! The connection block (RFC 9293 §3.3.1): everything about one connection but the state it is in.

mod endpoint;
mod negotiated;
mod receive;
mod send;
mod shared;
mod user;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

pub(crate) use endpoint::Endpoint;
pub(crate) use negotiated::{Negotiated, TimestampState};
pub(crate) use receive::ReceiveSide;
pub(crate) use send::SendSide;
pub(crate) use shared::Shared;
pub(crate) use user::UserSide;

use crate::challenge_ack::ChallengeAckLimiter;
use crate::config::Config;
use crate::counters::Tally;
use crate::ecn::Ecn;
use crate::fast_open::FastOpen;
use crate::md5::Md5Key;
use crate::path::Path;
use crate::send::pacing;
use crate::seq::SeqNum;
use crate::socket::{SocketId, SocketOptions};
use crate::time::Instant;
use crate::timers::{Timer, TimerTable};
use crate::user_timeout::{self, UserTimeoutState};
use crate::window::{Mss, WindowScale};
use crate::wire::ip::IpVersion;
use crate::wire::signature::SIGNATURE_LEN;

/// Bytes that the timestamps option takes of every segment, padding included.
const TIMESTAMPS_LEN: usize = 12;

/// One connection's block. Which of its fields mean something depends on the state beside it.
#[derive(Debug, Clone)]
pub(crate) struct Tcb {
    pub(crate) id: SocketId,
    pub(crate) local: Endpoint,
    pub(crate) remote: Endpoint,
    pub(crate) config: Arc<Config>,
    pub(crate) options: Arc<SocketOptions>,
    /// SND.* and the machinery behind them.
    pub(crate) snd: SendSide,
    /// RCV.* and the machinery behind them.
    pub(crate) rcv: ReceiveSide,
    /// What the two SYNs agreed on.
    pub(crate) negotiated: Negotiated,
    pub(crate) ecn: Ecn,
    pub(crate) fast_open: FastOpen,
    pub(crate) timers: TimerTable,
    /// Most connections never send a challenge ACK.
    pub(crate) challenge: Option<Box<ChallengeAckLimiter>>,
    pub(crate) user: UserSide,
    pub(crate) user_timeout: UserTimeoutState,
    /// The key that signs what goes to the peer and comes from it.
    pub(crate) md5: Option<Box<Md5Key>>,
    /// The path to the peer.
    pub(crate) path: Path,
    pub(crate) counters: Tally,
    /// When the connection was opened; the base of handshake give-up.
    pub(crate) opened_at: Instant,
    /// When the peer was last heard of (RFC 9293 §3.8.4).
    pub(crate) last_heard: Instant,
    /// The host knows that there may be something to send.
    pub(crate) dirty: bool,
    /// Keep-alive probes sent since then.
    pub(crate) keepalive_probes_sent: u32,
}

/// What a new connection block is made from.
#[derive(Debug)]
pub(crate) struct TcbSeed {
    pub(crate) id: SocketId,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) path: Path,
    pub(crate) config: Arc<Config>,
    pub(crate) options: Arc<SocketOptions>,
    pub(crate) shared: Shared,
    pub(crate) iss: SeqNum,
    /// Offset of this connection's timestamp clock (RFC7323-26).
    pub(crate) timestamp_offset: u32,
    pub(crate) now: Instant,
}

impl Tcb {
    /// A block with SND.UNA = SND.NXT = ISS: nothing sent yet.
    pub(crate) fn new(seed: TcbSeed) -> Self {
        let TcbSeed {
            id,
            local,
            remote,
            path,
            config,
            options,
            shared,
            iss,
            timestamp_offset,
            now,
        } = seed;
        let version = ip_version(local.ip());
        let rcv_mss = advertised_mss(&config, &options, version);
        let recv_buffer = options.recv_buffer.unwrap_or(config.recv_buffer);
        let send_buffer = options.send_buffer.unwrap_or(config.send_buffer);
        let mut snd = SendSide::new(
            iss,
            send_buffer,
            Mss::default_for(version),
            &config,
            &shared,
        );
        snd.pacer = pacing::pacer(&config.pacing, options.max_pacing_rate);
        snd.buffer_grows = config.tuning.send && options.send_buffer.is_none();
        Self {
            id,
            local: local.into(),
            remote: remote.into(),
            snd,
            rcv: ReceiveSide::new(recv_buffer, rcv_mss, &config),
            negotiated: Negotiated::new(timestamp_offset),
            ecn: Ecn::default(),
            fast_open: FastOpen::default(),
            md5: options.md5_keys.key_for(remote.ip()).copied().map(Box::new),
            path,
            timers: TimerTable::new(),
            challenge: None,
            user: UserSide::default(),
            user_timeout: UserTimeoutState::new(options.user_timeout_option),
            counters: Tally::default(),
            opened_at: now,
            last_heard: now,
            dirty: false,
            keepalive_probes_sent: 0,
            config,
            options,
        }
    }

    /// The IP version both addresses belong to.
    pub(crate) fn ip_version(&self) -> IpVersion {
        ip_version(self.local.ip())
    }

    /// Whether RECEIVE may hand out what has arrived: once ESTABLISHED was reached, or from the start
    /// if a listener handed the connection out before.
    // REQ: RFC9293-SM-12
    // REQ: RFC7413-9
    pub(crate) fn may_receive(&self) -> bool {
        self.user.was_established || self.fast_open.early
    }

    /// R2: the longest time without progress (RFC 9293 §3.8.3).
    pub(crate) fn user_timeout(&self) -> Duration {
        user_timeout::current(self)
    }

    /// How long an active open keeps trying.
    // REQ: RFC9293-MUST-22
    // REQ: RFC9293-MUST-23
    pub(crate) fn syn_give_up(&self) -> Duration {
        let own = self.options.syn_give_up.or(self.options.user_timeout);
        own.unwrap_or(self.config.syn_give_up)
    }

    /// The window scale of our SYN: as configured, or more if the largest buffer needs it.
    pub(crate) fn offered_scale(&self) -> Option<WindowScale> {
        offered_scale(&self.config, &self.options)
    }

    /// Whether the budget for challenge ACKs has one left; it is used up then (RFC 5961 §7).
    pub(crate) fn permits_challenge(&mut self, now: Instant) -> bool {
        let config = &self.config;
        let budget =
            || ChallengeAckLimiter::new(config.challenge_ack_limit, config.challenge_ack_interval);
        self.challenge
            .get_or_insert_with(|| Box::new(budget()))
            .permit(now)
    }

    /// Arms `timer` to fire `after` from `now`.
    pub(crate) fn arm(&mut self, timer: Timer, now: Instant, after: Duration) {
        self.timers.arm(timer, now + after);
    }

    /// Bytes of options that every segment after the handshake carries, padding included.
    pub(crate) fn fixed_options_len(&self) -> usize {
        let timestamps = if self.negotiated.timestamps.is_some() {
            TIMESTAMPS_LEN
        } else {
            0
        };
        let signature = if self.md5.is_some() { SIGNATURE_LEN } else { 0 };
        timestamps + signature
    }

    /// Whether timestamps are asked for and agreed to.
    pub(crate) fn wants_timestamps(&self) -> bool {
        wants_timestamps(&self.config, self.md5.is_some())
    }

    /// The largest payload a segment with the options of this moment may carry (RFC 9293 §3.7.1).
    // REQ: RFC9293-MUST-16
    // REQ: RFC6691-2
    pub(crate) fn effective_mss(&self, options_len: usize) -> usize {
        let limit = self.snd.mss.payload_limit(options_len);
        let limit = mutant!(self.config, A10, limit, self.snd.mss.payload_limit(0));
        #[cfg(feature = "mutants")]
        let limit =
            crate::mutants::wrong::send::limit(&self.config, self.snd.mss, options_len, limit);
        limit
    }
}

/// The IP version of an address.
pub(crate) const fn ip_version(address: IpAddr) -> IpVersion {
    match address {
        IpAddr::V4(_) => IpVersion::V4,
        IpAddr::V6(_) => IpVersion::V6,
    }
}

/// [`Tcb::offered_scale`] of a connection with these settings.
// REQ: RFC7323-1
pub(crate) fn offered_scale(config: &Config, options: &SocketOptions) -> Option<WindowScale> {
    let configured = WindowScale::new(config.window_scale?);
    let tuning = &config.tuning;
    if !tuning.receive || options.recv_buffer.is_some() {
        return Some(configured);
    }
    let largest = u32::try_from(tuning.receive_max).unwrap_or(u32::MAX);
    Some(configured.max(WindowScale::for_buffer(largest)))
}

/// [`Tcb::wants_timestamps`] of a connection with these settings.
pub(crate) fn wants_timestamps(config: &Config, has_key: bool) -> bool {
    config.timestamps && (!has_key || config.md5.timestamps)
}

/// The MSS to announce: what the link carries less the fixed headers, or less if the user says so.
// REQ: RFC9293-MUST-14
// REQ: RFC9293-MUST-67
// REQ: RFC6691-1
pub(crate) fn advertised_mss(config: &Config, options: &SocketOptions, version: IpVersion) -> Mss {
    let link = Mss::for_mtu(version, config.mtu);
    match options.mss {
        Some(wish) if wish < link.raw() => Mss::new(wish),
        Some(_) | None => link,
    }
}
