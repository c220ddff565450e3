//! A word as a packetdrill script: what a stack says to it.
//!
//! Only what an output tells is compared: flags, numbers, whether there is text, and that nothing is sent where nothing
//! was. When something comes is as free as it is for the learner, and so are windows and options.

use std::cell::RefCell;
use std::fmt::Write;

use super::alphabet::{Action, Symbol};
use super::concrete::Concrete;
use super::settings::SETTINGS;
use super::system::System;
use crate::fuzz::input::{Call, Setup};
use crate::fuzz::play::Witness;
use crate::fuzz::script::{Step, Writer};
use crate::fuzz::subject::{Answer, Micros, Subject};

/// How late the answer to text may be on a stack as it is: it is learned with acknowledgments that are not delayed. RFC 9293
/// §3.8.6.3 allows half a second, and no stack here takes more than 200 ms.
const PATIENCE: Micros = 250_000;

/// What calls say that are refused; which of them it is, only a run can tell.
pub const ERRORS: [&str; 10] = [
    "EAGAIN",
    "EPIPE",
    "ENOTCONN",
    "ECONNRESET",
    "EISCONN",
    "ECONNREFUSED",
    "ETIMEDOUT",
    "EINVAL",
    "ECONNABORTED",
    "EBADF",
];

/// Stands for the error of a call that was refused. No script can have it.
const ERROR: &str = "\u{f8fe}";

/// Times so close together are the same in a script, which the learner plays as well with a moment of a millisecond.
const CLOSE: Micros = 10_000;

/// What has happened since it was last looked at, and when.
#[derive(Debug, Default)]
struct Notes(RefCell<Vec<(Micros, Step)>>);

impl Notes {
    fn add(&self, at: Micros, step: Step) {
        self.0.borrow_mut().push((at, step));
    }
}

impl Witness for &Notes {
    fn arrived(&mut self, at: Micros, datagram: &[u8]) {
        self.add(at, Step::Arrived(datagram.to_vec()));
    }

    fn sent(&mut self, at: Micros, datagram: &[u8]) {
        self.add(at, Step::Sent(datagram.to_vec()));
    }

    fn called(&mut self, at: Micros, call: Call, answer: Answer) {
        self.add(at, Step::Called(call, answer));
    }
}

/// A script that may have to be told what some refused calls say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft(String);

impl Draft {
    /// The script as far as it is known, if all of it is.
    pub fn whole(&self) -> Option<&str> {
        (!self.0.contains(ERROR)).then_some(&self.0)
    }

    /// With this error in the first place that has none yet. What stands behind it is cut off: it cannot be tried yet.
    pub fn with(&self, error: &str) -> (Draft, String) {
        let next = Draft(self.0.replacen(ERROR, error, 1));
        let tried = match next.0.find(ERROR) {
            Some(place) => next.0[..next.0[..place].rfind('\n').unwrap_or(0)].to_owned() + "\n",
            None => next.0.clone(),
        };
        (next, tried)
    }
}

/// Plays these inputs on a stack, with a moment after each, and writes down what it says; `title` and `why` stand in the
/// head.
///
/// # Errors
/// If the machine that it runs on fails.
pub fn script<S: Subject>(
    subject: &mut S,
    word: &[Symbol],
    moment: Micros,
    title: &str,
    why: &str,
) -> Result<Draft, String> {
    let notes = Notes::default();
    let mut witness = &notes;
    let mut system = Concrete::new(subject, &mut witness, word, moment);
    system.reset()?;
    let mut lines = Lines {
        text: head(title, why),
        writer: Writer::loose(&Setup::default()),
        moment,
        at: 0,
    };
    for (index, symbol) in word.iter().enumerate() {
        let mut output = String::new();
        system.step(index, &mut output)?;
        let steps = notes.0.take();
        let _ = writeln!(lines.text, "\n// {}: {output}", symbol.name);
        lines.write(symbol, &steps);
    }
    Ok(Draft(lines.text))
}

fn head(title: &str, why: &str) -> String {
    let mut text = format!("// title: {title}\n// why: {why}\n\n--ip_version=ipv4\n\n");
    let line = |settings: &[(&str, &str)]| {
        let settings: Vec<String> = (settings.iter())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        format!("+0 `sysctl -q {}`\n", settings.join(" "))
    };
    let is_linux = |(name, _): &(&str, &str)| *name == "net.ipv4.tcp_orphan_retries";
    let (linux, all): (Vec<_>, Vec<_>) = SETTINGS.iter().partition(|setting| is_linux(setting));
    let _ = write!(
        text,
        "#if target != smoltcp\n{}#endif\n#if target == linux\n{}#endif\n",
        line(&all),
        line(&linux)
    );
    text
}

/// A script as far as it is written.
struct Lines {
    text: String,
    writer: Writer,
    /// What passes after every input.
    moment: Micros,
    /// Up to when the script has come, by the stack's clock.
    at: Micros,
}

impl Lines {
    /// Lines of one input: what is done, what comes of it, and that nothing else does.
    fn write(&mut self, symbol: &Symbol, steps: &[(Micros, Step)]) {
        let patience = PATIENCE.max(self.moment);
        let (patience, silence) = match symbol.action {
            Action::Wait(length) => (length, length),
            Action::Segment(fields) if fields.text != crate::fuzz::input::Length::None => {
                (patience, patience)
            }
            Action::Fin => (patience, patience),
            Action::Segment(_) | Action::AllButFin | Action::Call(_) => (self.moment, self.moment),
        };
        let mut says = false;
        for (at, step) in steps {
            let lines = match step {
                Step::Called(call, Answer::Refused) => refused(&self.writer, *call),
                _ => self.writer.lines(step),
            };
            let gap = at.saturating_sub(self.at);
            let time = match step {
                Step::Sent(_) if !says || gap > CLOSE => {
                    format!("+0~+{}", seconds(patience.max(gap)))
                }
                Step::Arrived(_) | Step::Called(..) if gap > CLOSE => format!("+{}", seconds(gap)),
                _ => "+0".to_owned(),
            };
            if !lines.is_empty() {
                self.at = self.at.max(*at);
            }
            for (number, line) in lines.iter().enumerate() {
                let time = if number == 0 { time.as_str() } else { "+0" };
                let _ = writeln!(self.text, "{time:<8} {line}");
            }
            says |= matches!(step, Step::Sent(_));
        }
        if !says {
            let _ = writeln!(self.text, "+0~+{} > nothing", seconds(silence));
            self.at += silence;
        }
    }
}

fn seconds(length: Micros) -> String {
    format!("{}", length as f64 / 1e6)
}

/// A call that was refused by the stack; nobody calls where there is no descriptor.
fn refused(writer: &Writer, call: Call) -> Vec<String> {
    let Some(fd) = writer.connection() else {
        return Vec::new();
    };
    let line = match call {
        Call::Send(length) => format!("write({fd}, ..., {length}) = -1 {ERROR}"),
        Call::Recv(most) => format!("read({fd}, ..., {most}) = -1 {ERROR}"),
        Call::Shutdown => format!("shutdown({fd}, SHUT_WR) = -1 {ERROR}"),
        _ => return Vec::new(),
    };
    vec![line]
}
