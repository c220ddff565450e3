//! Instructions instead of time: the same on a busy machine as on an idle one. Each piece of work runs
//! twice under valgrind, the second time with more of the same, and the difference is counted.

use crate::{bulk, connections, parse};
use std::process::Command;

/// What can be counted: its name, how often it runs the first and the second time, and itself.
type Work = (&'static str, [u64; 2], fn(u64));

const WORKS: [Work; 8] = [
    (
        "a segment of 1,448 bytes, sent and received",
        [10_000, 30_000],
        |count| bulk::work(count * 1448),
    ),
    (
        "reading a SYN with 20 bytes of options",
        [10_000, 30_000],
        |n| {
            parse::work(0, n);
        },
    ),
    (
        "reading 1,000 bytes with timestamps",
        [10_000, 30_000],
        |n| {
            parse::work(1, n);
        },
    ),
    (
        "a connection opened and closed, both ends",
        [1_000, 3_000],
        |n| {
            connections::cycles(false, n);
        },
    ),
    ("the same by way of a SYN cookie", [1_000, 3_000], |n| {
        connections::cycles(true, n);
    }),
    (
        "an exchange, in turn, 10 connections",
        [20_000, 60_000],
        |n| connections::exchanges(10, n),
    ),
    (
        "an exchange, in turn, 1,000 connections",
        [20_000, 60_000],
        |n| connections::exchanges(1_000, n),
    ),
    (
        "an exchange, in turn, 100,000 connections",
        [20_000, 220_000],
        |n| connections::exchanges(100_000, n),
    ),
];

/// Does a piece of work, if that is what this process was started for.
pub fn work(arguments: &[String]) -> bool {
    let [word, index, count] = arguments else {
        return false;
    };
    if word != "work" {
        return false;
    }
    let (index, count): (usize, u64) = (index.parse().unwrap(), count.parse().unwrap());
    WORKS[index].2(count);
    true
}

pub fn run() {
    if let Err(error) = Command::new("valgrind").arg("--version").output() {
        println!("Instructions: not counted, valgrind does not start ({error})");
        return;
    }
    println!("Instructions (valgrind), each the difference of two runs");
    for (index, (name, counts, _)) in WORKS.iter().enumerate() {
        let [few, many] = counts.map(|count| instructions(index, count));
        let each = (many - few) / (counts[1] - counts[0]);
        println!("{name:<46} {each:>7}");
    }
}

fn instructions(index: usize, count: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["work", &index.to_string(), &count.to_string()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split("Collected : ").nth(1));
    let Some(Ok(collected)) = collected.map(|number| number.trim().parse()) else {
        panic!("valgrind did not say how many instructions there were:\n{said}");
    };
    collected
}
