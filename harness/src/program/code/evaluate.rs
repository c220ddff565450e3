//! Evaluating code blocks, as Python would.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::trouble::Trouble;
use super::value::Value;
use super::{BinaryOp, CompareOp, Expr, Piece, Statement, UnaryOp, format, function, names_of};
use crate::source::Span;

/// Names and their values.
pub type Names = BTreeMap<String, Value>;

/// The longest text a block can make here, in bytes.
pub(super) const LONGEST: usize = 1 << 16;

/// An assertion that does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// The assertion.
    pub span: Span,
    /// Each name in the condition and its value.
    pub values: Vec<(String, String)>,
    /// The message after the comma.
    pub message: Option<String>,
}

/// Runs the statements of one block. What was printed goes to `printed`.
///
/// # Errors
/// [`Trouble`] of the first statement that has any; what came before has been done.
pub fn run(
    statements: &[Statement],
    names: &mut Names,
    printed: &mut Vec<String>,
) -> Result<Option<Broken>, Trouble> {
    for statement in statements {
        match statement {
            Statement::Assert {
                condition,
                message,
                span,
            } => {
                if !value(condition, names)?.is_true() {
                    return broken(condition, message.as_ref(), *span, names).map(Some);
                }
            }
            Statement::Print(parts) => {
                let parts: Result<Vec<String>, Trouble> = parts
                    .iter()
                    .map(|part| value(part, names).map(|value| value.show()))
                    .collect();
                printed.push(parts?.join(" "));
            }
            Statement::Assign(targets, expr) => {
                let value = value(expr, names)?;
                for name in targets {
                    names.insert(name.clone(), value.clone());
                }
            }
            Statement::If(branches, otherwise) => {
                let mut chosen = otherwise;
                for (condition, body) in branches {
                    if value(condition, names)?.is_true() {
                        chosen = body;
                        break;
                    }
                }
                if let Some(broken) = run(chosen, names, printed)? {
                    return Ok(Some(broken));
                }
            }
            Statement::Expr(expr) => {
                value(expr, names)?;
            }
            Statement::Pass => {}
        }
    }
    Ok(None)
}

fn broken(
    condition: &Expr,
    message: Option<&Expr>,
    span: Span,
    names: &Names,
) -> Result<Broken, Trouble> {
    let values = names_of(condition)
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), names.get(name)?.repr())))
        .collect();
    let message = message.map(|expr| value(expr, names)).transpose()?;
    Ok(Broken {
        span,
        values,
        message: message.map(|value| value.show()),
    })
}

/// The value of an expression.
///
/// # Errors
/// [`Trouble`] if it has none, or none here.
pub fn value(expr: &Expr, names: &Names) -> Result<Value, Trouble> {
    let all = |parts: &[Expr]| -> Result<Vec<Value>, Trouble> {
        parts.iter().map(|part| value(part, names)).collect()
    };
    Ok(match expr {
        Expr::Value(constant) => constant.clone(),
        Expr::Name(name) => names.get(name).cloned().ok_or_else(|| {
            Trouble::raised("NameError", &format!("name '{name}' is not defined"))
        })?,
        Expr::Tuple(parts) => Value::Tuple(all(parts)?),
        Expr::List(parts) => Value::List(all(parts)?),
        Expr::Not(inner) => Value::Bool(!value(inner, names)?.is_true()),
        Expr::Unary(operator, inner) => unary(*operator, &value(inner, names)?)?,
        Expr::And(left, right) => match value(left, names)? {
            left if left.is_true() => value(right, names)?,
            left => left,
        },
        Expr::Or(left, right) => match value(left, names)? {
            left if left.is_true() => left,
            _ => value(right, names)?,
        },
        Expr::Compare(first, rest) => {
            let mut left = value(first, names)?;
            for (operator, right) in rest {
                let right = value(right, names)?;
                if !compare(*operator, &left, &right)? {
                    return Ok(Value::Bool(false));
                }
                left = right;
            }
            Value::Bool(true)
        }
        Expr::Binary(operator, left, right) => {
            binary(*operator, &value(left, names)?, &value(right, names)?)?
        }
        Expr::Choice(condition, then, other) => match value(condition, names)?.is_true() {
            true => value(then, names)?,
            false => value(other, names)?,
        },
        Expr::Call(function, arguments) => function::call(*function, &all(arguments)?)?,
        Expr::Format(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(plain) => text.push_str(plain),
                    Piece::Value(expr, conversion, specification) => {
                        let value = value(expr, names)?;
                        text.push_str(&format::field(&value, *conversion, specification)?);
                    }
                }
            }
            limited(text)?
        }
    })
}

