//! What happened in a run, kept as it was and shown only if the run is a finding.

use tcpdrill_stack::segment::{self, Incoming};

/// Everything that happened, oldest first. Shows its end when it is dropped by a panic.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Line>);

/// Something that happened.
#[derive(Debug)]
pub(super) enum Line {
    Received(Vec<u8>),
    Sent(Vec<u8>),
    Reported(tcpdrill_stack::Event),
    Called(String),
}

impl Log {
    pub(super) fn push(&mut self, line: Line) {
        self.0.push(line);
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for line in &self.0[self.0.len().saturating_sub(60)..] {
            match line {
                Line::Received(datagram) => eprintln!("< {}", show(datagram)),
                Line::Sent(datagram) => eprintln!("> {}", show(datagram)),
                Line::Reported(event) => eprintln!("  {event:?}"),
                Line::Called(call) => eprintln!("  {call}"),
            }
        }
    }
}

fn show(datagram: &[u8]) -> String {
    match segment::parse(datagram) {
        Ok(Incoming::Segment(s)) => format!(
            "{}->{} {} {}:{}({}) ack {:?} win {} up {}",
            s.src.port(),
            s.dst.port(),
            s.flags,
            s.seq,
            s.end(),
            s.payload.len(),
            s.ack.map(|ack| ack.raw()),
            s.wnd.raw(),
            s.up
        ),
        other => format!("{other:?}"),
    }
}
