//! What simulation and fuzzing found, each told with the fewest packets that show it.

use rstest::rstest;
use std::time::Duration;
use tcpdrill_stack::config::SynCookies;
use tcpdrill_stack::testing::bench::Bench;
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::wire::options::Timestamps;
use tcpdrill_stack::{Config, Event, SendFlags, StateName};

use crate::scenario::Scenario;

fn sent_again(bench: &Bench) -> usize {
    let again = |event: &&Event| matches!(event, Event::Retransmitted { .. });
    bench.events().filter(again).count()
}

/// Three answers to zero-window probes are no three duplicate ACKs.
#[test]
fn answers_to_probes_start_no_fast_retransmission() {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.accepted();
    bench.peer_window = 0;
    bench.inject(&bench.peer_segment(".", 1, conn.iss + 1));
    bench
        .host
        .send(bench.now, conn.id, &[7; 100], SendFlags::default())
        .unwrap();
    bench.drain();
    let probes = bench.wait(Duration::from_secs(8));
    assert_eq!(probes.len(), 3, "probes after 1, 3 and 7 s");
    for _ in &probes {
        let answer = bench.peer_segment(".", 1, conn.iss + 1);
        assert_eq!(bench.inject(&answer), []);
    }
    assert_eq!(sent_again(&bench), 0);
    // Anything else we say stands where the peer accepts it.
    let replies = bench.inject(&bench.peer_segment(".", 500_000, conn.iss + 1));
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0].seq, conn.iss + 1);
}

/// A SYN ends TIME-WAIT only if it is provably new and somebody listens. A timestamp that this
/// host would not use proves nothing.
#[rstest]
#[case::old_duplicate(0, true)]
#[case::old_duplicate_to_nobody(0, false)]
#[case::new_to_nobody(100_000, false)]
fn a_syn_that_opens_nothing_does_not_end_time_wait(#[case] ahead: u32, #[case] listens: bool) {
    let mut bench = Bench::new(Bench::plain_config());
    let conn = bench.reach(StateName::TimeWait);
    if let Some(listener) = conn.listener.filter(|_| !listens) {
        bench.host.close(bench.now, listener).unwrap();
        bench.drain();
    }
    let mut syn = bench.peer_syn(false);
    syn.seq += ahead;
    syn.options.timestamps = Some(Timestamps { value: 9, echo: 0 });
    let replies = bench.inject(&syn);
    assert!(
        replies
            .iter()
            .all(|reply| !reply.flags.rst && !reply.flags.syn),
        "{replies:?}"
    );
    let state = bench.host.status(conn.id).map(|status| status.state);
    assert_eq!(state, Ok(StateName::TimeWait));
}

/// A connection made from a cookie reaches the accept queue, also if the same segment ends it.
#[test]
fn a_cookie_brought_back_with_a_fin_can_be_accepted() {
    let mut bench = Bench::new(Config {
        syn_cookies: SynCookies::Always,
        ..Bench::plain_config()
    });
    let listener = bench.listen();
    let syn_ack = bench.inject(&bench.peer_syn(false)).remove(0);
    bench.inject(&bench.peer_segment("F.", 1, syn_ack.seq + 1));
    let id = bench.host.accept(bench.now, listener).unwrap();
    let state = bench.host.status(id).map(|status| status.state);
    assert_eq!(state, Ok(StateName::CloseWait));
}

/// Later numbers of the same connection, moved equally far, are no cookie.
#[test]
fn a_cookie_fits_the_first_ack_only() {
    let mut bench = Bench::new(Config {
        syn_cookies: SynCookies::Always,
        ..Bench::plain_config()
    });
    let listener = bench.listen();
    let syn_ack = bench.inject(&bench.peer_syn(false)).remove(0);
    let replies = bench.inject(&bench.peer_segment(".", 11, syn_ack.seq + 11));
    assert!(replies.iter().all(|reply| reply.flags.rst) && replies.len() == 1);
    assert!(bench.host.accept(bench.now, listener).is_err());
}

/// Both ends with closed windows, both probing, the link bad: they must find out again.
#[test]
fn two_closed_windows_open_again() {
    let bad = Impairments {
        loss: 1_000,
        corruption: 1_000,
        delay: Duration::from_millis(50),
        ..Impairments::default()
    };
    for seed in 0..20 {
        let mut scenario = Scenario {
            slow_readers: [true; 2],
            impairments: [bad; 2],
            ..Scenario::clean(seed, [3_000, 3_000])
        };
        for config in &mut scenario.configs {
            config.recv_buffer = 300;
        }
        let outcome = scenario.run().unwrap();
        assert!(
            outcome.trace.len() < 20_000,
            "{} things",
            outcome.trace.len()
        );
    }
}
