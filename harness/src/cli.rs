//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::program::IpVersion;

mod wire;

pub use wire::{AgentArgs, WireArgs};

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
    /// List cases with their titles and the requirements they cover.
    List(ListArgs),
    /// Make the calls of cases on this machine, for `run --target wire` on another one.
    Agent(AgentArgs),
    /// Say what this machine can do for tcpdrill, and what to do about what it cannot.
    Doctor,
}

/// Arguments of `run`.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Scripts, or folders of them; the bundled cases if left out.
    pub paths: Vec<PathBuf>,
    /// The stack to judge.
    #[arg(long, value_enum, default_value_t)]
    pub target: TargetName,
    /// Sockets and packets of this family, or of all three in turn.
    #[arg(long = "ip-version", alias = "ip_version", value_enum, default_value_t)]
    pub ip_version: Family,
    /// Cases at a time [default: as suits the target].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Only cases whose name, title or covered ids contain TEXT.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Write the results as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the results as JUnit XML.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write a capture for each case into this folder.
    #[arg(long, value_name = "DIR")]
    pub pcap: Option<PathBuf>,
    /// Define NAME as VALUE in the scripts; may be repeated.
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = parse_define)]
    pub defines: Vec<(String, String)>,
    /// Seed of everything random on a virtual target.
    #[arg(long, default_value_t)]
    pub seed: u64,
    /// Show every case with its packets.
    #[arg(short, long)]
    pub verbose: bool,
    /// Where the stack of `--target wire` is.
    #[command(flatten)]
    pub wire: WireArgs,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scripts, or folders of them.
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Define NAME as VALUE in the scripts; may be repeated.
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = parse_define)]
    pub defines: Vec<(String, String)>,
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

/// The stacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// tcpdrill's own stack, in virtual time.
    #[default]
    Reference,
    /// The running Linux kernel.
    Linux,
    /// A stack on another machine, over a real interface; see the options for `--target wire`.
    Wire,
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
