//! TCP options (RFC 9293 §3.1, RFC 7323, RFC 2018, RFC 7413, RFC 2385, RFC 5482, RFC 9768).
//!
//! Reading never fails. End-of-list ends it, unknown kinds are stepped over, and at the first
//! length that cannot be right reading stops and what was read so far counts, as in today's
//! stacks: resetting the connection instead would let anybody outside the window reset it.

use super::accecn::{ACCECN0, ACCECN1, AccEcnOption};
use super::fast_open::{EXPERIMENT, FAST_OPEN, FastOpenOption};
use super::read::{u16_at, u32_at};
use super::signature::{SIGNATURE, SIGNATURE_LEN, Signature};
use super::user_timeout::{USER_TIMEOUT, UserTimeout};
use crate::seq::{SeqNum, SeqRange};
use crate::window::{Mss, WindowScale};
use alloc::vec::Vec;

const END_OF_LIST: u8 = 0;
const NO_OPERATION: u8 = 1;
const MSS: u8 = 2;
const WINDOW_SCALE: u8 = 3;
const SACK_PERMITTED: u8 = 4;
const SACK: u8 = 5;
const TIMESTAMPS: u8 = 8;

/// Bytes that the user timeout takes of a header.
const USER_TIMEOUT_LEN: usize = 4;

/// Two NOPs, kind and length of timestamps: what is read and written most.
pub(super) const ALIGNED_TIMESTAMPS: u32 =
    u32::from_be_bytes([NO_OPERATION, NO_OPERATION, TIMESTAMPS, 10]);
/// The most bytes of options that a header can hold.
pub const MAX_OPTIONS_LEN: usize = 40;

/// The value and the echo of the timestamps option (RFC 7323 §3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Timestamps {
    /// TSval: the sender's timestamp clock.
    pub value: u32,
    /// TSecr: the latest value heard from the other side.
    pub echo: u32,
}

/// Up to four blocks of received data, most recent first (RFC 2018 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlocks {
    blocks: [SeqRange; SackBlocks::MAX],
    len: usize,
}

impl SackBlocks {
    /// The most blocks that fit into a header without other options.
    pub const MAX: usize = 4;

    /// No blocks.
    pub const EMPTY: SackBlocks = SackBlocks {
        blocks: [SeqRange::new(SeqNum::new(0), SeqNum::new(0)); SackBlocks::MAX],
        len: 0,
    };

    /// Appends `block`; false, and nothing changes, when there are four already.
    pub const fn push(&mut self, block: SeqRange) -> bool {
        if self.len == SackBlocks::MAX {
            return false;
        }
        self.blocks[self.len] = block;
        self.len += 1;
        true
    }

    /// The blocks in wire order.
    pub fn as_slice(&self) -> &[SeqRange] {
        &self.blocks[..self.len]
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl FromIterator<SeqRange> for SackBlocks {
    /// The first four.
    fn from_iter<I: IntoIterator<Item = SeqRange>>(iter: I) -> SackBlocks {
        let mut blocks = SackBlocks::EMPTY;
        for block in iter.into_iter().take(SackBlocks::MAX) {
            blocks.push(block);
        }
        blocks
    }
}

/// What was odd about the options of a received header; only the first oddity is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptionNote {
    /// A kind without the length byte that it must have; reading stopped there.
    LengthMissing {
        /// The option's kind.
        kind: u8,
    },
    /// A length of 0 or 1; reading stopped there.
    LengthTooSmall {
        /// The option's kind.
        kind: u8,
        /// The length byte.
        len: u8,
    },
    /// A length that runs past the header; reading stopped there.
    LengthOverrun {
        /// The option's kind.
        kind: u8,
        /// The length byte.
        len: u8,
    },
    /// A known kind with a length it cannot have; it was stepped over.
    LengthUnexpected {
        /// The option's kind.
        kind: u8,
        /// The length byte.
        len: u8,
    },
    /// A window scale above 14, taken as 14 (RFC 7323 §2.3).
    WindowScaleTooLarge {
        /// The shift on the wire.
        shift: u8,
    },
}

/// The options of one header. Of an option that comes twice the last one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpOptions {
    /// Maximum segment size; meaningful with SYN only.
    pub mss: Option<Mss>,
    /// Window scale; meaningful with SYN only.
    pub window_scale: Option<WindowScale>,
    /// SACK permitted; meaningful with SYN only.
    pub sack_permitted: bool,
    /// SACK blocks.
    pub sack: SackBlocks,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Fast Open; meaningful with SYN only.
    pub fast_open: Option<FastOpenOption>,
    /// AccECN counters (RFC 9768 §3.2.3); never on a SYN.
    pub accecn: Option<AccEcnOption>,
    /// User timeout of the sender.
    pub user_timeout: Option<UserTimeout>,
    /// MD5 signature.
    pub signature: Option<Signature>,
    /// What was odd about received options; ignored when sending.
    pub note: Option<OptionNote>,
}

