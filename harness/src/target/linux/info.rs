//! What the kernel tells about a connection, as the variables of a script's checks.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::calls;
use super::fds::FdTable;
use crate::call::{Call, Errno, Fd, Outcome, Output};
use crate::target::TargetError;

/// Socket option numbers of the kernel's interface, the same on every architecture.
const TCP_INFO: i32 = 11;
const TCP_CONGESTION: i32 = 13;
const TCP_CC_INFO: i32 = 26;

/// Room for `struct tcp_info` of kernels to come.
const ROOM: u32 = 1024;

/// A snapshot of a socket: `tcpi_…`, what its congestion control tells, `SK_MEMINFO_…`.
///
/// A member that this kernel's `struct tcp_info` is too short for is left out, so that a check
/// that uses it says so instead of reading a zero.
pub(super) fn snapshot(fd: Fd, fds: &FdTable) -> Result<BTreeMap<String, i64>, TargetError> {
    let mut variables = BTreeMap::new();
    match option(fd, libc::IPPROTO_TCP, TCP_INFO, fds)? {
        Ok(bytes) => tcp_info(&bytes, kernel_release(), &mut variables),
        Err(errno) => return Err(refused(fd, errno)),
    }
    if let (Ok(name), Ok(bytes)) = (
        option(fd, libc::IPPROTO_TCP, TCP_CONGESTION, fds)?,
        option(fd, libc::IPPROTO_TCP, TCP_CC_INFO, fds)?,
    ) {
        congestion_info(text(&name), &bytes, &mut variables);
    }
    if let Ok(bytes) = option(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, fds)? {
        take(&bytes, MEMORY, &mut variables);
    }
    Ok(variables)
}

/// A kernel without TCP_INFO lacks something; a descriptor that is not open is the script's mistake.
fn refused(fd: Fd, Errno(number): Errno) -> TargetError {
    let errno = nix::errno::Errno::from_raw(number);
    let reason = format!("TCP_INFO of descriptor {} gives {errno}", fd.0);
    if errno == nix::errno::Errno::EBADF {
        return TargetError::Machine(reason);
    }
    TargetError::Unsupported {
        capability: "tcp_info".into(),
        reason,
    }
}

fn option(
    fd: Fd,
    level: i32,
    name: i32,
    fds: &FdTable,
) -> Result<Result<Vec<u8>, Errno>, TargetError> {
    let call = Call::GetSockOpt {
        fd,
        level,
        name,
        len: ROOM,
    };
    Ok(match calls::perform(&call, fds)? {
        Outcome {
            output: Output::Bytes(bytes),
            ..
        } => Ok(bytes),
        outcome => Err(outcome.errno.unwrap_or(Errno(0))),
    })
}

/// A member: its name, its offset in bytes, its size in bytes.
type Member = (&'static str, usize, usize);

/// Copies the members that the bytes reach.
fn take(bytes: &[u8], members: &[Member], variables: &mut BTreeMap<String, i64>) {
    for (name, at, size) in members {
        if let Some(value) = number(bytes, *at, *size) {
            variables.insert((*name).into(), value);
        }
    }
}

/// An unsigned number in the machine's byte order; those of 64 bits keep their bits.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<i64> {
    let bytes = bytes.get(at..at + size)?;
    let value = match size {
        1 => u64::from(bytes[0]),
        2 => u64::from(u16::from_ne_bytes(bytes.try_into().ok()?)),
        4 => u64::from(u32::from_ne_bytes(bytes.try_into().ok()?)),
        _ => u64::from_ne_bytes(bytes.try_into().ok()?),
    };
    Some(value.cast_signed())
}

fn tcp_info(bytes: &[u8], kernel: (u32, u32), variables: &mut BTreeMap<String, i64>) {
    take(bytes, TCP_MEMBERS, variables);
    let mut bits = |name: &str, at: usize, shift: u32, width: u32| {
        if let Some(byte) = bytes.get(at) {
            // Bit-fields start at the low end on little-endian machines, at the high end on others.
            let shift = if cfg!(target_endian = "little") {
                shift
            } else {
                8 - shift - width
            };
            let value = (u32::from(*byte) >> shift) & ((1 << width) - 1);
            variables.insert(name.into(), value.into());
        }
    };
    bits("tcpi_snd_wscale", 6, 0, 4);
    bits("tcpi_rcv_wscale", 6, 4, 4);
    bits("tcpi_delivery_rate_app_limited", 7, 0, 1);
    bits("tcpi_fastopen_client_fail", 7, 1, 2);
    // Linux 7.0 made one word of bit-fields out of two 16-bit members at the same place.
    if kernel >= (7, 0) {
        bits("tcpi_ecn_mode", 276, 0, 2);
        bits("tcpi_accecn_opt_seen", 276, 2, 2);
        bits("tcpi_accecn_fail_mode", 276, 4, 4);
        if let Some(word) = number(bytes, 276, 4) {
            let options = if cfg!(target_endian = "little") {
                word >> 8
            } else {
                word & 0x00ff_ffff
            };
            variables.insert("tcpi_options2".into(), options);
        }
    } else {
        take(
            bytes,
            &[
                ("tcpi_accecn_fail_mode", 276, 2),
                ("tcpi_accecn_opt_seen", 278, 2),
            ],
            variables,
        );
    }
}

