//! The names of FreeBSD, `net.inet` and `kern.ipc`: what each means here, and which mean nothing. By
//! tcp(4) and inet(4); times are milliseconds there.

use std::time::Duration;

use tcpdrill_stack::config::{
    Config, EcnUse, InitialWindow, MissingTimestamp, SynCookies, SynWithFin,
};
use tcpdrill_stack::congestion::Algorithm;

use super::value::{back_off, buffer, flag, millis, number, shift_for};
use super::{Harmless, Lacking, Names, Refusal, Setting};

pub(super) const NAMES: Names = Names {
    table: TABLE,
    lacking: LACKING,
    harmless: HARMLESS,
};

/// The delay of acknowledgments once it is switched on again.
const DELACKTIME: Duration = Duration::from_millis(40);

/// Every sysctl that means something here.
const TABLE: &[Setting] = &[
    ("kern.ipc.maxsockbuf", |config, text| {
        // The shift that lets the largest buffer be offered, if scaling is on at all.
        let shift = shift_for(number(text, 1, i32::MAX as u64)?);
        config.window_scale = config.window_scale.map(|_| shift);
        Ok(())
    }),
    ("net.inet.ip.portrange.first", |config, text| {
        let low = number(text, 1, 65_535)? as u16;
        config.ephemeral_ports = low..=(*config.ephemeral_ports.end()).max(low);
        Ok(())
    }),
    ("net.inet.ip.portrange.last", |config, text| {
        let high = number(text, 1, 65_535)? as u16;
        config.ephemeral_ports = (*config.ephemeral_ports.start()).min(high)..=high;
        Ok(())
    }),
    ("net.inet.ip.ttl", |config, text| {
        config.ttl = number(text, 1, 255)? as u8;
        Ok(())
    }),
    ("net.inet.tcp.abc_l_var", |config, text| {
        config.congestion.slow_start_limit = number(text, 1, 44)? as u32;
        Ok(())
    }),
    ("net.inet.tcp.ack_war_cnt", |config, text| {
        config.challenge_ack_limit = number(text, 0, i32::MAX as u64)? as u32;
        Ok(())
    }),
    ("net.inet.tcp.ack_war_timewindow", |config, text| {
        config.challenge_ack_interval = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.always_keepalive", |config, text| {
        config.keepalive.always = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.cc.algorithm", |config, text| {
        config.congestion.algorithm = match text.trim() {
            "newreno" => Algorithm::Reno,
            "cubic" => Algorithm::Cubic,
            _ => {
                return Err(Refusal::Lacking(
                    "the reference stack has `newreno` and `cubic`",
                ));
            }
        };
        Ok(())
    }),
    ("net.inet.tcp.delacktime", |config, text| {
        config.delayed_ack = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.delayed_ack", |config, text| {
        config.delayed_ack = match (flag(text)?, config.delayed_ack) {
            (false, _) => Duration::ZERO,
            (true, Duration::ZERO) => DELACKTIME,
            (true, time) => time,
        };
        Ok(())
    }),
    ("net.inet.tcp.drop_synfin", |config, text| {
        config.syn_with_fin = match flag(text)? {
            true => SynWithFin::Drop,
            false => SynWithFin::TakeSyn,
        };
        Ok(())
    }),
    ("net.inet.tcp.ecn.enable", |config, text| {
        config.ecn = match number(text, 0, 4)? {
            0 => EcnUse::Off,
            1 => EcnUse::Request,
            2 => EcnUse::Accept,
            _ => {
                return Err(Refusal::Lacking(
                    "accurate ECN has no name of FreeBSD here yet",
                ));
            }
        };
        Ok(())
    }),
    ("net.inet.tcp.fast_finwait2_recycle", |config, text| {
        let slow = config.keepalive.interval * config.keepalive.probes;
        config.fin_wait_2_timeout = Some(match flag(text)? {
            true => Duration::from_secs(60),
            false => slow,
        });
        Ok(())
    }),
    ("net.inet.tcp.fastopen.acceptany", |config, text| {
        config.fast_open.accept_without_cookie = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.fastopen.client_enable", |config, text| {
        config.fast_open.client = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.fastopen.path_disable_time", |config, text| {
        let seconds = number(text, 0, i32::MAX as u64)?;
        config.fast_open.distrust = (seconds > 0).then(|| Duration::from_secs(seconds));
        Ok(())
    }),
    ("net.inet.tcp.fastopen.server_enable", |config, text| {
        config.fast_open.server = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.initcwnd_segments", |config, text| {
        config.congestion.initial_window = match number(text, 0, u64::from(u32::MAX))? {
            // RFC 3390 then, whose window RFC 5681 has taken over.
            0 => InitialWindow::Rfc5681,
            10 => InitialWindow::Rfc6928,
            count => InitialWindow::Segments(count as u32),
        };
        Ok(())
    }),
    ("net.inet.tcp.keepcnt", |config, text| {
        config.keepalive.probes = number(text, 1, i32::MAX as u64)? as u32;
        Ok(())
    }),
    ("net.inet.tcp.keepidle", |config, text| {
        config.keepalive.idle = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.keepinit", |config, text| {
        config.syn_give_up = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.keepintvl", |config, text| {
        config.keepalive.interval = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.minmss", |config, text| {
        config.min_mss = number(text, 1, 65_535)? as u16;
        Ok(())
    }),
    ("net.inet.tcp.msl", |config, text| {
        config.msl = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.persmax", |config, text| {
        config.persist_max = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.persmin", |config, text| {
        config.persist_min = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.recvbuf_auto", |config, text| {
        config.tuning.receive = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.recvbuf_max", |config, text| {
        config.tuning.receive_max = buffer(number(text, 1, i32::MAX as u64)?)?;
        Ok(())
    }),
    ("net.inet.tcp.recvspace", |config, text| {
        config.recv_buffer = buffer(number(text, 0, i32::MAX as u64)?)?;
        Ok(())
    }),
    ("net.inet.tcp.retries", |config, text| {
        let first = config.min_rto + config.rto_slack;
        config.r2 = back_off(number(text, 1, 12)?, first, config.max_rto);
        Ok(())
    }),
    ("net.inet.tcp.rexmit_initial", |config, text| {
        config.initial_rto = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.rexmit_max", |config, text| {
        config.max_rto = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.rexmit_min", |config, text| {
        config.min_rto = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.rexmit_slop", |config, text| {
        config.rto_slack = millis(text)?;
        Ok(())
    }),
    ("net.inet.tcp.rfc1323", |config, text| {
        let (scale, stamps) = match number(text, 0, 3)? {
            0 => (false, false),
            1 => (true, true),
            2 => (true, false),
            _ => (false, true),
        };
        let shift = config.window_scale.or(Config::default().window_scale);
        config.window_scale = shift.filter(|_| scale);
        config.timestamps = stamps;
        Ok(())
    }),
    ("net.inet.tcp.sack.enable", |config, text| {
        config.sack = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.sendbuf_auto", |config, text| {
        config.tuning.send = flag(text)?;
        Ok(())
    }),
    ("net.inet.tcp.sendbuf_max", |config, text| {
        config.tuning.send_max = buffer(number(text, 1, i32::MAX as u64)?)?;
        Ok(())
    }),
    ("net.inet.tcp.sendspace", |config, text| {
        config.send_buffer = buffer(number(text, 0, i32::MAX as u64)?)?;
        Ok(())
    }),
    ("net.inet.tcp.syncache.rexmtlimit", |config, text| {
        config.syn_ack_retries = number(text, 0, 12)? as u32;
        Ok(())
    }),
    ("net.inet.tcp.syncookies", |config, text| {
        config.syn_cookies = match flag(text)? {
            true => SynCookies::OnOverflow,
            false => SynCookies::Never,
        };
        Ok(())
    }),
    ("net.inet.tcp.syncookies_only", |config, text| {
        config.syn_cookies = match flag(text)? {
            true => SynCookies::Always,
            false => SynCookies::OnOverflow,
        };
        Ok(())
    }),
    ("net.inet.tcp.tolerate_missing_ts", |config, text| {
        config.missing_timestamp = match flag(text)? {
            true => MissingTimestamp::Accept,
            false => MissingTimestamp::Drop,
        };
        Ok(())
    }),
];

