use crate::config::Config;
use crate::host::{Host, Output};
use crate::profile::Profile;
use crate::recv::buffer::RecvBuffer;
use crate::segment::{Flags, Segment};
use crate::seq::SeqRange;
use crate::socket::{SendFlags, SocketId, SocketOptions};
use crate::testing::bench::{Bench, Conn};
use crate::wire::options::Timestamps;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;
use rstest::rstest;

/// The peer's timestamp clock when it opens.
const CLOCK: u32 = 5_000;

/// A connection with timestamps on which 600 bytes were received and read, so that there is memory for
/// as many.
fn receiver(config: Config) -> (Bench, Conn) {
    let mut bench = Bench::new(config);
    let mut syn = bench.peer_syn(true);
    syn.options.timestamps = Some(Timestamps {
        value: CLOCK,
        echo: 0,
    });
    let conn = bench.accepted_by(&syn, SocketOptions::default());
    bench.inject(&next(&bench, conn, 600));
    let read = bench.host.recv(bench.now, conn.id, &mut [0; 600]);
    assert_eq!(read, Ok(600));
    (bench, conn)
}

/// The next `len` bytes from the peer, as it would send them.
fn next(bench: &Bench, conn: Conn, len: usize) -> Segment {
    let tcb = &bench.host.connection(conn.id).unwrap().tcb;
    let mut segment = bench.peer_segment(".", 0, tcb.snd.una);
    segment.seq = tcb.rcv.nxt;
    segment.payload = (0..len).map(|n| n as u8).collect();
    let recent = tcb.negotiated.timestamps.unwrap().recent;
    segment.options.timestamps = Some(Timestamps {
        value: recent,
        echo: 0,
    });
    segment
}

/// Everything about a host but the bytes of a receive buffer that nobody has written or may read.
fn picture(host: &Host, id: SocketId) -> String {
    let mut host = host.clone();
    let mut shown = String::new();
    if let Ok(connection) = host.connection_mut(id) {
        let buffer = &mut connection.tcb.rcv.buffer;
        let mut text = vec![0; buffer.readable()];
        buffer.peek(0, &mut text);
        shown = format!("{text:?} {:?} {}\n", buffer.islands(), buffer.capacity());
        *buffer = RecvBuffer::new(0);
    }
    shown + &format!("{host:?}")
}

