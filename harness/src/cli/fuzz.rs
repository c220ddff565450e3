//! Arguments of `fuzz`.

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use crate::target::reference::ReferenceTarget;

/// Arguments of `fuzz`.
#[derive(Debug, Args)]
pub struct FuzzArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub subject: SubjectArgs,
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
    /// Another list of deviations that are no findings, instead of the one built in for the stack.
    #[arg(long, value_name = "FILE")]
    pub known: Option<std::path::PathBuf>,
    /// Begin with the inputs in this folder, one a file.
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<std::path::PathBuf>,
    /// Write inputs that cross a new transition to the folder of --corpus.
    #[arg(long, requires = "corpus")]
    pub keep: bool,
    /// Draw every input anew, instead of changing those that showed something new.
    #[arg(long)]
    pub no_feedback: bool,
}

/// What is fuzzed.
#[derive(Clone, Debug, Default, Args)]
pub struct SubjectArgs {
    /// The stack to fuzz.
    #[arg(long, value_enum, default_value_t)]
    pub target: SubjectName,
    /// The set of choices that the reference stack follows [default: rfc9293].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ReferenceTarget::profiles()))]
    pub profile: Option<String>,
    /// Compare it with the reference, event by event, instead of judging it by the oracles.
    #[arg(long)]
    pub differential: bool,
}

/// The stacks that can be fuzzed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum SubjectName {
    /// tcpdrill's own stack.
    #[default]
    Reference,
    /// smoltcp, a TCP/IP stack in Rust for small machines.
    Smoltcp,
    /// The running Linux kernel, in a network namespace of its own.
    Linux,
}
