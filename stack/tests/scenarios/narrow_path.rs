//! Two hosts and a path between them that carries less than their links, now more and now less: what
//! is sent arrives, whoever tells of the size.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{LossDetection, PathMtuConfig, Probing, TooBig};
use tcpdrill_stack::event::Event;
use tcpdrill_stack::segment::{self, Incoming};
use tcpdrill_stack::time::Instant;
use tcpdrill_stack::{Config, Host, Output, SocketId, SocketOptions, invariant};

use crate::path_mtu::too_big;
use crate::support::byte_at;

const DELAY: Duration = Duration::from_millis(10);
/// What a packet takes on the wire: 100 Mbit/s.
const SPACING: Duration = Duration::from_micros(120);
const LENGTH: u32 = 700_000;

/// What the path carries from a time on, in ms since the beginning.
type Sizes = &'static [(u64, usize)];

struct World {
    hosts: [Host; 2],
    now: Instant,
    /// What arrives when, at whom.
    under_way: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    count: u64,
    /// When the latest packet arrives, at whom.
    latest: [Instant; 2],
    sizes: Sizes,
    /// Routers tell what they do not let through.
    routers_talk: bool,
    events: Vec<Event>,
    /// Packets that did not fit.
    refused: usize,
}

impl World {
    fn new(config: &Config, sizes: Sizes, routers_talk: bool, addresses: [IpAddr; 2]) -> Self {
        let host = |at: usize| Host::new(config.clone(), &addresses[at..=at], [at as u8; 16], 1);
        Self {
            hosts: [host(0), host(1)],
            now: Instant::from_secs(1),
            under_way: BTreeMap::new(),
            count: 0,
            latest: [Instant::ZERO; 2],
            sizes,
            routers_talk,
            events: Vec::new(),
            refused: 0,
        }
    }

    fn size(&self) -> usize {
        let since = self.now.saturating_duration_since(Instant::from_secs(1));
        let passed = self.sizes.iter().rev();
        let mut begun = passed.filter(|(at, _)| u128::from(*at) <= since.as_millis());
        begun.next().expect("a size from the beginning").1
    }

    fn arrive(&mut self, at: usize, datagram: Vec<u8>) {
        self.count += 1;
        let time = (self.now + DELAY).max(self.latest[at] + SPACING);
        self.latest[at] = time;
        let key = (time, self.count);
        self.under_way.insert(key, (at, datagram));
    }

    fn drain(&mut self, from: usize) {
        loop {
            match self.hosts[from].poll() {
                Output::Deadline(_) => break,
                Output::Event(event) if from == 0 => self.events.push(event),
                Output::Event(_) => {}
                Output::Transmit(datagram) if datagram.len() <= self.size() => {
                    self.arrive(1 - from, datagram);
                }
                Output::Transmit(datagram) => {
                    self.refused += 1;
                    if self.routers_talk {
                        let Ok(Incoming::Segment(sent)) = segment::parse(&datagram) else {
                            panic!("the host sent what it would not read itself");
                        };
                        let word = too_big(&sent, self.size() as u32);
                        self.arrive(from, word);
                    }
                }
            }
        }
        assert_eq!(invariant::check(&self.hosts[from]), Ok(()));
    }

    /// What happens next; false if nothing does.
    fn step(&mut self) -> bool {
        let arrival = self.under_way.first_key_value().map(|(key, _)| key.0);
        let deadlines = [0, 1].map(|side| self.hosts[side].poll_deadline());
        let next = deadlines.iter().copied().flatten().chain(arrival).min();
        let Some(next) = next else { return false };
        self.now = self.now.max(next);
        if arrival == Some(next) {
            if let Some((_, (at, datagram))) = self.under_way.pop_first() {
                self.hosts[at].receive(self.now, &datagram);
            }
        } else {
            for host in &mut self.hosts {
                host.timeout(self.now);
            }
        }
        self.drain(0);
        self.drain(1);
        true
    }

    fn connect(&mut self, remote: SocketAddr) -> (SocketId, SocketId) {
        let options = SocketOptions::default;
        let listener = self.hosts[1].open_passive(self.now, (None, 80), 1, options());
        let listener = listener.expect("listening");
        let sender = self.hosts[0].open_active(self.now, (None, None), remote, options());
        let sender = sender.expect("opened");
        self.drain(0);
        while self.step() {
            if let Ok(receiver) = self.hosts[1].accept(self.now, listener) {
                return (sender, receiver);
            }
        }
        panic!("no connection");
    }

    /// Sends it all; answers how long it took.
    fn transfer(&mut self, sender: SocketId, receiver: SocketId) -> Duration {
        let begun = self.now;
        let (mut sent, mut read) = (0, 0);
        let mut buf = [0; 4096];
        while read < LENGTH {
            let chunk: Vec<u8> = (sent..LENGTH.min(sent + 16_384)).map(byte_at).collect();
            if !chunk.is_empty()
                && let Ok(taken) = self.hosts[0].send(self.now, sender, &chunk, Default::default())
            {
                sent += taken as u32;
            }
            while let Ok(got) = self.hosts[1].recv(self.now, receiver, &mut buf) {
                let expected: Vec<u8> = (read..read + got as u32).map(byte_at).collect();
                assert_eq!(buf[..got], expected, "at {read}");
                read += got as u32;
            }
            self.drain(0);
            self.drain(1);
            let late = self.now.saturating_duration_since(begun) > Duration::from_secs(600);
            assert!(!late && self.step(), "stuck at {read} bytes");
        }
        self.now.saturating_duration_since(begun)
    }