impl TcpOptions {
    /// No options.
    pub const NONE: TcpOptions = TcpOptions {
        mss: None,
        window_scale: None,
        sack_permitted: false,
        sack: SackBlocks::EMPTY,
        timestamps: None,
        fast_open: None,
        accecn: None,
        user_timeout: None,
        signature: None,
        note: None,
    };

    /// Reads the bytes between the fixed header and the payload.
    #[inline]
    pub fn parse(bytes: &[u8]) -> TcpOptions {
        // Nearly every segment has these, aligned as RFC 7323 appendix A suggests.
        if let Ok(bytes) = <&[u8; 12]>::try_from(bytes)
            && u32_at(bytes, 0) == Some(ALIGNED_TIMESTAMPS)
        {
            let timestamps = u32_at(bytes, 4).zip(u32_at(bytes, 8));
            return TcpOptions {
                timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
                ..TcpOptions::NONE
            };
        }
        if let Ok(bytes) = <&[u8; 20]>::try_from(bytes)
            && let Some(options) = TcpOptions::parse_usual_syn(bytes)
        {
            return options;
        }
        TcpOptions::parse_any(bytes)
    }

    /// Nearly every SYN has these four, in this order.
    #[inline]
    fn parse_usual_syn(bytes: &[u8; 20]) -> Option<TcpOptions> {
        let &[MSS, 4, high, low, ref rest @ ..] = bytes else {
            return None;
        };
        let &[SACK_PERMITTED, 2, TIMESTAMPS, 10, ref rest @ ..] = rest else {
            return None;
        };
        let (timestamps, &[NO_OPERATION, WINDOW_SCALE, 3, shift]) =
            rest.split_first_chunk::<8>()?
        else {
            return None;
        };
        let scale = WindowScale::new(shift);
        if scale.shift() != shift {
            return None;
        }
        let timestamps = u32_at(timestamps, 0).zip(u32_at(timestamps, 4));
        Some(TcpOptions {
            mss: Some(Mss::new(u16::from_be_bytes([high, low]))),
            window_scale: Some(scale),
            sack_permitted: true,
            timestamps: timestamps.map(|(value, echo)| Timestamps { value, echo }),
            ..TcpOptions::NONE
        })
    }

    fn parse_any(bytes: &[u8]) -> TcpOptions {
        let mut options = TcpOptions::NONE;
        let mut rest = bytes;
        // Every turn consumes at least one byte.
        loop {
            rest = match rest {
                // What SYNs are made of, with the lengths it must have.
                &[MSS, 4, high, low, ref tail @ ..] => {
                    options.mss = Some(Mss::new(u16::from_be_bytes([high, low])));
                    tail
                }
                [NO_OPERATION, tail @ ..] => tail,
                [SACK_PERMITTED, 2, tail @ ..] => {
                    options.sack_permitted = true;
                    tail
                }
                // REQ: RFC9293-MUST-4
                [] | [END_OF_LIST, ..] => break,
                // REQ: RFC9293-MUST-68
                &[kind] => {
                    options.take_note(OptionNote::LengthMissing { kind });
                    break;
                }
                // REQ: RFC9293-MUST-7
                &[kind, len @ (0 | 1), ..] => {
                    options.take_note(OptionNote::LengthTooSmall { kind, len });
                    break;
                }
                &[kind, len, ..] => {
                    let Some((option, tail)) = rest.split_at_checked(usize::from(len)) else {
                        options.take_note(OptionNote::LengthOverrun { kind, len });
                        break;
                    };
                    options.take_option(kind, len, &option[2..]);
                    tail
                }
            };
        }
        options
    }

    fn take_note(&mut self, note: OptionNote) {
        self.note.get_or_insert(note);
    }

