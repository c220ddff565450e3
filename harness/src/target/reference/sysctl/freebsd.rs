//! The names of FreeBSD, `net.inet.tcp` and what belongs to it: what each means here, and which mean
//! nothing. Times are milliseconds there.

use super::{Harmless, Lacking, Names, Setting};

pub(super) const NAMES: Names = Names {
    table: TABLE,
    lacking: LACKING,
    harmless: HARMLESS,
};

/// Every sysctl that means something here.
const TABLE: &[Setting] = &[];

/// Mechanisms that the reference lacks: the values that ask for nothing it has not, and the reason.
const LACKING: &[Lacking] = &[];

/// Names that change nothing here whatever their value, and why.
const HARMLESS: &[Harmless] = &[];
