use super::*;
use crate::report::samples;
use rstest::rstest;

#[test]
fn every_verdict_has_its_form() {
    let text = render(&samples::every_verdict());
    insta::assert_snapshot!(text);
    assert_eq!(checked(&text), Ok(7));
}

#[test]
fn no_result_is_an_empty_plan() {
    assert_eq!(checked(&render(&[])), Ok(0));
}

/// A reader as strict as the specification, "The Kernel Test Anything Protocol (KTAP), version 1": how
/// many tests without tests of their own it finds, or the first line it does not take.
fn checked(text: &str) -> Result<usize, String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut reader = Reader {
        lines: &lines,
        next: 0,
    };
    let (leaves, _) = reader.tests(0)?;
    match reader.lines.get(reader.next) {
        None => Ok(leaves),
        Some(more) => Err(format!("behind the last test: {more}")),
    }
}

struct Reader<'a> {
    lines: &'a [&'a str],
    next: usize,
}

impl<'a> Reader<'a> {
    /// The next line of this level without its indentation, diagnostics passed over.
    fn line(&mut self, level: usize) -> Result<&'a str, String> {
        loop {
            let line = self.lines.get(self.next).ok_or("ends too early")?;
            let own = line.strip_prefix(&"  ".repeat(level)).unwrap_or("");
            if own.starts_with(' ') || own.is_empty() {
                return Err(format!("not of level {level}: {line}"));
            }
            self.next += 1;
            if !own.starts_with("# ") && own != "#" {
                return Ok(own);
            }
        }
    }

    /// Whether tests of the next level begin here.
    fn opens(&self, level: usize) -> bool {
        let version = format!("{}KTAP version 1", "  ".repeat(level));
        self.lines.get(self.next) == Some(&version.as_str())
    }

    /// The tests of a level: how many leaves, and whether all passed.
    fn tests(&mut self, level: usize) -> Result<(usize, bool), String> {
        if self.line(level)? != "KTAP version 1" {
            return Err("no version line".to_string());
        }
        let plan = self.line(level)?;
        let count = plan
            .strip_prefix("1..")
            .and_then(|count| count.parse().ok());
        let count: usize = count.ok_or_else(|| format!("no plan: {plan}"))?;
        let (mut leaves, mut all) = (0, true);
        for number in 1..=count {
            let inner = match self.opens(level + 1) {
                true => Some(self.tests(level + 1)?),
                false => None,
            };
            let line = self.line(level)?;
            let passed = result(line, number)?;
            leaves += inner.map_or(1, |(leaves, _)| leaves);
            if inner.is_some_and(|(_, inner)| inner != passed) {
                return Err(format!("not what its tests say: {line}"));
            }
            all &= passed;
        }
        Ok((leaves, all))
    }
}

/// `<result> <number> [<description>][ # [<directive>] [<diagnostic data>]]`: whether it passed.
fn result(line: &str, number: usize) -> Result<bool, String> {
    let wrong = |what: &str| format!("{what}: {line}");
    let (passed, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        (None, None) => return Err(wrong("no result")),
    };
    let (found, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    if found.parse() != Ok(number) {
        return Err(wrong("another number"));
    }
    let data = rest.split_once(" # ").map_or("", |(_, data)| data);
    let description = rest.split(" # ").next().unwrap_or_default();
    if description.contains('#') {
        return Err(wrong("a hash sign in the description"));
    }
    let directive = data.split(' ').next().unwrap_or_default();
    match (directive, passed) {
        ("TIMEOUT" | "ERROR", true) => Err(wrong("should be `not ok`")),
        _ => Ok(passed),
    }
}

#[rstest]
#[case::version("TAP version 14\n1..0\n")]
#[case::plan("KTAP version 1\nok 1 a\n")]
#[case::number("KTAP version 1\n1..1\nok 2 a\n")]
#[case::missing("KTAP version 1\n1..2\nok 1 a\n")]
#[case::surplus("KTAP version 1\n1..1\nok 1 a\nok 2 a\n")]
#[case::bubbling("KTAP version 1\n1..1\n  KTAP version 1\n  1..1\n  not ok 1 a\nok 1 b\n")]
#[case::indentation("KTAP version 1\n1..1\n    ok 1 a\n")]
#[case::hash("KTAP version 1\n1..1\nok 1 a#b\n")]
#[case::error_that_passes("KTAP version 1\n1..1\nok 1 a # ERROR no\n")]
fn the_reader_takes_nothing_else(#[case] text: &str) {
    assert!(checked(text).is_err());
}
