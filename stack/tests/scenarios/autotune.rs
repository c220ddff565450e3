//! Buffers that grow with what a connection can use.

use rstest::rstest;
use tcpdrill_stack::config::BufferTuning;
use tcpdrill_stack::recv::autotune::size_for;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::window::WindowScale;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, SocketOptions};

use crate::support::Talk;

const MSS: usize = 1460;

fn config(tuning: BufferTuning) -> Config {
    Config {
        recv_buffer: 20_000,
        send_buffer: 20_000,
        window_scale: Some(2),
        tuning,
        ..Bench::plain_config()
    }
}

fn receiving() -> BufferTuning {
    BufferTuning {
        receive: true,
        receive_max: 200_000,
        ..BufferTuning::default()
    }
}

fn sending() -> BufferTuning {
    BufferTuning {
        send: true,
        send_max: 50_000,
        ..BufferTuning::default()
    }
}

fn scaled(config: Config) -> Talk {
    Talk::accepted_by(config, |syn| {
        syn.options.window_scale = Some(WindowScale::new(2));
    })
}

fn rcv_wnd(talk: &Talk) -> u32 {
    talk.bench.host.status(talk.conn.id).expect("alive").rcv_wnd
}

/// The peer sends `segments` full segments from `seq` on, and the user reads them at once.
fn round(talk: &mut Talk, seq: usize, segments: usize) -> usize {
    for n in 0..segments {
        talk.peer("P.", (seq + n * MSS) as i64, 1, MSS);
    }
    let len = segments * MSS;
    assert_eq!(talk.recv(seq as u32, len), Ok(len));
    talk.drain();
    seq + len
}

/// Rounds of 100 ms in which ever more arrives; answers the window after each.
fn windows(talk: &mut Talk, rounds: &[usize]) -> Vec<u32> {
    let mut seq = 1;
    rounds
        .iter()
        .map(|segments| {
            talk.wait_ms(100);
            seq = round(talk, seq, *segments);
            rcv_wnd(talk)
        })
        .collect()
}

