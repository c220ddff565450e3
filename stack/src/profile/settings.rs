//! Every setting with what a reader wants to know of it: its value, its bounds, the rule it answers
//! to, and who else has a name for it.
//!
//! Each table takes its structure apart with nothing left out, so that a setting without a row does
//! not compile.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::config::{
    AccEcnConfig, BufferTuning, BurstRules, Config, KeepAliveConfig, Md5Config, PacingRules,
    PathMtuConfig, Segmentation, SendRoom, UserTimeoutConfig,
};
use crate::congestion::{HyStartRules, InitialWindow, Rules};
use crate::fast_open::{FastOpenConfig, Keys};

/// One setting of a [`Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The field, behind that of the structure it is in: `congestion.algorithm`.
    pub name: &'static str,
    /// What it is set to.
    pub value: String,
    /// Its unit and its bounds; empty where the name says all.
    pub bounds: &'static str,
    /// The requirements or sections it answers to, commas between.
    pub answers: &'static str,
    /// Linux's sysctls for it, a space between; empty if there is none.
    pub linux: &'static str,
    /// FreeBSD's sysctls for it, a space between; empty if there is none.
    pub freebsd: &'static str,
}

/// Every setting of `config`, in the order of its fields; those of an inner structure come last.
pub fn of(config: &Config) -> Vec<Setting> {
    config_rows(config)
}

