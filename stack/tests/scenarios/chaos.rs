//! Anything at all happens to a connection: no panic, no broken invariant, no flood of packets.

use std::time::Duration;

use proptest::prelude::*;
use tcpdrill_stack::config::{DataAfterClose, SynCookies, SynData};
use tcpdrill_stack::segment::{Flags, Segment};
use tcpdrill_stack::seq::SeqNum;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::{UnscaledWindow, WindowScale};
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, Profile, SendFlags, SocketId, SocketOptions, StateName};

/// More packets than this in answer to one event are a flood.
const PACKETS_MAX: usize = 200;

#[derive(Debug, Clone)]
enum Step {
    Segment {
        flags: u8,
        seq: Place,
        ack: Place,
        window: u16,
        len: u16,
        timestamp: Option<u8>,
        urgent: u16,
    },
    Send {
        len: u16,
        urgent: bool,
        more: bool,
    },
    Receive {
        len: u16,
    },
    ReceiveUrgent,
    Shutdown,
    Close,
    Abort,
    Accept,
    Options {
        nodelay: bool,
        keepalive: bool,
        inline: bool,
        buffer: u16,
    },
    Wait {
        millis: u32,
    },
}

/// A sequence number near one that means something.
#[derive(Debug, Clone)]
struct Place {
    anchor: u8,
    offset: i32,
}

fn place() -> impl Strategy<Value = Place> {
    let offset = prop_oneof![6 => Just(0), 4 => -3..=3, 2 => -3000..3000, 1 => any::<i32>()];
    (0u8..4, offset).prop_map(|(anchor, offset)| Place { anchor, offset })
}

