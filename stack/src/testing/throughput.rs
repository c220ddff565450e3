//! How much of a path's rate a bulk transfer gets, in virtual time: the same on every machine.

use super::netem::{Bottleneck, Impairments};
use super::simulation::{ConnectionPlan, FeatureSet, HostPlan, Open, Plan, UserPlan, run};
use crate::config::{Config, LossDetection};
use crate::congestion::{Algorithm, Rules};
use crate::socket::SocketOptions;
use crate::time::Instant;
use crate::wire::ip::IpVersion;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

/// Bytes per second of every path: 10 Mbit/s.
pub const RATE: u64 = 1_250_000;

/// A path from sender to receiver and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Datagrams lost towards the receiver, of 10,000.
    pub loss: u16,
    /// The round trip without queueing.
    pub round_trip: Duration,
    /// The queue before the bottleneck, in hundredths of what the path itself holds.
    pub buffer_percent: u64,
}

impl Path {
    /// What fits on the path: rate times round trip, in bytes.
    fn holds(self) -> u64 {
        RATE * self.round_trip.as_micros() as u64 / 1_000_000
    }
}

/// The senders to compare: a name, and its settings.
pub fn senders() -> Vec<(&'static str, Config)> {
    let sender = |sack, loss_detection, algorithm, hystart| Config {
        sack,
        loss_detection,
        congestion: Rules {
            algorithm,
            hystart,
            slow_start_limit: 2,
            ..Rules::default()
        },
        min_rto: Duration::from_millis(200),
        send_buffer: 4 << 20,
        recv_buffer: 4 << 20,
        ..Config::default()
    };
    Vec::from([
        (
            "NewReno",
            sender(false, LossDetection::SelectiveAcks, Algorithm::Reno, false),
        ),
        (
            "Reno, SACK",
            sender(true, LossDetection::SelectiveAcks, Algorithm::Reno, false),
        ),
        (
            "CUBIC, SACK",
            sender(true, LossDetection::SelectiveAcks, Algorithm::Cubic, false),
        ),
        (
            "CUBIC, RACK",
            sender(true, LossDetection::RackTlp, Algorithm::Cubic, false),
        ),
        (
            "CUBIC, RACK, HyStart++",
            sender(true, LossDetection::RackTlp, Algorithm::Cubic, true),
        ),
    ])
}

/// One bulk transfer of `bytes` over `path`.
pub fn plan(config: &Config, path: Path, bytes: u64, seed: u64) -> Plan {
    let half = path.round_trip / 2;
    let queue = (path.holds() * path.buffer_percent / 100).max(3_000);
    let there = Impairments {
        loss: path.loss,
        delay: half,
        bottleneck: Some(Bottleneck {
            rate: RATE,
            queue,
            mark: None,
        }),
        ..Impairments::default()
    };
    let back = Impairments {
        delay: half,
        ..Impairments::default()
    };
    let host = |impairments| HostPlan {
        config: config.clone(),
        impairments,
        link_mtu: config.mtu,
        batching: false,
        backlog: 1,
        listener_options: SocketOptions::default(),
    };
    let user = |length| UserPlan {
        length,
        chunk: 8_000,
        ..UserPlan::default()
    };
    Plan {
        seed,
        features: FeatureSet::default(),
        version: IpVersion::V4,
        start: Instant::ZERO,
        hosts: Vec::from([host(back), host(there)]),
        connections: Vec::from([ConnectionPlan {
            hosts: [0, 1],
            start: Instant::ZERO,
            open: Open::Ordinary,
            users: [user(bytes), user(0)],
        }]),
        disturbances: Vec::new(),
        attacks: Vec::new(),
        patience: Duration::from_secs(1_200),
    }
}

/// Sends `bytes` over `path` and answers what part of the rate that was, in thousandths, from the
/// first SYN to the last byte read.
///
/// # Errors
/// What the simulation found wrong, or that the bytes did not arrive.
pub fn goodput(config: &Config, path: Path, bytes: u64, seed: u64) -> Result<u64, String> {
    let report = run(plan(config, path, bytes, seed), false);
    if let Some(violation) = report.violation {
        return Err(violation.to_string());
    }
    let server = report.users[1];
    let Some(ended_at) = server.ended_at.filter(|_| server.received == bytes) else {
        return Err("the bytes did not arrive".into());
    };
    Ok(bytes * 1_000_000_000 / (RATE * ended_at.as_micros().max(1)))
}
