//! Selective acknowledgments as the sender reads them (RFC 2018 §5, RFC 2883).

use super::flight::Delivered;
use crate::config::Segmentation;
use crate::seq::{SeqNum, SeqRange};
use crate::tcb::Tcb;
use crate::wire::options::SackBlocks;

/// Records the blocks of a segment that acknowledges `ack`. A first block that reports a duplicate
/// says nothing about what is missing; it is the answer.
// REQ: RFC2018-7
// REQ: RFC6675-1
pub(crate) fn take(
    tcb: &mut Tcb,
    blocks: &SackBlocks,
    ack: SeqNum,
    delivered: &mut Delivered,
) -> Option<SeqRange> {
    if !tcb.negotiated.sack {
        return None;
    }
    let blocks = blocks.as_slice();
    let duplicate = duplicate_report(blocks, ack);
    let blocks = &blocks[usize::from(duplicate.is_some())..];
    for block in blocks {
        let block = mutant!(tcb.config, H13, *block, hull(blocks).unwrap_or(*block));
        if mutant!(tcb.config, D05, is_plausible(tcb, block), {
            crate::mutants::wrong::send::is_plausible(tcb, block)
        }) {
            match tcb.config.segmentation {
                Segmentation::Single => tcb.snd.flight.select(block, delivered),
                Segmentation::Bursts(_) => tcb.snd.flight.select_whole(block, delivered),
            }
        }
    }
    duplicate
}

/// All blocks in one, and what is missing between them.
#[cfg(feature = "mutants")]
fn hull(blocks: &[SeqRange]) -> Option<SeqRange> {
    let start = blocks.iter().map(|block| block.start);
    let end = blocks.iter().map(|block| block.end);
    Some(SeqRange::new(
        start.reduce(SeqNum::min)?,
        end.reduce(SeqNum::max)?,
    ))
}

/// A block of numbers that were sent, and the right way round.
fn is_plausible(tcb: &Tcb, block: SeqRange) -> bool {
    block.end.after(block.start) && block.end.at_or_before(tcb.snd.max)
}

/// The duplicate that the first block reports, if it does: it lies below the acknowledgment of the
/// same segment, or within the second block (RFC 2883 §4).
// REQ: RFC2883-5
pub(crate) fn duplicate_report(blocks: &[SeqRange], ack: SeqNum) -> Option<SeqRange> {
    let (first, rest) = blocks.split_first()?;
    let below = first.end.at_or_before(ack) || first.start.before(ack);
    let inside = rest
        .first()
        .is_some_and(|second| second.contains_range(*first));
    (below || inside).then_some(*first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(&[], false)]
    #[case::hole(&[(2000, 3000)], false)]
    #[case::below_the_acknowledgment(&[(500, 1000), (2000, 3000)], true)]
    #[case::straddling_it(&[(500, 1500)], true)]
    #[case::inside_the_second(&[(2500, 2600), (2000, 3000)], true)]
    #[case::all_of_the_second(&[(2000, 3000), (2000, 3000)], true)]
    #[case::two_holes(&[(4000, 5000), (2000, 3000)], false)]
    fn a_first_block_reports_a_duplicate(#[case] blocks: &[(u32, u32)], #[case] duplicate: bool) {
        let seq = |offset: u32| SeqNum::new(u32::MAX - 2_000) + offset;
        let blocks: Vec<SeqRange> = blocks
            .iter()
            .map(|(start, end)| SeqRange::new(seq(*start), seq(*end)))
            .collect();
        let found = duplicate_report(&blocks, seq(1000));
        assert_eq!(found.is_some(), duplicate);
    }
}
