//! Arguments of `learn`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::VmArgs;
use crate::target::reference::ReferenceTarget;

/// Arguments of `learn`.
#[derive(Clone, Debug, Args)]
pub struct LearnArgs {
    /// The stack to learn.
    #[arg(long, value_enum, default_value_t)]
    pub target: LearnName,
    /// The set of choices that the reference stack follows [default: rfc9293].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ReferenceTarget::profiles()))]
    pub profile: Option<String>,
    /// Give the reference stack this historic defect (where they are built in).
    #[arg(long, value_name = "ID")]
    pub defect: Option<String>,
    /// What is done to it: `small` opens, closes and resets, `full` also sends, receives and strays. The running kernel
    /// is not asked to wait, since its time is real.
    #[arg(long, value_enum, default_value_t)]
    pub alphabet: AlphabetName,
    /// The inputs one by one, instead of an alphabet: `--inputs SYN,ACK,LISTEN`.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub inputs: Vec<String>,
    /// Rule out that the stack is another machine of up to so many states more than were found.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=5))]
    pub depth: u8,
    /// Try so many longer words at random on top of that.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub random: u64,
    /// The same seed gives the same words.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How much time passes after every input, in milliseconds [default: 1, or 1100 where smoltcp is learned: it sends
    /// one challenge ACK a second, and counts in the moments of which a second is made].
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub moment: Option<u64>,
    /// Stop with an error at more states than these.
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub most_states: u32,
    /// Write the machine as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write the machine as a graph for Graphviz; what changes no state is left out.
    #[arg(long, value_name = "FILE")]
    pub dot: Option<PathBuf>,
    /// Write the same graph as a picture.
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,
    /// Do not print the machine as a table.
    #[arg(long)]
    pub no_table: bool,
    /// Compare two machines: each a file of `--out`, or a stack, which is learned with the other arguments. Shows the
    /// shortest inputs that tell them apart.
    #[arg(long, num_args = 2, value_names = ["A", "B"])]
    pub diff: Vec<String>,
    /// The kernel of `--target linux-vm`.
    #[command(flatten)]
    pub vm: VmArgs,
    /// With `--diff`: show so many differences at most, each of another transition.
    #[arg(long, value_name = "N", default_value_t = 8, requires = "diff")]
    pub most: usize,
    /// With `--diff`: write each of them as a script that passes on A and fails on B.
    #[arg(long, value_name = "DIR", requires = "diff")]
    pub scripts: Option<PathBuf>,
}

/// The stacks that can be learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LearnName {
    /// tcpdrill's own stack.
    #[default]
    Reference,
    /// smoltcp, a TCP/IP stack in Rust for small machines.
    Smoltcp,
    /// The running Linux kernel, in a network namespace of its own.
    Linux,
    /// A Linux kernel of yours in virtual time, as an ordinary program.
    LinuxVm,
}

/// The alphabets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum AlphabetName {
    /// SYN, SYN+ACK, ACK, FIN+ACK, RST, LISTEN, CONNECT, CLOSE, and time.
    #[default]
    Small,
    /// These, text in both directions, segments that are not acceptable, and all calls.
    Full,
}
