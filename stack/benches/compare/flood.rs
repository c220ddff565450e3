//! A SYN flood: a million SYNs from addresses that nobody has, against a listener with cookies, and
//! clients that connect meanwhile.

use crate::connections::Town;
use crate::timing::{median, timed};
use allocation_counter::measure;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use tcpdrill_stack::rng::Rng;
use tcpdrill_stack::segment::{Flags, Segment};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::{Config, Output};

const SYNS: usize = 1_000_000;
/// One client connects for so many SYNs of the flood.
const A_CLIENT: usize = 1_000;

fn random_syn(rng: &mut Rng, server: SocketAddr) -> Vec<u8> {
    loop {
        let address = Ipv4Addr::from_bits(rng.next_u32());
        // 1.0.0.0 to 126.255.255.255: hosts somewhere.
        if !(1..127).contains(&address.octets()[0]) {
            continue;
        }
        let port = 1024 + (rng.next_u32() % 60_000) as u16;
        let mut syn = Segment::new(SocketAddr::new(IpAddr::V4(address), port), server);
        syn.flags = Flags::SYN;
        syn.seq = SeqNum::new(rng.next_u32());
        return syn.emit();
    }
}

/// Answers how many datagrams the server answered with; nobody gets them.
fn drain(town: &mut Town) -> usize {
    let mut answers = 0;
    loop {
        match town.hosts[1].poll() {
            Output::Transmit(datagram) => {
                answers += 1;
                town.hosts[1].recycle(datagram);
            }
            Output::Event(_) => {}
            Output::Deadline(_) => return answers,
        }
    }
}

/// How long a client takes to connect, in ns.
fn connect(town: &mut Town, listener: tcpdrill_stack::SocketId) -> f64 {
    let (connection, nanos) = timed(|| town.open(80, listener));
    town.hosts[0].abort(town.now, connection[0]).unwrap();
    town.settle();
    town.hosts[1].abort(town.now, connection[1]).unwrap();
    town.settle();
    nanos
}

/// So many SYNs arrive; answers how many were answered.
fn fill(town: &mut Town, rng: &mut Rng, count: usize, server: SocketAddr) -> usize {
    let mut answers = 0;
    for _ in 0..count {
        let syn = random_syn(rng, server);
        town.hosts[1].receive(town.now, &syn);
        answers += drain(town);
    }
    answers
}

pub fn run() {
    let mut town = Town::new(&Config::default());
    let listener = town.listen(80);
    let server = SocketAddr::new(town.hosts[1].addresses()[0], 80);
    let mut rng = Rng::new(1);
    // The same traffic beforehand, to a port where nobody listens.
    let closed = SocketAddr::new(server.ip(), 81);
    let before: Vec<f64> = (0..1000)
        .map(|_| {
            fill(&mut town, &mut rng, A_CLIENT, closed);
            connect(&mut town, listener)
        })
        .collect();
    // The first SYNs fill the SYN queue; from then on cookies answer.
    fill(&mut town, &mut rng, A_CLIENT, server);
    let mut during = Vec::with_capacity(SYNS / A_CLIENT);
    let mut answers = 0;
    let mut nanos = 0.0;
    let taken = measure(|| {
        for _ in 0..SYNS / A_CLIENT {
            let (count, time) = timed(|| fill(&mut town, &mut rng, A_CLIENT, server));
            answers += count;
            nanos += time;
            during.push(connect(&mut town, listener));
        }
    });
    assert_eq!(answers, SYNS, "every SYN is answered");
    println!("SYN flood: {SYNS} SYNs from random addresses, cookies once the SYN queue is full");
    println!(
        "memory that the flood left behind: {} bytes",
        taken.bytes_current
    );
    println!(
        "a SYN made, received and answered: {:.0} ns",
        nanos / SYNS as f64
    );
    let (quiet, flooded) = (median(before), median(during));
    println!(
        "a client connects: median {quiet:.0} ns among SYNs to a closed port, {flooded:.0} ns among the flood, ratio {:.2}",
        flooded / quiet
    );
}
