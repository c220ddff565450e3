//! Reports: one file an output, all fed by the same events.

pub mod comparison;
pub mod coverage;
mod event;
mod evidence;
mod exchange;
pub mod html;
pub mod hunt;
pub mod json;
pub mod junit;
pub mod ktap;
mod ladder;
mod page;
pub mod pcapng;
mod plain;
pub mod profiles;
mod results;
pub mod rule;
#[cfg(test)]
pub(crate) mod samples;
pub mod summary;
pub mod tap;
pub mod terminal;
pub mod trace;
pub mod zoo;

pub use event::{RunEvent, message};
pub use exchange::{By, Differing, Exchange, ExchangeStep};
pub use results::{ResultEntry, Results, TargetEntry};
pub use summary::Summary;
