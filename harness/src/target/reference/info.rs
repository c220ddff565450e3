//! The `tcp_info` variables the stack can answer for, with Linux's numbers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tcpdrill_stack::{Instant, StateName, Status};

use super::blocking::Stop;
use super::descriptors::Stage;
use super::kernel::Kernel;
use crate::call::Fd;

/// Every variable [`Kernel::info`] gives.
pub(super) const NAMES: &[&str] = &[
    "tcpi_state",
    "tcpi_ca_state",
    "tcpi_retransmits",
    "tcpi_probes",
    "tcpi_backoff",
    "tcpi_options",
    "tcpi_snd_wscale",
    "tcpi_rcv_wscale",
    "tcpi_rto",
    "tcpi_rtt",
    "tcpi_rttvar",
    "tcpi_snd_mss",
    "tcpi_advmss",
    "tcpi_pmtu",
    "tcpi_reordering",
    "tcpi_reord_seen",
    "tcpi_min_rtt",
    "tcpi_unacked",
    "tcpi_sacked",
    "tcpi_lost",
    "tcpi_snd_cwnd",
    "tcpi_snd_ssthresh",
    "tcpi_retrans",
    "tcpi_delivered",
    "tcpi_total_retrans",
    "tcpi_bytes_acked",
    "tcpi_bytes_received",
    "tcpi_notsent_bytes",
    "tcpi_snd_wnd",
    "tcpi_rcv_wnd",
    "tcpi_segs_in",
    "tcpi_segs_out",
    "tcpi_data_segs_in",
    "tcpi_data_segs_out",
    "tcpi_bytes_sent",
    "tcpi_bytes_retrans",
    "tcpi_dsack_dups",
    "tcpi_last_data_sent",
    "tcpi_last_data_recv",
    "tcpi_last_ack_recv",
    "tcpi_busy_time",
    "tcpi_rwnd_limited",
    "tcpi_sndbuf_limited",
];

/// TCPI_OPT_ bits.
const OPT_TIMESTAMPS: i64 = 1;
const OPT_SACK: i64 = 2;
const OPT_WSCALE: i64 = 4;
const OPT_SYN_DATA: i64 = 32;
/// Duplicate acknowledgments that mean a loss (RFC 5681 §3.2): what Linux counts with before it sees more
/// reordering than that.
const DUPLICATE_ACK_THRESHOLD: i64 = 3;
/// Linux's "no round trip yet".
const NO_MIN_RTT: i64 = 0xffff_ffff;
/// Linux's "no threshold yet".
const INFINITE_SSTHRESH: i64 = 0x7fff_ffff;

impl Kernel {
    /// Address and port at the other end of a connection.
    pub(super) fn peer(&self, fd: Fd) -> Option<SocketAddr> {
        let Stage::Connection(id, _) = self.table.socket(fd).ok()?.stage else {
            return None;
        };
        self.engine.host().status(id).ok()?.remote
    }

    /// A snapshot of one socket.
    pub(super) fn info(&self, fd: Fd) -> Result<BTreeMap<String, i64>, Stop> {
        let id = match self.table.socket(fd)?.stage {
            Stage::Fresh => return Ok(blank(StateName::Closed)),
            Stage::Listening(id) | Stage::Connection(id, _) => id,
        };
        let status = self
            .engine
            .host()
            .status(id)
            .map_err(|error| Kernel::lost_socket(fd, error))?;
        if status.state == StateName::Listen {
            let mut values = blank(status.state);
            // As Linux has it: the connections that wait for accept.
            values.insert("tcpi_unacked".to_owned(), wide(status.accept_queued));
            return Ok(values);
        }
        let mut values = named(&of_connection(&status));
        values.extend(named(&counted(&status, self.engine.now())));
        let mtu = self.engine.host().config().mtu;
        values.insert("tcpi_pmtu".to_owned(), i64::from(mtu));
        Ok(values)
    }
}

fn of_connection(status: &Status) -> Vec<(&'static str, i64)> {
    let mss = i64::from(status.snd_mss.max(1));
    let micros = |length: core::time::Duration| i64::try_from(length.as_micros()).unwrap_or(0);
    let ssthresh = i64::from(status.ssthresh);
    let syn = i64::from(status.snd_una == status.iss && status.snd_nxt != status.iss);
    vec![
        ("tcpi_state", state_number(status.state)),
        ("tcpi_ca_state", congestion_state(status)),
        ("tcpi_retransmits", i64::from(status.timeouts)),
        ("tcpi_probes", i64::from(status.probes)),
        ("tcpi_backoff", i64::from(status.backoff)),
        ("tcpi_options", option_bits(status)),
        ("tcpi_snd_wscale", i64::from(status.snd_wscale.unwrap_or(0))),
        ("tcpi_rcv_wscale", i64::from(status.rcv_wscale.unwrap_or(0))),
        ("tcpi_rto", micros(status.rto)),
        ("tcpi_rtt", status.srtt.map_or(0, micros)),
        ("tcpi_rttvar", status.rttvar.map_or(0, micros)),
        ("tcpi_snd_mss", mss),
        ("tcpi_advmss", i64::from(status.rcv_mss)),
        (
            "tcpi_reordering",
            DUPLICATE_ACK_THRESHOLD.max((i64::from(status.reordering_distance) + mss - 1) / mss),
        ),
        ("tcpi_reord_seen", i64::from(status.reordering_seen)),
        ("tcpi_min_rtt", status.min_rtt.map_or(NO_MIN_RTT, micros)),
        ("tcpi_unacked", wide(status.in_flight) + syn),
        ("tcpi_sacked", wide(status.sacked)),
        ("tcpi_lost", wide(status.lost)),
        ("tcpi_snd_cwnd", i64::from(status.cwnd) / mss),
        (
            "tcpi_snd_ssthresh",
            if ssthresh >= INFINITE_SSTHRESH {
                INFINITE_SSTHRESH
            } else {
                ssthresh / mss
            },
        ),
        ("tcpi_retrans", wide(status.retransmitted_in_flight)),
        (
            "tcpi_delivered",
            i64::try_from(status.delivered).unwrap_or(i64::MAX),
        ),
        (
            "tcpi_total_retrans",
            i64::try_from(status.retransmitted).unwrap_or(i64::MAX),
        ),
        ("tcpi_bytes_acked", bytes_acked(status)),
        ("tcpi_bytes_received", bytes_received(status)),
        ("tcpi_notsent_bytes", wide(status.send_unsent)),
        ("tcpi_snd_wnd", i64::from(status.snd_wnd)),
        ("tcpi_rcv_wnd", i64::from(status.rcv_wnd)),
    ]
}

