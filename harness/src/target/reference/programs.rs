//! Small programs that scripts run beside their calls, done on the reference's own files and counters.

use std::collections::BTreeMap;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tcpdrill_stack::Event;

use super::descriptors::{Family, Socket};
use super::files::FOLDER;
use super::info::state_number;
use super::kernel::Kernel;
use crate::target::CommandReport;

/// Programs this module stands in for. Which of their arguments are understood says [`parse`].
pub(super) const NAMES: &[&str] = &["dd", "ethtool", "grep", "nstat", "rm"];

/// Folders of programs, which mean nothing here.
const FOLDERS: &[&str] = &["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// `rm [-f] FILE…`
    Remove { force: bool, paths: Vec<String> },
    /// `dd if=/dev/zero of=FILE bs=N count=N [status=…]`
    Zeros { path: String, len: usize },
    /// `ethtool -K DEVICE FEATURE on|off …`: only work that a network card would do.
    Offload,
    /// `nstat`
    Counters,
    /// `grep TEXT`, of what another program prints or of these files.
    Grep { text: String, files: Vec<String> },
}

/// The files that list a host's sockets.
const SOCKET_LISTS: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whether a command consists of these programs alone.
pub(super) fn understands(text: &str) -> bool {
    parse(text).is_some()
}

/// The programs of a pipeline, and whether its output goes nowhere.
fn parse(text: &str) -> Option<(Vec<Program>, bool)> {
    let silent = text
        .strip_suffix("/dev/null")
        .and_then(|text| text.trim_end().strip_suffix('>'));
    let pipeline = silent.unwrap_or(text);
    if pipeline.contains(['>', '<', '&', ';', '$', '`', '\'', '\\', '*', '?', '(']) {
        return None;
    }
    let programs: Option<Vec<Program>> = pipeline.split('|').map(program).collect();
    let programs = programs?;
    let reads =
        |program: &Program| matches!(program, Program::Grep { files, .. } if files.is_empty());
    let (first, rest) = programs.split_first()?;
    (!reads(first) && rest.iter().all(reads)).then(|| (programs.clone(), silent.is_some()))
}

/// The words of a simple command; in double quotes blanks are part of one.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for (at, part) in text.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    (text.matches('"').count() & 1 == 0).then_some(words)
}

fn program(text: &str) -> Option<Program> {
    let words = words(text)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (first, arguments) = words.split_first()?;
    let name = FOLDERS
        .iter()
        .find_map(|folder| first.strip_prefix(folder))
        .unwrap_or(first);
    match (name, arguments) {
        ("rm", ["-f", paths @ ..]) => remove(true, paths),
        ("rm", paths) => remove(false, paths),
        ("dd", arguments) => zeros(arguments),
        ("ethtool", ["-K", _device, features @ ..]) => {
            let pairs = features
                .chunks(2)
                .all(|pair| matches!(pair, [_, "on" | "off"]));
            pairs.then_some(Program::Offload)
        }
        ("nstat", []) => Some(Program::Counters),
        ("grep", [text, files @ ..]) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || c == ':';
            let known = files.iter().all(|file| SOCKET_LISTS.contains(file));
            (known && text.chars().all(plain)).then(|| Program::Grep {
                text: (*text).to_owned(),
                files: files.iter().map(|file| (*file).to_owned()).collect(),
            })
        }
        _ => None,
    }
}

fn remove(force: bool, paths: &[&str]) -> Option<Program> {
    let ours = |path: &&str| path.starts_with(FOLDER);
    (!paths.is_empty() && paths.iter().all(ours)).then(|| Program::Remove {
        force,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    })
}

fn zeros(arguments: &[&str]) -> Option<Program> {
    /// More than any script has use for.
    const MOST: usize = 1 << 24;
    let (mut block, mut count, mut path, mut from_zero) = (512, None, None, false);
    for argument in arguments {
        match argument.split_once('=')? {
            ("if", "/dev/zero") => from_zero = true,
            ("of", file) if file.starts_with(FOLDER) => path = Some(file.to_owned()),
            ("bs", number) => block = number.parse().ok()?,
            ("count", number) => count = Some(number.parse::<usize>().ok()?),
            ("status", _) => {}
            _ => return None,
        }
    }
    let len = count?.checked_mul(block).filter(|len| *len <= MOST)?;
    from_zero.then_some(Program::Zeros { path: path?, len })
}

