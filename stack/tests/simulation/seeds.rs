//! Whole runs, drawn from seeds.

use rstest::rstest;
use tcpdrill_stack::testing::simulation::{Feature, FeatureSet, Plan, run};

/// How many seeds a test run takes; `--example simulate` takes as many as one likes.
const SEEDS: u64 = 400;

#[test]
fn no_oracle_finds_anything() {
    let mut packets = 0;
    for seed in 0..SEEDS {
        let plan = Plan::from_seed(seed);
        let features = plan.features;
        let report = run(plan, false);
        packets += report.packets;
        if let Some(violation) = report.violation {
            panic!(
                "seed {seed}: {violation}\nfeatures: {features}\nagain: cargo run --release -p \
                 tcpdrill-stack --example simulate -- --seed {seed} --verbose"
            );
        }
    }
    // Something did happen.
    assert!(packets > 50 * SEEDS, "{packets} packets");
}

/// Seeds that an oracle objected to without reason.
#[rstest]
// Text on the path that nobody wrote was acknowledged; every acknowledgment then looked like a probe.
#[case::acknowledged_and_never_sent(447_947)]
// Of two SYN-ACKs with cookies the first kept more options in its timestamp, and was the later one.
#[case::timestamps_of_cookies(323_642)]
// A Linux would let routers cut datagrams on such a narrow path.
#[case::below_the_floor(406_717)]
// The path came to carry more right after a timeout.
#[case::a_larger_segment(387_041)]
// A cookie was brought back three times, and the first connection had offered most.
#[case::windows_of_cookies(796_824)]
// What a segment that was not accepted acknowledged is acknowledged once more.
#[case::acknowledged_twice(539_064)]
fn what_no_oracle_may_object_to(#[case] seed: u64) {
    assert_eq!(run(Plan::from_seed(seed), false).violation, None);
}

#[test]
fn the_same_seed_does_the_same() {
    let mut hashes = Vec::new();
    for seed in 0..60 {
        let once = run(Plan::from_seed(seed), false);
        let again = run(Plan::from_seed(seed), true);
        assert_eq!(once.hash, again.hash, "seed {seed}");
        assert_eq!(
            (once.steps, once.packets, once.lasted, once.users),
            (again.steps, again.packets, again.lasted, again.users),
            "seed {seed}"
        );
        hashes.push(once.hash);
    }
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), 60, "different seeds do the same");
}

/// Every feature is there in some run and missing in another, and so is every pair of features.
#[test]
fn seeds_leave_out_and_combine_everything() {
    let sets: Vec<FeatureSet> = (0..20_000)
        .map(|seed| Plan::from_seed(seed).features)
        .collect();
    for one in Feature::ALL {
        assert!(sets.iter().any(|set| !set.has(*one)), "{one:?}");
        for other in Feature::ALL {
            let both = sets.iter().any(|set| set.has(*one) && set.has(*other));
            assert!(both, "{one:?} with {other:?}");
        }
    }
}

/// The attacks, disturbances and settings that are switched off do not happen.
#[test]
fn a_plan_has_what_its_features_say() {
    for seed in 0..2_000 {
        let plan = Plan::from_seed(seed);
        let has = |feature| plan.features.has(feature);
        let attackers = [
            Feature::OffPathAttacker,
            Feature::OnPathResets,
            Feature::OnPathData,
            Feature::OnPathRepeats,
            Feature::OptionRewriting,
            Feature::SynFlood,
        ];
        let attackers = attackers.iter().filter(|feature| has(**feature));
        assert_eq!(plan.attacks.len(), attackers.count(), "seed {seed}");
        assert_eq!(plan.hosts.len() > 2, has(Feature::ManyHosts));
        assert_eq!(plan.connections.len() > 1, has(Feature::ManyConnections));
        for host in &plan.hosts {
            assert!(has(Feature::Loss) || host.impairments.loss == 0);
            assert!(has(Feature::Sack) || !host.config.sack);
            assert!(has(Feature::Bottleneck) || host.impairments.bottleneck.is_none());
        }
    }
}
