//! "Did you mean …?": the nearest known word, if it is near enough not to be silly.

/// The known word nearest to `written`, or `None` if none is near.
///
/// A prefix both share up to an underscore (`SO_`, `TCP_`) does not count as likeness:
/// of what is left, one letter in three may differ, and never all of them.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &'a str)> = None;
    for candidate in known {
        if candidate != written && candidate.eq_ignore_ascii_case(written) {
            return Some(candidate);
        }
        let Some(distance) = near(written, candidate) else {
            continue;
        };
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The distance between two words, if small enough for their length.
fn near(written: &str, candidate: &str) -> Option<usize> {
    let shared = written
        .bytes()
        .zip(candidate.bytes())
        .take_while(|(left, right)| left == right)
        .count();
    let prefix = candidate[..shared].rfind('_').map_or(0, |at| at + 1);
    let rest = candidate[prefix..].chars().count();
    let allowed = match rest {
        0..=2 => 0,
        3..=5 => 1,
        _ => rest / 3,
    };
    let distance = strsim::damerau_levenshtein(written, candidate);
    (0 < distance && distance <= allowed).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const KNOWN: [&str; 9] = [
        "TS",
        "SO_REUSEADDR",
        "SO_LINGER",
        "TCP_NODELAY",
        "socket",
        "send",
        "recv",
        "EAGAIN",
        "ECONNREFUSED",
    ];

    #[rstest]
    #[case("SO_REUSEADR", Some("SO_REUSEADDR"))]
    #[case("so_reuseaddr", Some("SO_REUSEADDR"))]
    #[case("sokcet", Some("socket"))]
    #[case("EAGIAN", Some("EAGAIN"))]
    #[case("ECONREFUSED", Some("ECONNREFUSED"))]
    #[case("SO_FOO", None)]
    #[case("SO_X", None)]
    #[case("frobnicate", None)]
    #[case("", None)]
    #[case("s", None)]
    #[case("TX", None)]
    fn only_near_words_are_suggested(#[case] written: &str, #[case] want: Option<&str>) {
        assert_eq!(nearest(written, KNOWN), want);
    }
}
