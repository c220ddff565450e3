//! How a connection gets into each state, as lines of a script.

use std::fmt::Write;

use super::standing::{PEER_WINDOW, WINDOW};
use crate::specification::State;

/// What is announced with each segment that the peer sends.
const WIN: u32 = PEER_WINDOW;
/// For how long an acknowledgment may be delayed.
pub(super) const SOON: &str = "+0~+.25";

/// A script that is being written.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) text: String,
    /// Stands behind each line that is to be told apart from all others.
    pub(super) tag: String,
}

impl Lines {
    /// A line that is due at once.
    pub(super) fn now(&mut self, what: &str) {
        self.at("+0", what);
    }

    /// A line.
    pub(super) fn at(&mut self, time: &str, what: &str) {
        // A string takes no write error.
        let _ = writeln!(self.text, "{time} {what}");
    }

    /// A line that known deviations can name: no other line of the script has its text.
    pub(super) fn step(&mut self, time: &str, what: &str, label: &str) {
        let tag = &self.tag;
        let _ = writeln!(self.text, "{time} {what} // {label}{tag}");
    }

    /// The socket that listens.
    pub(super) fn listen(&mut self) {
        self.at(" 0", "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3");
        self.now("fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
        self.clamp(3);
        self.now("bind(3, ..., ...) = 0");
        self.now("listen(3, 5) = 0");
    }

    /// Brings a connection into a state.
    pub(super) fn reach(&mut self, state: State) {
        match state {
            State::Closed => {}
            State::Listen => self.listen(),
            State::SynSent => self.connect(),
            State::SynReceived => self.half_open(),
            State::SynReceivedActive => {
                self.connect();
                self.now(&format!("< S 0:0(0) win {WIN} <mss 1000>"));
                self.now("> S. 0:0(0) ack 1 <...>");
            }
            State::Established => self.establish(),
            State::FinWait1 => {
                self.establish();
                self.shut("F. 201:201(0) ack 1");
            }
            State::FinWait2 => {
                self.reach(State::FinWait1);
                self.now(&format!("< . 1:1(0) ack 202 win {WIN}"));
            }
            State::CloseWait => {
                self.establish();
                self.fin(151, "201:201(0)");
            }
            State::Closing => {
                self.reach(State::FinWait1);
                self.fin(151, "202:202(0)");
            }
            State::LastAck => {
                self.reach(State::CloseWait);
                self.shut("F. 201:201(0) ack 2");
            }
            State::TimeWait => {
                self.reach(State::FinWait2);
                self.fin(202, "202:202(0)");
            }
        }
    }

    fn connect(&mut self) {
        self.at(" 0", "socket(..., SOCK_STREAM, IPPROTO_TCP) = 4");
        self.now("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
        self.clamp(4);
        self.now("connect(4, ..., ...) = -1 EINPROGRESS (Operation now in progress)");
        self.now(&format!("> S 0:0(0) win {WINDOW} <...>"));
    }

    fn half_open(&mut self) {
        self.listen();
        self.now(&format!("< S 0:0(0) win {WIN} <mss 1000>"));
        self.now(&format!("> S. 0:0(0) ack 1 win {WINDOW} <...>"));
    }

    /// Bytes up to 151 are acknowledged, up to 201 they are on their way.
    fn establish(&mut self) {
        self.half_open();
        self.now(&format!("< . 1:1(0) ack 1 win {WIN}"));
        self.now("accept(3, ..., ...) = 4");
        self.now("write(4, ..., 200) = 200");
        self.now("> * 1:101(100) ack 1");
        self.now(&format!("< . 1:1(0) ack 101 win {WIN}"));
        self.now("> P. 101:201(100) ack 1");
        self.now(&format!("< . 1:1(0) ack 151 win {WIN}"));
    }

    fn shut(&mut self, fin: &str) {
        self.now("shutdown(4, SHUT_WR) = 0");
        self.now(&format!("> {fin}"));
    }

    /// The peer's FIN. How far the window reaches now depends on the stack.
    fn fin(&mut self, ack: u32, answer: &str) {
        self.now(&format!("< F. 1:1(0) ack {ack} win {WIN}"));
        let (least, most) = (WINDOW - 1, WINDOW);
        self.at(SOON, &format!("> . {answer} ack 2 win {least}..{most}"));
    }

    /// Makes a socket offer the family's window.
    fn clamp(&mut self, fd: u32) {
        let value = format!("[{WINDOW}], 4");
        self.now(&format!(
            "setsockopt({fd}, SOL_TCP, TCP_WINDOW_CLAMP, {value}) = 0"
        ));
    }
}
