//! A user of one connection: writes its stream, reads the other's, closes when both are done.

use std::time::Duration;
use tcpdrill_stack::rng::Rng;
use tcpdrill_stack::testing::pair::{Pair, PairError, Side};
use tcpdrill_stack::{CallError, Instant, SendFlags, SocketId};

/// The byte at `position` of the stream that `side` sends.
pub(crate) fn stream_byte(side: Side, position: usize) -> u8 {
    let mixed = (position as u32 ^ (side as u32) << 20).wrapping_mul(0x9e37_79b1);
    (mixed >> 24) as u8
}

/// How a connection comes to its application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    /// It will come out of this listener.
    Listener(SocketId),
    /// It is this one, being opened.
    Connection(SocketId),
}

#[derive(Debug)]
pub(crate) struct Application {
    side: Side,
    handle: Handle,
    rng: Rng,
    to_write: usize,
    pub(crate) written: usize,
    pub(crate) received: Vec<u8>,
    shut: bool,
    end_of_stream: bool,
    pub(crate) closed: bool,
    /// A slow reader does not look at the socket before this time.
    pub(crate) wakes_at: Option<Instant>,
    slow: bool,
}

impl Application {
    pub(crate) fn new(side: Side, handle: Handle, to_write: usize, slow: bool, seed: u64) -> Self {
        Self {
            side,
            handle,
            rng: Rng::new(seed),
            to_write,
            written: 0,
            received: Vec::new(),
            shut: false,
            end_of_stream: false,
            closed: false,
            wakes_at: None,
            slow,
        }
    }

    /// Does all that can be done now. A call that fails for another reason than having to wait
    /// is a finding.
    pub(crate) fn run(&mut self, pair: &mut Pair) -> Result<(), Failure> {
        let Some(id) = self.connection(pair)? else {
            return Ok(());
        };
        if self.closed {
            return Ok(());
        }
        self.write(pair, id)?;
        self.read(pair, id)?;
        if self.shut && self.end_of_stream {
            pair.act(self.side, |host, now| host.close(now, id))??;
            self.closed = true;
            self.wakes_at = None;
        }
        Ok(())
    }

    fn connection(&mut self, pair: &mut Pair) -> Result<Option<SocketId>, Failure> {
        let listener = match self.handle {
            Handle::Connection(id) => return Ok(Some(id)),
            Handle::Listener(listener) => listener,
        };
        match pair.act(self.side, |host, now| host.accept(now, listener))? {
            Ok(id) => {
                self.handle = Handle::Connection(id);
                pair.act(self.side, |host, now| host.close(now, listener))??;
                Ok(Some(id))
            }
            Err(CallError::WouldBlock) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&mut self, pair: &mut Pair, id: SocketId) -> Result<(), Failure> {
        while self.written < self.to_write {
            let left = self.to_write - self.written;
            let len = left.min(1 + self.rng.below(4_000) as usize);
            let chunk: Vec<u8> = (self.written..self.written + len)
                .map(|position| stream_byte(self.side, position))
                .collect();
            let flags = SendFlags::default();
            match pair.act(self.side, |host, now| host.send(now, id, &chunk, flags))? {
                Ok(taken) => self.written += taken,
                Err(CallError::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
        if !self.shut {
            match pair.act(self.side, |host, now| host.shutdown_write(now, id))? {
                Ok(()) => self.shut = true,
                Err(CallError::WouldBlock | CallError::NotConnected) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn read(&mut self, pair: &mut Pair, id: SocketId) -> Result<(), Failure> {
        if self.wakes_at.is_some_and(|at| at > pair.now()) {
            return Ok(());
        }
        self.wakes_at = None;
        while !self.end_of_stream {
            let mut buf = vec![0; 1 + self.rng.below(5_000) as usize];
            match pair.act(self.side, |host, now| host.recv(now, id, &mut buf))? {
                Ok(0) => self.end_of_stream = true,
                Ok(len) => {
                    assert!(len <= buf.len(), "recv put {len} bytes into {}", buf.len());
                    self.received.extend_from_slice(&buf[..len]);
                }
                Err(CallError::WouldBlock | CallError::NotConnected) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if self.slow && !self.end_of_stream {
                let pause = Duration::from_millis(self.rng.below(3_000));
                self.wakes_at = Some(pair.now() + pause);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Why a run is a finding.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// A host or the simulation broke a rule.
    Pair(PairError),
    /// A call failed that had no reason to.
    Call(CallError),
    /// What went wrong in words.
    Other(String),
}

impl From<PairError> for Failure {
    fn from(error: PairError) -> Self {
        Self::Pair(error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}
