//! Arguments of `agent`, and of `run --target wire`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::Args;

/// Arguments of `agent`.
#[derive(Clone, Debug, Args)]
pub struct AgentArgs {
    /// Listen here. On loopback nobody from outside can come.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:7930")]
    pub listen: SocketAddr,
    /// The file with the secret that the controller must know [default: the variable TCPDRILL_SECRET].
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
    /// Also run the shell commands of scripts and open the files they name.
    #[arg(long)]
    pub allow_commands: bool,
}

/// Where the stack of `run --target wire` is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Options for --target wire")]
pub struct WireArgs {
    /// The agent on the machine under test.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["no_agent", "port", "idle_server", "os"])]
    pub agent: Option<String>,
    /// The file with the secret that the agent knows [default: the variable TCPDRILL_SECRET].
    #[arg(long, value_name = "FILE", requires = "agent")]
    pub secret_file: Option<PathBuf>,
    /// There is no agent: run the cases for which a server that listens is enough.
    #[arg(long, requires_all = ["port", "host"])]
    pub no_agent: bool,
    /// The port the server listens on.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), requires = "no_agent")]
    pub port: Option<u16>,
    /// The address of the machine under test; once for each family [default: as the agent says].
    #[arg(long, value_name = "ADDRESS")]
    pub host: Vec<IpAddr>,
    /// The interface of this machine that leads there.
    #[arg(long, value_name = "IF")]
    pub interface: Option<String>,
    /// Play so many addresses, from --remote-ip on (a free one of the network if left out), so that
    /// many cases can run at a time [default: 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=250))]
    pub remote_count: Option<u8>,
    /// The router to the machine under test, if it is not in the interface's network.
    #[arg(long, value_name = "ADDRESS")]
    pub gateway: Vec<IpAddr>,
    /// Send from the interface's own hardware address, where others are not let through (Wi-Fi, clouds).
    #[arg(long)]
    pub own_mac: bool,
    /// Also run what floods the machine under test.
    #[arg(long)]
    pub allow_flood: bool,
    /// The server neither reads, writes nor closes: cases with data and FIN can run, too.
    #[arg(long, requires = "no_agent")]
    pub idle_server: bool,
    /// The operating system under test, for #ifdef and the known deviations, such as `linux`.
    #[arg(long, value_name = "NAME", requires = "no_agent")]
    pub os: Option<String>,
}
