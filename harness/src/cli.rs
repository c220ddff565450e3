//! The command line.

mod fuzz;
mod kernel;
mod learn;
mod replay;
mod script_args;
mod seed;
mod vm;
mod wire;
mod zoo;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::program::IpVersion;
use crate::target::reference::ReferenceTarget;

pub use fuzz::{FuzzArgs, SubjectArgs, SubjectName};
pub use kernel::{
    BisectArgs, BuildingArgs, KernelBuildArgs, KernelCommand, KernelInstallArgs, KernelRemoveArgs,
};
pub use learn::{AlphabetName, LearnArgs, LearnName};
pub use replay::ReplayArgs;
pub use script_args::{ConventionName, FamilyArgs, ScriptArgs};
pub use seed::SeedArgs;
pub use vm::{VmArgs, VmStartArgs};
pub use wire::{AgentArgs, WireArgs};
pub use zoo::ZooArgs;

/// Runs packetdrill scripts against TCP stacks and says where they depart from the documents.
///
/// Without a command, the bundled cases run against the reference stack.
#[derive(Debug, Parser)]
#[command(name = "tcpdrill", version, about, long_about)]
pub struct Cli {
    /// What to do; `run` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run cases and judge a stack.
    Run(Box<RunArgs>),
    /// Read scripts and report mistakes, without running anything.
    Check(CheckArgs),
    /// Lay scripts out in columns, or say which are not (`--check`).
    Fmt(FmtArgs),
    /// List cases with their titles and the requirements they cover.
    List(ListArgs),
    /// Say which rules have code and cases, and what each target does about them.
    Coverage(CoverageArgs),
    /// Say what a rule or a case is about: `tcpdrill explain RFC9293-MUST-8`.
    Explain(ExplainArgs),
    /// Compare two reports of `run --json`: which verdicts have changed.
    Diff(DiffArgs),
    /// Say what a target does about each claim of the documents and each MUST and SHOULD.
    Compare(CompareArgs),
    /// Show the choices of the reference stack: each setting, in every profile.
    Profiles(ProfilesArgs),
    /// Throw events at a stack, and hold what it does against the documents.
    Fuzz(FuzzArgs),
    /// Learn what a stack is as a machine, and what tells two of them apart.
    Learn(Box<LearnArgs>),
    /// Play an input of the fuzzer, or run a script, and show all that happens.
    Replay(ReplayArgs),
    /// Run scripts and write what they did as inputs of the fuzzer.
    Seed(SeedArgs),
    /// Give the reference stack historic defects and say which of them the cases find.
    Zoo(ZooArgs),
    /// Make the calls of cases on this machine, for `run --target wire` on another one.
    Agent(AgentArgs),
    /// Build and keep kernels for `run --target linux-vm`.
    #[command(subcommand)]
    Kernel(KernelCommand),
    /// Build a tree of Linux and run cases on it, for `git bisect run`: 0 good, 1 bad, 125 not to be tested.
    BisectRun(BisectArgs),
    /// Take packetdrill's own command line, and answer as it does.
    Packetdrill(PacketdrillArgs),
    /// Say what this machine can do for tcpdrill, and what to do about what it cannot.
    Doctor,
    /// Be the first process of a kernel in virtual time.
    #[command(hide = true)]
    VmInit,
    /// Become a kernel in virtual time.
    #[command(hide = true)]
    VmStart(VmStartArgs),
}

/// Arguments of `run`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Scripts, or folders of them; the bundled cases if left out.
    pub paths: Vec<PathBuf>,
    /// The stack to judge.
    #[arg(long, value_enum, default_value_t)]
    pub target: TargetName,
    /// The set of choices that the reference stack follows [default: rfc9293].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ReferenceTarget::profiles()))]
    pub profile: Option<String>,
    /// How the harness is linked to the running kernel [default: tun where it can be had].
    #[arg(long, value_enum)]
    pub link: Option<LinkName>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub family: FamilyArgs,
    /// Cases at a time [default: as suits the target].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Only cases whose name, title or covered ids contain TEXT.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Write the results as JSON; `-` is standard output, and the report then goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML; `-` likewise.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write the results as TAP version 14; `-` likewise.
    #[arg(long, value_name = "FILE")]
    pub tap: Option<PathBuf>,
    /// Write the results as KTAP version 1, the kernel's form of TAP; `-` likewise.
    #[arg(long, value_name = "FILE")]
    pub ktap: Option<PathBuf>,
    /// Write pages for a browser into this folder: an index with cases and rules, and for each case
    /// what was found, a ladder diagram and a capture.
    #[arg(long, value_name = "DIR")]
    pub html: Option<PathBuf>,
    /// Show the results of another run, as `--json` wrote them, beside this one's in the table of
    /// rules of `--html`; may be repeated.
    #[arg(long = "results", value_name = "FILE", requires = "html")]
    pub results: Vec<PathBuf>,
    /// Write a capture for each case into this folder.
    #[arg(long, value_name = "DIR")]
    pub pcap: Option<PathBuf>,
    /// Let commands of the scripts change what all programs of this machine share, such as files
    /// below /sys. Such a case runs alone, and all is put back.
    #[arg(long)]
    pub allow_commands: bool,
    /// Write what happened in each case as text, in the script's numbers: on a virtual clock two runs write the
    /// same; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Hold what the stack sends to the microsecond against the scripts, without the tolerance of 4 ms and an
    /// eighth of the wait that they have otherwise; a `--tolerance_usecs` of a script's own stays. For targets
    /// in virtual time. A kernel's timers fire with its ticks (1 ms where HZ is 1000), and the further ahead
    /// they are set the coarser: up to 1 tick late below 63 ticks, 8 below 504, 64 below 4032, and so on.
    /// That much stays allowed, and no packet may come early.
    #[arg(long)]
    pub exact: bool,
    /// Seed of everything random on a virtual target.
    #[arg(long, default_value_t)]
    pub seed: u64,
    /// Show every case with its packets.
    #[arg(short, long)]
    pub verbose: bool,
    /// The kernel of `--target linux-vm`.
    #[command(flatten)]
    pub vm: VmArgs,
    /// Where the stack of `--target wire` is.
    #[command(flatten)]
    pub wire: WireArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub script: ScriptArgs,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scripts, or folders of them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub family: FamilyArgs,
    /// Define NAME as VALUE in the scripts; may be repeated.
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = parse_define)]
    pub defines: Vec<(String, String)>,
}

