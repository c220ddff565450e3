//! The wire of one case as the harness sees it.

use std::collections::VecDeque;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::cable::Cable;
use super::capture::Capture;
use super::clock::{self, Clock, Nanos};
use super::ending;
use super::orphans::Connections;
use super::virtual_time;
use crate::target::{Observed, TargetError};
use crate::time::{Moment, Time};

/// The wire as the harness sees it.
#[derive(Debug)]
pub(super) struct Line {
    cable: Cable,
    capture: Capture,
    /// The case's own time.
    pub(super) clock: Clock,
    /// Packets the stack has sent that nobody has asked for yet.
    sent: VecDeque<Observed>,
    /// How many of those that were taken are in the device's queue as well.
    left: usize,
    /// What the stack has connections with, by what it sends.
    connections: Connections,
    /// In virtual time, which stands still while nothing is done.
    still: Still,
}

/// What need not be looked at again until something is done.
#[derive(Debug, Default)]
struct Still {
    /// What the clock showed.
    now: Option<Nanos>,
    /// Nothing that the stack has sent is left to be taken.
    is_all_taken: bool,
}

impl Line {
    /// A wire that nothing has gone over yet; the clock's zero is now.
    pub(super) fn over(cable: Cable, capture: Capture) -> Line {
        Line {
            cable,
            capture,
            clock: Clock::new(),
            sent: VecDeque::new(),
            left: 0,
            connections: Connections::default(),
            still: Still::default(),
        }
    }

    /// Makes now, so far into a tick, the clock's zero.
    pub(super) fn start(&mut self, into_tick: Nanos) {
        self.stir();
        let before = self.clock;
        self.clock = before.started_in_a_tick(into_tick);
        let shift = before.time(self.clock.instant(Time::ZERO)).as_micros();
        for packet in &mut self.sent {
            packet.at = Time::from_micros(packet.at.as_micros() - shift);
        }
    }

    /// Now, without a look at the clock if it must still show what it did.
    pub(super) fn now(&mut self) -> Nanos {
        match self.still.now {
            Some(now) => now,
            None => {
                let now = clock::monotonic_nanos();
                self.still.now = virtual_time::rules().then_some(now);
                now
            }
        }
    }

    /// To be called before something is done that the stack may answer, or that may take time.
    pub(super) fn stir(&mut self) {
        self.still = Still::default();
    }

    /// To be called before something is done that the stack may answer and that takes no time, where time stands still.
    fn stir_packets(&mut self) {
        self.still.is_all_taken = false;
        if !virtual_time::rules() {
            self.still.now = None;
        }
    }

    /// Puts a datagram in front of the stack; from when to when that took.
    pub(super) fn inject(&mut self, datagram: &[u8]) -> Result<Moment, TargetError> {
        let start = self.now();
        self.stir_packets();
        let result = self.cable.write(datagram);
        let end = self.now();
        match result {
            Ok(()) => {}
            // The device takes no datagram without an IP version, nor one that is too short for a
            // header: the stack would never see it, on no wire.
            Err(Errno::EINVAL)
                if datagram
                    .first()
                    .is_none_or(|byte| !matches!(byte >> 4, 4 | 6)) => {}
            Err(errno) => {
                return Err(TargetError::Machine(format!(
                    "a datagram of {} bytes could not be written to tun0: {errno}",
                    datagram.len()
                )));
            }
        }
        self.take_sent()?;
        // In virtual time, where nobody has looked at the clock, the stamps of the answers tell as well.
        let end = self.still.now.map_or(end, |now| now.max(end));
        Ok(self.clock.moment(start, end))
    }

    /// The next packet that the stack has sent, if it was sent by this time.
    pub(super) fn next_packet(&mut self, deadline: Time) -> Result<Option<Observed>, TargetError> {
        loop {
            ending::check()?;
            // First the time, then the packets: what was sent up to then is in the socket by now.
            let now = self.now();
            self.take_sent()?;
            if let Some(packet) = self.sent.front()
                && packet.at <= deadline
            {
                return Ok(self.sent.pop_front());
            }
            let until = self.clock.instant(deadline);
            if now >= until {
                return self.nothing_lost().map(|()| None);
            }
            self.wait_for_packet(until)?;
        }
    }

