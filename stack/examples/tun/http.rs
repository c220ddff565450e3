//! As much of HTTP/1.1 (RFC 9112) as `curl` needs to move bytes.

use std::error::Error;

use sha2::{Digest, Sha256};
use tcpdrill_stack::{CallError, Host, Instant, SendFlags, SocketId, SocketOptions};

use crate::driver::Service;
use crate::flow::hex;
use crate::pattern;

/// Longest head of a request, in bytes.
const MOST_HEAD: usize = 16 << 10;

/// Most bytes written in one call.
const PIECE: usize = 1 << 16;

/// Answers requests on one port, of any number of clients.
pub(crate) struct Server {
    port: u16,
    listener: Option<SocketId>,
    sessions: Vec<Session>,
}

impl Server {
    pub(crate) fn new(port: u16) -> Server {
        Server {
            port,
            listener: None,
            sessions: Vec::new(),
        }
    }
}

impl Service for Server {
    fn open(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError> {
        let options = SocketOptions::default();
        self.listener = Some(host.open_passive(now, (None, self.port), 16, options)?);
        Ok(())
    }

    fn progress(&mut self, now: Instant, host: &mut Host) -> Result<bool, Box<dyn Error>> {
        while let Some(Ok(id)) = self.listener.map(|listener| host.accept(now, listener)) {
            self.sessions.push(Session::new(id));
        }
        self.sessions.retain_mut(|session| {
            match session.progress(now, host) {
                Ok(()) | Err(CallError::WouldBlock) => return true,
                Err(CallError::Closing) => {}
                Err(error) => eprintln!("{}: {error}", session.id),
            }
            // A connection that ended with an error is closed too: the host forgets it then.
            if let Err(error) = host.close(now, session.id) {
                eprintln!("{}: {error}", session.id);
            }
            false
        });
        Ok(false)
    }
}

/// One connection.
struct Session {
    id: SocketId,
    /// What was read of the head of a request.
    head: Vec<u8>,
    /// The body that is being read: bytes that are left, and the hash of the rest.
    body: Option<(u64, Sha256)>,
    /// What is still to be sent of text.
    text: Vec<u8>,
    /// What is then to be sent of the pattern: from here to there.
    pattern: std::ops::Range<u64>,
    /// Nothing comes after the present answer.
    last: bool,
}

/// What a request asks for.
struct Request {
    /// Length of the head.
    head: usize,
    get: Option<u64>,
    body: Option<u64>,
    expects_continue: bool,
    closes: bool,
}

impl Session {
    fn new(id: SocketId) -> Session {
        Session {
            id,
            head: Vec::new(),
            body: None,
            text: Vec::new(),
            pattern: 0..0,
            last: false,
        }
    }

    /// Goes on until something would block. `Closing` says that all is done.
    fn progress(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError> {
        loop {
            self.send(now, host)?;
            if self.last && self.body.is_none() {
                return Err(CallError::Closing);
            }
            match self.body.take() {
                Some((0, hash)) => {
                    let reply = hex(&hash) + "\n";
                    self.answer("200 OK", reply.len() as u64);
                    self.text.extend_from_slice(reply.as_bytes());
                }
                Some((left, mut hash)) => {
                    let read = host.recv_with(now, self.id, |piece| {
                        let len = piece.len().min(left.try_into().unwrap_or(usize::MAX));
                        hash.update(&piece[..len]);
                        len
                    });
                    let len = *read.as_ref().unwrap_or(&0) as u64;
                    self.body = Some((left - len, hash));
                    // The peer closed in the middle of its body.
                    if read? == 0 {
                        return Err(CallError::Closing);
                    }
                }
                None => self.read_head(now, host)?,
            }
        }
    }

    fn send(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError> {
        let flags = SendFlags::default();
        while !self.text.is_empty() {
            let len = host.send(now, self.id, &self.text, flags)?;
            self.text.drain(..len);
        }
        while !self.pattern.is_empty() {
            let left = self.pattern.end - self.pattern.start;
            let most = left.min(PIECE as u64) as usize;
            let at = self.pattern.start;
            let len = host.send_with(now, self.id, most, flags, |room| {
                let len = room.len().min(most);
                pattern::fill(at, &mut room[..len]);
                len
            })?;
            self.pattern.start += len as u64;
        }
        Ok(())
    }

    fn read_head(&mut self, now: Instant, host: &mut Host) -> Result<(), CallError> {
        if let Some(request) = self.parse() {
            self.head.drain(..request.head);
            self.take(&request);
            return Ok(());
        }
        // Byte by byte only at the end: what follows the head belongs to the body.
        let head = &mut self.head;
        let read = host.recv_with(now, self.id, |piece| {
            for (place, byte) in piece.iter().enumerate() {
                head.push(*byte);
                if head.ends_with(b"\r\n\r\n") {
                    return place + 1;
                }
            }
            piece.len()
        })?;
        if read == 0 {
            return Err(CallError::Closing);
        }
        Ok(())
    }

    /// The request, if its head is complete. A bad one ends the connection.
    fn parse(&mut self) -> Option<Request> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        let bad = Request {
            head: self.head.len(),
            get: None,
            body: None,
            expects_continue: false,
            closes: true,
        };
        let head = match request.parse(&self.head) {
            Ok(httparse::Status::Complete(head)) => head,
            Ok(httparse::Status::Partial) if self.head.len() <= MOST_HEAD => return None,
            Ok(httparse::Status::Partial) | Err(_) => return Some(bad),
        };
        let value = |name: &str| {
            let header = request
                .headers
                .iter()
                .find(|h| h.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(header.value).ok()
        };
        let path = request.path.unwrap_or_default();
        let get = (request.method == Some("GET")).then(|| path.trim_start_matches('/').parse());
        let posts = matches!(request.method, Some("POST" | "PUT"));
        Some(Request {
            head,
            get: get.and_then(Result::ok),
            body: value("content-length")
                .filter(|_| posts)
                .and_then(|text| text.parse().ok()),
            expects_continue: value("expect").is_some(),
            closes: value("connection").is_some_and(|text| text.eq_ignore_ascii_case("close")),
        })
    }

    fn take(&mut self, request: &Request) {
        self.last = request.closes;
        if let Some(len) = request.get {
            self.answer("200 OK", len);
            self.pattern = 0..len;
        } else if let Some(len) = request.body {
            if request.expects_continue {
                self.text
                    .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            self.body = Some((len, Sha256::new()));
        } else {
            self.answer("400 Bad Request", 0);
            self.last = true;
        }
    }

    fn answer(&mut self, status: &str, len: u64) {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: {len}\r\n\r\n");
        self.text.extend_from_slice(head.as_bytes());
    }
}
