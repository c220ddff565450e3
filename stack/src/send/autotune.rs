//! A send buffer as large as the congestion window can use.
//!
//! To keep the window full until the acknowledgment of its first byte comes, the buffer has to hold
//! what is in flight and what takes its place: two windows. No RFC says so; RFC 9293 §3.8.6 leaves
//! the size of buffers open.

use crate::tcb::Tcb;

/// Windows that the buffer holds.
const WINDOWS: usize = 2;

/// The congestion window may have grown: so does the buffer, up to its bound, and it never shrinks.
pub(crate) fn follow_window(tcb: &mut Tcb) {
    if !tcb.snd.buffer_grows {
        return;
    }
    let wanted = (tcb.snd.congestion.cwnd() as usize).saturating_mul(WINDOWS);
    let wanted = wanted.min(tcb.config.tuning.send_max);
    if wanted > tcb.snd.buffer.capacity() {
        tcb.snd.buffer.set_capacity(wanted);
    }
}
