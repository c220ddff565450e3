//! packetdrill's flags, read as `getopt_long` reads them.

use crate::program::IpVersion;
use crate::script::{self, OptionPair};

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CommandLine {
    /// Options that scripts have as well; the last of a name counts.
    pub(super) options: Vec<OptionPair>,
    /// `-D NAME=VALUE`.
    pub(super) defines: Vec<(String, String)>,
    /// The scripts, in order.
    pub(super) scripts: Vec<String>,
    /// Read them only.
    pub(super) dry_run: bool,
    /// Say what happens.
    pub(super) verbose: bool,
}

/// What a flag is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flag {
    /// An option that scripts have as well, with a value.
    Valued,
    /// The same without.
    Plain,
    DryRun,
    Verbose,
    Define,
    /// Refused, for this reason; and whether it takes a value.
    Refused(&'static str, bool),
}

const WIRE: &str =
    "packetdrill's protocol between two machines is not spoken here (docs/packetdrill.md)";
const SHARED_OBJECT: &str = "stacks in shared objects are not run (docs/packetdrill.md)";
const PSP: &str = "PSP needs two machines with hardware that speaks it (docs/packetdrill.md)";

const FLAGS: &[(&str, Flag)] = &[
    ("ip_version", Flag::Valued),
    ("local_ip", Flag::Valued),
    ("remote_ip", Flag::Valued),
    ("gateway_ip", Flag::Valued),
    ("netmask_ip", Flag::Valued),
    ("bind_port", Flag::Valued),
    ("connect_port", Flag::Valued),
    ("mtu", Flag::Valued),
    ("mss", Flag::Valued),
    ("speed", Flag::Valued),
    ("tolerance_usecs", Flag::Valued),
    ("tolerance_percent", Flag::Valued),
    ("tcp_ts_tick_usecs", Flag::Valued),
    ("tcp_ts_ecr_scaled", Flag::Plain),
    ("strict_segments", Flag::Plain),
    ("non_fatal", Flag::Valued),
    ("send_omit_free", Flag::Plain),
    ("is_anyip", Flag::Plain),
    ("init_scripts", Flag::Valued),
    ("code_command", Flag::Valued),
    ("code_format", Flag::Valued),
    ("code_sockopt", Flag::Valued),
    ("define", Flag::Define),
    ("dry_run", Flag::DryRun),
    ("verbose", Flag::Verbose),
    ("debug", Flag::Verbose),
    ("wire_client", Flag::Refused(WIRE, false)),
    ("wire_server", Flag::Refused(WIRE, false)),
    ("wire_server_at", Flag::Refused(WIRE, true)),
    ("wire_server_ip", Flag::Refused(WIRE, true)),
    ("wire_server_port", Flag::Refused(WIRE, true)),
    ("wire_client_dev", Flag::Refused(WIRE, true)),
    ("wire_server_dev", Flag::Refused(WIRE, true)),
    ("so_filename", Flag::Refused(SHARED_OBJECT, true)),
    ("so_flags", Flag::Refused(SHARED_OBJECT, true)),
    ("psp_udp_port", Flag::Refused(PSP, true)),
];

impl Flag {
    fn takes_value(self) -> bool {
        match self {
            Flag::Valued | Flag::Define => true,
            Flag::Plain | Flag::DryRun | Flag::Verbose => false,
            Flag::Refused(_, takes_value) => takes_value,
        }
    }
}

impl CommandLine {
    /// The family that the command line asks for.
    pub(super) fn ip_version(&self) -> Option<IpVersion> {
        let mut named = self.options.iter().rev();
        let (_, value) = named.find(|(name, _)| name == "ip_version")?;
        match value.as_deref()? {
            "ipv4" => Some(IpVersion::Ipv4),
            "ipv6" => Some(IpVersion::Ipv6),
            _ => Some(IpVersion::Ipv4MappedIpv6),
        }
    }

    fn take(&mut self, name: &str, flag: Flag, value: Option<String>) -> Result<(), String> {
        match flag {
            Flag::Refused(reason, _) => return Err(format!("packetdrill: --{name}: {reason}")),
            Flag::DryRun => self.dry_run = true,
            Flag::Verbose => self.verbose = true,
            Flag::Define => {
                let text = value.unwrap_or_default();
                match text.split_once('=') {
                    Some((name, value)) if !name.is_empty() => {
                        self.defines.push((name.to_string(), value.to_string()));
                    }
                    _ => return Err(format!("Command Line: bad definition: {text}")),
                }
            }
            Flag::Valued | Flag::Plain => {
                let pair = (name.to_string(), value);
                script::check_options("Command Line", std::slice::from_ref(&pair))
                    .map_err(|problems| bad_value(&pair, &problems))?;
                self.options.push(pair);
            }
        }
        Ok(())
    }
}

fn bad_value((name, value): &OptionPair, problems: &[crate::diagnostic::Diagnostic]) -> String {
    let value = value.as_deref().unwrap_or_default();
    let why = problems.first().map_or("", |one| one.message.as_str());
    format!("Command Line: bad --{name}: {value}\n{why}")
}

