//! Reading and writing with an end: nobody holds up the other side for ever.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A connection until a deadline, however slowly the bytes come.
#[derive(Debug)]
pub(super) struct Timed<'a> {
    stream: &'a TcpStream,
    deadline: Instant,
}

impl<'a> Timed<'a> {
    /// The connection for that long from now.
    pub(super) fn new(stream: &'a TcpStream, limit: Duration) -> Timed<'a> {
        Timed {
            stream,
            deadline: Instant::now() + limit,
        }
    }

    fn left(&self) -> Result<Option<Duration>> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late());
        }
        Ok(Some(left))
    }
}

fn late() -> Error {
    Error::new(ErrorKind::TimedOut, "no answer in time")
}

/// A socket's own timeout is told as "resource temporarily unavailable".
fn in_words(error: Error) -> Error {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => late(),
        _ => error,
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        self.stream.read(buffer).map_err(in_words)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        self.stream.write(buffer).map_err(in_words)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn bytes_that_trickle_in_do_not_move_the_deadline() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut slow = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        let mut timed = Timed::new(&stream, Duration::ZERO);
        slow.write_all(b"x").unwrap();
        let error = timed.read_exact(&mut [0; 2]).unwrap_err();
        assert_eq!(error.to_string(), "no answer in time");
        let mut timed = Timed::new(&stream, Duration::from_millis(5));
        let error = timed.read_exact(&mut [0; 2]).unwrap_err();
        assert_eq!(error.to_string(), "no answer in time");
    }
}
