//! What the runners of packetdrill's script trees give every script, by family.

use serde::{Deserialize, Serialize};

use crate::program::{Capability, IpVersion};
use crate::script::{self, Given};
use crate::source::Source;
use crate::target::Target;
use crate::verdict::Verdict;

use super::case::{Body, Case};

/// A runner whose flags and choice of families are taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Convention {
    /// `run_all.py` of packetdrill itself.
    RunAll,
    /// `ksft_runner.sh` of the kernel's selftests.
    Ksft,
}

/// The option with which a script says that it needs PSP.
const PSP: &str = "--psp_udp_port";

impl Convention {
    /// The families that the runner runs scripts on.
    pub fn families(self) -> &'static [IpVersion] {
        match self {
            Convention::RunAll => &[IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6],
            Convention::Ksft => &[IpVersion::Ipv4, IpVersion::Ipv6],
        }
    }

    /// Options and definitions that each script of a family is given.
    pub fn given(self, family: IpVersion) -> Given {
        let mut options = vec![("ip_version".to_string(), Some(family.to_string()))];
        let own = self.options(family).iter();
        options.extend(own.map(|(name, value)| (name.to_string(), Some(value.to_string()))));
        let defines = self.defines(family).into_iter();
        Given {
            defines: defines
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            options,
        }
    }

    fn options(self, family: IpVersion) -> &'static [(&'static str, &'static str)] {
        match family {
            IpVersion::Ipv6 => &[
                ("mtu", "1520"),
                ("local_ip", "fd3d:0a0b:17d6::1"),
                ("gateway_ip", "fd3d:0a0b:17d6:8888::1"),
                ("remote_ip", "fd3d:fa7b:d17d::1"),
            ],
            IpVersion::Ipv4 | IpVersion::Ipv4MappedIpv6 => &[
                ("local_ip", "192.168.0.1"),
                ("gateway_ip", "192.168.0.1"),
                ("netmask_ip", "255.255.0.0"),
                ("remote_ip", "192.0.2.1"),
            ],
        }
    }

    /// The cookies are those the kernel makes for these addresses with the key that the scripts
    /// set, and with a key of zeros.
    fn defines(self, family: IpVersion) -> Vec<(&'static str, &'static str)> {
        let packets_v6 = family == IpVersion::Ipv6;
        let sockets_v6 = family != IpVersion::Ipv4;
        let (cookie, zero) = match packets_v6 {
            true => ("c1d1e9742a47a9bc", "82af1a8f9a205c34"),
            false => ("3021b9d889017eeb", "b7c12350a90dc8f5"),
        };
        let (level, kind) = match sockets_v6 {
            true => ("SOL_IPV6", "IPV6_RECVERR"),
            false => ("SOL_IP", "IP_RECVERR"),
        };
        let mut defines = vec![
            ("TFO_COOKIE", cookie),
            ("CMSG_LEVEL_IP", level),
            ("CMSG_TYPE_RECVERR", kind),
        ];
        match self {
            Convention::RunAll if !packets_v6 => defines.push(("CODE", "host_unreachable")),
            Convention::RunAll => {}
            Convention::Ksft => defines.push(("TFO_COOKIE_ZERO", zero)),
        }
        defines
    }

    /// Whether the runner runs a case on a family: by the end of the file's name, and by the family
    /// that a script names itself.
    pub fn takes(self, case: &Case, family: IpVersion) -> bool {
        if !self.families().contains(&family) {
            return false;
        }
        let packets_v6 = family == IpVersion::Ipv6;
        if case.name.ends_with("v6") && !packets_v6 || case.name.ends_with("v4") && packets_v6 {
            return false;
        }
        let Body::Script(source) = &case.body else {
            return true;
        };
        let named = |line: &str| {
            let value = line.strip_prefix("--ip_version=")?;
            Some(value.trim().trim_matches('"').to_string())
        };
        let mut names = source.text().lines().filter_map(named).peekable();
        names.peek().is_none() || names.any(|name| name == family.to_string())
    }
}

/// The verdict on a script that cannot be read because the words it uses are those of a runner of
/// its own: one for PSP, which needs two machines with hardware that speaks it.
pub(super) fn excused(
    convention: Option<Convention>,
    source: &Source,
    target: &dyn Target,
) -> Option<Verdict> {
    convention?;
    let needs_psp = source.text().lines().any(|line| line.starts_with(PSP));
    let psp = Capability("psp".to_string());
    let reason = script::capability::unavailable(&psp).or_else(|| target.lacks(&psp))?;
    needs_psp.then_some(Verdict::Skip {
        capability: psp.0,
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Origin;
    use rstest::rstest;

    fn case(name: &str, text: &str) -> Case {
        Case {
            name: name.to_string(),
            origin: Origin::Bundled,
            body: Body::Script(Source::new(name, text)),
        }
    }

    #[rstest]
    #[case(Convention::RunAll, "a", "", [true, true, true])]
    #[case(Convention::Ksft, "a", "", [true, true, false])]
    #[case(Convention::RunAll, "a-v4", "", [true, false, true])]
    #[case(Convention::RunAll, "a-v6", "", [false, true, false])]
    #[case(Convention::RunAll, "a-ipv6", "", [false, true, false])]
    #[case(Convention::Ksft, "a", "--ip_version=ipv6\n", [false, true, false])]
    #[case(Convention::RunAll, "a", "--ip_version=\"ipv4-mapped-ipv6\"\n", [false, false, true])]
    #[case(Convention::RunAll, "a", "// --ip_version=ipv6\n", [true, true, true])]
    fn a_runner_takes_a_script_on_some_families(
        #[case] convention: Convention,
        #[case] name: &str,
        #[case] text: &str,
        #[case] want: [bool; 3],
    ) {
        let case = case(name, text);
        let families = [IpVersion::Ipv4, IpVersion::Ipv6, IpVersion::Ipv4MappedIpv6];
        assert_eq!(families.map(|family| convention.takes(&case, family)), want);
    }

    #[rstest]
    #[case(Convention::RunAll)]
    #[case(Convention::Ksft)]
    fn what_a_runner_gives_is_sound(#[case] convention: Convention) {
        for family in convention.families() {
            let given = convention.given(*family);
            script::check_options("a convention", &given.options).unwrap();
            let text = "0 setsockopt(3, CMSG_LEVEL_IP, CMSG_TYPE_RECVERR, [1], 4) = 0\n";
            let context = script::LoadContext {
                defines: given.defines,
                options: given.options,
                ip_version: Some(*family),
                ..script::LoadContext::default()
            };
            script::load(&Source::new("x", text), &context).unwrap();
        }
    }
}
