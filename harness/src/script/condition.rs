//! Conditions: what stands after `#if` and `#elif`.
//!
//! `target == linux`, `kernel >= 6.8`, `has(sockopt:SOL_TCP/TCP_INQ)`, `defined(NAME)`, joined by
//! `&&`, `||` and `!`, with brackets.

use super::capability;
use super::facts::{Facts, Version};
use super::lexer;
use super::suggest;
use super::token::{Token, TokenKind};
use crate::diagnostic::{Diagnostic, code};
use crate::program::{Capability, IpVersion};
use crate::source::{Source, Span};

/// What can be compared.
const OPERANDS: [&str; 4] = ["target", "profile", "kernel", "ip_version"];
/// What can be asked.
const QUESTIONS: [&str; 2] = ["has", "defined"];
/// Comparisons, longer ones first.
const COMPARISONS: [&str; 6] = ["==", "!=", ">=", "<=", ">", "<"];
/// How deep brackets and `!` may nest.
const DEEPEST: usize = 64;

/// A condition as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// `a || b || …`
    Any(Vec<Condition>),
    /// `a && b && …`
    All(Vec<Condition>),
    /// `!a`
    Not(Box<Condition>),
    /// `has(CAPABILITY)`
    Has(Capability),
    /// `defined(NAME)`
    Defined(String),
    /// `target == NAME`; the last says whether it is `==`.
    Target(String, bool),
    /// `profile == NAME`
    Profile(String, bool),
    /// `ip_version == FAMILY`
    Family(IpVersion, bool),
    /// `kernel >= 6.8`
    Kernel(Comparison, Version),
}

/// A comparison of kernel versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// What a condition is held against.
pub(crate) struct World<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) ip_version: IpVersion,
    /// Whether a name is defined.
    pub(crate) defined: &'a dyn Fn(&str) -> bool,
}

impl Condition {
    /// Whether it holds. A stack without a kernel version fails every comparison with one.
    pub(crate) fn holds(&self, world: &World<'_>) -> bool {
        match self {
            Condition::Any(parts) => parts.iter().any(|part| part.holds(world)),
            Condition::All(parts) => parts.iter().all(|part| part.holds(world)),
            Condition::Not(part) => !part.holds(world),
            Condition::Has(capability) => !world.facts.lacks.contains(capability),
            Condition::Defined(name) => (world.defined)(name),
            Condition::Target(name, equal) => world.facts.is_target(name) == *equal,
            Condition::Profile(name, equal) => (world.facts.profile == *name) == *equal,
            Condition::Family(family, equal) => (world.ip_version == *family) == *equal,
            Condition::Kernel(comparison, version) => world
                .facts
                .kernel
                .as_ref()
                .is_some_and(|kernel| comparison.holds(kernel.compare(version))),
        }
    }

    /// Calls `visit` for every question and comparison in it.
    pub(crate) fn each(&self, visit: &mut dyn FnMut(&Condition)) {
        match self {
            Condition::Any(parts) | Condition::All(parts) => {
                parts.iter().for_each(|part| part.each(visit));
            }
            Condition::Not(part) => part.each(visit),
            _ => visit(self),
        }
    }
}

impl Comparison {
    fn of(sign: &str) -> Comparison {
        match sign {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            ">=" => Comparison::AtLeast,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Above,
            _ => Comparison::Below,
        }
    }

    fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::AtLeast => order.is_ge(),
            Comparison::AtMost => order.is_le(),
            Comparison::Above => order.is_gt(),
            Comparison::Below => order.is_lt(),
        }
    }
}

/// Whether a token begins a condition.
pub(crate) fn begins(token: &Token) -> bool {
    token.kind == TokenKind::Directive && matches!(token.text.as_str(), "#if" | "#elif")
}

/// The conditions of a file that can be read, wherever they stand.
pub(crate) fn all(source: &Source) -> Vec<Condition> {
    // Most scripts have none, and need not be read twice for it.
    if !source.text().contains("#if") {
        return Vec::new();
    }
    let tokens = lexer::lex(source).tokens;
    let marks = tokens.iter().filter(|token| begins(token));
    marks
        .filter_map(|mark| read(source, mark, &mut Vec::new()))
        .collect()
}

