//! Script descriptors: labels for the target's own, and how far each stream has come.

use std::collections::BTreeMap;

use crate::call::Fd;
use crate::expect::payload::{self, Direction};

/// What a label stands for.
#[derive(Clone, Copy, Debug)]
struct Entry {
    live: Fd,
    /// A TCP socket's payload is a stream with offsets; other descriptors carry zeros.
    is_tcp: bool,
    written: u64,
    read: u64,
    /// A byte of the stream that was taken out of band: reads pass it over.
    out_of_band: Option<u64>,
}

/// The table of labels.
#[derive(Clone, Debug, Default)]
pub(super) struct Descriptors {
    entries: BTreeMap<i32, Entry>,
}

impl Descriptors {
    /// Binds a label to a descriptor the target made.
    pub(super) fn bind(&mut self, label: i32, live: Fd, is_tcp: bool) {
        self.entries.insert(
            label,
            Entry {
                live,
                is_tcp,
                written: 0,
                read: 0,
                out_of_band: None,
            },
        );
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
        self.entries.get(&label.0).is_some_and(|entry| entry.is_tcp)
    }

    /// The next `len` bytes this descriptor's writer sends.
    pub(super) fn next_written(&self, label: Fd, len: usize) -> Vec<u8> {
        match self.entries.get(&label.0) {
            Some(entry) if entry.is_tcp => {
                payload::bytes_at(Direction::FromStack, entry.written, len)
            }
            Some(_) | None => vec![0; len],
        }
    }

    /// Counts bytes that a call took.
    pub(super) fn wrote(&mut self, label: Fd, len: u64) {
        if let Some(entry) = self.entries.get_mut(&label.0) {
            entry.written += len;
        }
    }

    /// The stream offset of the next byte to be read.
    pub(super) fn read_offset(&self, label: Fd) -> u64 {
        let entry = self.entries.get(&label.0);
        entry.map_or(0, |entry| match entry.out_of_band {
            Some(mark) if mark == entry.read => entry.read + 1,
            Some(_) | None => entry.read,
        })
    }

    /// How many bytes can be read on from there before the stream leaves one out.
    pub(super) fn in_one_piece(&self, label: Fd) -> usize {
        let mark = self
            .entries
            .get(&label.0)
            .and_then(|entry| entry.out_of_band);
        let ahead = mark.and_then(|mark| mark.checked_sub(self.read_offset(label)));
        ahead.map_or(usize::MAX, |ahead| {
            usize::try_from(ahead).unwrap_or(usize::MAX)
        })
    }

    /// Counts bytes that were read and taken away.
    pub(super) fn read(&mut self, label: Fd, len: u64) {
        if let Some(entry) = self.entries.get_mut(&label.0) {
            let end = entry.read + len;
            let passed = entry
                .out_of_band
                .is_some_and(|mark| (entry.read..end).contains(&mark));
            entry.read = end + u64::from(passed);
        }
    }

    /// Notes that the byte at `mark` was taken out of band.
    pub(super) fn took_out_of_band(&mut self, label: Fd, mark: u64) {
        if let Some(entry) = self.entries.get_mut(&label.0) {
            entry.out_of_band = Some(mark);
        }
    }

    /// Both streams begin anew: the descriptor has a new connection.
    pub(super) fn restart(&mut self, label: Fd) {
        if let Some(entry) = self.entries.get_mut(&label.0) {
            *entry = Entry {
                written: 0,
                read: 0,
                out_of_band: None,
                ..*entry
            };
        }
    }
}
