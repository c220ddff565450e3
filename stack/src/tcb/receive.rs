//! RCV.* and what stands behind them.

use crate::config::Config;
use crate::recv::ack_policy::AckPolicy;
use crate::recv::autotune::Tuner;
use crate::recv::buffer::RecvBuffer;
use crate::seq::{SeqNum, SeqRange};
use crate::window::{Mss, WindowScale};

/// The receiving half of a connection block.
#[derive(Debug, Clone)]
pub(crate) struct ReceiveSide {
    /// Initial receive sequence number; means nothing before the peer's SYN.
    pub(crate) irs: SeqNum,
    /// RCV.NXT: the next sequence number expected.
    pub(crate) nxt: SeqNum,
    /// The right edge of the largest window announced. RCV.WND is the way from RCV.NXT to here, so
    /// that every segment is accepted that fits a window we once offered (RFC 7323 §2.4).
    pub(crate) adv: SeqNum,
    /// The end of the text taken so far, in order or not.
    pub(crate) highest: SeqNum,
    /// RCV.UP: the sequence number after the last urgent byte announced.
    pub(crate) up: Option<SeqNum>,
    /// The lifted-out urgent byte, until it is read.
    pub(crate) urgent_byte: Option<u8>,
    /// The urgent byte of `up` was already read or skipped.
    pub(crate) urgent_taken: bool,
    /// The MSS we announce.
    pub(crate) mss: Mss,
    /// The buffer size the user asked for, in bytes. Reassembly holds a little more, see
    /// `make_room`.
    pub(crate) capacity: usize,
    /// What sizes the buffer, unless its size is fixed.
    pub(crate) tuner: Option<Tuner>,
    /// The largest window to announce while it opens gradually.
    pub(crate) opened: u32,
    /// Reassembly and the bytes not yet read.
    pub(crate) buffer: RecvBuffer,
    /// Where the peer's FIN stands, as soon as a segment showed it, also out of order.
    pub(crate) fin: Option<SeqNum>,
    /// The peer's SYN is taken; before that IRS and RCV.NXT mean nothing.
    pub(crate) syn_received: bool,
    /// The peer's FIN is behind RCV.NXT: end of stream.
    pub(crate) fin_received: bool,
    /// Which acknowledgment is owed.
    pub(crate) ack: AckPolicy,
    /// Text that arrived for the second time and was not reported yet (RFC 2883 §4).
    pub(crate) duplicate: Option<SeqRange>,
}

impl ReceiveSide {
    pub(crate) fn new(capacity: usize, mss: Mss, config: &Config) -> Self {
        Self {
            irs: SeqNum::new(0),
            nxt: SeqNum::new(0),
            adv: SeqNum::new(0),
            highest: SeqNum::new(0),
            up: None,
            urgent_byte: None,
            urgent_taken: false,
            mss,
            capacity,
            tuner: None,
            opened: u32::MAX,
            buffer: RecvBuffer::new(capacity),
            syn_received: false,
            fin: None,
            fin_received: false,
            ack: AckPolicy::with_config(config),
            duplicate: None,
        }
    }

    /// RCV.WND in bytes.
    // REQ: RFC9293-REC-1
    pub(crate) fn wnd(&self) -> u32 {
        if self.adv.after(self.nxt) {
            self.nxt.span_to(self.adv)
        } else {
            0
        }
    }

    /// Sets the buffer size. A window is announced in units of its scale, so the last unit may
    /// reach behind the size: reassembly holds that much more, for what was announced must be taken
    /// (RFC 7323 §2.4).
    // REQ: RFC7323-8
    pub(crate) fn make_room(&mut self, capacity: usize, scale: WindowScale) {
        self.capacity = capacity;
        let announced = self.buffer.readable() + self.wnd() as usize;
        self.buffer
            .set_capacity(capacity.max(announced) + (1 << scale.shift()));
    }

    /// The sequence number of the next byte the user will read.
    pub(crate) fn read_position(&self) -> SeqNum {
        self.data_nxt() - self.buffer.readable() as u32
    }

    /// RCV.NXT without the peer's FIN: the end of the in-order bytes.
    pub(crate) fn data_nxt(&self) -> SeqNum {
        if self.fin_received {
            self.nxt - 1
        } else {
            self.nxt
        }
    }
}
