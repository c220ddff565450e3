//! Under which circumstances an input runs.

use super::Record;

/// How the connection begins, before the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Opening {
    /// A listener, and nobody has come yet.
    #[default]
    Listening,
    /// Nothing: every segment meets CLOSED.
    Closed,
    /// The user has connected, and nobody has answered yet.
    Connecting,
    /// A connection that the peer has opened.
    Accepted,
    /// A connection that the user has opened.
    Connected,
    /// Thousands of connections one after the other, for their initial sequence numbers, and no events.
    Census,
}

/// The code of a census: one of 256, for it takes as long as a thousand other inputs.
const CENSUS: u8 = 0xff;

/// The circumstances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// How it begins.
    pub opening: Opening,
    /// IPv6 instead of IPv4.
    pub v6: bool,
    /// The peer offers timestamps.
    pub timestamps: bool,
    /// The peer permits SACK.
    pub sack: bool,
    /// The peer's window scale; `None` if it offers none. Up to 15, one more than allowed.
    pub window_scale: Option<u8>,
    /// The peer's MSS in bytes; `None` if it tells none.
    pub mss: Option<u16>,
    /// The subject's receive buffer is so small that the window closes.
    pub small_buffer: bool,
    /// When the events are over the peer has lost all that it had not acknowledged: what it told of by
    /// selective acknowledgments has to be sent again (RFC 2018 §8).
    pub forgets: bool,
    /// The peer's ISN.
    pub isn: u32,
    /// For whatever the subject draws.
    pub seed: u16,
}

/// The first byte: inputs of another form than this will have another.
const VERSION: u8 = 1;

/// MSS values: none, usual ones, and those at borders.
const MSS: [Option<u16>; 8] = [
    None,
    Some(1460),
    Some(1000),
    Some(536),
    Some(64),
    Some(1),
    Some(0),
    Some(65_535),
];

/// ISNs: an ordinary one, and some from which numbers soon cross a border.
const ISN: [u32; 8] = [
    1_000_000,
    0,
    u32::MAX,
    u32::MAX - 100,
    u32::MAX - 3_000,
    i32::MAX as u32 - 100,
    i32::MAX as u32,
    1 << 31,
];

impl Default for Setup {
    fn default() -> Setup {
        Setup::decode([VERSION, 0, 0b0110, 0x08, 1, 0, 0, 0])
    }
}

impl Setup {
    /// Whether a setup can have this MSS.
    pub(in crate::fuzz) fn can_say_mss(mss: u16) -> bool {
        MSS.contains(&Some(mss))
    }

    /// Reads eight bytes; the version only marks the form.
    pub(in crate::fuzz) fn decode(record: Record) -> Setup {
        let [_, opening, flags, scale, codes, isn, seed @ ..] = record;
        Setup {
            opening: match opening % 8 {
                _ if opening == CENSUS => Opening::Census,
                0 => Opening::Listening,
                1 => Opening::Closed,
                2 | 3 => Opening::Connecting,
                4 | 5 => Opening::Accepted,
                _ => Opening::Connected,
            },
            v6: flags & 1 != 0,
            timestamps: flags & 2 != 0,
            sack: flags & 4 != 0,
            small_buffer: flags & 8 != 0,
            forgets: flags & 16 != 0,
            window_scale: (scale & 0x10 != 0).then_some(scale & 0x0f),
            mss: MSS[usize::from(codes & 7)],
            isn: ISN[usize::from(isn & 7)],
            seed: u16::from_le_bytes(seed),
        }
    }

    /// As eight bytes.
    pub(super) fn encode(&self) -> Record {
        let place = |index: Option<usize>| index.unwrap_or_default() as u8;
        let opening = match self.opening {
            Opening::Listening => 0,
            Opening::Closed => 1,
            Opening::Connecting => 2,
            Opening::Accepted => 4,
            Opening::Connected => 6,
            Opening::Census => CENSUS,
        };
        let flag = |is_set: bool, bit: u8| u8::from(is_set) << bit;
        let flags = flag(self.v6, 0)
            | flag(self.timestamps, 1)
            | flag(self.sack, 2)
            | flag(self.small_buffer, 3)
            | flag(self.forgets, 4);
        let [low, high] = self.seed.to_le_bytes();
        [
            VERSION,
            opening,
            flags,
            self.window_scale.map_or(0, |scale| 0x10 | scale & 0x0f),
            place(MSS.iter().position(|mss| *mss == self.mss)),
            place(ISN.iter().position(|isn| *isn == self.isn)),
            low,
            high,
        ]
    }
}
