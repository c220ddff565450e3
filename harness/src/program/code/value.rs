//! Values of code blocks, as Python has them.

use std::cmp::Ordering;

/// A value of an expression.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the types of Python")]
pub enum Value {
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
}

impl Value {
    /// Whether a condition with this value holds.
    pub fn is_true(&self) -> bool {
        match self {
            Value::None => false,
            Value::Bool(truth) => *truth,
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
            Value::Tuple(parts) | Value::List(parts) => !parts.is_empty(),
        }
    }

    /// An integer, which truth values are as well.
    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Value::Bool(truth) => Some(i128::from(*truth)),
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number as a decimal.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Value::Float(number) => Some(*number),
            other => other.integer().map(|number| number as f64),
        }
    }

    /// What Python calls its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "str",
            Value::Tuple(_) => "tuple",
            Value::List(_) => "list",
        }
    }

    /// As `print` and `str` show it.
    pub fn show(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            other => other.repr(),
        }
    }

    /// As `repr` shows it.
    pub fn repr(&self) -> String {
        let list = |parts: &[Value]| {
            let parts: Vec<String> = parts.iter().map(Value::repr).collect();
            parts.join(", ")
        };
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(true) => "True".to_owned(),
            Value::Bool(false) => "False".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Float(number) => float_repr(*number),
            Value::Text(text) => text_repr(text),
            Value::Tuple(parts) if parts.len() == 1 => format!("({},)", list(parts)),
            Value::Tuple(parts) => format!("({})", list(parts)),
            Value::List(parts) => format!("[{}]", list(parts)),
        }
    }

    /// Whether both are equal; numbers of different types may be.
    pub(super) fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Text(left), Value::Text(right)) => left == right,
            (Value::None, Value::None) => true,
            (Value::Tuple(left), Value::Tuple(right)) | (Value::List(left), Value::List(right)) => {
                let pairs = || left.iter().zip(right);
                left.len() == right.len() && pairs().all(|(left, right)| left.equals(right))
            }
            (left, right) => left.number_order(right) == Some(Ordering::Equal),
        }
    }

    /// The order of two values; the outer `None` if there is none between such types.
    #[expect(
        clippy::option_option,
        reason = "no order between types is not the same as NaN"
    )]
    pub(super) fn order(&self, other: &Value) -> Option<Option<Ordering>> {
        match (self, other) {
            (Value::Text(left), Value::Text(right)) => Some(Some(left.cmp(right))),
            (Value::Tuple(left), Value::Tuple(right)) | (Value::List(left), Value::List(right)) => {
                for (left, right) in left.iter().zip(right) {
                    if !left.equals(right) {
                        return left.order(right);
                    }
                }
                Some(Some(left.len().cmp(&right.len())))
            }
            (left, right) if left.float().is_some() && right.float().is_some() => {
                Some(left.number_order(right))
            }
            _ => None,
        }
    }

    fn number_order(&self, other: &Value) -> Option<Ordering> {
        match (self.integer(), other.integer()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            (Some(left), None) => order_exactly(left, other.float()?),
            (None, Some(right)) => order_exactly(right, self.float()?).map(Ordering::reverse),
            (None, None) => self.float()?.partial_cmp(&other.float()?),
        }
    }
}

/// An integer against a decimal, without rounding either.
fn order_exactly(left: i128, right: f64) -> Option<Ordering> {
    if right.is_nan() {
        return None;
    }
    if right >= 2f64.powi(127) {
        return Some(Ordering::Less);
    }
    if right < -(2f64.powi(127)) {
        return Some(Ordering::Greater);
    }
    let whole = right.floor();
    let behind = if right > whole {
        Ordering::Less
    } else {
        Ordering::Equal
    };
    Some(left.cmp(&(whole as i128)).then(behind))
}

/// The shortest digits that read back as the same number, in Python's two notations.
fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    let plain = number.to_string();
    if plain.contains('.') {
        plain
    } else {
        format!("{plain}.0")
    }
}

fn text_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::from(quote);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            c if c == quote => {
                shown.push('\\');
                shown.push(c);
            }
            c if (c as u32) < 32 || c as u32 == 127 => {
                shown.push_str(&format!("\\x{:02x}", c as u32));
            }
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}
