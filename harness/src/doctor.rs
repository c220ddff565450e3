//! What this machine can do for the Linux targets, and what to do about what it cannot.

use std::fmt;

use crate::vm::kernel;

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do about it, if anything is to be done.
    pub remedy: Option<String>,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Present and usable.
    Ok,
    /// Worth knowing, neither good nor bad.
    Info,
    /// Missing, but only some cases or conveniences need it.
    Limited,
    /// Missing, and the Linux target cannot run without it.
    Missing,
}

/// Everything found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// In the order they are shown.
    pub findings: Vec<Finding>,
}

impl Examination {
    /// Whether cases can be run against this machine's kernel.
    pub fn linux_target_is_usable(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.state != State::Missing)
    }

    /// Whether cases can be run on a kernel in virtual time.
    pub fn linux_vm_target_is_usable(&self) -> bool {
        let mut kernels = self
            .findings
            .iter()
            .filter(|one| one.subject == kernel::SUBJECT);
        kernels.any(|finding| finding.state == State::Ok)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            State::Ok => "ok",
            State::Info => "info",
            State::Limited => "limited",
            State::Missing => "missing",
        })
    }
}

impl fmt::Display for Examination {
    /// A line for each finding, remedies on lines of their own, then the conclusion.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .findings
            .iter()
            .map(|finding| finding.subject.len())
            .max()
            .unwrap_or(0);
        for finding in &self.findings {
            let Finding {
                subject,
                state,
                detail,
                remedy,
            } = finding;
            writeln!(f, "{state:<7}  {subject:<width$}  {detail}")?;
            if let Some(remedy) = remedy {
                writeln!(f, "{:<7}  {:<width$}  -> {remedy}", "", "")?;
            }
        }
        writeln!(f)?;
        writeln!(
            f,
            "target reference: usable (it needs nothing of the machine)"
        )?;
        if self.linux_target_is_usable() {
            writeln!(f, "target linux: usable")?;
        } else {
            writeln!(
                f,
                "target linux: not usable until what is missing above is there"
            )?;
        }
        if self.linux_vm_target_is_usable() {
            writeln!(f, "target linux-vm: usable")
        } else {
            writeln!(f, "target linux-vm: not usable without a kernel of its own")
        }
    }
}

/// Looks at the machine. Makes namespaces with links for a moment; changes nothing.
///
/// Call [`crate::target::linux::prepare`] first in `main` and hand its answer over.
pub fn examine(privilege: &Result<crate::target::linux::Privilege, String>) -> Examination {
    Examination {
        findings: findings(privilege),
    }
}

#[cfg(target_os = "linux")]
use crate::target::linux::findings;

#[cfg(not(target_os = "linux"))]
fn findings(privilege: &Result<crate::target::linux::Privilege, String>) -> Vec<Finding> {
    let remedy = privilege.as_ref().err().cloned();
    vec![Finding {
        subject: "operating system".into(),
        state: State::Missing,
        detail: std::env::consts::OS.into(),
        remedy,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(subject: &str, state: State, detail: &str, remedy: Option<&str>) -> Finding {
        Finding {
            subject: subject.into(),
            state,
            detail: detail.into(),
            remedy: remedy.map(Into::into),
        }
    }

    #[test]
    fn an_examination_is_a_table_with_remedies_and_a_conclusion() {
        let mut examination = Examination {
            findings: vec![
                finding("kernel", State::Info, "Linux 6.18.44", None),
                finding(
                    "TUN device",
                    State::Missing,
                    "/dev/net/tun: no such file",
                    Some("modprobe tun"),
                ),
                finding("tcpdump", State::Limited, "not found", Some("install it")),
            ],
        };
        insta::assert_snapshot!(examination, @r"
        info     kernel      Linux 6.18.44
        missing  TUN device  /dev/net/tun: no such file
                             -> modprobe tun
        limited  tcpdump     not found
                             -> install it

        target reference: usable (it needs nothing of the machine)
        target linux: not usable until what is missing above is there
        target linux-vm: not usable without a kernel of its own
        ");
        examination.findings.remove(1);
        assert!(examination.linux_target_is_usable());
        let usable =
            "target linux: usable\ntarget linux-vm: not usable without a kernel of its own\n";
        assert!(examination.to_string().ends_with(usable));
        let found = finding(kernel::SUBJECT, State::Ok, "Linux 6.12.117", None);
        examination.findings.push(found);
        assert!(
            examination
                .to_string()
                .ends_with("target linux-vm: usable\n")
        );
    }
}
