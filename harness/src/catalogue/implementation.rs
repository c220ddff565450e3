//! Where the reference stack implements which rule, as `build.rs` found it.

/// Id and place: `("RFC9293-MUST-14", "stack/src/input/ack.rs:40")`.
pub(super) const PLACES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/implementation.rs"));
