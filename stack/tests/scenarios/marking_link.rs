//! Two hosts and between them a router that marks, thins out acknowledgments, and forgets nothing.

use std::collections::VecDeque;
use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::{AccEcnConfig, AccEcnOptionUse, EcnUse};
use tcpdrill_stack::ecn::{Codepoint, Feedback};
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::{
    CallError, Config, Host, Instant, Output, SocketId, SocketOptions, Status, invariant,
};

const DELAY: Duration = Duration::from_millis(10);
const LEN: usize = 400_000;

/// What the router does.
#[derive(Clone, Copy)]
struct Router {
    /// Every so many packets with ECT are marked.
    mark_every: u32,
    /// Of pure ACKs that come together only the last gets through.
    thins: bool,
}

/// One transfer.
struct World {
    hosts: [Host; 2],
    ids: [Option<SocketId>; 2],
    listener: SocketId,
    now: Instant,
    under_way: VecDeque<(Instant, usize, Segment)>,
    router: Router,
    seen: u32,
    thinned: u32,
    marked: u32,
    marked_text: u32,
}

fn parsed(datagram: &[u8]) -> Segment {
    match segment::parse(datagram) {
        Ok(Incoming::Segment(segment)) => segment,
        other => panic!("not a segment: {other:?}"),
    }
}

impl World {
    fn new(config: &Config, router: Router) -> World {
        let address = |n: u8| format!("192.0.2.{n}").parse().expect("an address");
        let mut hosts =
            [1, 2].map(|n| Host::new(config.clone(), &[address(n)], [n; 16], u64::from(n)));
        let now = Instant::from_secs(1);
        let options = SocketOptions::default;
        let listener = hosts[1]
            .open_passive(now, (None, 80), 8, options())
            .expect("a listener");
        let remote = "192.0.2.2:80".parse().expect("an address");
        let client = hosts[0]
            .open_active(now, (None, None), remote, options())
            .expect("an open");
        World {
            hosts,
            ids: [Some(client), None],
            listener,
            now,
            under_way: VecDeque::new(),
            router,
            seen: 0,
            thinned: 0,
            marked: 0,
            marked_text: 0,
        }
    }

    /// Everything both hosts have to say goes onto the way.
    fn drain(&mut self) {
        for from in 0..2 {
            loop {
                match self.hosts[from].poll() {
                    Output::Transmit(datagram) => self.route(from, parsed(&datagram)),
                    Output::Event(_) => {}
                    Output::Deadline(_) => break,
                }
            }
            assert_eq!(invariant::check(&self.hosts[from]), Ok(()));
        }
    }

    fn route(&mut self, from: usize, mut segment: Segment) {
        if segment.traffic_class & 3 == Codepoint::Ect0.bits() {
            self.seen += 1;
            if self.seen.is_multiple_of(self.router.mark_every) {
                segment.traffic_class |= Codepoint::Ce.bits();
                self.marked += 1;
                self.marked_text += segment.payload.len() as u32;
            }
        }
        let arrival = self.now + DELAY;
        let pure_ack = |segment: &Segment| segment.is_empty() && !segment.flags.rst;
        if self.router.thins
            && pure_ack(&segment)
            && let Some((at, to, last)) = self.under_way.back()
            && (*at, *to) == (arrival, 1 - from)
            && pure_ack(last)
        {
            self.under_way.pop_back();
            self.thinned += 1;
        }
        self.under_way.push_back((arrival, 1 - from, segment));
    }

    /// The next arrival or deadline; false when there is none.
    fn step(&mut self) -> bool {
        let arrival = self.under_way.front().map(|(at, ..)| *at);
        let deadline = self.hosts.iter().filter_map(Host::poll_deadline).min();
        let Some(next) = arrival.into_iter().chain(deadline).min() else {
            return false;
        };
        self.now = self.now.max(next);
        while let Some((at, to, segment)) = self.under_way.pop_front() {
            if at > self.now {
                self.under_way.push_front((at, to, segment));
                break;
            }
            self.hosts[to].receive(self.now, &segment.emit());
            // One by one, as a receiver without offload has them.
            self.drain();
        }
        for host in &mut self.hosts {
            host.timeout(self.now);
        }
        self.drain();
        true
    }

