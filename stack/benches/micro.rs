//! Single pieces: `cargo bench -p tcpdrill-stack --bench micro`.
#![allow(missing_docs)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::net::SocketAddr;
use tcpdrill_stack::segment::{Segment, parse_ref};
use tcpdrill_stack::wire::checksum::checksum;
use tcpdrill_stack::wire::options::Timestamps;

fn main() {
    divan::main();
}

fn segment(version: u8, len: usize) -> Segment {
    let end = |text: &str| text.parse::<SocketAddr>().unwrap();
    let mut segment = if version == 4 {
        Segment::new(end("192.0.2.1:1000"), end("192.0.2.2:80"))
    } else {
        Segment::new(end("[2001:db8::1]:1000"), end("[2001:db8::2]:80"))
    };
    segment.ack = Some(segment.seq);
    segment.options.timestamps = Some(Timestamps { value: 1, echo: 2 });
    segment.payload = (0..len).map(|n| n as u8).collect();
    segment
}

#[divan::bench(args = [20, 40, 1480, 65_000])]
fn sum(bencher: Bencher<'_, '_>, len: usize) {
    let bytes = vec![0x5a; len];
    bencher
        .counter(BytesCount::new(len))
        .bench(|| checksum(black_box(&bytes)));
}

#[divan::bench(args = [(4, 0), (4, 1448), (6, 1428)])]
fn parse(bencher: Bencher<'_, '_>, (version, len): (u8, usize)) {
    let datagram = segment(version, len).emit();
    bencher
        .counter(BytesCount::new(datagram.len()))
        .bench(|| parse_ref(black_box(&datagram)).is_ok());
}

#[divan::bench(args = [(4, 0), (4, 1448), (6, 1428)])]
fn emit(bencher: Bencher<'_, '_>, (version, len): (u8, usize)) {
    let segment = segment(version, len);
    bencher
        .counter(BytesCount::new(len))
        .bench(|| black_box(&segment).emit());
}
