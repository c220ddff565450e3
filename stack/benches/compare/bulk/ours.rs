//! The transfer with this stack.

use super::{BUFFER, Transfer, Way, depth};
use std::collections::VecDeque;
use tcpdrill_stack::{
    CallError, Config, Host, Instant, Output, SendFlags, SocketId, SocketOptions,
};

pub struct Ours {
    hosts: [Host; 2],
    ids: [SocketId; 2],
    /// What each host sent.
    links: [VecDeque<Vec<u8>>; 2],
    depth: usize,
    now: Instant,
    way: Way,
    source: Vec<u8>,
    sink: Vec<u8>,
}

impl Ours {
    pub fn new(mtu: usize, way: Way) -> Ours {
        let config = Config {
            mtu: mtu as u16,
            recv_buffer: BUFFER,
            send_buffer: BUFFER,
            ..Config::default()
        };
        let addresses = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
        let mut hosts = addresses.map(|address| Host::new(config.clone(), &[address], [7; 16], 1));
        let now = Instant::from_secs(1);
        let listener = hosts[1]
            .open_passive(now, (None, 80), 1, SocketOptions::default())
            .unwrap();
        let client = hosts[0]
            .open_active(
                now,
                (None, None),
                (addresses[1], 80).into(),
                SocketOptions::default(),
            )
            .unwrap();
        let mut ours = Ours {
            hosts,
            ids: [client; 2],
            links: Default::default(),
            depth: depth(mtu),
            now,
            way,
            source: vec![0x5a; 65_536],
            sink: vec![0; 65_536],
        };
        for _ in 0..2 {
            ours.carry(0);
            ours.carry(1);
        }
        ours.ids[1] = ours.hosts[1].accept(now, listener).unwrap();
        ours
    }

    /// Takes what host `from` has to say and hands it to the other. True if there was anything.
    fn carry(&mut self, from: usize) -> bool {
        let link = &mut self.links[from];
        while link.len() < self.depth {
            match self.hosts[from].poll() {
                Output::Transmit(datagram) => link.push_back(datagram),
                Output::Event(_) => {}
                Output::Deadline(_) => break,
            }
        }
        let moved = !link.is_empty();
        while let Some(datagram) = self.links[from].pop_front() {
            self.hosts[1 - from].receive(self.now, &datagram);
            self.hosts[from].recycle(datagram);
        }
        moved
    }

    fn write(&mut self) {
        let (now, id, flags) = (self.now, self.ids[0], SendFlags::default());
        loop {
            let written = match self.way {
                Way::Copying => self.hosts[0].send(now, id, &self.source, flags),
                Way::InPlace => {
                    self.hosts[0].send_with(now, id, usize::MAX, flags, |space| space.len())
                }
            };
            match written {
                Ok(_) => {}
                Err(CallError::WouldBlock) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn read(&mut self) -> u64 {
        let (now, id) = (self.now, self.ids[1]);
        let mut all = 0;
        loop {
            let read = match self.way {
                Way::Copying => self.hosts[1].recv(now, id, &mut self.sink),
                Way::InPlace => self.hosts[1].recv_with(now, id, |bytes| bytes.len()),
            };
            match read {
                Ok(len) => all += len as u64,
                Err(CallError::WouldBlock) => return all,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn step(&mut self, moved: bool) {
        if moved {
            self.now = Instant::from_micros(self.now.as_micros() + 10);
            return;
        }
        let deadlines = self.hosts.iter().filter_map(Host::poll_deadline);
        self.now = deadlines.min().expect("something is under way");
        for host in &mut self.hosts {
            host.timeout(self.now);
        }
    }
}

impl Transfer for Ours {
    fn run(&mut self, amount: u64) -> u64 {
        let mut arrived = 0;
        while arrived < amount {
            self.write();
            let mut moved = self.carry(0);
            arrived += self.read();
            moved |= self.carry(1);
            self.step(moved);
        }
        arrived
    }

    fn echo(&mut self, data: &[u8]) -> Vec<u8> {
        let (mut sent, mut got) = (0, Vec::new());
        while got.len() < data.len() {
            let (now, flags) = (self.now, SendFlags::default());
            sent += self.hosts[0]
                .send(now, self.ids[0], &data[sent..], flags)
                .unwrap_or(0);
            let mut moved = self.carry(0);
            while let Ok(len) = self.hosts[1].recv(now, self.ids[1], &mut self.sink) {
                got.extend_from_slice(&self.sink[..len]);
            }
            moved |= self.carry(1);
            self.step(moved);
        }
        got
    }
}
