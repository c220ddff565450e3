//! Who interferes: guesses from outside, forgeries and repeats from the path, boxes that rewrite.

use super::Trouble;
use super::application::Stage;
use super::plan::{Attack, AttackKind, SERVER_PORT};
use super::router::icmp_error;
use super::world::World;
use crate::rng::Rng;
use crate::segment::{self, Flags, Incoming, Segment};
use crate::seq::SeqNum;
use crate::socket::Status;
use crate::state::StateName;
use crate::window::{Mss, UnscaledWindow};
use crate::wire::icmp::IcmpKind;
use crate::wire::options::Timestamps;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The TTL of what an attacker forged without having seen the connection: nothing of it may count.
pub(super) const FORGED_TTL: u8 = 97;

/// What a guess is about.
struct Victim {
    host: usize,
    local: SocketAddr,
    remote: SocketAddr,
    status: Status,
}

impl World {
    /// A datagram of a connection passes: who is there may change it, or take it as a sign.
    pub(super) fn interfere(&mut self, connection: usize, datagram: &mut Vec<u8>) {
        for index in 0..self.plan.attacks.len() {
            let Attack {
                connection: target,
                kind,
                rate,
                ..
            } = self.plan.attacks[index];
            if target != connection || self.attacks_left[index] == 0 {
                continue;
            }
            if !self.rng.chance(rate.into(), 1_000) {
                continue;
            }
            self.attacks_left[index] -= 1;
            if kind == AttackKind::Options {
                self.rewrite(connection, datagram);
            } else {
                self.attacks_due.push(index);
            }
        }
    }

    /// Carries out what the last step called for. What is forged arrives at once, so that a guess
    /// that was wrong when it was made is wrong when it arrives.
    pub(super) fn carry_out_attacks(&mut self) -> Result<(), Trouble> {
        while let Some(index) = self.attacks_due.pop() {
            let Attack {
                connection, kind, ..
            } = self.plan.attacks[index];
            let side = self.rng.below(2) as usize;
            match kind {
                AttackKind::SynFlood => self.flood(connection)?,
                AttackKind::OffPath => self.guess(connection, side)?,
                AttackKind::Reset | AttackKind::Data | AttackKind::Repeats => {
                    self.forge(connection, side, kind)?;
                }
                AttackKind::Options => {}
            }
        }
        Ok(())
    }

    fn victim(&self, connection: usize, side: usize) -> Option<Victim> {
        let application = &self.applications[2 * connection + side];
        let Stage::Open(id) = application.stage else {
            return None;
        };
        let status = self.nodes[application.host].host.status(id).ok()?;
        Some(Victim {
            host: application.host,
            local: status.local,
            remote: status.remote?,
            status,
        })
    }

    fn hit(&mut self, host: usize, datagram: Vec<u8>) -> Result<(), Trouble> {
        self.deliver(host, datagram);
        self.after_input(host)
    }

