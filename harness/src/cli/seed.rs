//! Arguments of `seed`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `seed`.
#[derive(Debug, Args)]
pub struct SeedArgs {
    /// Scripts, or folders of them [default: the bundled cases].
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Where the inputs are written to, one for each script that shows the fuzzer something new.
    #[arg(long, value_name = "DIR", default_value = "seeds")]
    pub out: PathBuf,
    /// Write all of them.
    #[arg(long)]
    pub all: bool,
}
