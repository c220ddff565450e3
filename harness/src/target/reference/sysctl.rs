//! Back-quoted commands: `sysctl` and `true`, nothing else.

use std::time::Duration;

use tcpdrill_stack::Config;
use tcpdrill_stack::config::{RstInTimeWait, SynCookies};

use super::kernel::Kernel;
use crate::target::{CommandReport, TargetError};

/// Why a setting was not made.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// Not a value of this sysctl: what `sysctl` itself would say.
    Invalid,
    /// A value the reference cannot offer, and why.
    Lacking(&'static str),
}

type Setter = fn(&mut Config, &str) -> Result<(), Refusal>;

/// Every sysctl that means something here.
const TABLE: &[(&str, Setter)] = &[
    ("net.ipv4.ip_default_ttl", |config, text| {
        config.ttl = number(text, 1, 255)? as u8;
        Ok(())
    }),
    ("net.ipv4.ip_local_port_range", |config, text| {
        let [low, high] = numbers(text)?;
        if low < 1 || high > 65_535 || low > high {
            return Err(Refusal::Invalid);
        }
        config.ephemeral_ports = low as u16..=high as u16;
        Ok(())
    }),
    ("net.ipv4.tcp_challenge_ack_limit", |config, text| {
        config.challenge_ack_limit = number(text, 0, i32::MAX as u64)? as u32;
        Ok(())
    }),
    ("net.ipv4.tcp_congestion_control", |_, text| match text {
        "reno" => Ok(()),
        _ => Err(Refusal::Lacking(
            "the reference stack has NewReno (`reno`) only",
        )),
    }),
    ("net.ipv4.tcp_ecn", |_, text| match number(text, 0, 3)? {
        0 => Ok(()),
        _ => Err(Refusal::Lacking("the reference stack has no ECN")),
    }),
    ("net.ipv4.tcp_fastopen", |_, text| {
        match number(text, 0, i32::MAX as u64)? {
            0 => Ok(()),
            _ => Err(Refusal::Lacking("the reference stack has no Fast Open")),
        }
    }),
    ("net.ipv4.tcp_fin_timeout", |config, text| {
        config.fin_wait_2_timeout = Some(seconds(text)?);
        Ok(())
    }),
    ("net.ipv4.tcp_keepalive_intvl", |config, text| {
        config.keepalive.interval = seconds(text)?;
        Ok(())
    }),
    ("net.ipv4.tcp_keepalive_probes", |config, text| {
        config.keepalive.probes = number(text, 1, 127)? as u32;
        Ok(())
    }),
    ("net.ipv4.tcp_keepalive_time", |config, text| {
        config.keepalive.idle = seconds(text)?;
        Ok(())
    }),
    ("net.ipv4.tcp_max_syn_backlog", |config, text| {
        config.syn_queue = number(text, 0, i32::MAX as u64)? as usize;
        Ok(())
    }),
    ("net.ipv4.tcp_retries1", |config, text| {
        config.r1 = number(text, 0, 255)? as u32;
        Ok(())
    }),
    ("net.ipv4.tcp_retries2", |config, text| {
        config.r2 = back_off(number(text, 0, 255)?, config.min_rto, config.max_rto);
        Ok(())
    }),
    ("net.ipv4.tcp_rfc1337", |config, text| {
        config.rst_in_time_wait = if flag(text)? {
            RstInTimeWait::Ignore
        } else {
            RstInTimeWait::Close
        };
        Ok(())
    }),
    ("net.ipv4.tcp_rmem", |config, text| {
        let [_, default, largest] = numbers(text)?;
        config.recv_buffer = buffer(default)?;
        // The shift that lets the largest buffer be offered, if scaling is on at all.
        if config.window_scale.is_some() {
            config.window_scale = Some(shift_for(largest));
        }
        Ok(())
    }),
    ("net.ipv4.tcp_sack", |config, text| {
        config.sack = flag(text)?;
        Ok(())
    }),
    ("net.ipv4.tcp_syn_retries", |config, text| {
        config.syn_give_up = back_off(number(text, 1, 127)?, config.initial_rto, config.max_rto);
        Ok(())
    }),
    ("net.ipv4.tcp_synack_retries", |config, text| {
        config.syn_ack_retries = number(text, 0, 255)? as u32;
        Ok(())
    }),
    ("net.ipv4.tcp_syncookies", |config, text| {
        config.syn_cookies = match number(text, 0, 2)? {
            0 => SynCookies::Never,
            1 => SynCookies::OnOverflow,
            _ => SynCookies::Always,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_timestamps", |config, text| {
        config.timestamps = number(text, 0, 2)? != 0;
        Ok(())
    }),
    ("net.ipv4.tcp_window_scaling", |config, text| {
        let default = Config::default().window_scale;
        config.window_scale = match (flag(text)?, config.window_scale) {
            (false, _) => None,
            (true, Some(shift)) => Some(shift),
            (true, None) => default,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_wmem", |config, text| {
        let [_, default, _] = numbers(text)?;
        config.send_buffer = buffer(default)?;
        Ok(())
    }),
];

/// The one that belongs to the call interface.
const SOMAXCONN: &str = "net.core.somaxconn";

/// Whether a sysctl means something to the reference.
pub(super) fn is_known(name: &str) -> bool {
    name == SOMAXCONN || TABLE.iter().any(|entry| entry.0 == name)
}

impl Kernel {
    /// Runs a command line: `sysctl` settings and `true`, joined by `;`, `&&` or line ends.
    pub(super) fn command(&mut self, line: &str) -> Result<CommandReport, TargetError> {
        let commands = split(line).ok_or_else(|| not_understood(line))?;
        // Nothing is done by halves: a line that is not understood changes nothing.
        for words in &commands {
            match words.first().map(String::as_str) {
                Some("true" | "sysctl") => {}
                _ => return Err(not_understood(line)),
            }
        }
        let mut output = String::new();
        for words in commands {
            if words[0] == "true" {
                continue;
            }
            let status = self.sysctl(&words[1..], line, &mut output)?;
            if status != 0 {
                return Ok(CommandReport {
                    status: Some(status),
                    output,
                });
            }
        }
        Ok(CommandReport {
            status: Some(0),
            output,
        })
    }

    fn sysctl(
        &mut self,
        words: &[String],
        line: &str,
        output: &mut String,
    ) -> Result<i32, TargetError> {
        let mut quiet = false;
        let mut settings = Vec::new();
        for word in words {
            if let Some(flags) = word.strip_prefix('-') {
                if flags.is_empty() || !flags.chars().all(|flag| "qwe".contains(flag)) {
                    return Err(not_understood(line));
                }
                quiet |= flags.contains('q');
                continue;
            }
            let (name, value) = word.split_once('=').ok_or_else(|| not_understood(line))?;
            settings.push((name.trim().replace('/', "."), value.trim().to_owned()));
        }
        for (name, value) in settings {
            match self.set(&name, &value)? {
                Ok(()) if !quiet => output.push_str(&format!("{name} = {value}\n")),
                Ok(()) => {}
                Err(()) => {
                    output.push_str(&format!(
                        "sysctl: setting key \"{name}\": Invalid argument\n"
                    ));
                    return Ok(255);
                }
            }
        }
        Ok(0)
    }

    /// Makes one setting; the inner error is a value the sysctl does not take.
    fn set(&mut self, name: &str, value: &str) -> Result<Result<(), ()>, TargetError> {
        let lacking = |reason: &str| TargetError::Unsupported {
            capability: format!("sysctl:{name}"),
            reason: reason.to_owned(),
        };
        let result = if name == SOMAXCONN {
            number(value, 0, i32::MAX as u64).map(|longest| self.max_backlog = longest as usize)
        } else {
            let (_, setter) = TABLE
                .iter()
                .find(|entry| entry.0 == name)
                .ok_or_else(|| lacking("the reference stack has no such setting"))?;
            setter(self.engine.host_mut().config_mut(), value)
        };
        match result {
            Ok(()) => Ok(Ok(())),
            Err(Refusal::Invalid) => Ok(Err(())),
            Err(Refusal::Lacking(reason)) => Err(lacking(reason)),
        }
    }
}

fn not_understood(line: &str) -> TargetError {
    TargetError::Unsupported {
        capability: "shell".to_owned(),
        reason: format!(
            "the reference target has no shell; it understands `sysctl -w NAME=VALUE` and `true`, not `{line}`"
        ),
    }
}

/// Commands of a line as words; `None` if it uses more of the shell than quotes and separators.
fn split(line: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some('"'), '$' | '`' | '\\') => return None,
            (Some(_), other) => word.get_or_insert_default().push(other),
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, ' ' | '\t' | '\r') => words.extend(word.take()),
            (None, '\n' | ';' | '&') => {
                if character == '&' && characters.next() != Some('&') {
                    return None;
                }
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, '$' | '`' | '\\' | '|' | '<' | '>' | '(' | ')' | '*' | '?' | '#') => {
                return None;
            }
            (None, other) => word.get_or_insert_default().push(other),
        }
    }
    if quote.is_some() {
        return None;
    }
    words.extend(word.take());
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    Some(commands).filter(|commands| !commands.is_empty())
}

