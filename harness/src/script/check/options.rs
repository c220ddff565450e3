//! Option lines: names and typed values.

use std::net::IpAddr;
use std::time::Duration;

use super::Checker;
use crate::diagnostic::{Diagnostic, code};
use crate::program::{IpVersion, ScriptOptions};
use crate::script::ast::OptionLine;
use crate::script::suggest;
use crate::source::Spanned;

/// What an option line takes, and whether this harness acts on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// No value.
    Nothing,
    /// A value or none; kept as text, changes nothing here.
    Ignored,
    /// A value that is judged.
    Value,
    /// Legal, but no target offers it: the script is skipped.
    Needs(&'static str),
}

/// Every option name of the language.
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
    ("tolerance_usecs", Takes::Value),
    ("tolerance_percent", Takes::Value),
    ("tcp_ts_tick_usecs", Takes::Value),
    ("tcp_ts_ecr_scaled", Takes::Nothing),
    ("tcp_md5_secret", Takes::Value),
    ("strict_segments", Takes::Nothing),
    ("non_fatal", Takes::Value),
    ("define", Takes::Value),
    ("speed", Takes::Ignored),
    ("send_omit_free", Takes::Ignored),
    ("is_anyip", Takes::Needs("option:is_anyip")),
    ("init_scripts", Takes::Needs("shell")),
    ("code_command", Takes::Ignored),
    ("code_format", Takes::Ignored),
    ("code_sockopt", Takes::Ignored),
    ("wire_client", Takes::Needs("wire")),
    ("wire_server", Takes::Needs("wire")),
    ("wire_server_at", Takes::Needs("wire")),
    ("wire_server_ip", Takes::Needs("wire")),
    ("wire_server_port", Takes::Needs("wire")),
    ("wire_client_dev", Takes::Needs("wire")),
    ("wire_server_dev", Takes::Needs("wire")),
    ("so_filename", Takes::Needs("shared_object")),
    ("so_flags", Takes::Needs("shared_object")),
    ("udp_encapsulation", Takes::Value),
    ("psp_udp_port", Takes::Needs("psp")),
    ("dry_run", Takes::Ignored),
    ("verbose", Takes::Ignored),
    ("debug", Takes::Ignored),
];