/// Reads the words behind the program's name. Flags may stand among and behind the scripts; `--`
/// ends them.
pub(super) fn parse(words: &[String]) -> Result<CommandLine, String> {
    let mut line = CommandLine::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            line.scripts.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, mut value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_string())),
                None => (long, None),
            };
            let (name, flag) = find(name)?;
            match (flag.takes_value(), &value) {
                (true, None) => match words.next() {
                    Some(next) => value = Some(next.clone()),
                    None => return Err(misuse(&format!("option '--{name}' requires an argument"))),
                },
                (false, Some(_)) => {
                    return Err(misuse(&format!(
                        "option '--{name}' doesn't allow an argument"
                    )));
                }
                (true, Some(_)) | (false, None) => {}
            }
            line.take(name, flag, value)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            short(&mut line, letters, &mut words)?;
        } else {
            line.scripts.push(word.clone());
        }
    }
    Ok(line)
}

/// `-v`, `-vv`, `-D X`, `-DX`, `-vDX`.
fn short<'a>(
    line: &mut CommandLine,
    letters: &str,
    words: &mut impl Iterator<Item = &'a String>,
) -> Result<(), String> {
    for (at, letter) in letters.char_indices() {
        match letter {
            'v' => line.verbose = true,
            'D' => {
                let rest = &letters[at + 1..];
                let value = match rest.is_empty() {
                    true => words.next().cloned(),
                    false => Some(rest.to_string()),
                };
                if value.is_none() {
                    return Err(misuse("option requires an argument -- 'D'"));
                }
                return line.take("define", Flag::Define, value);
            }
            _ => return Err(misuse(&format!("invalid option -- '{letter}'"))),
        }
    }
    Ok(())
}

/// A flag by its name or, as usual with `getopt_long`, by a beginning that only it has.
fn find(name: &str) -> Result<(&'static str, Flag), String> {
    if let Some(found) = FLAGS.iter().find(|(known, _)| *known == name) {
        return Ok(*found);
    }
    let mut alike = FLAGS.iter().filter(|(known, _)| known.starts_with(name));
    match (alike.next(), alike.next()) {
        (Some(found), None) if !name.is_empty() => Ok(*found),
        (Some(_), Some(_)) if !name.is_empty() => {
            Err(misuse(&format!("option '--{name}' is ambiguous")))
        }
        _ => Err(misuse(&format!("unrecognized option '--{name}'"))),
    }
}

fn misuse(problem: &str) -> String {
    format!("packetdrill: {problem}\n{}", usage())
}

/// Every flag that is taken.
pub(super) fn usage() -> String {
    let shown = |(name, flag): &(&str, Flag)| match flag {
        Flag::Refused(..) | Flag::Define => None,
        flag if flag.takes_value() => Some(format!("[--{name}=…]")),
        _ => Some(format!("[--{name}]")),
    };
    let mut lines = vec!["usage: packetdrill".to_string()];
    let own = ["[-D NAME=VALUE]…".to_string(), "SCRIPT…".to_string()];
    for word in FLAGS.iter().filter_map(shown).chain(own) {
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 96 => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(format!("         {word}")),
        }
    }
    lines.push(
        "this is tcpdrill under packetdrill's name, on the running kernel; docs/packetdrill.md says what differs"
            .to_string(),
    );
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parsed(words: &str) -> Result<CommandLine, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_string).collect();
        parse(&words)
    }

    #[test]
    fn flags_and_scripts_stand_in_any_order() {
        let line = parsed(
            "--ip_version=ipv6 a.pkt --mtu 1520 -D A=1 -DB=x=y -vDC=3 --define D=`z` b.pkt --dry_run -- -c.pkt",
        )
        .unwrap();
        let text = |text: &str| text.to_string();
        assert_eq!(line.scripts, ["a.pkt", "b.pkt", "-c.pkt"]);
        assert_eq!(
            line.options,
            [
                (text("ip_version"), Some(text("ipv6"))),
                (text("mtu"), Some(text("1520")))
            ]
        );
        let defines: Vec<String> = line
            .defines
            .iter()
            .map(|(n, v)| format!("{n}:{v}"))
            .collect();
        assert_eq!(defines, ["A:1", "B:x=y", "C:3", "D:`z`"]);
        assert!(line.dry_run && line.verbose);
        assert_eq!(line.ip_version(), Some(IpVersion::Ipv6));
    }

    #[rstest]
    #[case("--ip_v ipv4 --dry x", "")]
    #[case("--nope x", "unrecognized option '--nope'")]
    #[case("--tolerance 1 x", "option '--tolerance' is ambiguous")]
    #[case("x --mtu", "option '--mtu' requires an argument")]
    #[case("--dry_run=1 x", "option '--dry_run' doesn't allow an argument")]
    #[case("-x", "invalid option -- 'x'")]
    #[case("-D", "option requires an argument -- 'D'")]
    #[case("-D A", "Command Line: bad definition: A")]
    #[case("--tolerance_usecs=0 x", "Command Line: bad --tolerance_usecs: 0")]
    #[case("--ip_version=ipv5 x", "Command Line: bad --ip_version: ipv5")]
    #[case("--wire_client x", "--wire_client: packetdrill's protocol")]
    #[case("--so_filename=a.so x", "--so_filename: stacks in shared objects")]
    fn what_cannot_be_taken_is_refused(#[case] words: &str, #[case] want: &str) {
        match parsed(words) {
            Ok(line) => assert_eq!((want, line.scripts.len()), ("", 1)),
            Err(problem) => assert!(!want.is_empty() && problem.contains(want), "{problem}"),
        }
    }

    #[test]
    fn the_usage_names_every_flag() {
        insta::assert_snapshot!(usage());
    }
}
