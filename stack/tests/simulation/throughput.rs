//! What part of a path's rate each kind of sender gets: a regression shows as a difference.

use std::fmt::Write as _;
use std::time::Duration;
use tcpdrill_stack::testing::throughput::{Path, goodput, senders};

/// Enough to get out of slow start on all but the longest path.
const BYTES: u64 = 2_000_000;

#[test]
fn goodput_over_loss_round_trip_and_buffer() {
    let mut table = String::from(
        "Per cent of 10 Mbit/s that 2 MB get, by loss, round trip and buffer (of what the path holds)\n\n",
    );
    for (name, config) in senders() {
        let _ = writeln!(table, "{name}");
        let _ = writeln!(table, "   loss     10 ms          50 ms          200 ms");
        let _ = writeln!(
            table,
            " buffer     50 %   200 %   50 %   200 %   50 %   200 %"
        );
        for loss in [0, 10, 100, 300] {
            let _ = write!(table, "{:>5.1} %  ", f64::from(loss) / 100.0);
            for round_trip in [10, 50, 200] {
                for buffer_percent in [50, 200] {
                    let path = Path {
                        loss,
                        round_trip: Duration::from_millis(round_trip),
                        buffer_percent,
                    };
                    let thousandths = goodput(&config, path, BYTES, 1).unwrap();
                    let _ = write!(table, "  {:>5.1}", thousandths as f64 / 10.0);
                }
            }
            table.push('\n');
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}
