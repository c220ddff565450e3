//! The names of Linux, `net.core`, `net.ipv4` and `net.ipv6`: what each means here, and which mean
//! nothing.

use std::time::Duration;

use tcpdrill_stack::Config;
use tcpdrill_stack::config::{
    AccEcnOptionUse, BurstRules, EcnUse, LossDetection, Probing, RstInTimeWait, Segmentation,
    SendRoom, SynCookies,
};
use tcpdrill_stack::congestion::{Algorithm, SlowStartAfterIdle};

use super::value::{back_off, buffer, flag, millis, number, numbers, seconds, shift_for};
use super::{Harmless, Lacking, Names, Refusal, Setting};
use crate::target::reference::fast_open;

pub(super) const NAMES: Names = Names {
    table: TABLE,
    lacking: LACKING,
    harmless: HARMLESS,
};

/// Every sysctl that means something here.
const TABLE: &[Setting] = &[
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
        config.ecn = match number(text, 0, 5)? {
            0 => EcnUse::Off,
            1 => EcnUse::Request,
            2 => EcnUse::Accept,
            3 => EcnUse::AccurateRequest,
            4 => EcnUse::AccurateAcceptRequest,
            _ => EcnUse::AccurateAccept,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_ecn_option", |config, text| {
        let accecn = &mut config.accecn;
        let mode = number(text, 0, 3)?;
        accecn.option = match mode {
            0 => AccEcnOptionUse::Never,
            1 => AccEcnOptionUse::Sparing { every: 3 },
            _ => AccEcnOptionUse::Always,
        };
        accecn.option_fallback = mode < 3;
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
    // Milliseconds between acknowledgments of what cannot be taken; 0 is no limit. Where it is not
    // given, the budget of a second is the challenge ACKs' own.
    ("net.ipv4.tcp_invalid_ratelimit", |config, text| {
        config.challenge_ack_interval = millis(text)?;
        config.challenge_ack_limit = 1;
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
    ("net.ipv4.tcp_min_tso_segs", |config, text| {
        let segments = number(text, 1, 65_535)? as u32;
        bursts(config, |rules| rules.least_segments = segments);
        Ok(())
    }),
    ("net.ipv4.tcp_notsent_lowat", |config, text| {
        let limit = number(text, 0, u64::from(u32::MAX))? as u32;
        config.unsent_low_water = Some(limit).filter(|limit| *limit != u32::MAX);
        Ok(())
    }),
    ("net.ipv4.tcp_pacing_ca_ratio", |config, text| {
        let percent = number(text, 0, 1000)? as u32;
        bursts(config, |rules| rules.avoidance_percent = percent);
        config.pacing.avoidance = percent;
        Ok(())
    }),
    ("net.ipv4.tcp_pacing_ss_ratio", |config, text| {
        let percent = number(text, 0, 1000)? as u32;
        bursts(config, |rules| rules.slow_start_percent = percent);
        config.pacing.slow_start = percent;
        Ok(())
    }),
    ("net.ipv4.tcp_moderate_rcvbuf", |config, text| {
        config.tuning.receive = flag(text)?;
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
        config.tuning.receive_max = buffer(largest)?;
        // The shift that lets the largest buffer be offered, if scaling is on at all.
        if config.window_scale.is_some() {
            config.window_scale = Some(shift_for(largest));
        }
        Ok(())
    }),
    ("net.ipv4.tcp_rto_min_us", |config, text| {
        config.min_rto = Duration::from_micros(number(text, 1, i32::MAX as u64)?);
        Ok(())
    }),
    ("net.ipv4.tcp_sack", |config, text| {
        config.sack = flag(text)?;
        Ok(())
    }),
    ("net.ipv4.tcp_slow_start_after_idle", |config, text| {
        config.congestion.slow_start_after_idle = match (flag(text)?, config.segmentation) {
            (false, _) => SlowStartAfterIdle::Never,
            (true, Segmentation::Single) => SlowStartAfterIdle::AtOnce,
            (true, Segmentation::Bursts(_)) => SlowStartAfterIdle::Halving,
        };
        Ok(())
    }),
    ("net.ipv4.tcp_syn_linear_timeouts", |config, text| {
        config.syn_linear_timeouts = number(text, 0, 127)? as u32;
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
    // Where segments leave one by one these three change nothing.
    ("net.ipv4.tcp_tso_rtt_log", |config, text| {
        let log = number(text, 0, 255)? as u32;
        bursts(config, |rules| rules.round_trip_log = log);
        Ok(())
    }),
    ("net.ipv4.tcp_tso_win_divisor", |config, text| {
        let divisor = number(text, 0, 255)? as u32;
        bursts(config, |rules| rules.window_divisor = divisor);
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
        let [_, default, largest] = numbers(text)?;
        config.send_buffer = buffer(default)?;
        config.tuning.send_max = buffer(largest)?;
        if let SendRoom::Buffers { grows_to, .. } = &mut config.send_room {
            *grows_to = buffer(largest)?;
        }
        Ok(())
    }),
];

/// Parameters of the kernel's modules that mean something here, by the end of their path.
pub(super) const PARAMETERS: &[Setting] = &[
    ("tcp_cubic/parameters/hystart", |config, text| {
        config.congestion.counted_hystart.on = number(text, 0, i32::MAX as u64)? != 0;
        Ok(())
    }),
    (
        "tcp_cubic/parameters/hystart_ack_delta_us",
        |config, text| {
            let spacing = Duration::from_micros(number(text, 0, i32::MAX as u64)?);
            config.congestion.counted_hystart.spacing = spacing;
            Ok(())
        },
    ),
    ("tcp_cubic/parameters/hystart_detect", |config, text| {
        let bits = number(text, 0, i32::MAX as u64)?;
        config.congestion.counted_hystart.train = bits & 1 != 0;
        config.congestion.counted_hystart.delay = bits & 2 != 0;
        Ok(())
    }),
    ("tcp_cubic/parameters/hystart_low_window", |config, text| {
        let segments = number(text, 0, i32::MAX as u64)? as u32;
        config.congestion.counted_hystart.low_window = segments;
        Ok(())
    }),
];

/// Mechanisms that the reference lacks: the values that ask for nothing it has not, and the reason.
/// Any other value is one it cannot offer.
const LACKING: &[Lacking] = &[
    (
        "net.ipv4.tcp_ecn_option_beacon",
        &["3"],
        "the reference stack counts ACKs between options, not options in a round trip",
    ),
    (
        "net.ipv4.ip_no_pmtu_disc",
        &["0"],
        "the reference stack always discovers the MTU of a path (RFC 1191)",
    ),
    (
        "net.ipv4.tcp_reordering",
        &["3"],
        "the reference stack takes the third duplicate ACK for a loss",
    ),
];

/// Names that change nothing here whatever their value, and why.
const HARMLESS: &[Harmless] = &[
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
        "SYNs that are repeated stop asking for ECN in any case",
    ),
    ("net.ipv4.tcp_fack", "newer kernels ignore it as well"),
    ("net.ipv4.tcp_limit_output_bytes", "there is no queue below"),
    (
        "net.ipv4.tcp_low_latency",
        "newer kernels ignore it as well",
    ),
    (
        "net.ipv4.tcp_no_metrics_save",
        "what Fast Open remembers of a server is kept on Linux as well",
    ),
];

/// Changes how large bursts are, if there are any.
fn bursts(config: &mut Config, change: impl FnOnce(&mut BurstRules)) {
    if let Segmentation::Bursts(rules) = &mut config.segmentation {
        change(rules);
    }
}
