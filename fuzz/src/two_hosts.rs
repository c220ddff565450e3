//! Two hosts and a link that loses, repeats, reorders and damages what it carries, as the input says.
//!
//! Each byte of both streams is a function of its place, so that a wrong one shows. When the input ends the
//! link turns good: then all that was written has to arrive, unless a host has given up before.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use arbitrary::{Arbitrary, Unstructured};
use tcpdrill_stack::{
    Config, Event, Host, Instant, Output, SendFlags, SocketId, SocketOptions, invariant,
};

/// More acts than this add time, not insight.
const MOST_ACTS: usize = 400;
/// Rounds of a good link, each up to the next timer.
const ROUNDS: usize = 400;
/// A link does not hold more; what comes then is lost.
const MOST_WAITING: usize = 64;

/// What happens next.
#[derive(Arbitrary, Clone, Copy, Debug)]
enum Act {
    /// The oldest packet arrives.
    Deliver(Way),
    /// It is lost.
    Lose(Way),
    /// It arrives twice: a copy goes to the end.
    Repeat(Way),
    /// It is overtaken by all others.
    Delay(Way),
    /// A bit of it is another.
    Damage(Way, u16),
    /// A user writes up to sixteen times so many bytes.
    Write(Way, u8),
    /// A user reads up to sixteen times so many bytes.
    Read(Way, u8),
    /// A user has written all he wants to.
    Finish(Way),
    /// Milliseconds pass.
    Wait(u8),
    /// Time passes until the next timer.
    Timer,
}

/// From the first host, or to it.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Out,
    Back,
}

/// One end.
struct End {
    host: Host,
    socket: Option<SocketId>,
    /// What it has sent and the link still has.
    wire: VecDeque<Vec<u8>>,
    /// Bytes written and read so far.
    written: u32,
    read: u32,
    has_finished: bool,
    /// The connection ended with an error, or was never made.
    has_failed: bool,
    /// The other one's FIN has come.
    has_ended: bool,
}

struct World {
    ends: [End; 2],
    listener: SocketId,
    now: Instant,
}

/// Byte `place` of the stream that goes this way.
fn byte(way: usize, place: u32) -> u8 {
    let number = place.wrapping_mul(2).wrapping_add(way as u32);
    (number.wrapping_mul(0x9e37_79b1) >> 24) as u8
}

fn address(last: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, last).into()
}

/// Plays the acts that these bytes are.
///
/// # Panics
/// When a host breaks an invariant or sends without end, a byte arrives that was not sent there, or one that was
/// sent does not arrive over a good link.
pub fn two_hosts(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let Some(mut world) = World::new(u64::arbitrary(&mut bytes).unwrap_or(1)) else {
        return;
    };
    for _ in 0..MOST_ACTS {
        let Ok(act) = Act::arbitrary(&mut bytes) else {
            break;
        };
        world.perform(act);
        if bytes.is_empty() {
            break;
        }
    }
    world.settle_all();
}

impl World {
    fn new(seed: u64) -> Option<World> {
        let now = Instant::from_micros(1_000_000_000);
        let end = |last: u8| End {
            host: Host::new(Config::default(), &[address(last)], [last; 16], seed),
            socket: None,
            wire: VecDeque::new(),
            written: 0,
            read: 0,
            has_finished: false,
            has_failed: false,
            has_ended: false,
        };
        let mut ends = [end(1), end(2)];
        let options = SocketOptions::default();
        let here = (Some(address(2)), 80);
        let listener = ends[1].host.open_passive(now, here, 4, options).ok()?;
        let there = SocketAddr::new(address(2), 80);
        let from = (Some(address(1)), Some(40_000));
        let options = SocketOptions::default();
        ends[0].socket = ends[0].host.open_active(now, from, there, options).ok();
        let mut world = World {
            ends,
            listener,
            now,
        };
        world.collect();
        Some(world)
    }

    fn perform(&mut self, act: Act) {
        let wire = |world: &mut World, way: Way| world.ends[way as usize].wire.pop_front();
        match act {
            Act::Deliver(way) => self.deliver(way as usize),
            Act::Lose(way) => drop(wire(self, way)),
            Act::Repeat(way) => {
                let end = &mut self.ends[way as usize];
                let copy = end.wire.front().cloned();
                end.wire.extend(copy);
                self.deliver(way as usize);
            }
            Act::Delay(way) => {
                let packet = wire(self, way);
                self.ends[way as usize].wire.extend(packet);
            }
            Act::Damage(way, bit) => {
                if let Some(packet) = self.ends[way as usize].wire.front_mut() {
                    let bit = usize::from(bit) % (packet.len() * 8);
                    packet[bit / 8] ^= 1 << (bit % 8);
                }
                self.deliver(way as usize);
            }
            Act::Write(way, count) => self.write(way as usize, u32::from(count) * 16),
            Act::Read(way, count) => self.read(way as usize, usize::from(count) * 16),
            Act::Finish(way) => self.finish(way as usize),
            Act::Wait(millis) => self.advance(self.now.as_micros() + u64::from(millis) * 1_000),
            Act::Timer => self.go_to_next_timer(),
        }
        self.collect();
    }

    fn deliver(&mut self, from: usize) {
        if let Some(packet) = self.ends[from].wire.pop_front() {
            self.ends[1 - from].host.receive(self.now, &packet);
        }
    }

