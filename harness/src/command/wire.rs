//! `--target wire`: from the command line to the target.

use std::net::IpAddr;

use crate::agent::secret::Secret;
use crate::cli::{RunArgs, TargetName, WireArgs};
use crate::program::IpVersion;
use crate::target::Target;
use crate::target::wire::{Calls, WireOptions, WireTarget};

/// Whether the arguments for the wire belong to the target asked for.
pub(super) fn check(args: &RunArgs) -> Result<(), String> {
    let wire = &args.wire;
    if args.target != TargetName::Wire {
        return if *wire == WireArgs::default() {
            Ok(())
        } else {
            Err("these options need --target wire: see `tcpdrill run --help`".into())
        };
    }
    if wire.interface.is_none() {
        return Err("--target wire needs --interface IF, the way to the machine under test".into());
    }
    if wire.agent.is_none() && !wire.no_agent {
        return Err(
            "--target wire needs --agent HOST:PORT, or --no-agent --host ADDRESS --port N".into(),
        );
    }
    Ok(())
}

/// Opens the target.
pub(super) fn open(args: &RunArgs) -> Result<Box<dyn Target>, String> {
    let wire = &args.wire;
    let calls = match (&wire.agent, wire.port) {
        (Some(address), _) => Calls::Agent {
            address: address.clone(),
            secret: Secret::load(wire.secret_file.as_deref())?,
        },
        (None, Some(port)) => Calls::Nobody {
            port,
            is_idle: wire.idle_server,
            os: wire.os.clone(),
        },
        (None, None) => return Err("neither --agent nor --port is given".into()),
    };
    let versions = args.family.ip_version.versions();
    let remote_ip = args.script.remote_ip.as_deref().map(first_address);
    let options = WireOptions {
        calls,
        interface: wire.interface.clone().unwrap_or_default(),
        hosts: wire.host.clone(),
        remote_ips: remote_ip.transpose()?.into_iter().collect(),
        remote_count: wire.remote_count.unwrap_or(1),
        gateways: wire.gateway.clone(),
        own_mac: wire.own_mac,
        allow_flood: wire.allow_flood,
        families: (
            versions.iter().any(|version| *version != IpVersion::Ipv6),
            versions.contains(&IpVersion::Ipv6),
        ),
    };
    Ok(Box::new(WireTarget::new(&options)?))
}

/// The address of `IP[/LEN]`; the length is the network's business.
fn first_address(text: &str) -> Result<IpAddr, String> {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    address
        .parse()
        .map_err(|_| format!("`--remote-ip {text}` is no address"))
}
