//! When the bytes that wait to be read arrived (`SO_TIMESTAMPING` with `SOF_TIMESTAMPING_RX_SOFTWARE`).

use std::collections::VecDeque;

use tcpdrill_stack::Status;
use tcpdrill_stack::seq::SeqNum;

use super::abi::stamping;
use super::descriptors::{Socket, Stage};
use super::kernel::Kernel;
use crate::call::{ControlMessage, Fd};
use crate::time::Time;

/// The arrivals of a socket whose bytes are not all read.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals {
    /// First number and the one behind the last, and when they came.
    stamps: VecDeque<(SeqNum, SeqNum, Time)>,
    known: Option<SeqNum>,
}

impl Arrivals {
    /// Notes what has arrived since the last look; the first one only tells where to begin.
    fn note(&mut self, rcv_nxt: SeqNum, now: Time) {
        if let Some(known) = self.known.replace(rcv_nxt)
            && rcv_nxt.after(known)
        {
            self.stamps.push_back((known, rcv_nxt, now));
        }
    }

    /// The stamp of the byte in front of `position`; what lies before it is forgotten.
    fn stamp_before(&mut self, position: SeqNum) -> Option<Time> {
        let mut stamp = None;
        while let Some((start, end, at)) = self.stamps.front().copied() {
            if position.after(start) {
                stamp = Some(at);
            }
            if end.after(position) {
                break;
            }
            self.stamps.pop_front();
        }
        stamp
    }
}

fn wants_stamps(socket: &Socket) -> bool {
    socket.local.timestamping & stamping::RX_SOFTWARE != 0
}

fn read_position(status: &Status) -> SeqNum {
    let fin = u32::from(status.fin_received);
    status.rcv_nxt - fin - u32::try_from(status.recv_queued).unwrap_or(0)
}

impl Kernel {
    /// To be called after every step.
    pub(super) fn note_arrivals(&mut self) {
        let now = self.engine.time();
        let host = self.engine.host();
        for socket in self.table.sockets_mut() {
            let Stage::Connection(id, _) = socket.stage else {
                continue;
            };
            if wants_stamps(socket)
                && let Ok(status) = host.status(id)
            {
                socket.arrivals.note(status.rcv_nxt, now);
            }
        }
    }

    /// `SCM_TIMESTAMPING` for what a call has just read.
    pub(super) fn arrival_stamp(&mut self, fd: Fd) -> Option<ControlMessage> {
        let socket = self.table.socket(fd).ok()?;
        let (Stage::Connection(id, _), true) = (socket.stage, wants_stamps(socket)) else {
            return None;
        };
        let shows = socket.local.timestamping & stamping::SOFTWARE != 0;
        let position = read_position(&self.engine.host().status(id).ok()?);
        let at = (self.table.socket_mut(fd).ok()?.arrivals).stamp_before(position);
        at.filter(|_| shows).map(super::error_queue::stamps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_read_has_the_stamp_of_its_arrival() {
        let seq = |offset: u32| SeqNum::new(u32::MAX - 50) + offset;
        let at = |micros: i64| Time::from_micros(micros);
        let mut arrivals = Arrivals::default();
        for (end, time) in [(0, 1), (100, 2), (100, 3), (200, 4)] {
            arrivals.note(seq(end), at(time));
        }
        assert_eq!(arrivals.stamp_before(seq(0)), None);
        assert_eq!(arrivals.stamp_before(seq(50)), Some(at(2)));
        assert_eq!(arrivals.stamp_before(seq(100)), Some(at(2)));
        assert_eq!(arrivals.stamp_before(seq(150)), Some(at(4)));
        assert_eq!(arrivals.stamp_before(seq(200)), Some(at(4)));
        assert_eq!(arrivals.stamp_before(seq(200)), None);
    }
}