    fn write(&mut self, at: usize, count: u32) {
        let end = &mut self.ends[at];
        let (Some(socket), false) = (end.socket, end.has_finished) else {
            return;
        };
        let from = end.written;
        let text: Vec<u8> = (0..count).map(|n| byte(at, from.wrapping_add(n))).collect();
        if let Ok(taken) = end.host.send(self.now, socket, &text, SendFlags::default()) {
            assert!(taken <= text.len(), "SEND took {taken} bytes of {count}");
            end.written = from.wrapping_add(taken as u32);
        }
    }

    fn read(&mut self, at: usize, most: usize) {
        let end = &mut self.ends[at];
        let Some(socket) = end.socket.filter(|_| most > 0) else {
            return;
        };
        let mut text = vec![0; most];
        let Ok(count) = end.host.recv(self.now, socket, &mut text) else {
            return;
        };
        end.has_ended |= count == 0;
        for (n, found) in (0..).zip(&text[..count]) {
            let place = end.read.wrapping_add(n);
            let right = byte(1 - at, place);
            assert_eq!(*found, right, "byte {place} that arrives at host {at}");
        }
        end.read = end.read.wrapping_add(count as u32);
        let sent = self.ends[1 - at].written;
        let read = self.ends[at].read;
        assert!(
            read <= sent,
            "{read} bytes are read at host {at}, of {sent}"
        );
    }

    fn finish(&mut self, at: usize) {
        let end = &mut self.ends[at];
        let Some(socket) = end.socket else { return };
        end.has_finished |= end.host.shutdown_write(self.now, socket).is_ok();
    }

    fn advance(&mut self, micros: u64) {
        self.now = Instant::from_micros(micros);
        for end in &mut self.ends {
            if end.host.poll_deadline().is_some_and(|due| due <= self.now) {
                end.host.timeout(self.now);
            }
        }
    }

    fn go_to_next_timer(&mut self) {
        let due = self.ends.iter().filter_map(|end| end.host.poll_deadline());
        if let Some(due) = due.min() {
            self.advance(due.max(self.now).as_micros());
        }
    }

    /// Takes what the hosts have to say.
    fn collect(&mut self) {
        for (at, end) in self.ends.iter_mut().enumerate() {
            let is_quiet = (0..10_000).any(|_| match end.host.poll() {
                Output::Transmit(packet) => {
                    if end.wire.len() < MOST_WAITING {
                        end.wire.push_back(packet);
                    }
                    false
                }
                Output::Event(Event::ConnectionAborted { .. }) => {
                    end.has_failed = true;
                    false
                }
                Output::Event(_) => false,
                Output::Deadline(_) => true,
            });
            assert!(is_quiet, "host {at} sends without end");
            if let Err(violation) = invariant::check(&end.host) {
                panic!("host {at}: {violation}");
            }
        }
        let server = &mut self.ends[1];
        if server.socket.is_none() {
            server.socket = server.host.accept(self.now, self.listener).ok();
        }
    }

    /// The link turns good, and both users write and read to the end.
    fn settle_all(&mut self) {
        for _ in 0..ROUNDS {
            while self.ends.iter().any(|end| !end.wire.is_empty()) {
                for at in 0..2 {
                    self.deliver(at);
                    self.collect();
                    self.read(at, 65_536);
                    self.collect();
                }
            }
            for at in 0..2 {
                self.finish(at);
                self.read(at, 65_536);
            }
            self.collect();
            if self.is_over() {
                break;
            }
            if self.ends.iter().all(|end| end.wire.is_empty()) {
                self.go_to_next_timer();
                self.collect();
            }
        }
        if self.ends.iter().any(|end| end.has_failed) {
            return;
        }
        for at in 0..2 {
            let (sent, arrived) = (self.ends[at].written, self.ends[1 - at].read);
            assert_eq!(arrived, sent, "bytes from host {at} over a good link");
        }
    }

    fn is_over(&self) -> bool {
        let has_all = |at: usize| self.ends[1 - at].read == self.ends[at].written;
        let has_failed = self.ends.iter().any(|end| end.has_failed);
        has_failed || (has_all(0) && has_all(1) && self.ends.iter().all(|end| end.has_ended))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn noise_passes() {
        let mut rng = Rng::new(0x2_057);
        for _ in 0..300 {
            let len = 16 + rng.below(1_500) as usize;
            two_hosts(&seeds::noise(&mut rng, len));
        }
    }

    #[test]
    fn a_good_link_carries_both_streams() {
        let mut world = World::new(3).expect("two hosts");
        for act in [
            Act::Deliver(Way::Out),
            Act::Deliver(Way::Back),
            Act::Deliver(Way::Out),
            Act::Write(Way::Out, 200),
            Act::Write(Way::Back, 100),
        ] {
            world.perform(act);
        }
        world.settle_all();
        let read = world.ends.each_ref().map(|end| end.read);
        assert_eq!(read, [1_600, 3_200]);
        assert!(
            world
                .ends
                .iter()
                .all(|end| end.has_ended && !end.has_failed)
        );
    }

    #[test]
    #[should_panic(expected = "byte 0 that arrives at host 1")]
    fn a_wrong_byte_is_told() {
        let mut world = World::new(3).expect("two hosts");
        for _ in 0..3 {
            world.perform(Act::Deliver(Way::Out));
            world.perform(Act::Deliver(Way::Back));
        }
        let end = &mut world.ends[0];
        let socket = end.socket.expect("a connection");
        let wrong = [!byte(0, 0)];
        end.host
            .send(world.now, socket, &wrong, SendFlags::default())
            .expect("it is open");
        end.written = 1;
        world.collect();
        world.settle_all();
    }
}
