//! The reference target against hand-made packets, built and read with the harness's own wire module.

mod bench;
mod close;
mod commands;
mod data;
mod error_queue;
mod fast_open;
mod files;
mod open;
mod options;
mod readiness;
mod session;
