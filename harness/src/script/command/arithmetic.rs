//! `$((…))` of numbers: what settings are written with.

/// How deep brackets may be nested.
const MAX_DEPTH: usize = 32;

/// The value of an arithmetic expansion without variables; `None` if it needs a shell.
pub(super) fn evaluate(text: &str) -> Option<i64> {
    let mut reader = Reader {
        rest: text.trim(),
        depth: 0,
    };
    let value = reader.binary(0)?;
    reader.rest.is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

/// Operators from the weakest to the strongest.
const LEVELS: [&[&str]; 6] = [
    &["|"],
    &["^"],
    &["&"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Reader<'_> {
    fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.binary(level + 1)?;
        loop {
            // `&&`, `||` and the comparisons are left to the shell.
            if ["&&", "||", "**"]
                .iter()
                .any(|long| self.rest.starts_with(long))
            {
                return None;
            }
            let Some(operator) = operators.iter().find(|operator| self.eat(operator)) else {
                return Some(left);
            };
            let right = self.binary(level + 1)?;
            let shift = || u32::try_from(right).ok();
            left = match *operator {
                "|" => left | right,
                "^" => left ^ right,
                "&" => left & right,
                "<<" => left.checked_shl(shift()?)?,
                ">>" => left.checked_shr(shift()?)?,
                "+" => left.checked_add(right)?,
                "-" => left.checked_sub(right)?,
                "*" => left.checked_mul(right)?,
                "/" => left.checked_div(right)?,
                _ => left.checked_rem(right)?,
            };
        }
    }

    fn unary(&mut self) -> Option<i64> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = if self.eat("-") {
            self.unary()?.checked_neg()
        } else if self.eat("+") {
            self.unary()
        } else if self.eat("(") {
            let inner = self.binary(0)?;
            self.eat(")").then_some(inner)
        } else {
            self.number()
        };
        self.depth -= 1;
        value
    }

    fn number(&mut self) -> Option<i64> {
        let len = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(self.rest.len());
        let digits = &self.rest[..len];
        let value = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            Some(hex) => i64::from_str_radix(hex, 16).ok()?,
            None if digits.len() > 1 && digits.starts_with('0') => {
                i64::from_str_radix(&digits[1..], 8).ok()?
            }
            None => digits.parse().ok()?,
        };
        self.rest = self.rest[len..].trim_start();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("15*1024*1024", Some(15_728_640))]
    #[case(" 256 * 1024 ", Some(262_144))]
    #[case("1 + 2 * (3 - 1)", Some(5))]
    #[case("1 << 4 | 0x0f & 010", Some(24))]
    #[case("-7 / 2", Some(-3))]
    #[case("7 % 4 ^ 1", Some(2))]
    #[case("1 / 0", None)]
    #[case("x + 1", None)]
    #[case("1 +", None)]
    #[case("(1", None)]
    #[case("1 && 1", None)]
    #[case("2 ** 3", None)]
    #[case("9223372036854775807 + 1", None)]
    #[case("", None)]
    fn numbers_are_worked_out_as_by_a_shell(#[case] text: &str, #[case] want: Option<i64>) {
        assert_eq!(evaluate(text), want);
    }

    #[test]
    fn brackets_without_end_need_a_shell() {
        assert_eq!(evaluate(&"(".repeat(100_000)), None);
        assert_eq!(evaluate(&"-".repeat(100_000)), None);
    }
}
