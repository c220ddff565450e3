use super::*;
use rstest::rstest;

const ANY: Rate = Rate {
    low: 0.125,
    high: 31.25,
};

/// Steps of a clock with this many numbers a microsecond, seen with 100 us of uncertainty.
fn steps_at(rate: f64, gaps: &[f64]) -> Vec<Step> {
    gaps.iter()
        .map(|gap| Step {
            growth: ((gap * rate) as u64 % (1 << 32)) as u32,
            least: gap - 50.0,
            most: gap + 50.0,
        })
        .collect()
}

fn follow(mut rate: Rate, steps: Vec<Step>) -> Result<Rate, Stop> {
    for step in steps {
        rate = narrow(rate, step)?;
    }
    Ok(rate)
}

const GAPS: [f64; 4] = [50_000.0, 200_000.0, 1_000_000.0, 3_000_000.0];

#[rstest]
#[case::rfc(0.25)]
#[case::linux(15.625)]
fn a_steady_clock_is_found(#[case] rate: f64) {
    let found = follow(ANY, steps_at(rate, &GAPS)).unwrap();
    assert!(found.low <= rate && rate <= found.high, "{found:?}");
    assert!(found.high - found.low < rate * 0.01, "{found:?}");
}

#[test]
fn a_clock_may_go_round_more_than_once() {
    let gaps = [50_000.0, 1e6, 60e6, 1200e6];
    follow(ANY, steps_at(15.625, &gaps)).unwrap();
}

#[rstest]
#[case::constant(vec![0, 0, 0])]
#[case::random(vec![0x9d3f_1c07, 0x12ab_77e1, 0xf021_0044])]
#[case::steps_of_64k_an_opening(vec![64_000, 64_000, 64_000])]
#[case::backwards(vec![0u32.wrapping_sub(12_500), 0u32.wrapping_sub(50_000), 0])]
fn what_is_no_clock_is_refused(#[case] growths: Vec<u32>) {
    let mut steps = steps_at(0.25, &GAPS[..3]);
    for (step, growth) in steps.iter_mut().zip(growths) {
        step.growth = growth;
    }
    follow(ANY, steps).unwrap_err();
}

#[test]
fn another_tick_than_the_targets_own_is_refused() {
    let exact = Rate {
        low: 0.24975,
        high: 0.25025,
    };
    follow(exact, steps_at(0.25, &GAPS)).unwrap();
    follow(exact, steps_at(0.26, &GAPS)).unwrap_err();
}