/// Arguments of `fmt`.
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Scripts, or folders of them; `-` reads standard input and writes standard output.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Change nothing; list what would change, with status 1.
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `packetdrill`: whatever packetdrill takes.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub struct PacketdrillArgs {
    /// packetdrill's flags, and scripts.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Scripts, or folders of them; the bundled cases if left out.
    pub paths: Vec<PathBuf>,
    /// Only cases whose name, title or covered ids contain TEXT.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
}

/// Arguments of `coverage`.
#[derive(Debug, Args)]
pub struct CoverageArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub results: ResultsArgs,
    /// Write it as JSON; `-` is standard output, and the text then goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write it as a page for a browser; `-` likewise.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// End with status 1 if more than N rules are open, or an id is unknown.
    #[arg(long, value_name = "N", default_value_t = usize::MAX, hide_default_value = true)]
    pub open_at_most: usize,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Ids of rules, or names of bundled cases.
    #[arg(required = true, value_name = "RULE|CASE")]
    pub what: Vec<String>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "its fields are documented")]
    pub results: ResultsArgs,
}

/// Where verdicts come from.
#[derive(Clone, Debug, Args)]
pub struct ResultsArgs {
    /// Results that `run --json FILE` wrote, of any target; may be repeated. Without it, the bundled
    /// cases are run on the reference stack.
    #[arg(long = "results", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The earlier report, or the one to compare with.
    pub old: PathBuf,
    /// The later one.
    pub new: PathBuf,
}

/// Arguments of `compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// The results of a run, as `run --json FILE` wrote them.
    pub report: PathBuf,
    /// Write every rule with its finding, and the evidence of what differs, as Markdown for `docs/`; `-`
    /// is standard output, and the text then goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// Arguments of `profiles`.
#[derive(Debug, Args)]
pub struct ProfilesArgs {
    /// Write JSON, with every value in full.
    #[arg(long)]
    pub json: bool,
    /// Add units and bounds, the requirements and the sysctls: a table of over 300 columns, as in
    /// docs/profiles.md.
    #[arg(long, conflicts_with = "json")]
    pub long: bool,
}

/// The stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// tcpdrill's own stack, in virtual time.
    #[default]
    Reference,
    /// The running Linux kernel.
    Linux,
    /// A Linux kernel of yours in virtual time, as an ordinary program: exact times, no waiting, no root.
    LinuxVm,
    /// smoltcp, a TCP/IP stack in Rust for small machines, in virtual time.
    Smoltcp,
    /// A stack on another machine, over a real interface; see the options for `--target wire`.
    Wire,
}

/// The links to the running kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LinkName {
    /// A TUN device.
    Tun,
    /// A pair of virtual Ethernet devices and a packet socket: needs no device file.
    Packet,
}

/// The families.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// IPv4 sockets and packets.
    #[default]
    Ipv4,
    /// IPv6 sockets and packets.
    Ipv6,
    /// IPv6 sockets, IPv4 packets.
    #[value(name = "ipv4-mapped-ipv6")]
    Ipv4MappedIpv6,
    /// All three.
    All,
}

impl Family {
    /// As on the command line.
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_string())
    }

    /// The versions it stands for.
    pub fn versions(self) -> Vec<IpVersion> {
        match self {
            Family::Ipv4 => vec![IpVersion::Ipv4],
            Family::Ipv6 => vec![IpVersion::Ipv6],
            Family::Ipv4MappedIpv6 => vec![IpVersion::Ipv4MappedIpv6],
            Family::All => vec![IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6],
        }
    }
}

/// Reads the command line; ends the process where it asks for help or cannot be understood.
pub fn parse() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let is_bisecting = std::env::args_os()
            .nth(1)
            .is_some_and(|word| word == "bisect-run");
        if is_bisecting && error.use_stderr() {
            let _ = error.print();
            // git takes the usual status for a verdict on the revision.
            std::process::exit(128);
        }
        with_hint(error).exit()
    })
}

/// A script in place of a command is to be run, most likely.
fn with_hint(mut error: clap::Error) -> clap::Error {
    let word = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(word)) if error.kind() == ErrorKind::InvalidSubcommand => word,
        _ => return error,
    };
    let is_script = word.ends_with(".pkt") || word.ends_with(".probe.toml");
    if is_script || Path::new(word).exists() {
        let hint = format!("to run it: tcpdrill run {word}").into();
        error.remove(ContextKind::SuggestedSubcommand);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint]));
    }
    error
}

fn parse_define(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_string(), value.to_string())),
        Some(_) | None => Err(format!("`{text}` is not of the form NAME=VALUE")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_define_needs_a_name_and_a_value() {
        assert_eq!(
            parse_define("N=a=b"),
            Ok(("N".to_string(), "a=b".to_string()))
        );
        assert!(parse_define("=b").is_err() && parse_define("N").is_err());
    }
}
