//! Which acknowledgments measure the round trip (RFC 6298 §3, RFC 7323 §4).

use std::time::Duration;

use rstest::rstest;
use tcpdrill_stack::config::RttSamples;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, StateName};

use crate::support::Talk;

/// SRTT in µs. The handshake of these connections took no time, so that the first sample after it counts for an
/// eighth.
fn srtt(talk: &Talk) -> u128 {
    let status = talk.bench.host.status(talk.conn.id).expect("alive");
    status.srtt.expect("measured").as_micros()
}

fn stamped() -> Talk {
    let config = Config {
        timestamps: true,
        ..Bench::plain_config()
    };
    Talk::accepted_by(config, |syn| {
        syn.options.timestamps = Some(Timestamps { value: 1, echo: 0 });
    })
}

/// The timestamps of what was sent with text, oldest first.
fn stamps(talk: &Talk) -> Vec<u32> {
    let sent = talk.bench.sent().filter(|sent| !sent.payload.is_empty());
    sent.filter_map(|sent| sent.options.timestamps)
        .map(|timestamps| timestamps.value)
        .collect()
}

fn acknowledge(talk: &mut Talk, ack: i64, echo: u32) {
    let mut segment = talk.segment(".", 1, ack, 0);
    segment.options.timestamps = Some(Timestamps { value: 2, echo });
    talk.inject(&segment);
}

/// RFC 6298 §3: what was sent twice measures nothing, unless an echo tells which copy was acknowledged. The copies
/// left 1,100 and 100 ms before. An echo of what was never sent, or before the connection was, tells nothing.
#[rstest]
#[case::of_the_first(0, 0, 1_100_000 / 8)]
#[case::of_the_second(1, 0, 100_000 / 8)]
#[case::from_before_the_connection(0, 1000, 0)]
#[case::from_the_future(1, -1000, 0)]
fn an_echo_measures_what_was_sent_twice(
    #[case] copy: usize,
    #[case] older_ms: i32,
    #[case] expected: u128,
) {
    let mut talk = stamped();
    talk.send(100);
    assert_eq!(talk.wait_ms(1100).len(), 1);
    let echo = stamps(&talk)[copy].wrapping_sub_signed(older_ms);
    acknowledge(&mut talk, 101, echo);
    assert_eq!(srtt(&talk), expected);
}

/// RFC 6298 §3 wants one measurement a round trip at least, and this takes one: while a segment is under way that is
/// being measured, an echo that comes back with a part of it measures nothing.
#[test]
fn a_part_of_what_is_measured_is_no_measurement() {
    let mut talk = stamped();
    talk.send(1000);
    talk.wait_ms(100);
    let echo = stamps(&talk)[0];
    acknowledge(&mut talk, 501, echo);
    assert_eq!(srtt(&talk), 0);
    talk.wait_ms(100);
    acknowledge(&mut talk, 1001, echo);
    assert_eq!(srtt(&talk), 200_000 / 8);
}

/// Two segments leave at once and are acknowledged after 100 and 300 ms. One measurement a round trip sees the first;
/// a measurement of every acknowledgment sees both, each for an eighth.
#[rstest]
#[case::one_a_round_trip(RttSamples::OneARoundTrip, 100_000 / 8)]
#[case::every_acknowledgment(RttSamples::EveryAck, (100_000 / 8) * 7 / 8 + 300_000 / 8)]
fn how_many_acknowledgments_are_measured(#[case] samples: RttSamples, #[case] expected: u128) {
    let config = Config {
        rtt_samples: samples,
        ..Bench::plain_config()
    };
    let mut talk = Talk::reach(config, StateName::Established);
    assert_eq!(talk.send(2920).len(), 2);
    for (wait, ack) in [(100, 1461), (200, 2921)] {
        talk.bench.wait(Duration::from_millis(wait));
        talk.peer(".", 1, ack, 0);
    }
    assert_eq!(srtt(&talk), expected);
}

/// Where every acknowledgment is measured, a repeated segment is measured by its echo only.
#[rstest]
#[case::with_timestamps(true, 100_000 / 8)]
#[case::without(false, 0)]
fn a_repeat_needs_an_echo(#[case] timestamps: bool, #[case] expected: u128) {
    let config = Config {
        rtt_samples: RttSamples::EveryAck,
        timestamps,
        ..Bench::plain_config()
    };
    let mut talk = Talk::accepted_by(config, |syn| {
        syn.options.timestamps = timestamps.then_some(Timestamps { value: 1, echo: 0 });
    });
    talk.send(100);
    assert_eq!(talk.wait_ms(1100).len(), 1);
    if timestamps {
        let echo = stamps(&talk)[1];
        acknowledge(&mut talk, 101, echo);
    } else {
        talk.peer(".", 1, 101, 0);
    }
    assert_eq!(srtt(&talk), expected);
}
