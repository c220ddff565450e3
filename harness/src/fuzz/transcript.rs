//! What happened in a run, for people.

use super::icmp;
use super::input::{Call, Event};
use super::oracle::shown;
use super::packet;
use super::play::Witness;
use super::subject::{Answer, Micros, State};

/// The lines of a run.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    lines: Vec<String>,
}

impl Transcript {
    /// All of it.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    fn packet(&mut self, at: Micros, direction: char, datagram: &[u8]) {
        let text = match packet::read(datagram) {
            Ok(packet) => format!(
                "{} win {} {:?}",
                shown(&packet),
                packet.window,
                packet.options.stamp
            ),
            Err(why) => match icmp::read(datagram) {
                Some(error) => icmp::script::line(&error, 0),
                None => why.to_string(),
            },
        };
        let seconds = at as f64 / 1e6;
        self.lines
            .push(format!("{seconds:12.6}  {direction} {text}"));
    }
}

impl Witness for Transcript {
    fn event(&mut self, index: usize, event: &Event) {
        self.lines.push(format!("{index}: {event:?}"));
    }

    fn arrived(&mut self, at: Micros, datagram: &[u8]) {
        self.packet(at, '<', datagram);
    }

    fn sent(&mut self, at: Micros, datagram: &[u8]) {
        self.packet(at, '>', datagram);
    }

    fn called(&mut self, at: Micros, call: Call, answer: Answer) {
        let seconds = at as f64 / 1e6;
        self.lines
            .push(format!("{seconds:12.6}    {call:?} = {answer:?}"));
    }

    fn step(&mut self, before: State, _event: &Event, after: State, _packets: usize) {
        if before != after {
            self.lines.push(format!(
                "                {} -> {}",
                before.name(),
                after.name()
            ));
        }
    }
}
