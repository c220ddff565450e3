//! What a kernel counts in its ticks.
//!
//! A time that is counted in ticks comes out a tick more or less by where in a tick it began and
//! ended. A script that asks for such a time is begun where what it does is far from the next tick.

use std::collections::BTreeSet;

use crate::program::code::CodeBlock;
use crate::program::{Action, Program, TimeSpec};
use crate::time::Time;

/// The names, and the unit of each in microseconds.
const COUNTED: [(&str, i128); 7] = [
    ("tcpi_busy_time", 1),
    ("tcpi_rwnd_limited", 1),
    ("tcpi_sndbuf_limited", 1),
    ("tcpi_last_data_sent", 1000),
    ("tcpi_last_ack_sent", 1000),
    ("tcpi_last_data_recv", 1000),
    ("tcpi_last_ack_recv", 1000),
];

/// What of it a block asks for, with its unit in microseconds.
pub(super) fn counted_in(block: &CodeBlock) -> impl Iterator<Item = (&'static str, i128)> {
    COUNTED
        .into_iter()
        .filter(|(name, _)| block.text.contains(name))
}

/// When the script acts, by its own times; nothing of a script that asks for none of it.
///
/// What a stack's own timers do is left out: that comes with a tick anyway.
pub(super) fn moments(program: &Program) -> BTreeSet<Time> {
    let asks = program.steps.iter().any(|step| match &step.action {
        Action::Check(block) => counted_in(block).next().is_some(),
        _ => false,
    });
    let mut moments = BTreeSet::new();
    let mut now = Time::ZERO;
    for step in program.steps.iter().filter(|_| asks) {
        now = match step.at.node {
            TimeSpec::Absolute(time) | TimeSpec::AbsoluteRange(time, _) => time,
            TimeSpec::Relative(wait) | TimeSpec::RelativeRange(wait, _) => now + wait,
            TimeSpec::Any => now,
        };
        match &step.action {
            Action::Inject(_) | Action::Call(_) | Action::Check(_) => {
                moments.insert(now);
            }
            Action::Expect(_) | Action::Nothing | Action::Command(_) => {}
        }
    }
    moments
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::tests::program;
    use super::*;

    #[rstest]
    #[case::counted(
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+.01 close(3) = 0\n+.02~+.03 > R 0:0(0)\n+.005 %{ assert tcpi_busy_time == 0 }%\n0.1 < . 0:0(0) win 0\n",
        &[0, 10_000, 35_000, 100_000]
    )]
    #[case::nothing_is_counted(
        "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+.01 %{ assert tcpi_rtt == 0 }%\n",
        &[]
    )]
    fn the_moments_of_a_script_are_those_at_which_it_acts(
        #[case] script: &str,
        #[case] micros: &[i64],
    ) {
        let moments: Vec<i64> = moments(&program(script))
            .into_iter()
            .map(Time::as_micros)
            .collect();
        assert_eq!(moments, micros);
    }
}
