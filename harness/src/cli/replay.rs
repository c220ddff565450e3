//! Arguments of `replay`.

use std::path::PathBuf;

use clap::Args;

use super::SubjectArgs;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub subject: SubjectArgs,
    /// An input of the fuzzer, as `fuzz` wrote it, or a script (`.pkt`).
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print it as a script instead.
    #[arg(long)]
    pub script: bool,
}
