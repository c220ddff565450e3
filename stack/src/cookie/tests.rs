use super::*;
use alloc::format;
use proptest::prelude::*;
use rstest::rstest;

const LOCAL: &str = "192.0.2.1:80";
const REMOTE: &str = "198.51.100.7:40000";
const LOCAL_V6: &str = "[2001:db8::1]:80";
const REMOTE_V6: &str = "[2001:db8::2]:40000";

fn socket(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn generator() -> CookieGenerator {
    CookieGenerator::new([7; 16])
}

/// Makes a cookie at `made_secs` and checks it at `checked_secs`.
fn round_trip(made_secs: u64, checked_secs: u64) -> Option<Mss> {
    let (local, remote, isn) = (socket(LOCAL), socket(REMOTE), SeqNum::new(99));
    let made = Instant::from_secs(made_secs);
    let cookie = generator().encode(made, local, remote, isn, Some(Mss::new(1460)));
    let checked = Instant::from_secs(checked_secs);
    generator().verify(checked, local, remote, isn, cookie)
}

#[rstest]
#[case(LOCAL, REMOTE, None, 536)]
#[case(LOCAL, REMOTE, Some(0), 536)]
#[case(LOCAL, REMOTE, Some(1299), 536)]
#[case(LOCAL, REMOTE, Some(1300), 1300)]
#[case(LOCAL, REMOTE, Some(1459), 1440)]
#[case(LOCAL, REMOTE, Some(1460), 1460)]
#[case(LOCAL, REMOTE, Some(65_535), 1460)]
#[case(LOCAL_V6, REMOTE_V6, None, 1220)]
#[case(LOCAL_V6, REMOTE_V6, Some(1439), 1420)]
#[case(LOCAL_V6, REMOTE_V6, Some(9_000), 1440)]
fn the_segment_size_is_rounded_down(
    #[case] local: &str,
    #[case] remote: &str,
    #[case] offered: Option<u16>,
    #[case] expected: u16,
) {
    let (local, remote, isn) = (socket(local), socket(remote), SeqNum::new(u32::MAX));
    let now = Instant::from_secs(1_000);
    let cookie = generator().encode(now, local, remote, isn, offered.map(Mss::new));
    let read = generator().verify(now, local, remote, isn, cookie);
    assert_eq!(read, Some(Mss::new(expected)));
}

#[rstest]
#[case::at_once(640, 640, true)]
#[case::end_of_period(640, 703, true)]
#[case::next_period(640, 767, true)]
#[case::too_old(640, 768, false)]
#[case::late_in_its_period(703, 767, true)]
#[case::late_and_too_old(703, 768, false)]
#[case::counter_wraps(256 * 64 - 1, 256 * 64, true)]
#[case::a_whole_round_later(640, 640 + 256 * 64, false)]
#[case::from_the_future(704, 640, false)]
fn a_cookie_is_good_for_two_periods(#[case] made: u64, #[case] checked: u64, #[case] good: bool) {
    assert_eq!(round_trip(made, checked).is_some(), good);
}

#[test]
fn a_cookie_fits_its_connection_only() {
    let (local, remote, isn) = (socket(LOCAL), socket(REMOTE), SeqNum::new(5));
    let now = Instant::from_secs(10);
    let cookie = generator().encode(now, local, remote, isn, None);
    let good = |generator: CookieGenerator, local, remote, isn| {
        generator.verify(now, local, remote, isn, cookie).is_some()
    };
    assert!(good(generator(), local, remote, isn));
    assert!(!good(CookieGenerator::new([8; 16]), local, remote, isn));
    assert!(!good(generator(), socket("192.0.2.2:80"), remote, isn));
    assert!(!good(generator(), socket("192.0.2.1:81"), remote, isn));
    assert!(!good(generator(), local, socket("198.51.100.8:40000"), isn));
    assert!(!good(generator(), local, socket("198.51.100.7:40001"), isn));
    assert!(!good(generator(), remote, local, isn));
    assert!(!good(generator(), local, remote, isn + 256));
    assert!(!good(generator(), local, remote, isn - (1 << 24)));
}

#[rstest]
#[case(1)]
#[case(1_000)]
#[case(u32::MAX)]
fn numbers_that_moved_equally_far_are_no_cookie(#[case] step: u32) {
    let (local, remote, isn) = (socket(LOCAL), socket(REMOTE), SeqNum::new(5));
    let now = Instant::from_secs(10);
    let cookie = generator().encode(now, local, remote, isn, None);
    let later = generator().verify(now, local, remote, isn + step, cookie + step);
    assert_eq!(later, None);
}

#[test]
fn guessing_hardly_ever_works() {
    let (local, remote, isn) = (socket(LOCAL), socket(REMOTE), SeqNum::new(5));
    let now = Instant::from_secs(10_000);
    let mut rng = crate::rng::Rng::new(3);
    let hits = (0..100_000)
        .filter(|_| {
            let guess = SeqNum::new(rng.next_u32());
            generator().verify(now, local, remote, isn, guess).is_some()
        })
        .count();
    // Two periods of four sizes in 2^32: 2e-9 for each guess.
    assert_eq!(hits, 0);
}

#[test]
fn debug_output_keeps_the_secret() {
    let shown = format!("{:?}", generator());
    assert_eq!(shown, "CookieGenerator { secret: Secret(..) }");
}

proptest! {
    #[test]
    fn a_fresh_cookie_is_always_good(micros: u64, isn: u32, secret: [u8; 16], index in 0usize..4) {
        let generator = CookieGenerator::new(secret);
        let (local, remote, isn) = (socket(LOCAL), socket(REMOTE), SeqNum::new(isn));
        let now = Instant::from_micros(micros);
        let mss = Mss::new(MSS_TABLE_V4[index]);
        let cookie = generator.encode(now, local, remote, isn, Some(mss));
        prop_assert_eq!(generator.verify(now, local, remote, isn, cookie), Some(mss));
    }
}
