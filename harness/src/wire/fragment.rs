//! Pieces of datagrams: which one a packet is, and putting them together again.

use std::collections::BTreeMap;

/// Which piece of a datagram a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first byte behind the IP header of the whole; a multiple of 8.
    pub offset: u16,
    /// Bytes.
    pub len: usize,
    /// Whether more pieces are announced.
    pub more: bool,
}

impl Piece {
    /// The piece an IPv4 header speaks of; `None` if it is a whole datagram.
    pub(super) fn of(offset: u16, len: usize, more: bool) -> Option<Piece> {
        (offset != 0 || more).then_some(Piece { offset, len, more })
    }

    /// The byte after the last one.
    pub fn end(&self) -> usize {
        usize::from(self.offset) + self.len
    }
}

/// Identification and protocol: what the pieces of one datagram share.
type Key = (u32, u8);

/// Pieces seen so far, by identification and protocol.
#[derive(Clone, Debug, Default)]
pub struct Reassembly {
    pieces: BTreeMap<Key, Vec<(Piece, Vec<u8>)>>,
}

impl Reassembly {
    /// Takes a piece in; the whole body if it was the last one missing. Where pieces overlap, the
    /// later one counts: whether they may is not judged here.
    pub fn add(&mut self, id: u32, protocol: u8, piece: Piece, bytes: &[u8]) -> Option<Vec<u8>> {
        let pieces = self.pieces.entry((id, protocol)).or_default();
        pieces.push((piece, bytes.to_vec()));
        let end = pieces
            .iter()
            .find(|(piece, _)| !piece.more)
            .map(|(last, _)| last.end())?;
        let mut body = vec![0; end];
        let mut covered = vec![false; end];
        for (piece, bytes) in pieces.iter() {
            let start = usize::from(piece.offset).min(end);
            let stop = piece.end().min(end);
            body[start..stop].copy_from_slice(&bytes[..stop - start]);
            covered[start..stop].fill(true);
        }
        if !covered.iter().all(|&covered| covered) {
            return None;
        }
        self.pieces.remove(&(id, protocol));
        Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_make_the_whole(
            body in proptest::collection::vec(any::<u8>(), 1..200),
            cuts in proptest::collection::btree_set(1_usize..25, 0..6),
            seed in any::<u64>(),
        ) {
            let mut edges: Vec<usize> = cuts.into_iter().map(|cut| cut * 8).filter(|&cut| cut < body.len()).collect();
            edges.insert(0, 0);
            edges.push(body.len());
            let mut pieces: Vec<(usize, usize)> = edges.windows(2).map(|pair| (pair[0], pair[1])).collect();
            let turn = seed as usize % pieces.len();
            pieces.rotate_left(turn);
            let mut reassembly = Reassembly::default();
            let last = pieces.len() - 1;
            for (at, (from, to)) in pieces.into_iter().enumerate() {
                let piece = Piece { offset: from as u16, len: to - from, more: to < body.len() };
                let whole = reassembly.add(7, 17, piece, &body[from..to]);
                prop_assert_eq!(whole, (at == last).then(|| body.clone()));
            }
        }
    }

    #[test]
    fn pieces_of_two_datagrams_are_kept_apart() {
        let mut reassembly = Reassembly::default();
        let first = Piece {
            offset: 0,
            len: 8,
            more: true,
        };
        let last = Piece {
            offset: 8,
            len: 1,
            more: false,
        };
        assert_eq!(reassembly.add(1, 17, first, &[1; 8]), None);
        assert_eq!(reassembly.add(2, 17, last, &[2]), None);
        assert_eq!(
            reassembly.add(1, 17, last, &[3]),
            Some([[1; 8].as_slice(), &[3]].concat())
        );
    }
}
