//! Reports: one file an output, all fed by the same events.

pub mod coverage;
mod event;
pub mod json;
pub mod junit;
mod page;
pub mod pcapng;
pub mod profiles;
mod results;
pub mod rule;
pub mod summary;
pub mod terminal;
pub mod zoo;

pub use event::{RunEvent, message};
pub use results::{ResultEntry, Results};
pub use summary::Summary;
