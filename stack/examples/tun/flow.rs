//! One stream one way.

use std::error::Error;

use sha2::{Digest, Sha256};
use tcpdrill_stack::{CallError, Host, Instant, SendFlags, SocketId, SocketOptions, StateName};

use crate::driver::Service;
use crate::options::Place;
use crate::pattern;

/// Most bytes written in one call.
const PIECE: usize = 1 << 16;

/// A stream that is sent or taken.
pub(crate) struct Flow<'a> {
    place: &'a Place,
    /// How many bytes are to be sent; `None` takes what comes.
    to_send: Option<u64>,
    listener: Option<SocketId>,
    socket: Option<SocketId>,
    bytes: u64,
    hash: Sha256,
    /// We have closed our direction.
    closed: bool,
}

impl<'a> Flow<'a> {
    pub(crate) fn sink(place: &'a Place) -> Flow<'a> {
        Flow {
            place,
            to_send: None,
            listener: None,
            socket: None,
            bytes: 0,
            hash: Sha256::new(),
            closed: false,
        }
    }

    pub(crate) fn source(place: &'a Place, bytes: u64) -> Flow<'a> {
        Flow {
            to_send: Some(bytes),
            ..Flow::sink(place)
        }
    }

    /// Writes what there is room for; true once all is written.
    fn send(&mut self, now: Instant, host: &mut Host, id: SocketId, to_send: u64) -> Done {
        while self.bytes < to_send {
            let most = (to_send - self.bytes).min(PIECE as u64) as usize;
            let (at, hash) = (self.bytes, &mut self.hash);
            let sent = host.send_with(now, id, most, SendFlags::default(), |room| {
                let len = room.len().min(most);
                pattern::fill(at, &mut room[..len]);
                len
            });
            let len = match sent {
                Ok(len) => len,
                Err(CallError::WouldBlock) => return Ok(false),
                Err(error) => return Err(error),
            };
            let mut text = vec![0; len];
            pattern::fill(at, &mut text);
            hash.update(&text);
            self.bytes += len as u64;
        }
        Ok(true)
    }

    /// Reads what is there; true once the peer has closed.
    fn receive(&mut self, now: Instant, host: &mut Host, id: SocketId) -> Done {
        loop {
            let hash = &mut self.hash;
            let taken = host.recv_with(now, id, |piece| {
                hash.update(piece);
                piece.len()
            });
            match taken {
                Ok(0) => return Ok(true),
                Ok(len) => self.bytes += len as u64,
                Err(CallError::WouldBlock) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn print(&self) {
        print!("{} ", self.bytes);
        print_hash(&self.hash);
    }
}

type Done = Result<bool, CallError>;

/// The hash of what went in up to now, in hexadecimal digits.
pub(crate) fn hex(hash: &Sha256) -> String {
    let bytes = hash.clone().finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn print_hash(hash: &Sha256) {
    println!("{}", hex(hash));
}

impl Service for Flow<'_> {
    fn open(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError> {
        let options = SocketOptions::default();
        match (self.place.listen, self.place.connect) {
            (Some(port), _) => {
                self.listener = Some(host.open_passive(now, (None, port), 1, options)?);
            }
            (None, Some(remote)) => {
                self.socket = Some(host.open_active(now, (None, None), remote, options)?);
            }
            (None, None) => return Err(CallError::InvalidArgument),
        }
        Ok(())
    }

    fn progress(&mut self, now: Instant, host: &mut Host) -> Result<bool, Box<dyn Error>> {
        if let (None, Some(listener)) = (self.socket, self.listener) {
            self.socket = host.accept(now, listener).ok();
        }
        let Some(id) = self.socket else {
            return Ok(false);
        };
        if !self.closed {
            let done = match self.to_send {
                Some(bytes) => self.send(now, host, id, bytes)?,
                None => self.receive(now, host, id)?,
            };
            if !done {
                return Ok(false);
            }
            host.shutdown_write(now, id)?;
            self.closed = true;
            self.print();
        }
        let state = host.status(id)?.state;
        Ok(matches!(state, StateName::Closed | StateName::TimeWait))
    }
}
