//! Arguments of `replay`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// An input of the fuzzer, as `fuzz` wrote it, or a script (`.pkt`).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print it as a script instead.
    #[arg(long)]
    pub script: bool,
}
