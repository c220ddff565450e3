//! Comparing what was seen with what the script says.

pub mod compare;
pub mod payload;
pub mod show;
mod show_options;
