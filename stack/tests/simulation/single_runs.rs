//! Runs whose course is known.

use crate::scenario::Scenario;
use rstest::rstest;
use std::time::Duration;
use tcpdrill_stack::StateName::{
    CloseWait, Closed, Closing, Established, FinWait1, FinWait2, LastAck, SynReceived, SynSent,
    TimeWait,
};
use tcpdrill_stack::segment::{self, Incoming};
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::testing::pair::{Happening, Side};
use tcpdrill_stack::testing::simulation::Open;
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{Event, StateName};

#[rstest]
#[case::v4(IpVersion::V4)]
#[case::v6(IpVersion::V6)]
fn a_clean_link_shows_the_rfc_s_own_figures(#[case] version: IpVersion) {
    let scenario = Scenario {
        version,
        ..Scenario::clean(1, [10_000, 0])
    };
    let outcome = scenario.run().unwrap();
    // B has nothing to send, so it closes first; A answers with its own FIN when it is done.
    let active: Vec<StateName> = outcome.states(Side::A);
    assert_eq!(active[..2], [SynSent, Established]);
    let passive = outcome.states(Side::B);
    assert!(passive.contains(&SynReceived) && passive.contains(&Established));
    let retransmitted = outcome.events(Side::A).chain(outcome.events(Side::B));
    assert_eq!(
        retransmitted
            .filter(|event| matches!(event, Event::Retransmitted { .. }))
            .count(),
        0
    );
    assert!(
        outcome.sent(Side::A) < 30,
        "{} datagrams",
        outcome.sent(Side::A)
    );
}

#[rstest]
#[case::ordinary(Open::Ordinary, 30, 0)]
#[case::with_data(Open::WithData, 10, 1)]
#[case::on_first_send(Open::OnFirstSend, 10, 1)]
fn data_on_the_syn_saves_a_round_trip(
    #[case] open: Open,
    #[case] answer_ms: u64,
    #[case] accepted: usize,
) {
    let scenario = Scenario {
        open,
        ..Scenario::clean(1, [1_000, 1_000])
    };
    let outcome = scenario.run().unwrap();
    let first_text = outcome.at(Side::B).find(|entry| match &entry.what {
        Happening::Sent(datagram) => {
            matches!(segment::parse(datagram), Ok(Incoming::Segment(s)) if !s.payload.is_empty())
        }
        _ => false,
    });
    let began = outcome.trace[0].at;
    let first_text = first_text.unwrap().at.saturating_duration_since(began);
    assert_eq!(first_text, Duration::from_millis(answer_ms));
    let early = |event: &&Event| matches!(event, Event::FastOpenAccepted { len: 1_000, .. });
    assert_eq!(outcome.events(Side::B).filter(early).count(), accepted);
}

#[test]
fn crossing_opens_and_closes_go_through_their_own_states() {
    let scenario = Scenario {
        open: Open::Crossing,
        ..Scenario::clean(2, [0, 0])
    };
    let outcome = scenario.run().unwrap();
    for side in Side::BOTH {
        assert_eq!(
            outcome.states(side),
            [
                SynSent,
                SynReceived,
                Established,
                FinWait1,
                Closing,
                TimeWait,
                Closed
            ]
        );
    }
    // Twice the MSL after the last FIN.
    assert!(outcome.ended_at.as_micros() > 240_000_000);
}

#[test]
fn a_half_closed_connection_still_carries_data() {
    let outcome = Scenario::clean(3, [0, 200_000]).run().unwrap();
    assert_eq!(
        outcome.states(Side::A),
        [SynSent, Established, FinWait1, FinWait2, TimeWait, Closed]
    );
    let passive = outcome.states(Side::B);
    assert_eq!(
        passive[passive.len() - 4..],
        [Established, CloseWait, LastAck, Closed]
    );
}

#[rstest]
#[case::active(Side::A)]
#[case::passive(Side::B)]
fn sequence_numbers_wrap_in_the_middle_of_the_data(#[case] side: Side) {
    let scenario = Scenario {
        wrap: Some((side, 20_000)),
        ..Scenario::clean(4, [50_000, 50_000])
    };
    let outcome = scenario.run().unwrap();
    let first = outcome.at(side).find_map(|entry| match &entry.what {
        Happening::Sent(datagram) => Some(datagram),
        _ => None,
    });
    let Some(Ok(Incoming::Segment(syn))) = first.map(|datagram| segment::parse(datagram)) else {
        panic!("no SYN from {side:?}");
    };
    assert!(syn.flags.syn);
    assert_eq!(syn.seq.raw(), 0u32.wrapping_sub(20_000));
}

fn bad() -> Impairments {
    Impairments {
        loss: 800,
        duplication: 800,
        reordering: 800,
        corruption: 800,
        delay: Duration::from_millis(25),
        reordering_delay: Duration::from_millis(100),
        ..Impairments::default()
    }
}

#[test]
fn a_bad_link_delivers_everything_and_the_same_seed_does_the_same() {
    let scenario = Scenario {
        impairments: [bad(); 2],
        ..Scenario::clean(5, [100_000, 60_000])
    };
    let outcome = scenario.run().unwrap();
    assert!(
        outcome
            .events(Side::A)
            .any(|event| matches!(event, Event::Retransmitted { .. })),
        "the link did no harm"
    );
    assert!(scenario.run().unwrap() == outcome, "a replay differs");
    let other_seed = Scenario {
        seed: 6,
        ..scenario
    };
    assert!(other_seed.run().unwrap() != outcome);
}

#[test]
fn slow_readers_close_windows_and_open_them_again() {
    let mut scenario = Scenario {
        slow_readers: [true; 2],
        ..Scenario::clean(7, [60_000, 60_000])
    };
    for config in &mut scenario.configs {
        config.recv_buffer = 4_096;
    }
    let outcome = scenario.run().unwrap();
    let zero_windows = outcome.trace.iter().filter(|entry| {
        let Happening::Sent(datagram) = &entry.what else {
            return false;
        };
        matches!(segment::parse(datagram), Ok(Incoming::Segment(s)) if s.wnd.raw() == 0)
    });
    assert!(zero_windows.count() > 5);
}
