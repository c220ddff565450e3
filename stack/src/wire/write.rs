//! Big-endian writes.

/// Fills `out` with `words`, most significant bytes first.
#[inline]
pub(super) fn put_words(out: &mut [u8], words: &[u32]) {
    for (place, word) in out.as_chunks_mut::<4>().0.iter_mut().zip(words) {
        *place = word.to_be_bytes();
    }
}
