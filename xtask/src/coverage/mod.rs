//! `cargo xtask coverage`: which lines of `stack/src` the tests and the bundled cases reach.
//!
//! The stack's tests, the fuzz package's tests of the stack, and the bundled cases on the reference with every
//! profile run with rustc's own instrumentation, by way of cargo-llvm-cov. A line counts if it holds code;
//! test modules do not count, and `stack/src/testing/`, which is an aid for tests, is counted apart. What
//! nothing reaches is explained in `docs/coverage.md`, function by function.

mod explained;
mod lcov;
mod measure;
mod report;

use std::path::Path;

use crate::Repository;

pub use explained::{DOCUMENT, check};
pub use report::{ASKED, Report};

/// Measures anew, or reads an earlier measurement, and gives the report.
///
/// # Errors
/// What is not installed, could not be started or read, or which test failed.
pub fn run(root: &Path, lcov: Option<&Path>) -> Result<Report, String> {
    let file = match lcov {
        Some(file) => file.to_path_buf(),
        None => measure::measure(root)?,
    };
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let repository =
        Repository::load(root).map_err(|error| format!("cannot read the repository: {error}"))?;
    Ok(Report::new(&repository, &lcov::parse(&text, root)?))
}
