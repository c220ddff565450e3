//! A conversation with one host, told in short lines.

use std::time::Duration;

use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::Segment;
use tcpdrill_stack::testing::bench::{Bench, Conn, show};
use tcpdrill_stack::time::Instant;
use tcpdrill_stack::{CallError, Config, SendFlags, SocketOptions, StateName};

/// The peer's byte at a stream position: a function of the position, so that a byte out of place shows.
pub(crate) fn byte_at(position: u32) -> u8 {
    (position.wrapping_mul(7) ^ (position >> 8)) as u8
}

/// A host, its connection and its scripted peer. Numbers are relative to the initial sequence numbers.
pub(crate) struct Talk {
    pub(crate) bench: Bench,
    pub(crate) conn: Conn,
    start: Instant,
    sent: u32,
}

impl Talk {
    /// A connection in `state`, reached with `config`.
    pub(crate) fn reach(config: Config, state: StateName) -> Self {
        let mut bench = Bench::new(config);
        let conn = bench.reach(state);
        Self::on(bench, conn)
    }

    /// A connection accepted without options.
    pub(crate) fn plain() -> Self {
        Self::reach(Bench::plain_config(), StateName::Established)
    }

    /// A connection accepted from a listener with `options`.
    pub(crate) fn with_options(config: Config, options: SocketOptions) -> Self {
        let mut bench = Bench::new(config);
        let conn = bench.accepted_with(options);
        Self::on(bench, conn)
    }

    /// A connection accepted with this SYN.
    pub(crate) fn accepted_by(config: Config, edit: impl FnOnce(&mut Segment)) -> Self {
        let mut bench = Bench::new(config);
        let mut syn = bench.peer_syn(false);
        edit(&mut syn);
        let conn = bench.accepted_by(&syn, SocketOptions::default());
        Self::on(bench, conn)
    }

    pub(crate) fn on(bench: Bench, conn: Conn) -> Self {
        let start = bench.now;
        Self {
            bench,
            conn,
            start,
            sent: 0,
        }
    }

    /// A segment of the peer with patterned text.
    pub(crate) fn segment(&self, flags: &str, seq: i64, ack: i64, len: usize) -> Segment {
        let ack = self.conn.iss + ack as u32;
        let mut segment = self.bench.peer_segment(flags, seq, ack);
        let first = seq as u32 + u32::from(segment.flags.syn);
        segment.payload = (0..len as u32)
            .map(|i| byte_at(first.wrapping_add(i)))
            .collect();
        segment
    }

    /// The peer sends; answers what came back.
    pub(crate) fn peer(&mut self, flags: &str, seq: i64, ack: i64, len: usize) -> Vec<String> {
        let segment = self.segment(flags, seq, ack, len);
        self.inject(&segment)
    }

    /// As `peer`, with this window field from now on.
    pub(crate) fn peer_window(
        &mut self,
        flags: &str,
        seq: i64,
        ack: i64,
        window: u16,
    ) -> Vec<String> {
        self.bench.peer_window = window;
        self.peer(flags, seq, ack, 0)
    }

    pub(crate) fn inject(&mut self, segment: &Segment) -> Vec<String> {
        let sent = self.bench.inject(segment);
        self.brief(&sent)
    }

    /// What the host has to say now.
    pub(crate) fn drain(&mut self) -> Vec<String> {
        let sent = self.bench.drain();
        self.brief(&sent)
    }

    fn brief(&self, sent: &[Segment]) -> Vec<String> {
        sent.iter().map(|segment| self.line(segment)).collect()
    }

    /// A segment without window and options.
    pub(crate) fn line(&self, segment: &Segment) -> String {
        let full = show(segment, self.conn.iss, self.bench.irs);
        let end = full.find(" win").unwrap_or(full.len());
        full[..end].to_string()
    }

    /// A segment with everything.
    pub(crate) fn full(&self, segment: &Segment) -> String {
        show(segment, self.conn.iss, self.bench.irs)
    }

    /// Time passes; answers what the host sent and after how many ms since the beginning.
    pub(crate) fn wait_ms(&mut self, millis: u64) -> Vec<(u64, String)> {
        let sent = self.bench.wait(Duration::from_millis(millis));
        sent.iter()
            .map(|(at, segment)| (self.ms(*at), self.line(segment)))
            .collect()
    }

    pub(crate) fn wait_s(&mut self, seconds: u64) -> Vec<(u64, String)> {
        self.wait_ms(seconds * 1000)
    }

    fn ms(&self, at: Instant) -> u64 {
        at.saturating_duration_since(self.start).as_millis() as u64
    }

    /// The user sends patterned bytes; answers what left at once.
    pub(crate) fn send(&mut self, len: usize) -> Vec<String> {
        self.send_with(len, SendFlags::default())
    }

    pub(crate) fn send_with(&mut self, len: usize, flags: SendFlags) -> Vec<String> {
        let data: Vec<u8> = (0..len as u32)
            .map(|i| byte_at(self.sent + 1 + i))
            .collect();
        let taken = self
            .bench
            .host
            .send(self.bench.now, self.conn.id, &data, flags);
        assert_eq!(taken, Ok(len));
        self.sent += len as u32;
        self.drain()
    }

    /// The user reads up to `len` bytes that continue the pattern at `position`.
    pub(crate) fn recv(&mut self, position: u32, len: usize) -> Result<usize, CallError> {
        let mut buf = vec![0; len];
        let got = self
            .bench
            .host
            .recv(self.bench.now, self.conn.id, &mut buf)?;
        for (i, byte) in buf[..got].iter().enumerate() {
            assert_eq!(
                *byte,
                byte_at(position + i as u32),
                "byte {} of the stream",
                position + i as u32
            );
        }
        Ok(got)
    }

    pub(crate) fn shutdown(&mut self) -> Vec<String> {
        let result = self.bench.host.shutdown_write(self.bench.now, self.conn.id);
        assert_eq!(result, Ok(()));
        self.drain()
    }

    pub(crate) fn close(&mut self) -> Vec<String> {
        assert_eq!(self.bench.host.close(self.bench.now, self.conn.id), Ok(()));
        self.drain()
    }

    pub(crate) fn state(&self) -> StateName {
        self.bench.state(self.conn.id)
    }

    /// The user's view of the error.
    pub(crate) fn take_error(&mut self) -> Option<tcpdrill_stack::ConnectionError> {
        self.bench.host.take_error(self.conn.id)
    }

    pub(crate) fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.bench.events().filter(|event| matches(event)).count()
    }
}
