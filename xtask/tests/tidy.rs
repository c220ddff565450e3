//! The repository keeps its own rules, so that `cargo test` tells before CI does.

use std::path::Path;

use xtask::{Repository, Severity, tidy};

#[test]
fn the_repository_is_tidy() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .parent()
        .expect("the package lies in the repository's top folder");
    let repository = Repository::load(root).expect("the repository can be read");
    let findings = tidy::check(&repository);
    let errors: Vec<String> = findings
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .map(ToString::to_string)
        .collect();
    assert!(
        errors.is_empty(),
        "{} errors:\n{}",
        errors.len(),
        errors.join("\n")
    );
}
