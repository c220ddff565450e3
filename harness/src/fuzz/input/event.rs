//! One event: eight bytes.
//!
//! | byte | a segment | a call | a wait | ICMP |
//! | --- | --- | --- | --- | --- |
//! | 0 | kind | kind | kind | kind |
//! | 1 | flags as on the wire | which | unit | type and code |
//! | 2–3 | SEG.SEQ ([`Number`]) | length | how many | MTU |
//! | 4–5 | SEG.ACK ([`Number`]) | – | – | the number quoted ([`Number`]) |
//! | 6 | options | – | – | what is quoted |
//! | 7 | text and window | – | – | – |

use super::{Number, Record};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The peer sends a segment.
    Segment(Fields),
    /// The peer sends its last segment but so many once more.
    Repeat(u8),
    /// A stranger sends a segment: another port of the peer.
    Stranger(Fields),
    /// An ICMP error comes, about a segment of the subject.
    Icmp(Icmp),
    /// The user calls.
    Call(Call),
    /// Time passes.
    Wait(Wait),
}

/// A segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// CWR, ECE, URG, ACK, PSH, RST, SYN, FIN: byte 13 of the header.
    pub flags: u8,
    /// SEG.SEQ.
    pub seq: Number,
    /// SEG.ACK.
    pub ack: Number,
    /// The timestamp option, where the connection has it or not.
    pub stamp: Stamp,
    /// Selective acknowledgments of what lies behind a hole, up to three.
    pub sacks: u8,
    /// What is wrong with it, by this code: see [`Damage`](crate::fuzz::damage::Damage).
    pub damage: Option<u8>,
    /// Text.
    pub text: Text,
    /// SEG.WND.
    pub window: Window,
}

/// The timestamp option of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// As the connection has agreed, with right values.
    Right,
    /// The other way round: missing, or there without having been agreed.
    Wrong,
    /// An old TSval, as agreed.
    Old,
    /// A TSecr that was never sent, as agreed.
    Echo,
}

/// How long the text of a segment is.
pub type Text = Length;

/// A length in bytes, said by what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// No text.
    None,
    /// So many bytes.
    Bytes(u8),
    /// A full segment, as the subject's MSS has it.
    Full,
    /// One byte more than that.
    Over,
    /// All of the window.
    Window,
    /// One byte more than that.
    Beyond,
}

/// SEG.WND, as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// As the last one.
    Same,
    /// Zero.
    Zero,
    /// One.
    One,
    /// Half of the last one.
    Half,
    /// As much as a segment.
    Segment,
    /// 65,535.
    Most,
}

/// An ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Which error: see [`Error::of`](crate::fuzz::icmp::Error::of). Six of sixteen say that a segment is too big.
    pub kind: u8,
    /// The MTU it tells.
    pub mtu: u16,
    /// SEG.SEQ of the quoted segment, among the subject's.
    pub seq: Number,
    /// How much is quoted, and what is wrong with it: see [`Flaw`](crate::fuzz::icmp::Flaw). Most codes are of a good one.
    pub quote: u8,
}

impl Default for Icmp {
    /// The oldest segment is too big, and no MTU told.
    fn default() -> Icmp {
        Icmp {
            kind: 0,
            mtu: 0,
            seq: Number::UNA,
            quote: 0,
        }
    }
}

/// A user call on the connection, or the listener where it has not been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// OPEN, passive.
    Listen,
    /// OPEN, active.
    Connect,
    /// Takes the connection from the listener.
    Accept,
    /// SEND, so many bytes.
    Send(u16),
    /// RECEIVE, at most so many bytes.
    Recv(u16),
    /// Ends the stream that is sent.
    Shutdown,
    /// CLOSE.
    Close,
    /// ABORT.
    Abort,
    /// Text is sent at once from here on, or gathered again.
    NoDelay(bool),
    /// Keep-alives, or not.
    KeepAlive(bool),
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// So many milliseconds.
    Millis(u16),
    /// Until the next timer of the subject, or a second if it is not known.
    Timer,
    /// So many seconds, up to 255.
    Seconds(u8),
}

impl Event {
    /// What these bytes say.
    pub fn decode(record: Record) -> Event {
        let [kind, second, ..] = record;
        let [first, third] = [(2, 3), (4, 5)].map(|(low, high)| {
            // Both are within a record.
            u16::from_le_bytes([record[low], record[high]])
        });
        match kind {
            0..160 => Event::Segment(Fields::decode(record)),
            160..170 => Event::Repeat(second % 8),
            170..178 => Event::Stranger(Fields::decode(record)),
            178..184 => Event::Icmp(Icmp {
                kind: second,
                mtu: first,
                seq: Number::decode(third),
                quote: record[6],
            }),
            184..224 => Event::Call(Call::decode(second, first)),
            224..=255 => Event::Wait(Wait::decode(second, first)),
        }
    }

