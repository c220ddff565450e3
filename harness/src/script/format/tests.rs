use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::select;
use rstest::rstest;

use super::*;
use crate::program::Program;
use crate::script::{LoadContext, load};

fn formatted(text: &str) -> String {
    format(&Source::new("x.pkt", text)).unwrap_or_else(|problem| panic!("{problem:?} in\n{text}"))
}

#[rstest]
#[case::signs_at_the_left(
    " 0  close(3)=0\n  +0 close(4) = 0\n+.5   close(5) = 0\n",
    " 0 close(3)=0\n+0 close(4) = 0\n+.5 close(5) = 0\n"
)]
#[case::times_end_in_a_column(
    "    0 close(3) = 0\n   +0 close(4) = 0\n+.1 close(5) = 0\n  +.1 close(6) = 0\n",
    "    0 close(3) = 0\n   +0 close(4) = 0\n  +.1 close(5) = 0\n  +.1 close(6) = 0\n"
)]
#[case::the_first_of_two_times_counts(
    "    0 close(3) = 0\n   +0 close(4) = 0\n   +0 close(5) = 0\n+.1 ~ +.2 > . 1:1(0) ack 1\n+0 ... .5 read(4, ..., 1) = 0\n",
    "    0 close(3) = 0\n   +0 close(4) = 0\n   +0 close(5) = 0\n  +.1~+.2 > . 1:1(0) ack 1\n   +0... .5 read(4, ..., 1) = 0\n"
)]
#[case::absolute_times_alone(
    "0 close(3) = 0\n1.5  close(4) = 0\n",
    "0 close(3) = 0\n1.5 close(4) = 0\n"
)]
#[case::one_event_a_line(
    "0 close(3) = 0 +0 close(4) = 0 +1 < . 1:1(0) ack 1 win 5 <nop,nop> * > . 1:1(0) ack 1\n",
    "0 close(3) = 0\n+0 close(4) = 0\n+1 < . 1:1(0) ack 1 win 5 <nop,nop>\n* > . 1:1(0) ack 1\n"
)]
#[case::open_values_are_no_times(
    "0 > S. *:*(0) ack 1 urg * <mss *,sackOK,wscale *>\n+0 > . *:*(0) ack * <TS val * ecr *>\n+0 > . 1:1(0) ack 1 <sack 1:*>\n+0 > . 1:1(0) ack 1 <gen-30 *>\n+0 > . 1:1(0) ack 1 <exp-f989 *>\n",
    "0 > S. *:*(0) ack 1 urg * <mss *,sackOK,wscale *>\n+0 > . *:*(0) ack * <TS val * ecr *>\n+0 > . 1:1(0) ack 1 <sack 1:*>\n+0 > . 1:1(0) ack 1 <gen-30 *>\n+0 > . 1:1(0) ack 1 <exp-f989 *>\n"
)]
#[case::ports_are_no_time("+0 < 8080 > 80 S 0:0(0) win 5\n", "+0 < 8080 > 80 S 0:0(0) win 5\n")]
#[case::commas_and_brackets(
    "0 f( 3 ,4,[ {fd=3,events=1} ] ) = 0\n+0 < S 0:0(0) win 5 <mss 1,nop, nop>\n",
    "0 f(3, 4, [{fd=3, events=1}]) = 0\n+0 < S 0:0(0) win 5 <mss 1,nop, nop>\n"
)]
#[case::lines_go_on_below_their_bracket(
    "0 f(3,\n{a=1,\nb=2},\n4\n) = 0\n+0 < S 0:0(0) win 5\n<mss 1>\n+0 f(\n3,\n4\n) = 0\n",
    "0 f(3,\n    {a=1,\n     b=2},\n    4\n   ) = 0\n+0 < S 0:0(0) win 5\n       <mss 1>\n+0 f(\n    3,\n    4\n) = 0\n"
)]
#[case::blank_lines(
    "\n\n0 close(3) = 0\n\n\n\n+0 close(4) = 0\n\n\n",
    "0 close(3) = 0\n\n+0 close(4) = 0\n"
)]
#[case::comments_stay(
    "// top\n\n// second  \n0 close(3) = 0   // behind\n  // indented\n/* a\n b */\n+0 /* in */ close(4) = 0 // last",
    "// top\n\n// second\n0 close(3) = 0   // behind\n  // indented\n/* a\n b */\n+0 /* in */ close(4) = 0 // last\n"
)]
#[case::comments_within_a_call(
    "0 f(3, // three\n4, /* four */ 5,\n// alone\n6) = 0\n",
    "0 f(3, // three\n    4, /* four */ 5,\n    // alone\n    6) = 0\n"
)]
#[case::directives(
    "#ifdef   linux // why\n+0 close(3) = 0 #else\n  +1 close(3) = 0\n   #endif\n",
    "#ifdef linux // why\n+0 close(3) = 0\n#else\n+1 close(3) = 0\n#endif\n"
)]
#[case::a_condition_within_a_packet(
    "+0 > S. 0:0(0) ack 1\n#ifdef linux\n<mss 1>\n#else\n<...>\n#endif\n",
    "+0 > S. 0:0(0) ack 1\n#ifdef linux\n       <mss 1>\n#else\n       <...>\n#endif\n"
)]
#[case::verbatim(
    "  --mtu=1500\n  `a   b\n   c`\n0   %{ assert  x\n   y }%\n+0\n`d  e`\n  `f`\n",
    "--mtu=1500\n`a   b\n   c`\n0 %{ assert  x\n   y }%\n+0\n       `d  e`\n`f`\n"
)]
#[case::line_ends_are_kept(
    "0 close(3) = 0\r\n\r\n+0  close(4) = 0\r\n",
    "0 close(3) = 0\r\n\r\n+0 close(4) = 0\r\n"
)]
#[case::nothing(" \n\n", "")]
fn scripts_are_laid_out(#[case] text: &str, #[case] want: &str) {
    assert_eq!(formatted(text), want);
    assert_eq!(formatted(want), want, "again");
}