fn congestion_info(name: &str, bytes: &[u8], variables: &mut BTreeMap<String, i64>) {
    match name {
        "bbr" => {
            take(bytes, BBR, variables);
            if let (Some(low), Some(high)) = (number(bytes, 0, 4), number(bytes, 4, 4)) {
                variables.insert("bbr_bw".into(), high << 32 | low);
            }
        }
        "dctcp" | "dctcp-reno" => take(bytes, DCTCP, variables),
        "vegas" | "illinois" | "nv" | "yeah" | "westwood" => take(bytes, VEGAS, variables),
        _ => {}
    }
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).unwrap_or("")
}

/// The running kernel's version: major, minor.
fn kernel_release() -> (u32, u32) {
    static RELEASE: OnceLock<(u32, u32)> = OnceLock::new();
    *RELEASE.get_or_init(|| {
        nix::sys::utsname::uname()
            .ok()
            .and_then(|names| release_in(names.release().to_str()?))
            .unwrap_or((0, 0))
    })
}

fn release_in(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// `struct tcp_info`, apart from its bit-fields. Members are only ever added at its end.
const TCP_MEMBERS: &[Member] = &[
    ("tcpi_state", 0, 1),
    ("tcpi_ca_state", 1, 1),
    ("tcpi_retransmits", 2, 1),
    ("tcpi_probes", 3, 1),
    ("tcpi_backoff", 4, 1),
    ("tcpi_options", 5, 1),
    ("tcpi_rto", 8, 4),
    ("tcpi_ato", 12, 4),
    ("tcpi_snd_mss", 16, 4),
    ("tcpi_rcv_mss", 20, 4),
    ("tcpi_unacked", 24, 4),
    ("tcpi_sacked", 28, 4),
    ("tcpi_lost", 32, 4),
    ("tcpi_retrans", 36, 4),
    ("tcpi_fackets", 40, 4),
    ("tcpi_last_data_sent", 44, 4),
    ("tcpi_last_ack_sent", 48, 4),
    ("tcpi_last_data_recv", 52, 4),
    ("tcpi_last_ack_recv", 56, 4),
    ("tcpi_pmtu", 60, 4),
    ("tcpi_rcv_ssthresh", 64, 4),
    ("tcpi_rtt", 68, 4),
    ("tcpi_rttvar", 72, 4),
    ("tcpi_snd_ssthresh", 76, 4),
    ("tcpi_snd_cwnd", 80, 4),
    ("tcpi_advmss", 84, 4),
    ("tcpi_reordering", 88, 4),
    ("tcpi_rcv_rtt", 92, 4),
    ("tcpi_rcv_space", 96, 4),
    ("tcpi_total_retrans", 100, 4),
    ("tcpi_pacing_rate", 104, 8),
    ("tcpi_max_pacing_rate", 112, 8),
    ("tcpi_bytes_acked", 120, 8),
    ("tcpi_bytes_received", 128, 8),
    ("tcpi_segs_out", 136, 4),
    ("tcpi_segs_in", 140, 4),
    ("tcpi_notsent_bytes", 144, 4),
    ("tcpi_min_rtt", 148, 4),
    ("tcpi_data_segs_in", 152, 4),
    ("tcpi_data_segs_out", 156, 4),
    ("tcpi_delivery_rate", 160, 8),
    ("tcpi_busy_time", 168, 8),
    ("tcpi_rwnd_limited", 176, 8),
    ("tcpi_sndbuf_limited", 184, 8),
    ("tcpi_delivered", 192, 4),
    ("tcpi_delivered_ce", 196, 4),
    ("tcpi_bytes_sent", 200, 8),
    ("tcpi_bytes_retrans", 208, 8),
    ("tcpi_dsack_dups", 216, 4),
    ("tcpi_reord_seen", 220, 4),
    ("tcpi_rcv_ooopack", 224, 4),
    ("tcpi_snd_wnd", 228, 4),
    ("tcpi_rcv_wnd", 232, 4),
    ("tcpi_rehash", 236, 4),
    ("tcpi_total_rto", 240, 2),
    ("tcpi_total_rto_recoveries", 242, 2),
    ("tcpi_total_rto_time", 244, 4),
    ("tcpi_received_ce", 248, 4),
    ("tcpi_delivered_e1_bytes", 252, 4),
    ("tcpi_delivered_e0_bytes", 256, 4),
    ("tcpi_delivered_ce_bytes", 260, 4),
    ("tcpi_received_e1_bytes", 264, 4),
    ("tcpi_received_e0_bytes", 268, 4),
    ("tcpi_received_ce_bytes", 272, 4),
];

/// Members of `union tcp_cc_info`.
const BBR: &[Member] = &[
    ("bbr_bw_lo", 0, 4),
    ("bbr_bw_hi", 4, 4),
    ("bbr_min_rtt", 8, 4),
    ("bbr_pacing_gain", 12, 4),
    ("bbr_cwnd_gain", 16, 4),
];
const DCTCP: &[Member] = &[
    ("dctcp_enabled", 0, 2),
    ("dctcp_ce_state", 2, 2),
    ("dctcp_alpha", 4, 4),
    ("dctcp_ab_ecn", 8, 4),
    ("dctcp_ab_tot", 12, 4),
];
const VEGAS: &[Member] = &[
    ("tcpv_enabled", 0, 4),
    ("tcpv_rttcnt", 4, 4),
    ("tcp_rtt", 8, 4),
    ("tcp_minrtt", 12, 4),
];

/// What SO_MEMINFO gives.
const MEMORY: &[Member] = &[
    ("SK_MEMINFO_RMEM_ALLOC", 0, 4),
    ("SK_MEMINFO_RCVBUF", 4, 4),
    ("SK_MEMINFO_WMEM_ALLOC", 8, 4),
    ("SK_MEMINFO_SNDBUF", 12, 4),
    ("SK_MEMINFO_FWD_ALLOC", 16, 4),
    ("SK_MEMINFO_WMEM_QUEUED", 20, 4),
    ("SK_MEMINFO_OPTMEM", 24, 4),
    ("SK_MEMINFO_BACKLOG", 28, 4),
    ("SK_MEMINFO_DROPS", 32, 4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_that_is_not_open_is_an_error_and_no_missing_capability() {
        let outcome = snapshot(Fd(77), &FdTable::default());
        assert!(
            matches!(&outcome, Err(TargetError::Machine(text)) if text.contains("EBADF")),
            "{outcome:?}"
        );
    }

    #[test]
    fn members_neither_overlap_nor_leave_holes_but_for_the_two_bytes_of_bit_fields() {
        let mut end = 0;
        for (name, at, size) in TCP_MEMBERS {
            let gap = if *name == "tcpi_rto" { 2 } else { 0 };
            assert_eq!(*at, end + gap, "{name}");
            end = at + size;
        }
        assert_eq!(end, 276);
    }

    #[test]
    fn a_short_struct_gives_only_the_members_it_has() {
        let mut variables = BTreeMap::new();
        let mut bytes = vec![0; 104];
        bytes[6] = if cfg!(target_endian = "little") {
            0x87
        } else {
            0x78
        };
        bytes[8..12].copy_from_slice(&200_000_u32.to_ne_bytes());
        tcp_info(&bytes, (3, 10), &mut variables);
        assert_eq!(variables["tcpi_rto"], 200_000);
        assert_eq!(variables["tcpi_snd_wscale"], 7);
        assert_eq!(variables["tcpi_rcv_wscale"], 8);
        assert_eq!(variables["tcpi_total_retrans"], 0);
        assert!(!variables.contains_key("tcpi_pacing_rate"));
        assert!(!variables.contains_key("tcpi_accecn_fail_mode"));
    }

    #[test]
    fn the_last_word_is_read_as_the_kernel_lays_it_out() {
        let mut bytes = vec![0; 280];
        bytes[276..278].copy_from_slice(&3_u16.to_ne_bytes());
        let mut variables = BTreeMap::new();
        tcp_info(&bytes, (6, 18), &mut variables);
        assert_eq!(variables["tcpi_accecn_fail_mode"], 3);
        assert!(!variables.contains_key("tcpi_ecn_mode"));
        let mut variables = BTreeMap::new();
        tcp_info(&bytes, (7, 0), &mut variables);
        assert!(variables.contains_key("tcpi_options2"));
    }

    #[test]
    fn releases_and_names_are_read() {
        assert_eq!(release_in("6.18.44-custom"), Some((6, 18)));
        assert_eq!(release_in("7.0-rc1"), Some((7, 0)));
        assert_eq!(release_in("x"), None);
        assert_eq!(text(b"reno\0\0\0"), "reno");
    }
}
