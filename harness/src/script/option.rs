//! The options of scripts and command lines: names, and what values they take.
//!
//! The same names stand at the top of a script (`--mtu=1400`) and on packetdrill's command line;
//! nplab's are among them. Each is effective, or legal and without effect, or needs something
//! that a target may lack.

use std::net::IpAddr;
use std::time::Duration;

use super::suggest;
use crate::program::{Capability, IpVersion, ScriptOptions};

/// What an option takes, and whether anything acts on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// No value: a switch that is judged below.
    Switch,
    /// A value that is judged below.
    Value,
    /// No value, and no effect here.
    IdleSwitch,
    /// A value of any kind, and no effect here.
    IdleValue,
    /// No value; nothing here acts on it, so a target must offer this.
    SwitchNeeds(&'static str),
    /// A value of any kind; nothing here acts on it, so a target must offer this.
    ValueNeeds(&'static str),
}

/// Every option there is.
const NAMES: &[(&str, Takes)] = &[
    ("ip_version", Takes::Value),
    ("local_ip", Takes::Value),
    ("remote_ip", Takes::Value),
    ("gateway_ip", Takes::Value),
    ("netmask_ip", Takes::Value),
    ("bind_port", Takes::Value),
    ("connect_port", Takes::Value),
    ("mtu", Takes::Value),
    ("mss", Takes::Value),
    ("speed", Takes::Value),
    ("is_anyip", Takes::Switch),
    ("init_scripts", Takes::Value),
    ("tolerance_usecs", Takes::Value),
    ("tolerance_percent", Takes::Value),
    ("tcp_ts_tick_usecs", Takes::Value),
    ("tcp_ts_ecr_scaled", Takes::Switch),
    ("tcp_md5_secret", Takes::Value),
    ("strict_segments", Takes::Switch),
    ("non_fatal", Takes::Value),
    ("define", Takes::Value),
    ("code_format", Takes::Value),
    ("code_sockopt", Takes::Value),
    ("code_command", Takes::IdleValue),
    ("send_omit_free", Takes::IdleSwitch),
    ("dry_run", Takes::IdleSwitch),
    ("verbose", Takes::IdleSwitch),
    ("debug", Takes::IdleSwitch),
    ("wire_client", Takes::SwitchNeeds("wire")),
    ("wire_server", Takes::SwitchNeeds("wire")),
    ("wire_server_at", Takes::ValueNeeds("wire")),
    ("wire_server_ip", Takes::ValueNeeds("wire")),
    ("wire_server_port", Takes::ValueNeeds("wire")),
    ("wire_client_dev", Takes::ValueNeeds("wire")),
    ("wire_server_dev", Takes::ValueNeeds("wire")),
    ("so_filename", Takes::ValueNeeds("shared_object")),
    ("so_flags", Takes::ValueNeeds("shared_object")),
    ("psp_udp_port", Takes::ValueNeeds("psp")),
    // Of nplab's dialect.
    ("udp_encapsulation", Takes::Value),
    ("tun_dev", Takes::IdleValue),
    ("persistent_tun_dev", Takes::IdleSwitch),
    ("no_cleanup", Takes::IdleSwitch),
    ("local_linklocal_ip", Takes::IdleValue),
    ("gateway_linklocal_ip", Takes::IdleValue),
];

/// Why an option is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such option; perhaps one with a name like it.
    Unknown(Option<&'static str>),
    /// It needs a value, and has none.
    ValueMissing,
    /// It takes no value, and has one.
    ValueSurplus,
    /// Its value is not this.
    ValueWrong(String),
}

/// Sets one option. What a target must offer for it comes back.
///
/// `name` is without its dashes, `value` without quotes. A `define` is judged and left to the
/// caller, since it acts on the text of a script.
///
/// # Errors
/// What is wrong with the name or the value; the options are as before then.
pub fn set(
    options: &mut ScriptOptions,
    name: &str,
    value: Option<&str>,
) -> Result<Option<Capability>, Refusal> {
    let Some((_, takes)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let near = suggest::nearest(name, NAMES.iter().map(|(known, _)| *known));
        return Err(Refusal::Unknown(near));
    };
    let needs = |capability: &str| Ok(Some(Capability(capability.to_owned())));
    match (*takes, value) {
        (Takes::Switch | Takes::IdleSwitch | Takes::SwitchNeeds(_), Some(_)) => {
            Err(Refusal::ValueSurplus)
        }
        (Takes::Value | Takes::IdleValue | Takes::ValueNeeds(_), None) => {
            Err(Refusal::ValueMissing)
        }
        (Takes::Switch, None) => match name {
            "tcp_ts_ecr_scaled" => {
                options.tcp_ts_ecr_scaled = true;
                Ok(None)
            }
            "strict_segments" => {
                options.strict_segments = true;
                Ok(None)
            }
            _ => {
                options.is_anyip = true;
                needs("option:is_anyip")
            }
        },
        (Takes::Value, Some(value)) => set_value(options, name, value),
        (Takes::IdleSwitch | Takes::IdleValue, value) => {
            keep(options, name, value);
            Ok(None)
        }
        (Takes::SwitchNeeds(capability) | Takes::ValueNeeds(capability), value) => {
            keep(options, name, value);
            needs(capability)
        }
    }
}

fn keep(options: &mut ScriptOptions, name: &str, value: Option<&str>) {
    let value = value.map(str::to_owned);
    options.others.push((name.to_owned(), value));
}

fn set_value(
    options: &mut ScriptOptions,
    name: &str,
    value: &str,
) -> Result<Option<Capability>, Refusal> {
    let needs = |capability: &str, needed: bool| needed.then(|| Capability(capability.to_owned()));
    match name {
        "ip_version" => options.ip_version = Some(ip_version(value)?),
        "local_ip" => options.local_ip = Some(address(value)?),
        "remote_ip" => options.remote_ip = Some(prefix(value)?),
        "gateway_ip" => options.gateway_ip = Some(address(value)?),
        "netmask_ip" => options.netmask_ip = Some(address(value)?),
        "bind_port" => options.bind_port = Some(number(value, 1, 65_535)?),
        "connect_port" => options.connect_port = Some(number(value, 1, 65_535)?),
        // Zero is the default of the device, and so is a line that is not there.
        "mtu" if value == "0" => options.mtu = None,
        "mtu" => options.mtu = Some(number(value, 68, 65_535)?),
        "mss" => {
            options.mss = Some(number(value, 0, 65_535)?).filter(|&size| size > 0);
            return Ok(needs("option:mss", options.mss.is_some()));
        }
        "speed" => {
            options.speed = Some(number(value, 0, u64::from(u32::MAX))?);
            return Ok(needs("option:speed", true));
        }
        "udp_encapsulation" => {
            let needed = match value {
                "tcp" => "udp_encapsulation",
                "sctp" => "sctp",
                _ => return Err(wrong("`tcp` or `sctp`")),
            };
            options.udp_encapsulation = value == "tcp";
            return Ok(needs(needed, true));
        }
        "init_scripts" => {
            let scripts = value.split(',').map(str::trim);
            let scripts = scripts.filter(|script| !script.is_empty());
            options.init_scripts = scripts.map(str::to_owned).collect();
        }
        "tolerance_usecs" => {
            let micros: u32 = number(value, 1, u64::from(u32::MAX))?;
            options.tolerance = Some(Duration::from_micros(micros.into()));
        }
        "tolerance_percent" => options.tolerance_percent = Some(percent(value)?),
        "tcp_ts_tick_usecs" => options.tcp_ts_tick_usecs = Some(number(value, 0, 1_000_000)?),
        "tcp_md5_secret" => options.tcp_md5_secret = Some(value.to_owned()),
        "non_fatal" => options.non_fatal_packet |= non_fatal(value)?,
        "code_format" => one_of(value, &["python"])?,
        "code_sockopt" => one_of(value, &["", "TCP_INFO", "TCP_CC_INFO", "SO_MEMINFO"])?,
        _ => define(value)?,
    }
    Ok(None)
}

fn wrong(expected: impl Into<String>) -> Refusal {
    Refusal::ValueWrong(expected.into())
}

fn ip_version(value: &str) -> Result<IpVersion, Refusal> {
    match value {
        "ipv4" => Ok(IpVersion::Ipv4),
        "ipv6" => Ok(IpVersion::Ipv6),
        "ipv4-mapped-ipv6" | "ipv4_mapped_ipv6" => Ok(IpVersion::Ipv4MappedIpv6),
        _ => Err(wrong("`ipv4`, `ipv6` or `ipv4-mapped-ipv6`")),
    }
}

fn address(value: &str) -> Result<IpAddr, Refusal> {
    value.parse().map_err(|_| wrong("an IP address"))
}

fn prefix(value: &str) -> Result<(IpAddr, Option<u8>), Refusal> {
    let expected = || wrong("an IP address, perhaps with a prefix length such as `/24`");
    let (address, length) = match value.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (value, None),
    };
    let address: IpAddr = address.parse().map_err(|_| expected())?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    match length.map(str::parse::<u8>) {
        None => Ok((address, None)),
        Some(Ok(length)) if length <= most => Ok((address, Some(length))),
        Some(_) => Err(expected()),
    }
}

