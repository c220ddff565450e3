//! The eleven states of RFC 9293 §3.3.2.

mod name;

pub use name::StateName;
