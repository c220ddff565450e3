//! `timestamp-offsets`: the timestamp clocks of neighbouring connections have nothing to do with one
//! another (RFC 7323 §5.4, §7.1).

use serde::Deserialize;

use super::Probe;
use super::file::Within;
use super::kit::{Bench, Seen};
use super::pairs::{Field, Open, judge};
use super::stop::{Stop, code};
use crate::wire::TcpOption;

/// What the probe's SYNs carry, so that the SYN-ACK has a timestamp too.
const OPTIONS: [TcpOption; 3] = [
    TcpOption::NoOperation,
    TcpOption::NoOperation,
    TcpOption::Timestamps {
        value: 1,
        echo_reply: 0,
    },
];

/// Parameters of `timestamp-offsets`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimestampOffsets {
    /// Who opens: the probe (the TSval of the SYN-ACK) or the stack (that of its SYN).
    open: Open,
    /// The fields of the 4-tuple that are varied, one at a time.
    vary: Vec<Field>,
    /// Pairs of tuples for each of them.
    pairs: Within<32, 1024>,
}

impl Probe for TimestampOffsets {
    const NAME: &'static str = "timestamp-offsets";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        self.open.prepare(&mut wire)?;
        for field in &self.vary {
            let count = self.pairs.count();
            let pairs = self
                .open
                .pairs(&mut wire, *field, count, &OPTIONS, timestamp)?;
            judge("timestamps", *field, &pairs)?;
        }
        Ok(())
    }
}

/// TSval of a segment, which has to have one.
fn timestamp(seen: &Seen) -> Result<u32, Stop> {
    let value = |option: &TcpOption| match option {
        TcpOption::Timestamps { value, .. } => Some(*value),
        _ => None,
    };
    seen.segment.options.iter().find_map(value).ok_or_else(|| {
        Stop::failed(code::WRONG_ANSWER, "a SYN or SYN-ACK without a timestamp").differs(
            "packet",
            "a timestamp",
            seen.text(),
        )
    })
}
