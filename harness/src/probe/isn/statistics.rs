//! Tests a set of ISNs has to pass, and the bounds that decide.
//!
//! Each test catches generators the others are blind to: the spectral index of nmap cannot tell a
//! linear congruential generator from chance, and xorshift passes everything but linear complexity.
//! Bounds are set so that an ideal generator fails one test in about 3,000 samples at most; a probe
//! fails only if the same test fails on two samples of two hosts.

use std::collections::BTreeSet;

/// Bits looked at in each plane for linear complexity.
const PLANE: usize = 512;
/// Lags of the serial test.
const LAGS: std::ops::RangeInclusive<usize> = 1..=16;
/// A prediction this near is a hit: an attacker can send that many segments.
const NEAR: u32 = 2_500;
/// Of this many ISNs the last is predicted.
const PREDICTED_SHARE: usize = 10;

/// What one test found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The test's name.
    pub(crate) test: &'static str,
    /// What a good generator gives.
    pub(crate) expected: String,
    /// What this one gave.
    pub(crate) actual: String,
    /// Whether it passed.
    pub(crate) passed: bool,
}

/// Runs every test that needs only the numbers, in the order of their making.
pub(crate) fn of_sample(sample: &[u32]) -> Vec<Finding> {
    let repeated = duplicates(sample);
    let sigma = worst_sigma(sample);
    let (hits, predictions) = predictor_hits(sample);
    let deviation = linear_complexity_deviation(sample);
    let finding = |test, expected: &str, actual: String, passed| Finding {
        test,
        expected: expected.to_owned(),
        actual,
        passed,
    };
    vec![
        finding(
            "duplicates",
            "at most 2",
            repeated.to_string(),
            repeated <= 2,
        ),
        finding(
            "bit_sigma",
            "frequency and lags 1 to 16 of every bit below 5.0 sigma",
            format!("{:.1} sigma ({})", sigma.sigma, sigma.place()),
            sigma.sigma < 5.0,
        ),
        finding(
            "phase_space",
            "no ISN predicted within 2500",
            format!("{hits} of {predictions}"),
            hits == 0,
        ),
        finding(
            "linear_complexity",
            "within 24 of half the length for every bit",
            format!("off by {deviation} in {PLANE} bits"),
            deviation <= 24,
        ),
    ]
}

