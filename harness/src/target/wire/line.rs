//! One case's view of the wire: datagrams to and from the stack, and the questions of neighbours
//! answered for the addresses played.

use std::collections::VecDeque;
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use super::filter;
use super::frames::{self, Heard};
use super::offload;
use super::played::Played;
use crate::target::linux::link::{Frame, Interface, Link, Mac};
use crate::target::linux::orphans::Connections;
use crate::target::{Observed, TargetError};
use crate::time::{Moment, Time};

/// How often, and how long apart, a hardware address is asked for.
const TRIES: u32 = 5;
const TRY: Duration = Duration::from_millis(300);

/// How often connections left over are reset: an inexact sequence number draws the exact one,
/// which the next reset has.
const RESET_ROUNDS: usize = 3;
/// How long the answers to resets are waited for.
const RESET_WAIT: Duration = Duration::from_millis(5);

/// What a line connects.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The interface of this machine.
    pub(super) interface: Interface,
    /// The hardware address played, and whether it is not the interface's own.
    pub(super) mac: Mac,
    pub(super) foreign: bool,
    /// The stack's address.
    pub(super) stack: IpAddr,
    /// Where datagrams to the stack go first: itself, or a router.
    pub(super) next_hop: IpAddr,
    /// The addresses played.
    pub(super) played: Played,
}

/// The wire of one case.
#[derive(Debug)]
pub(super) struct Line {
    link: Link,
    ends: Ends,
    next_hop: Option<Mac>,
    /// Packets the stack has sent that nobody has asked for yet.
    sent: VecDeque<Observed>,
    connections: Connections,
    /// The case is being taken apart: a signal that ends the run does not cut that short.
    is_ending: bool,
}

impl Line {
    /// Opens the wire and finds the stack on it.
    ///
    /// # Errors
    /// [`TargetError`] if the interface cannot be used, or nobody has the next hop's address.
    pub(super) fn open(ends: Ends) -> Result<Line, TargetError> {
        let filter = filter::of_peer(&ends.played);
        let mut line = Line {
            link: Link::open(&ends.interface, &filter, ends.foreign)?,
            ends,
            next_hop: None,
            sent: VecDeque::new(),
            connections: Connections::default(),
            is_ending: false,
        };
        line.resolve()?;
        Ok(line)
    }

    /// Asks for the next hop's hardware address. The one asked learns the one played, so that its
    /// first packet need not wait for an answer.
    fn resolve(&mut self) -> Result<(), TargetError> {
        let question =
            frames::question(self.ends.next_hop, self.ends.played.first(), self.ends.mac);
        for _ in 0..TRIES {
            self.link.send(&question)?;
            let end = self.link.now() + TRY;
            while self.link.now() < end {
                self.check()?;
                self.take_sent()?;
                if self.next_hop.is_some() {
                    return Ok(());
                }
                self.link.wait(end, None)?;
            }
        }
        Err(TargetError::Machine(format!(
            "nobody on {} has the address {}: is it in this network? If it is behind a router, give --gateway",
            self.ends.interface.name, self.ends.next_hop
        )))
    }

    /// From here on being on time is worth more than sharing the machine.
    pub(super) fn be_punctual(&self) {
        self.link.be_punctual();
    }

    /// How long this machine stood still between two times.
    pub(super) fn held_up(&self, from: Time, to: Time) -> Duration {
        self.link.held_up(from, to)
    }

