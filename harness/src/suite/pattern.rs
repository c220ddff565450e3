//! Names and lines of several generated cases at a time, in lists of known deviations.

/// A text in which `*` stands for any characters, or none, and `{a,b}` for each of several texts.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// What it stands for, without braces, in the order of the alternatives.
    alternatives: Vec<String>,
}

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn new(text: &str) -> Pattern {
        Pattern {
            alternatives: alternatives(text),
        }
    }

    /// Whether it stands for this text.
    pub(crate) fn takes(&self, text: &str) -> bool {
        self.alternatives.iter().any(|one| matches(one, text))
    }

    /// The one line that the first alternative which stands for any stands for; `None` if there is no
    /// such line or several.
    pub(super) fn only_line<'a>(&self, text: &'a str) -> Option<&'a str> {
        let found = self.alternatives.iter().find_map(|one| {
            let lines = text.lines().map(str::trim);
            let mut found = lines.filter(|line| matches(one, line));
            Some((found.next()?, found.next()))
        });
        found.and_then(|(line, another)| another.is_none().then_some(line))
    }
}

/// Takes the braces apart, the first pair first; they do not nest. One that is not closed stands for
/// itself.
fn alternatives(text: &str) -> Vec<String> {
    let parts = text
        .split_once('{')
        .and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (inside, behind))) = parts else {
        return vec![text.to_string()];
    };
    let tails = alternatives(behind);
    let heads = inside.split(',').map(|one| format!("{before}{one}"));
    heads
        .flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}")))
        .collect()
}

/// Whether `pattern`, in which only `*` is special, stands for the whole of `text`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = pieces.next_back() else {
        return rest.is_empty();
    };
    for piece in pieces {
        match rest.split_once(piece) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a/b", "a/b", true)]
    #[case("a/b", "a/bc", false)]
    #[case("a/*", "a/", true)]
    #[case("a/*", "b/a/", false)]
    #[case("*", "", true)]
    #[case("a*b*c", "a-b-b-c", true)]
    #[case("a*b*c", "a-c-b", false)]
    #[case("ab*ba", "aba", false)]
    #[case("{a,b}/c", "b/c", true)]
    #[case("{a,b}/c", "c/c", false)]
    #[case("a{,-x}/{c*,d}", "a-x/cc", true)]
    #[case("a{,-x}/{c*,d}", "a/dd", false)]
    #[case("a{b", "a{b", true)]
    fn a_pattern_stands_for_whole_texts(
        #[case] pattern: &str,
        #[case] text: &str,
        #[case] takes: bool,
    ) {
        assert_eq!(Pattern::new(pattern).takes(text), takes);
    }

    #[rstest]
    #[case::one("> * // a", Some("> 1 // a"))]
    #[case::two("> *", None)]
    #[case::two_of_the_first("> {*,1 // a}", None)]
    #[case::none("< *", None)]
    #[case::the_first_that_is_there("> *// a{ (y),}", Some("> 1 // a"))]
    #[case::the_first_of_both("> *// a{ (x),}", Some("> 2 // a (x)"))]
    fn a_line_is_meant_only_if_it_is_alone(#[case] pattern: &str, #[case] line: Option<&str>) {
        let text = "+0\n> 1 // a\n> 2 // a (x)\n";
        assert_eq!(Pattern::new(pattern).only_line(text), line);
    }
}
