use super::*;
use rstest::rstest;

fn run(
    text: &str,
    names: &[&str],
    defines: &[(&str, &str)],
) -> (Vec<(TokenKind, String)>, Vec<&'static str>) {
    let source = Source::new("x", text);
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let defines: Vec<(String, String)> = defines
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_string()))
        .collect();
    let mut diagnostics = Vec::new();
    let environment = Environment {
        predefined: &names,
        defines: &defines,
        drop_in: false,
    };
    let tokens = preprocess(
        &source,
        lexer::lex(&source).tokens,
        environment,
        &mut diagnostics,
    );
    let mut tokens: Vec<_> = tokens
        .into_iter()
        .map(|token| (token.kind, token.text))
        .collect();
    tokens.pop();
    (tokens, diagnostics.iter().map(|one| one.code).collect())
}

fn kept(text: &str, names: &[&str]) -> Vec<String> {
    run(text, names, &[])
        .0
        .into_iter()
        .map(|(_, text)| text)
        .collect()
}

#[rstest]
#[case(&["linux"], &["a", "b", "e"])]
#[case(&["linux", "old"], &["a", "c", "e"])]
#[case(&["reference"], &["a", "d", "e"])]
#[case(&["reference", "old"], &["a", "d", "e"])]
fn branches_nest(#[case] names: &[&str], #[case] want: &[&str]) {
    let text = "a\n#ifdef linux\n#ifdef old\nc\n#else\nb\n#endif\n#else\nd\n#endif\ne\n";
    assert_eq!(kept(text, names), want);
}

#[test]
fn a_define_of_the_command_line_counts_for_ifdef() {
    assert_eq!(run("#ifdef X\na\n#endif", &[], &[("X", "1")]).0.len(), 1);
}

#[rstest]
#[case("#else", &[code::UNBALANCED_DIRECTIVE])]
#[case("#endif", &[code::UNBALANCED_DIRECTIVE])]
#[case("#ifdef a\n#else\n#else\n#endif", &[code::UNBALANCED_DIRECTIVE])]
#[case("#ifdef a\n#ifdef b\n#endif", &[code::UNCLOSED_IFDEF])]
#[case("#ifdef\nx\n#endif", &[code::DIRECTIVE])]
#[case("# comment, with words", &[code::DIRECTIVE])]
fn directives_must_balance(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(run(text, &[], &[]).1, want);
}

#[rstest]
#[case("1000", TokenKind::Int, "1000")]
#[case("010", TokenKind::Int, "8")]
#[case("0x1c", TokenKind::Hex, "0x1c")]
#[case("AF_INET", TokenKind::Word, "AF_INET")]
#[case("\"a b\"", TokenKind::Text, "a b")]
#[case("`true`", TokenKind::Command, "true")]
#[case("two words", TokenKind::Word, "two words")]
fn a_defined_word_becomes_one_token(
    #[case] value: &str,
    #[case] kind: TokenKind,
    #[case] text: &str,
) {
    let (tokens, _) = run("a X X2 \"X\" `X`", &[], &[("X", value)]);
    assert_eq!(tokens[1], (kind, text.to_owned()));
    let rest: Vec<&str> = tokens[2..].iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(rest, ["X2", "X", "X"]);
}

#[test]
fn the_command_line_wins_over_the_script_and_keywords_over_both() {
    let (tokens, _) = run(
        "--define=A=1\n--define=B=2\nA B ack",
        &[],
        &[("A", "9"), ("ack", "7")],
    );
    let words: Vec<&str> = tokens[2..].iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(words, ["9", "2", "ack"]);
}

#[test]
fn places_stay_those_of_the_file() {
    let source = Source::new("x", "#ifdef a\nb\n#else\nc\n#endif\nX");
    let defines = [("X".to_owned(), "longer".to_owned())];
    let environment = Environment {
        predefined: &[],
        defines: &defines,
        drop_in: false,
    };
    let tokens = preprocess(
        &source,
        lexer::lex(&source).tokens,
        environment,
        &mut Vec::new(),
    );
    let lines: Vec<usize> = tokens
        .iter()
        .map(|token| source.line_of(token.span.start))
        .collect();
    assert_eq!(lines, [4, 6, 6]);
}
