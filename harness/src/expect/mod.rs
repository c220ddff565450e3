//! Comparing what was seen with what the script says.

pub mod compare;
pub mod ip;
pub mod payload;
pub mod show;
mod show_ip;
mod show_options;
