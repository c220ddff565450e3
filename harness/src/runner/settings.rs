//! Settings of a run: defaults, then the script's option lines, then the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::program::{IpVersion, ScriptOptions};
use crate::target::{Ports, SessionSettings};
use crate::verdict::Verdict;

use super::schedule::Tolerance;

/// What the caller decides about a run. Options here win over the script's lines.
#[derive(Clone, Debug, Default)]
pub struct RunSettings {
    /// Family to run on.
    pub ip_version: IpVersion,
    /// Seed of virtual targets and of the ports the harness picks.
    pub seed: u64,
    /// Option lines of the command line.
    pub overrides: ScriptOptions,
    /// Judge as packetdrill does: what is left over at the end of a script is not looked at.
    pub drop_in: bool,
}

const LOCAL_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 2);
const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const REMOTE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LOCAL_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2);
const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1);
const REMOTE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

impl RunSettings {
    /// The host this run needs, or the verdict if script and family do not fit.
    pub(crate) fn session(&self, script: &ScriptOptions) -> Result<SessionSettings, Verdict> {
        if let Some(only) = script.ip_version.filter(|&only| only != self.ip_version) {
            return Err(skip_version(only));
        }
        let v6 = self.ip_version == IpVersion::Ipv6;
        let (local, gateway, remote, local_prefix, remote_prefix) = if v6 {
            (
                IpAddr::V6(LOCAL_V6),
                IpAddr::V6(GATEWAY_V6),
                IpAddr::V6(REMOTE_V6),
                48,
                32,
            )
        } else {
            (
                IpAddr::V4(LOCAL_V4),
                IpAddr::V4(GATEWAY_V4),
                IpAddr::V4(REMOTE_V4),
                16,
                24,
            )
        };
        let pick = |ours: Option<IpAddr>, theirs: Option<IpAddr>, default: IpAddr| {
            ours.or(theirs).unwrap_or(default)
        };
        let over = &self.overrides;
        let remote_ip = over
            .remote_ip
            .or(script.remote_ip)
            .unwrap_or((remote, None));
        let settings = SessionSettings {
            ip_version: self.ip_version,
            local_ip: pick(over.local_ip, script.local_ip, local),
            remote_ip: remote_ip.0,
            remote_prefix: remote_ip.1.unwrap_or(remote_prefix),
            gateway_ip: pick(over.gateway_ip, script.gateway_ip, gateway),
            local_prefix: prefix_of(over.netmask_ip.or(script.netmask_ip)).unwrap_or(local_prefix),
            // 1520 keeps the MSS at 1460 over IPv6, so that one script serves both families.
            mtu: over
                .mtu
                .or(script.mtu)
                .unwrap_or(if v6 { 1520 } else { 1500 }),
            seed: self.seed,
        };
        let fits = |address: IpAddr| address.is_ipv6() == v6;
        if fits(settings.local_ip) && fits(settings.remote_ip) && fits(settings.gateway_ip) {
            return Ok(settings);
        }
        Err(skip_version(if v6 {
            IpVersion::Ipv4
        } else {
            IpVersion::Ipv6
        }))
    }

    /// The ports a script wants.
    pub(crate) fn ports(&self, script: &ScriptOptions) -> Ports {
        Ports {
            bind: self.bind_port(script),
            connect: self.connect_port(script),
            first_remote: self.first_remote_port(),
        }
    }

    fn bind_port(&self, script: &ScriptOptions) -> u16 {
        self.overrides
            .bind_port
            .or(script.bind_port)
            .unwrap_or(8080)
    }

    fn connect_port(&self, script: &ScriptOptions) -> u16 {
        self.overrides
            .connect_port
            .or(script.connect_port)
            .unwrap_or(8080)
    }

    /// The key of MD5 signatures; empty if none is given.
    pub(super) fn md5_secret(&self, script: &ScriptOptions) -> Vec<u8> {
        let secret = self.overrides.tcp_md5_secret.as_ref();
        let secret = secret.or(script.tcp_md5_secret.as_ref());
        secret.map_or(Vec::new(), |secret| secret.clone().into_bytes())
    }

    /// The first of the ports the harness plays, out of the range stacks choose from.
    fn first_remote_port(&self) -> u16 {
        20_000 + (self.seed % 10_000) as u16
    }

    pub(super) fn tolerance(&self, script: &ScriptOptions) -> Tolerance {
        let fixed = self.overrides.tolerance.or(script.tolerance);
        let percent = self
            .overrides
            .tolerance_percent
            .or(script.tolerance_percent);
        Tolerance {
            fixed: fixed.unwrap_or(Duration::from_micros(4000)),
            percent: percent.unwrap_or(12.5),
        }
    }
}

fn skip_version(only: IpVersion) -> Verdict {
    Verdict::Skip {
        capability: format!("ip_version:{only}"),
        reason: format!("the script is written for {only} only"),
    }
}

fn prefix_of(netmask: Option<IpAddr>) -> Option<u8> {
    match netmask? {
        IpAddr::V4(mask) => Some(u32::from(mask).leading_ones() as u8),
        IpAddr::V6(mask) => Some(u128::from(mask).leading_ones() as u8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn the_command_line_wins_over_the_script() {
        let script = ScriptOptions {
            mtu: Some(1000),
            bind_port: Some(1),
            ..Default::default()
        };
        let overrides = ScriptOptions {
            mtu: Some(2000),
            ..Default::default()
        };
        let settings = RunSettings {
            overrides,
            ..Default::default()
        };
        assert_eq!(settings.session(&script).unwrap().mtu, 2000);
        assert_eq!(settings.bind_port(&script), 1);
    }

    #[rstest]
    #[case(IpVersion::Ipv6, IpVersion::Ipv4, true)]
    #[case(IpVersion::Ipv4, IpVersion::Ipv4, false)]
    fn a_script_for_one_family_is_skipped_on_the_others(
        #[case] run: IpVersion,
        #[case] script: IpVersion,
        #[case] skipped: bool,
    ) {
        let settings = RunSettings {
            ip_version: run,
            ..Default::default()
        };
        let script = ScriptOptions {
            ip_version: Some(script),
            ..Default::default()
        };
        assert_eq!(settings.session(&script).is_err(), skipped);
    }
}