    /// SYNs from addresses that are nobody's.
    fn flood(&mut self, connection: usize) -> Result<(), Trouble> {
        let host = self.plan.connections[connection].hosts[1];
        for _ in 0..1 + self.rng.below(20) {
            let dst = SocketAddr::new(self.plan.address(host), SERVER_PORT);
            let random = self.rng.next_u32();
            let source = match dst.ip() {
                IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, random as u8 & 0x7f)),
                IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(
                    0x2001,
                    0xdb8,
                    0xbad,
                    0,
                    0,
                    0,
                    0,
                    random as u16,
                )),
            };
            let src = SocketAddr::new(source, 1024 + (random >> 17) as u16);
            let syn = Segment {
                seq: SeqNum::new(self.rng.next_u32()),
                flags: Flags::SYN,
                wnd: UnscaledWindow::new(1_000),
                ..Segment::new(src, dst)
            };
            self.hit(host, syn.emit())?;
        }
        Ok(())
    }

    /// A segment or an ICMP error that no TCP may believe (RFC 5961, RFC 5927), however good the
    /// guess.
    fn guess(&mut self, connection: usize, side: usize) -> Result<(), Trouble> {
        let Some(victim) = self.victim(connection, side) else {
            return Ok(());
        };
        let datagram = match victim.status.state {
            StateName::SynSent => guess_in_handshake(&victim, &mut self.rng).emit(),
            state if state.is_synchronized() => {
                if self.rng.chance(1, 8) {
                    guess_icmp(&victim, &mut self.rng)
                } else {
                    guess_segment(&victim, &mut self.rng).emit()
                }
            }
            _ => return Ok(()),
        };
        self.hit(victim.host, datagram)
    }

    /// What somebody on the path sends in the name of the other side.
    fn forge(&mut self, connection: usize, side: usize, kind: AttackKind) -> Result<(), Trouble> {
        let Some((victim, peer)) = self
            .victim(connection, side)
            .zip(self.victim(connection, 1 - side))
        else {
            return Ok(());
        };
        let states = [victim.status.state, peer.status.state];
        if !states.iter().all(|state| state.is_synchronized()) {
            return Ok(());
        }
        let mut forged = Segment {
            seq: victim.status.rcv_nxt,
            ack: Some(peer.status.rcv_nxt),
            wnd: window_of(&peer.status),
            ..Segment::new(victim.remote, victim.local)
        };
        let flow = &self.flows[connection];
        if victim.status.timestamps {
            let value = flow.ways[1 - side].last_timestamp;
            let echo = flow.ways[side].last_timestamp;
            let Some((value, echo)) = value.zip(echo) else {
                return Ok(());
            };
            forged.options.timestamps = Some(Timestamps { value, echo });
        }
        match kind {
            AttackKind::Reset => forged.flags = Flags::RST,
            AttackKind::Data => {
                forged.payload = (0..1 + self.rng.below(600)).map(|n| n as u8).collect();
            }
            _ => {
                if !self.repeat(connection, side, &mut forged, &victim, &peer) {
                    return Ok(());
                }
            }
        }
        if kind.is_harmful() {
            self.flows[connection].harmed = true;
        }
        self.hit(victim.host, forged.emit())
    }

    /// Text that was sent already. If it fills the window there is more, which must be cut off.
    fn repeat(
        &mut self,
        connection: usize,
        side: usize,
        forged: &mut Segment,
        victim: &Victim,
        peer: &Victim,
    ) -> bool {
        let way = &self.flows[connection].ways[1 - side];
        let sent = peer.status.snd_nxt;
        let written = self.applications[2 * connection + 1 - side].written as u32;
        let (Some(sent), Some(next)) = (way.place(sent), way.place(victim.status.rcv_nxt)) else {
            return false;
        };
        // Text has the places from 1 on, and the FIN has none of it.
        let sent = sent.min(written + 1);
        let start = next
            .saturating_sub(self.rng.below(700) as u32)
            .saturating_add(self.rng.below(1_400) as u32)
            .max(1);
        if start >= sent {
            return false;
        }
        let len = (sent - start).min(1 + self.rng.below(1_400) as u32);
        let text = self
            .pattern
            .slice(way.stream, u64::from(start - 1), len as usize);
        forged.payload = text.to_vec();
        forged.seq = victim.status.rcv_nxt + start.wrapping_sub(next);
        let fills_window = start + len >= next + victim.status.rcv_wnd && start + len == sent;
        if fills_window && victim.status.rcv_wnd > 0 && sent <= written {
            forged.payload.extend([0xee; 300]);
        }
        true
    }

    /// The SYNs of a connection pass a box that knows better, always in the same way.
    fn rewrite(&mut self, connection: usize, datagram: &mut Vec<u8>) {
        let Ok(Incoming::Segment(mut syn)) = segment::parse(datagram) else {
            return;
        };
        if !syn.flags.syn {
            return;
        }
        const SIZES: [u16; 8] = [0, 1, 12, 64, 88, 536, 1_000, 65_535];
        let mut rng = Rng::new(self.plan.seed ^ connection as u64);
        let size = SIZES[rng.below(8) as usize];
        if rng.chance(1, 2) {
            syn.options.mss = rng.chance(3, 4).then(|| Mss::new(size));
        }
        if rng.chance(1, 3) {
            syn.options.timestamps = None;
        }
        if rng.chance(1, 3) {
            syn.options.sack_permitted = false;
        }
        if rng.chance(1, 3) {
            syn.options.window_scale = None;
        }
        *datagram = syn.emit();
    }
}

