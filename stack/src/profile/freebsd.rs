//! What FreeBSD 14 does where it parts from the RFCs or chooses among what they leave free: its
//! tcp(4) and the defaults of its sysctls, named here below `net.inet.tcp`.

use core::time::Duration;

use crate::Config;
use crate::config::{
    BelowMinimum, BufferTuning, DataAfterClose, DuplicateSyn, HardIcmp, InWindowSyn, InitialWindow,
    KeepAliveConfig, MissingTimestamp, PathMtuConfig, ReceivedOnError, RstInTimeWait, TimeWaitSyn,
    TooBig, UnreadOnClose,
};
use crate::congestion::{self, LeastAfterMarks};
use crate::fast_open::FastOpenConfig;

pub(super) fn config() -> Config {
    Config {
        // minmss
        min_mss: 216,
        path_mtu: path_mtu(),
        // A SYN for an entry of the SYN cache is answered from the entry.
        duplicate_syn_in_syn_received: DuplicateSyn::RetransmitSynAck,
        syn_in_window_in_syn_received: InWindowSyn::RetransmitSynAck,
        // syncache.rexmtlimit
        syn_ack_retries: 3,
        // keepinit
        syn_give_up: Duration::from_secs(75),
        fast_open: fast_open(),
        // The shift that lets kern.ipc.maxsockbuf, 2 MiB, be offered.
        window_scale: Some(6),
        // tolerate_missing_ts
        missing_timestamp: MissingTimestamp::Accept,
        // sendspace, recvspace
        send_buffer: 32_768,
        recv_buffer: 65_536,
        congestion: congestion::Rules {
            // cc.algorithm
            algorithm: congestion::Algorithm::Cubic,
            // initcwnd_segments: 10
            initial_window: InitialWindow::Rfc6928,
            // rfc3465, abc_l_var
            slow_start_limit: 2,
            least_after_marks: LeastAfterMarks::TwoSegments,
            ..congestion::Rules::default()
        },
        // delacktime
        delayed_ack: Duration::from_millis(40),
        quick_acks: 0,
        // rexmit_min, rexmit_slop
        min_rto: Duration::from_millis(30),
        rto_slack: Duration::from_millis(200),
        max_rto: Duration::from_secs(64),
        // persmin, persmax
        persist_min: Duration::from_secs(5),
        persist_max: Duration::from_secs(60),
        // retries: twelve of them, with the least timeout.
        r2: Duration::from_millis(373_530),
        // always_keepalive, keepidle, keepintvl, keepcnt
        keepalive: KeepAliveConfig {
            always: true,
            idle: Duration::from_secs(7200),
            interval: Duration::from_secs(75),
            probes: 8,
        },
        // msl
        msl: Duration::from_secs(30),
        // Without fast_finwait2_recycle: keepcnt times keepintvl.
        fin_wait_2_timeout: Some(Duration::from_secs(600)),
        rst_in_time_wait: RstInTimeWait::Ignore,
        time_wait_syn: TimeWaitSyn::AcceptBeyond,
        data_after_close: DataAfterClose::ResetAsUnknown,
        close_with_unread_data: UnreadOnClose::Fin,
        received_on_error: ReceivedOnError::Keep,
        // ack_war_cnt, ack_war_timewindow
        challenge_ack_limit: 5,
        challenge_ack_interval: Duration::from_secs(1),
        // recvbuf_auto, recvbuf_max, sendbuf_auto, sendbuf_max
        tuning: BufferTuning {
            receive: true,
            receive_max: 2 << 20,
            gradual_window: false,
            send: true,
            send_max: 2 << 20,
        },
        hard_icmp: HardIcmp::Soft,
        // net.inet.ip.portrange.first and .last
        ephemeral_ports: 10_000..=65_535,
        ..Config::default()
    }
}

fn fast_open() -> FastOpenConfig {
    FastOpenConfig {
        // fastopen.client_enable, fastopen.server_enable
        client: true,
        server: false,
        // fastopen.path_disable_time
        distrust: Some(Duration::from_secs(900)),
        // fastopen.ccache_buckets times fastopen.ccache_bucket_limit
        remembered: 32_768,
        ..FastOpenConfig::default()
    }
}

fn path_mtu() -> PathMtuConfig {
    PathMtuConfig {
        too_big: TooBig::AtOnce,
        // minmss, and headers
        min_ipv4_mtu: 256,
        below_minimum: BelowMinimum::Clamp,
        // hostcache.expire
        lifetime: Some(Duration::from_secs(3600)),
        // pmtud_blackhole_detection is off; its size for IPv4
        base_mss: 1200,
        ..PathMtuConfig::default()
    }
}
