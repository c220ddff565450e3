//! Choosing cases.

use super::case::Case;

/// What of a suite is to be run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only cases whose name, title or covered ids contain this (letter case ignored).
    pub filter: Option<String>,
}

impl Selection {
    /// Whether a case is chosen.
    pub fn takes(&self, case: &Case) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        let filter = filter.to_lowercase();
        let contains = |text: &str| text.to_lowercase().contains(&filter);
        if contains(&case.name) {
            return true;
        }
        let header = case.header();
        header.title.as_deref().is_some_and(contains) || header.covers.iter().any(|id| contains(id))
    }
}