fn unary(operator: UnaryOp, value: &Value) -> Result<Value, Trouble> {
    let sign = match operator {
        UnaryOp::Minus => '-',
        UnaryOp::Plus => '+',
        UnaryOp::Invert => '~',
    };
    Ok(match (operator, value, value.integer()) {
        (UnaryOp::Minus, Value::Float(number), _) => Value::Float(-number),
        (UnaryOp::Plus, Value::Float(number), _) => Value::Float(*number),
        (UnaryOp::Minus, _, Some(number)) => {
            Value::Int(number.checked_neg().ok_or_else(Trouble::wide)?)
        }
        (UnaryOp::Plus, _, Some(number)) => Value::Int(number),
        (UnaryOp::Invert, _, Some(number)) => Value::Int(!number),
        (_, other, _) => {
            let what = format!("bad operand type for unary {sign}: '{}'", other.kind());
            return Err(Trouble::mistyped(what));
        }
    })
}

pub(super) fn compare(operator: CompareOp, left: &Value, right: &Value) -> Result<bool, Trouble> {
    let sign = match operator {
        CompareOp::Eq => return Ok(left.equals(right)),
        CompareOp::Ne => return Ok(!left.equals(right)),
        CompareOp::In => return contains(right, left),
        CompareOp::NotIn => return contains(right, left).map(|found| !found),
        CompareOp::Is | CompareOp::IsNot => {
            let same = match (left, right) {
                (Value::None, Value::None) => true,
                (Value::Bool(left), Value::Bool(right)) => left == right,
                (Value::None | Value::Bool(_), _) | (_, Value::None | Value::Bool(_)) => false,
                _ => {
                    let what = "`is` between values that are no constants";
                    return Err(Trouble::beyond(what));
                }
            };
            return Ok(same == (operator == CompareOp::Is));
        }
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    };
    let order = left.order(right).ok_or_else(|| {
        Trouble::mistyped(format!(
            "'{sign}' not supported between instances of '{}' and '{}'",
            left.kind(),
            right.kind()
        ))
    })?;
    Ok(order.is_some_and(match operator {
        CompareOp::Lt => Ordering::is_lt,
        CompareOp::Le => Ordering::is_le,
        CompareOp::Gt => Ordering::is_gt,
        _ => Ordering::is_ge,
    }))
}

fn contains(whole: &Value, part: &Value) -> Result<bool, Trouble> {
    match (whole, part) {
        (Value::Text(whole), Value::Text(part)) => Ok(whole.contains(part.as_str())),
        (Value::Text(_), other) => Err(Trouble::mistyped(format!(
            "'in <string>' requires string as left operand, not {}",
            other.kind()
        ))),
        (Value::Tuple(parts) | Value::List(parts), part) => {
            Ok(parts.iter().any(|one| one.equals(part)))
        }
        (other, _) => Err(Trouble::mistyped(format!(
            "argument of type '{}' is not iterable",
            other.kind()
        ))),
    }
}

pub(super) fn binary(operator: BinaryOp, left: &Value, right: &Value) -> Result<Value, Trouble> {
    if let Some(result) = of_sequences(operator, left, right) {
        return result;
    }
    if let (Value::Bool(left), Value::Bool(right)) = (left, right) {
        match operator {
            BinaryOp::BitAnd => return Ok(Value::Bool(left & right)),
            BinaryOp::BitOr => return Ok(Value::Bool(left | right)),
            BinaryOp::BitXor => return Ok(Value::Bool(left ^ right)),
            _ => {}
        }
    }
    if let (Some(left), Some(right)) = (left.integer(), right.integer()) {
        return integers(operator, left, right);
    }
    let bits = ["&", "|", "^", "<<", ">>"].contains(&sign(operator));
    match (left.float(), right.float()) {
        (Some(left), Some(right)) if !bits => floats(operator, left, right),
        _ => Err(Trouble::mistyped(format!(
            "unsupported operand type(s) for {}: '{}' and '{}'",
            sign(operator),
            left.kind(),
            right.kind()
        ))),
    }
}

/// What strings, tuples and lists can be joined with.
fn of_sequences(operator: BinaryOp, left: &Value, right: &Value) -> Option<Result<Value, Trouble>> {
    Some(match (operator, left, right) {
        (BinaryOp::Mod, Value::Text(text), value) => format::percent(text, value).and_then(limited),
        (BinaryOp::Add, Value::Text(left), Value::Text(right)) => limited(format!("{left}{right}")),
        (BinaryOp::Add, Value::Tuple(left), Value::Tuple(right)) => {
            Ok(Value::Tuple([left.as_slice(), right].concat()))
        }
        (BinaryOp::Add, Value::List(left), Value::List(right)) => {
            Ok(Value::List([left.as_slice(), right].concat()))
        }
        (BinaryOp::Mul, Value::Text(text), count) | (BinaryOp::Mul, count, Value::Text(text)) => {
            let count = usize::try_from(count.integer()?.max(0)).unwrap_or(usize::MAX);
            if text.len().saturating_mul(count) > LONGEST {
                return Some(Err(Trouble::beyond("a text that long")));
            }
            Ok(Value::Text(text.repeat(count)))
        }
        (BinaryOp::Mul, Value::Tuple(_) | Value::List(_), _)
        | (BinaryOp::Mul, _, Value::Tuple(_) | Value::List(_)) => {
            Err(Trouble::beyond("a list taken several times"))
        }
        _ => return None,
    })
}

