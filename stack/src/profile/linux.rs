//! What Linux 6.18 does where it parts from the RFCs or chooses among what they leave free.

use core::time::Duration;

use crate::Config;
use crate::config::{
    AccEcnConfig, AccEcnOptionUse, Acknowledging, BufferTuning, BurstRules, DataAfterClose,
    DuplicateSyn, HardIcmp, InWindowSyn, InitialWindow, LossDetection, MissingTimestamp,
    PacingRules, PathMtuConfig, PauseCredit, RackRoundTrip, ReceivedOnError, ResetError,
    RttSamples, RttVariance, Segmentation, SendRoom, SoftIcmp, SynData, SynWithFin, TimeWaitIss,
    TimeWaitSyn, TooBig, WindowProbe,
};
use crate::congestion::{self, LeastAfterMarks, SlowStartAfterIdle};
use crate::fast_open::FastOpenConfig;

pub(super) fn config() -> Config {
    Config {
        duplicate_syn_in_syn_received: DuplicateSyn::RetransmitSynAck,
        syn_in_window_in_syn_received: InWindowSyn::ResetAndReturnToListen,
        syn_ack_data: SynData::Drop,
        syn_with_fin: SynWithFin::Drop,
        // net.ipv4.tcp_syn_retries is 6: 127 s with back-off from the first one on. With the
        // linear ones the wait that is under way then ends after 131 s.
        syn_give_up: Duration::from_secs(127),
        syn_linear_timeouts: 4,
        syn_repeat_after_bad_ack: Some(Duration::from_millis(2)),
        time_wait_syn: TimeWaitSyn::AcceptBeyond,
        time_wait_iss: TimeWaitIss::AfterOld,
        data_after_close: DataAfterClose::ResetAsUnknown,
        reset_error: ResetError::ByState,
        // net.ipv4.tcp_invalid_ratelimit is 500 ms.
        challenge_ack_limit: 1,
        challenge_ack_interval: Duration::from_millis(500),
        msl: Duration::from_secs(30),
        path_mtu: path_mtu(),
        min_rto: Duration::from_millis(200),
        max_rto: Duration::from_secs(120),
        persist_max: Duration::from_secs(120),
        congestion: congestion::Rules {
            algorithm: congestion::Algorithm::Cubic,
            initial_window: InitialWindow::Segments(10),
            lost_handshakes: 2,
            slow_start_limit: u32::MAX,
            slow_start_limit_after_timeout: u32::MAX,
            grow_only_if_used: true,
            count_segments: true,
            grow_out_of_order: true,
            least_after_marks: LeastAfterMarks::TwoSegments,
            slow_start_after_idle: SlowStartAfterIdle::Halving,
            ..congestion::Rules::default()
        },
        loss_detection: LossDetection::RackTlp,
        rack_round_trip: RackRoundTrip::OfHighest,
        // net.ipv4.tcp_wmem is 4096, 16384, 4194304.
        send_buffer: 16_384,
        send_room: SendRoom::Buffers {
            empty: 832,
            grows_to: 4 << 20,
        },
        undo: true,
        segmentation: Segmentation::Bursts(BurstRules::default()),
        window_probe: WindowProbe::OldSequence,
        rtt_samples: RttSamples::EveryAck,
        rtt_variance: RttVariance::LargestOfRoundTrip,
        timer_slack: Duration::from_millis(2),
        // net.ipv4.tcp_fastopen is 1 and net.ipv4.tcp_fastopen_blackhole_timeout_sec 0.
        fast_open: FastOpenConfig {
            server: false,
            distrust: None,
            ..FastOpenConfig::default()
        },
        // net.ipv4.tcp_ecn is 2 and net.ipv4.tcp_ecn_option 2.
        accecn: AccEcnConfig {
            option: AccEcnOptionUse::Always,
            option_answers: true,
            ..AccEcnConfig::default()
        },
        // net.ipv4.tcp_moderate_rcvbuf is 1; the largest of net.ipv4.tcp_rmem, of which half is for text.
        // How the send buffer grows, `send_room` says.
        tuning: BufferTuning {
            receive: true,
            receive_max: 6_291_456 / 2,
            gradual_window: true,
            ..BufferTuning::default()
        },
        // net.ipv4.tcp_pacing_ss_ratio and net.ipv4.tcp_pacing_ca_ratio.
        pacing: PacingRules {
            slow_start: 200,
            avoidance: 120,
            pause: PauseCredit::HalfInterval,
            ..PacingRules::default()
        },
        received_on_error: ReceivedOnError::Keep,
        frto: true,
        r2: Duration::from_secs(924),
        delayed_ack: Duration::from_millis(40),
        acknowledging: Acknowledging::Adaptive,
        timestamp_on_reset: false,
        check_syn_ack_echo: true,
        missing_timestamp: MissingTimestamp::Accept,
        hard_icmp: HardIcmp::Soft,
        soft_icmp_in_handshake: SoftIcmp::Abort,
        ephemeral_ports: 32_768..=60_999,
        ..Config::default()
    }
}

/// net.ipv4.route.min_pmtu, net.ipv4.tcp_mtu_probing and its relatives.
fn path_mtu() -> PathMtuConfig {
    PathMtuConfig {
        too_big: TooBig::AtOnce,
        min_ipv4_mtu: 552,
        max_probes: 1,
        ..PathMtuConfig::default()
    }
}
