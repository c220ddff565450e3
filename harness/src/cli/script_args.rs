//! What scripts can be given on the command line: the language's own options and definitions.

use clap::{Args, ValueEnum};

use crate::script::OptionPair;
use crate::suite::Convention;

use super::{Family, parse_define};

/// Heading of these options in `--help`.
const HEADING: &str = "Options for the scripts, which win over their own lines";

/// Options that scripts have as well, named as there (`--mtu`, `--local_ip` …).
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = HEADING)]
#[expect(
    missing_docs,
    reason = "named after the option lines, see docs/language.md"
)]
pub struct ScriptArgs {
    /// Timing tolerance in microseconds.
    #[arg(long, alias = "tolerance_usecs", value_name = "N")]
    pub tolerance_usecs: Option<String>,
    /// Timing tolerance as a share of the time since the event before.
    #[arg(long, alias = "tolerance_percent", value_name = "N")]
    pub tolerance_percent: Option<String>,
    /// Address of the stack under test.
    #[arg(long, alias = "local_ip", value_name = "IP")]
    pub local_ip: Option<String>,
    /// Address of its peer, which the harness plays.
    #[arg(long, alias = "remote_ip", value_name = "IP[/LEN]")]
    pub remote_ip: Option<String>,
    /// Next hop on the way to the peer.
    #[arg(long, alias = "gateway_ip", value_name = "IP")]
    pub gateway_ip: Option<String>,
    /// Mask of the local network.
    #[arg(long, alias = "netmask_ip", value_name = "IP")]
    pub netmask_ip: Option<String>,
    /// Port given to every `bind`.
    #[arg(long, alias = "bind_port", value_name = "PORT")]
    pub bind_port: Option<String>,
    /// Port given to every `connect`.
    #[arg(long, alias = "connect_port", value_name = "PORT")]
    pub connect_port: Option<String>,
    /// MTU of the interface in bytes.
    #[arg(long, value_name = "N")]
    pub mtu: Option<String>,
    /// Size of the segments that injected data is said to consist of.
    #[arg(long, value_name = "N")]
    pub mss: Option<String>,
    /// Microseconds a tick of the stack's timestamps takes.
    #[arg(long, alias = "tcp_ts_tick_usecs", value_name = "N")]
    pub tcp_ts_tick_usecs: Option<String>,
    /// Injected timestamp echoes need not be values that the stack has sent.
    #[arg(long, alias = "tcp_ts_ecr_scaled")]
    pub tcp_ts_ecr_scaled: bool,
    /// Data must be sent in exactly the segments written.
    #[arg(long, alias = "strict_segments")]
    pub strict_segments: bool,
    /// Go on after a difference of this kind: `packet`.
    #[arg(long, alias = "non_fatal", value_name = "KIND")]
    pub non_fatal: Option<String>,
    /// The local address is on no interface.
    #[arg(long, alias = "is_anyip")]
    pub is_anyip: bool,
    /// Commands to run before the script.
    #[arg(long, alias = "init_scripts", value_name = "COMMANDS")]
    pub init_scripts: Option<String>,
    /// Taken and without effect, as are the next five.
    #[arg(long, alias = "send_omit_free", hide = true)]
    pub send_omit_free: bool,
    #[arg(long, hide = true)]
    pub speed: Option<String>,
    #[arg(long, alias = "code_command", hide = true)]
    pub code_command: Option<String>,
    #[arg(long, alias = "code_format", hide = true)]
    pub code_format: Option<String>,
    #[arg(long, alias = "code_sockopt", hide = true)]
    pub code_sockopt: Option<String>,
    /// Define NAME as VALUE in the scripts; may be repeated.
    #[arg(short = 'D', long = "define", value_name = "NAME=VALUE", value_parser = parse_define)]
    pub defines: Vec<(String, String)>,
}

impl ScriptArgs {
    /// The options as a script would write them.
    pub fn pairs(&self) -> Vec<OptionPair> {
        let valued = [
            ("tolerance_usecs", &self.tolerance_usecs),
            ("tolerance_percent", &self.tolerance_percent),
            ("local_ip", &self.local_ip),
            ("remote_ip", &self.remote_ip),
            ("gateway_ip", &self.gateway_ip),
            ("netmask_ip", &self.netmask_ip),
            ("bind_port", &self.bind_port),
            ("connect_port", &self.connect_port),
            ("mtu", &self.mtu),
            ("mss", &self.mss),
            ("tcp_ts_tick_usecs", &self.tcp_ts_tick_usecs),
            ("non_fatal", &self.non_fatal),
            ("init_scripts", &self.init_scripts),
            ("speed", &self.speed),
            ("code_command", &self.code_command),
            ("code_format", &self.code_format),
            ("code_sockopt", &self.code_sockopt),
        ];
        let plain = [
            ("tcp_ts_ecr_scaled", self.tcp_ts_ecr_scaled),
            ("strict_segments", self.strict_segments),
            ("is_anyip", self.is_anyip),
            ("send_omit_free", self.send_omit_free),
        ];
        let valued = valued
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_string(), Some(value.clone()?))));
        let plain = plain
            .into_iter()
            .filter(|(_, is_on)| *is_on)
            .map(|(name, _)| (name.to_string(), None));
        valued.chain(plain).collect()
    }
}

/// Which families, and by whose rules.
#[derive(Clone, Debug, Default, Args)]
pub struct FamilyArgs {
    /// Sockets and packets of this family, or of all three in turn.
    #[arg(long = "ip-version", alias = "ip_version", value_enum, default_value_t)]
    pub ip_version: Family,
    /// Read, judge and supply scripts as this runner of packetdrill does.
    #[arg(long, value_enum, value_name = "RUNNER")]
    pub convention: Option<ConventionName>,
}

/// The runners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ConventionName {
    /// `run_all.py` of packetdrill.
    #[value(name = "run_all", alias = "run-all")]
    RunAll,
    /// `ksft_runner.sh` of the kernel's selftests.
    Ksft,
}

impl From<ConventionName> for Convention {
    fn from(name: ConventionName) -> Convention {
        match name {
            ConventionName::RunAll => Convention::RunAll,
            ConventionName::Ksft => Convention::Ksft,
        }
    }
}
