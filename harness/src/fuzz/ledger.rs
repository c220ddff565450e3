//! What both sides have really said: what events count from.

use super::packet::{ACK, FIN, Packet, RST, SYN};

/// One direction of the connection between the subject and its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// SEG.SEQ of its last SYN; `None` before there was one.
    pub first: Option<u32>,
    /// The number behind the last one sent.
    pub next: u32,
    /// The number of its FIN, once it has sent one.
    pub fin: Option<u32>,
    /// The last SEG.ACK, that is the first number of the other side not acknowledged; `None` before the
    /// first.
    pub acked: Option<u32>,
    /// SEG.WND of the last segment, as it stood in the header.
    pub window: u16,
    /// The window scale that its SYN offered.
    pub scale: Option<u8>,
    /// The MSS that its SYN told, in bytes.
    pub mss: Option<u16>,
    /// SACK-permitted stood in its SYN.
    pub sack: bool,
    /// The last TSval; `None` if its SYN offered no timestamps.
    pub stamp: Option<u32>,
    /// The TSval of its first SYN.
    pub first_stamp: Option<u32>,
    /// The number behind the window that it offered last, and behind the largest.
    pub edge: u32,
    /// See `edge`.
    pub largest_edge: u32,
}

/// `a` comes after `b` in the sequence space.
pub(super) fn after(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() > 0
}

impl Side {
    /// Takes in a segment of this side, `other` being the other one. A SYN with another number begins
    /// a new connection; whatever comes without one, or with RST, is a stray of none.
    pub fn note(&mut self, packet: &Packet<'_>, other: &Side, others_end: u32) {
        let has = |flag: u8| packet.flags & flag != 0;
        if has(RST) {
            return;
        }
        if has(SYN) && self.first != Some(packet.seq) {
            *self = Side {
                first: Some(packet.seq),
                next: packet.seq.wrapping_add(1),
                mss: packet.options.mss,
                scale: packet.options.scale,
                sack: packet.options.sack_permitted,
                stamp: packet.options.stamp.map(|(value, _)| value),
                first_stamp: packet.options.stamp.map(|(value, _)| value),
                ..Side::default()
            };
        }
        if self.first.is_none() {
            return;
        }
        let end = packet.end();
        if after(end, self.next) {
            self.next = end;
        }
        if has(FIN) {
            self.fin = Some(end.wrapping_sub(1));
        }
        if let (Some((value, _)), Some(_)) = (packet.options.stamp, self.stamp) {
            self.stamp = Some(value);
        }
        // What acknowledges something that was never sent is no peer's.
        if has(ACK) && other.has_sent(packet.ack, others_end) {
            self.window = packet.window;
            self.offer(packet, other);
        } else if has(SYN) {
            self.window = packet.window;
        }
    }

    /// Whether a TSecr was certainly none of its TSvals so far, unless it is of a clock that runs faster than any may
    /// (RFC 7323 §5.4); zero says nothing.
    pub fn has_never_stamped(&self, echo: u32) -> bool {
        let (Some(first), Some(last)) = (self.first_stamp, self.stamp) else {
            return false;
        };
        let is_later = after(echo, last.wrapping_add(1 << 20));
        echo != 0 && (is_later || after(first, echo))
    }

    /// Whether this can be the SEG.ACK of somebody who has seen this side's SYN; of one that has sent none
    /// everything can.
    fn has_sent(&self, ack: u32, end: u32) -> bool {
        let from_syn = |number: u32| self.first.map(|first| number.wrapping_sub(first));
        from_syn(ack) <= from_syn(end)
    }

    /// The window of a segment with ACK (RFC 7323 §2.3: of a SYN it is not scaled).
    fn offer(&mut self, packet: &Packet<'_>, other: &Side) {
        let is_scaled = packet.flags & SYN == 0 && other.scale.is_some();
        let scale = self.scale.filter(|_| is_scaled).unwrap_or(0).min(14);
        let is_first = self.acked.is_none();
        self.acked = Some(packet.ack);
        self.edge = packet.ack.wrapping_add(u32::from(packet.window) << scale);
        if is_first || after(self.edge, self.largest_edge) {
            self.largest_edge = self.edge;
        }
    }
}

/// Both directions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// What the subject has sent.
    pub subject: Side,
    /// What the peer has sent, as it went out: damage and nonsense are not in it.
    pub peer: Side,
    /// The number behind the last one that the peer has sent, whether that was in the window or not.
    pub peer_end: u32,
    /// The highest SEG.SEQ of the peer: a window is taken from none with a lower one (RFC 9293 §3.10.7.4).
    pub peer_top: u32,
}

impl Ledger {
    /// Takes in a segment of the subject to the peer.
    pub fn sent(&mut self, packet: &Packet<'_>) {
        // What was sent beyond the window may be taken all the same.
        self.subject.note(packet, &self.peer, self.peer_end);
    }

    /// Takes in a segment of the peer, as far as it is one of the connection: a SYN if it `may_begin` one,
    /// and of the rest what lies between the first number and the end of the window.
    pub fn arrived(&mut self, packet: &Packet<'_>, may_begin: bool) {
        if packet.has(SYN) {
            if may_begin {
                self.peer.note(packet, &self.subject, self.subject.next);
                self.peer_top = packet.seq;
                self.peer_end = packet.end();
            }
            return;
        }
        let edge = self.subject.largest_edge;
        let reaches_in = self
            .peer
            .first
            .is_some_and(|first| after(packet.end(), first) || packet.seq == first);
        if !reaches_in || after(packet.seq, edge) {
            return;
        }
        if after(packet.seq, self.peer_top) {
            self.peer_top = packet.seq;
        }
        if after(packet.end(), self.peer_end) {
            self.peer_end = packet.end();
        }
        let next = self.peer.next;
        let fin = self.peer.fin;
        self.peer.note(packet, &self.subject, self.subject.next);
        if after(packet.end(), edge) {
            self.peer.next = if after(edge, next) { edge } else { next };
            self.peer.fin = fin;
        }
    }

    /// Whether both SYNs offered timestamps (RFC 7323 §3.2).
    pub fn has_timestamps(&self) -> bool {
        self.subject.stamp.is_some() && self.peer.stamp.is_some()
    }
}
