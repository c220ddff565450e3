//! Bulk transfer between two hosts of the same stack, against smoltcp's.
//!
//! Both have the same buffers and the same link: a queue of so many datagrams each way whose memory is
//! used again. Both compute and verify every checksum. Neither waits: when nothing moves the clock
//! goes on to the next timer.

use crate::timing::Race;

mod ours;
mod smol;

/// Bytes of each send and each receive buffer.
const BUFFER: usize = 256 << 10;
/// Bytes of one transfer.
const AMOUNT: u64 = 4 << 20;
const ROUNDS: usize = 401;

/// How users hand over and take their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From and to memory of their own.
    Copying,
    /// In the stack's buffers.
    InPlace,
}

/// One connection over a link, ready for bytes.
pub trait Transfer {
    /// Moves at least `amount` bytes from one user to the other and answers how many it were.
    fn run(&mut self, amount: u64) -> u64;
    /// Moves `data` and answers what arrived.
    fn echo(&mut self, data: &[u8]) -> Vec<u8>;
}

/// Datagrams that the link holds each way.
fn depth(mtu: usize) -> usize {
    (65_536 / mtu).max(2)
}

pub fn run() {
    println!(
        "Bulk transfer, {ROUNDS} turns of {} MiB each, buffers of {} KiB: ns a KiB",
        AMOUNT >> 20,
        BUFFER >> 10
    );
    println!(
        "                                                   median   least   ratio of medians  of least"
    );
    for mtu in [1500, 65_535] {
        for way in [Way::Copying, Way::InPlace] {
            let mut ours = ours::Ours::new(mtu, way);
            let mut smol = smol::Smol::new(mtu, way);
            check(&mut ours);
            check(&mut smol);
            let race = Race::run(
                ROUNDS,
                &mut [&mut || ours.run(AMOUNT), &mut || smol.run(AMOUNT)],
            );
            let names = ["this stack", "smoltcp"];
            for (index, name) in names.iter().enumerate() {
                println!(
                    "MTU {mtu:>5}, {:<8} {name:<10}  {:>6.1}  {:>6.1}             {:>5.2}     {:>5.2}",
                    format!("{way:?}"),
                    race.median(index) * 1024.0,
                    race.least(index) * 1024.0,
                    race.ratio(0, index),
                    race.least(index) / race.least(0),
                );
            }
        }
    }
}

/// Moves as many bytes in full segments of MTU 1500, for somebody who counts instructions.
pub fn work(amount: u64) {
    ours::Ours::new(1500, Way::InPlace).run(amount);
}

/// What arrives is what was sent.
fn check(transfer: &mut impl Transfer) {
    let data: Vec<u8> = (0..3_000_000u32).map(|n| (n * 7 + n / 251) as u8).collect();
    assert!(transfer.echo(&data) == data, "the bytes arrive unchanged");
}
