//! Script descriptors: labels for the target's own, and how far each stream has come.

use std::collections::BTreeMap;

use crate::call::Fd;
use crate::expect::payload::{self, Direction};

/// What a descriptor carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A TCP socket: a stream with offsets.
    Stream,
    /// An ICMP datagram socket, which sends echo requests.
    Ping,
    /// Anything else; it carries zeros.
    Other,
}

/// What a label stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    live: Fd,
    kind: Kind,
    /// Labels that `dup` has made of one another share a stream.
    stream: usize,
}

/// How far a connection's two streams have come.
#[derive(Clone, Debug, Default)]
struct Stream {
    written: u64,
    read: u64,
    /// A byte of the stream that was taken out of band: reads pass it over.
    out_of_band: Option<u64>,
    /// Bytes the script wrote out, by their offset.
    texts: Vec<(u64, Vec<u8>)>,
}

/// The table of labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptors {
    entries: BTreeMap<i32, Entry>,
    streams: Vec<Stream>,
}

impl Descriptors {
    /// Binds a label to a descriptor the target made.
    pub(super) fn bind(&mut self, label: i32, live: Fd, kind: Kind) {
        self.streams.push(Stream::default());
        let stream = self.streams.len() - 1;
        self.entries.insert(label, Entry { live, kind, stream });
    }

    /// Binds a label to a copy of what another label stands for.
    pub(super) fn bind_copy(&mut self, label: i32, live: Fd, of: Fd) {
        match self.entries.get(&of.0) {
            Some(entry) => {
                self.entries.insert(label, Entry { live, ..*entry });
            }
            None => self.bind(label, live, Kind::Other),
        }
    }

    fn stream(&self, label: Fd) -> Option<&Stream> {
        self.streams.get(self.entries.get(&label.0)?.stream)
    }

    fn stream_mut(&mut self, label: Fd) -> Option<&mut Stream> {
        self.streams.get_mut(self.entries.get(&label.0)?.stream)
    }

    /// The target's descriptor for a label. A label that was never bound stands for
    /// itself plus an offset no target uses, so that the call fails with EBADF.
    pub(super) fn live(&self, label: Fd) -> Fd {
        const NEVER_OPEN: i32 = 1_000_000;
        match self.entries.get(&label.0) {
            Some(entry) => entry.live,
            None if label.0 < 0 => label,
            None => Fd(NEVER_OPEN.saturating_add(label.0)),
        }
    }

    /// Whether the label is a TCP socket.
    pub(super) fn is_tcp(&self, label: Fd) -> bool {
        self.kind(label) == Kind::Stream
    }

    /// Whether the label is an ICMP datagram socket.
    pub(super) fn is_ping(&self, label: Fd) -> bool {
        self.kind(label) == Kind::Ping
    }

    fn kind(&self, label: Fd) -> Kind {
        self.entries
            .get(&label.0)
            .map_or(Kind::Other, |entry| entry.kind)
    }

    /// The next `len` bytes this descriptor's writer sends.
    pub(super) fn next_written(&self, label: Fd, len: usize) -> Vec<u8> {
        match self.stream(label) {
            Some(stream) if self.is_tcp(label) => {
                payload::bytes_at(Direction::FromStack, stream.written, len)
            }
            Some(_) | None => vec![0; len],
        }
    }

    /// Counts bytes that a call took.
    pub(super) fn wrote(&mut self, label: Fd, len: u64) {
        if let Some(stream) = self.stream_mut(label) {
            stream.written += len;
        }
    }

    /// Notes that of what a call took, the bytes from `from` on are `text`, not the pattern.
    pub(super) fn wrote_text(&mut self, label: Fd, from: u64, text: &[u8]) {
        if let Some(stream) = self.stream_mut(label) {
            stream.texts.push((stream.written + from, text.to_vec()));
        }
    }

    /// The byte the script wrote out for an offset of some descriptor's stream.
    pub(super) fn text_at(&self, label: Fd, offset: u64) -> Option<u8> {
        let stream = self.stream(label)?;
        stream.texts.iter().find_map(|(from, text)| {
            let at = usize::try_from(offset.checked_sub(*from)?).ok()?;
            text.get(at).copied()
        })
    }

    /// The stream offset of the next byte to be read.
    pub(super) fn read_offset(&self, label: Fd) -> u64 {
        self.stream(label)
            .map_or(0, |stream| match stream.out_of_band {
                Some(mark) if mark == stream.read => stream.read + 1,
                Some(_) | None => stream.read,
            })
    }

    /// How many bytes can be read on from there before the stream leaves one out.
    pub(super) fn in_one_piece(&self, label: Fd) -> usize {
        let mark = self.stream(label).and_then(|stream| stream.out_of_band);
        let ahead = mark.and_then(|mark| mark.checked_sub(self.read_offset(label)));
        ahead.map_or(usize::MAX, |ahead| {
            usize::try_from(ahead).unwrap_or(usize::MAX)
        })
    }

    /// Counts bytes that were read and taken away.
    pub(super) fn read(&mut self, label: Fd, len: u64) {
        if let Some(stream) = self.stream_mut(label) {
            let end = stream.read + len;
            let passed = stream
                .out_of_band
                .is_some_and(|mark| (stream.read..end).contains(&mark));
            stream.read = end + u64::from(passed);
        }
    }

    /// Notes that the byte at `mark` was taken out of band.
    pub(super) fn took_out_of_band(&mut self, label: Fd, mark: u64) {
        if let Some(stream) = self.stream_mut(label) {
            stream.out_of_band = Some(mark);
        }
    }

    /// Both streams begin anew: the descriptor has a new connection.
    pub(super) fn restart(&mut self, label: Fd) {
        if let Some(stream) = self.stream_mut(label) {
            *stream = Stream::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_a_stream_and_others_do_not() {
        let mut table = Descriptors::default();
        table.bind(3, Fd(30), Kind::Stream);
        table.bind(4, Fd(40), Kind::Stream);
        table.bind_copy(5, Fd(50), Fd(3));
        table.read(Fd(3), 10);
        table.wrote_text(Fd(5), 1, b"ab");
        table.wrote(Fd(5), 4);
        assert_eq!(table.read_offset(Fd(5)), 10);
        assert_eq!(table.read_offset(Fd(4)), 0);
        assert_eq!(table.live(Fd(5)), Fd(50));
        assert!(table.is_tcp(Fd(5)));
        let texts: Vec<_> = (0..4).map(|at| table.text_at(Fd(3), at)).collect();
        assert_eq!(texts, [None, Some(b'a'), Some(b'b'), None]);
        table.restart(Fd(5));
        assert_eq!(table.read_offset(Fd(3)), 0);
    }
}