    /// Nobody sends anything new for so long.
    fn rest(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end && self.step() {}
        self.now = self.now.max(end);
    }

    fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| matches(event)).count()
    }
}

fn ends(version: u8) -> [IpAddr; 2] {
    let addresses = match version {
        4 => ["192.0.2.1", "192.0.2.2"],
        _ => ["2001:db8::1", "2001:db8::2"],
    };
    addresses.map(|address| address.parse().expect("an address"))
}

#[derive(Clone, Copy)]
enum Method {
    NewReno,
    Sack,
    Rack,
}

fn config(method: Method, path_mtu: PathMtuConfig) -> Config {
    let (sack, loss_detection) = match method {
        Method::NewReno => (false, LossDetection::SelectiveAcks),
        Method::Sack => (true, LossDetection::SelectiveAcks),
        Method::Rack => (true, LossDetection::RackTlp),
    };
    Config {
        sack,
        loss_detection,
        path_mtu,
        recv_buffer: 262_144,
        send_buffer: 262_144,
        ..Config::default()
    }
}

#[rstest]
fn routers_tell(
    #[values(4, 6)] version: u8,
    #[values(Method::NewReno, Method::Sack, Method::Rack)] method: Method,
    #[values(TooBig::AtOnce, TooBig::TwoStages)] too_big: TooBig,
) {
    let path_mtu = PathMtuConfig {
        too_big,
        ..PathMtuConfig::default()
    };
    // Narrow from the beginning, and narrower after a while.
    let sizes: Sizes = &[(0, 1400), (90, 1300)];
    let mut world = World::new(&config(method, path_mtu), sizes, true, ends(version));
    let (sender, receiver) = world.connect(SocketAddr::new(ends(version)[1], 80));
    let took = world.transfer(sender, receiver);
    let overhead = if version == 4 { 52 } else { 72 };
    let status = world.hosts[0].status(sender).expect("alive");
    assert_eq!(usize::from(status.snd_mss), 1300 - overhead);
    let reduced = world.count(|event| matches!(event, Event::PathMtuReduced { .. }));
    assert_eq!(reduced, 2);
    match too_big {
        // Nobody waits for a timer.
        TooBig::AtOnce => assert_eq!(world.count(is_timeout), 0),
        // The second word contradicts what arrived before.
        TooBig::TwoStages => assert!(world.count(is_timeout) <= 2),
    }
    assert!(took < Duration::from_secs(10), "{took:?}");
}

fn is_timeout(event: &Event) -> bool {
    matches!(event, Event::RtoFired { .. })
}

fn always() -> PathMtuConfig {
    PathMtuConfig {
        probing: Probing::Always,
        max_probes: 1,
        ..PathMtuConfig::default()
    }
}

/// Nobody says a word: probes find the size, and cost no timeout and no congestion window.
#[rstest]
fn probes_find_the_size(
    #[values(4, 6)] version: u8,
    #[values(Method::NewReno, Method::Sack, Method::Rack)] method: Method,
    #[values(&[(0, 1500)], &[(0, 1373)], &[(0, 1299)])] sizes: Sizes,
) {
    let mut world = World::new(&config(method, always()), sizes, false, ends(version));
    let (sender, receiver) = world.connect(SocketAddr::new(ends(version)[1], 80));
    // After each lost probe the next one waits for a round trip a packet of the window.
    for _ in 0..6 {
        world.transfer(sender, receiver);
        world.rest(Duration::from_secs(60));
    }
    let overhead = if version == 4 { 52 } else { 72 };
    let status = world.hosts[0].status(sender).expect("alive");
    let found = usize::from(status.snd_mss) + overhead;
    let path = sizes[0].1;
    assert!(found <= path && path - found < 8, "{found} of {path}");
    assert_eq!(world.count(is_timeout), 0);
    // Nothing but probes was lost, and none of them twice.
    assert!(world.refused <= 9, "{}", world.refused);
    assert_eq!(status.ssthresh, u32::MAX, "no reduction");
}

/// The path becomes narrow without a word.
#[rstest]
fn a_black_hole_is_found_and_left(
    #[values(4, 6)] version: u8,
    #[values(Method::NewReno, Method::Sack, Method::Rack)] method: Method,
) {
    let path_mtu = PathMtuConfig {
        probing: Probing::AfterBlackHole,
        ..always()
    };
    let sizes: Sizes = &[(0, 1500), (100, 1290)];
    let mut world = World::new(&config(method, path_mtu), sizes, false, ends(version));
    let (sender, receiver) = world.connect(SocketAddr::new(ends(version)[1], 80));
    world.transfer(sender, receiver);
    let overhead = if version == 4 { 52 } else { 72 };
    let status = world.hosts[0].status(sender).expect("alive");
    let found = usize::from(status.snd_mss) + overhead;
    assert!(found <= 1290 && found > 1000, "{found}");
}
