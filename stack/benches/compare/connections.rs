//! Opening and closing, and what an event costs beside so many other connections.

use crate::timing::Race;
use allocation_counter::measure;
use tcpdrill_stack::config::SynCookies;
use tcpdrill_stack::{Config, Host, Instant, Output, Profile, SendFlags, SocketId, SocketOptions};

const ROUNDS: usize = 31;
const CYCLES: u64 = 1_000;
const EVENTS: u64 = 20_000;
/// Clients of one server port, less than there are ephemeral ports.
const A_PORT: usize = 10_000;

/// Every exchange is two segments: nothing waits for anything.
fn eager() -> SocketOptions {
    SocketOptions {
        nodelay: true,
        quick_ack: true,
        ..SocketOptions::default()
    }
}

/// Two hosts with nothing between them.
pub struct Town {
    pub hosts: [Host; 2],
    pub now: Instant,
    /// Both ends of every connection.
    pub connections: Vec<[SocketId; 2]>,
}

impl Town {
    pub fn new(config: &Config) -> Town {
        let addresses = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        Town {
            hosts: addresses.map(|address| Host::new(config.clone(), &[address], [7; 16], 1)),
            now: Instant::from_secs(1),
            connections: Vec::new(),
        }
    }

    /// Takes what host `from` has to say to the other; answers how many datagrams that was.
    pub fn carry(&mut self, from: usize) -> usize {
        let mut count = 0;
        loop {
            match self.hosts[from].poll() {
                Output::Transmit(datagram) => {
                    count += 1;
                    self.hosts[1 - from].receive(self.now, &datagram);
                    self.hosts[from].recycle(datagram);
                }
                Output::Event(_) => {}
                Output::Deadline(_) => return count,
            }
        }
    }

    pub fn settle(&mut self) {
        while self.carry(0) + self.carry(1) > 0 {}
    }

    pub fn listen(&mut self, port: u16) -> SocketId {
        self.hosts[1]
            .open_passive(self.now, (None, port), 16, eager())
            .unwrap()
    }

    pub fn open(&mut self, port: u16, listener: SocketId) -> [SocketId; 2] {
        let remote = (self.hosts[1].addresses()[0], port).into();
        let client = self.hosts[0]
            .open_active(self.now, (None, None), remote, eager())
            .unwrap();
        self.settle();
        [client, self.hosts[1].accept(self.now, listener).unwrap()]
    }

    fn populate(&mut self, count: usize) {
        for n in 0..count.div_ceil(A_PORT) {
            let port = 1000 + n as u16;
            let listener = self.listen(port);
            for _ in 0..A_PORT.min(count - n * A_PORT) {
                let connection = self.open(port, listener);
                self.connections.push(connection);
            }
        }
        self.hosts[0].poll_deadline();
    }

    /// A connection from its SYN until nothing is left of it but the client's TIME-WAIT, and that too.
    fn cycle(&mut self, port: u16, listener: SocketId) {
        let [client, server] = self.open(port, listener);
        self.hosts[0].close(self.now, client).unwrap();
        self.settle();
        self.hosts[1].close(self.now, server).unwrap();
        self.settle();
    }

    /// The time goes on and timers fire.
    fn pass(&mut self, micros: u64) {
        self.now = Instant::from_micros(self.now.as_micros() + micros);
        for from in [0, 1] {
            if self.hosts[from]
                .poll_deadline()
                .is_some_and(|at| at <= self.now)
            {
                self.hosts[from].timeout(self.now);
                self.carry(from);
            }
        }
    }

    /// 100 bytes over the connection and their acknowledgment: two segments, two timers set.
    fn exchange(&mut self, index: usize) {
        let [client, server] = self.connections[index];
        let mut memory = [0; 100];
        let flags = SendFlags::default();
        self.hosts[0]
            .send(self.now, client, &memory, flags)
            .unwrap();
        self.carry(0);
        self.hosts[1].recv(self.now, server, &mut memory).unwrap();
        self.carry(1);
        self.pass(50);
    }
}