    /// Takes over one option; `value` is what follows its length byte.
    #[inline]
    fn take_option(&mut self, kind: u8, len: u8, value: &[u8]) {
        match (kind, value.len()) {
            (WINDOW_SCALE, 1) => {
                let shift = value[0];
                let scale = WindowScale::new(shift);
                if scale.shift() != shift {
                    self.take_note(OptionNote::WindowScaleTooLarge { shift });
                }
                self.window_scale = Some(scale);
            }
            (SACK, 8 | 16 | 24 | 32) => self.sack = parse_sack(value),
            (TIMESTAMPS, 8) => {
                self.timestamps = u32_at(value, 0)
                    .zip(u32_at(value, 4))
                    .map(|(value, echo)| Timestamps { value, echo });
            }
            // REQ: RFC5482-2
            (USER_TIMEOUT, 2) => self.user_timeout = u16_at(value, 0).and_then(UserTimeout::new),
            (SIGNATURE, 16) => self.signature = Signature::read(value),
            (
                MSS | WINDOW_SCALE | SACK_PERMITTED | SACK | TIMESTAMPS | USER_TIMEOUT | SIGNATURE,
                _,
            ) => {
                self.take_note(OptionNote::LengthUnexpected { kind, len });
            }
            // REQ: RFC7413-2
            (FAST_OPEN | EXPERIMENT, _) => match FastOpenOption::read(kind, value) {
                Ok(Some(option)) => self.fast_open = Some(option),
                Ok(None) => {}
                Err(()) => self.take_note(OptionNote::LengthUnexpected { kind, len }),
            },
            (ACCECN0 | ACCECN1, _) => self.accecn = AccEcnOption::read(kind, value),
            // REQ: RFC9293-MUST-6
            (_, _) => {}
        }
    }

    /// The words of the options if these are timestamps and nothing else, as in nearly every segment.
    #[inline]
    pub(super) fn lone_timestamps(&self) -> Option<[u32; 3]> {
        let TcpOptions {
            mss: None,
            window_scale: None,
            sack_permitted: false,
            sack,
            timestamps: Some(Timestamps { value, echo }),
            fast_open: None,
            accecn: None,
            user_timeout: None,
            signature: None,
            note: _,
        } = self
        else {
            return None;
        };
        sack.is_empty()
            .then_some([ALIGNED_TIMESTAMPS, *value, *echo])
    }

    /// How many SACK blocks fit beside the other options: 4, or 3 with timestamps, or 2 with a
    /// signature, or none with both.
    pub fn sack_capacity(&self) -> usize {
        let room = MAX_OPTIONS_LEN.saturating_sub(self.fixed_len());
        match self.fitting_accecn() {
            None => (room.saturating_sub(4) / 8).min(SackBlocks::MAX),
            Some(accecn) => (1..=SackBlocks::MAX)
                .rev()
                .find(|blocks| tail_len(Some(accecn), *blocks) <= room)
                .unwrap_or(0),
        }
    }

    /// Bytes that the AccECN option may take, padding included, if `blocks` SACK blocks are to have
    /// their place.
    pub fn accecn_room(&self, blocks: usize) -> usize {
        let room = MAX_OPTIONS_LEN.saturating_sub(self.fixed_len());
        match blocks {
            0 => room,
            // One that leaves two bytes of padding shares them with the SACK option.
            blocks => room.saturating_sub(2 + 8 * blocks),
        }
    }

    /// Bytes that [`emit`](Self::emit) appends: a multiple of 4, at most 40.
    pub fn len(&self) -> usize {
        let blocks = match self.sack.len() {
            0 => 0,
            blocks => blocks.min(self.sack_capacity()),
        };
        self.fixed_len() + tail_len(self.fitting_accecn(), blocks)
    }

    /// Bytes of everything but the AccECN option and SACK blocks: 40 at most.
    fn fixed_len(&self) -> usize {
        self.len_without_extras()
            + self.fitting_fast_open().map_or(0, |option| option.len())
            + self.fitting_user_timeout().map_or(0, |_| USER_TIMEOUT_LEN)
    }

    /// What there is always room for: 40 bytes at most.
    fn len_without_extras(&self) -> usize {
        let timestamps = if self.timestamps.is_some() { 12 } else { 0 };
        let signature = if self.signature.is_some() {
            SIGNATURE_LEN
        } else {
            0
        };
        let lone_sack_permitted = self.sack_permitted && self.timestamps.is_none();
        4 * usize::from(self.mss.is_some())
            + signature
            + timestamps
            + 4 * usize::from(lone_sack_permitted)
            + 4 * usize::from(self.window_scale.is_some())
    }

    /// The AccECN option, if there is any room for it.
    fn fitting_accecn(&self) -> Option<AccEcnOption> {
        let fits = |accecn: &AccEcnOption| {
            self.fixed_len() + tail_len(Some(*accecn), 0) <= MAX_OPTIONS_LEN
        };
        self.accecn.filter(fits)
    }

