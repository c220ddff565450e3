//! `cargo xtask sample`: covered requirements drawn by lot, for who wants to see whether their cases
//! fail when the rule is broken.
//!
//! Each id gets a number out of its own letters and the seed, and those with the least numbers are
//! drawn. So nothing but ids and seed decides, and a rule that is added to the catalogue, or a case
//! that covers one more, leaves the others where they are.

use std::fmt::Write as _;

/// What is to be drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// How many requirements.
    pub count: usize,
    /// What the draw depends on.
    pub seed: u64,
}

impl Request {
    /// Reads `--count N --seed N`, in either order.
    ///
    /// # Errors
    ///
    /// What is missing, or is no number.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let (mut count, mut seed) = (None, None);
        let (pairs, rest) = words.as_chunks::<2>();
        for [name, value] in pairs {
            let place = match *name {
                "--count" => &mut count,
                "--seed" => &mut seed,
                _ => return Err(format!("sample: unknown argument {name}")),
            };
            let number = value.parse::<u64>();
            *place = Some(number.map_err(|_| format!("sample: {name} {value} is no number"))?);
        }
        match (count, seed, rest) {
            (Some(count), Some(seed), []) => Ok(Self {
                count: usize::try_from(count).unwrap_or(usize::MAX),
                seed,
            }),
            _ => Err("sample: --count N and --seed N are wanted".to_owned()),
        }
    }

    /// The drawn ids, sorted, a line each, below a line that says how they were drawn.
    pub fn report(self, ids: &[&str]) -> String {
        let drawn = self.draw(ids);
        let (count, of, seed) = (drawn.len(), ids.len(), self.seed);
        let mut text = format!("{count} of {of} covered requirements, drawn with seed {seed}\n");
        for id in drawn {
            let _ = writeln!(text, "{id}");
        }
        text
    }

    /// Draws without replacement. No id is in `ids` twice.
    fn draw<'a>(self, ids: &[&'a str]) -> Vec<&'a str> {
        let mut ids = ids.to_vec();
        ids.sort_by_key(|id| (self.lot(id), *id));
        ids.truncate(self.count);
        ids.sort_unstable();
        ids
    }

    /// The number of an id: its letters by FNV-1a, and the seed, mixed.
    fn lot(self, id: &str) -> u64 {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let letters = id.bytes().fold(BASIS, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(PRIME)
        });
        mix(letters ^ mix(self.seed))
    }
}

/// A step of SplitMix64, in which every bit of the answer depends on every bit of the number.
fn mix(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const IDS: [&str; 6] = ["RFC1-1", "RFC1-2", "RFC1-3", "RFC2-1", "RFC2-2", "RFC2-3"];

    fn request(count: usize, seed: u64) -> Request {
        Request { count, seed }
    }

    #[test]
    fn the_sample_says_how_it_was_drawn() {
        insta::assert_snapshot!(request(3, 7).report(&IDS));
    }

    /// The first outputs of SplitMix64 as its author published it, from state 0.
    #[test]
    fn numbers_are_mixed_as_splitmix64_has_it() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn neither_order_nor_other_ids_move_what_is_drawn() {
        let mut turned = IDS;
        turned.reverse();
        for seed in 0..50 {
            let two = request(2, seed).draw(&IDS);
            assert_eq!(request(2, seed).draw(&turned), two);
            let undrawn = IDS.iter().find(|id| !two.contains(*id)).copied();
            let fewer: Vec<&str> = IDS.into_iter().filter(|id| Some(*id) != undrawn).collect();
            assert_eq!(request(2, seed).draw(&fewer), two);
        }
    }

    #[test]
    fn each_id_has_its_turn() {
        let drawn = (0..600).flat_map(|seed| request(1, seed).draw(&IDS));
        let drawn: Vec<&str> = drawn.collect();
        for id in IDS {
            let times = drawn.iter().filter(|other| **other == id).count();
            assert!((70..130).contains(&times), "{id}: {times} of 600");
        }
    }

    #[test]
    fn no_more_is_drawn_than_there_is() {
        assert_eq!(request(100, 1).draw(&IDS), IDS);
        assert_eq!(request(0, 1).draw(&IDS), Vec::<&str>::new());
    }

    #[rstest]
    #[case(&["--count", "60", "--seed", "1"], Ok(request(60, 1)))]
    #[case(&["--seed", "1", "--count", "60"], Ok(request(60, 1)))]
    #[case(&["--count", "60"], Err("sample: --count N and --seed N are wanted"))]
    #[case(&["--count", "60", "--seed"], Err("sample: --count N and --seed N are wanted"))]
    #[case(&["--count", "x", "--seed", "1"], Err("sample: --count x is no number"))]
    #[case(&["--all", "60"], Err("sample: unknown argument --all"))]
    fn arguments(#[case] words: &[&str], #[case] expected: Result<Request, &str>) {
        assert_eq!(Request::parse(words), expected.map_err(str::to_owned));
    }
}