#[test]
fn a_long_call_is_broken_at_a_comma_and_its_result_is_not() {
    let text = "+0 sendmsg(4, {msg_name(...)=..., msg_iov(2)=[{..., 1000}, {..., 2000}], msg_flags=0}, MSG_DONTWAIT|MSG_ZEROCOPY) = -1 EINPROGRESS (Operation now in progress)\n";
    insta::assert_snapshot!(formatted(text));
}

#[test]
fn what_is_not_closed_is_not_laid_out() {
    for text in ["0 f(\"a\n", "0 `a\n", "/* a", "0 %{ a"] {
        let outcome = format(&Source::new("x.pkt", text));
        assert!(matches!(outcome, Err(FormatError::Unclosed(_))), "{text}");
    }
}

fn bundled() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance-cases");
    let syntax = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/syntax");
    let mut folders = vec![PathBuf::from(cases), PathBuf::from(syntax)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "pkt") {
                let text = std::fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// What a program says, places left out.
fn meaning(text: &str) -> Option<String> {
    let context = LoadContext {
        predefined: vec!["linux".to_string()],
        ..LoadContext::default()
    };
    let Program {
        header,
        options,
        init,
        steps,
        cleanup,
        needs,
        ..
    } = load(&Source::new("x.pkt", text), &context).ok()?;
    let all = format!("{header:?} {options:?} {init:?} {steps:?} {cleanup:?} {needs:?}");
    let mut said = String::new();
    for part in all.split("Span {") {
        let rest = part.split_once('}').map_or(part, |(_, rest)| rest);
        said.push_str(if said.is_empty() { part } else { rest });
    }
    Some(said)
}

#[test]
fn bundled_scripts_are_laid_out_already_or_say_the_same_when_they_are() {
    for (path, text) in bundled() {
        let source = Source::new("x.pkt", text.as_str());
        if !lexer::lex(&source).diagnostics.is_empty() {
            continue;
        }
        let laid_out = formatted(&text);
        assert_eq!(formatted(&laid_out), laid_out, "{}", path.display());
        assert_eq!(meaning(&laid_out), meaning(&text), "{}", path.display());
        if path.to_string_lossy().contains("conformance-cases") {
            assert_eq!(laid_out, text, "run `tcpdrill fmt {}`", path.display());
            assert!(meaning(&text).is_some());
        }
    }
}

/// Parts of scripts and blanks between them, put together at random.
const PARTS: &[&str] = &[
    "0",
    "+0",
    "+.1",
    "*",
    "~",
    "...",
    "+",
    "1",
    "<",
    ">",
    "S.",
    "1:1(0)",
    "ack 1",
    "win 5",
    "<mss 1,nop>",
    "close(3) = 0",
    "f(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    "= 0",
    "`true`",
    "`a\n b`",
    "%{ x\n}%",
    "\"a\"",
    "--mtu=1500",
    "#ifdef linux",
    "#else",
    "#endif",
    "#x y",
    "/* c */",
    "/* a\n b */",
    "// c\n",
    "//",
    "word",
    "192.0.2.1",
    "fd00::1",
    "8080",
    "|",
    "\u{fc}",
    "$",
];

const GAPS: &[&str] = &["", " ", "  ", "\n", "\n\n\n", "\t", "\r\n", " \n   "];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the text: the outcome says the same, or there is none; and it stays as it is.
    #[test]
    fn laying_out_keeps_the_meaning_and_is_done_in_one_go(
        parts in prop::collection::vec((select(PARTS), select(GAPS)), 0..40),
    ) {
        let text: String = parts.iter().flat_map(|(part, gap)| [*part, *gap]).collect();
        let source = Source::new("x.pkt", text);
        if let Ok(once) = format(&source) {
            prop_assert_eq!(meaning(&once), meaning(source.text()));
            let twice = format(&Source::new("x.pkt", once.as_str()));
            prop_assert_eq!(twice.ok(), Some(once));
        } else {
            prop_assert!(!lexer::lex(&source).diagnostics.is_empty(), "refused: {:?}", source.text());
        }
    }

    /// The same for whole scripts whose blanks were shaken.
    #[test]
    fn shaken_scripts_are_put_in_order(
        (_, text) in select(bundled()),
        shakes in prop::collection::vec((any::<prop::sample::Index>(), select(GAPS)), 0..20),
    ) {
        let lexed = lexer::lex(&Source::new("x.pkt", text.as_str()));
        prop_assume!(lexed.diagnostics.is_empty());
        let mut blanks: Vec<_> = lexed.trivia.iter().filter(|one| one.kind == TriviaKind::Blank).map(|one| one.span).collect();
        let mut shaken = text;
        let mut chosen: Vec<(usize, &str)> = shakes.iter().filter(|_| !blanks.is_empty()).map(|(at, gap)| (at.index(blanks.len()), *gap)).collect();
        chosen.sort_unstable();
        chosen.dedup_by_key(|(at, _)| *at);
        for (at, gap) in chosen.into_iter().rev() {
            let span = blanks.swap_remove(at);
            let gap = if gap.is_empty() { " " } else { gap };
            shaken.replace_range(span.start..span.end, gap);
        }
        let source = Source::new("x.pkt", shaken);
        if let Ok(once) = format(&source) {
            prop_assert_eq!(meaning(&once), meaning(source.text()));
            let twice = format(&Source::new("x.pkt", once.as_str()));
            prop_assert_eq!(twice.ok(), Some(once));
        }
    }
}