/// Judges rounds of nmap's sequence test by the median of each index: chance alone puts one
/// round in 500 outside.
pub(super) fn of_rounds(rounds: &[Nmap]) -> Vec<Finding> {
    let median = |of: fn(&Nmap) -> u32| {
        let mut values: Vec<u32> = rounds.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    let finding = |test, expected: &str, actual: u32, passed| Finding {
        test,
        expected: expected.to_owned(),
        actual: actual.to_string(),
        passed,
    };
    let (gcd, sp, isr) = (
        median(|round| round.gcd),
        median(|round| round.sp),
        median(|round| round.isr),
    );
    vec![
        finding("nmap_gcd", "at most 8", gcd, (1..=8).contains(&gcd)),
        finding("nmap_sp", "at least 233", sp, sp >= 233),
        finding("nmap_isr", "250 to 273", isr, (250..=273).contains(&isr)),
    ]
}

/// How many numbers had been there before.
fn duplicates(sample: &[u32]) -> usize {
    sample.len() - sample.iter().collect::<BTreeSet<_>>().len()
}

/// The bit that is farthest from chance.
#[derive(Clone, Copy, Debug, Default)]
struct Worst {
    sigma: f64,
    bit: u32,
    /// 0 for the frequency of ones.
    lag: usize,
}

impl Worst {
    fn place(&self) -> String {
        match self.lag {
            0 => format!("ones of bit {}", self.bit),
            lag => format!("bit {} at lag {lag}", self.bit),
        }
    }
}

/// The largest deviation from chance, in standard deviations, over the frequency of ones and
/// the agreement with itself at each lag, for all 32 bits.
fn worst_sigma(sample: &[u32]) -> Worst {
    let mut worst = Worst::default();
    let mut note = |count: usize, of: usize, bit, lag| {
        let of = of as f64;
        let sigma = ((count as f64 - of / 2.0) / (of.sqrt() / 2.0)).abs();
        if sigma > worst.sigma {
            worst = Worst { sigma, bit, lag };
        }
    };
    for bit in 0..32 {
        let is_set = |number: &u32| number >> bit & 1 == 1;
        let ones = sample.iter().filter(|number| is_set(number)).count();
        note(ones, sample.len(), bit, 0);
        for lag in LAGS.filter(|&lag| lag < sample.len()) {
            let pairs = sample.iter().zip(&sample[lag..]);
            let same = pairs.filter(|(a, b)| is_set(a) == is_set(b)).count();
            note(same, sample.len() - lag, bit, lag);
        }
    }
    worst
}

/// Zalewski's phase-space attack: each of the last tenth is predicted from the three steps
/// before it, by the step that followed the most similar three among the first nine tenths.
/// Gives hits and predictions.
fn predictor_hits(sample: &[u32]) -> (usize, usize) {
    let steps: Vec<u32> = sample
        .windows(2)
        .map(|pair| pair[1].wrapping_sub(pair[0]))
        .collect();
    let predictions = sample.len() / PREDICTED_SHARE;
    let known = steps.len().saturating_sub(predictions);
    let history = |at: usize| [steps[at - 3], steps[at - 2], steps[at - 1]];
    let mut hits = 0;
    for target in known..steps.len() {
        if target < 4 {
            continue;
        }
        let now = history(target);
        let nearest = (3..known).min_by_key(|&at| square_distance(history(at), now));
        let predicted = nearest.map_or(0, |at| steps[at]);
        let error = steps[target].wrapping_sub(predicted);
        if error.min(error.wrapping_neg()) <= NEAR {
            hits += 1;
        }
    }
    (hits, predictions)
}

fn square_distance(a: [u32; 3], b: [u32; 3]) -> u128 {
    a.iter()
        .zip(b)
        .map(|(a, b)| {
            let apart = a.wrapping_sub(b);
            let apart = u128::from(apart.min(apart.wrapping_neg()));
            apart * apart
        })
        .sum()
}

/// How far the linear complexity of the first 512 values of a bit is from half their number, at worst.
fn linear_complexity_deviation(sample: &[u32]) -> usize {
    (0..32)
        .map(|bit| {
            let plane: Vec<bool> = sample
                .iter()
                .take(PLANE)
                .map(|number| number >> bit & 1 == 1)
                .collect();
            linear_complexity(&plane).abs_diff(plane.len() / 2)
        })
        .max()
        .unwrap_or(0)
}

/// Length of the shortest linear feedback shift register that gives these bits
/// (the Berlekamp-Massey algorithm over GF(2)).
fn linear_complexity(bits: &[bool]) -> usize {
    let mut connection = vec![false; bits.len() + 1];
    let mut before = connection.clone();
    (connection[0], before[0]) = (true, true);
    let mut length = 0;
    let mut since = 1;
    for at in 0..bits.len() {
        let disagrees = (0..=length.min(at))
            .filter(|&tap| connection[tap] && bits[at - tap])
            .count()
            % 2
            == 1;
        if !disagrees {
            since += 1;
            continue;
        }
        let previous = connection.clone();
        for tap in 0..connection.len().saturating_sub(since) {
            connection[tap + since] ^= before[tap];
        }
        if 2 * length <= at {
            length = at + 1 - length;
            before = previous;
            since = 1;
        } else {
            since += 1;
        }
    }
    length
}

/// nmap's three indices over a round of ISNs taken about 100 ms apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Nmap {
    /// Greatest common divisor of the differences.
    pub(super) gcd: u32,
    /// Predictability index: eight times the binary logarithm of the spread of the rates.
    pub(super) sp: u32,
    /// Rate index: eight times the binary logarithm of the mean rate.
    pub(super) isr: u32,
}

impl Nmap {
    /// The indices of ISNs with the times of their making in microseconds.
    pub(super) fn of(round: &[(i64, u32)]) -> Nmap {
        let differences: Vec<(f64, u32)> = round
            .windows(2)
            .map(|pair| {
                let step = pair[1].1.wrapping_sub(pair[0].1);
                let micros = (pair[1].0 - pair[0].0).max(1);
                (micros as f64 / 1e6, step.min(step.wrapping_neg()))
            })
            .collect();
        let gcd = differences
            .iter()
            .fold(0, |gcd, (_, step)| greatest_common_divisor(gcd, *step));
        if gcd == 0 || differences.len() < 2 {
            return Nmap::default();
        }
        let rates: Vec<f64> = differences
            .iter()
            .map(|(seconds, step)| f64::from(*step) / seconds)
            .collect();
        let mean = rates.iter().sum::<f64>() / rates.len() as f64;
        let unit = if gcd > 9 { f64::from(gcd) } else { 1.0 };
        let squares: f64 = rates
            .iter()
            .map(|rate| ((rate - mean) / unit).powi(2))
            .sum();
        let spread = (squares / (rates.len() - 1) as f64).sqrt();
        Nmap {
            gcd,
            sp: index(spread),
            isr: index(mean),
        }
    }
}

fn index(value: f64) -> u32 {
    if value <= 1.0 {
        0
    } else {
        (8.0 * value.log2()).round() as u32
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

#[cfg(test)]
mod tests;