/// The condition on the rest of the line after `mark`; `None` if it cannot be read, and why is
/// recorded.
pub(crate) fn read(
    source: &Source,
    mark: &Token,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Condition> {
    let start = mark.span.end;
    let line = source.text()[start..].split('\n').next().unwrap_or("");
    let line = line.split("//").next().unwrap_or("").trim_end();
    let mut reader = Reader {
        source,
        text: line,
        start,
        at: 0,
        depth: 0,
    };
    match reader.whole() {
        Ok(condition) => Some(condition),
        Err(diagnostic) => {
            diagnostics.push(*diagnostic);
            None
        }
    }
}

type Read<T> = Result<T, Box<Diagnostic>>;

struct Reader<'a> {
    source: &'a Source,
    /// The line behind the directive.
    text: &'a str,
    /// Where it begins in the file.
    start: usize,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn whole(&mut self) -> Read<Condition> {
        let condition = self.any()?;
        match self.rest().is_empty() {
            true => Ok(condition),
            false => Err(self.expected("`&&`, `||` or the end of the line")),
        }
    }

    fn any(&mut self) -> Read<Condition> {
        let mut parts = vec![self.all()?];
        while self.eat("||") {
            parts.push(self.all()?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self) -> Read<Condition> {
        let mut parts = vec![self.part()?];
        while self.eat("&&") {
            parts.push(self.part()?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn part(&mut self) -> Read<Condition> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error(self.here(1), "brackets nested too deeply".to_owned(), ""));
        }
        let part = if self.eat("!") {
            Condition::Not(Box::new(self.part()?))
        } else if self.eat("(") {
            let inner = self.any()?;
            self.close()?;
            inner
        } else {
            self.atom()?
        };
        self.depth -= 1;
        Ok(part)
    }

    fn atom(&mut self) -> Read<Condition> {
        let (word, span) = self.word("_");
        if word.is_empty() {
            return Err(self.expected("a condition, such as `target == linux`"));
        }
        if QUESTIONS.contains(&word) {
            return self.question(word);
        }
        if !OPERANDS.contains(&word) {
            return Err(self.unknown(word, span));
        }
        let sign = COMPARISONS.into_iter().find(|sign| self.eat(sign));
        let Some(sign) = sign else {
            return Err(self.expected("a comparison, such as `==`"));
        };
        if word != "kernel" && !["==", "!="].contains(&sign) {
            let message = format!("`{word}` can only be compared by `==` and `!=`");
            return Err(self.error(span, message, ""));
        }
        let (value, place) = self.word("_-.");
        if value.is_empty() {
            return Err(self.expected("a value, such as `linux`"));
        }
        self.comparison(word, sign, value, place)
    }

    fn comparison(&self, word: &str, sign: &str, value: &str, place: Span) -> Read<Condition> {
        let equal = sign == "==";
        let wrong = |what: &str, help: &str| {
            let message = format!("expected {what}, found `{value}`");
            self.coded(code::CONDITION_VALUE, place, message, help)
        };
        Ok(match word {
            "target" => Condition::Target(value.to_owned(), equal),
            "profile" => Condition::Profile(value.to_owned(), equal),
            "kernel" => {
                // A kernel may call itself `6.8-custom`; what a script asks for is numbers.
                let plain = value.chars().all(|c| c.is_ascii_digit() || c == '.');
                let version = Version::read(value)
                    .filter(|_| plain)
                    .ok_or_else(|| wrong("a version, such as `6.8`", ""))?;
                Condition::Kernel(Comparison::of(sign), version)
            }
            _ => {
                let family = match value {
                    "ipv4" => IpVersion::Ipv4,
                    "ipv6" => IpVersion::Ipv6,
                    "ipv4-mapped-ipv6" | "ipv4_mapped_ipv6" => IpVersion::Ipv4MappedIpv6,
                    _ => return Err(wrong("`ipv4`, `ipv6` or `ipv4-mapped-ipv6`", "")),
                };
                Condition::Family(family, equal)
            }
        })
    }

    fn question(&mut self, word: &str) -> Read<Condition> {
        if !self.eat("(") {
            return Err(self.expected("`(`"));
        }
        let (value, place) = self.word("_:/.-");
        if value.is_empty() {
            let what = match word {
                "has" => "a capability, such as `sockopt:SOL_TCP/TCP_INQ`",
                _ => "a name",
            };
            return Err(self.expected(what));
        }
        if word == "has"
            && let Some(help) = capability::trouble(value)
        {
            let message = format!("no capability is called `{value}`");
            return Err(self.coded(code::CONDITION_VALUE, place, message, &help));
        }
        let mut value = value.to_owned();
        if word == "has" && value.starts_with("sysctl:") && self.eat("=") {
            // Whatever stands up to the bracket: settings may be several numbers.
            let rest = self.rest();
            let text = &rest[..rest.find(')').unwrap_or(rest.len())];
            self.at += text.len();
            if text.trim().is_empty() {
                return Err(self.expected("a value of the setting"));
            }
            value = format!("{value}={}", text.trim());
        }
        self.close()?;
        Ok(match word {
            "has" => Condition::Has(Capability(value)),
            _ => Condition::Defined(value),
        })
    }

    fn close(&mut self) -> Read<()> {
        match self.eat(")") {
            true => Ok(()),
            false => Err(self.expected("`)`")),
        }
    }

    fn unknown(&self, word: &str, span: Span) -> Box<Diagnostic> {
        let known = OPERANDS.into_iter().chain(QUESTIONS);
        let message = format!("nothing is known under the name `{word}`");
        let help = match suggest::nearest(word, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "for a name given by `-D` write `defined({word})`; for a stack `target == {word}`"
            ),
        };
        self.coded(code::CONDITION_VALUE, span, message, &help)
    }

    /// What is left, blanks passed over.
    fn rest(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        &self.text[self.at..]
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// Letters, digits and `more`; may be empty.
    fn word(&mut self, more: &str) -> (&'a str, Span) {
        let rest = self.rest();
        let len = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !more.contains(c))
            .unwrap_or(rest.len());
        let span = self.here(len);
        self.at += len;
        (&rest[..len], span)
    }

    fn here(&self, len: usize) -> Span {
        let start = self.start + self.at;
        Span::new(start, start + len)
    }

    fn expected(&mut self, what: &str) -> Box<Diagnostic> {
        let found = self.rest().chars().next();
        let (len, message) = match found {
            None => (0, format!("expected {what}, but the line ends")),
            Some(found) => {
                let text = format!("expected {what}, found `{found}`");
                (found.len_utf8(), text)
            }
        };
        self.error(self.here(len), message, "")
    }

    fn error(&self, span: Span, message: String, help: &str) -> Box<Diagnostic> {
        self.coded(code::CONDITION, span, message, help)
    }

    fn coded(&self, id: &'static str, span: Span, message: String, help: &str) -> Box<Diagnostic> {
        let diagnostic = Diagnostic::error(id, self.source, span, message);
        Box::new(match help {
            "" => diagnostic,
            help => diagnostic.help(help),
        })
    }
}

fn joined(mut parts: Vec<Condition>, join: fn(Vec<Condition>) -> Condition) -> Condition {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

#[cfg(test)]
mod tests;