/// Mechanisms that the reference lacks: the values that ask for nothing it has not, and the reason.
/// Any other value is one it cannot offer.
const LACKING: &[Lacking] = &[
    (
        "net.inet.tcp.blackhole",
        &["0"],
        "the reference stack answers what is for a closed port",
    ),
    (
        "net.inet.tcp.do_prr",
        &["1"],
        "the reference stack always reduces its rate in proportion (RFC 9937)",
    ),
    (
        "net.inet.tcp.fastopen.psk_enable",
        &["0"],
        "the reference stack has no pre-shared keys for Fast Open",
    ),
    (
        "net.inet.tcp.finwait2_timeout",
        &["60000"],
        "it is 60 s, and only with fast_finwait2_recycle",
    ),
    (
        "net.inet.tcp.functions_default",
        &["freebsd"],
        "the reference stack is one stack",
    ),
    (
        "net.inet.tcp.icmp_may_rst",
        &["1"],
        "hard ICMP errors always end an open of the reference stack",
    ),
    (
        "net.inet.tcp.insecure_rst",
        &["0"],
        "the reference stack always keeps RFC 5961",
    ),
    (
        "net.inet.tcp.insecure_syn",
        &["0"],
        "the reference stack always keeps RFC 5961",
    ),
    (
        "net.inet.tcp.isn_reseed_interval",
        &["0"],
        "the secret behind the reference stack's ISNs stays",
    ),
    (
        "net.inet.tcp.maxunacktime",
        &["0"],
        "the reference stack has R2 and the user timeout instead",
    ),
    ("net.inet.tcp.mssdflt", &["536"], "it is what RFC 9293 says"),
    (
        "net.inet.tcp.newcwv",
        &["0"],
        "the reference stack does not validate its window as RFC 7661 has it",
    ),
    (
        "net.inet.tcp.nolocaltimewait",
        &["0", "1"],
        "TIME-WAIT is kept for every peer, and none is local",
    ),
    (
        "net.inet.tcp.pmtud_blackhole_detection",
        &["0"],
        "the reference stack does not look for black holes by this name",
    ),
    (
        "net.inet.tcp.rexmit_drop_options",
        &["0"],
        "the reference stack repeats its SYN with its options",
    ),
    (
        "net.inet.tcp.rfc3042",
        &["1"],
        "limited transmit is always on",
    ),
    (
        "net.inet.tcp.rfc3390",
        &["1"],
        "initcwnd_segments rules the initial window",
    ),
    (
        "net.inet.tcp.ts_offset_per_conn",
        &["1"],
        "timestamps of the reference stack always begin anew",
    ),
    (
        "net.inet.tcp.v6mssdflt",
        &["1220"],
        "it is what RFC 9293 says",
    ),
];

