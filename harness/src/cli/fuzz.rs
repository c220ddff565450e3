//! Arguments of `fuzz`.

use clap::Args;

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct FuzzArgs {
    /// How long to go on, in seconds, if nothing is found.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// So many inputs a job, however long they take, instead of `--seconds`.
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    pub runs: Option<u64>,
    /// Inputs at a time [default: one for each processor].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// The same seed and number of jobs give the same inputs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Events of an input at most.
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub events: u16,
    /// Stop when so many findings, each of its own kind, were made.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub findings: u16,
    /// Where findings are written to, as bytes and as scripts.
    #[arg(long, value_name = "DIR", default_value = "findings")]
    pub out: std::path::PathBuf,
    /// Draw every input anew, instead of changing those that showed something new.
    #[arg(long)]
    pub no_feedback: bool,
}