/// What was counted; lengths of time are in microseconds, but for the silences, in milliseconds.
fn counted(status: &Status, now: Instant) -> Vec<(&'static str, i64)> {
    let counters = &status.counters;
    let count = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let micros = |length: Duration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    let silence =
        |at: Option<Instant>| at.map_or(0, |at| micros(now.saturating_duration_since(at)) / 1000);
    let limits = &counters.limits;
    vec![
        ("tcpi_segs_in", count(counters.segments_in)),
        ("tcpi_segs_out", count(counters.segments_out)),
        ("tcpi_data_segs_in", count(counters.data_segments_in)),
        ("tcpi_data_segs_out", count(counters.data_segments_out)),
        ("tcpi_bytes_sent", count(counters.bytes_sent)),
        ("tcpi_bytes_retrans", count(counters.bytes_retransmitted)),
        ("tcpi_dsack_dups", count(counters.duplicates_reported)),
        ("tcpi_last_data_sent", silence(counters.data_sent_at)),
        ("tcpi_last_data_recv", silence(counters.data_received_at)),
        ("tcpi_last_ack_recv", silence(counters.ack_received_at)),
        ("tcpi_busy_time", micros(limits.busy(now))),
        ("tcpi_rwnd_limited", micros(limits.receive_window(now))),
        ("tcpi_sndbuf_limited", micros(limits.send_buffer(now))),
    ]
}

/// `TCP_CA_Open` and its siblings.
fn congestion_state(status: &Status) -> i64 {
    if status.backoff > 0 {
        4
    } else if status.in_recovery {
        3
    } else {
        // Disorder: something is missing in between, as far as is known, or was sent again.
        let out_of_order = status.duplicate_acks > 0 || status.sacked > 0 || status.lost > 0;
        i64::from(out_of_order || status.retransmitted_in_flight > 0)
    }
}

fn option_bits(status: &Status) -> i64 {
    let bit = |on: bool, bit: i64| if on { bit } else { 0 };
    bit(status.timestamps, OPT_TIMESTAMPS)
        | bit(status.sack, OPT_SACK)
        | bit(status.snd_wscale.is_some(), OPT_WSCALE)
        | bit(status.syn_data_taken, OPT_SYN_DATA)
}

/// Payload the peer has acknowledged: SND.UNA less our SYN and, once acknowledged, our FIN.
fn bytes_acked(status: &Status) -> i64 {
    let fin = match status.state {
        StateName::FinWait2 | StateName::TimeWait => 1,
        _ => 0,
    };
    let acked = i64::from(status.snd_una.raw().wrapping_sub(status.iss.raw()));
    (acked - 1 - fin).max(0)
}

/// Payload received in order: RCV.NXT less the peer's SYN and FIN.
fn bytes_received(status: &Status) -> i64 {
    let fin = match status.state {
        StateName::SynSent | StateName::Closed | StateName::Listen => return 0,
        StateName::CloseWait | StateName::LastAck | StateName::Closing | StateName::TimeWait => 1,
        StateName::SynReceived
        | StateName::Established
        | StateName::FinWait1
        | StateName::FinWait2 => 0,
    };
    let received = i64::from(status.rcv_nxt.raw().wrapping_sub(status.irs.raw()));
    (received - 1 - fin).max(0)
}

/// `TCP_ESTABLISHED` and its siblings.
pub(super) fn state_number(state: StateName) -> i64 {
    match state {
        StateName::Established => 1,
        StateName::SynSent => 2,
        StateName::SynReceived => 3,
        StateName::FinWait1 => 4,
        StateName::FinWait2 => 5,
        StateName::TimeWait => 6,
        StateName::Closed => 7,
        StateName::CloseWait => 8,
        StateName::LastAck => 9,
        StateName::Listen => 10,
        StateName::Closing => 11,
    }
}

fn wide(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A socket without a connection: zero everywhere but for the state.
fn blank(state: StateName) -> BTreeMap<String, i64> {
    let mut values: BTreeMap<String, i64> =
        NAMES.iter().map(|name| ((*name).to_owned(), 0)).collect();
    values.insert("tcpi_state".to_owned(), state_number(state));
    values
}

fn named(values: &[(&str, i64)]) -> BTreeMap<String, i64> {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}