impl Kernel {
    /// Runs a command that [`understands`] says yes to.
    pub(super) fn run_programs(&mut self, text: &str) -> Option<CommandReport> {
        let (programs, silent) = parse(text)?;
        let mut output = String::new();
        let mut status = 0;
        for program in programs {
            (status, output) = self.run_program(program, &output);
        }
        Some(CommandReport {
            status: Some(status),
            output: if silent { String::new() } else { output },
        })
    }

    fn run_program(&mut self, program: Program, input: &str) -> (i32, String) {
        match program {
            Program::Remove { force, paths } => {
                let mut output = String::new();
                for path in paths {
                    if !self.files.remove(&path) && !force {
                        output.push_str(&format!(
                            "rm: cannot remove '{path}': No such file or directory\n"
                        ));
                    }
                }
                (i32::from(!output.is_empty()), output)
            }
            Program::Zeros { path, len } => {
                self.files.put(&path, vec![0; len]);
                (0, String::new())
            }
            Program::Offload => (0, String::new()),
            Program::Counters => (0, self.engine.counters.report()),
            Program::Grep { text, files } => {
                let several = files.len() > 1;
                let mut lines: Vec<(String, String)> = Vec::new();
                for file in files {
                    let prefix = if several {
                        format!("{file}:")
                    } else {
                        String::new()
                    };
                    let list = self.socket_list(file == SOCKET_LISTS[1]);
                    lines.extend(list.into_iter().map(|line| (prefix.clone(), line)));
                }
                lines.extend(input.lines().map(|line| (String::new(), line.to_owned())));
                let found: String = lines
                    .into_iter()
                    .filter(|(_, line)| line.contains(&text))
                    .map(|(prefix, line)| format!("{prefix}{line}\n"))
                    .collect();
                (i32::from(found.is_empty()), found)
            }
        }
    }
}

impl Kernel {
    /// What `/proc/net/tcp` shows of the sockets of one family, as far as scripts look: addresses, ports
    /// and states in hexadecimal.
    fn socket_list(&self, ipv6: bool) -> Vec<String> {
        let family = if ipv6 { Family::Inet6 } else { Family::Inet };
        let sockets = self.table.sockets().map(|(_, socket)| socket);
        let ids = sockets
            .filter(|socket| socket.family == family)
            .filter_map(Socket::id);
        let statuses = ids.filter_map(|id| self.engine.host().status(id).ok());
        statuses
            .enumerate()
            .map(|(number, status)| {
                let nobody = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
                let local = hexadecimal(status.local, ipv6);
                let remote = hexadecimal(status.remote.unwrap_or(nobody), ipv6);
                let state = state_number(status.state);
                format!(
                    "{number:4}: {local} {remote} {state:02X} {:08X}:{:08X} 00:00000000 00000000     0        0 0 1",
                    status.send_queued, status.recv_queued
                )
            })
            .collect()
    }
}

/// An address in words of the machine's byte order, and a port.
fn hexadecimal(address: SocketAddr, ipv6: bool) -> String {
    let bytes = match address.ip() {
        IpAddr::V4(ip) if ipv6 && ip.is_unspecified() => vec![0; 16],
        IpAddr::V4(ip) if ipv6 => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    let words = bytes.chunks_exact(4).map(|word| {
        let word: String = word
            .iter()
            .rev()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        word
    });
    format!("{}:{:04X}", words.collect::<String>(), address.port())
}

/// Counters of the whole host by Linux's names, as `nstat` shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct HostCounters {
    /// Since the last report.
    fresh: BTreeMap<&'static str, u64>,
}

