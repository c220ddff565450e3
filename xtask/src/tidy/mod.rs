//! `cargo xtask tidy`: the rules of the house that the compiler does not know.
//!
//! One file a group of rules. Each check reads the [`Repository`] and returns [`Finding`]s; none
//! stops at the first.

mod banned;
mod cases;
mod direction;
mod limits;
mod links;
mod probes;
mod requirements;

use crate::catalogue::Catalogue;
use crate::{Finding, Repository, coverage};

/// Every finding, sorted by place.
pub fn check(repository: &Repository) -> Vec<Finding> {
    let (catalogue, mut findings) = Catalogue::read(repository);
    findings.extend(limits::check(repository));
    findings.extend(links::check(repository));
    findings.extend(coverage::check(repository));
    findings.extend(direction::check(repository));
    findings.extend(banned::check(repository));
    findings.extend(requirements::check(repository, &catalogue));
    findings.extend(cases::check(repository, &catalogue));
    findings.sort();
    findings
}
