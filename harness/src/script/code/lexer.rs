//! Tokens of code blocks.

use super::Stop;
use crate::diagnostic::{Diagnostic, code};
use crate::source::{Source, Span, Spanned};

/// One token with its place in the script.
pub(super) type Token = Spanned<Kind>;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Name(String),
    Int(i128),
    Float(f64),
    Text(String),
    /// `f"…"`: what stands between the quotes, as written.
    Format(String),
    /// An operator or bracket, as written.
    Operator(&'static str),
    /// `;` between statements.
    Separator,
    /// A line end outside brackets.
    Line,
    End,
}

/// Operators, the longest first.
const OPERATORS: &[&str] = &[
    "**=", "//=", "<<=", ">>=", "...", "**", "//", "<<", ">>", "<=", ">=", "==", "!=", "+=", "-=",
    "*=", "/=", "%=", "&=", "|=", "^=", "->", ":=", "+", "-", "*", "/", "%", "&", "|", "^", "~",
    "<", ">", "=", "(", ")", "[", "]", "{", "}", ",", ":", ".", "@",
];

pub(super) fn lex(source: &Source, block: &Spanned<String>) -> Result<Vec<Token>, Stop> {
    let text = block.node.as_str();
    let base = block.span.start;
    let mut tokens: Vec<Token> = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let span = |len: usize| Span::new(base + at, base + at + len);
        let (kind, len) = match first {
            ' ' | '\t' | '\r' => {
                at += 1;
                continue;
            }
            '\n' if depth > 0 => {
                at += 1;
                continue;
            }
            '\n' => (Kind::Line, 1),
            ';' => (Kind::Separator, 1),
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            '\\' if rest.starts_with("\\\n") => {
                at += 2;
                continue;
            }
            '"' | '\'' => text_token(source, rest, span(1))?,
            first if first.is_ascii_digit() || (first == '.' && second_is_digit(rest)) => {
                number(source, rest, span)?
            }
            first if first.is_alphabetic() || first == '_' => {
                let len = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(rest.len());
                match rest[len..].starts_with(['"', '\'']) {
                    true if ["f", "F"].contains(&&rest[..len]) => {
                        format_token(source, rest, span(2))?
                    }
                    // Another prefixed string, such as b"…".
                    true => return Err(Stop::Python(span(len))),
                    false => (Kind::Name(rest[..len].to_owned()), len),
                }
            }
            _ => match OPERATORS
                .iter()
                .find(|operator| rest.starts_with(**operator))
            {
                Some(operator) => (Kind::Operator(operator), operator.len()),
                None => {
                    let message = format!("the character `{first}` has no meaning in a code block");
                    return Err(wrong(source, span(first.len_utf8()), message));
                }
            },
        };
        match kind {
            Kind::Operator("(" | "[" | "{") => depth += 1,
            Kind::Operator(")" | "]" | "}") => depth = depth.saturating_sub(1),
            _ => {}
        }
        tokens.push(Spanned::new(kind, span(len)));
        at += len;
    }
    tokens.push(Spanned::new(Kind::End, Span::new(base + at, base + at)));
    Ok(tokens)
}

pub(super) fn wrong(source: &Source, span: Span, message: impl Into<String>) -> Stop {
    Stop::Wrong(Box::new(Diagnostic::error(
        code::CODE_SYNTAX,
        source,
        span,
        message,
    )))
}

fn second_is_digit(rest: &str) -> bool {
    rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit)
}

/// `f"…"`, without quotes or backslashes inside.
fn format_token(source: &Source, rest: &str, open: Span) -> Result<(Kind, usize), Stop> {
    let (kind, len) = text_token(source, &rest[1..], open)?;
    Ok(match kind {
        Kind::Text(text) => (Kind::Format(text), len + 1),
        other => (other, len + 1),
    })
}

fn text_token(source: &Source, rest: &str, open: Span) -> Result<(Kind, usize), Stop> {
    let quote = &rest[..1];
    if rest.starts_with("\"\"\"") || rest.starts_with("'''") {
        return Err(Stop::Python(open));
    }
    let line = rest.find('\n').unwrap_or(rest.len());
    match rest[1..line].find(['\\', rest.as_bytes()[0] as char]) {
        Some(end) if rest[1 + end..].starts_with(quote) => {
            Ok((Kind::Text(rest[1..1 + end].to_owned()), end + 2))
        }
        Some(_) => Err(Stop::Python(open)),
        None => Err(wrong(
            source,
            open,
            "this string is not closed: expected the same quote on its line",
        )),
    }
}

fn number(
    source: &Source,
    rest: &str,
    span: impl Fn(usize) -> Span,
) -> Result<(Kind, usize), Stop> {
    let mut len = 0;
    let mut last = ' ';
    for character in rest.chars() {
        let exponent_sign =
            matches!(character, '+' | '-') && matches!(last, 'e' | 'E') && !rest.starts_with("0x");
        if !(character.is_ascii_alphanumeric()
            || character == '.'
            || character == '_'
            || exponent_sign)
        {
            break;
        }
        last = character;
        len += 1;
    }
    let digits = rest[..len].replace('_', "");
    let radix = |prefix: &str, radix: u32| {
        digits
            .strip_prefix(prefix)
            .and_then(|digits| i128::from_str_radix(digits, radix).ok())
    };
    // What older Pythons took for octal, newer ones refuse.
    let octal = digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit())
        && digits.bytes().any(|digit| digit != b'0');
    let integer = digits
        .parse::<i128>()
        .ok()
        .filter(|_| !octal)
        .or_else(|| radix("0x", 16))
        .or_else(|| radix("0o", 8))
        .or_else(|| radix("0b", 2));
    if let Some(integer) = integer {
        return Ok((Kind::Int(integer), len));
    }
    let plain = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    match digits.parse::<f64>() {
        Ok(float) if plain && !octal && float.is_finite() => Ok((Kind::Float(float), len)),
        _ => Err(wrong(
            source,
            span(len),
            format!("the number `{}` cannot be read", &rest[..len]),
        )),
    }
}
