//! Arguments of `run --target linux-vm`, and of the two commands that only tcpdrill itself gives.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

/// The kernels of `run --target linux-vm`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options for --target linux-vm")]
pub struct VmArgs {
    /// The kernel: a program that `tcpdrill kernel build` has made, or the beginning of a release that it or
    /// `tcpdrill kernel install` keeps, such as 6.12 [default: what the variable TCPDRILL_KERNEL says, or else the
    /// newest that is kept]. Given twice, the cases are run on both kernels, and only what
    /// differs is told, with status 1 if a verdict does.
    #[arg(long, value_name = "PATH|RELEASE")]
    pub kernel: Vec<PathBuf>,
    /// A kernel that says nothing for so long hangs [default: 60].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..))]
    pub patience: Option<u16>,
}

/// Arguments of `vm-start`, which becomes a kernel.
#[derive(Clone, Debug, Args)]
pub struct VmStartArgs {
    /// The processor it stays on, counted round and round.
    pub processor: usize,
    /// The kernel and its command line.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub words: Vec<OsString>,
}
