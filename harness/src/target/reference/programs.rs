//! Small programs that scripts run beside their calls, done on the reference's own files and counters.

use std::collections::BTreeMap;

use tcpdrill_stack::Event;

use super::files::FOLDER;
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
    /// `grep WORD`
    Grep(String),
}

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
    if pipeline.contains(['>', '<', '&', ';', '$', '`', '"', '\'', '\\', '*', '?', '(']) {
        return None;
    }
    let programs: Option<Vec<Program>> = pipeline.split('|').map(program).collect();
    let programs = programs?;
    let (first, rest) = programs.split_first()?;
    let fits = rest.iter().all(|next| matches!(next, Program::Grep(_)));
    (fits && !matches!(first, Program::Grep(_))).then(|| (programs.clone(), silent.is_some()))
}

fn program(text: &str) -> Option<Program> {
    let words: Vec<&str> = text.split_whitespace().collect();
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
        ("grep", [word]) => {
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric());
            plain.then(|| Program::Grep((*word).to_owned()))
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
            Program::Grep(word) => {
                let found: String = input
                    .split_inclusive('\n')
                    .filter(|line| line.contains(&word))
                    .collect();
                (i32::from(found.is_empty()), found)
            }
        }
    }
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
    #[case("nstat > /tmp/a", false)]
    #[case("rm -f /tmp/*", false)]
    fn only_what_is_understood_is_run(#[case] text: &str, #[case] understood: bool) {
        assert_eq!(understands(text), understood);
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
