//! The functions that every block can call.

use super::evaluate::{binary, compare, truncated};
use super::trouble::Trouble;
use super::value::Value;
use super::{BinaryOp, CompareOp, Function};

/// Calls a function with as many arguments as it takes.
pub(super) fn call(function: Function, arguments: &[Value]) -> Result<Value, Trouble> {
    let Some(first) = arguments.first() else {
        return Ok(match function {
            Function::Int => Value::Int(0),
            Function::Float => Value::Float(0.0),
            Function::Bool => Value::Bool(false),
            _ => Value::Text(String::new()),
        });
    };
    match function {
        Function::Abs => absolute(first),
        Function::Bool => Ok(Value::Bool(first.is_true())),
        Function::Str => Ok(Value::Text(first.show())),
        Function::Repr => Ok(Value::Text(first.repr())),
        Function::Hex => match first.integer() {
            Some(number) => {
                let sign = if number < 0 { "-" } else { "" };
                Ok(Value::Text(format!("{sign}{:#x}", number.unsigned_abs())))
            }
            None => Err(mistyped("hex", first)),
        },
        Function::Len => match first {
            Value::Text(text) => Ok(Value::Int(text.chars().count() as i128)),
            Value::Tuple(parts) | Value::List(parts) => Ok(Value::Int(parts.len() as i128)),
            other => Err(mistyped("len", other)),
        },
        Function::Sum => sum(first),
        Function::Int => match first {
            Value::Float(number) => truncated(*number).map(Value::Int),
            Value::Text(text) => integer_of(text).map(Value::Int),
            other => match other.integer() {
                Some(number) => Ok(Value::Int(number)),
                None => Err(mistyped("int", other)),
            },
        },
        Function::Float => match first {
            Value::Text(text) => float_of(text).map(Value::Float),
            other => match other.float() {
                Some(number) => Ok(Value::Float(number)),
                None => Err(mistyped("float", other)),
            },
        },
        Function::Round => rounded(first, arguments.get(1)),
        Function::Max => extreme(CompareOp::Gt, arguments),
        Function::Min => extreme(CompareOp::Lt, arguments),
    }
}

fn mistyped(function: &str, value: &Value) -> Trouble {
    Trouble::mistyped(format!("{function}() does not take a '{}'", value.kind()))
}

fn absolute(value: &Value) -> Result<Value, Trouble> {
    match (value, value.integer()) {
        (Value::Float(number), _) => Ok(Value::Float(number.abs())),
        (_, Some(number)) => number
            .checked_abs()
            .map(Value::Int)
            .ok_or_else(Trouble::wide),
        (other, None) => Err(mistyped("abs", other)),
    }
}

fn sum(value: &Value) -> Result<Value, Trouble> {
    let (Value::Tuple(parts) | Value::List(parts)) = value else {
        return Err(mistyped("sum", value));
    };
    let mut sum = Value::Int(0);
    for part in parts {
        // Newer Pythons add up decimals with a correction.
        if part.integer().is_none() {
            return Err(Trouble::beyond("a sum of such values"));
        }
        sum = binary(BinaryOp::Add, &sum, part)?;
    }
    Ok(sum)
}

fn extreme(operator: CompareOp, arguments: &[Value]) -> Result<Value, Trouble> {
    let parts = match arguments {
        [Value::Tuple(parts) | Value::List(parts)] => parts.as_slice(),
        [Value::Text(_)] => return Err(Trouble::beyond("the largest character")),
        [other] => return Err(mistyped("max() or min", other)),
        several => several,
    };
    let mut parts = parts.iter();
    let mut best = parts
        .next()
        .ok_or_else(|| Trouble::raised("ValueError", "there is none to choose from"))?;
    for part in parts {
        if compare(operator, part, best)? {
            best = part;
        }
    }
    Ok(best.clone())
}

fn rounded(value: &Value, digits: Option<&Value>) -> Result<Value, Trouble> {
    let digits = match digits {
        None | Some(Value::None) => None,
        Some(digits) => Some(digits.integer().ok_or_else(|| mistyped("round", digits))?),
    };
    let unusual = || Trouble::beyond("rounding to that many digits");
    match (value, value.integer(), digits) {
        (Value::Float(number), _, None) => truncated(number.round_ties_even()).map(Value::Int),
        (Value::Float(number), _, Some(digits)) => {
            let digits = usize::try_from(digits).ok().filter(|digits| *digits <= 300);
            let digits = digits.filter(|_| number.is_finite()).ok_or_else(unusual)?;
            float_of(&format!("{number:.digits$}")).map(Value::Float)
        }
        (_, Some(number), None | Some(0..)) => Ok(Value::Int(number)),
        (_, Some(_), Some(_)) => Err(unusual()),
        (other, None, _) => Err(mistyped("round", other)),
    }
}

fn integer_of(text: &str) -> Result<i128, Trouble> {
    let plain = text.trim();
    let digits = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return plain.parse().map_err(|_| Trouble::wide());
    }
    if !text.is_ascii() || text.contains('_') {
        return Err(Trouble::beyond("a number written like this"));
    }
    let what = format!("{} is no integer", Value::Text(text.to_owned()).repr());
    Err(Trouble::raised("ValueError", &what))
}

fn float_of(text: &str) -> Result<f64, Trouble> {
    let plain = text.trim();
    let usual = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    match plain.parse() {
        Ok(number) if plain.chars().all(usual) => Ok(number),
        _ => Err(Trouble::beyond("a number written like this")),
    }
}
