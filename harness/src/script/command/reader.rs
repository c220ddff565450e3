//! The shell's grammar as far as simple commands go.

use super::{Action, Join, PID, Statement, arithmetic, tool};

/// A word after the shell's expansions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Some of it was quoted.
    quoted: bool,
    /// The shell would make more of it than we do: a variable, a pattern.
    expands: bool,
}

/// A redirection: descriptor, operator, where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    pub(super) fd: u8,
    pub(super) operator: &'static str,
    pub(super) target: Word,
}

/// One simple command before its meaning is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Simple {
    pub(super) words: Vec<Word>,
    pub(super) redirects: Vec<Redirect>,
}

/// Words that the shell does not look up, and commands that change the shell itself.
const SHELLS_OWN: &[&str] = &[
    "!", ".", "[[", "alias", "bg", "break", "builtin", "case", "cd", "command", "continue",
    "declare", "do", "done", "elif", "else", "esac", "eval", "exec", "exit", "export", "fg", "fi",
    "for", "function", "getopts", "hash", "if", "in", "jobs", "let", "local", "popd", "pushd",
    "read", "readonly", "return", "select", "set", "shift", "shopt", "source", "then", "time",
    "times", "trap", "typeset", "ulimit", "umask", "unalias", "unset", "until", "wait", "while",
    "{", "}",
];

pub(super) fn read(text: &str) -> Option<Vec<Statement>> {
    statements(text, false)
}

pub(super) fn read_as_bash(text: &str) -> Option<Vec<Statement>> {
    statements(text, true)
}

fn statements(text: &str, bash: bool) -> Option<Vec<Statement>> {
    let mut reader = Reader { text, at: 0, bash };
    let mut statements = Vec::new();
    let mut join = Join::Always;
    loop {
        reader.skip_lines();
        if reader.at == text.len() {
            return (join == Join::Always).then_some(statements);
        }
        let start = reader.at;
        let mut parts = vec![reader.simple()?];
        while reader.pipe() {
            reader.skip_lines();
            parts.push(reader.simple()?);
        }
        let statement = statement(join, parts, text[start..reader.at].trim())?;
        statements.push(statement);
        join = reader.separator()?;
    }
}

