//! What happened, as a number that two runs can be compared by, or in full.

use crate::segment::{self, Incoming};
use crate::testing::pair::Happening;
use crate::time::Instant;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::hash::Hasher;
use siphasher::sip::SipHasher13;

/// Something that happened at a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Instant,
    /// At which host.
    pub host: usize,
    /// What.
    pub what: Happening,
}

/// All that happened so far.
#[derive(Debug)]
pub(super) struct Trace {
    hasher: SipHasher13,
    entries: Option<Vec<Entry>>,
}

impl Trace {
    /// An empty trace; `full` keeps all entries.
    pub(super) fn new(full: bool) -> Trace {
        Trace {
            hasher: SipHasher13::new(),
            entries: full.then(Vec::new),
        }
    }

    pub(super) fn note(&mut self, at: Instant, host: usize, what: Happening) {
        self.hasher.write_u64(at.as_micros());
        match &what {
            Happening::Sent(datagram) => {
                self.hasher.write_u64(host as u64);
                self.hasher.write(datagram);
            }
            // What arrives was sent before.
            Happening::Received(datagram) => self.hasher.write_usize(datagram.len()),
            Happening::Event(event) => {
                self.hasher.write_u64(event_number(event));
            }
        }
        if let Some(entries) = &mut self.entries {
            entries.push(Entry { at, host, what });
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries.unwrap_or_default()
    }
}

/// Tells most kinds of events apart.
fn event_number(event: &crate::Event) -> u64 {
    let mut hasher = SipHasher13::new();
    core::hash::Hash::hash(&core::mem::discriminant(event), &mut hasher);
    hasher.finish()
}

/// Entries as text, a line each; times count from `start`.
pub fn show(entries: &[Entry], start: Instant) -> String {
    let mut text = String::new();
    for Entry { at, host, what } in entries {
        let micros = at.saturating_duration_since(start).as_micros();
        let what = match what {
            Happening::Sent(datagram) => format!("> {}", show_datagram(datagram)),
            Happening::Received(datagram) => format!("< {}", show_datagram(datagram)),
            Happening::Event(event) => format!("  {event:?}"),
        };
        let _ = writeln!(text, "{:>13.6} host {host} {what}", micros as f64 / 1e6);
    }
    text
}

fn show_datagram(datagram: &[u8]) -> String {
    let segment = match segment::parse(datagram) {
        Ok(Incoming::Segment(segment)) => segment,
        other => return format!("{other:?}"),
    };
    let mut text = format!(
        "{}>{} {} {}:{}({})",
        segment.src.port(),
        segment.dst.port(),
        segment.flags,
        segment.seq,
        segment.end(),
        segment.payload.len()
    );
    if let Some(ack) = segment.ack {
        let _ = write!(text, " ack {ack}");
    }
    let _ = write!(text, " win {}", segment.wnd.raw());
    if let Some(mss) = segment.options.mss {
        let _ = write!(text, " mss {}", mss.raw());
    }
    if let Some(scale) = segment.options.window_scale {
        let _ = write!(text, " wscale {}", scale.shift());
    }
    if let Some(stamps) = segment.options.timestamps {
        let _ = write!(text, " TS {}/{}", stamps.value, stamps.echo);
    }
    for block in segment.options.sack.as_slice() {
        let _ = write!(text, " sack {}:{}", block.start, block.end);
    }
    text
}
