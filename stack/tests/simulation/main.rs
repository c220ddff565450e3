//! Two hosts over bad links: every byte arrives once and in order, both ways, and both close.
//!
//! A failing case prints its scenario; put it into a test of its own to replay it.

mod application;
mod packet_rules;
mod properties;
mod regressions;
mod scenario;
mod single_runs;
