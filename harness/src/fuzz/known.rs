//! Deviations of a stack that were looked at: a list in TOML, `known/STACK.toml`.
//!
//! ```toml
//! [[known]]
//! id = "reset-anywhere-in-the-window"
//! verdict = "theirs"             # or "allowed": the documents leave it open
//! why = "One or two sentences, in our own words."
//! oracle = "specification"
//! # All of what stands here has to hold; of each list one is enough.
//! rules = ["RFC5961-3"]          # rules that the violation names
//! places = ["3.10.7.4 second"]   # rows of the specification's table that decided
//! states = ["ESTABLISHED"]       # where the connection was
//! segment = ["RST", "SYN-ACK"]   # flags of the segment that was answered: these, and those behind a minus not
//! seq = ["inside", "over"]     # where SEG.SEQ lies: see `Numbers`
//! ack = ["old"]                 # and SEG.ACK
//! marks = ["edge"]              # what else is special about it: see `Judged`
//! text = true                   # it has text
//! timestamps = true             # timestamps were agreed on
//! unsent = true                 # some of what was written was never sent
//! mss = [0]                     # the MSS that it tells
//! message = "*nothing is sent"   # what was found; `*` stands for anything
//! ```
//!
//! With `quiet` an entry is for what does not show at once: the segment goes another way than the model, and what is
//! sent in answer does not tell. `quiet = "unanswered"` is for segments to which nothing was sent, `quiet = "always"`
//! for any.
//!
//! The first entry that explains a violation counts. It ends the input, since the model no longer follows what
//! the stack does; whatever no entry explains is a finding.

use serde::Deserialize;

use super::input::Setup;
use super::oracle::{Oracle, Violation};
use super::packet::{ACK, FIN, PSH, RST, SYN, URG};
use crate::suite::Pattern;

/// Who is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// The stack departs from the documents.
    Theirs,
    /// The documents leave it open.
    Allowed,
}

/// When what does not show is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Quiet {
    /// If nothing was sent at once in answer.
    Unanswered,
    /// Whatever was sent.
    Always,
}

/// One entry, as it is written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    verdict: Judgement,
    why: String,
    oracle: String,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    places: Vec<String>,
    #[serde(default)]
    states: Vec<String>,
    #[serde(default)]
    segment: Vec<String>,
    #[serde(default)]
    seq: Vec<String>,
    #[serde(default)]
    ack: Vec<String>,
    #[serde(default)]
    marks: Vec<String>,
    text: Option<bool>,
    timestamps: Option<bool>,
    unsent: Option<bool>,
    #[serde(default)]
    mss: Vec<u16>,
    quiet: Option<Quiet>,
    message: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    known: Vec<Written>,
}

/// Flags that are set, and flags that are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Flags {
    set: u8,
    clear: u8,
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub id: String,
    /// Who is right.
    pub judgement: Judgement,
    /// Why.
    pub why: String,
    oracle: Oracle,
    rules: Vec<String>,
    places: Vec<String>,
    states: Vec<String>,
    segment: Vec<Flags>,
    seq: Vec<String>,
    ack: Vec<String>,
    marks: Vec<String>,
    text: Option<bool>,
    timestamps: Option<bool>,
    unsent: Option<bool>,
    mss: Vec<u16>,
    quiet: Option<Quiet>,
    message: Option<Pattern>,
}

/// The list of one stack.
#[derive(Clone, Debug, Default)]
pub struct Known {
    entries: Vec<Entry>,
}

impl Known {
    /// Reads a list.
    ///
    /// # Errors
    /// If it is not TOML of this form, an id stands there twice, a reason is missing, or a name is not known.
    pub fn read(name: &str, text: &str) -> Result<Known, String> {
        let file: File = toml::from_str(text).map_err(|problem| format!("{name}: {problem}"))?;
        let mut entries: Vec<Entry> = Vec::with_capacity(file.known.len());
        for written in file.known {
            let id = written.id.clone();
            if entries.iter().any(|entry| entry.id == id) {
                return Err(format!("{name}: {id} is listed twice"));
            }
            let entry = Entry::of(written).map_err(|problem| format!("{name}: {id}: {problem}"))?;
            entries.push(entry);
        }
        Ok(Known { entries })
    }

    /// The entries, in their order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether any of them is for what does not show at once.
    pub(super) fn has_quiet(&self) -> bool {
        self.entries.iter().any(|entry| entry.quiet.is_some())
    }

