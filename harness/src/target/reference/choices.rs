//! What each profile chooses, told to the oracles of the fuzzer: from what the systems say of themselves, not from the
//! stack's own table of settings.

use tcpdrill_stack::Profile;

use crate::fuzz::oracle::{Choices, Errors, Fate};
use crate::specification::{AnotherSyn, Facts};

/// What this profile chooses.
pub(super) fn of(profile: Profile) -> Choices {
    match profile {
        Profile::Rfc9293 => RFC9293,
        Profile::Linux => LINUX,
        Profile::Freebsd => FREEBSD,
    }
}

/// docs/profiles.md: ten challenge ACKs a second; the clock of RFC 9293 §3.4.1 steps every 4 µs.
const RFC9293: Choices = Choices {
    challenges: 10,
    challenge_period: 1_000_000,
    isn_tick: Some(4),
    ..Choices::RFC
};

/// Linux 6.18. Settings by their names are those of Documentation/networking/ip-sysctl.rst; what has none stands with the file
/// that has it.
const LINUX: Choices = Choices {
    facts: Facts {
        // tcp_timewait_state_process wants its number behind RCV.NXT.
        takes_syn_at_rcv_nxt: false,
        // tcp_rcv_state_process, for a listener.
        takes_syn_with_fin: false,
        // tcp_rcv_synsent_state_process.
        takes_text_of_syn_ack: false,
        // tcp_rcv_state_process: what comes after shutdown is answered by tcp_v4_send_reset.
        aborts_as_unknown: true,
        // tcp_validate_incoming looks at timestamps that are there only.
        drops_unstamped: false,
        // tcp_check_req: the SYN-ACK again for the very SYN, a RST for another one.
        repeats_syn_ack: true,
        another_syn: AnotherSyn::Resets,
        // tcp_rcv_synsent_state_process: TSecr outside of retrans_stamp and now.
        refuses_wild_echo: true,
        ..Facts::RFC
    },
    // tcp_invalid_ratelimit = 500
    challenges: 1,
    challenge_period: 500_000,
    // tcp_rto_min_us = 200000, tcp_rto_max_ms = 120000
    min_rto: 200_000,
    max_rto: 120_000_000,
    most_persist: 120_000_000,
    // tcp_syn_linear_timeouts = 4, tcp_syn_retries = 6: given up after 1 + 1 + 1 + 1 + 1 + 2 + 4 and a last wait; by the
    // document "131 seconds" with the seventh.
    linear_syns: 4,
    // TCP_TIMEOUT_MIN: two ticks of 1 ms.
    hurried_syn: Some(2_000),
    patience_with_syn: 127_000_000,
    // tcp_recovery = 1, tcp_early_retrans = 3
    finds_losses_by_time: true,
    // tcp_write_xmit and tcp_tso_should_defer; tcp_sendmsg_locked fills what is cut later, if at all, at multiples of the MSS.
    sends_bursts: true,
    // tcp_slow_start and tcp_cong_avoid_ai count packets.
    counts_segments: true,
    icmp: Errors {
        // tcp_v4_err: fatal to a socket with IP_RECVERR only.
        hard_when_synchronized: Fate::Stays,
        // tcp_v4_err and tcp_v6_err: whatever comes in SYN-SENT.
        soft_in_handshake: Fate::Ends,
        // tcp_v4_mtu_reduced
        believes_at_once: true,
        // net.ipv4.route.min_pmtu = 552
        least_mtu: 552,
        // tcp_v6_err drops what is below IPV6_MIN_MTU.
        takes_below_minimum: false,
    },
    // tcp_wmem = 4096 16384 4194304
    send_buffer: 4 << 20,
    // TCP_TIMEWAIT_LEN: 60 s.
    time_wait: 60_000_000,
    isn_tick: Some(4),
    ..Choices::RFC
};

/// FreeBSD 14: tcp(4) and syncache(4), and the sysctls net.inet.tcp.* by their names there.
const FREEBSD: Choices = Choices {
    facts: Facts {
        // tcp_twcheck wants its number behind RCV.NXT.
        takes_syn_at_rcv_nxt: false,
        // tcp_do_segment: text after close is answered as for a closed port.
        aborts_as_unknown: true,
        // tolerate_missing_ts = 1
        drops_unstamped: false,
        // syncache(4): a SYN for an entry is answered from it.
        repeats_syn_ack: true,
        another_syn: AnotherSyn::RepeatsSynAck,
        // tcp_twcheck drops whatever has RST (RFC 1337).
        ignores_rst_in_time_wait: true,
        // tcp_usrclosed looks at nothing that was received.
        closes_over_unread: true,
        ..Facts::RFC
    },
    // ack_war_cnt = 5, ack_war_timewindow = 1000
    challenges: 5,
    challenge_period: 1_000_000,
    // rexmit_min = 30, to which rexmit_slop = 200 is added before.
    min_rto: 200_000,
    // TCPTV_REXMTMAX
    max_rto: 64_000_000,
    // keepinit = 75000
    patience_with_syn: 75_000_000,
    // persmin = 5000, persmax = 60000
    least_persist: 5_000_000,
    most_persist: 60_000_000,
    icmp: Errors {
        // tcp_notify: those of a connection are remembered only.
        hard_when_synchronized: Fate::Stays,
        // The same, unless the SYN was repeated already.
        soft_in_handshake: Fate::Either,
        // tcp_mtudisc
        believes_at_once: true,
        // minmss = 216, and headers.
        least_mtu: 256,
        // icmp6_mtudisc_update
        takes_below_minimum: true,
    },
    // sendbuf_max = 2097152
    send_buffer: 2 << 20,
    // msl = 30000
    time_wait: 60_000_000,
    // always_keepalive = 1
    always_keeps_alive: true,
    isn_tick: Some(4),
    ..Choices::RFC
};