fn number(text: &str, low: u64, high: u64) -> Result<u64, Refusal> {
    text.trim()
        .parse()
        .ok()
        .filter(|value| (low..=high).contains(value))
        .ok_or(Refusal::Invalid)
}

fn numbers<const N: usize>(text: &str) -> Result<[u64; N], Refusal> {
    let values: Result<Vec<u64>, Refusal> = text
        .split_whitespace()
        .map(|word| number(word, 0, i32::MAX as u64))
        .collect();
    values?.try_into().map_err(|_| Refusal::Invalid)
}

fn flag(text: &str) -> Result<bool, Refusal> {
    Ok(number(text, 0, 1)? != 0)
}

fn seconds(text: &str) -> Result<Duration, Refusal> {
    Ok(Duration::from_secs(number(
        text,
        0,
        i32::MAX as u64 / 1000,
    )?))
}

fn buffer(bytes: u64) -> Result<usize, Refusal> {
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| *bytes > 0)
        .ok_or(Refusal::Invalid)
}

/// The smallest shift with which a 16-bit window reaches `bytes`, at most 14 (RFC 7323 §2.3).
fn shift_for(bytes: u64) -> u8 {
    (0..14)
        .find(|shift| 65_535u64 << shift >= bytes)
        .unwrap_or(14)
}