/// A few close together, or all in an order without pattern.
fn next(index: &mut usize, count: usize) -> usize {
    *index = (*index + 7919 * 12_347) % count;
    *index
}

pub fn run() {
    opening();
    println!();
    memory();
    println!();
    events();
}

/// A town in which TIME-WAIT soon ends.
fn hasty(syn_cookies: SynCookies) -> (Town, SocketId) {
    let config = Config {
        msl: std::time::Duration::from_millis(1),
        syn_cookies,
        ..Config::default()
    };
    let mut town = Town::new(&config);
    let listener = town.listen(80);
    (town, listener)
}

/// Opens and closes so many connections, by way of a cookie if that is wished, for somebody who counts
/// instructions.
pub fn cycles(cookies: bool, count: u64) {
    let (mut town, listener) = hasty(match cookies {
        true => SynCookies::Always,
        false => Config::default().syn_cookies,
    });
    for _ in 0..count {
        town.cycle(80, listener);
        town.pass(100);
    }
}

/// So many exchanges on so many connections in turn, for the same.
pub fn exchanges(connections: usize, count: u64) {
    let mut town = Town::new(&Config::default());
    town.populate(connections);
    let mut index = 0;
    for _ in 0..count {
        let at = next(&mut index, connections);
        town.exchange(at);
    }
}

fn opening() {
    let (mut town, listener) = hasty(Config::default().syn_cookies);
    let race = Race::run(
        ROUNDS,
        &mut [&mut || {
            for _ in 0..CYCLES {
                town.cycle(80, listener);
                town.pass(100);
            }
            CYCLES
        }],
    );
    let (median, best) = (race.median(0), race.least(0));
    println!("Connections opened and closed, both ends, {ROUNDS} turns of {CYCLES}");
    println!(
        "median {:.0} a second ({median:.0} ns), best {:.0} a second ({best:.0} ns)",
        1e9 / median,
        1e9 / best
    );
}

fn memory() {
    const COUNT: usize = 100_000;
    println!("Memory of idle connections, {COUNT} with both ends: bytes an end");
    for profile in Profile::ALL {
        let mut town = Town::new(&profile.config());
        town.connections.reserve(COUNT);
        let taken = measure(|| town.populate(COUNT));
        let each = taken.bytes_current / (2 * COUNT) as i64;
        println!("{:<8} {each:>5}", profile.name());
    }
}

fn events() {
    const COUNTS: [usize; 3] = [10, 1_000, 100_000];
    println!(
        "An exchange (100 bytes and their ACK) by the number of connections: ns, least in brackets"
    );
    println!("connections    on one of them       on each in turn     ratio to 10 of them");
    let mut towns = COUNTS.map(|count| {
        let mut town = Town::new(&Config::default());
        town.populate(count);
        (town, 0)
    });
    // One connection: the same cache lines, so that only the work counts. In turn: memory too.
    let [one, turns] = [true, false].map(|same| {
        let mut runs: Vec<Box<dyn FnMut() -> u64 + '_>> = Vec::new();
        for (town, index) in &mut towns {
            runs.push(Box::new(move || {
                for _ in 0..EVENTS {
                    let count = town.connections.len();
                    let at = if same { 0 } else { next(index, count) };
                    town.exchange(at);
                }
                EVENTS
            }));
        }
        let mut contenders: Vec<&mut dyn FnMut() -> u64> = Vec::new();
        for run in &mut runs {
            contenders.push(run);
        }
        Race::run(ROUNDS, &mut contenders)
    });
    for (index, count) in COUNTS.iter().enumerate() {
        println!(
            "{count:>11}  {:>8.0} ({:>6.0})  {:>8.0} ({:>6.0})       {:>5.2}  {:>5.2}",
            one.median(index),
            one.least(index),
            turns.median(index),
            turns.least(index),
            one.ratio(0, index),
            turns.ratio(0, index)
        );
    }
}
