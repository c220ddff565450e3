//! packetdrill's side: every run in a fresh network namespace, one after the other.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use super::{Answer, Round, Run};

/// A family and the flags that packetdrill's `run_all.py` gives each script of it.
pub(super) struct Family {
    pub(super) name: &'static str,
    flags: &'static [&'static str],
    /// Scripts whose names end so are not for it.
    not_for: &'static str,
}

const V4: &[&str] = &[
    "--local_ip=192.168.0.1",
    "--gateway_ip=192.168.0.1",
    "--netmask_ip=255.255.0.0",
    "--remote_ip=192.0.2.1",
    "-DTFO_COOKIE=3021b9d889017eeb",
    "-DCODE=host_unreachable",
];

const V6: &[&str] = &[
    "--mtu=1520",
    "--local_ip=fd3d:0a0b:17d6::1",
    "--gateway_ip=fd3d:0a0b:17d6:8888::1",
    "--remote_ip=fd3d:fa7b:d17d::1",
    "-DTFO_COOKIE=c1d1e9742a47a9bc",
];

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "ipv4",
        flags: V4,
        not_for: "v6",
    },
    Family {
        name: "ipv4-mapped-ipv6",
        flags: V4,
        not_for: "v6",
    },
    Family {
        name: "ipv6",
        flags: V6,
        not_for: "v4",
    },
];

impl Family {
    pub(super) fn takes(&self, script: &str) -> bool {
        !script.ends_with(self.not_for)
    }

    fn arguments(&self) -> Vec<String> {
        let level = if self.name == "ipv4" { "IP" } else { "IPV6" };
        let own = [
            "--send_omit_free".to_string(),
            format!("--ip_version={}", self.name),
            format!("-DCMSG_LEVEL_IP=SOL_{level}"),
            format!("-DCMSG_TYPE_RECVERR={level}_RECVERR"),
        ];
        let flags = self.flags.iter().map(|flag| (*flag).to_string());
        own.into_iter().chain(flags).collect()
    }
}

/// One round over all runs.
pub(super) fn round(binary: &Path, tree: &Path, runs: &[Run]) -> Result<Round, String> {
    let binary = binary
        .canonicalize()
        .map_err(|error| super::at(binary, &error))?;
    let (started, before) = (Instant::now(), processor());
    let answers = runs
        .iter()
        .map(|run| one(&binary, tree, run))
        .collect::<Result<_, _>>()?;
    Ok(Round {
        answers,
        wall: started.elapsed().as_secs_f64(),
        processor: processor() - before,
    })
}

fn one(binary: &Path, tree: &Path, run: &Run) -> Result<Answer, String> {
    let script = tree.join(format!("{}.pkt", run.script));
    let (Some(folder), Some(name)) = (script.parent(), script.file_name()) else {
        return Err(format!("{} is no script", script.display()));
    };
    let family = FAMILIES.iter().find(|family| family.name == run.family);
    let started = Instant::now();
    let output = Command::new("unshare")
        .args(["-n", "sh", "-c", "ip link set lo up; exec \"$@\"", "sh"])
        .arg(binary)
        .args(family.map(Family::arguments).unwrap_or_default())
        .arg(name)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot start unshare: {error}"))?;
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let verdict = if output.status.success() {
        "pass"
    } else {
        "fail"
    };
    Ok(Answer {
        run: run.clone(),
        verdict: verdict.to_string(),
        message: first_line(&said),
        wall: started.elapsed().as_secs_f64(),
    })
}

/// The line that says most: packetdrill names the script in it.
fn first_line(said: &str) -> String {
    let named = said.lines().find(|line| line.contains(".pkt:"));
    let first = || said.lines().find(|line| !line.trim().is_empty());
    named.or_else(first).unwrap_or_default().trim().to_string()
}

/// Processor time of this process's children so far, in seconds.
pub(super) fn processor() -> f64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0.0, |usage| {
        let seconds = |time: nix::sys::time::TimeVal| {
            time.tv_sec() as f64 + time.tv_usec() as f64 / 1_000_000.0
        };
        seconds(usage.user_time()) + seconds(usage.system_time())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_run_in_the_families_its_name_allows() {
        let names = |script: &str| -> Vec<&str> {
            let taking = FAMILIES.iter().filter(|family| family.takes(script));
            taking.map(|family| family.name).collect()
        };
        assert_eq!(names("a/b"), ["ipv4", "ipv4-mapped-ipv6", "ipv6"]);
        assert_eq!(names("a/b-v4"), ["ipv4", "ipv4-mapped-ipv6"]);
        assert_eq!(names("a/b-ipv6"), ["ipv6"]);
    }

    #[test]
    fn the_line_with_the_script_says_most() {
        assert_eq!(first_line("noise\nx.pkt:3: wrong\nmore"), "x.pkt:3: wrong");
        assert_eq!(first_line("\n  noise\n"), "noise");
        assert_eq!(first_line(""), "");
    }
}
