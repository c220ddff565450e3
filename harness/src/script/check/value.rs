//! Expressions to values, with what to say when they are none.

use super::Checker;
use crate::call::Fd;
use crate::diagnostic::{Diagnostic, code};
use crate::script::ast::{Expr, Number};
use crate::script::suggest;
use crate::source::{Span, Spanned};
use crate::symbols;

/// An argument of a call.
pub(super) type Argument = Spanned<Expr>;

/// A buffer as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Buffer {
    /// `...`
    Dots,
    /// `NULL`
    Null,
    /// `"bytes"`
    Text(Vec<u8>),
}

impl Checker<'_> {
    /// The number of an expression: a literal, a symbol, or several joined by `|`.
    pub(super) fn int(&mut self, argument: &Argument, what: &str) -> Option<i64> {
        match &argument.node {
            Expr::Int(value) => Some(*value),
            Expr::Word(name) => self.symbol(name, argument.span),
            Expr::Or(terms) => {
                let values: Vec<_> = terms.iter().map(|term| self.int(term, what)).collect();
                values
                    .into_iter()
                    .try_fold(0, |all, value| value.map(|value| all | value))
            }
            Expr::Apply(function, inside) => self.applied(function, inside, argument.span),
            _ => self.wrong(argument, what),
        }
    }

    /// `htons(N)` and `inet_addr("…")`: the bytes in memory, read on a little-endian machine.
    fn applied(
        &mut self,
        function: &Spanned<String>,
        inside: &[Argument],
        span: Span,
    ) -> Option<i64> {
        match (function.node.as_str(), inside) {
            ("htons", [port]) => {
                let port = self.int_between(port, "a port", 0, 65_535)?;
                Some(i64::from(u16::try_from(port).ok()?.swap_bytes()))
            }
            ("inet_addr", [text]) => {
                let address: std::net::Ipv4Addr = self.address_text(text)?;
                Some(i64::from(u32::from_le_bytes(address.octets())))
            }
            _ => {
                self.error(
                    code::ARGUMENT_TYPE,
                    span,
                    format!("expected a number, found `{}(…)`", function.node),
                );
                None
            }
        }
    }

    /// An address in a string.
    pub(super) fn address_text<A: std::str::FromStr>(&mut self, argument: &Argument) -> Option<A> {
        let text = match &argument.node {
            Expr::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        };
        let address = text.and_then(|text| text.parse().ok());
        if address.is_none() {
            return self.wrong(argument, "an IP address of this family in quotes");
        }
        address
    }

    fn symbol(&mut self, name: &str, span: Span) -> Option<i64> {
        if let Some(number) = symbols::lookup(name) {
            return Some(number);
        }
        let message = format!("unknown symbol `{name}`");
        let mut diagnostic = Diagnostic::error(code::SYMBOL, self.source, span, message);
        diagnostic = match suggest::nearest(name, symbols::names()) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => {
                diagnostic.help("write the number, or define the word with `--define=NAME=VALUE`")
            }
        };
        self.report(diagnostic);
        None
    }

    /// A number from `least` to `most`.
    pub(super) fn int_between(
        &mut self,
        argument: &Argument,
        what: &str,
        least: i64,
        most: i64,
    ) -> Option<i64> {
        let value = self.int(argument, what)?;
        if (least..=most).contains(&value) {
            return Some(value);
        }
        let message = format!("{what} is a number from {least} to {most}, not {value}");
        self.error(code::VALUE_RANGE, argument.span, message);
        None
    }

    /// A C `int`; an unsigned 32-bit pattern is taken too, as in C.
    pub(super) fn c_int(&mut self, argument: &Argument, what: &str) -> Option<i32> {
        let value = self.int_between(argument, what, i64::from(i32::MIN), i64::from(u32::MAX))?;
        i32::try_from(value)
            .ok()
            .or_else(|| u32::try_from(value).ok().map(u32::cast_signed))
    }

    /// An unsigned 32-bit number.
    pub(super) fn c_unsigned(&mut self, argument: &Argument, what: &str) -> Option<u32> {
        self.c_int(argument, what).map(i32::cast_unsigned)
    }

    /// A descriptor.
    pub(super) fn fd(&mut self, argument: &Argument) -> Option<Fd> {
        let value = self.int_between(argument, "a descriptor", -1, i64::from(i32::MAX))?;
        i32::try_from(value).ok().map(Fd)
    }

    /// A length of a buffer in bytes.
    pub(super) fn len(&mut self, argument: &Argument) -> Option<usize> {
        /// More than any socket takes at once; a typing error would ask for all memory.
        const MOST: i64 = 1 << 28;
        let value = self.int_between(argument, "a length in bytes", 0, MOST)?;
        usize::try_from(value).ok()
    }

    /// A buffer: `...`, NULL, or a string with its bytes.
    pub(super) fn buffer(&mut self, argument: &Argument) -> Option<Buffer> {
        match &argument.node {
            Expr::Ellipsis => Some(Buffer::Dots),
            Expr::Word(name) if name == "NULL" => Some(Buffer::Null),
            Expr::Text(bytes) => {
                self.superset(argument.span, "bytes of a buffer");
                Some(Buffer::Text(bytes.clone()))
            }
            _ => self.wrong(
                argument,
                "`...` for the buffer, its bytes in quotes, or `NULL`",
            ),
        }
    }

    /// `...`
    pub(super) fn dots(&mut self, argument: &Argument, what: &str) -> Option<()> {
        match &argument.node {
            Expr::Ellipsis => Some(()),
            _ => self.wrong(argument, &format!("`...` for {what}")),
        }
    }

    /// `[…]`
    pub(super) fn list<'e>(
        &mut self,
        argument: &'e Argument,
        what: &str,
    ) -> Option<&'e [Argument]> {
        match &argument.node {
            Expr::List(items) => Some(items),
            _ => self.wrong(argument, what),
        }
    }

    /// `[N]`
    pub(super) fn single<'e>(
        &mut self,
        argument: &'e Argument,
        what: &str,
    ) -> Option<&'e Argument> {
        match &argument.node {
            Expr::List(items) if items.len() == 1 => Some(&items[0]),
            _ => self.wrong(argument, what),
        }
    }

    /// The members of `{a=…, b=…}` in the order of `names`; `required` of them must be there.
    pub(super) fn members<'e, const N: usize>(
        &mut self,
        argument: &'e Argument,
        names: [&'static str; N],
        required: usize,
    ) -> Option<[Option<&'e Argument>; N]> {
        let shape = || format!("`{{{}}}`", names.map(|name| format!("{name}=…")).join(", "));
        let Expr::Braces(items) = &argument.node else {
            return self.wrong(argument, &shape());
        };
        let mut found = [None; N];
        for item in items {
            let (name, value) = match &item.node {
                Expr::Assign(target, value) => (target.node.name(), value.as_ref()),
                _ => (None, item),
            };
            match name.and_then(|name| names.iter().position(|known| *known == name)) {
                Some(at) => found[at] = Some(value),
                None => return self.unknown_member(item, name, names),
            }
        }
        if let Some(missing) = (0..required).find(|at| found[*at].is_none()) {
            let message = format!("expected {}, `{}` is missing", shape(), names[missing]);
            self.error(code::ARGUMENT_TYPE, argument.span, message);
            return None;
        }
        Some(found)
    }

    fn unknown_member<T, const N: usize>(
        &mut self,
        item: &Argument,
        name: Option<&str>,
        names: [&'static str; N],
    ) -> Option<T> {
        let Some(name) = name else {
            return self.wrong(
                item,
                &format!("`name=value` with one of {}", names.join(", ")),
            );
        };
        let message = format!("`{name}` is not a member of this structure");
        let mut diagnostic =
            Diagnostic::error(code::ARGUMENT_TYPE, self.source, item.span, message);
        diagnostic = match suggest::nearest(name, names) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("its members are {}", names.join(", "))),
        };
        self.report(diagnostic);
        None
    }

    /// An argument of the wrong form.
    pub(super) fn wrong<T>(&mut self, argument: &Argument, what: &str) -> Option<T> {
        let message = format!("expected {what}, found {}", argument.node.describe());
        self.error(code::ARGUMENT_TYPE, argument.span, message);
        None
    }

    /// A number of a packet line that must fit its field.
    pub(super) fn field(&mut self, number: &Number, what: &str, most: u64) -> Option<u64> {
        if number.node <= most {
            return Some(number.node);
        }
        let message = format!("{what} is at most {most}, not {}", number.node);
        self.error(code::VALUE_RANGE, number.span, message);
        None
    }

    /// A 16-bit field.
    pub(super) fn field16(&mut self, number: &Number, what: &str) -> Option<u16> {
        self.field(number, what, u64::from(u16::MAX))
            .and_then(|value| u16::try_from(value).ok())
    }

    /// A 32-bit field.
    pub(super) fn field32(&mut self, number: &Number, what: &str) -> Option<u32> {
        self.field(number, what, u64::from(u32::MAX))
            .and_then(|value| u32::try_from(value).ok())
    }

    /// An 8-bit field.
    pub(super) fn field8(&mut self, number: &Number, what: &str) -> Option<u8> {
        self.field(number, what, u64::from(u8::MAX))
            .and_then(|value| u8::try_from(value).ok())
    }
}

impl Expr {
    /// The word, or the name in front of brackets.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Expr::Word(name) => Some(name),
            Expr::Apply(name, _) => Some(&name.node),
            _ => None,
        }
    }

    /// How messages call such an expression.
    fn describe(&self) -> String {
        match self {
            Expr::Ellipsis => "`...`".to_owned(),
            Expr::Int(value) => format!("the number {value}"),
            Expr::Word(name) => format!("`{name}`"),
            Expr::Text(_) => "a string".to_owned(),
            Expr::Or(_) => "an expression with `|`".to_owned(),
            Expr::Assign(target, _) => match target.node.name() {
                Some(name) => format!("`{name}=…`"),
                None => "an assignment".to_owned(),
            },
            Expr::List(_) => "a list `[…]`".to_owned(),
            Expr::Braces(_) | Expr::Tunnel(_) => "a structure `{…}`".to_owned(),
            Expr::Apply(name, _) => format!("`{}(…)`", name.node),
        }
    }
}
