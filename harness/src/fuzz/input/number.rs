//! Sequence numbers of events: relative to what was really said.

/// What a number is counted from. Of SEG.SEQ, `Next` and its like are the peer's; of SEG.ACK, the
/// subject's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// The number behind the last one sent.
    Next,
    /// The first one not acknowledged.
    Una,
    /// The one of the SYN.
    First,
    /// The one behind the window that was last offered.
    Edge,
    /// The one behind the largest window that was offered.
    OldEdge,
    /// A little more than half the sequence space behind `Una`: just before what can be before it.
    HalfTurn,
    /// Zero: the number itself.
    Zero,
    /// So far behind `Una` as a segment is long.
    Segment,
}

impl Anchor {
    pub(in crate::fuzz) const ALL: [Anchor; 8] = [
        Anchor::Next,
        Anchor::Una,
        Anchor::First,
        Anchor::Edge,
        Anchor::OldEdge,
        Anchor::HalfTurn,
        Anchor::Zero,
        Anchor::Segment,
    ];
}

/// A sequence number as an event says it: three bits of anchor, thirteen of offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number {
    /// What it is counted from.
    pub anchor: Anchor,
    /// How far behind that, −4096 to 4095.
    pub offset: i16,
}

impl Number {
    /// The next one.
    pub const NEXT: Number = Number {
        anchor: Anchor::Next,
        offset: 0,
    };

    /// The first one not acknowledged.
    pub const UNA: Number = Number {
        anchor: Anchor::Una,
        offset: 0,
    };

    pub(in crate::fuzz) fn decode(code: u16) -> Number {
        Number {
            anchor: Anchor::ALL[usize::from(code >> 13)],
            // The upper three bits go, the sign of the others is spread over them.
            offset: (code << 3).cast_signed() >> 3,
        }
    }

    /// As an event has it; an offset out of range is brought into it.
    pub fn encode(self) -> u16 {
        let place = Anchor::ALL.iter().position(|anchor| *anchor == self.anchor);
        let anchor = (place.unwrap_or_default() as u16) << 13;
        anchor | (self.offset.clamp(-4096, 4095).cast_unsigned() & 0x1fff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_number_and_comes_back() {
        for code in 0..=u16::MAX {
            assert_eq!(Number::decode(code).encode(), code);
        }
        assert_eq!(Number::decode(0), Number::NEXT);
        assert_eq!(Number::decode(0x1fff).offset, -1);
    }
}