#[test]
fn a_buffer_is_as_large_as_it_was_unless_it_may_grow() {
    let mut talk = scaled(config(BufferTuning::default()));
    assert!(
        windows(&mut talk, &[10, 10, 12, 13, 13])
            .iter()
            .all(|wnd| *wnd <= 20_000)
    );
    let options = SocketOptions {
        recv_buffer: Some(20_000),
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(config(receiving()), options);
    assert!(
        windows(&mut talk, &[10, 10, 12, 13, 13])
            .iter()
            .all(|wnd| *wnd <= 20_000)
    );
}

/// Without timestamps the window that fills is the clock: 13 segments are one of 20,000 bytes, the
/// first of which took 200 ms.
#[test]
fn the_window_is_ahead_of_a_reader_who_keeps_up() {
    let mut talk = scaled(config(receiving()));
    let wide = windows(&mut talk, &[7, 7, 12, 13, 26, 26]);
    let most = wide.iter().copied().max().unwrap_or(0);
    assert!(most > 20_000, "{wide:?}");
    // Never beyond the bound.
    assert!(wide.iter().all(|wnd| *wnd <= 200_000), "{wide:?}");
    // Another option leaves it as it is.
    let last = rcv_wnd(&talk);
    let options = SocketOptions {
        nodelay: true,
        ..SocketOptions::default()
    };
    let set = talk.bench.host.set_options(talk.conn.id, options);
    assert_eq!(set, Ok(()));
    round(&mut talk, 1 + 91 * MSS, 26);
    assert!(rcv_wnd(&talk) + 2 * MSS as u32 >= last);
}

#[rstest]
#[case::set(Some(20_000), false)]
#[case::not_set(None, true)]
fn a_receive_buffer_that_the_user_sets_later_is_final_too(
    #[case] recv_buffer: Option<usize>,
    #[case] grows: bool,
) {
    let mut talk = scaled(config(receiving()));
    let options = SocketOptions {
        recv_buffer,
        ..SocketOptions::default()
    };
    let set = talk.bench.host.set_options(talk.conn.id, options);
    assert_eq!(set, Ok(()));
    let wide = windows(&mut talk, &[7, 7, 12, 13, 13, 13]);
    assert_eq!(wide.iter().any(|wnd| *wnd > 20_000), grows, "{wide:?}");
}

/// With timestamps the size follows from the first formula exactly.
#[test]
fn the_size_is_that_of_the_formula() {
    let config = Config {
        timestamps: true,
        ..config(receiving())
    };
    let mut bench = Bench::new(config);
    let mut syn = bench.peer_syn(false);
    let mut stamp = Timestamps { value: 1, echo: 0 };
    syn.options.timestamps = Some(stamp);
    syn.options.window_scale = Some(WindowScale::new(2));
    let conn = bench.accepted_by(&syn, SocketOptions::default());
    let mut talk = Talk::on(bench, conn);
    // An echo of what was never sent measures nothing.
    let mut text = talk.segment("P.", 1, 1, MSS);
    text.options.timestamps = Some(stamp);
    talk.inject(&text);
    assert_eq!(talk.recv(1, MSS), Ok(MSS));
    talk.drain();
    let mut seq = 1 + MSS;
    let mut windows = Vec::new();
    for segments in [9, 11, 9, 12] {
        stamp.echo = talk
            .bench
            .sent()
            .next_back()
            .and_then(|sent| sent.options.timestamps)
            .map_or(0, |sent| sent.value);
        talk.wait_ms(100);
        stamp.value += 100;
        for n in 0..segments {
            let mut text = talk.segment("P.", (seq + n * MSS) as i64, 1, MSS);
            text.options.timestamps = Some(stamp);
            talk.inject(&text);
        }
        let len = segments * MSS;
        assert_eq!(talk.recv(seq as u32, len), Ok(len));
        talk.drain();
        // What stands in the window now is announced with the next segment at the latest.
        let mut text = talk.segment("P.", (seq + len) as i64, 1, 2 * MSS);
        text.options.timestamps = Some(stamp);
        talk.inject(&text);
        assert_eq!(talk.recv((seq + len) as u32, 2 * MSS), Ok(2 * MSS));
        talk.drain();
        seq += len + 2 * MSS;
        windows.push(u64::from(rcv_wnd(&talk)));
    }
    let (mss, first) = (MSS as u32, 10 * MSS as u64);
    // The first round moved no more than was expected; the two segments behind it count for the next.
    let second = size_for(13 * u64::from(mss), first, mss);
    assert!(windows[0] <= 20_000, "{windows:?}");
    assert!(
        windows[1] <= second && windows[1] + 4 * u64::from(mss) > second,
        "{windows:?} {second}"
    );
    // Less moves nothing, more does.
    assert!(windows[2] <= second, "{windows:?}");
    let fourth = size_for(14 * u64::from(mss), 13 * u64::from(mss), mss);
    let larger = fourth.max(second);
    assert!(
        windows[3] <= larger && windows[3] + 4 * u64::from(mss) > larger,
        "{windows:?} {larger}"
    );
}

#[rstest]
#[case::as_configured(Some(7), 6 << 20, Some(7))]
#[case::more_is_needed(Some(2), 6 << 20, Some(7))]
#[case::as_much_as_there_is(Some(0), usize::MAX, Some(14))]
#[case::none_at_all(None, 6 << 20, None)]
fn the_scale_covers_the_largest_buffer(
    #[case] window_scale: Option<u8>,
    #[case] receive_max: usize,
    #[case] offered: Option<u8>,
) {
    let tuning = BufferTuning {
        receive_max,
        ..receiving()
    };
    let mut bench = Bench::new(Config {
        window_scale,
        ..config(tuning)
    });
    bench.connecting(SocketOptions::default());
    let syn = bench.sent().next().expect("a SYN").clone();
    assert_eq!(syn.options.window_scale.map(|scale| scale.shift()), offered);
    bench.now += std::time::Duration::from_secs(1);
    bench.listen();
    let mut syn = bench.peer_syn(true);
    syn.src.set_port(999);
    let syn_ack = bench.inject(&syn);
    assert_eq!(
        syn_ack[0].options.window_scale.map(|scale| scale.shift()),
        offered
    );
}

#[rstest]
#[case::gradual(true, [71_372, 72_080, 72_080])]
#[case::at_once(false, [72_080, 72_080, 72_080])]
fn a_window_opens_by_two_segments_for_each_or_at_once(
    #[case] gradual_window: bool,
    #[case] expected: [u32; 3],
) {
    let tuning = BufferTuning {
        gradual_window,
        ..BufferTuning::default()
    };
    let large = Config {
        recv_buffer: 75_000,
        ..config(tuning)
    };
    let mut talk = scaled(large);
    assert_eq!(rcv_wnd(&talk), 65_535);
    let mut seq = 1;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seq = round(&mut talk, seq, 2);
        seen.push(rcv_wnd(&talk));
    }
    // Every second segment is acknowledged, before they are read, in units of four bytes.
    assert_eq!(seen, expected);
}