fn statement(join: Join, parts: Vec<Simple>, text: &str) -> Option<Statement> {
    for part in &parts {
        let first = part.words.first()?;
        let name = first.text.split('=').next().unwrap_or_default();
        let is_assignment = first.text.contains('=')
            && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !first.quoted && (SHELLS_OWN.contains(&first.text.as_str()) || is_assignment) {
            return None;
        }
    }
    let shell = || Statement {
        join,
        action: Action::Shell,
        text: text.to_owned(),
        silent: (false, false),
    };
    let [simple] = parts.as_slice() else {
        return Some(shell());
    };
    let expands = simple
        .words
        .iter()
        .chain(simple.redirects.iter().map(|redirect| &redirect.target))
        .any(|word| word.expands);
    if expands {
        return Some(shell());
    }
    let Some((tool, silent)) = tool::read(simple) else {
        return Some(shell());
    };
    Some(Statement {
        join,
        action: Action::Tool(tool),
        text: text.to_owned(),
        silent,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// `&>` sends both outputs to a file.
    bash: bool,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// Blanks, joined lines and comments.
    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
            self.at += blank;
            if self.rest().starts_with('#') {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
            if !self.eat("\\\n") && !self.eat("\\\r\n") {
                return;
            }
        }
    }

    /// Empty lines.
    fn skip_lines(&mut self) {
        loop {
            self.skip_blanks();
            if !self.eat("\n") {
                return;
            }
        }
    }

    /// A single `|`.
    fn pipe(&mut self) -> bool {
        self.skip_blanks();
        !self.rest().starts_with("||") && self.eat("|")
    }

    /// What ends a statement; `None` if a shell is needed: for `&`, and so for `&>`, which bash takes
    /// for a redirection and others for `&` and then `>`.
    fn separator(&mut self) -> Option<Join> {
        self.skip_blanks();
        if self.eat("&&") {
            return Some(Join::IfOk);
        }
        if self.eat("||") {
            return Some(Join::IfFailed);
        }
        let ends = self.eat("\n") || (!self.rest().starts_with(";;") && self.eat(";"));
        (ends || self.at == self.text.len()).then_some(Join::Always)
    }

    fn simple(&mut self) -> Option<Simple> {
        let mut simple = Simple::default();
        loop {
            self.skip_blanks();
            if self.bash && self.eat("&>") {
                simple.redirects.extend(self.both_outputs()?);
                continue;
            }
            if let Some((fd, operator)) = self.redirection()? {
                self.skip_blanks();
                let target = self.word()?;
                simple.redirects.push(Redirect {
                    fd,
                    operator,
                    target,
                });
                continue;
            }
            match self.rest().chars().next() {
                None | Some('\n' | ';' | '|' | '&') => return Some(simple),
                Some('(' | ')' | '<') => return None,
                Some(_) => simple.words.push(self.word()?),
            }
        }
    }

    /// Where both outputs go, behind `&>`.
    fn both_outputs(&mut self) -> Option<[Redirect; 2]> {
        self.skip_blanks();
        let output = Redirect {
            fd: 1,
            operator: ">",
            target: self.word()?,
        };
        let errors = Redirect {
            fd: 2,
            operator: ">&",
            target: Word {
                text: "1".to_owned(),
                ..Word::default()
            },
        };
        Some([output, errors])
    }

    /// The start of a redirection, if one stands here; the outer `None` for what needs a shell.
    #[expect(
        clippy::option_option,
        reason = "no redirection is not the same as no way to read one"
    )]
    fn redirection(&mut self) -> Option<Option<(u8, &'static str)>> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let behind = &rest[digits..];
        let Some(operator) = ["<<", "<>", ">>", ">&", ">|", "<&", ">", "<"]
            .into_iter()
            .find(|operator| behind.starts_with(operator))
        else {
            return Some(None);
        };
        if matches!(operator, "<<" | "<>" | ">|" | "<&") {
            return None;
        }
        let fd = match &rest[..digits] {
            "" if operator == "<" => 0,
            "" => 1,
            digits => digits.parse().ok()?,
        };
        self.at += digits + operator.len();
        Some(Some((fd, operator)))
    }

    fn word(&mut self) -> Option<Word> {
        let mut word = Word::default();
        let start = self.at;
        while let Some(c) = self.rest().chars().next() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '<' | '>' | '(' | ')' => break,
                '\'' => {
                    self.at += 1;
                    let end = self.rest().find('\'')?;
                    word.text.push_str(&self.text[self.at..self.at + end]);
                    word.quoted = true;
                    self.at += end + 1;
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                '\\' => {
                    if self.eat("\\\n") || self.eat("\\\r\n") {
                        continue;
                    }
                    self.at += 1;
                    word.quoted = true;
                    // The very last backslash stands for itself.
                    let next = self.rest().chars().next();
                    word.text.push(next.unwrap_or('\\'));
                    self.at += next.map_or(0, char::len_utf8);
                }
                '$' => self.dollar(&mut word)?,
                '`' => return None,
                '*' | '?' | '[' | '{' => {
                    word.expands |= c != '[' || !self.rest()[1..].starts_with([' ', '\n']);
                    word.text.push(c);
                    self.at += 1;
                }
                '~' if self.at == start => {
                    word.expands = true;
                    self.at += 1;
                }
                other => {
                    word.text.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
        (self.at > start).then_some(word)
    }

    fn double_quoted(&mut self, word: &mut Word) -> Option<()> {
        word.quoted = true;
        loop {
            let c = self.rest().chars().next()?;
            match c {
                '"' => {
                    self.at += 1;
                    return Some(());
                }
                '$' => self.dollar(word)?,
                '`' => return None,
                '\\' => {
                    self.at += 1;
                    let next = self.rest().chars().next()?;
                    match next {
                        '\n' => {}
                        '$' | '`' | '"' | '\\' => word.text.push(next),
                        other => {
                            word.text.push('\\');
                            word.text.push(other);
                        }
                    }
                    self.at += next.len_utf8();
                }
                other => {
                    word.text.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
    }

    /// `$((…))` of numbers and the two names of the shell's process id; any other name expands.
    fn dollar(&mut self, word: &mut Word) -> Option<()> {
        if self.eat("$((") {
            let end = self.rest().find("))")?;
            let mut inner = &self.rest()[..end];
            // The first `))` may close an inner bracket.
            let open = |text: &str| text.matches('(').count() > text.matches(')').count();
            let mut len = end;
            while open(inner) {
                let more = self.rest().get(len + 1..)?.find("))")?;
                len += 1 + more;
                inner = &self.rest()[..len];
            }
            let value = arithmetic::evaluate(inner)?;
            word.text.push_str(&value.to_string());
            self.at += len + 2;
            return Some(());
        }
        for name in ["${PPID}", "${PACKETDRILL_PID}"] {
            if self.eat(name) {
                word.text.push(PID);
                return Some(());
            }
        }
        let rest = &self.rest()[1..];
        let len = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        match &rest[..len] {
            "PPID" | "PACKETDRILL_PID" => {
                word.text.push(PID);
                self.at += 1 + len;
            }
            "" if rest.starts_with('(') => return None,
            // `$'…'` and `$"…"` are bash's, too.
            "" if !rest.starts_with(['{', '$', '?', '#', '@', '*', '!', '-', '\'', '"']) => {
                word.text.push('$');
                self.at += 1;
            }
            _ => {
                word.expands = true;
                word.text.push('$');
                self.at += 1;
            }
        }
        Some(())
    }
}

pub(super) fn unclosed_quote(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    let mut word_start = true;
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => {
                characters.next();
            }
            // Heredocs and nested commands may hold lone quotes.
            '<' if text[at..].starts_with("<<") => return None,
            '$' if text[at..].starts_with("$(") => return None,
            '#' if word_start => while characters.next_if(|(_, c)| *c != '\n').is_some() {},
            '\'' if !characters.any(|(_, c)| c == '\'') => return Some(at),
            '"' => loop {
                match characters.next() {
                    None => return Some(at),
                    Some((_, '"')) => break,
                    Some((_, '\\')) => {
                        characters.next();
                    }
                    Some((inner, '$')) if text[inner..].starts_with("$(") => return None,
                    Some(_) => {}
                }
            },
            _ => {}
        }
        word_start = c.is_whitespace() || ";&|()".contains(c);
    }
    None
}
