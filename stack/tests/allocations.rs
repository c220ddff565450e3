//! A transfer in full swing takes no memory: not for a segment sent, not for one received, not for an
//! acknowledgment. And what a connection takes is bounded.
use std::collections::VecDeque;

use allocation_counter::measure;
use tcpdrill_stack::testing::pair::Side;
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{
    CallError, Config, Host, Instant, Output, Profile, SendFlags, SocketId, SocketOptions,
};

const FIRST_PORT: u16 = 80;

/// Two hosts and the datagrams between them, all of whose memory is given back.
struct Link {
    hosts: [Host; 2],
    under_way: VecDeque<Vec<u8>>,
    now: Instant,
    /// What clients connect to.
    port: u16,
}

impl Link {
    fn new(config: &Config, version: IpVersion) -> Link {
        let hosts =
            Side::BOTH.map(|side| Host::new(config.clone(), &[side.address(version)], [7; 16], 1));
        Link {
            hosts,
            under_way: VecDeque::new(),
            now: Instant::from_secs(1),
            port: FIRST_PORT,
        }
    }

    /// Hands over what `from` has to say; answers how many datagrams that was.
    fn carry(&mut self, from: usize) -> usize {
        loop {
            match self.hosts[from].poll() {
                Output::Transmit(datagram) => self.under_way.push_back(datagram),
                Output::Event(_) => {}
                Output::Deadline(_) => break,
            }
        }
        let count = self.under_way.len();
        for datagram in self.under_way.drain(..) {
            self.hosts[1 - from].receive(self.now, &datagram);
            self.hosts[from].recycle(datagram);
        }
        count
    }

    /// Lets a millisecond pass. The hosts' timers fire when they are due.
    fn wait(&mut self) {
        self.now = Instant::from_micros(self.now.as_micros() + 1000);
        for host in &mut self.hosts {
            if host.poll_deadline().is_some_and(|at| at <= self.now) {
                host.timeout(self.now);
            }
        }
    }

    fn listen(&mut self, backlog: usize) -> SocketId {
        self.hosts[1]
            .open_passive(
                self.now,
                (None, self.port),
                backlog,
                SocketOptions::default(),
            )
            .unwrap()
    }

    fn connect(&mut self, listener: SocketId) -> [SocketId; 2] {
        let remote = (self.hosts[1].addresses()[0], self.port).into();
        let client = self.hosts[0]
            .open_active(self.now, (None, None), remote, SocketOptions::default())
            .unwrap();
        while self.carry(0) + self.carry(1) > 0 {}
        [client, self.hosts[1].accept(self.now, listener).unwrap()]
    }
}

fn would_block(result: Result<usize, CallError>) -> Option<usize> {
    match result {
        Ok(len) => Some(len),
        Err(CallError::WouldBlock) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Sends without end and reads everything; answers how many bytes arrived in `rounds` rounds.
fn transfer(link: &mut Link, [from, to]: [SocketId; 2], rounds: usize, memory: &mut [u8]) -> usize {
    let mut arrived = 0;
    for _ in 0..rounds {
        let (now, flags) = (link.now, SendFlags::default());
        while would_block(link.hosts[0].send(now, from, memory, flags)).is_some() {}
        link.carry(0);
        while let Some(len) = would_block(link.hosts[1].recv(now, to, memory)) {
            arrived += len;
        }
        link.carry(1);
        link.wait();
    }
    arrived
}

fn steady_state(config: &Config, version: IpVersion) {
    let mut link = Link::new(config, version);
    let listener = link.listen(1);
    let ids = link.connect(listener);
    let mut memory = vec![0x5a; 10_000];
    // The window opens, and every buffer and queue grows to its size: until no more arrives than before.
    let mut arrived = transfer(&mut link, ids, 200, &mut memory);
    loop {
        let before = std::mem::replace(&mut arrived, transfer(&mut link, ids, 200, &mut memory));
        if arrived <= before {
            break;
        }
    }
    let memory_taken = measure(|| arrived = transfer(&mut link, ids, 500, &mut memory));
    let allocated = memory_taken.count_total;
    let segments = arrived / 1460;
    assert!(segments > 10_000, "{segments} segments are a bulk transfer");
    assert_eq!(allocated, 0, "allocations for {segments} segments");
}

#[test]
fn a_transfer_takes_no_memory_for_a_segment() {
    steady_state(&Config::default(), IpVersion::V4);
    steady_state(&Config::default(), IpVersion::V6);
}

#[test]
fn no_profile_takes_memory_for_a_segment() {
    for profile in Profile::ALL {
        steady_state(&profile.config(), IpVersion::V4);
    }
}

/// Many connections that say nothing, on both sides: at most 1,024 bytes each, with their places in all
/// tables. What only text needs is made when text comes. By freebsd keep-alive is on, so that each also
/// has a place in the queue of deadlines.
#[test]
fn what_an_idle_connection_takes_is_bounded() {
    // Tables grow by doubling: 25,000 leaves as much of them empty as 100,000.
    const COUNT: usize = 25_000;
    for profile in Profile::ALL {
        let config = profile.config();
        let most = match profile {
            Profile::Rfc9293 | Profile::Linux => 992,
            Profile::Freebsd => 1024,
        };
        let mut link = Link::new(&config, IpVersion::V4);
        let memory_taken = measure(|| {
            // There are not enough ephemeral ports for all to have the same server port.
            for _ in 0..5 {
                let listener = link.listen(16);
                for _ in 0..COUNT / 5 {
                    link.connect(listener);
                }
                link.port += 1;
            }
        });
        let each = memory_taken.bytes_current / (2 * COUNT) as i64;
        assert!(each <= most, "{profile}: {each} bytes a connection");
    }
}
