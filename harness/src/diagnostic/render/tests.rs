use super::*;
use crate::diagnostic::code;
use crate::source::Source;

fn sample() -> Diagnostic {
    let source = Source::new(
        "case.pkt",
        "0 bind(3, ..., ...) = 0\r\n+0 lisen(3, 1) = 0\r\n",
    );
    Diagnostic::error(
        code::CALL_NAME,
        &source,
        Span::new(28, 33),
        "unknown system call `lisen`",
    )
    .label("here")
    .also(Span::new(2, 6), "after this")
    .note("calls are listed in docs/language.md")
    .help("did you mean `listen`?")
}

#[test]
fn message_place_labels_note_and_help_are_shown() {
    insta::assert_snapshot!(render(&sample(), Color::Never), @r"
    error[C003]: unknown system call `lisen`
     --> case.pkt:2:4
      |
    1 | 0 bind(3, ..., ...) = 0
      |   ---- after this
    2 | +0 lisen(3, 1) = 0
      |    ^^^^^ here
      |
      = note: calls are listed in docs/language.md
      = help: did you mean `listen`?
    ");
}

#[test]
fn warnings_say_so_and_several_are_set_apart() {
    let shown = render_all(&[sample().warning(), sample()], Color::Never);
    assert!(shown.starts_with("warning[C003]"));
    assert!(shown.contains("\n\nerror[C003]"));
    assert!(shown.ends_with('\n'));
    assert_eq!(render_all(&[], Color::Never), "");
}

#[test]
fn colours_come_only_when_asked_for() {
    assert!(!render(&sample(), Color::Never).contains('\u{1b}'));
    assert!(render(&sample(), Color::Always).contains('\u{1b}'));
}

#[test]
fn control_characters_of_a_script_do_not_reach_the_terminal() {
    let source = Source::new("x\u{1b}[2J", "0 \u{1b}[31m(3) = 0\n");
    let diagnostic = Diagnostic::error(
        code::UNEXPECTED,
        &source,
        Span::new(2, 3),
        "found \u{1b}[31m",
    );
    assert!(!render(&diagnostic, Color::Never).contains('\u{1b}'));
}

#[test]
fn no_more_of_the_file_is_looked_at_than_is_shown() {
    let text = "0 close(3) = 0\n".repeat(3000) + "+0 lisen(3, 1) = 0\n+0 x\n";
    let source = Source::new("long.pkt", text.as_str());
    let start = text.find("lisen").unwrap();
    let found = Diagnostic::error(code::CALL_NAME, &source, Span::new(start, start + 5), "m")
        .also(Span::new(start + 16, start + 18), "and here");
    assert_eq!(source.slice(window(&found)), "+0 lisen(3, 1) = 0\n+0 x\n");
    insta::assert_snapshot!(render(&found, Color::Never), @r"
    error[C003]: m
        --> long.pkt:3001:4
         |
    3001 | +0 lisen(3, 1) = 0
         |    ^^^^^
    3002 | +0 x
         | -- and here
    ");
}

#[test]
fn control_characters_are_shown_as_escapes() {
    assert_eq!(
        clean("a\0b\x1b[2J\u{9b}\u{fc}\nd"),
        "a\\0b\\u{1b}[2J\\u{9b}\u{fc} d"
    );
}

#[test]
fn spans_off_the_text_or_inside_a_character_are_cut_to_fit() {
    let source = Source::new("x", "a\u{fc}b");
    for (start, end) in [(0, 2), (2, 2), (2, 9), (9, 12), (3, 1)] {
        let diagnostic = Diagnostic::error(code::UNEXPECTED, &source, Span::new(start, end), "m");
        assert!(render(&diagnostic, Color::Never).contains("error[S005]: m"));
    }
}