/// `field: bounds, answers[, linux NAMES][, freebsd NAMES];` for each field, and `+ field: function;`
/// for a structure of settings; `- field;` for what is there with the feature `mutants` only.
macro_rules! rows {
    (
        $(#[$doc:meta])*
        fn $rows:ident($type:ident, $prefix:literal) {
            $($field:ident: $bounds:literal, $answers:literal
                $(, linux $linux:literal)? $(, freebsd $freebsd:literal)?;)*
            $(+ $inner:ident: $inner_rows:ident;)*
            $(- $no_setting:ident;)*
        }
    ) => {
        $(#[$doc])*
        fn $rows(settings: &$type) -> Vec<Setting> {
            // No `..`: a field that has no row here is an error.
            let $type {
                $($field,)*
                $($inner,)*
                $(#[cfg(feature = "mutants")] $no_setting: _,)*
            } = settings;
            let rows = vec![$(Setting {
                name: concat!($prefix, stringify!($field)),
                value: $field.shown(),
                bounds: $bounds,
                answers: $answers,
                linux: concat!($($linux)?),
                freebsd: concat!($($freebsd)?),
            }),*];
            let inner: Vec<Vec<Setting>> = vec![$($inner_rows($inner)),*];
            rows.into_iter().chain(inner.into_iter().flatten()).collect()
        }
    };
}

rows! {
    fn config_rows(Config, "") {
        mtu: "bytes, at least 576", "RFC9293-MUST-16";
        min_mss: "bytes", "RFC9293-MUST-16", freebsd "net.inet.tcp.minmss";
        ttl: "1 to 255", "RFC9293-MUST-49", linux "net.ipv4.ip_default_ttl", freebsd "net.inet.ip.ttl";
        syn_data: "", "RFC9293-SM-12";
        syn_ack_data: "", "RFC9293-SM-11";
        syn_with_fin: "", "RFC9293-SM-39", freebsd "net.inet.tcp.drop_synfin";
        syn_linear_timeouts: "times", "RFC6298-11", linux "net.ipv4.tcp_syn_linear_timeouts";
        syn_repeat_after_bad_ack: "time", "RFC9293-SM-19";
        syn_ack_retries: "times", "DOC-HS-11", linux "net.ipv4.tcp_synack_retries", freebsd "net.inet.tcp.syncache.rexmtlimit";
        syn_ack_timeout: "time", "DOC-HS-12, RFC6298-1";
        syn_give_up: "time, at least 180 s; the last wait is waited to its end behind linear ones", "RFC9293-MUST-23", linux "net.ipv4.tcp_syn_retries", freebsd "net.inet.tcp.keepinit";
        duplicate_syn_in_syn_received: "", "RFC9293-SM-25";
        syn_in_window_in_syn_received: "", "RFC9293-SM-24";
        syn_cookies: "", "RFC4987-1", linux "net.ipv4.tcp_syncookies", freebsd "net.inet.tcp.syncookies net.inet.tcp.syncookies_only";
        syn_cookie_options: "", "RFC4987-4";
        syn_queue: "connections", "RFC 4987 §3.6", linux "net.ipv4.tcp_max_syn_backlog";
        window_scale: "0 to 14", "RFC7323-2", linux "net.ipv4.tcp_window_scaling net.ipv4.tcp_rmem", freebsd "net.inet.tcp.rfc1323 kern.ipc.maxsockbuf";
        timestamps: "", "RFC7323-10", linux "net.ipv4.tcp_timestamps", freebsd "net.inet.tcp.rfc1323";
        sack: "", "RFC2018-2", linux "net.ipv4.tcp_sack", freebsd "net.inet.tcp.sack.enable";
        dsack: "", "RFC 2883 §4", linux "net.ipv4.tcp_dsack";
        ecn: "", "RFC 3168 §6.1.1", linux "net.ipv4.tcp_ecn", freebsd "net.inet.tcp.ecn.enable";
        missing_timestamp: "", "RFC7323-13", freebsd "net.inet.tcp.tolerate_missing_ts";
        recv_buffer: "bytes", "RFC 9293 §3.8.6.2", linux "net.ipv4.tcp_rmem", freebsd "net.inet.tcp.recvspace";
        send_buffer: "bytes", "RFC 9293 §3.9.1.2", linux "net.ipv4.tcp_wmem", freebsd "net.inet.tcp.sendspace";
        send_room: "", "RFC 9293 §3.9.1.2", linux "net.ipv4.tcp_wmem";
        unsent_low_water: "bytes", "RFC 9293 §3.9.1.2", linux "net.ipv4.tcp_notsent_lowat";
        loss_detection: "", "RFC 6675, RFC8985-15", linux "net.ipv4.tcp_recovery net.ipv4.tcp_early_retrans";
        rack_round_trip: "", "RFC 8985 §6.2";
        timer_slack: "time", "RFC 8985 §6.2, RFC 8985 §7.2";
        undo: "", "RFC 4015 §3", linux "net.ipv4.tcp_frto";
        frto: "", "RFC 5682 §2", linux "net.ipv4.tcp_frto";
        tlp_max_ack_delay: "time", "RFC 8985 §7.2";
        delayed_ack: "time, below 500 ms", "RFC9293-MUST-40, RFC9293-SHLD-18", freebsd "net.inet.tcp.delacktime net.inet.tcp.delayed_ack";
        quick_acks: "segments", "RFC 5681 §4.2";
        acknowledging: "", "RFC9293-SHLD-18, RFC5681-19";
        delayed_ack_max: "time, below 500 ms", "RFC9293-MUST-40";
        segmentation: "", "RFC 9293 §3.7.4", linux "net.ipv4.tcp_min_tso_segs net.ipv4.tcp_tso_win_divisor net.ipv4.tcp_tso_rtt_log net.ipv4.tcp_pacing_ss_ratio net.ipv4.tcp_pacing_ca_ratio";
        window_probe: "", "RFC9293-MUST-36";
        rtt_samples: "", "RFC6298-7";
        rtt_variance: "", "RFC6298-3";
        nagle: "", "RFC9293-SHLD-7";
        initial_rto: "time, at least 1 s", "RFC6298-1", freebsd "net.inet.tcp.rexmit_initial";
        min_rto: "time, 1 s", "RFC6298-4", linux "net.ipv4.tcp_rto_min_us", freebsd "net.inet.tcp.rexmit_min";
        max_rto: "time, at least 60 s", "RFC6298-5", freebsd "net.inet.tcp.rexmit_max";
        rto_slack: "time", "RFC6298-3", freebsd "net.inet.tcp.rexmit_slop";
        persist_min: "time", "RFC9293-SHLD-29", freebsd "net.inet.tcp.persmin";
        persist_max: "time, at least persist_min", "RFC9293-SHLD-30", freebsd "net.inet.tcp.persmax";
        link_retry: "time, above zero", "RFC 9293 §3.8.1";
        r1: "times, at least 3", "RFC9293-SHLD-9, RFC9293-SHLD-10", linux "net.ipv4.tcp_retries1";
        r2: "time, at least 100 s", "RFC9293-SHLD-11", linux "net.ipv4.tcp_retries2", freebsd "net.inet.tcp.retries";
        sws_override: "time, 0.1 to 1 s", "RFC 9293 §3.8.6.2.1";
        msl: "time, 120 s", "RFC9293-MUST-13, RFC9293-SM-49", freebsd "net.inet.tcp.msl";
        fin_wait_2_timeout: "time", "RFC 9293 §3.6", linux "net.ipv4.tcp_fin_timeout", freebsd "net.inet.tcp.fast_finwait2_recycle";
        rst_in_time_wait: "", "RFC9293-SM-42, RFC1337-1", linux "net.ipv4.tcp_rfc1337";
        time_wait_syn: "", "RFC9293-MAY-2, RFC6191-1";
        time_wait_iss: "", "RFC9293-MAY-2";
        data_after_close: "", "RFC9293-SHLD-3";
        close_with_unread_data: "", "RFC9293-SHLD-3";
        received_on_error: "", "RFC9293-SM-46";
        reset_error: "", "RFC9293-SM-46";
        reset_carries_ack: "", "RFC 9293 §3.10.5";
        timestamp_on_reset: "", "RFC7323-23";
        timestamp_on_abort: "", "RFC7323-23";
        check_syn_ack_echo: "", "RFC 7323 §3";
        old_ack_check: "", "RFC9293-MAY-12";
        challenge_ack_limit: "ACKs", "RFC5961-11", linux "net.ipv4.tcp_challenge_ack_limit net.ipv4.tcp_invalid_ratelimit", freebsd "net.inet.tcp.ack_war_cnt";
        challenge_ack_interval: "time", "RFC5961-12", linux "net.ipv4.tcp_invalid_ratelimit", freebsd "net.inet.tcp.ack_war_timewindow";
        hard_icmp: "", "RFC9293-SHLD-26, RFC5927-2";
        soft_icmp_in_handshake: "", "RFC9293-MUST-56";
        ephemeral_ports: "ports", "RFC 6056 §3.2", linux "net.ipv4.ip_local_port_range", freebsd "net.inet.ip.portrange.first net.inet.ip.portrange.last";
        + congestion: congestion_rows;
        + keepalive: keepalive_rows;
        + fast_open: fast_open_rows;
        + accecn: accecn_rows;
        + tuning: tuning_rows;
        + pacing: pacing_rows;
        + path_mtu: path_mtu_rows;
        + user_timeout_option: user_timeout_rows;
        + md5: md5_rows;
        - mutant;
    }
}

rows! {
    fn congestion_rows(Rules, "congestion.") {
        algorithm: "", "RFC 5681, RFC 9438", linux "net.ipv4.tcp_congestion_control", freebsd "net.inet.tcp.cc.algorithm";
        initial_window: "", "RFC5681-2, RFC 6928 §2", freebsd "net.inet.tcp.initcwnd_segments";
        lost_handshakes: "SYNs or SYN-ACKs, at least 1", "RFC5681-4";
        slow_start_limit: "segments for one ACK", "RFC5681-5, RFC 3465 §2.2", freebsd "net.inet.tcp.abc_l_var";
        slow_start_limit_after_timeout: "segments for one ACK", "RFC3465-1, RFC3465-2";
        count_segments: "", "RFC5681-7";
        grow_out_of_order: "", "RFC5681-5";
        least_after_marks: "", "RFC9438-7, RFC3168-8";
        counted_hystart: "", "RFC 9406 §4";
        slow_start_after_idle: "", "RFC5681-17", linux "net.ipv4.tcp_slow_start_after_idle";
        hystart: "", "RFC 9406 §4";
        grow_only_if_used: "", "RFC 7661 §4.3, RFC 9438 §5.8";
    }
}

rows! {
    fn accecn_rows(AccEcnConfig, "accecn.") {
        syn_attempts: "at least 1", "RFC9768-7";
        syn_ack_attempts: "at least 1", "RFC 9768 §3.2.3.2.2";
        option: "", "RFC 9768 §3.2.3.3", linux "net.ipv4.tcp_ecn_option";
        option_answers: "", "RFC 9768 §3.2.3.3";
        option_fallback: "", "RFC 9768 §3.2.3.2.2", linux "net.ipv4.tcp_ecn_option";
        change_acks: "", "RFC 9768 §3.2.2.5.1";
        marks_per_ack: "1 to 7", "RFC9768-12";
        marks_per_bare_ack: "3 to 7", "RFC9768-12";
        check_zeroed: "", "RFC 9768 §3.2.2.4, RFC 9768 §3.2.3.2.4";
        continuous_rounds: "round trips", "RFC 9768 §3.2.2.3";
    }
}

rows! {
    fn tuning_rows(BufferTuning, "tuning.") {
        receive: "", "RFC 9293 §3.8.6", linux "net.ipv4.tcp_moderate_rcvbuf", freebsd "net.inet.tcp.recvbuf_auto";
        receive_max: "bytes", "RFC 9293 §3.8.6", linux "net.ipv4.tcp_rmem", freebsd "net.inet.tcp.recvbuf_max";
        gradual_window: "", "RFC 9293 §3.8.6";
        send: "", "RFC 9293 §3.8.6", freebsd "net.inet.tcp.sendbuf_auto";
        send_max: "bytes", "RFC 9293 §3.8.6", linux "net.ipv4.tcp_wmem", freebsd "net.inet.tcp.sendbuf_max";
    }
}

rows! {
    fn pacing_rows(PacingRules, "pacing.") {
        always: "", "RFC 9002 §7.7";
        slow_start: "per cent of a window", "RFC 9002 §7.7", linux "net.ipv4.tcp_pacing_ss_ratio";
        avoidance: "per cent of a window", "RFC 9002 §7.7", linux "net.ipv4.tcp_pacing_ca_ratio";
        burst: "segments, at least 1", "RFC 9002 §7.7";
        pause: "", "RFC 9002 §7.7";
    }
}

rows! {
    fn path_mtu_rows(PathMtuConfig, "path_mtu.") {
        too_big: "", "RFC5927-4, RFC5927-5";
        held_back_timeouts: "at least 1", "RFC 5927 §7.2";
        min_ipv4_mtu: "bytes, at least 68", "RFC1191-4", linux "net.ipv4.route.min_pmtu";
        below_minimum: "", "RFC8201-2";
        lifetime: "time, at least 5 min", "RFC1191-5, RFC8201-4", linux "net.ipv4.route.mtu_expires";
        remembered: "destinations", "RFC 8201 §5.2";
        probing: "", "RFC4821-2, RFC4821-6", linux "net.ipv4.tcp_mtu_probing";
        base_mss: "bytes", "RFC 4821 §7.2, RFC8899-1", linux "net.ipv4.tcp_base_mss";
        floor_mss: "bytes", "RFC 4821 §7.7", linux "net.ipv4.tcp_mtu_probe_floor";
        probe_interval: "time, 600 s", "RFC8899-3", linux "net.ipv4.tcp_probe_interval";
        probe_threshold: "bytes", "RFC 4821 §7.3", linux "net.ipv4.tcp_probe_threshold";
        max_probes: "at least 1", "RFC8899-2";
    }
}

rows! {
    fn user_timeout_rows(UserTimeoutConfig, "user_timeout_option.") {
        lower: "time, at least 100 s", "RFC5482-3";
        upper: "time, at least lower", "RFC 5482 §3.1";
    }
}

rows! {
    fn md5_rows(Md5Config, "md5.") {
        unexpected: "", "RFC2385-4";
        timestamps: "", "RFC2385-6";
    }
}

rows! {
    fn keepalive_rows(KeepAliveConfig, "keepalive.") {
        always: "", "RFC9293-MUST-25", freebsd "net.inet.tcp.always_keepalive";
        idle: "time, at least 2 h", "RFC9293-MUST-28", linux "net.ipv4.tcp_keepalive_time", freebsd "net.inet.tcp.keepidle";
        interval: "time", "RFC 9293 §3.8.4", linux "net.ipv4.tcp_keepalive_intvl", freebsd "net.inet.tcp.keepintvl";
        probes: "at least 2", "RFC9293-MUST-29", linux "net.ipv4.tcp_keepalive_probes", freebsd "net.inet.tcp.keepcnt";
    }
}

rows! {
    fn fast_open_rows(FastOpenConfig, "fast_open.") {
        client: "", "RFC7413-1", linux "net.ipv4.tcp_fastopen", freebsd "net.inet.tcp.fastopen.client_enable";
        server: "", "RFC7413-1", linux "net.ipv4.tcp_fastopen", freebsd "net.inet.tcp.fastopen.server_enable";
        send_without_cookie: "", "RFC 7413 §6.3", linux "net.ipv4.tcp_fastopen";
        accept_without_cookie: "", "RFC 7413 §6.3", linux "net.ipv4.tcp_fastopen", freebsd "net.inet.tcp.fastopen.acceptany";
        every_listener: "", "RFC7413-1", linux "net.ipv4.tcp_fastopen";
        keys: "one or two of 16 bytes", "RFC7413-3", linux "net.ipv4.tcp_fastopen_key";
        reset_hold: "time", "RFC 7413 §5.1";
        distrust: "time", "RFC7413-7", linux "net.ipv4.tcp_fastopen_blackhole_timeout_sec", freebsd "net.inet.tcp.fastopen.path_disable_time";
        remembered: "servers", "RFC 7413 §4.1.3.1";
    }
}

/// A value as the table has it.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! shown_as {
    ($($type:ty)* => $way:expr) => {$(
        impl Shown for $type {
            fn shown(&self) -> String {
                let way: fn(&$type) -> String = $way;
                way(self)
            }
        }
    )*};
}

shown_as! { u8 u16 u32 usize => ToString::to_string }
shown_as! { bool => |on| if *on { "on" } else { "off" }.to_string() }
shown_as! { Duration => duration }
shown_as! { RangeInclusive<u16> => |range| format!("{} to {}", range.start(), range.end()) }
// What a key is made of is nobody's business.
shown_as! { Keys => |_| "given".to_string() }
shown_as! { Segmentation => |segmentation| match segmentation {
    Segmentation::Single => debug(segmentation),
    Segmentation::Bursts(BurstRules {
        least_segments,
        most_bytes,
        window_divisor,
        round_trip_log,
        slow_start_percent,
        avoidance_percent,
    }) => format!(
        "Bursts {least_segments}/{most_bytes}/{window_divisor}/{round_trip_log}/{slow_start_percent}/{avoidance_percent}"
    ),
} }
shown_as! { HyStartRules => |rules| {
    let HyStartRules { on, train, delay, low_window, spacing } = *rules;
    let part = |on: bool, name| if on { name } else { "" };
    if on {
        format!("{}{}{low_window}/{}", part(train, "train/"), part(delay, "delay/"), duration(&spacing))
    } else {
        "off".to_string()
    }
} }
shown_as! { SendRoom => |room| match room {
    SendRoom::Bytes => debug(room),
    SendRoom::Buffers { empty, grows_to } => format!("Buffers {empty}/{grows_to}"),
} }
shown_as! { InitialWindow => |window| match window {
    InitialWindow::Segments(count) => format!("{count} segments"),
    InitialWindow::Rfc5681 | InitialWindow::Rfc6928 => debug(window),
} }
shown_as! {
    crate::config::SynData crate::config::SynWithFin crate::config::ResetError
    crate::config::DuplicateSyn crate::config::InWindowSyn crate::config::SynCookies
    crate::config::AccEcnOptionUse crate::config::EcnUse crate::config::MissingTimestamp crate::config::LossDetection
    crate::config::RstInTimeWait crate::config::TimeWaitSyn crate::config::TimeWaitIss
    crate::config::DataAfterClose crate::config::UnreadOnClose crate::config::ReceivedOnError
    crate::config::HardIcmp crate::config::SoftIcmp crate::congestion::Algorithm
    crate::config::RackRoundTrip crate::config::Acknowledging crate::config::WindowProbe
    crate::config::RttSamples crate::config::RttVariance crate::congestion::SlowStartAfterIdle
    crate::congestion::LeastAfterMarks
    crate::config::TooBig crate::config::BelowMinimum crate::config::Probing
    crate::config::UnexpectedSignature crate::config::PauseCredit
    => debug
}

impl<T: Shown> Shown for Option<T> {
    fn shown(&self) -> String {
        self.as_ref()
            .map_or_else(|| "none".to_string(), Shown::shown)
    }
}

/// The variant's name is the choice.
fn debug(value: &impl fmt::Debug) -> String {
    format!("{value:?}")
}

/// In the largest unit that leaves no rest: `373530 ms`, `2 h`.
fn duration(length: &Duration) -> String {
    let millis = length.as_millis();
    for (unit, size) in [("h", 3_600_000), ("s", 1000)] {
        if millis.is_multiple_of(size) && (millis >= size || unit == "s") {
            return format!("{} {unit}", millis / size);
        }
    }
    format!("{millis} ms")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Profile;
    use crate::fast_open::Key;
    use rstest::rstest;

    #[rstest]
    #[case(0, "0 s")]
    #[case(40, "40 ms")]
    #[case(1_000, "1 s")]
    #[case(1_500, "1500 ms")]
    #[case(75_000, "75 s")]
    #[case(7_200_000, "2 h")]
    fn a_time_has_its_largest_whole_unit(#[case] millis: u64, #[case] text: &str) {
        assert_eq!(duration(&Duration::from_millis(millis)), text);
    }

    #[test]
    fn the_rows_tell_of_the_configuration_they_are_made_from() {
        let value = |config: &Config, name: &str| {
            let rows = of(config);
            let row = rows.into_iter().find(|row| row.name == name);
            row.map(|row| row.value)
        };
        let rfc = Profile::Rfc9293.config();
        assert_eq!(value(&rfc, "msl").as_deref(), Some("120 s"));
        assert_eq!(value(&rfc, "fast_open.keys").as_deref(), Some("none"));
        assert_eq!(value(&rfc, "keepalive.always").as_deref(), Some("off"));
        let freebsd = Profile::Freebsd.config();
        assert_eq!(value(&freebsd, "msl").as_deref(), Some("30 s"));
        assert_eq!(
            value(&freebsd, "congestion.algorithm").as_deref(),
            Some("Cubic")
        );
        assert_eq!(
            value(&freebsd, "ephemeral_ports").as_deref(),
            Some("10000 to 65535")
        );
    }

    /// A choice with numbers in it shows them; what a key is made of it does not.
    #[test]
    fn structured_choices_have_one_word_each() {
        let mut config = Profile::Linux.config();
        config.fast_open.keys = Some(Keys {
            current: Key::new([77; 16]),
            previous: None,
        });
        let value = |config: &Config, name: &str| {
            let rows = of(config);
            let row = rows.into_iter().find(|row| row.name == name);
            row.map(|row| row.value).unwrap_or_default()
        };
        assert_eq!(value(&config, "fast_open.keys"), "given");
        assert_eq!(value(&config, "segmentation"), "Bursts 2/65216/3/9/200/120");
        assert_eq!(value(&config, "send_room"), "Buffers 832/4194304");
        assert_eq!(value(&config, "congestion.initial_window"), "10 segments");
        let hystart = "congestion.counted_hystart";
        assert_eq!(value(&config, hystart), "train/delay/16/2 ms");
        config.congestion.counted_hystart.train = false;
        assert_eq!(value(&config, hystart), "delay/16/2 ms");
        config.congestion.counted_hystart.on = false;
        assert_eq!(value(&config, hystart), "off");
    }

    #[test]
    fn every_setting_names_what_it_answers_to_and_stands_once() {
        let rows = of(&Config::default());
        for row in &rows {
            assert!(row.answers.starts_with(['R', 'D']), "{}", row.name);
            assert_eq!(
                rows.iter().filter(|other| other.name == row.name).count(),
                1
            );
        }
    }
}