/// The window field that the owner of `status` would send now.
fn window_of(status: &Status) -> UnscaledWindow {
    let shifted = status.rcv_wnd >> status.rcv_wscale.unwrap_or(0);
    UnscaledWindow::new(u16::try_from(shifted).unwrap_or(u16::MAX))
}

/// An answer to our SYN that acknowledges something else.
fn guess_in_handshake(victim: &Victim, rng: &mut Rng) -> Segment {
    let wrong = victim.status.iss + 2 + rng.below(1 << 31) as u32;
    let flags = if rng.chance(1, 2) {
        Flags::RST
    } else {
        Flags::SYN
    };
    Segment {
        seq: SeqNum::new(rng.next_u32()),
        ack: Some(wrong),
        flags,
        wnd: UnscaledWindow::new(1_000),
        ttl: FORGED_TTL,
        ..Segment::new(victim.remote, victim.local)
    }
}

/// A quote of something that is not in flight.
fn guess_icmp(victim: &Victim, rng: &mut Rng) -> Vec<u8> {
    let status = &victim.status;
    let seq = if rng.chance(1, 2) {
        status.snd_nxt + 2 + rng.below(1 << 30) as u32
    } else {
        status.snd_una - 1 - rng.below(1 << 30) as u32
    };
    let quoted = Segment {
        seq,
        ack: Some(status.rcv_nxt),
        ..Segment::new(victim.local, victim.remote)
    };
    let kind = match rng.below(3) {
        0 => IcmpKind::PacketTooBig { mtu: 68 },
        1 => IcmpKind::PortUnreachable,
        _ => IcmpKind::HostUnreachable,
    };
    let version = ip_version(victim.local);
    icmp_error(version, kind, victim.local.ip(), &quoted.emit())
}

fn ip_version(socket: SocketAddr) -> crate::wire::ip::IpVersion {
    crate::wire::ip::IpVersion::of(socket.ip())
}

/// A segment that is wrong in one thing at least.
fn guess_segment(victim: &Victim, rng: &mut Rng) -> Segment {
    let status = &victim.status;
    let (nxt, wnd) = (status.rcv_nxt, status.rcv_wnd);
    let inside = nxt + rng.below(u64::from(wnd.max(1))) as u32;
    let not_next = nxt + 1 + rng.below(u64::from(wnd.max(2)) - 1) as u32;
    let behind = nxt + wnd + 1 + rng.below(1 << 30) as u32;
    let anywhere = nxt + 1 + rng.below(u64::from(u32::MAX)) as u32;
    // Never sent: either not yet, or before the connection began.
    let wrong_ack = if rng.chance(1, 2) {
        status.snd_nxt + 2 + rng.below(1 << 30) as u32
    } else {
        status.iss - rng.below(60_000) as u32
    };
    let text: Vec<u8> = (0..rng.below(200)).map(|n| !(n as u8)).collect();
    let mut guess = Segment {
        ack: Some(status.snd_una),
        wnd: UnscaledWindow::new(rng.next_u32() as u16),
        ttl: FORGED_TTL,
        ..Segment::new(victim.remote, victim.local)
    };
    // A SYN may reopen a connection in TIME-WAIT (RFC 6191).
    let kind = match rng.below(8) {
        3 if status.state == StateName::TimeWait => 4,
        kind => kind,
    };
    match kind {
        0 => (guess.seq, guess.flags) = (anywhere, Flags::RST),
        1 | 2 => (guess.seq, guess.flags) = (not_next, Flags::RST),
        3 => {
            let seq = if rng.chance(1, 2) { inside } else { anywhere };
            (guess.seq, guess.flags, guess.ack) = (seq, Flags::SYN, guess.ack.filter(|_| wnd > 9));
        }
        4 => (guess.seq, guess.payload) = (behind, text),
        5 => {
            (guess.seq, guess.payload, guess.ack) = (inside, text, Some(wrong_ack));
            guess.flags.fin = rng.chance(1, 4);
        }
        6 => (guess.seq, guess.payload, guess.ack) = (inside, text, None),
        _ => (guess.seq, guess.payload, guess.ack) = (nxt, text, Some(wrong_ack)),
    }
    if status.timestamps && rng.chance(3, 4) {
        // The clock of the other side is not known.
        guess.options.timestamps = Some(Timestamps {
            value: rng.next_u32(),
            echo: rng.next_u32(),
        });
    }
    guess
}
