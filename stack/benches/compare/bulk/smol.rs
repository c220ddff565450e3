//! The transfer with smoltcp.

use super::{BUFFER, Transfer, Way, depth};
use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

/// A datagram in memory that is as long as the MTU and was zeroed once.
struct Datagram {
    memory: Vec<u8>,
    len: usize,
}

/// One end of the link: what goes out of it, what comes in, and memory that was used before, by
/// either end.
struct End {
    out: VecDeque<Datagram>,
    incoming: VecDeque<Datagram>,
    spare: Rc<RefCell<Vec<Datagram>>>,
    mtu: usize,
    depth: usize,
}

struct Received<'a> {
    datagram: Datagram,
    spare: &'a RefCell<Vec<Datagram>>,
}

struct Sending<'a> {
    out: &'a mut VecDeque<Datagram>,
    spare: &'a RefCell<Vec<Datagram>>,
    mtu: usize,
}

impl RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.datagram.memory[..self.datagram.len]);
        self.spare.borrow_mut().push(self.datagram);
        result
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let spare = self.spare.borrow_mut().pop();
        let mut datagram = spare.unwrap_or_else(|| Datagram {
            memory: vec![0; self.mtu],
            len: 0,
        });
        datagram.len = len;
        let result = f(&mut datagram.memory[..len]);
        self.out.push_back(datagram);
        result
    }
}

impl Device for End {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let received = Received {
            datagram: self.incoming.pop_front()?,
            spare: &self.spare,
        };
        let sending = Sending {
            out: &mut self.out,
            spare: &self.spare,
            mtu: self.mtu,
        };
        Some((received, sending))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        (self.out.len() < self.depth).then_some(Sending {
            out: &mut self.out,
            spare: &self.spare,
            mtu: self.mtu,
        })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

struct Stack {
    end: End,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

pub struct Smol {
    stacks: [Stack; 2],
    now: Instant,
    way: Way,
    source: Vec<u8>,
    sink: Vec<u8>,
}

impl Smol {
    pub fn new(mtu: usize, way: Way) -> Smol {
        let now = Instant::from_secs(1);
        let spare = Rc::default();
        let stacks = [1, 2].map(|last| {
            let mut end = End {
                out: VecDeque::new(),
                incoming: VecDeque::new(),
                spare: Rc::clone(&spare),
                mtu,
                depth: depth(mtu),
            };
            let config = Config::new(HardwareAddress::Ip);
            let mut interface = Interface::new(config, &mut end, now);
            interface.update_ip_addrs(|addresses| {
                let address = IpAddress::v4(192, 0, 2, last);
                addresses.push(IpCidr::new(address, 24)).unwrap();
            });
            let buffer = || SocketBuffer::new(vec![0; BUFFER]);
            let mut sockets = SocketSet::new(vec![]);
            let socket = Socket::new(buffer(), buffer());
            let handle = sockets.add(socket);
            Stack {
                end,
                interface,
                sockets,
                handle,
            }
        });
        let mut smol = Smol {
            stacks,
            now,
            way,
            source: vec![0x5a; 65_536],
            sink: vec![0; 65_536],
        };
        smol.open();
        smol
    }

    fn open(&mut self) {
        let [client, server] = &mut self.stacks;
        let socket = server.sockets.get_mut::<Socket<'_>>(server.handle);
        socket.listen(80).unwrap();
        let socket = client.sockets.get_mut::<Socket<'_>>(client.handle);
        let context = client.interface.context();
        let remote = (IpAddress::v4(192, 0, 2, 2), 80);
        socket.connect(context, remote, 50_000).unwrap();
        for _ in 0..10 {
            self.carry(0);
            self.carry(1);
        }
        for stack in &mut self.stacks {
            let socket = stack.sockets.get_mut::<Socket<'_>>(stack.handle);
            assert!(socket.may_send() && socket.may_recv());
        }
    }

    /// Lets stack `from` work and hands what it sent to the other. True if there was anything.
    fn carry(&mut self, from: usize) -> bool {
        let stack = &mut self.stacks[from];
        let now = self.now;
        stack
            .interface
            .poll(now, &mut stack.end, &mut stack.sockets);
        let mut out = std::mem::take(&mut stack.end.out);
        let moved = !out.is_empty();
        self.stacks[1 - from].end.incoming.append(&mut out);
        self.stacks[from].end.out = out;
        moved
    }

    fn write(&mut self) {
        let stack = &mut self.stacks[0];
        let socket = stack.sockets.get_mut::<Socket<'_>>(stack.handle);
        while socket.can_send() {
            match self.way {
                Way::Copying => socket.send_slice(&self.source).unwrap(),
                Way::InPlace => socket.send(|space| (space.len(), space.len())).unwrap(),
            };
        }
    }

    fn read(&mut self) -> u64 {
        let stack = &mut self.stacks[1];
        let socket = stack.sockets.get_mut::<Socket<'_>>(stack.handle);
        let mut all = 0;
        while socket.can_recv() {
            all += match self.way {
                Way::Copying => socket.recv_slice(&mut self.sink).unwrap(),
                Way::InPlace => socket.recv(|bytes| (bytes.len(), bytes.len())).unwrap(),
            } as u64;
        }
        all
    }

    /// The receiver takes in what came, its user reads, and then it answers.
    fn step(&mut self, write: impl FnOnce(&mut Smol), read: impl FnOnce(&mut Smol)) {
        write(self);
        let mut moved = self.carry(0);
        let stack = &mut self.stacks[1];
        while stack
            .interface
            .poll_ingress_single(self.now, &mut stack.end, &mut stack.sockets)
            != PollIngressSingleResult::None
        {}
        read(self);
        moved |= self.carry(1);
        if moved {
            self.now += Duration::from_micros(10);
        } else {
            let now = self.now;
            let next = self.stacks.iter_mut();
            let next = next.filter_map(|s| s.interface.poll_at(now, &s.sockets));
            self.now = next.min().expect("something is under way").max(now);
        }
    }
}

impl Transfer for Smol {
    fn run(&mut self, amount: u64) -> u64 {
        let mut arrived = 0;
        while arrived < amount {
            self.step(Smol::write, |smol| arrived += smol.read());
        }
        arrived
    }

    fn echo(&mut self, data: &[u8]) -> Vec<u8> {
        let (mut sent, mut got) = (0, Vec::new());
        while got.len() < data.len() {
            self.step(
                |smol| {
                    let stack = &mut smol.stacks[0];
                    let socket = stack.sockets.get_mut::<Socket<'_>>(stack.handle);
                    sent += socket.send_slice(&data[sent..]).unwrap_or(0);
                },
                |smol| {
                    let stack = &mut smol.stacks[1];
                    let socket = stack.sockets.get_mut::<Socket<'_>>(stack.handle);
                    while socket.can_recv() {
                        let len = socket.recv_slice(&mut smol.sink).unwrap();
                        got.extend_from_slice(&smol.sink[..len]);
                    }
                },
            );
        }
        got
    }
}
