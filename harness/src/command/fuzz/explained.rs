//! What the list of known deviations has explained.

use std::fmt::Write;

use crate::fuzz::known::{Judgement, Known};

/// One line for each entry that has explained something, the most frequent first, and one with those that have
/// not: whatever they tell of may be mended. Nothing where there is no list.
pub(super) fn text(known: &Known, counts: &[u64]) -> String {
    let mut seen: Vec<_> = known.entries().iter().zip(counts).collect();
    seen.sort_by(|one, other| other.1.cmp(one.1));
    let mut text = String::new();
    for (entry, count) in seen.iter().filter(|(_, count)| **count > 0) {
        let judgement = match entry.judgement {
            Judgement::Theirs => "theirs",
            Judgement::Allowed => "allowed",
        };
        let _ = writeln!(text, "{count:>9} {judgement:<7} {}", entry.id);
    }
    let missing: Vec<&str> = seen
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(entry, _)| entry.id.as_str())
        .collect();
    if !text.is_empty() {
        text.insert_str(0, "known deviations, which ended so many inputs:\n");
    }
    if !missing.is_empty() {
        let _ = writeln!(
            text,
            "known deviations that were not met: {}",
            missing.join(", ")
        );
    }
    text.truncate(text.trim_end().len());
    text
}