    /// Fast Open, if it fits beside the others.
    pub fn fitting_fast_open(&self) -> Option<FastOpenOption> {
        let room = MAX_OPTIONS_LEN - self.len_without_extras();
        self.fast_open.filter(|option| option.len() <= room)
    }

    /// The user timeout, if it fits beside all others but the AccECN option and SACK blocks.
    pub fn fitting_user_timeout(&self) -> Option<UserTimeout> {
        let fast_open = self.fitting_fast_open().map_or(0, |option| option.len());
        let room = MAX_OPTIONS_LEN - self.len_without_extras() - fast_open;
        self.user_timeout.filter(|_| USER_TIMEOUT_LEN <= room)
    }

    /// Adds the user timeout, if that leaves all the others their place.
    pub fn add_user_timeout(&mut self, timeout: UserTimeout) {
        if self.len() + USER_TIMEOUT_LEN <= MAX_OPTIONS_LEN {
            self.user_timeout = Some(timeout);
        }
    }

    /// True when there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends the options in the order and with the padding that Linux uses, so that traces look
    /// alike. What does not fit is left out: the last SACK blocks, then the user timeout, then Fast Open.
    // REQ: RFC9293-MUST-69
    pub fn emit(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if let Some(signature) = &self.signature {
            out.extend_from_slice(&[NO_OPERATION, NO_OPERATION, SIGNATURE, 18]);
            out.extend_from_slice(&signature.digest);
        }
        if let Some(mss) = self.mss {
            out.extend_from_slice(&[MSS, 4]);
            out.extend_from_slice(&mss.raw().to_be_bytes());
        }
        let blocks = self.sack.len().min(self.sack_capacity());
        let accecn = self.fitting_accecn();
        if let Some(Timestamps { value, echo }) = self.timestamps {
            out.extend_from_slice(match self.sack_permitted {
                true => &[SACK_PERMITTED, 2],
                false => &[NO_OPERATION, NO_OPERATION],
            });
            out.extend_from_slice(&[TIMESTAMPS, 10]);
            out.extend_from_slice(&value.to_be_bytes());
            out.extend_from_slice(&echo.to_be_bytes());
        }
        if let Some(accecn) = accecn.filter(|_| blocks == 0) {
            accecn.write(out);
            pad(out, accecn.len().next_multiple_of(4) - accecn.len());
        }
        if self.sack_permitted && self.timestamps.is_none() {
            out.extend_from_slice(&[NO_OPERATION, NO_OPERATION, SACK_PERMITTED, 2]);
        }
        if let Some(scale) = self.window_scale {
            out.extend_from_slice(&[NO_OPERATION, WINDOW_SCALE, 3, scale.shift()]);
        }
        if let Some(timeout) = self.fitting_user_timeout() {
            out.extend_from_slice(&[USER_TIMEOUT, 4]);
            out.extend_from_slice(&timeout.raw().to_be_bytes());
        }
        if let Some(option) = self.fitting_fast_open() {
            option.write(NO_OPERATION, out);
        }
        if blocks > 0 {
            let len = 2 + 8 * blocks;
            if let Some(accecn) = accecn {
                accecn.write(out);
            }
            let written = accecn.map_or(0, |accecn| accecn.len()) + len;
            pad(out, written.next_multiple_of(4) - written);
            out.extend_from_slice(&[SACK, len as u8]);
            for block in &self.sack.as_slice()[..blocks] {
                out.extend_from_slice(&block.start.raw().to_be_bytes());
                out.extend_from_slice(&block.end.raw().to_be_bytes());
            }
        }
        debug_assert_eq!(out.len() - start, self.len());
    }
}

/// Bytes of the AccECN option and of `blocks` SACK blocks, with the padding they share.
fn tail_len(accecn: Option<AccEcnOption>, blocks: usize) -> usize {
    let sack = if blocks == 0 { 0 } else { 2 + 8 * blocks };
    (accecn.map_or(0, |accecn| accecn.len()) + sack).next_multiple_of(4)
}

fn pad(out: &mut Vec<u8>, len: usize) {
    out.extend_from_slice(&[NO_OPERATION; 3][..len]);
}

fn parse_sack(value: &[u8]) -> SackBlocks {
    value
        .chunks_exact(8)
        .filter_map(|block| u32_at(block, 0).zip(u32_at(block, 4)))
        .map(|(start, end)| SeqRange::new(SeqNum::new(start), SeqNum::new(end)))
        .collect()
}

#[cfg(test)]
mod tests;
