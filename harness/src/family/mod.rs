//! Generated families of cases: what a table says better than files.
//!
//! A family is a table and code that writes one script a case from it, in the language of all other
//! cases. So whatever reads cases (the runner, the reports, known deviations) needs to know nothing
//! of families. Nothing here knows the stack, nor how any stack does it.

mod segment_state;

use std::sync::LazyLock;

use crate::source::Source;
use crate::suite::{Body, Case, Origin};

/// What the names of generated cases begin with.
pub(crate) const FOLDER: &str = "family/";

/// The family of a generated case, `family/segment-state`; `None` for a case of its own file.
pub(crate) fn of(case: &str) -> Option<&str> {
    up_to(case, 1)
}

/// The part of a family that a generated case belongs to, and that lists name instead of its hundreds
/// of members: `family/segment-state/established`. `None` for a case of its own file.
pub(crate) fn part(case: &str) -> Option<&str> {
    up_to(case, 2)
}

/// The name of a generated case up to, not including, its slash of that number.
fn up_to(case: &str, slash: usize) -> Option<&str> {
    case.starts_with(FOLDER).then_some(())?;
    let (end, _) = case.match_indices('/').nth(slash)?;
    Some(&case[..end])
}

/// One case as its family writes it.
struct Written {
    /// Its name below the family: `established/rst/inside`.
    name: String,
    /// The script.
    text: String,
}

/// The cases of all families, in order of name.
pub(crate) fn cases() -> Vec<Case> {
    static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let written = segment_state::cases().into_iter();
        let mut cases: Vec<Case> = written
            .map(|written| case("segment-state", written))
            .collect();
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        cases
    });
    CASES.clone()
}

fn case(family: &str, written: Written) -> Case {
    let name = format!("{FOLDER}{family}/{}", written.name);
    let source = Source::new(format!("{name}.pkt (generated)"), written.text);
    Case {
        name,
        origin: Origin::Generated,
        body: Body::Script(source),
    }
}
