//! How much memory a host holds: not more than its connections need and the configuration gives them, and next to
//! nothing once all of them are over.

use super::{Choices, Oracle, Violation};

/// Bytes of what a host has whatever happens: a listener, tables, what it remembers of the peer.
const HOST: usize = 4_096;
/// Bytes of a block, with its places in tables.
const BLOCK: usize = 4_096;
/// Bytes of a record of a segment, of a write, or of a gap.
const RECORD: usize = 128;
/// So many bytes of text are held in one piece, however few there are.
const PIECE: usize = 256;
/// Gaps that text may have: what a stack bounds, and nothing says by how many.
const GAPS: usize = 256;
/// Bytes that are left in tables of each connection that there was.
const PLACE: usize = 64;

/// What a host may hold memory for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that there were.
    pub connections: usize,
    /// All of them are over; one that its user has not closed may be left.
    pub are_over: bool,
    /// Bytes that may wait for the user of a connection: of its buffer, or of a larger window that was announced.
    pub room: usize,
    /// Bytes that the user of the last connection has written.
    pub written: usize,
    /// Segments of the last connection that were sent, and blocks that selective acknowledgments had.
    pub sent: usize,
    /// Calls of the user.
    pub calls: usize,
}

/// Holds what a host holds, in bytes, against what it may.
///
/// # Errors
/// If it is more.
pub(in crate::fuzz) fn judge(held: usize, load: &Load, choices: &Choices) -> Result<(), Violation> {
    let receives = BLOCK + load.room + GAPS.min(load.room) * RECORD / 4;
    // Memory doubles when more is needed.
    let text = (2 * load.written + PIECE).min(choices.send_buffer);
    let sends = match load.are_over {
        true => 0,
        false => text + (load.sent + load.calls) * RECORD,
    };
    let most = HOST + load.connections * receives + sends;
    match held > most {
        false => Ok(()),
        true => Err(Violation::of(
            Oracle::Memory,
            format!(
                "more memory is held than was given: {held} bytes, and {most} are enough for {} connections",
                load.connections
            ),
        )),
    }
}

/// The same when every connection is over and every user has closed his.
///
/// # Errors
/// If something is left.
pub(in crate::fuzz) fn judge_rest(held: usize, load: &Load) -> Result<(), Violation> {
    let most = HOST + load.connections * PLACE;
    match held > most {
        false => Ok(()),
        true => Err(Violation::of(
            Oracle::Memory,
            format!("memory is held for nobody: {held} bytes, and no connection is left"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// Two connections of 8 KiB each, the last with 10,000 bytes written in ten segments.
    const LOAD: Load = Load {
        connections: 2,
        are_over: false,
        room: 8_192,
        written: 10_000,
        sent: 10,
        calls: 1,
    };

    #[rstest]
    #[case::nothing(0, LOAD, true)]
    #[case::usual(2 * 8_192 + 16_384, LOAD, true)]
    #[case::a_buffer_too_many(4 * 8_192 + 64_000, LOAD, false)]
    #[case::what_was_to_be_sent_is_kept(2 * (8_192 + 4_096 + 8_192) + 4_097, Load { are_over: true, ..LOAD }, false)]
    fn more_than_was_given_is_found(
        #[case] held: usize,
        #[case] load: Load,
        #[case] is_right: bool,
    ) {
        assert_eq!(judge(held, &load, &Choices::RFC).is_ok(), is_right);
    }

    /// However much is written, the buffer holds what it holds.
    #[test]
    fn the_send_buffer_is_a_bound() {
        let load = Load {
            written: 1_000_000,
            ..LOAD
        };
        assert!(judge(300_000, &load, &Choices::RFC).is_err());
        let large = Choices {
            send_buffer: 1 << 20,
            ..Choices::RFC
        };
        assert!(judge(300_000, &load, &large).is_ok());
    }

    #[rstest]
    #[case(4_096, true)]
    #[case(4_096 + 2 * 64 + 1, false)]
    fn what_is_left_is_found(#[case] held: usize, #[case] is_right: bool) {
        assert_eq!(judge_rest(held, &LOAD).is_ok(), is_right);
    }
}
