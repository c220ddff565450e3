//! What is fuzzed: a stack with one address, as far as this has to know it.

use std::net::IpAddr;

use super::input::Call;
use super::segment::Ends;

/// Timers that may fire within one wait, far more than any stack has.
const MOST_TIMERS: usize = 10_000;

/// Microseconds since the subject was switched on.
pub type Micros = u64;

/// A state of RFC 9293 §3.3.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum State {
    Closed,
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
}

impl State {
    /// All of them.
    pub const ALL: [State; 11] = [
        State::Closed,
        State::Listen,
        State::SynSent,
        State::SynReceived,
        State::Established,
        State::FinWait1,
        State::FinWait2,
        State::CloseWait,
        State::Closing,
        State::LastAck,
        State::TimeWait,
    ];

    /// As the RFC writes it.
    pub fn name(self) -> &'static str {
        match self {
            State::Closed => "CLOSED",
            State::Listen => "LISTEN",
            State::SynSent => "SYN-SENT",
            State::SynReceived => "SYN-RECEIVED",
            State::Established => "ESTABLISHED",
            State::FinWait1 => "FIN-WAIT-1",
            State::FinWait2 => "FIN-WAIT-2",
            State::CloseWait => "CLOSE-WAIT",
            State::Closing => "CLOSING",
            State::LastAck => "LAST-ACK",
            State::TimeWait => "TIME-WAIT",
        }
    }
}

/// What a user call gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It did what it should.
    Done,
    /// So many bytes were taken, or delivered.
    Bytes(usize),
    /// The stream has ended.
    End,
    /// It was refused, or there was nothing to do it to.
    Refused,
}

/// How a subject is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Both ends.
    pub ends: Ends,
    /// Bytes of the receive buffer; `None`: as the stack has it.
    pub receive_buffer: Option<u32>,
    /// For whatever it draws.
    pub seed: u64,
}

/// A stack under test. It does nothing by itself: after each of these functions all that it has to say
/// is taken by [`Subject::next_packet`].
pub trait Subject {
    /// A new host; what was before is forgotten.
    fn restart(&mut self, plan: &Plan);

    /// The clock.
    fn now(&self) -> Micros;

    /// A datagram arrives.
    fn receive(&mut self, datagram: &[u8]);

    /// The user calls. What is sent is text of `text`; what is received is written to `into`.
    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer;

    /// When the next timer is due; `None` if none runs, or it is not known.
    fn deadline(&self) -> Option<Micros>;

    /// Moves the clock and fires what is due then.
    fn advance(&mut self, to: Micros);

    /// The oldest packet that it has sent and that was not taken yet, into `datagram`.
    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool;

    /// The next packet, if it is sent by this time; the clock then stands where it was sent, and otherwise there.
    fn next_packet_by(&mut self, until: Micros, datagram: &mut Vec<u8>) -> bool {
        for _ in 0..MOST_TIMERS {
            if self.next_packet(datagram) {
                return true;
            }
            match self.deadline().filter(|due| *due <= until) {
                Some(due) => self.advance(due),
                None => break,
            }
        }
        self.advance(until);
        self.next_packet(datagram)
    }

    /// The state of the connection with the peer, if it tells.
    fn state(&self) -> Option<State>;

    /// Whether the user's socket is that connection, and not an older one; `None` if it does not tell.
    fn is_users(&self) -> Option<bool> {
        None
    }

    /// Looks at itself.
    ///
    /// # Errors
    /// What does not hold.
    fn check(&self) -> Result<(), String>;

    /// Whether time is the world's: it passes by itself, packets come by themselves, and waits may be shorter than
    /// they are asked to be.
    fn is_live(&self) -> bool {
        false
    }

    /// Whether ICMP errors are a matter of this stack's, which tells its state; otherwise none comes.
    fn takes_errors(&self) -> bool {
        false
    }

    /// Bytes of memory that the host holds for its connections and what it remembers of others, if it tells.
    fn memory(&self) -> Option<usize> {
        None
    }
}

/// Addresses of the two ends.
pub fn ends(v6: bool) -> Ends {
    let address = |last: u8| -> IpAddr {
        match v6 {
            true => [0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()].into(),
            false => [192, 0, 2, last].into(),
        }
    };
    Ends {
        peer: (address(2), 40_000),
        subject: (address(1), 80),
    }
}