fn number<N: TryFrom<u64>>(value: &str, least: u64, most: u64) -> Result<N, Refusal> {
    value
        .parse::<u64>()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| N::try_from(number).ok())
        .ok_or_else(|| wrong(format!("a number from {least} to {most}")))
}

fn percent(value: &str) -> Result<f64, Refusal> {
    value
        .parse::<f64>()
        .ok()
        .filter(|percent| (0.0..=100.0).contains(percent))
        .ok_or_else(|| wrong("a number from 0 to 100"))
}

/// Whether `packet` is in the list.
fn non_fatal(value: &str) -> Result<bool, Refusal> {
    let words: Vec<&str> = value.split(',').map(str::trim).collect();
    match words
        .iter()
        .all(|word| ["packet", "syscall"].contains(word))
    {
        true => Ok(words.contains(&"packet")),
        false => Err(wrong("`packet`, `syscall` or both with a comma between")),
    }
}

fn one_of(value: &str, words: &[&str]) -> Result<(), Refusal> {
    if words.contains(&value) {
        return Ok(());
    }
    let words = words.iter().filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(|word| format!("`{word}`")).collect();
    Err(wrong(words.join(" or ")))
}

fn define(value: &str) -> Result<(), Refusal> {
    let name = value.split_once('=').map_or("", |(name, _)| name);
    let good = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match good {
        true => Ok(()),
        false => Err(wrong("`NAME=VALUE`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn apply(name: &str, value: Option<&str>) -> Result<Option<String>, Refusal> {
        let needs = set(&mut ScriptOptions::default(), name, value)?;
        Ok(needs.map(|capability| capability.0))
    }

    #[rstest]
    #[case("mtu", Some("1400"), None)]
    #[case("mss", Some("0"), None)]
    #[case("mss", Some("1400"), Some("option:mss"))]
    #[case("speed", Some("10000"), Some("option:speed"))]
    #[case("is_anyip", None, Some("option:is_anyip"))]
    #[case("wire_client", None, Some("wire"))]
    #[case("wire_server_at", Some("192.0.2.9"), Some("wire"))]
    #[case("so_filename", Some("x.so"), Some("shared_object"))]
    #[case("psp_udp_port", Some("1000"), Some("psp"))]
    #[case("udp_encapsulation", Some("tcp"), Some("udp_encapsulation"))]
    #[case("udp_encapsulation", Some("sctp"), Some("sctp"))]
    #[case("code_sockopt", Some("TCP_INFO"), None)]
    #[case("code_sockopt", Some(""), None)]
    #[case("non_fatal", Some("packet,syscall"), None)]
    #[case("send_omit_free", None, None)]
    #[case("no_cleanup", None, None)]
    #[case("tun_dev", Some("tun7"), None)]
    fn an_option_says_what_a_target_must_offer_for_it(
        #[case] name: &str,
        #[case] value: Option<&str>,
        #[case] needs: Option<&str>,
    ) {
        assert_eq!(apply(name, value), Ok(needs.map(str::to_owned)));
    }

    #[rstest]
    #[case("tolerance_usec", Some("1"), Refusal::Unknown(Some("tolerance_usecs")))]
    #[case("frobnicate", None, Refusal::Unknown(None))]
    #[case("mtu", None, Refusal::ValueMissing)]
    #[case("code_command", None, Refusal::ValueMissing)]
    #[case("so_filename", None, Refusal::ValueMissing)]
    #[case("strict_segments", Some("1"), Refusal::ValueSurplus)]
    #[case("dry_run", Some("1"), Refusal::ValueSurplus)]
    #[case("wire_client", Some("x"), Refusal::ValueSurplus)]
    #[case("bind_port", Some("0"), wrong("a number from 1 to 65535"))]
    #[case("mtu", Some("67"), wrong("a number from 68 to 65535"))]
    #[case("tolerance_percent", Some("NaN"), wrong("a number from 0 to 100"))]
    #[case("code_format", Some("perl"), wrong("`python`"))]
    #[case("define", Some("1=2"), wrong("`NAME=VALUE`"))]
    #[case(
        "remote_ip",
        Some("192.0.2.1/33"),
        wrong("an IP address, perhaps with a prefix length such as `/24`")
    )]
    fn what_cannot_be_taken_is_told(
        #[case] name: &str,
        #[case] value: Option<&str>,
        #[case] refusal: Refusal,
    ) {
        assert_eq!(apply(name, value), Err(refusal));
    }

    #[test]
    fn values_stand_where_the_run_looks_for_them() {
        let mut options = ScriptOptions::default();
        for (name, value) in [
            ("mss", Some("1400")),
            ("speed", Some("100")),
            ("is_anyip", None),
            ("init_scripts", Some("./a.sh, b.sh x")),
            ("mtu", Some("1400")),
            ("mtu", Some("0")),
            ("code_command", Some("python2")),
        ] {
            set(&mut options, name, value).unwrap();
        }
        let expected = ScriptOptions {
            mss: Some(1400),
            speed: Some(100),
            is_anyip: true,
            init_scripts: vec!["./a.sh".to_owned(), "b.sh x".to_owned()],
            others: vec![("code_command".to_owned(), Some("python2".to_owned()))],
            ..ScriptOptions::default()
        };
        assert_eq!(options, expected);
    }
}
