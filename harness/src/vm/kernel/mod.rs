//! Kernels for the target `linux-vm`: where they come from and where they are.
//!
//! Such a kernel is Linux built as an ordinary program (user-mode Linux) whose clock can stand still while
//! something runs and jump while all sleep.
//!
//! - [`build`] makes one of a source [`Tree`], in a folder of the cache: `config` says what is switched on and
//!   sees whether the tree took it, `mirror` copies a tree that cannot be built from as it is, `tools` says what
//!   the machine lacks, `child` runs the programs that take minutes, [`try_out`] boots what came of it.
//! - [`package`] comes by a tree from Debian's or Ubuntu's `linux-source` packages.
//! - [`Cache`] keeps kernels, with [`Facts`] beside each; [`find`] chooses one, and [`Kernel::at`] asks a program
//!   whether it is one.
//! - [`bisect`] makes the exit statuses of `git bisect run`; `examination` is what `tcpdrill doctor` tells.
//!
//! No part of a kernel is kept in this repository: [`FRAGMENT`] only names options.

pub mod bisect;
pub mod build;
mod cache;
mod child;
mod config;
mod examination;
mod find;
mod mirror;
pub mod package;
mod program;
mod release;
mod tools;
mod tree;
mod trial;

pub use cache::{Cache, CacheError, Entry, Facts};
pub use child::{ChildError, Stage};
pub use config::{FRAGMENT, configuration_hash};
pub use examination::{SUBJECT, findings};
pub use find::{ENVIRONMENT, FindError, find};
pub use program::{Kernel, ProgramError};
pub use release::Release;
pub use tools::{ToolsError, look_for_tools};
pub use tree::{Tree, TreeError};
pub use trial::{TrialError, try_out};

/// The oldest Linux that is built: what is expected of a kernel is not looked at before it.
pub const OLDEST: Release = Release::new(6, 1, 0);
