//! Tokens of a script: what they are, where they stand, what they say.

use std::fmt;

use crate::source::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Letters, digits and underscores; also `sequence#`, digit runs with letters in them, and
    /// `gen-N` and `exp-N`.
    Word,
    /// A decimal integer, perhaps with a leading `-`.
    Int,
    /// `0x…`
    Hex,
    /// A number with at least one digit after its point.
    Decimal,
    /// `"…"`, the text without the quotes, escapes still in place.
    Text,
    /// `` `…` ``, the text without the quotes.
    Command,
    /// `%{ … }%`, the text between the marks.
    Code,
    /// A dotted IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A whole option line: `--name` or `--name=value`.
    Option,
    /// `#ifdef`
    Ifdef,
    /// `#else`
    Else,
    /// `#endif`
    Endif,
    /// Another `#…`.
    Directive,
    /// `...`
    Ellipsis,
    /// `..`
    Range,
    /// A punctuation character the language knows.
    Punct(char),
    /// A character the language does not know.
    Unknown,
    /// The end of the file.
    End,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands.
    pub span: Span,
    /// Its text: the contents for quoted forms, else as written (or as defined by `-D`).
    pub text: String,
    /// Whether nothing but blanks and comments stands before it on its line.
    pub first_on_line: bool,
    /// Which of [`super::lexer::Lexed::trivia`] stand between the token before and this one.
    pub trivia: (usize, usize),
}

impl Token {
    /// Whether this is the punctuation character `mark`.
    pub fn is(&self, mark: char) -> bool {
        self.kind == TokenKind::Punct(mark)
    }

    /// Whether this is the word `word`.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text == word
    }
}

impl fmt::Display for Token {
    /// How messages call this token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TokenKind::Text => f.write_str("a string"),
            TokenKind::Command => f.write_str("a back-quoted command"),
            TokenKind::Code => f.write_str("a code block"),
            TokenKind::End => f.write_str("the end of the file"),
            _ => write!(f, "`{}`", self.text),
        }
    }
}

/// What stands between tokens and has no meaning to the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriviaKind {
    /// Spaces, tabs, line ends.
    Blank,
    /// `// …` without its line end.
    LineComment,
    /// `/* … */`
    BlockComment,
}

/// One piece of trivia.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trivia {
    /// What it is.
    pub kind: TriviaKind,
    /// Where it stands.
    pub span: Span,
}