/// The time `retries` retransmissions take before the last wait is over, doubling from `first` up to
/// `longest`: how Linux turns a count into the times of RFC 9293 §3.8.3.
fn back_off(retries: u64, first: Duration, longest: Duration) -> Duration {
    let mut total = Duration::ZERO;
    let mut wait = first;
    for _ in 0..=retries {
        total += wait;
        wait = (wait * 2).min(longest);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn words(line: &str) -> Option<Vec<Vec<String>>> {
        split(line)
    }

    #[test]
    fn quotes_keep_a_value_together() {
        assert_eq!(
            words("sysctl -q -w a=1 b=\"4096 5 6\"").unwrap(),
            [["sysctl", "-q", "-w", "a=1", "b=4096 5 6"]]
        );
    }

    #[test]
    fn separators_part_commands() {
        assert_eq!(
            words("sysctl a=1 && true; true\n").unwrap(),
            [vec!["sysctl", "a=1"], vec!["true"], vec!["true"]]
        );
    }

    #[rstest]
    #[case("sysctl a=$B")]
    #[case("sysctl a=1 | cat")]
    #[case("sysctl a=\"1")]
    #[case("sleep 1 &")]
    #[case("sysctl `echo`")]
    #[case("")]
    fn more_of_the_shell_is_not_understood(#[case] line: &str) {
        assert_eq!(words(line), None);
    }

    #[rstest]
    #[case(65_535, 0)]
    #[case(65_536, 1)]
    #[case(6_291_456, 7)]
    #[case(15_728_640, 8)]
    #[case(u64::from(u32::MAX), 14)]
    fn the_shift_lets_the_largest_buffer_be_offered(#[case] bytes: u64, #[case] shift: u8) {
        assert_eq!(shift_for(bytes), shift);
    }

    #[test]
    fn six_syn_retries_take_127_seconds() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(120));
        assert_eq!(back_off(6, first, longest), Duration::from_secs(127));
    }

    #[test]
    fn fifteen_data_retries_take_924_and_a_half_seconds_with_linuxs_bounds() {
        let (first, longest) = (Duration::from_millis(200), Duration::from_secs(120));
        assert_eq!(back_off(15, first, longest), Duration::from_millis(924_600));
    }
}