/// Names that change nothing here whatever their value, and why.
const HARMLESS: &[Harmless] = &[
    (
        "net.inet.tcp.hostcache.enable",
        "nothing is remembered of a host but what Fast Open needs",
    ),
    (
        "net.inet.tcp.hostcache.purgenow",
        "nothing is remembered of a host but what Fast Open needs",
    ),
    ("net.inet.tcp.log_debug", "nothing is logged"),
    ("net.inet.tcp.log_in_vain", "nothing is logged"),
    (
        "net.inet.tcp.tso",
        "segments leave one by one, which reads the same",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use tcpdrill_stack::Profile;

    fn after(settings: &[(&str, &str)]) -> Config {
        let mut config = Profile::Freebsd.config();
        for (name, value) in settings {
            let (_, setter) = TABLE
                .iter()
                .find(|entry| entry.0 == *name)
                .unwrap_or_else(|| panic!("{name}"));
            setter(&mut config, value).unwrap_or_else(|refusal| panic!("{name}: {refusal:?}"));
        }
        config
    }

    /// The defaults that FreeBSD 14 shows for itself.
    const DEFAULTS: &[(&str, &str)] = &[
        ("kern.ipc.maxsockbuf", "2097152"),
        ("net.inet.ip.portrange.first", "10000"),
        ("net.inet.ip.portrange.last", "65535"),
        ("net.inet.ip.ttl", "64"),
        ("net.inet.tcp.abc_l_var", "2"),
        ("net.inet.tcp.ack_war_cnt", "5"),
        ("net.inet.tcp.ack_war_timewindow", "1000"),
        ("net.inet.tcp.always_keepalive", "1"),
        ("net.inet.tcp.cc.algorithm", "cubic"),
        ("net.inet.tcp.delacktime", "40"),
        ("net.inet.tcp.delayed_ack", "1"),
        ("net.inet.tcp.drop_synfin", "0"),
        ("net.inet.tcp.ecn.enable", "2"),
        ("net.inet.tcp.fast_finwait2_recycle", "0"),
        ("net.inet.tcp.fastopen.acceptany", "0"),
        ("net.inet.tcp.fastopen.client_enable", "1"),
        ("net.inet.tcp.fastopen.path_disable_time", "900"),
        ("net.inet.tcp.fastopen.server_enable", "0"),
        ("net.inet.tcp.initcwnd_segments", "10"),
        ("net.inet.tcp.keepcnt", "8"),
        ("net.inet.tcp.keepidle", "7200000"),
        ("net.inet.tcp.keepinit", "75000"),
        ("net.inet.tcp.keepintvl", "75000"),
        ("net.inet.tcp.minmss", "216"),
        ("net.inet.tcp.msl", "30000"),
        ("net.inet.tcp.persmax", "60000"),
        ("net.inet.tcp.persmin", "5000"),
        ("net.inet.tcp.recvbuf_auto", "1"),
        ("net.inet.tcp.recvbuf_max", "2097152"),
        ("net.inet.tcp.recvspace", "65536"),
        ("net.inet.tcp.retries", "12"),
        ("net.inet.tcp.rexmit_initial", "1000"),
        ("net.inet.tcp.rexmit_max", "64000"),
        ("net.inet.tcp.rexmit_min", "30"),
        ("net.inet.tcp.rexmit_slop", "200"),
        ("net.inet.tcp.rfc1323", "1"),
        ("net.inet.tcp.sack.enable", "1"),
        ("net.inet.tcp.sendbuf_auto", "1"),
        ("net.inet.tcp.sendbuf_max", "2097152"),
        ("net.inet.tcp.sendspace", "32768"),
        ("net.inet.tcp.syncache.rexmtlimit", "3"),
        ("net.inet.tcp.syncookies", "1"),
        ("net.inet.tcp.syncookies_only", "0"),
        ("net.inet.tcp.tolerate_missing_ts", "1"),
    ];

    #[test]
    fn freebsds_defaults_are_the_profile() {
        let names: Vec<&str> = DEFAULTS.iter().map(|entry| entry.0).collect();
        let table: Vec<&str> = TABLE.iter().map(|entry| entry.0).collect();
        assert_eq!(names, table);
        for setting in DEFAULTS {
            assert_eq!(after(&[*setting]), Profile::Freebsd.config(), "{setting:?}");
        }
    }

    #[rstest]
    #[case(("kern.ipc.maxsockbuf", "65535"), |config: &Config| config.window_scale == Some(0))]
    #[case(("net.inet.tcp.rfc1323", "2"), |config: &Config| !config.timestamps && config.window_scale == Some(6))]
    #[case(("net.inet.tcp.rfc1323", "3"), |config: &Config| config.timestamps && config.window_scale.is_none())]
    #[case(("net.inet.tcp.delayed_ack", "0"), |config: &Config| config.delayed_ack.is_zero())]
    #[case(("net.inet.tcp.initcwnd_segments", "4"), |config: &Config| config.congestion.initial_window == InitialWindow::Segments(4))]
    #[case(("net.inet.tcp.fast_finwait2_recycle", "1"), |config: &Config| config.fin_wait_2_timeout == Some(Duration::from_secs(60)))]
    #[case(("net.inet.tcp.fastopen.path_disable_time", "0"), |config: &Config| config.fast_open.distrust.is_none())]
    #[case(("net.inet.tcp.syncookies_only", "1"), |config: &Config| config.syn_cookies == SynCookies::Always)]
    #[case(("net.inet.tcp.persmin", "250"), |config: &Config| config.persist_min == Duration::from_millis(250))]
    #[case(("net.inet.ip.portrange.last", "9000"), |config: &Config| config.ephemeral_ports == (9000..=9000))]
    fn a_name_sets_what_it_means(
        #[case] setting: (&str, &str),
        #[case] holds: fn(&Config) -> bool,
    ) {
        assert!(!holds(&Profile::Freebsd.config()));
        let config = after(&[setting]);
        assert!(holds(&config), "{config:#?}");
    }
}
