//! SND.* and what stands behind them.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::Shared;
use crate::config::{Config, SendRoom};
use crate::congestion::Congestion;
use crate::send::buffer::SendBuffer;
use crate::send::chunks::Chunks;
use crate::send::flight::Flight;
use crate::send::pacing::Pacer;
use crate::send::recovery::LossRecovery;
use crate::send::recovery::undo::Undo;
use crate::send::room::Room;
use crate::send::rtt::RttEstimator;
use crate::send::usage::Usage;
use crate::seq::SeqNum;
use crate::time::Instant;
use crate::window::{Mss, Window};

/// The sending half of a connection block.
#[derive(Debug, Clone)]
pub(crate) struct SendSide {
    /// Initial send sequence number.
    pub(crate) iss: SeqNum,
    /// SND.UNA: the oldest sequence number not acknowledged.
    pub(crate) una: SeqNum,
    /// SND.NXT: the next sequence number to send.
    pub(crate) nxt: SeqNum,
    /// One past the highest sequence number ever sent. It differs from SND.NXT only while a window
    /// probe is out: the probe's byte may be acknowledged, but our own segments must not claim to
    /// lie behind a byte the peer had no room for.
    pub(crate) max: SeqNum,
    /// SND.WND: the window the peer offers, from SND.UNA on.
    pub(crate) wnd: Window,
    /// MAX.SND.WND: the largest window the peer ever offered (RFC 5961 §5).
    pub(crate) max_wnd: Window,
    /// SND.WL1: SEG.SEQ of the last window update.
    pub(crate) wl1: SeqNum,
    /// SND.WL2: SEG.ACK of the last window update.
    pub(crate) wl2: SeqNum,
    /// SND.UP: the sequence number after the last urgent byte, while it is not acknowledged.
    pub(crate) up: Option<SeqNum>,
    /// Largest payload of a segment without options (RFC 9293 §3.7.1).
    pub(crate) mss: Mss,
    /// Bytes the user sent, from the first unacknowledged one on.
    pub(crate) buffer: SendBuffer,
    /// The buffer grows with the congestion window, up to the configured bound.
    pub(crate) buffer_grows: bool,
    /// When the next segment may leave, if the connection is paced.
    pub(crate) pacer: Option<Box<Pacer>>,
    /// The same as memory, where that is what counts.
    pub(crate) room: Room,
    /// The user has closed: a FIN follows the last byte.
    pub(crate) fin_queued: bool,
    /// Our FIN is acknowledged.
    pub(crate) fin_acknowledged: bool,
    /// The last SEND announced that more follows.
    pub(crate) more_coming: bool,
    /// What was sent of it and is not acknowledged, segment by segment.
    pub(crate) flight: Flight,
    /// When something that occupies sequence numbers left last.
    pub(crate) last_sent: Option<Instant>,
    pub(crate) rtt: RttEstimator,
    pub(crate) congestion: Congestion,
    pub(crate) recovery: LossRecovery,
    /// The latest reduction of the window, in case it was for nothing.
    pub(crate) undo: Option<Box<Undo>>,
    /// Times the segment at SND.UNA was sent again by the timer.
    pub(crate) retries: u32,
    /// Window probes sent since the window closed.
    pub(crate) probes: u32,
    /// The same cut into pieces, where several segments leave at once.
    pub(crate) chunks: Chunks,
    /// The number behind the last short segment that was sent.
    pub(crate) small_end: Option<SeqNum>,
    /// The number behind the last byte that was pushed.
    pub(crate) pushed_end: Option<SeqNum>,
    /// What is held back goes out once, whatever holds it back.
    pub(crate) push_once: bool,
    /// How much of the congestion window is used.
    pub(crate) usage: Usage,
    /// The silly-window override fired: what fits goes out now.
    pub(crate) override_sws: bool,
}

impl SendSide {
    pub(crate) fn new(
        iss: SeqNum,
        capacity: usize,
        mss: Mss,
        config: &Config,
        shared: &Shared,
    ) -> Self {
        Self {
            iss,
            una: iss,
            nxt: iss,
            max: iss,
            wnd: Window::ZERO,
            max_wnd: Window::ZERO,
            wl1: SeqNum::new(0),
            wl2: SeqNum::new(0),
            up: None,
            mss,
            buffer_grows: false,
            pacer: None,
            buffer: SendBuffer::new(match config.send_room {
                SendRoom::Bytes => capacity,
                SendRoom::Buffers { .. } => usize::MAX,
            }),
            room: Room::new(config.send_room, capacity),
            fin_queued: false,
            fin_acknowledged: false,
            more_coming: false,
            flight: Flight::new(),
            last_sent: None,
            rtt: RttEstimator::new(Arc::clone(&shared.rto)),
            congestion: Congestion::new(u32::from(mss.raw()), Arc::clone(&shared.congestion)),
            recovery: LossRecovery::new(iss, None),
            undo: None,
            retries: 0,
            probes: 0,
            chunks: Chunks::default(),
            small_end: None,
            pushed_end: None,
            push_once: false,
            usage: Usage::default(),
            override_sws: false,
        }
    }

    /// Uses another ISS, before anything is sent.
    pub(crate) fn restart_at(&mut self, iss: SeqNum) {
        self.iss = iss;
        self.una = iss;
        self.nxt = iss;
        self.max = iss;
        self.chunks = Chunks::default();
        self.congestion = self.congestion.restarted();
        self.recovery = LossRecovery::new(iss, None);
    }

    /// Nothing will be sent any more, or again: what was to be goes, and with it its records and memory.
    pub(crate) fn release(&mut self) {
        self.buffer.clear();
        self.room.clear();
        self.flight = Flight::new();
        self.chunks = Chunks::default();
    }

    /// Whether our SYN is not acknowledged yet. After 4 GiB the numbers come round again.
    pub(crate) fn syn_unacked(&self) -> bool {
        self.una == self.iss && self.buffer.acknowledged() == 0
    }

    /// The sequence number of the first byte in the buffer.
    pub(crate) fn data_start(&self) -> SeqNum {
        if self.syn_unacked() {
            self.iss + 1
        } else {
            self.una
        }
    }

    /// The sequence number after the last byte in the buffer; the place of our FIN.
    pub(crate) fn data_end(&self) -> SeqNum {
        if self.fin_acknowledged {
            return self.una - 1;
        }
        self.data_start() + self.buffer.len() as u32
    }

    /// Whether our FIN is out. One that only probed the window is not.
    pub(crate) fn fin_sent(&self) -> bool {
        self.fin_queued && self.nxt.after(self.data_end())
    }

    /// Whether anything sent awaits its acknowledgment. A byte that only probed the window does not.
    pub(crate) fn in_flight(&self) -> bool {
        self.nxt.after(self.una)
    }

    /// Whether anything was never sent: data, or the FIN behind it.
    pub(crate) fn unsent(&self) -> bool {
        self.data_end().after(self.nxt) || (self.fin_queued && !self.fin_sent())
    }
}
