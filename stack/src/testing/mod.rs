//! Tools for tests, behind the feature `testing`.

pub mod bench;
