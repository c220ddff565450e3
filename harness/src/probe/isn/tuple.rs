//! `isn-tuple`: ISNs of neighbouring 4-tuples have nothing to do with one another.

use serde::Deserialize;

use crate::probe::Probe;
use crate::probe::file::Within;
use crate::probe::kit::Bench;
use crate::probe::pairs::{Field, Open, judge};
use crate::probe::stop::Stop;

/// Parameters of `isn-tuple`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::probe) struct IsnTuple {
    /// Who opens: the probe (the ISN of the SYN-ACK) or the stack (that of its SYN).
    open: Open,
    /// Pairs of tuples for each field that is varied.
    pairs: Within<32, 1024>,
}

impl Probe for IsnTuple {
    const NAME: &'static str = "isn-tuple";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        self.open.prepare(&mut wire)?;
        for field in Field::ALL {
            let isn = |seen: &crate::probe::kit::Seen| Ok(seen.segment.sequence);
            let pairs = self
                .open
                .pairs(&mut wire, field, self.pairs.count(), &[], isn)?;
            judge("ISNs", field, &pairs)?;
        }
        Ok(())
    }
}
