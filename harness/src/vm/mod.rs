//! The Linux kernel in virtual time: cases on a kernel that is an ordinary program (User Mode Linux), whose
//! clock stands still while anything runs in it and jumps to the next timer when all sleep.
//!
//! ```text
//!   suite ─► host::execute ─► batches ─► host::worker, N side by side
//!                                             │  ▲
//!                job (a file in a folder      ▼  │  results, a frame each, as they come
//!                of the kernel's own)     host::kernel ──► console: the last lines are kept
//!   ════════════════════════════════════════════│═══════════════════════════════════
//!                                          guest::main, process 1 of that kernel
//!                                             │
//!                                suite ─► runner ─► target::linux, a namespace a case
//! ```
//!
//! - `protocol` is what both sides say: a job in, reports out, both in frames.
//! - `guest` is this very program as process 1: it mounts what it needs, takes the job, does it with the same
//!   code as on the live kernel, and powers off.
//! - `host` cuts the run into batches (`host::batch`), starts kernels (`host::kernel`), follows what they say
//!   (`host::worker`, `host::tail`) and watches whether they still say anything (`host::watchdog`). What a
//!   kernel's end leaves undone goes on in a fresh one.
//! - `kernel` builds and finds the kernels.
//!
//! Job and results go through plain files of the host, which the kernel reads and writes at once: waiting for
//! a pipe would let virtual time pass, by as much as the host is slow. Known deviations are held against the
//! verdicts here outside, and wall time is measured here: inside, all times are virtual.

pub mod kernel;
pub(crate) mod protocol;

#[cfg(target_os = "linux")]
mod guest;
#[cfg(target_os = "linux")]
mod host;
#[cfg(not(target_os = "linux"))]
mod stub;

#[cfg(target_os = "linux")]
pub use guest::main as guest_main;
#[cfg(target_os = "linux")]
pub use host::{VmTarget, execute, start, study};
#[cfg(not(target_os = "linux"))]
pub use stub::{VmTarget, execute, guest_main, start, study};