    /// Whether one of those explains this; `answered`: something was sent.
    pub(super) fn explains_quietly(
        &self,
        violation: &Violation,
        setup: &Setup,
        answered: bool,
    ) -> bool {
        let explains = |entry: &Entry| {
            let is_meant = match entry.quiet {
                None => false,
                Some(Quiet::Unanswered) => !answered,
                Some(Quiet::Always) => true,
            };
            is_meant && entry.explains(violation, setup)
        };
        self.entries.iter().any(explains)
    }

    /// The place of the first entry that explains this, found in a run that was set up like that.
    pub fn explains(&self, violation: &Violation, setup: &Setup) -> Option<usize> {
        let explains = |entry: &Entry| entry.explains(violation, setup);
        self.entries.iter().position(explains)
    }
}

impl Entry {
    fn of(written: Written) -> Result<Entry, String> {
        let oracle = Oracle::ALL
            .into_iter()
            .find(|oracle| oracle.name() == written.oracle)
            .ok_or_else(|| format!("there is no oracle `{}`", written.oracle))?;
        if written.why.trim().is_empty() {
            return Err("it does not say why".to_owned());
        }
        let segment: Result<Vec<Flags>, String> =
            written.segment.iter().map(|text| flags(text)).collect();
        Ok(Entry {
            id: written.id,
            judgement: written.verdict,
            why: written.why,
            oracle,
            rules: written.rules,
            places: written.places,
            states: written.states,
            segment: segment?,
            seq: written.seq,
            ack: written.ack,
            marks: written.marks,
            text: written.text,
            timestamps: written.timestamps,
            unsent: written.unsent,
            mss: written.mss,
            quiet: written.quiet,
            message: written.message.as_deref().map(Pattern::new),
        })
    }

    /// Whether this is what the entry tells of.
    fn explains(&self, violation: &Violation, setup: &Setup) -> bool {
        let cause = violation.cause.as_deref();
        let has_rule = |rule: &String| violation.rules.contains(&rule.as_str());
        let decided =
            |place: &String| cause.is_some_and(|cause| cause.places.contains(&place.as_str()));
        let was_in = |state: &String| cause.is_some_and(|cause| cause.state == state);
        let has_flags = |flags: &Flags| {
            cause.is_some_and(|cause| {
                cause.flags & flags.set == flags.set && cause.flags & flags.clear == 0
            })
        };
        let has_seq = |seq: &String| cause.is_some_and(|cause| cause.place.seq == seq);
        let has_mark =
            |mark: &String| cause.is_some_and(|cause| cause.marks.contains(&mark.as_str()));
        let has_ack = |ack: &String| cause.is_some_and(|cause| cause.place.ack == ack);
        self.oracle == violation.oracle
            && one_of(&self.rules, has_rule)
            && one_of(&self.places, decided)
            && one_of(&self.states, was_in)
            && one_of(&self.segment, has_flags)
            && one_of(&self.seq, has_seq)
            && one_of(&self.ack, has_ack)
            && one_of(&self.marks, has_mark)
            && (self.text).is_none_or(|has| cause.is_some_and(|cause| cause.text == has))
            && (self.timestamps).is_none_or(|has| violation.circumstances.timestamps == has)
            && (self.unsent).is_none_or(|has| violation.circumstances.unsent == has)
            && one_of(&self.mss, |mss| setup.mss == Some(*mss))
            && (self.message.as_ref()).is_none_or(|pattern| pattern.takes(&violation.message))
    }
}

/// Nothing is asked, or one of these holds.
fn one_of<T>(all: &[T], holds: impl FnMut(&T) -> bool) -> bool {
    all.is_empty() || all.iter().any(holds)
}

