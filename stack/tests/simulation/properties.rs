//! Delivery under any mix of impairments and settings.

use crate::scenario::Scenario;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::time::Duration;
use tcpdrill_stack::config::{FastOpenConfig, InitialWindow, SynCookies};
use tcpdrill_stack::congestion::Rules;
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::testing::pair::Side;
use tcpdrill_stack::testing::simulation::Open;
use tcpdrill_stack::wire::ip::IpVersion;
use tcpdrill_stack::{Config, Profile};

/// Each impairment is off in half of the cases, and never so bad that giving up would be right.
fn any_impairments() -> impl Strategy<Value = Impairments> {
    let rate = || prop_oneof![Just(0u16), 1u16..1_200];
    (rate(), rate(), rate(), rate(), 0u64..200, 1u64..400).prop_map(
        |(loss, duplication, reordering, corruption, delay_ms, reordering_ms)| Impairments {
            loss,
            duplication,
            reordering,
            corruption,
            delay: Duration::from_millis(delay_ms),
            reordering_delay: Duration::from_millis(reordering_ms),
            ..Impairments::default()
        },
    )
}

fn any_config() -> impl Strategy<Value = Config> {
    let options = (any::<bool>(), any::<bool>(), prop::option::of(0u8..15));
    let buffers = (1usize..100_000, 1usize..100_000, 576u16..9_000);
    let choices = any::<[bool; 5]>();
    let cookies = prop::sample::select(vec![
        SynCookies::Never,
        SynCookies::OnOverflow,
        SynCookies::Always,
    ]);
    (options, buffers, choices, cookies).prop_map(|(options, buffers, choices, syn_cookies)| {
        let (timestamps, sack, window_scale) = options;
        let (recv_buffer, send_buffer, mtu) = buffers;
        let [linux_like, nagle, small_window, delayed_ack, hystart] = choices;
        let base = if linux_like {
            Profile::Linux.config()
        } else {
            Config::default()
        };
        Config {
            timestamps,
            sack,
            window_scale,
            // A window below the unit of its scale could not be announced.
            recv_buffer: recv_buffer.max(2 << window_scale.unwrap_or(0)),
            send_buffer,
            mtu,
            nagle,
            congestion: Rules {
                initial_window: if small_window {
                    InitialWindow::Rfc5681
                } else {
                    InitialWindow::Rfc6928
                },
                hystart,
                ..base.congestion
            },
            delayed_ack: if delayed_ack {
                base.delayed_ack
            } else {
                Duration::ZERO
            },
            syn_cookies,
            fast_open: FastOpenConfig {
                server: true,
                ..base.fast_open.clone()
            },
            ..base
        }
    })
}

fn any_scenario() -> impl Strategy<Value = Scenario> {
    let length = || prop_oneof![Just(0u64), 1u64..3_000, 3_000u64..60_000];
    let wrap = prop::option::of((prop::sample::select(vec![Side::A, Side::B]), 0u32..40_000));
    let open = prop::sample::select(vec![
        Open::Ordinary,
        Open::WithData,
        Open::OnFirstSend,
        Open::Crossing,
    ]);
    (
        any::<(u64, bool, [bool; 2])>(),
        [length(), length()],
        [any_config(), any_config()],
        [any_impairments(), any_impairments()],
        wrap,
        open,
    )
        .prop_map(|(choices, lengths, configs, mut impairments, wrap, open)| {
            let (seed, v6, slow_readers) = choices;
            // Behind a cookie stands no state: if the ACK that brings it back is lost and a
            // later segment comes through, that one is for nobody (RFC 4987 §3.6).
            if configs[1].syn_cookies == SynCookies::Always {
                impairments[0].loss = 0;
                impairments[0].corruption = 0;
                impairments[0].reordering = 0;
            }
            Scenario {
                seed,
                version: if v6 { IpVersion::V6 } else { IpVersion::V4 },
                open,
                lengths,
                slow_readers,
                configs,
                impairments,
                wrap,
            }
        })
}

proptest! {
    // A fixed seed: the same cases each time. PROPTEST_RNG_SEED and PROPTEST_CASES explore more.
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        rng_seed: match ProptestConfig::default().rng_seed {
            RngSeed::Random => RngSeed::Fixed(0x7c9d_0001),
            fixed => fixed,
        },
        ..ProptestConfig::with_cases(match std::env::var_os("PROPTEST_CASES") {
            Some(_) => ProptestConfig::default().cases,
            None => 100,
        })
    })]

    #[test]
    fn every_byte_arrives_once_and_in_order(scenario in any_scenario()) {
        if let Err(failure) = scenario.run() {
            prop_assert!(false, "{}", failure);
        }
    }
}
