//! The suite: which cases there are, which of them to run, and what is known to differ.

mod bound;
mod bundled;
mod case;
mod convention;
mod discover;
mod dispatch;
mod interrupt;
mod known;
mod pattern;
mod run;
mod select;
mod window;

pub use bound::Bound;
pub(crate) use bundled::files as bundled_files;
pub use case::{Body, Case, Origin};
pub use convention::Convention;
pub use discover::{DiscoverError, Suite};
pub use interrupt::Interrupt;
pub use known::{Deviation, KnownDeviations, KnownError};
pub(crate) use pattern::Pattern;
pub(crate) use run::judge_one;
pub use run::{ExecuteSettings, PATIENCE, execute};
pub use select::Selection;
