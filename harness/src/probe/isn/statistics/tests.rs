use super::*;
use crate::probe::fake::Isn;
use rstest::rstest;

/// The sizes the probe uses.
const SAMPLE: usize = 4096;

fn sample(mut isn: Isn) -> Vec<u32> {
    // A SYN every 100 microseconds.
    (0..SAMPLE as u64).map(|n| isn.next(n * 100)).collect()
}

fn rounds(mut isn: Isn) -> Vec<Nmap> {
    let taken: Vec<(i64, u32)> = (0..30)
        .map(|n| (n * 100_000, isn.next(n as u64 * 100_000)))
        .collect();
    taken.chunks(6).map(Nmap::of).collect()
}

fn failed(findings: &[Finding]) -> Vec<&'static str> {
    findings
        .iter()
        .filter(|finding| !finding.passed)
        .map(|finding| finding.test)
        .collect()
}

#[rstest]
fn ideal_generators_pass(#[values(1, 2, 3, 4, 5, 6, 7, 8)] seed: u64) {
    let found = of_sample(&sample(Isn::ideal(seed)));
    assert_eq!(failed(&found), [""; 0], "{found:?}");
    let found = of_rounds(&rounds(Isn::ideal(seed)));
    assert_eq!(failed(&found), [""; 0], "{found:?}");
}

#[rstest]
#[case::clock(Isn::clock(), &["bit_sigma", "phase_space", "linear_complexity"])]
#[case::rule_of_64k(Isn::rule_of_64k(), &["bit_sigma", "phase_space", "linear_complexity"])]
#[case::lcg(Isn::lcg(), &["bit_sigma", "linear_complexity"])]
#[case::xorshift(Isn::xorshift(), &["linear_complexity"])]
#[case::upper_half_only(Isn::upper_half_only(), &["duplicates", "bit_sigma", "linear_complexity"])]
#[case::small_steps(Isn::small_steps(), &["bit_sigma", "phase_space", "linear_complexity"])]
fn weak_generators_fail_the_tests_made_for_them(#[case] isn: Isn, #[case] tests: &[&str]) {
    let found = of_sample(&sample(isn));
    assert_eq!(failed(&found), tests, "{found:?}");
}

#[rstest]
#[case::clock(Isn::clock(), &["nmap_gcd", "nmap_sp", "nmap_isr"])]
#[case::rule_of_64k(Isn::rule_of_64k(), &["nmap_gcd", "nmap_sp", "nmap_isr"])]
#[case::lcg(Isn::lcg(), &[])]
#[case::xorshift(Isn::xorshift(), &[])]
#[case::upper_half_only(Isn::upper_half_only(), &["nmap_gcd", "nmap_sp"])]
#[case::small_steps(Isn::small_steps(), &["nmap_sp", "nmap_isr"])]
fn nmap_sees_what_nmap_can_see(#[case] isn: Isn, #[case] tests: &[&str]) {
    let found = of_rounds(&rounds(isn));
    assert_eq!(failed(&found), tests, "{found:?}");
}

#[rstest]
// x^4 + x + 1 gives a sequence of period 15 and complexity 4.
#[case(&[0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1], 4)]
#[case(&[0, 0, 0, 0], 0)]
#[case(&[0, 0, 0, 1], 4)]
#[case(&[1, 1, 1, 1], 1)]
fn linear_complexity_is_the_shortest_register(#[case] bits: &[u8], #[case] length: usize) {
    let bits: Vec<bool> = bits.iter().map(|&bit| bit == 1).collect();
    assert_eq!(linear_complexity(&bits), length);
}

#[test]
fn duplicates_count_only_repetitions() {
    assert_eq!(duplicates(&[1, 2, 1, 1, 3, 2]), 3);
}

#[test]
fn nmap_indices_by_hand() {
    // Steps of 100, 300, 100, 300, 100 in a second each: mean 180, spread 109.5 / 100.
    let round: Vec<(i64, u32)> = [0, 100, 400, 500, 800, 900]
        .into_iter()
        .zip(0..)
        .map(|(isn, second)| (second * 1_000_000, isn))
        .collect();
    assert_eq!(
        Nmap::of(&round),
        Nmap {
            gcd: 100,
            sp: 1,
            isr: 60
        }
    );
}

#[test]
fn a_constant_isn_has_no_indices_and_fails_all() {
    let constant = Nmap::of(&[(0, 7), (100_000, 7), (200_000, 7)]);
    assert_eq!(constant, Nmap::default());
    assert_eq!(
        failed(&of_rounds(&[constant])),
        ["nmap_gcd", "nmap_sp", "nmap_isr"]
    );
}