fn step() -> impl Strategy<Value = Step> {
    let segment = (
        prop_oneof![4 => Just(0x10u8), 4 => Just(0x18), 2 => Just(0x11), 1 => any::<u8>()],
        place(),
        place(),
        prop_oneof![3 => Just(65_535u16), 2 => Just(0), 2 => 1..2000u16],
        prop_oneof![4 => Just(0u16), 2 => 1..20u16, 2 => 0..3000u16],
        prop::option::of(any::<u8>()),
        any::<u16>(),
    )
        .prop_map(
            |(flags, seq, ack, window, len, timestamp, urgent)| Step::Segment {
                flags,
                seq,
                ack,
                window,
                len,
                timestamp,
                urgent,
            },
        );
    prop_oneof![
        20 => segment,
        6 => (1u16..5000, any::<bool>(), any::<bool>())
            .prop_map(|(len, urgent, more)| Step::Send { len, urgent, more: more && urgent }),
        6 => (0u16..5000).prop_map(|len| Step::Receive { len }),
        1 => Just(Step::ReceiveUrgent),
        1 => Just(Step::Shutdown),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
        1 => Just(Step::Accept),
        1 => (any::<bool>(), any::<bool>(), any::<bool>(), 1u16..)
            .prop_map(|(nodelay, keepalive, inline, buffer)| Step::Options {
                nodelay, keepalive, inline, buffer
            }),
        8 => prop_oneof![0u32..500, 0u32..500_000].prop_map(|millis| Step::Wait { millis }),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    (
        any::<bool>(),
        any::<bool>(),
        0..3u8,
        any::<bool>(),
        any::<bool>(),
        1usize..70_000,
    )
        .prop_map(|(options, queue, cookies, discard, linux, buffer)| {
            let base = if linux {
                Profile::Linux.config()
            } else {
                Config::default()
            };
            Config {
                timestamps: options,
                window_scale: options.then_some(7),
                sack: options,
                syn_data: if queue { SynData::Queue } else { SynData::Drop },
                syn_cookies: match cookies {
                    0 => SynCookies::Never,
                    1 => SynCookies::OnOverflow,
                    _ => SynCookies::Always,
                },
                data_after_close: if discard {
                    DataAfterClose::Discard
                } else {
                    DataAfterClose::Reset
                },
                recv_buffer: buffer,
                ..base
            }
        })
}

struct Run {
    bench: Bench,
    id: SocketId,
    listener: Option<SocketId>,
    timestamps: bool,
}

impl Run {
    fn number(&self, place: &Place, ours: bool) -> SeqNum {
        let Ok(status) = self.bench.host.status(self.id) else {
            return SeqNum::new(place.offset as u32);
        };
        let base = match (ours, place.anchor) {
            (true, 0 | 1) => status.snd_nxt,
            (true, 2) => status.snd_una,
            (true, _) => status.snd_una + status.snd_wnd,
            (false, 0 | 1) => status.rcv_nxt,
            (false, 2) => status.rcv_nxt + status.rcv_wnd,
            (false, _) => status.irs,
        };
        base + place.offset as u32
    }

    fn segment(&self, step: &Step) -> Option<Segment> {
        let Step::Segment {
            flags,
            seq,
            ack,
            window,
            len,
            timestamp,
            urgent,
        } = step
        else {
            return None;
        };
        let bit = |n: u8| flags & (1 << n) != 0;
        let mut segment = Segment {
            seq: self.number(seq, false),
            ack: bit(4).then(|| self.number(ack, true)),
            flags: Flags {
                fin: bit(0),
                syn: bit(1),
                rst: bit(2),
                psh: bit(3),
                urg: bit(5),
                ece: bit(6),
                cwr: bit(7),
            },
            wnd: UnscaledWindow::new(*window),
            up: *urgent,
            payload: vec![0x55; usize::from(*len)],
            ..Segment::new(self.bench.peer, self.bench.local)
        };
        if self.timestamps {
            segment.options.timestamps = timestamp.map(|t| Timestamps {
                value: 100_000 + u32::from(t),
                echo: u32::from(t),
            });
        }
        if segment.flags.syn {
            segment.options.window_scale = Some(WindowScale::new(*window as u8));
        }
        Some(segment)
    }

    fn apply(&mut self, step: &Step) -> usize {
        let (now, id) = (self.bench.now, self.id);
        let host = &mut self.bench.host;
        match *step {
            Step::Segment { .. } => {
                let segment = self.segment(step).expect("it is a segment");
                return self.bench.inject(&segment).len();
            }
            Step::Send { len, urgent, more } => {
                let data = vec![0xaa; usize::from(len)];
                let _ = host.send(
                    now,
                    id,
                    &data,
                    SendFlags {
                        urgent,
                        more,
                        ..SendFlags::default()
                    },
                );
            }
            Step::Receive { len } => {
                let _ = host.recv(now, id, &mut vec![0; usize::from(len)]);
            }
            Step::ReceiveUrgent => {
                let _ = host.recv_urgent(now, id);
            }
            Step::Shutdown => {
                let _ = host.shutdown_write(now, id);
            }
            Step::Close => {
                let _ = host.close(now, id);
            }
            Step::Abort => {
                let _ = host.abort(now, id);
            }
            Step::Accept => {
                if let Some(listener) = self.listener
                    && let Ok(id) = host.accept(now, listener)
                {
                    self.id = id;
                }
            }
            Step::Options {
                nodelay,
                keepalive,
                inline,
                buffer,
            } => {
                let options = SocketOptions {
                    nodelay,
                    keepalive,
                    urgent_inline: inline,
                    recv_buffer: Some(usize::from(buffer)),
                    send_buffer: Some(usize::from(buffer)),
                    ..SocketOptions::default()
                };
                let _ = host.set_options(id, options);
            }
            Step::Wait { millis } => {
                self.bench.wait(Duration::from_millis(millis.into()));
                return 0;
            }
        }
        self.bench.drain().len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_breaks_a_connection(
        config in config(),
        start in 1usize..11,
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let timestamps = config.timestamps;
        let cookies = config.syn_cookies == SynCookies::Always;
        let mut bench = Bench::new(config);
        let state = if cookies { StateName::SynSent } else { StateName::ALL[start] };
        let conn = bench.reach(state);
        let mut run = Run { bench, id: conn.id, listener: conn.listener, timestamps };
        for step in &steps {
            let packets = run.apply(step);
            prop_assert!(packets <= PACKETS_MAX, "{packets} packets after {step:?}");
        }
    }
}
