//! RCV.* and what stands behind them.

use crate::config::Config;
use crate::recv::ack_policy::AckPolicy;
use crate::recv::buffer::ReceiveBuffer;
use crate::seq::SeqNum;
use crate::window::Mss;

/// The receiving half of a connection block.
#[derive(Debug, Clone)]
pub(crate) struct ReceiveSide {
    /// Initial receive sequence number; means nothing before the peer's SYN.
    pub(crate) irs: SeqNum,
    /// RCV.NXT: the next sequence number expected.
    pub(crate) nxt: SeqNum,
    /// The right edge of the largest window announced. RCV.WND is the way from RCV.NXT to here, so that every segment
    /// is accepted that fits a window we once offered (RFC 7323 §2.4).
    pub(crate) adv: SeqNum,
    /// RCV.UP: the sequence number after the last urgent byte announced.
    pub(crate) up: Option<SeqNum>,
    /// The lifted-out urgent byte, until it is read.
    pub(crate) urgent_byte: Option<u8>,
    /// The urgent byte of `up` was already read or skipped.
    pub(crate) urgent_taken: bool,
    /// The MSS we announce.
    pub(crate) mss: Mss,
    /// Reassembly and the bytes not yet read.
    pub(crate) buffer: ReceiveBuffer,
    /// Where the peer's FIN stands, as soon as a segment showed it, also out of order.
    pub(crate) fin: Option<SeqNum>,
    /// The peer's FIN is behind RCV.NXT: end of stream.
    pub(crate) fin_received: bool,
    /// Which acknowledgment is owed.
    pub(crate) ack: AckPolicy,
}

impl ReceiveSide {
    pub(crate) fn new(capacity: usize, mss: Mss, config: &Config) -> Self {
        Self {
            irs: SeqNum::new(0),
            nxt: SeqNum::new(0),
            adv: SeqNum::new(0),
            up: None,
            urgent_byte: None,
            urgent_taken: false,
            mss,
            buffer: ReceiveBuffer::new(capacity),
            fin: None,
            fin_received: false,
            ack: AckPolicy::new(config.quick_acks),
        }
    }

    /// RCV.WND in bytes.
    // REQ: RFC9293-REC-1
    pub(crate) fn wnd(&self) -> u32 {
        if self.adv.after(self.nxt) { self.nxt.span_to(self.adv) } else { 0 }
    }

    /// The sequence number of the next byte the user will read.
    pub(crate) fn read_position(&self) -> SeqNum {
        self.data_nxt() - self.buffer.readable() as u32
    }

    /// RCV.NXT without the peer's FIN: the end of the in-order bytes.
    pub(crate) fn data_nxt(&self) -> SeqNum {
        if self.fin_received { self.nxt - 1 } else { self.nxt }
    }
}
