//! Words that live as long as the program: names that code writes as literals, read back from a message.
//!
//! Codes of failures, names of fields and the like are `&'static str` where they are made. A result that
//! comes from another process has them as text; each word is kept once, and there are few.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Deserializer};

/// A literal of the program. (Under a name of its own, since `serde` takes a plain reference for one into
/// the message that is read.)
pub(crate) type Word = &'static str;

/// The word that reads like this.
pub(crate) fn word(text: &str) -> Word {
    static KNOWN: Mutex<BTreeSet<Word>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.get(text) {
        return known;
    }
    let new: Word = Box::leak(text.to_owned().into_boxed_str());
    known.insert(new);
    new
}

/// Reads a word, for `#[serde(deserialize_with = "crate::words::read")]`.
///
/// # Errors
/// If there is no text.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
    String::deserialize(from).map(|text| word(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once() {
        let (one, other) = (word("a word of this test"), word("a word of this test"));
        assert_eq!(one, "a word of this test");
        assert!(std::ptr::eq(one, other));
        assert_ne!(word("another"), one);
    }
}
