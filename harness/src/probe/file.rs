//! Probe files: which probe, what the case is about, and the probe's parameters.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::diagnostic::Diagnostic;
use crate::program::CaseHeader;
use crate::source::{Source, Span};

/// Code of everything that is wrong with a probe file.
pub(super) const BAD_FILE: &str = "P001";

/// A whole file. Every key has to be there and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<P> {
    probe: toml::Spanned<String>,
    title: String,
    covers: Vec<String>,
    why: String,
    parameters: P,
}

/// The name of the probe a file asks for, and where it stands.
///
/// # Errors
/// If the file is no TOML, or its keys outside `[parameters]` are not the ones a probe file has.
pub(super) fn name(source: &Source) -> Result<(String, Span), Box<Diagnostic>> {
    let file: File<IgnoredAny> = read(source)?;
    let span = file.probe.span();
    Ok((file.probe.into_inner(), Span::new(span.start, span.end)))
}

/// Title, covered requirements and reason; empty where they cannot be read.
pub(super) fn header(source: &Source) -> CaseHeader {
    let Ok(file) = read::<IgnoredAny>(source) else {
        return CaseHeader::default();
    };
    CaseHeader {
        title: Some(file.title),
        covers: file.covers,
        why: Some(file.why),
        ..CaseHeader::default()
    }
}

/// The parameters, as the probe wants them.
///
/// # Errors
/// If a key is missing or unknown, or a value has the wrong type or is out of its range.
pub(super) fn parameters<P: DeserializeOwned>(source: &Source) -> Result<P, Box<Diagnostic>> {
    read::<P>(source).map(|file| file.parameters)
}

fn read<P: DeserializeOwned>(source: &Source) -> Result<File<P>, Box<Diagnostic>> {
    toml::from_str(source.text()).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let span = Span::new(span.start, span.end);
        let wrong = Diagnostic::error(BAD_FILE, source, span, error.message());
        Box::new(
            wrong.help(
                "a probe file has the keys probe, title, covers, why and a table [parameters]",
            ),
        )
    })
}

/// A whole number within a range, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "i64")]
pub(super) struct Within<const LOW: u64, const HIGH: u64>(u64);

impl<const LOW: u64, const HIGH: u64> Within<LOW, HIGH> {
    /// The number.
    pub(super) fn get(self) -> u64 {
        self.0
    }

    /// The number as a count of things in memory.
    pub(super) fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<const LOW: u64, const HIGH: u64> TryFrom<i64> for Within<LOW, HIGH> {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        u64::try_from(number)
            .ok()
            .filter(|number| (LOW..=HIGH).contains(number))
            .map(Within)
            .ok_or(format!(
                "expected a number from {LOW} to {HIGH}, got {number}"
            ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        samples: Within<10, 20>,
    }

    fn file(rest: &str) -> Source {
        let head = "probe = \"p\"\ntitle = \"T\"\ncovers = [\"X-1\"]\nwhy = \"W\"\n";
        Source::new("x", format!("{head}{rest}"))
    }

    #[test]
    fn a_file_gives_name_header_and_parameters() {
        let source = file("[parameters]\nsamples = 20\n");
        assert_eq!(name(&source).unwrap().0, "p");
        assert_eq!(header(&source).covers, ["X-1"]);
        let parameters: Parameters = parameters(&source).unwrap();
        assert_eq!(parameters.samples.get(), 20);
    }

    #[rstest]
    #[case(
        "[parameters]\nsamples = 21\n",
        6,
        "expected a number from 10 to 20, got 21"
    )]
    #[case(
        "[parameters]\nsamples = -1\n",
        6,
        "expected a number from 10 to 20, got -1"
    )]
    #[case("[parameters]\nsamples = \"a\"\n", 6, "invalid type")]
    #[case("[parameters]\nsamples = 10\nother = 1\n", 7, "unknown field `other`")]
    #[case(
        "surplus = 1\n[parameters]\nsamples = 10\n",
        5,
        "unknown field `surplus`"
    )]
    #[case("[parameters]\n", 5, "missing field `samples`")]
    #[case("", 1, "missing field `parameters`")]
    #[case("parameters = [\n", 5, "unclosed array")]
    fn what_is_wrong_is_told_with_its_line(
        #[case] rest: &str,
        #[case] line: usize,
        #[case] message: &str,
    ) {
        let source = file(rest);
        let wrong = parameters::<Parameters>(&source).unwrap_err();
        assert!(wrong.message.contains(message), "{}", wrong.message);
        assert_eq!(source.line_of(wrong.primary.span.start), line, "{wrong:?}");
    }
}