    /// The case is over and will be taken apart.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
        self.link.be_at_ease();
    }

    /// An error once a signal has asked the run to end, up to [`Line::end`].
    fn check(&self) -> Result<(), TargetError> {
        if self.is_ending {
            return Ok(());
        }
        self.link.check()
    }

    /// Makes now the clock's zero.
    pub(super) fn start(&mut self) {
        let shift = self.link.start_clock();
        for packet in &mut self.sent {
            packet.at = Time::from_micros(packet.at.as_micros() - shift);
        }
    }

    /// The current time.
    pub(super) fn now(&self) -> Time {
        self.link.now()
    }

    /// Lets time pass until `time`.
    pub(super) fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        loop {
            self.check()?;
            self.take_sent()?;
            if self.link.now() >= time {
                return Ok(());
            }
            self.link.wait(time, None)?;
        }
    }

    /// Waits until a connection is readable, or `limit` is over; takes what comes meanwhile.
    pub(super) fn wait_for(
        &mut self,
        stream: &TcpStream,
        limit: Duration,
    ) -> Result<(), TargetError> {
        let end = self.link.now() + limit;
        loop {
            self.check()?;
            if self.link.wait(end, Some(stream))? || self.link.now() >= end {
                return Ok(());
            }
            self.take_sent()?;
        }
    }

    /// Sends a datagram to the stack.
    pub(super) fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let Some(to) = self.next_hop else {
            return Err(TargetError::Machine("the stack was never found".into()));
        };
        let frame = frames::datagram(to, self.ends.mac, datagram);
        let moment = self.link.send(&frame)?;
        self.take_sent()?;
        Ok(moment)
    }

    /// The next packet of the stack, see [`crate::target::Session::next_packet`].
    pub(super) fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        loop {
            self.check()?;
            // First the time, then the packets: what was sent up to then is in the socket by now.
            let now = self.link.now();
            self.take_sent()?;
            if let Some(packet) = self.sent.front()
                && packet.at <= deadline
            {
                return Ok(self.sent.pop_front());
            }
            if now >= deadline {
                return self.nothing_lost().map(|()| None);
            }
            self.link.wait(deadline, None)?;
        }
    }

    /// Ends the connections that outlive their sockets.
    pub(super) fn reset_all(&mut self) {
        for _ in 0..RESET_ROUNDS {
            let resets = self.connections.resets();
            if resets.is_empty() {
                return;
            }
            for reset in resets {
                let _ = self.inject(&reset);
            }
            let end = self.link.now() + RESET_WAIT;
            if self.sleep_until(end).is_err() {
                return;
            }
        }
    }

    /// Takes all frames that are waiting.
    fn take_sent(&mut self) -> Result<(), TargetError> {
        while let Some(frame) = self.link.receive()? {
            self.take(&frame)?;
        }
        Ok(())
    }

    fn take(&mut self, frame: &Frame) -> Result<(), TargetError> {
        for bytes in offload::frames(&frame.bytes) {
            match frames::read(&bytes) {
                Heard::Asked {
                    wanted,
                    by: Some(asker),
                } if self.ends.played.contains(wanted) => {
                    let answer = frames::answer(wanted, self.ends.mac, asker);
                    self.link.send(&answer)?;
                }
                Heard::Told { address, mac } if address == self.ends.next_hop => {
                    self.next_hop = Some(mac);
                }
                Heard::Datagram(datagram) if source(datagram) == Some(self.ends.stack) => {
                    self.connections.note(datagram);
                    self.sent.push_back(Observed {
                        at: frame.at,
                        bytes: datagram.to_vec(),
                    });
                }
                Heard::Asked { .. }
                | Heard::Probed { .. }
                | Heard::Told { .. }
                | Heard::Datagram(_)
                | Heard::Other => {}
            }
        }
        Ok(())
    }

    /// An error if packets were lost: then "no packet" would be a lie.
    fn nothing_lost(&self) -> Result<(), TargetError> {
        match self.link.lost() {
            0 => Ok(()),
            lost => Err(TargetError::Machine(format!(
                "{lost} packets were lost because they were not read in time; the machine is overloaded"
            ))),
        }
    }
}

fn source(datagram: &[u8]) -> Option<IpAddr> {
    match datagram.first()? >> 4 {
        4 => {
            let octets: [u8; 4] = datagram.get(12..16)?.try_into().ok()?;
            Some(octets.into())
        }
        6 => {
            let octets: [u8; 16] = datagram.get(8..24)?.try_into().ok()?;
            Some(octets.into())
        }
        _ => None,
    }
}
