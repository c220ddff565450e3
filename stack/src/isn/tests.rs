use super::*;
use crate::rng::Rng;
use alloc::format;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use rstest::rstest;

const SECRET: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The expected values were computed by an independent SipHash-2-4 over purpose byte, family,
/// address and port of both ends, the low 32 bits taken.
#[rstest]
#[case("192.0.2.1:80", "198.51.100.7:40000", 0xee89_6198)]
#[case("[2001:db8::1]:80", "[2001:db8::2]:40000", 0x4add_5904)]
fn known_answers(#[case] local: &str, #[case] remote: &str, #[case] isn: u32) {
    let generator = IsnGenerator::new(SECRET);
    let (local, remote) = (socket(local), socket(remote));
    assert_eq!(generator.isn(Instant::ZERO, local, remote).raw(), isn);
    assert_eq!(
        generator.isn(Instant::from_secs(1), local, remote).raw(),
        isn.wrapping_add(250_000)
    );
}

#[rstest]
#[case::rfc(4_000, 250_000)]
#[case::linux(64, 15_625_000)]
fn the_clock_advances_once_a_tick_for_ever(#[case] tick_ns: u64, #[case] per_second: u32) {
    let generator = IsnGenerator::with_tick(SECRET, Duration::from_nanos(tick_ns));
    let (local, remote) = (socket("192.0.2.1:80"), socket("198.51.100.7:40000"));
    let isn = |now| generator.isn(now, local, remote);
    // 20,000 s takes the 4 us clock round once and the 64 ns clock round 72 times.
    for second in (0..20_000u64).step_by(97) {
        let start = Instant::from_micros(second * 1_000_003);
        let step = isn(start).span_to(isn(start + Duration::from_secs(1)));
        assert_eq!(step, per_second, "at {start:?}");
        let short = Duration::from_micros(1_000);
        let ticks = isn(start).span_to(isn(start + short));
        assert_eq!(
            ticks,
            per_second / 1_000 + u32::from(ticks > per_second / 1_000)
        );
    }
}

fn random_tuple(rng: &mut Rng, v6: bool) -> [u8; 36] {
    let mut tuple = [0; 36];
    tuple.fill_with(|| rng.next_u32() as u8);
    // Four bytes of each address count in IPv4; see `offset_of`.
    if !v6 {
        tuple[4..16].fill(0);
        tuple[20..32].fill(0);
    }
    tuple
}

/// F for a tuple laid out as local address, remote address, local port, remote port.
fn offset_of(secret: [u8; 16], tuple: &[u8; 36], v6: bool) -> u32 {
    let address = |at: usize| -> IpAddr {
        if v6 {
            let octets: [u8; 16] = tuple[at..at + 16].try_into().unwrap();
            Ipv6Addr::from(octets).into()
        } else {
            Ipv4Addr::new(tuple[at], tuple[at + 1], tuple[at + 2], tuple[at + 3]).into()
        }
    };
    let port = |at: usize| u16::from_be_bytes([tuple[at], tuple[at + 1]]);
    let generator = IsnGenerator::new(secret);
    let local = SocketAddr::new(address(0), port(32));
    let remote = SocketAddr::new(address(16), port(34));
    generator.isn(Instant::ZERO, local, remote).raw()
}

/// Each bit of each field of the tuple and of the secret changes half of the output bits, and
/// each output bit changes in half of the trials (4,096 trials, fixed seed).
#[rstest]
#[case::v4(false)]
#[case::v6(true)]
fn every_input_bit_counts(#[case] v6: bool) {
    let mut rng = Rng::new(0x1517);
    let field_bytes: Vec<usize> = (0..36)
        .filter(|i| v6 || !(4..16).contains(i) && !(20..32).contains(i))
        .collect();
    let input_bits = (field_bytes.len() + 16) * 8;
    let mut flips_of_output_bit = [0u32; 32];
    let mut flips_of_input_bit: Vec<(u32, u32)> = Vec::new();
    flips_of_input_bit.resize(input_bits, (0, 0));
    for trial in 0..4_096 {
        let input_bit = trial % input_bits;
        let mut secret = [0; 16];
        secret.fill_with(|| rng.next_u32() as u8);
        let tuple = random_tuple(&mut rng, v6);
        let (mut other_secret, mut other_tuple) = (secret, tuple);
        match field_bytes.get(input_bit / 8) {
            Some(byte) => other_tuple[*byte] ^= 1 << (input_bit % 8),
            None => other_secret[input_bit / 8 - field_bytes.len()] ^= 1 << (input_bit % 8),
        }
        let changed = offset_of(secret, &tuple, v6) ^ offset_of(other_secret, &other_tuple, v6);
        flips_of_input_bit[input_bit].0 += changed.count_ones();
        flips_of_input_bit[input_bit].1 += 1;
        for (bit, flips) in flips_of_output_bit.iter_mut().enumerate() {
            *flips += changed >> bit & 1;
        }
    }
    let total: u32 = flips_of_output_bit.iter().sum();
    let mean_hundredths = total * 100 / 4_096;
    assert!(
        (1_500..=1_700).contains(&mean_hundredths),
        "{mean_hundredths}"
    );
    for (bit, flips) in flips_of_output_bit.into_iter().enumerate() {
        let permille = flips * 1_000 / 4_096;
        assert!(
            (450..=550).contains(&permille),
            "output bit {bit}: {permille}"
        );
    }
    for (bit, (flips, trials)) in flips_of_input_bit.into_iter().enumerate() {
        let mean = flips / trials;
        assert!(
            (10..=22).contains(&mean),
            "input bit {bit}: {mean} bits change"
        );
    }
}

#[test]
fn the_same_tuple_under_another_secret_is_unrelated() {
    let (local, remote) = (socket("192.0.2.1:80"), socket("198.51.100.7:40000"));
    let numbers: Vec<u32> = (0..=255)
        .map(|byte| {
            IsnGenerator::new([byte; 16])
                .isn(Instant::ZERO, local, remote)
                .raw()
        })
        .collect();
    let mut distinct = numbers.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), numbers.len());
}

#[test]
fn neither_the_ends_nor_the_families_can_be_swapped() {
    let generator = IsnGenerator::new(SECRET);
    let (a, b) = (socket("192.0.2.1:80"), socket("198.51.100.7:40000"));
    let isn = |local, remote| generator.isn(Instant::ZERO, local, remote);
    assert_ne!(isn(a, b), isn(b, a));
    let (mapped_a, mapped_b) = (
        socket("[::ffff:192.0.2.1]:80"),
        socket("[::ffff:198.51.100.7]:40000"),
    );
    assert_ne!(isn(a, b), isn(mapped_a, mapped_b));
}

#[test]
fn debug_output_keeps_the_secret() {
    let shown = format!("{:?}", IsnGenerator::new(SECRET));
    assert_eq!(shown, "IsnGenerator { secret: Secret(..), tick: 4µs }");
}