fn sign(operator: BinaryOp) -> &'static str {
    match operator {
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::FloorDiv => "//",
        BinaryOp::Mod => "%",
        BinaryOp::Power => "** or pow()",
        BinaryOp::BitAnd => "&",
        BinaryOp::BitOr => "|",
        BinaryOp::BitXor => "^",
        BinaryOp::ShiftLeft => "<<",
        BinaryOp::ShiftRight => ">>",
    }
}

fn zero() -> Trouble {
    Trouble::raised("ZeroDivisionError", "division by zero")
}

fn integers(operator: BinaryOp, left: i128, right: i128) -> Result<Value, Trouble> {
    /// Up to here every integer is a decimal too, and a quotient is rounded once.
    const EXACT: u128 = 1 << 53;
    let wide = Trouble::wide;
    let shift = || match u32::try_from(right) {
        Ok(shift) => Ok(shift),
        Err(_) if right < 0 => Err(Trouble::raised("ValueError", "negative shift count")),
        Err(_) => Err(Trouble::beyond("a shift that far")),
    };
    let number = match operator {
        BinaryOp::Add => left.checked_add(right).ok_or_else(wide)?,
        BinaryOp::Sub => left.checked_sub(right).ok_or_else(wide)?,
        BinaryOp::Mul => left.checked_mul(right).ok_or_else(wide)?,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if right == 0 => return Err(zero()),
        BinaryOp::Div => {
            if left.unsigned_abs() > EXACT || right.unsigned_abs() > EXACT {
                return Err(wide());
            }
            return Ok(Value::Float(left as f64 / right as f64));
        }
        // Python rounds towards minus infinity and gives the remainder the divisor's sign.
        BinaryOp::FloorDiv => {
            let quotient = left.checked_div(right).ok_or_else(wide)?;
            quotient - i128::from(left % right != 0 && (left < 0) != (right < 0))
        }
        BinaryOp::Mod => {
            let rest = left.checked_rem(right).ok_or_else(wide)?;
            match rest != 0 && (rest < 0) != (right < 0) {
                true => rest + right,
                false => rest,
            }
        }
        BinaryOp::Power if right < 0 => return floats(operator, left as f64, right as f64),
        BinaryOp::Power => {
            let exponent = u32::try_from(right).map_err(|_| wide())?;
            left.checked_pow(exponent).ok_or_else(wide)?
        }
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitOr => left | right,
        BinaryOp::BitXor => left ^ right,
        BinaryOp::ShiftLeft => {
            let shift = shift()?;
            let shifted = left.checked_shl(shift).unwrap_or(0);
            let lossless = left == 0 || (shift < 127 && shifted >> shift == left);
            lossless.then_some(shifted).ok_or_else(wide)?
        }
        BinaryOp::ShiftRight => left >> shift()?.min(127),
    };
    Ok(Value::Int(number))
}

fn floats(operator: BinaryOp, left: f64, right: f64) -> Result<Value, Trouble> {
    let result = match operator {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if right == 0.0 => return Err(zero()),
        BinaryOp::Div => left / right,
        BinaryOp::FloorDiv => divided(left, right).0,
        BinaryOp::Mod => divided(left, right).1,
        BinaryOp::Power if left == 0.0 && right < 0.0 => return Err(zero()),
        BinaryOp::Power if left < 0.0 && right.fract() != 0.0 => {
            return Err(Trouble::beyond("a complex number"));
        }
        BinaryOp::Power => {
            let power = left.powf(right);
            if power.is_infinite() && left.is_finite() && right.is_finite() {
                return Err(Trouble::raised("OverflowError", "the result is too large"));
            }
            power
        }
        _ => return Err(Trouble::beyond("bits of a decimal")),
    };
    Ok(Value::Float(result))
}

/// Quotient and remainder of decimals: the quotient is rounded down, the remainder has the
/// divisor's sign, and both fit together.
fn divided(left: f64, right: f64) -> (f64, f64) {
    let mut rest = left % right;
    let mut quotient = (left - rest) / right;
    if rest == 0.0 {
        rest = 0.0_f64.copysign(right);
    } else if (right < 0.0) != (rest < 0.0) {
        rest += right;
        quotient -= 1.0;
    }
    let whole = if quotient == 0.0 {
        0.0_f64.copysign(left / right)
    } else {
        let floor = quotient.floor();
        floor + if quotient - floor > 0.5 { 1.0 } else { 0.0 }
    };
    (whole, rest)
}

/// A decimal without what stands behind its point.
pub(super) fn truncated(number: f64) -> Result<i128, Trouble> {
    if number.is_nan() {
        return Err(Trouble::raised("ValueError", "NaN is no integer"));
    }
    if number.is_infinite() {
        return Err(Trouble::raised("OverflowError", "infinity is no integer"));
    }
    if number.abs() >= 2f64.powi(126) {
        return Err(Trouble::wide());
    }
    Ok(number.trunc() as i128)
}

fn limited(text: String) -> Result<Value, Trouble> {
    match text.len() <= LONGEST {
        true => Ok(Value::Text(text)),
        false => Err(Trouble::beyond("a text that long")),
    }
}
