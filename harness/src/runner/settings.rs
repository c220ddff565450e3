//! Settings of a run: defaults, then the script's option lines, then the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::program::{Capability, IpVersion, ScriptOptions};
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
    /// The folder of the script's file, in which its commands are run.
    pub folder: Option<std::path::PathBuf>,
    /// What the stack sends is held to the microsecond against the script.
    pub exact: bool,
    /// Commands may change what all programs of the machine share; it is put back.
    pub allow_commands: bool,
}

const LOCAL_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 2);
const GATEWAY_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 0, 1);
const REMOTE_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LOCAL_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 2);
const GATEWAY_V6: Ipv6Addr = Ipv6Addr::new(0xfd3d, 0xfa7b, 0xd17d, 0, 0, 0, 0, 1);
const REMOTE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

impl RunSettings {
    /// The script's option lines with those of the command line over them.
    pub(super) fn options(&self, script: &ScriptOptions) -> ScriptOptions {
        let over = self.overrides.clone();
        let script = script.clone();
        let init_scripts = match over.init_scripts.is_empty() {
            true => script.init_scripts,
            false => over.init_scripts,
        };
        ScriptOptions {
            ip_version: over.ip_version.or(script.ip_version),
            local_ip: over.local_ip.or(script.local_ip),
            remote_ip: over.remote_ip.or(script.remote_ip),
            gateway_ip: over.gateway_ip.or(script.gateway_ip),
            netmask_ip: over.netmask_ip.or(script.netmask_ip),
            bind_port: over.bind_port.or(script.bind_port),
            connect_port: over.connect_port.or(script.connect_port),
            mtu: over.mtu.or(script.mtu),
            mss: over.mss.or(script.mss),
            speed: over.speed.or(script.speed),
            is_anyip: over.is_anyip || script.is_anyip,
            init_scripts,
            tolerance: over.tolerance.or(script.tolerance),
            tolerance_percent: over.tolerance_percent.or(script.tolerance_percent),
            tcp_ts_tick_usecs: over.tcp_ts_tick_usecs.or(script.tcp_ts_tick_usecs),
            tcp_ts_ecr_scaled: over.tcp_ts_ecr_scaled || script.tcp_ts_ecr_scaled,
            tcp_md5_secret: over.tcp_md5_secret.or(script.tcp_md5_secret),
            udp_encapsulation: over.udp_encapsulation || script.udp_encapsulation,
            strict_segments: over.strict_segments || script.strict_segments,
            non_fatal_packet: over.non_fatal_packet || script.non_fatal_packet,
            others: [script.others, over.others].concat(),
        }
    }

    /// The host this run needs, or the verdict if script and family do not fit. A family that the
    /// command line names wins over the script's line.
    pub(crate) fn session(&self, script: &ScriptOptions) -> Result<SessionSettings, Verdict> {
        let options = self.options(script);
        if let Some(only) = options.ip_version.filter(|&only| only != self.ip_version) {
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
        // As packetdrill has it: an address that is written without a prefix is a host's.
        let whole = if v6 { 128 } else { 32 };
        let (remote_ip, remote_prefix) = match options.remote_ip {
            None => (remote, remote_prefix),
            Some((address, prefix)) => (address, prefix.unwrap_or(whole)),
        };
        let settings = SessionSettings {
            ip_version: self.ip_version,
            local_ip: options.local_ip.unwrap_or(local),
            remote_ip,
            remote_prefix,
            gateway_ip: options.gateway_ip.unwrap_or(gateway),
            local_prefix: prefix_of(options.netmask_ip).unwrap_or(local_prefix),
            // 1520 keeps the MSS at 1460 over IPv6, so that one script serves both families.
            mtu: options.mtu.unwrap_or(if v6 { 1520 } else { 1500 }),
            mss: options.mss,
            speed: options.speed,
            is_anyip: options.is_anyip,
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
        let options = self.options(script);
        Ports {
            bind: options.bind_port.unwrap_or(DEFAULT_PORT),
            connect: options.connect_port.unwrap_or(DEFAULT_PORT),
            first_remote: self.first_remote_port(),
        }
    }

    /// The first of the ports the harness plays, out of the range stacks choose from.
    fn first_remote_port(&self) -> u16 {
        20_000 + (self.seed % 10_000) as u16
    }
}

/// Default ports of `bind` and `connect`.
const DEFAULT_PORT: u16 = 8080;

/// The tolerance of a script, by its options.
pub(super) fn tolerance(options: &ScriptOptions) -> Tolerance {
    Tolerance {
        fixed: options.tolerance.unwrap_or(Duration::from_micros(4000)),
        percent: options.tolerance_percent.unwrap_or(12.5),
    }
}

/// Capabilities that these settings ask of a target, whoever asked for them.
pub(super) fn needs(settings: &SessionSettings) -> impl Iterator<Item = Capability> {
    [
        ("option:mss", settings.mss.is_some()),
        ("option:speed", settings.speed.is_some()),
        ("option:is_anyip", settings.is_anyip),
    ]
    .into_iter()
    .filter(|(_, needed)| *needed)
    .map(|(name, _)| Capability(name.to_string()))
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
        assert_eq!(settings.options(&script).bind_port, Some(1));
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
