//! What FreeBSD 14 does where it parts from the RFCs or chooses among what they leave free; the
//! name of the sysctl below `net.inet.tcp` where one rules it.

use core::time::Duration;

use crate::Config;
use crate::config::{
    BelowMinimum, HardIcmp, InitialWindow, KeepAliveConfig, PathMtuConfig, ReceivedOnError, TooBig,
};
use crate::congestion;

pub(super) fn config() -> Config {
    Config {
        // msl
        msl: Duration::from_secs(30),
        path_mtu: PathMtuConfig {
            too_big: TooBig::AtOnce,
            // minmss, and headers
            min_ipv4_mtu: 256,
            below_minimum: BelowMinimum::Clamp,
            // hostcache.expire
            lifetime: Some(Duration::from_secs(3600)),
            // pmtud_blackhole_detection is off; its size for IPv4
            base_mss: 1200,
            ..PathMtuConfig::default()
        },
        // rexmit_initial, rexmit_min
        min_rto: Duration::from_millis(30),
        max_rto: Duration::from_secs(64),
        // delacktime
        delayed_ack: Duration::from_millis(40),
        congestion: congestion::Rules {
            // cc.algorithm
            algorithm: congestion::Algorithm::Cubic,
            // initcwnd_segments
            initial_window: InitialWindow::Segments(10),
            ..congestion::Rules::default()
        },
        // syncache.rexmtlimit
        syn_ack_retries: 3,
        // sendspace, recvspace
        send_buffer: 32_768,
        recv_buffer: 65_536,
        keepalive: KeepAliveConfig {
            // keepidle, keepintvl, keepcnt
            idle: Duration::from_secs(7200),
            interval: Duration::from_secs(75),
            probes: 8,
        },
        // finwait2_timeout
        fin_wait_2_timeout: Some(Duration::from_secs(60)),
        // ack_war_cnt, ack_war_timewindow
        challenge_ack_limit: 5,
        challenge_ack_interval: Duration::from_secs(1),
        received_on_error: ReceivedOnError::Keep,
        hard_icmp: HardIcmp::Soft,
        // net.inet.ip.portrange.first and .last
        ephemeral_ports: 10_000..=65_535,
        ..Config::default()
    }
}