impl HostCounters {
    /// Counts what the stack reports.
    pub(super) fn note(&mut self, event: &Event) {
        let name = match event {
            Event::ResetSent { .. } => "TcpOutRsts",
            Event::Retransmitted { .. } => "TcpRetransSegs",
            Event::ChallengeAckSent { .. } => "TcpExtTCPChallengeACK",
            Event::RtoFired { .. } => "TcpExtTCPTimeouts",
            Event::LossProbeSent { .. } => "TcpExtTCPLossProbes",
            Event::KeepAliveProbeSent { .. } => "TcpExtTCPKeepAlive",
            Event::WindowProbeSent { .. } => "TcpExtTCPWinProbe",
            Event::SynCookieSent { .. } => "TcpExtSyncookiesSent",
            Event::SynCookieAccepted { .. } => "TcpExtSyncookiesRecv",
            Event::SynCookieRejected { .. } => "TcpExtSyncookiesFailed",
            Event::ListenOverflow { .. } => "TcpExtListenOverflows",
            Event::FastOpenAccepted { .. } => "TcpExtTCPFastOpenPassive",
            Event::FastOpenCookieRejected { .. } => "TcpExtTCPFastOpenPassiveFail",
            Event::FastOpenOverflow { .. } => "TcpExtTCPFastOpenListenOverflow",
            Event::IcmpIgnored { id: Some(_) } => "TcpExtOutOfWindowIcmps",
            Event::IcmpIgnored { id: None } => "IcmpInErrors",
            _ => return,
        };
        *self.fresh.entry(name).or_default() += 1;
    }

    /// What was counted since the last report.
    fn report(&mut self) -> String {
        let mut text = "#kernel\n".to_owned();
        for (name, count) in std::mem::take(&mut self.fresh) {
            text.push_str(&format!("{name:<32}{count:<16} 0.0\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("/bin/rm -f /tmp/a", true)]
    #[case("rm /etc/passwd", false)]
    #[case("rm", false)]
    #[case("dd bs=1 count=5 if=/dev/zero of=/tmp/a status=none", true)]
    #[case("dd bs=1 count=5 if=/etc/passwd of=/tmp/a", false)]
    #[case("dd if=/dev/zero of=/tmp/a", false)]
    #[case("ethtool -K tun0 tso off gso off", true)]
    #[case("ethtool -K tun0 tso", false)]
    #[case("ethtool tun0", false)]
    #[case("nstat > /dev/null", true)]
    #[case("nstat | grep TcpExtOutOfWindowIcmps > /dev/null", true)]
    #[case("nstat | sort", false)]
    #[case("grep word", false)]
    #[case("grep \" 0A \" /proc/net/tcp /proc/net/tcp6 | grep \":1F90\"", true)]
    #[case("grep 0A /etc/passwd", false)]
    #[case("grep \"0A /proc/net/tcp", false)]
    #[case("grep x /proc/net/tcp | grep y /proc/net/tcp", false)]
    #[case("nstat > /tmp/a", false)]
    #[case("rm -f /tmp/*", false)]
    fn only_what_is_understood_is_run(#[case] text: &str, #[case] understood: bool) {
        assert_eq!(understands(text), understood);
    }

    #[rstest]
    #[case("127.0.0.1:8080", false, "0100007F:1F90")]
    #[case("0.0.0.0:80", true, "00000000000000000000000000000000:0050")]
    #[case("1.2.3.4:1", true, "0000000000000000FFFF000004030201:0001")]
    #[case("[::1]:1", true, "00000000000000000000000001000000:0001")]
    fn addresses_are_in_the_kernels_words(
        #[case] address: &str,
        #[case] ipv6: bool,
        #[case] expected: &str,
    ) {
        assert_eq!(hexadecimal(address.parse().unwrap(), ipv6), expected);
    }

    #[test]
    fn a_report_tells_what_is_new() {
        let mut counters = HostCounters::default();
        counters.note(&Event::IcmpIgnored { id: None });
        counters.note(&Event::IcmpIgnored { id: None });
        let line = "IcmpInErrors                    2                0.0\n";
        assert_eq!(counters.report(), format!("#kernel\n{line}"));
        assert_eq!(counters.report(), "#kernel\n");
    }
}
