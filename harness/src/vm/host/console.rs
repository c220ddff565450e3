//! The last lines of a kernel's console.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// So many lines are kept, and so much of each: an oops with its stack.
const LINES: usize = 48;
const WIDTH: usize = 240;

/// Lines of a tiny kernel that say nothing about a case.
const NOISE: [&str; 2] = [
    "setup_one_line failed for device",
    "Using a channel type which is configured out of UML",
];

/// What was said last.
#[derive(Clone, Debug, Default)]
pub(super) struct Console(Arc<Mutex<VecDeque<String>>>);

impl Console {
    /// Keeps the last of what is read until the end.
    pub(super) fn follow(&self, from: impl Read) {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A line without an end is taken in pieces: a kernel may say anything.
            let mut piece = from.by_ref().take(1 << 16);
            match piece.read_until(b'\n', &mut line) {
                Ok(1..) => self.keep(&String::from_utf8_lossy(&line)),
                Ok(0) | Err(_) => return,
            }
        }
    }

    fn keep(&self, line: &str) {
        let line = line.trim_end();
        if line.is_empty() || NOISE.iter().any(|noise| line.starts_with(noise)) {
            return;
        }
        let printable = line.chars().filter(|char| !char.is_control());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(printable.take(WIDTH).collect());
    }

    /// The lines, for the end of a message.
    pub(super) fn told(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return "; its console is silent".to_string();
        }
        let lines: Vec<String> = lines.iter().map(|line| format!("\n    {line}")).collect();
        format!("; its console said last:{}", lines.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_without_noise_and_control_characters() {
        let console = Console::default();
        assert_eq!(console.told(), "; its console is silent");
        let mut said = String::from("setup_one_line failed for device 3 : x\n\x1b[1mfirst\n\n");
        for number in 0..LINES {
            said.push_str(&format!("line {number}\r\n"));
        }
        console.follow(said.as_bytes());
        console.follow(&b"\xffend without a line end"[..]);
        let told = console.told();
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 1 + LINES);
        assert_eq!(lines[0], "; its console said last:");
        assert_eq!(lines[1], "    line 1");
        assert_eq!(lines[LINES], "    \u{fffd}end without a line end");
    }
}