    /// Lets time pass; what is sent meanwhile is there to be asked for.
    pub(super) fn sleep_until(&mut self, time: Time) -> Result<(), TargetError> {
        let until = self.clock.instant(time);
        loop {
            ending::check()?;
            self.take_sent()?;
            if self.now() >= until {
                return Ok(());
            }
            self.wait_for_packet(until)?;
        }
    }

    /// Resets every connection that was seen, as its peer.
    pub(super) fn reset_all(&self) {
        for reset in self.connections.resets() {
            // The script may have taken the link down; then there is no way to reach them.
            let _ = self.cable.write(&reset);
        }
    }

    /// Moves what the stack has sent from the kernel's buffers to ours.
    pub(super) fn take_sent(&mut self) -> Result<(), TargetError> {
        /// The device's queue holds 500.
        const MANY: usize = 100;
        if self.still.is_all_taken {
            return Ok(());
        }
        let (sent, connections) = (&mut self.sent, &mut self.connections);
        loop {
            let taken = self.capture.take(self.clock, |packet| {
                connections.note(&packet.bytes);
                // The kernel's own looks at the clock move it as well: what is sent is not sent later than now.
                let at = self.clock.instant(packet.at);
                self.still.now = self.still.now.map(|now| now.max(at));
                sent.push_back(packet);
            })?;
            self.left += taken;
            // In virtual time nobody waits for the device, so that it need not be empty.
            if self.left >= MANY || !virtual_time::rules() {
                self.cable.discard_sent(std::mem::take(&mut self.left));
            }
            if taken < Capture::MOST {
                break;
            }
        }
        self.still.is_all_taken = virtual_time::rules();
        Ok(())
    }

    /// The same while waiting for something else. A failure lasts and comes up at the next packet.
    pub(super) fn keep_going(&mut self) {
        let _ = self.take_sent();
        // What is waited for goes on.
        self.stir();
    }

    /// Waits until the stack has sent something or shortly before `until`, whichever comes first.
    fn wait_for_packet(&mut self, until: Nanos) -> Result<(), TargetError> {
        /// Below this, sleeping is more exact than polling and nothing can pile up.
        const SHORT: Nanos = 100_000;
        let remaining = until - self.now();
        if remaining <= 0 {
            return Ok(());
        }
        self.stir();
        let wait = TimeSpec::from(clock::poll_wait(remaining.max(SHORT)));
        let mut list = vec![PollFd::new(self.capture.as_fd(), PollFlags::POLLIN)];
        let device = self.cable.waiting().filter(|_| !virtual_time::rules());
        let others = [device, ending::alarm()];
        let others = others.into_iter().flatten();
        list.extend(others.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        let wait = if remaining < SHORT {
            TimeSpec::new(0, remaining as _)
        } else {
            wait
        };
        match ppoll(&mut list, Some(wait), None) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => {
                let readable = |fd: &PollFd<'_>| {
                    fd.revents()
                        .is_some_and(|events| events.contains(PollFlags::POLLIN))
                };
                if device.is_some() {
                    // A packet is had from the capture first, and may come to the device's queue just after that was
                    // emptied.
                    self.cable.discard_sent(usize::MAX);
                }
                if !list.iter().any(readable) {
                    // A link that is down reports an error for ever; do not spin on it.
                    clock::sleep_until_nanos(until.min(clock::monotonic_nanos() + 1_000_000));
                }
            }
            Err(errno) => {
                return Err(TargetError::Machine(format!(
                    "waiting for a packet on tun0 failed: {errno}"
                )));
            }
        }
        Ok(())
    }

    /// An error if packets were lost: then "no packet" would be a lie.
    fn nothing_lost(&self) -> Result<(), TargetError> {
        match self.capture.lost() {
            0 => Ok(()),
            lost => Err(TargetError::Machine(format!(
                "{lost} packets of the stack were lost because they were not read in time; the machine is overloaded"
            ))),
        }
    }
}