    /// Bytes that say this.
    pub fn encode(self) -> Record {
        match self {
            Event::Segment(fields) => fields.encode(0),
            Event::Repeat(back) => [160, back, 0, 0, 0, 0, 0, 0],
            Event::Stranger(fields) => fields.encode(170),
            Event::Icmp(icmp) => {
                let [mtu, seq] = [icmp.mtu, icmp.seq.encode()].map(u16::to_le_bytes);
                [
                    178, icmp.kind, mtu[0], mtu[1], seq[0], seq[1], icmp.quote, 0,
                ]
            }
            Event::Call(call) => {
                let (which, length) = call.encode();
                let [low, high] = length.to_le_bytes();
                [184, which, low, high, 0, 0, 0, 0]
            }
            Event::Wait(wait) => {
                let (unit, count) = wait.encode();
                let [low, high] = count.to_le_bytes();
                [224, unit, low, high, 0, 0, 0, 0]
            }
        }
    }
}

impl Fields {
    fn decode(record: Record) -> Fields {
        let [
            _,
            flags,
            seq_low,
            seq_high,
            ack_low,
            ack_high,
            options,
            rest,
        ] = record;
        Fields {
            flags,
            seq: Number::decode(u16::from_le_bytes([seq_low, seq_high])),
            ack: Number::decode(u16::from_le_bytes([ack_low, ack_high])),
            stamp: match options >> 5 {
                0..=4 => Stamp::Right,
                5 => Stamp::Wrong,
                6 => Stamp::Old,
                _ => Stamp::Echo,
            },
            sacks: options >> 3 & 3,
            damage: (options & 7 == 7).then_some(rest),
            text: match rest & 0x0f {
                0..=5 => Length::None,
                short @ 6..=9 => Length::Bytes([1, 2, 10, 100][usize::from(short - 6)]),
                10 | 11 => Length::Full,
                12 => Length::Over,
                13 => Length::Window,
                14 => Length::Beyond,
                _ => Length::Bytes(255),
            },
            window: match rest >> 4 {
                0..=9 => Window::Same,
                10 => Window::Zero,
                11 => Window::One,
                12 => Window::Half,
                13 => Window::Segment,
                _ => Window::Most,
            },
        }
    }

    fn encode(self, kind: u8) -> Record {
        let [seq, ack] = [self.seq, self.ack].map(|number| number.encode().to_le_bytes());
        let stamp = match self.stamp {
            Stamp::Right => 0,
            Stamp::Wrong => 5,
            Stamp::Old => 6,
            Stamp::Echo => 7,
        };
        let text = match self.text {
            Length::None => 0,
            Length::Bytes(0..=1) => 6,
            Length::Bytes(2..=9) => 7,
            Length::Bytes(10..=99) => 8,
            Length::Bytes(100..=254) => 9,
            Length::Bytes(255) => 15,
            Length::Full => 10,
            Length::Over => 12,
            Length::Window => 13,
            Length::Beyond => 14,
        };
        let window = match self.window {
            Window::Same => 0,
            Window::Zero => 10,
            Window::One => 11,
            Window::Half => 12,
            Window::Segment => 13,
            Window::Most => 14,
        };
        let options = stamp << 5 | (self.sacks & 3) << 3;
        let (options, rest) = match self.damage {
            None => (options, window << 4 | text),
            Some(code) => (options | 7, code),
        };
        [
            kind, self.flags, seq[0], seq[1], ack[0], ack[1], options, rest,
        ]
    }
}

impl Call {
    fn decode(which: u8, length: u16) -> Call {
        match which % 20 {
            0 => Call::Listen,
            1 => Call::Connect,
            2 | 3 => Call::Accept,
            4..=7 => Call::Send(length),
            8..=12 => Call::Recv(length),
            13 => Call::Shutdown,
            14 | 15 => Call::Close,
            16 => Call::Abort,
            17 => Call::NoDelay(length & 1 != 0),
            18 => Call::KeepAlive(length & 1 != 0),
            // Whatever there is.
            _ => Call::Recv(u16::MAX),
        }
    }

    fn encode(self) -> (u8, u16) {
        match self {
            Call::Listen => (0, 0),
            Call::Connect => (1, 0),
            Call::Accept => (2, 0),
            Call::Send(length) => (4, length),
            Call::Recv(length) => (8, length),
            Call::Shutdown => (13, 0),
            Call::Close => (14, 0),
            Call::Abort => (16, 0),
            Call::NoDelay(is_on) => (17, is_on.into()),
            Call::KeepAlive(is_on) => (18, is_on.into()),
        }
    }
}

impl Wait {
    fn decode(unit: u8, count: u16) -> Wait {
        match unit % 4 {
            0 | 1 => Wait::Timer,
            2 => Wait::Millis(count),
            _ => Wait::Seconds(count.to_le_bytes()[0]),
        }
    }

    fn encode(self) -> (u8, u16) {
        match self {
            Wait::Timer => (0, 0),
            Wait::Millis(count) => (2, count),
            Wait::Seconds(count) => (3, count.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Reading is total, and what was read is written so that it is read again.
        #[test]
        fn every_record_is_an_event_that_comes_back(record: Record) {
            let event = Event::decode(record);
            prop_assert_eq!(Event::decode(event.encode()), event);
        }
    }
}
