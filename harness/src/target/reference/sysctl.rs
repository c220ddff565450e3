//! Settings by the names of Linux: what each means here, and which mean nothing.

use std::time::Duration;

use tcpdrill_stack::Config;
use tcpdrill_stack::config::{EcnUse, LossDetection, Probing, RstInTimeWait, SynCookies};
use tcpdrill_stack::congestion::{AfterIdle, Algorithm};

use super::fast_open;
use super::kernel::Kernel;

/// Why a setting was not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Not a value of this sysctl: what `sysctl` itself would say.
    Invalid,
    /// A setting or a value the reference cannot offer, and why.
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
    ("net.ipv4.route.min_pmtu", |config, text| {
        config.path_mtu.min_ipv4_mtu = number(text, 68, 65_535)? as u16;
        Ok(())
    }),
    ("net.ipv4.route.mtu_expires", |config, text| {
        config.path_mtu.lifetime = Some(seconds(text)?);
        Ok(())
    }),
    ("net.ipv4.tcp_base_mss", |config, text| {
        config.path_mtu.base_mss = number(text, 1, 65_535)? as u16;
        Ok(())
    }),
    ("net.ipv4.tcp_challenge_ack_limit", |config, text| {
        config.challenge_ack_limit = number(text, 0, i32::MAX as u64)? as u32;
        Ok(())
    }),
    ("net.ipv4.tcp_congestion_control", |config, text| {
        config.congestion.algorithm = match text.trim() {
            "reno" => Algorithm::Reno,
            "cubic" => Algorithm::Cubic,
            _ => {
                return Err(Refusal::Lacking(
                    "the reference stack has `reno` and `cubic`",
                ));
            }
        };
        Ok(())
    }),
    ("net.ipv4.tcp_dsack", |config, text| {
        config.dsack = flag(text)?;
        Ok(())
    }),
    // Tail loss probes come with RACK here, as RFC 8985 has them.
    ("net.ipv4.tcp_early_retrans", |config, text| {
        if number(text, 0, 4)? >= 3 {
            config.loss_detection = LossDetection::RackTlp;
        }
        Ok(())
    }),
    ("net.ipv4.tcp_ecn", |config, text| {
        config.ecn = match number(text, 0, 2)? {
            0 => EcnUse::Off,
            1 => EcnUse::Request,
            _ => EcnUse::Accept,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_fastopen", |config, text| {
        let bits = number(text, 0, i32::MAX as u64)?;
        fast_open::set_bits(&mut config.fast_open, bits);
        Ok(())
    }),
    (
        "net.ipv4.tcp_fastopen_blackhole_timeout_sec",
        |config, text| {
            let length = Some(seconds(text)?);
            config.fast_open.distrust = length.filter(|length| !length.is_zero());
            Ok(())
        },
    ),
    ("net.ipv4.tcp_fastopen_key", |config, text| {
        config.fast_open.keys = Some(fast_open::keys(text).ok_or(Refusal::Invalid)?);
        Ok(())
    }),
    ("net.ipv4.tcp_fin_timeout", |config, text| {
        config.fin_wait_2_timeout = Some(seconds(text)?);
        Ok(())
    }),
    ("net.ipv4.tcp_frto", |config, text| {
        config.frto = number(text, 0, 2)? != 0;
        config.undo |= config.frto;
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
    ("net.ipv4.tcp_mtu_probe_floor", |config, text| {
        config.path_mtu.floor_mss = number(text, 1, 65_535)? as u16;
        Ok(())
    }),
    ("net.ipv4.tcp_mtu_probing", |config, text| {
        config.path_mtu.probing = match number(text, 0, 2)? {
            0 => Probing::Off,
            1 => Probing::AfterBlackHole,
            _ => Probing::Always,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_probe_interval", |config, text| {
        config.path_mtu.probe_interval = seconds(text)?;
        Ok(())
    }),
    ("net.ipv4.tcp_probe_threshold", |config, text| {
        config.path_mtu.probe_threshold = number(text, 0, 65_535)? as u16;
        Ok(())
    }),
    ("net.ipv4.tcp_recovery", |config, text| {
        config.loss_detection = if number(text, 0, 7)? & 1 == 1 {
            LossDetection::RackTlp
        } else {
            LossDetection::SelectiveAcks
        };
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
    ("net.ipv4.tcp_slow_start_after_idle", |config, text| {
        config.congestion.after_idle = if flag(text)? {
            AfterIdle::Decay
        } else {
            AfterIdle::Keep
        };
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

/// Mechanisms that the reference lacks: the values that ask for nothing it has not, and the reason.
/// Any other value is one it cannot offer.
const LACKING: &[(&str, &[&str], &str)] = &[
    (
        "net.ipv4.ip_no_pmtu_disc",
        &["0"],
        "the reference stack always discovers the MTU of a path (RFC 1191)",
    ),
    (
        "net.ipv4.tcp_notsent_lowat",
        &["4294967295"],
        "the reference stack has no low-water mark for unsent data",
    ),
    (
        "net.ipv4.tcp_reordering",
        &["3"],
        "the reference stack takes the third duplicate ACK for a loss",
    ),
];

/// Names that change nothing here whatever their value, and why.
const HARMLESS: &[(&str, &str)] = &[
    ("net.core.netdev_max_backlog", "packets do not queue"),
    (
        "net.core.optmem_max",
        "control messages need no memory of the stack",
    ),
    (
        "net.core.rmem_max",
        "it bounds what SO_RCVBUF asks for, which is not bounded here",
    ),
    (
        "net.core.wmem_max",
        "it bounds what SO_SNDBUF asks for, which is not bounded here",
    ),
    (
        "net.ipv4.tcp_autocorking",
        "segments are not held back for a queue below",
    ),
    (
        "net.ipv4.tcp_ecn_fallback",
        "a repeated SYN never asks for ECN",
    ),
    (
        "net.ipv4.tcp_ecn_option",
        "it matters to AccECN only, which there is not",
    ),
    ("net.ipv4.tcp_fack", "newer kernels ignore it as well"),
    ("net.ipv4.tcp_limit_output_bytes", "there is no queue below"),
    (
        "net.ipv4.tcp_low_latency",
        "newer kernels ignore it as well",
    ),
    (
        "net.ipv4.tcp_min_tso_segs",
        "segments leave one by one, which reads the same",
    ),
    (
        "net.ipv4.tcp_no_metrics_save",
        "what Fast Open remembers of a server is kept on Linux as well",
    ),
    ("net.ipv4.tcp_pacing_ca_ratio", "nothing is paced"),
    ("net.ipv4.tcp_pacing_ss_ratio", "nothing is paced"),
    (
        "net.ipv4.tcp_tso_rtt_log",
        "segments leave one by one, which reads the same",
    ),
    (
        "net.ipv4.tcp_tso_win_divisor",
        "segments leave one by one, which reads the same",
    ),
];

/// The one that belongs to the call interface.
const SOMAXCONN: &str = "net.core.somaxconn";

/// Whether a sysctl means something to the reference, or is known to mean nothing.
pub(super) fn is_known(name: &str) -> bool {
    name == SOMAXCONN
        || TABLE.iter().any(|entry| entry.0 == name)
        || LACKING.iter().any(|entry| entry.0 == name)
        || HARMLESS.iter().any(|entry| entry.0 == name)
}

impl Kernel {
    /// Makes one setting.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let value = value.trim();
        if name == SOMAXCONN {
            self.max_backlog = number(value, 0, i32::MAX as u64)? as usize;
        } else if let Some((_, setter)) = TABLE.iter().find(|entry| entry.0 == name) {
            setter(self.engine.host_mut().config_mut(), value)?;
        } else if let Some((_, offered, reason)) = LACKING.iter().find(|entry| entry.0 == name) {
            let same = |text: &&str| match (integer(text), integer(value)) {
                (Some(offered), Some(value)) => offered == value,
                _ => *text == value,
            };
            if !offered.iter().any(same) {
                return Err(Refusal::Lacking(reason));
            }
        } else if !HARMLESS.iter().any(|entry| entry.0 == name) {
            return Err(Refusal::Lacking("the reference stack has no such setting"));
        }
        self.settings.insert(name.to_owned(), value.to_owned());
        Ok(())
    }
}

/// A number as the kernel reads it: decimal, `0x…`, or octal behind a zero.
fn integer(text: &str) -> Option<u64> {
    let text = text.trim();
    match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

fn number(text: &str, low: u64, high: u64) -> Result<u64, Refusal> {
    integer(text)
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
pub(super) fn back_off(retries: u64, first: Duration, longest: Duration) -> Duration {
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

    #[rstest]
    #[case("0x70403", Some(0x70403))]
    #[case("017", Some(15))]
    #[case(" 0 ", Some(0))]
    #[case("4294967295", Some(4_294_967_295))]
    #[case("08", None)]
    #[case("-1", None)]
    #[case("", None)]
    fn numbers_are_read_as_by_the_kernel(#[case] text: &str, #[case] want: Option<u64>) {
        assert_eq!(integer(text), want);
    }

    #[test]
    fn a_name_stands_in_one_table() {
        let names = || {
            let table = TABLE.iter().map(|entry| entry.0);
            let lacking = LACKING.iter().map(|entry| entry.0);
            table
                .chain(lacking)
                .chain(HARMLESS.iter().map(|entry| entry.0))
        };
        for name in names() {
            assert_eq!(names().filter(|other| *other == name).count(), 1, "{name}");
        }
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
