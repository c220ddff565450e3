//! The figures of `docs/fuzzing.md`: how many datagrams the target `header_parse` reads a second, without libFuzzer, beside smoltcp in the same run.
//!
//! `cargo bench -p tcpdrill-fuzz --bench speed`. One thread; speeds are only compared within a run, in turns and by medians.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "the clock is shared with other benchmarks"
)]

#[path = "../../stack/benches/compare/timing.rs"]
mod timing;

use std::hint::black_box;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{IpAddress, Ipv4Packet, Ipv6Packet, TcpPacket, TcpRepr};
use tcpdrill_fuzz::seeds;
use tcpdrill_stack::rng::Rng;
use tcpdrill_stack::segment;

use timing::Race;

/// Datagrams to be read, in turns.
const DATAGRAMS: usize = 4_096;
const ROUNDS: usize = 41;

/// One reading of a datagram: whether it was a segment.
fn smoltcp(datagram: &[u8]) -> bool {
    let read = |src: IpAddress, dst: IpAddress, payload: &[u8]| {
        let packet = TcpPacket::new_checked(payload).ok();
        packet.is_some_and(|packet| {
            TcpRepr::parse(&packet, &src, &dst, &ChecksumCapabilities::default()).is_ok()
        })
    };
    match datagram.first().map(|byte| byte >> 4) {
        Some(4) => Ipv4Packet::new_checked(datagram).is_ok_and(|packet| {
            let (src, dst) = (packet.src_addr().into(), packet.dst_addr().into());
            packet.verify_checksum() && read(src, dst, packet.payload())
        }),
        Some(6) => Ipv6Packet::new_checked(datagram).is_ok_and(|packet| {
            read(
                packet.src_addr().into(),
                packet.dst_addr().into(),
                packet.payload(),
            )
        }),
        _ => false,
    }
}

fn main() {
    let mut rng = Rng::new(1);
    let datagrams: Vec<Vec<u8>> = (0..DATAGRAMS)
        .map(|_| seeds::damaged_datagram(&mut rng))
        .collect();
    let each = |read: &dyn Fn(&[u8])| {
        datagrams.iter().for_each(|datagram| read(datagram));
        DATAGRAMS as u64
    };
    let race = Race::run(
        ROUNDS,
        &mut [
            &mut || each(&|datagram| tcpdrill_fuzz::header_parse(black_box(datagram))),
            &mut || each(&|datagram| drop(black_box(segment::parse_ref(black_box(datagram))))),
            &mut || {
                each(&|datagram| {
                    black_box(smoltcp(black_box(datagram)));
                })
            },
        ],
    );
    println!("{DATAGRAMS} datagrams with up to four bytes changed, one core");
    show(&race, 0, "header_parse, the target", "exec");
    show(&race, 1, "one reading by tcpdrill-stack", "readings");
    show(&race, 2, "one reading by smoltcp", "readings");
}

fn show(race: &Race, contender: usize, name: &str, unit: &str) {
    let of = |nanos: f64| 1e3 / nanos;
    println!(
        "  {name:32} {:6.2} million {unit}/s (best {:.2})",
        of(race.median(contender)),
        of(race.least(contender))
    );
}
