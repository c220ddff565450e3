//! Reports: one file an output, all fed by the same events.

mod event;
pub mod json;
pub mod junit;
pub mod pcapng;
pub mod profiles;
pub mod summary;
pub mod terminal;

pub use event::{RunEvent, message};
pub use summary::Summary;