fn said(host: &mut Host) -> Vec<Output> {
    let mut all = Vec::new();
    loop {
        let output = host.poll();
        let last = matches!(output, Output::Deadline(_));
        all.push(output);
        if last {
            return all;
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// A segment from the peer: text, its distance from RCV.NXT, what ACK, window and timestamps are off,
    /// and a byte to damage.
    Arrive {
        len: usize,
        seq: i32,
        ack: i32,
        window: u16,
        clock: i32,
        flags: Flags,
        damage: Option<prop::sample::Index>,
        sack: bool,
    },
    Read(usize),
    Write(usize),
    Wait(u64),
    Poll,
}

/// Mostly the first, else one of the second.
fn mostly<T: core::fmt::Debug + Clone + 'static>(
    usual: T,
    others: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = T> {
    prop_oneof![12 => Just(usual), 1 => others]
}

fn arrive() -> impl Strategy<Value = Act> {
    let numbers = (
        prop_oneof![4 => 1usize..1500, 1 => Just(0)],
        mostly(0, -2000i32..2000),
        mostly(0, -3000i32..3000),
    );
    let rest = (
        mostly(0u16, any::<u16>()),
        prop_oneof![8 => 0i32..3, 1 => -3i32..0],
        prop_oneof![
            8 => Just(Flags::NONE),
            4 => Just(Flags::PSH),
            1 => prop_oneof![
                Just(Flags { urg: true, ..Flags::NONE }),
                Just(Flags { ece: true, ..Flags::NONE }),
                Just(Flags { cwr: true, ..Flags::NONE }),
                Just(Flags::FIN),
            ],
        ],
        mostly(None, any::<prop::sample::Index>().prop_map(Some)),
        mostly(false, Just(true)),
    );
    (numbers, rest).prop_map(|((len, seq, ack), (window, clock, flags, damage, sack))| {
        Act::Arrive {
            len,
            seq,
            ack,
            window,
            clock,
            flags,
            damage,
            sack,
        }
    })
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => arrive(),
        2 => (1usize..3000).prop_map(Act::Read),
        1 => (1usize..3000).prop_map(Act::Write),
        2 => (0u64..300).prop_map(Act::Wait),
        3 => Just(Act::Poll),
    ]
}

fn config(profile: usize, buffer: usize, keepalive: bool) -> Config {
    let profile = [Profile::Rfc9293, Profile::Linux, Profile::Freebsd][profile];
    let mut config = profile.config();
    config.recv_buffer = buffer;
    config.keepalive.always = keepalive;
    config
}

fn datagram(bench: &Bench, conn: Conn, act: &Act) -> Vec<u8> {
    let Act::Arrive {
        len,
        seq,
        ack,
        window,
        clock,
        flags,
        damage,
        sack,
    } = act
    else {
        unreachable!("only arrivals are datagrams")
    };
    let mut segment = next(bench, conn, *len);
    segment.seq += *seq as u32;
    segment.ack = segment.ack.map(|una| una + *ack as u32);
    segment.wnd = crate::window::UnscaledWindow::new(bench.peer_window.wrapping_sub(*window));
    segment.flags = *flags;
    segment.up = 1;
    if let Some(timestamps) = &mut segment.options.timestamps {
        timestamps.value = timestamps.value.wrapping_add(*clock as u32);
    }
    if *sack {
        let block = SeqRange::with_len(segment.seq, 1);
        segment.options.sack.push(block);
    }
    let mut datagram = segment.emit();
    if let Some(place) = damage {
        let place = place.index(datagram.len());
        datagram[place] ^= 0x11;
    }
    datagram
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Two copies of a host, one of which looks at every segment in full.
    #[test]
    fn both_ways_lead_to_the_same(
        profile in 0usize..3,
        buffer in prop_oneof![Just(3_000usize), Just(20_000)],
        keepalive: bool,
        acts in prop::collection::vec(act(), 1..40),
    ) {
        let (mut bench, conn) = receiver(config(profile, buffer, keepalive));
        let mut full = bench.host.clone();
        let id = conn.id;
        for act in acts {
            if bench.host.connection(id).is_err() {
                break;
            }
            match &act {
                Act::Arrive { .. } => {
                    let datagram = datagram(&bench, conn, &act);
                    bench.host.receive(bench.now, &datagram);
                    full.advance_to(bench.now);
                    full.receive_any(&datagram);
                }
                Act::Read(len) => {
                    let mut texts = [vec![0; *len], vec![0; *len]];
                    let read = bench.host.recv(bench.now, id, &mut texts[0]);
                    prop_assert_eq!(read, full.recv(bench.now, id, &mut texts[1]));
                    prop_assert_eq!(&texts[0], &texts[1]);
                }
                Act::Write(len) => {
                    let (text, flags) = (vec![1; *len], SendFlags::default());
                    let sent = bench.host.send(bench.now, id, &text, flags);
                    prop_assert_eq!(sent, full.send(bench.now, id, &text, flags));
                }
                Act::Wait(millis) => {
                    bench.now += Duration::from_millis(*millis);
                    bench.host.timeout(bench.now);
                    full.timeout(bench.now);
                }
                Act::Poll => prop_assert_eq!(said(&mut bench.host), said(&mut full)),
            }
            prop_assert_eq!(picture(&bench.host, id), picture(&full, id), "after {:?}", act);
        }
        prop_assert_eq!(said(&mut bench.host), said(&mut full));
    }
}

#[rstest]
#[case::rfc9293(0)]
#[case::linux(1)]
#[case::freebsd(2)]
fn a_receiver_of_bulk_data_expects_all_of_it(#[case] profile: usize) {
    let mut config = config(profile, 20_000, false);
    config.ecn = Config::default().ecn;
    let (mut bench, conn) = receiver(config);
    bench.drain();
    let before = bench.host.connection(conn.id).unwrap().tcb.rcv.nxt;
    for _ in 0..10 {
        // There is memory for so much; where more has to be taken, the other way takes it.
        let datagram = next(&bench, conn, 30).emit();
        assert!(bench.host.receive_predicted(&datagram));
        bench.drain();
    }
    let tcb = &bench.host.connection(conn.id).unwrap().tcb;
    assert_eq!(before.span_to(tcb.rcv.nxt), 300);
}

#[rstest]
#[case::behind_a_gap(|segment: &mut Segment| segment.seq += 1)]
#[case::old(|segment: &mut Segment| segment.seq = segment.seq - 1)]
#[case::old_timestamp(|segment: &mut Segment| segment.options.timestamps = Some(Timestamps { value: CLOCK - 1, echo: 0 }))]
#[case::new_window(|segment: &mut Segment| segment.wnd = crate::window::UnscaledWindow::new(1))]
#[case::odd_ack(|segment: &mut Segment| segment.ack = segment.ack.map(|ack| ack - 1))]
#[case::beyond_the_window(|segment: &mut Segment| segment.payload = vec![0; 20_000])]
#[case::fin(|segment: &mut Segment| segment.flags = Flags::FIN)]
#[case::another_port(|segment: &mut Segment| segment.src.set_port(1))]
fn nothing_else_is_expected(#[case] change: fn(&mut Segment)) {
    let (mut bench, conn) = receiver(config(0, 20_000, false));
    bench.drain();
    let mut segment = next(&bench, conn, 30);
    change(&mut segment);
    let before = picture(&bench.host, conn.id);
    assert!(!bench.host.receive_predicted(&segment.emit()));
    assert_eq!(picture(&bench.host, conn.id), before, "nothing has changed");
}

#[test]
fn nothing_is_expected_of_a_sender_whose_text_is_out() {
    let (mut bench, conn) = receiver(config(0, 20_000, false));
    let flags = SendFlags::default();
    bench.host.send(bench.now, conn.id, b"text", flags).unwrap();
    bench.drain();
    let datagram = next(&bench, conn, 30).emit();
    assert!(!bench.host.receive_predicted(&datagram));
}

#[test]
fn damaged_text_is_never_taken() {
    let (mut bench, conn) = receiver(config(0, 20_000, false));
    bench.drain();
    let mut datagram = next(&bench, conn, 30).emit();
    *datagram.last_mut().unwrap() ^= 1;
    let before = picture(&bench.host, conn.id);
    assert!(!bench.host.receive_predicted(&datagram));
    assert_eq!(picture(&bench.host, conn.id), before);
}
