//! What Linux 6.18 does where it parts from the RFCs or chooses among what they leave free.

use core::time::Duration;

use crate::Config;
use crate::config::{
    BadAckInSynSent, DataAfterClose, DuplicateSyn, HardIcmp, InWindowSyn, InitialWindow,
    LossDetection, MissingTimestamp, ReceivedOnError, SoftIcmp, SynData, SynFin, TimeWaitIss,
};
use crate::congestion;
use crate::error::ConnectionError;
use crate::fast_open::FastOpenConfig;

pub(super) fn config() -> Config {
    Config {
        duplicate_syn_in_syn_received: DuplicateSyn::RetransmitSynAck,
        syn_in_window_in_syn_received: InWindowSyn::ResetAndReturnToListen,
        syn_ack_data: SynData::Drop,
        syn_fin: SynFin::Drop,
        bad_ack_in_syn_sent: BadAckInSynSent::RepeatSyn,
        // net.ipv4.tcp_syn_retries is 6, net.ipv4.tcp_syn_linear_timeouts 4.
        syn_give_up: Duration::from_secs(131),
        missing_timestamp: MissingTimestamp::Accept,
        msl: Duration::from_secs(30),
        time_wait_iss: TimeWaitIss::AboveOld,
        data_after_close: DataAfterClose::ResetAsClosed,
        crossed_open_reset: ConnectionError::Reset,
        close_wait_reset: ConnectionError::PeerClosed,
        min_rto: Duration::from_millis(200),
        max_rto: Duration::from_secs(120),
        persist_max: Duration::from_secs(120),
        congestion: congestion::Rules {
            algorithm: congestion::Algorithm::Cubic,
            initial_window: InitialWindow::Segments(10),
            slow_start_limit: u32::MAX,
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
        // net.ipv4.tcp_invalid_ratelimit
        challenge_ack_limit: 1,
        challenge_ack_interval: Duration::from_millis(500),
        hard_icmp: HardIcmp::Soft,
        soft_icmp_in_handshake: SoftIcmp::Abort,
        ephemeral_ports: 32_768..=60_999,
        ..Config::default()
    }
}