/// RFC 9293 §3.8.6.2.2: what is worth announcing is measured by the window that may be announced, or a
/// small one that is used up stays closed for good.
#[test]
fn a_window_that_opens_gradually_opens_again_though_the_buffer_has_grown() {
    let tuning = BufferTuning {
        gradual_window: true,
        ..receiving()
    };
    let small = Config {
        recv_buffer: 300,
        ..config(tuning)
    };
    let mut talk = scaled(small);
    for round in 0..6 {
        let seq = 1 + 300 * round;
        talk.wait_ms(100);
        talk.peer("P.", i64::from(seq), 1, 300);
        assert_eq!(talk.recv(seq, 300), Ok(300));
        talk.drain();
        assert!(rcv_wnd(&talk) >= 300, "round {round}");
    }
}

#[test]
fn a_send_buffer_holds_two_windows() {
    let mut talk = Talk::reach(config(sending()), tcpdrill_stack::StateName::Established);
    // An initial window of ten segments.
    let room = |talk: &mut Talk| {
        let data = vec![0; 100_000];
        talk.bench
            .host
            .send(talk.bench.now, talk.conn.id, &data, Default::default())
    };
    assert_eq!(room(&mut talk), Ok(2 * 10 * MSS));
    talk.drain();
    talk.peer(".", 1, 1 + MSS as i64, 0);
    // Slow start added one: two windows of eleven, less what is not acknowledged.
    assert_eq!(room(&mut talk), Ok(MSS + 2 * MSS));
    talk.drain();
    for n in 2..=12 {
        talk.peer(".", 1, 1 + (n * MSS) as i64, 0);
    }
    // The bound.
    let queued = talk
        .bench
        .host
        .status(talk.conn.id)
        .expect("alive")
        .send_queued;
    assert_eq!(room(&mut talk), Ok(50_000 - queued));
}

#[test]
fn a_size_that_the_user_sets_is_final() {
    let options = SocketOptions {
        send_buffer: Some(5_000),
        ..SocketOptions::default()
    };
    let mut talk = Talk::with_options(config(sending()), options);
    let taken = |talk: &mut Talk| {
        let data = vec![0; 100_000];
        talk.bench
            .host
            .send(talk.bench.now, talk.conn.id, &data, Default::default())
    };
    assert_eq!(taken(&mut talk), Ok(5_000));
    // Other options leave a buffer that grew as it is.
    let mut talk = Talk::reach(config(sending()), tcpdrill_stack::StateName::Established);
    let nodelay = SocketOptions {
        nodelay: true,
        ..SocketOptions::default()
    };
    assert_eq!(talk.bench.host.set_options(talk.conn.id, nodelay), Ok(()));
    assert_eq!(taken(&mut talk), Ok(2 * 10 * MSS));
}