/// Reads `SYN+FIN-ACK`: the flags that are set, and after a minus those that are not.
fn flags(text: &str) -> Result<Flags, String> {
    let mut flags = Flags { set: 0, clear: 0 };
    let mut rest = text;
    let mut is_set = true;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let names = [
            ("FIN", FIN),
            ("SYN", SYN),
            ("RST", RST),
            ("PSH", PSH),
            ("ACK", ACK),
            ("URG", URG),
        ];
        match names.iter().find(|(known, _)| *known == name) {
            Some((_, flag)) if is_set => flags.set |= flag,
            Some((_, flag)) => flags.clear |= flag,
            // A minus may come first.
            None if name.is_empty() && rest.len() == text.len() => {}
            None => return Err(format!("`{text}`: there is no flag `{name}`")),
        }
        let Some(sign) = behind.chars().next() else {
            return Ok(flags);
        };
        is_set = sign == '+';
        rest = &behind[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::oracle::{Circumstances, Judged, Numbers};
    use rstest::rstest;

    const ENTRY: &str = r#"
        [[known]]
        id = "one"
        verdict = "theirs"
        why = "So it is."
        oracle = "specification"
        "#;

    fn violation() -> Violation {
        Violation {
            cause: Some(Box::new(Judged {
                state: "ESTABLISHED",
                flags: SYN | ACK,
                text: false,
                place: Numbers {
                    seq: "inside",
                    ack: "una",
                },
                places: vec!["3.10.7.4 fourth"],
                marks: vec!["edge"],
            })),
            circumstances: Circumstances {
                timestamps: true,
                unsent: false,
            },
            ..Violation::of_rules(
                Oracle::Specification,
                &["RFC5961-6"],
                "in X: nothing is sent",
            )
        }
    }

    #[rstest]
    #[case("", true)]
    #[case(r#"rules = ["RFC5961-7", "RFC5961-6"]"#, true)]
    #[case(r#"rules = ["RFC5961-7"]"#, false)]
    #[case(r#"places = ["3.10.7.4 fourth"]"#, true)]
    #[case(r#"places = ["3.10.7.4 fifth"]"#, false)]
    #[case(r#"states = ["ESTABLISHED"]"#, true)]
    #[case(r#"states = ["LISTEN"]"#, false)]
    #[case(r#"segment = ["RST", "SYN"]"#, true)]
    #[case(r#"segment = ["SYN-ACK"]"#, false)]
    #[case(r#"segment = ["-RST"]"#, true)]
    #[case(r#"seq = ["old", "inside"]"#, true)]
    #[case(r#"seq = ["old"]"#, false)]
    #[case(r#"ack = ["una"]"#, true)]
    #[case(r#"ack = ["new"]"#, false)]
    #[case(r#"marks = ["taken", "edge"]"#, true)]
    #[case(r#"marks = ["taken"]"#, false)]
    #[case("text = false", true)]
    #[case("text = true", false)]
    #[case("timestamps = true", true)]
    #[case("timestamps = false", false)]
    #[case("unsent = true", false)]
    #[case("mss = [0, 1460]", true)]
    #[case("mss = [0]", false)]
    #[case(r#"message = "*nothing is sent""#, true)]
    #[case(r#"message = "nothing is sent""#, false)]
    #[case("rules = [\"RFC5961-6\"]\nstates = [\"LISTEN\"]", false)]
    fn all_that_is_asked_has_to_hold(#[case] more: &str, #[case] expected: bool) {
        let known = Known::read("list", &format!("{ENTRY}{more}")).unwrap();
        assert_eq!(
            known.explains(&violation(), &Setup::default()).is_some(),
            expected
        );
    }

    #[test]
    fn another_oracle_is_another_thing_and_so_is_one_without_a_segment() {
        let known = Known::read("list", &format!("{ENTRY}segment = [\"SYN\"]")).unwrap();
        let other = Violation {
            oracle: Oracle::Outgoing,
            ..violation()
        };
        assert_eq!(known.explains(&other, &Setup::default()), None);
        let without = Violation {
            cause: None,
            ..violation()
        };
        assert_eq!(known.explains(&without, &Setup::default()), None);
    }

    #[rstest]
    #[case("oracle = \"specification\"", "oracle = \"none\"", "no oracle `none`")]
    #[case("why = \"So it is.\"", "why = \" \"", "one: it does not say why")]
    #[case("\"theirs\"", "\"ours\"", "unknown variant `ours`")]
    fn a_wrong_list_is_refused(#[case] right: &str, #[case] wrong: &str, #[case] says: &str) {
        let problem = Known::read("list", &ENTRY.replace(right, wrong)).unwrap_err();
        assert!(problem.contains(says), "{problem}");
    }

    #[test]
    fn an_id_stands_once_and_a_flag_has_a_name() {
        let problem = Known::read("list", &format!("{ENTRY}{ENTRY}")).unwrap_err();
        assert_eq!(problem, "list: one is listed twice");
        let problem = Known::read("list", &format!("{ENTRY}segment = [\"SYN+XXX\"]")).unwrap_err();
        assert_eq!(problem, "list: one: `SYN+XXX`: there is no flag `XXX`");
    }
}
