//! What the two SYNs agreed on.

use core::time::Duration;

use crate::seq::SeqNum;
use crate::time::Instant;
use crate::window::WindowScale;

/// Age after which TS.Recent proves nothing any more (RFC 7323 §5.5).
const TS_RECENT_LIFETIME: Duration = Duration::from_secs(24 * 24 * 3600);

/// The options in use. Everything is off until both SYNs are seen.
#[derive(Debug, Clone)]
pub(crate) struct Negotiated {
    /// Shift of windows we receive: what the peer put into its SYN.
    pub(crate) snd_scale: WindowScale,
    /// Shift of windows we announce.
    pub(crate) rcv_scale: WindowScale,
    /// Whether scaling is in use at all; if not both shifts are zero.
    pub(crate) scaling: bool,
    /// Whether SACK may be sent.
    pub(crate) sack: bool,
    /// Timestamps, if both sides sent them.
    pub(crate) timestamps: Option<TimestampState>,
    /// Offset of our timestamp clock, fixed for the connection.
    pub(crate) timestamp_offset: u32,
}

/// TS.* of RFC 7323 §4.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimestampState {
    /// TS.Recent: the value to echo.
    pub(crate) recent: u32,
    /// When `recent` was taken.
    pub(crate) recent_at: Instant,
    /// Last.ACK.sent: the last acknowledgment number that went out.
    pub(crate) last_ack_sent: SeqNum,
}

impl Negotiated {
    pub(crate) fn new(timestamp_offset: u32) -> Self {
        Self {
            snd_scale: WindowScale::ZERO,
            rcv_scale: WindowScale::ZERO,
            scaling: false,
            sack: false,
            timestamps: None,
            timestamp_offset,
        }
    }

    /// TSval of a segment sent now: milliseconds from a random start (RFC 7323 §5.4).
    // REQ: RFC7323-24
    // REQ: RFC7323-26
    pub(crate) fn timestamp_clock(&self, now: Instant) -> u32 {
        (now.as_millis() as u32).wrapping_add(self.timestamp_offset)
    }

    /// The last moment at which a segment could be sent with TSval `value`, not later than `now`.
    pub(crate) fn end_of_tick(&self, value: u32, now: Instant) -> Instant {
        let ticks = u64::from(self.timestamp_clock(now).wrapping_sub(value));
        let end = (now.as_millis() + 1).saturating_sub(ticks) * 1000;
        Instant::from_micros(end.saturating_sub(1)).min(now)
    }
}

impl TimestampState {
    /// Whether `value` is older than TS.Recent and that is still fit to judge by it.
    pub(crate) fn is_old(&self, value: u32, now: Instant) -> bool {
        let older = (value.wrapping_sub(self.recent) as i32) < 0;
        // REQ: RFC7323-25
        let expired = now.saturating_duration_since(self.recent_at) > TS_RECENT_LIFETIME;
        older && !expired
    }
}
