use super::*;
use proptest::prelude::*;
use rstest::rstest;

fn kinds(text: &str) -> Vec<(TokenKind, String)> {
    let lexed = lex(&Source::new("x", text));
    lexed
        .tokens
        .into_iter()
        .map(|token| (token.kind, token.text))
        .collect()
}

fn texts(text: &str) -> Vec<String> {
    let mut texts: Vec<String> = kinds(text).into_iter().map(|(_, text)| text).collect();
    texts.pop();
    texts
}

#[rstest]
#[case("1:1001(1000)", &["1", ":", "1001", "(", "1000", ")"])]
#[case("+.1...0.3", &["+", ".1", "...", "0.3"])]
#[case("0.2~0.4", &["0.2", "~", "0.4"])]
#[case("P.5", &["P", ".5"])]
#[case("S.", &["S", "."])]
#[case("fd00::1 > fd00::2:", &["fd00::1", ">", "fd00::2", ":"])]
#[case("10.1.0.2:", &["10.1.0.2", ":"])]
#[case("1:2:3:4:5:6:7:8", &["1:2:3:4:5:6:7:8"])]
#[case("sequence# present", &["sequence#", "present"])]
#[case("-1 --mtu=1500 x", &["-1", "--mtu=1500", "x"])]
#[case("--define=A=\"b c\" x", &["--define=A=\"b c\"", "x"])]
#[case("00aabb 0x1c 5.", &["00aabb", "0x1c", "5", "."])]
#[case("1.", &["1", "."])]
#[case("a\r\nb // c\r\n/* d */ e", &["a", "b", "e"])]
#[case("\"a\\\"b\" `c`%{ d }%", &["a\\\"b", "c", " d "])]
fn text_splits_into_tokens(#[case] text: &str, #[case] want: &[&str]) {
    assert_eq!(texts(text), want);
}

#[rstest]
#[case("7", TokenKind::Int)]
#[case("-7", TokenKind::Int)]
#[case("0x7f", TokenKind::Hex)]
#[case("0xzz", TokenKind::Word)]
#[case("3s", TokenKind::Word)]
#[case(".5", TokenKind::Decimal)]
#[case("-1.5", TokenKind::Decimal)]
#[case("192.0.2.1", TokenKind::Ipv4)]
#[case("1.2.3", TokenKind::Decimal)]
#[case("::", TokenKind::Ipv6)]
#[case("#ifdef", TokenKind::Ifdef)]
#[case("#elif", TokenKind::Directive)]
#[case("@", TokenKind::Punct('@'))]
#[case("$", TokenKind::Unknown)]
fn the_first_token_has_this_kind(#[case] text: &str, #[case] want: TokenKind) {
    assert_eq!(kinds(text)[0].0, want);
}

#[rstest]
#[case("x /* y", code::UNCLOSED_COMMENT, 2)]
#[case("x \"y\nz", code::UNCLOSED_STRING, 2)]
#[case("x `y", code::UNCLOSED_COMMAND, 2)]
#[case("x %{ y", code::UNCLOSED_CODE, 2)]
fn what_is_not_closed_is_marked_at_its_start(
    #[case] text: &str,
    #[case] id: &str,
    #[case] at: usize,
) {
    let lexed = lex(&Source::new("x", text));
    let found: Vec<_> = lexed
        .diagnostics
        .iter()
        .map(|one| (one.code, one.primary.span.start))
        .collect();
    assert_eq!(found, [(id, at)]);
}

#[test]
fn reading_goes_on_behind_the_line_of_an_unclosed_string() {
    assert_eq!(texts("\"a\nb"), ["a", "b"]);
}

#[test]
fn the_first_token_of_a_line_is_marked() {
    let lexed = lex(&Source::new("x", "a b\n/* c */ d\n"));
    let first: Vec<bool> = lexed
        .tokens
        .iter()
        .map(|token| token.first_on_line)
        .collect();
    assert_eq!(first, [true, false, true, true]);
}

proptest! {
    /// Every byte belongs to one token or one piece of trivia, in order.
    #[test]
    fn nothing_is_lost(text in "[ \\n\"`/*%{}a-z0-9.:#<>-]{0,60}|\\PC{0,40}") {
        let lexed = lex(&Source::new("x", text.clone()));
        let mut pieces: Vec<Span> = lexed.tokens.iter().map(|token| token.span).collect();
        pieces.extend(lexed.trivia.iter().map(|trivia| trivia.span));
        pieces.sort();
        let mut at = 0;
        for piece in pieces {
            prop_assert_eq!(piece.start, at);
            at = piece.end;
        }
        prop_assert_eq!(at, text.len());
    }
}

#[test]
fn a_byte_order_mark_in_front_is_a_blank_and_one_behind_is_not() {
    let lexed = lex(&Source::new("x", "\u{feff}a \u{feff}"));
    let kinds: Vec<TokenKind> = lexed.tokens.iter().map(|token| token.kind).collect();
    assert_eq!(kinds, [TokenKind::Word, TokenKind::Unknown, TokenKind::End]);
    assert!(lexed.tokens[0].first_on_line);
    assert_eq!(lexed.tokens[0].span, Span::new(3, 4));
}
