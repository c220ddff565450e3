//! The probe's end of a connection: handshakes, data, resets.

use crate::call::Fd;
use crate::time::Moment;
use crate::wire::{TcpFlags, TcpOption};

use super::kit::{SYN_ACK, Seen, Tuple, Wire};
use super::stop::{Stop, code};

/// A connection as the probe's end of it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// Both ends.
    pub(super) tuple: Tuple,
    /// The next number the probe sends (SND.NXT).
    pub(super) snd_nxt: u32,
    /// The next number the probe expects (RCV.NXT).
    pub(super) rcv_nxt: u32,
}

/// A SYN-ACK, and when the SYN was sent that drew it.
pub(super) struct Half {
    /// When the SYN went in.
    pub(super) asked: Moment,
    /// The SYN-ACK.
    pub(super) seen: Seen,
}

impl Half {
    /// The stack's ISN.
    pub(super) fn isn(&self) -> u32 {
        self.seen.segment.sequence
    }
}

impl Wire<'_> {
    /// Sends a SYN and takes its SYN-ACK.
    pub(super) fn half_open(
        &mut self,
        tuple: &Tuple,
        iss: u32,
        options: &[TcpOption],
    ) -> Result<Half, Stop> {
        let mut syn = tuple.segment(TcpFlags::SYN, iss, 0);
        syn.options = options.to_vec();
        let asked = self.send(tuple, syn)?;
        let seen = self.syn_ack(tuple, iss, "a SYN")?;
        Ok(Half { asked, seen })
    }

    /// The SYN-ACK that a SYN numbered `iss` has to draw.
    pub(super) fn syn_ack(&mut self, tuple: &Tuple, iss: u32, cause: &str) -> Result<Seen, Stop> {
        let seen = self.answer(tuple, cause)?;
        if !seen.is(SYN_ACK) {
            return Err(wrong(&seen, cause, "SYN-ACK"));
        }
        let expected = iss.wrapping_add(1);
        if seen.segment.acknowledgment != expected {
            let stop = Stop::failed(code::WRONG_ANSWER, "a SYN-ACK acknowledges another number");
            return Err(stop.differs("ack", expected, seen.segment.acknowledgment));
        }
        Ok(seen)
    }

    /// Forgets a half-open connection, the stack's side included.
    pub(super) fn reset(&mut self, tuple: &Tuple, sequence: u32) -> Result<(), Stop> {
        let segment = tuple.segment(TcpFlags::RST, sequence, 0);
        self.send(tuple, segment).map(|_| ())
    }

    /// The third step of a handshake.
    pub(super) fn third_step(&mut self, half: &Half) -> Result<Peer, Stop> {
        let tuple = half.seen.tuple;
        let snd_nxt = half.seen.segment.acknowledgment;
        let rcv_nxt = half.isn().wrapping_add(1);
        let ack = tuple.segment(TcpFlags::ACK, snd_nxt, rcv_nxt);
        self.send(&tuple, ack)?;
        Ok(Peer {
            tuple,
            snd_nxt,
            rcv_nxt,
        })
    }

    /// Connects to a listening socket and accepts the connection there.
    pub(super) fn connect(
        &mut self,
        listener: Fd,
        tuple: &Tuple,
        iss: u32,
        options: &[TcpOption],
    ) -> Result<(Fd, Peer), Stop> {
        let half = self.half_open(tuple, iss, options)?;
        let peer = self.third_step(&half)?;
        Ok((self.accept(listener)?, peer))
    }

    /// Sends data, which has to be acknowledged and delivered.
    pub(super) fn deliver(&mut self, peer: &mut Peer, fd: Fd, data: &[u8]) -> Result<(), Stop> {
        let mut segment = peer.segment(TcpFlags::ACK.with(TcpFlags::PSH));
        segment.payload = data.to_vec();
        self.send(&peer.tuple, segment)?;
        peer.snd_nxt = peer.snd_nxt.wrapping_add(data.len() as u32);
        self.acknowledged(peer, "data")?;
        self.read_exactly(fd, data)
    }

    /// The stack has to acknowledge everything sent so far.
    pub(super) fn acknowledged(&mut self, peer: &Peer, what: &str) -> Result<(), Stop> {
        let seen = self.answer(&peer.tuple, what)?;
        if !seen.is(TcpFlags::ACK) {
            return Err(wrong(&seen, what, "ACK"));
        }
        if seen.segment.acknowledgment == peer.snd_nxt {
            return Ok(());
        }
        let stop = Stop::failed(code::WRONG_ANSWER, format!("{what}: wrong acknowledgment"));
        Err(stop.differs("ack", peer.snd_nxt, seen.segment.acknowledgment))
    }

    /// Writes on the stack's side; the bytes have to arrive, and are acknowledged.
    /// Gives the length of the longest segment.
    pub(super) fn fetch(&mut self, peer: &mut Peer, fd: Fd, data: &[u8]) -> Result<usize, Stop> {
        self.write(fd, data)?;
        let first = peer.rcv_nxt;
        let mut got = vec![None; data.len()];
        let mut longest = 0;
        while got.contains(&None) {
            let seen = self.answer(&peer.tuple, "write")?;
            if !seen.is(TcpFlags::ACK) {
                return Err(wrong(&seen, "write", "data"));
            }
            let payload = &seen.segment.payload;
            longest = longest.max(payload.len());
            let offset = seen.segment.sequence.wrapping_sub(first) as usize;
            for (index, byte) in payload.iter().enumerate() {
                let Some(place) = got.get_mut(offset.saturating_add(index)) else {
                    let stop = Stop::failed(code::WRONG_ANSWER, "data beyond what was written");
                    return Err(stop.note(seen.text()));
                };
                *place = Some(*byte);
            }
            let arrived = got.iter().take_while(|byte| byte.is_some()).count();
            peer.rcv_nxt = first.wrapping_add(arrived as u32);
            let ack = peer.segment(TcpFlags::ACK);
            self.send(&peer.tuple, ack)?;
        }
        if got.iter().flatten().eq(data) {
            return Ok(longest);
        }
        Err(Stop::failed(
            code::WRONG_ANSWER,
            "other bytes arrived than were written",
        ))
    }
}

impl Peer {
    /// A segment that says where the probe's end stands.
    pub(super) fn segment(&self, flags: TcpFlags) -> crate::wire::TcpSegment {
        self.tuple.segment(flags, self.snd_nxt, self.rcv_nxt)
    }
}

/// The failure of an answer of another kind.
pub(super) fn wrong(seen: &Seen, cause: &str, expected: &str) -> Stop {
    Stop::failed(code::WRONG_ANSWER, format!("wrong answer to {cause}")).differs(
        "packet",
        expected,
        seen.text(),
    )
}
