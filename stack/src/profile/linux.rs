//! What Linux 6.18 does where it parts from the RFCs or chooses among what they leave free.

use core::time::Duration;

use crate::Config;
use crate::config::{
    BelowMinimum, DuplicateSyn, HardIcmp, InWindowSyn, InitialWindow, LossDetection, PathMtuConfig,
    ReceivedOnError, SoftIcmp, TooBig,
};
use crate::congestion;
use crate::fast_open::FastOpenConfig;

pub(super) fn config() -> Config {
    Config {
        duplicate_syn_in_syn_received: DuplicateSyn::RetransmitSynAck,
        syn_in_window_in_syn_received: InWindowSyn::ResetAndReturnToListen,
        msl: Duration::from_secs(30),
        // net.ipv4.route.min_pmtu, net.ipv4.tcp_mtu_probing and its relatives.
        path_mtu: PathMtuConfig {
            too_big: TooBig::AtOnce,
            min_ipv4_mtu: 552,
            below_minimum: BelowMinimum::Clamp,
            max_probes: 1,
            ..PathMtuConfig::default()
        },
        min_rto: Duration::from_millis(200),
        max_rto: Duration::from_secs(120),
        congestion: congestion::Rules {
            algorithm: congestion::Algorithm::Cubic,
            initial_window: InitialWindow::Segments(10),
            slow_start_limit: u32::MAX,
            slow_start_limit_after_timeout: u32::MAX,
            after_idle: congestion::AfterIdle::Decay,
            grow_only_if_used: true,
            ..congestion::Rules::default()
        },
        loss_detection: LossDetection::RackTlp,
        undo: true,
        // net.ipv4.tcp_fastopen is 1 and net.ipv4.tcp_fastopen_blackhole_timeout_sec 0.
        fast_open: FastOpenConfig {
            server: false,
            distrust: None,
            ..FastOpenConfig::default()
        },
        received_on_error: ReceivedOnError::Keep,
        frto: true,
        r2: Duration::from_secs(924),
        delayed_ack: Duration::from_millis(40),
        quick_acks: 16,
        timestamp_on_reset: false,
        hard_icmp: HardIcmp::Soft,
        soft_icmp_in_handshake: SoftIcmp::Abort,
        ephemeral_ports: 32_768..=60_999,
        ..Config::default()
    }
}