impl Checker<'_> {
    pub(super) fn options(&mut self, lines: &[OptionLine]) -> ScriptOptions {
        let mut options = ScriptOptions::default();
        for line in lines {
            self.option(line, &mut options);
        }
        options
    }

    fn option(&mut self, line: &OptionLine, options: &mut ScriptOptions) {
        let name = line.name.node.as_str();
        let Some((_, takes)) = NAMES.iter().find(|(known, _)| *known == name) else {
            return self.unknown_option(&line.name);
        };
        let text = line.value.as_ref().map(|value| value.node.clone());
        match (takes, &line.value) {
            (Takes::Nothing, Some(value)) => {
                self.error(
                    code::OPTION_VALUE,
                    value.span,
                    format!("`--{name}` takes no value"),
                );
            }
            (Takes::Nothing, None) => match name {
                "tcp_ts_ecr_scaled" => options.tcp_ts_ecr_scaled = true,
                _ => options.strict_segments = true,
            },
            (Takes::Ignored, _) => options.others.push((name.to_owned(), text)),
            (Takes::Needs(capability), _) => {
                self.need(*capability, line.name.span);
                options.others.push((name.to_owned(), text));
            }
            (Takes::Value, None) => {
                let message = format!("`--{name}` needs a value: `--{name}=…`");
                self.error(code::OPTION_VALUE, line.name.span, message);
            }
            (Takes::Value, Some(value)) => self.valued_option(name, value, options),
        }
    }

    fn unknown_option(&mut self, name: &Spanned<String>) {
        let message = format!("unknown option `--{}`", name.node);
        let mut diagnostic = Diagnostic::error(code::OPTION_NAME, self.source, name.span, message);
        if let Some(near) = suggest::nearest(&name.node, NAMES.iter().map(|(known, _)| *known)) {
            diagnostic = diagnostic.help(format!("did you mean `--{near}`?"));
        }
        self.report(diagnostic);
    }

    fn valued_option(&mut self, name: &str, value: &Spanned<String>, options: &mut ScriptOptions) {
        match name {
            "ip_version" => options.ip_version = self.ip_version_value(value),
            "local_ip" => options.local_ip = self.ip_value(value),
            "remote_ip" => options.remote_ip = self.prefix_value(value),
            "gateway_ip" => options.gateway_ip = self.ip_value(value),
            "netmask_ip" => options.netmask_ip = self.ip_value(value),
            "bind_port" => options.bind_port = self.number_value(value, 0, 65_535),
            "connect_port" => options.connect_port = self.number_value(value, 0, 65_535),
            "mtu" => options.mtu = self.number_value(value, 68, 65_535),
            "udp_encapsulation" => {
                options.udp_encapsulation = self.udp_encapsulation_value(value);
            }
            "mss" => {
                options.mss = self.number_value(value, 0, 65_535);
                if options.mss.is_some_and(|size| size > 0) {
                    self.need("option:mss", value.span);
                }
            }
            "tolerance_usecs" => {
                let micros: Option<u32> = self.number_value(value, 1, u64::from(u32::MAX));
                options.tolerance = micros.map(|micros| Duration::from_micros(micros.into()));
            }
            "tolerance_percent" => options.tolerance_percent = self.percent_value(value),
            "tcp_ts_tick_usecs" => {
                options.tcp_ts_tick_usecs = self.number_value(value, 0, 1_000_000);
            }
            "tcp_md5_secret" => options.tcp_md5_secret = Some(value.node.clone()),
            "non_fatal" => {
                options.non_fatal_packet |= self.non_fatal_value(value);
                if options.non_fatal_packet {
                    self.need("option:non_fatal", value.span);
                }
            }
            _ => self.define_value(value),
        }
    }

    fn bad_value(&mut self, value: &Spanned<String>, expected: &str) {
        let message = format!("expected {expected}, found `{}`", value.node);
        self.error(code::OPTION_VALUE, value.span, message);
    }

    fn ip_version_value(&mut self, value: &Spanned<String>) -> Option<IpVersion> {
        let version = match value.node.as_str() {
            "ipv4" => Some(IpVersion::Ipv4),
            "ipv6" => Some(IpVersion::Ipv6),
            "ipv4-mapped-ipv6" | "ipv4_mapped_ipv6" => Some(IpVersion::Ipv4MappedIpv6),
            _ => None,
        };
        if version.is_none() {
            self.bad_value(value, "`ipv4`, `ipv6` or `ipv4-mapped-ipv6`");
        }
        version
    }

    fn ip_value(&mut self, value: &Spanned<String>) -> Option<IpAddr> {
        let address = value.node.parse().ok();
        if address.is_none() {
            self.bad_value(value, "an IP address");
        }
        address
    }

    fn prefix_value(&mut self, value: &Spanned<String>) -> Option<(IpAddr, Option<u8>)> {
        let (address, prefix) = match value.node.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().ok())),
            None => (value.node.as_str(), None),
        };
        let read = address
            .parse::<IpAddr>()
            .ok()
            .and_then(|address| match prefix {
                None => Some((address, None)),
                Some(prefix) => {
                    let most = if address.is_ipv6() { 128 } else { 32 };
                    prefix
                        .filter(|prefix| *prefix <= most)
                        .map(|prefix| (address, Some(prefix)))
                }
            });
        if read.is_none() {
            self.bad_value(
                value,
                "an IP address, perhaps with a prefix length such as `/24`",
            );
        }
        read
    }

    fn number_value<N: TryFrom<u64>>(
        &mut self,
        value: &Spanned<String>,
        least: u64,
        most: u64,
    ) -> Option<N> {
        let number = value
            .node
            .parse::<u64>()
            .ok()
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| N::try_from(number).ok());
        if number.is_none() {
            self.bad_value(value, &format!("a number from {least} to {most}"));
        }
        number
    }

    fn percent_value(&mut self, value: &Spanned<String>) -> Option<f64> {
        let percent = value
            .node
            .parse::<f64>()
            .ok()
            .filter(|percent| (0.0..=100.0).contains(percent));
        if percent.is_none() {
            self.bad_value(value, "a number from 0 to 100");
        }
        percent
    }

    /// Whether `packet` is in the list.
    fn non_fatal_value(&mut self, value: &Spanned<String>) -> bool {
        let mut packet = false;
        for word in value.node.split(',') {
            match word {
                "packet" => packet = true,
                "syscall" => {}
                _ => self.bad_value(value, "`packet`, `syscall` or both with a comma between"),
            }
        }
        packet
    }

    /// `tcp` or `sctp`: what travels inside UDP.
    fn udp_encapsulation_value(&mut self, value: &Spanned<String>) -> bool {
        match value.node.as_str() {
            "tcp" => self.need("udp_encapsulation", value.span),
            "sctp" => self.need("sctp", value.span),
            _ => self.bad_value(value, "`tcp` or `sctp`"),
        }
        value.node == "tcp"
    }

    fn define_value(&mut self, value: &Spanned<String>) {
        let name = value.node.split_once('=').map(|(name, _)| name);
        let good = name.is_some_and(|name| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        if !good {
            self.bad_value(value, "`NAME=VALUE`");
        }
    }
}