    fn status(&self, side: usize) -> Status {
        let id = self.ids[side].expect("open");
        self.hosts[side].status(id).expect("alive")
    }

    /// Moves the bytes from the client to the server.
    fn transfer(&mut self) {
        let (mut sent, mut read) = (0, 0);
        let mut buf = vec![0; 65_536];
        for _ in 0..200_000 {
            if let Some(id) = self.ids[0]
                && sent < LEN
            {
                let data = vec![7; LEN - sent];
                match self.hosts[0].send(self.now, id, &data, Default::default()) {
                    Ok(taken) => sent += taken,
                    Err(CallError::WouldBlock) => {}
                    Err(error) => panic!("send: {error}"),
                }
            }
            if self.ids[1].is_none() {
                self.ids[1] = self.hosts[1].accept(self.now, self.listener).ok();
            }
            if let Some(id) = self.ids[1] {
                match self.hosts[1].recv(self.now, id, &mut buf) {
                    Ok(got) => read += got,
                    Err(CallError::WouldBlock) => {}
                    Err(error) => panic!("recv: {error}"),
                }
            }
            self.drain();
            let all = read == LEN && self.status(0).send_queued == 0;
            if all || !self.step() {
                break;
            }
        }
        assert_eq!((sent, read), (LEN, LEN));
    }
}

fn config(option: AccEcnOptionUse) -> Config {
    Config {
        ecn: EcnUse::AccurateRequest,
        accecn: AccEcnConfig {
            option,
            ..AccEcnConfig::default()
        },
        ..Config::default()
    }
}

/// Both sides know in the end how many packets and bytes the router marked, whatever became of the
/// acknowledgments, and nothing was ever sent again.
#[rstest]
#[case::few(50, false, AccEcnOptionUse::OnChange)]
#[case::many(3, false, AccEcnOptionUse::OnChange)]
#[case::without_option(3, false, AccEcnOptionUse::Never)]
#[case::sparing(7, false, AccEcnOptionUse::Sparing { every: 4 })]
#[case::always(7, false, AccEcnOptionUse::Always)]
#[case::thinned_out(20, true, AccEcnOptionUse::OnChange)]
fn both_sides_know_what_was_marked(
    #[case] mark_every: u32,
    #[case] thins: bool,
    #[case] option: AccEcnOptionUse,
) {
    let mut world = World::new(&config(option), Router { mark_every, thins });
    world.transfer();
    let (client, server) = (world.status(0), world.status(1));
    assert_eq!(client.ecn.feedback, Some(Feedback::Accurate));
    assert!(client.ecn.sends_ect && world.marked > 2);
    assert_eq!(server.ecn.received_marked, world.marked);
    assert_eq!(server.ecn.received_bytes.ceb, world.marked_text);
    assert_eq!(client.ecn.delivered_marked, world.marked);
    if option != AccEcnOptionUse::Never {
        assert_eq!(client.ecn.delivered_bytes.ceb, world.marked_text);
    }
    assert_eq!((client.retransmitted, server.retransmitted), (0, 0));
    assert_eq!(world.thinned > 10, thins);
}

/// The old way and the new one answer a single mark alike.
#[test]
fn a_mark_slows_down_as_one_of_rfc_3168_does() {
    let old = Config {
        ecn: EcnUse::Request,
        ..Config::default()
    };
    let rare = Router {
        mark_every: 200,
        thins: false,
    };
    let mut worlds = [old, config(AccEcnOptionUse::Never)].map(|config| World::new(&config, rare));
    let [old, new] = worlds.each_mut().map(|world| {
        world.transfer();
        assert_eq!(world.marked, 1);
        world.status(0).ssthresh
    });
    // Which segment is acknowledged alone depends on what came before.
    assert!(
        old < 30_000 && old.abs_diff(new) <= 1448,
        "{old} against {new}"
    );
}

/// A router that marks everything is not believed after a while: the transfer does not crawl.
#[test]
fn marks_on_everything_stop_counting() {
    let everything = Router {
        mark_every: 1,
        thins: false,
    };
    let mut world = World::new(&config(AccEcnOptionUse::OnChange), everything);
    world.transfer();
    assert!(!world.status(0).ecn.sends_ect);
    assert!(world.marked < LEN as u32 / 1448 / 2, "{}", world.marked);
}
