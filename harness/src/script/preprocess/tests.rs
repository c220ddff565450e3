use super::*;
use crate::diagnostic::code;
use crate::script::lexer;
use crate::script::token::TokenKind;
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
        facts: &Facts::default(),
        ip_version: None,
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
#[case("#ifndef a\nx\n", &[code::DIRECTIVE])]
#[case("#elif defined(a)", &[code::UNBALANCED_DIRECTIVE])]
#[case("#ifdef a\n#else\n#elif defined(b)\n#endif", &[code::UNBALANCED_DIRECTIVE])]
#[case("#if defined(a)\nx\n", &[code::UNCLOSED_IFDEF])]
#[case("#if\nx\n#endif", &[code::CONDITION])]
#[case("#ifdef a\n#elif os == linux\n#endif", &[code::CONDITION_VALUE])]
#[case("# comment, with words", &[code::DIRECTIVE])]
fn directives_must_balance(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(run(text, &[], &[]).1, want);
}

#[rstest]
#[case("1000", TokenKind::Int, "1000")]
#[case("010", TokenKind::Int, "8")]
#[case("0x1c", TokenKind::Int, "28")]
#[case("0XFF", TokenKind::Int, "255")]
#[case("-010", TokenKind::Int, "-8")]
#[case("", TokenKind::Int, "0")]
#[case("0", TokenKind::Int, "0")]
#[case("99999999999999999999", TokenKind::Word, "99999999999999999999")]
#[case("de4f234f0f433a55", TokenKind::Word, "de4f234f0f433a55")]
#[case("0102030405060708", TokenKind::Word, "0102030405060708")]
#[case("0x", TokenKind::Word, "0x")]
#[case("--5", TokenKind::Word, "--5")]
#[case("0.5", TokenKind::Decimal, "0.5")]
#[case("192.0.2.1", TokenKind::Ipv4, "192.0.2.1")]
#[case("(", TokenKind::Word, "(")]
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

#[rstest]
#[case("--define=N=5\nN", "5")]
#[case("--define=N=0xff\nN", "255")]
#[case("--define=\"N=5\"\nN", "5")]
#[case("--define=N=\"a b\"\nN", "a b")]
#[case("--define=N=`true`\nN", "true")]
#[case("--define = N = 7\nN", "7")]
#[case("--define=A=6\n--define=N=A\nN", "6")]
#[case("--define=N=5\n@N", "N")]
fn a_script_defines_in_the_forms_of_both_dialects(#[case] text: &str, #[case] want: &str) {
    let (tokens, said) = run(text, &[], &[]);
    assert_eq!(said, Vec::<&str>::new());
    assert_eq!(tokens.last().map(|(_, text)| text.as_str()), Some(want));
}

#[rstest]
#[case("--mtu=M\n", "--mtu=1400")]
#[case("--mtu = 1500\n", "--mtu=1500")]
#[case("--mtu= M\n", "--mtu=1400")]
#[case("--mtu =M\n", "--mtu=1400")]
#[case("--tolerance_percent=\"M\"\n", "--tolerance_percent=\"M\"")]
#[case("--ip_version=FAMILY\n", "--ip_version=\"ipv4-mapped-ipv6\"")]
#[case("--strict_segments\n= 1", "--strict_segments")]
fn option_lines_are_one_token_with_defines_in_their_values(#[case] text: &str, #[case] want: &str) {
    let defines = [("M", "1400"), ("FAMILY", "\"ipv4-mapped-ipv6\"")];
    assert_eq!(
        run(text, &[], &defines).0[0],
        (TokenKind::Option, want.to_owned())
    );
}

#[rstest]
#[case("#if defined(A)\na\n#elif defined(B)\nb\n#elif defined(C)\nc\n#else\nd\n#endif", &["d"])]
#[case("--define=C=1\n#if defined(A)\na\n#elif defined(B)\nb\n#elif defined(C)\nc\n#else\nd\n#endif", &["--define=C=1", "c"])]
#[case("--define=B=1\n--define=C=1\n#ifdef A\na\n#elif defined(B) // not C\nb\n#elif defined(C)\nc\n#else\nd\n#endif", &["--define=B=1", "--define=C=1", "b"])]
#[case("#if defined(A)\n#if !defined(A)\na\n#else\nb\n#endif\n#elif !defined(A)\nc\n#endif\nd", &["c", "d"])]
#[case("--ip_version=ipv6\n#if ip_version == ipv6\na\n#endif", &["--ip_version=ipv6", "a"])]
#[case("#if ip_version == ipv6\na\n#endif\nb", &["b"])]
fn the_first_branch_that_holds_counts(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(kept(text, &[]), want);
    assert_eq!(run(text, &[], &[]).1, Vec::<&str>::new());
}

#[test]
fn places_stay_those_of_the_file() {
    let source = Source::new("x", "#ifdef a\nb\n#else\nc\n#endif\nX");
    let defines = [("X".to_owned(), "longer".to_owned())];
    let environment = Environment {
        predefined: &[],
        defines: &defines,
        facts: &Facts::default(),
        ip_version: None,
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
