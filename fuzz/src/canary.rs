//! The target that has to fail: it proves that a finding ends a run with an error.

/// What no input may begin with.
const WANTED: [u8; 4] = *b"TCP!";

/// Looks for four bytes, one after the other.
///
/// A fuzzer that is told which branches an input takes finds them in a few thousand runs; one that is not
/// would need billions.
///
/// # Panics
/// When `data` begins with the bytes that nobody would write by chance.
pub fn canary(data: &[u8]) {
    let [first, second, third, fourth] = WANTED;
    // Every comparison stands alone, so that each is a step which coverage sees.
    if data.first() == Some(&first)
        && data.get(1) == Some(&second)
        && data.get(2) == Some(&third)
        && data.get(3) == Some(&fourth)
    {
        panic!("the canary was found, as it should be");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use rstest::rstest;
    use tcpdrill_stack::rng::Rng;

    #[test]
    #[should_panic(expected = "the canary was found")]
    fn the_wanted_bytes_are_found() {
        canary(b"TCP! and more");
    }

    #[rstest]
    #[case(b"")]
    #[case(b"TCP")]
    #[case(b"TCP?")]
    #[case(b" TCP!")]
    fn other_bytes_are_not(#[case] data: &[u8]) {
        canary(data);
    }

    #[test]
    fn chance_does_not_find_them() {
        let mut rng = Rng::new(0xf028);
        for _ in 0..5_000 {
            canary(&seeds::noise(&mut rng, 8));
        }
    }
}
