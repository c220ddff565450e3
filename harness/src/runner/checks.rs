//! Code blocks: evaluating the plain subset of Python that scripts use.

use std::collections::BTreeMap;

use crate::program::{BinaryOp, CheckExpr, CheckStatement, CompareOp};
use crate::source::Span;

/// A value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// An integer or a truth value.
    Int(i64),
    /// A decimal.
    Float(f64),
    /// A string.
    Text(String),
}

impl Value {
    fn is_true(&self) -> bool {
        match self {
            Value::Int(number) => *number != 0,
            Value::Float(number) => *number != 0.0,
            Value::Text(text) => !text.is_empty(),
        }
    }

    /// As `print` shows it.
    pub(super) fn show(&self) -> String {
        match self {
            Value::Int(number) => number.to_string(),
            Value::Float(number) => number.to_string(),
            Value::Text(text) => text.clone(),
        }
    }
}

/// How a block ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Checked {
    /// Every assertion held. What was printed.
    Held(Vec<String>),
    /// An assertion did not hold: where, the values of its names, its message.
    Broken {
        /// The assertion.
        span: Span,
        /// `name = value` for each name in the condition.
        values: String,
        /// The message after the comma.
        message: Option<String>,
    },
    /// The block cannot be evaluated: a name no one knows, a division by zero.
    Unusable(String),
}

/// Names a block can see.
pub(super) struct Scope {
    /// Snapshot variables and names assigned by earlier blocks.
    pub(super) variables: BTreeMap<String, Value>,
}

impl Scope {
    /// Runs the statements of one block.
    pub(super) fn run(&mut self, statements: &[CheckStatement]) -> Checked {
        let mut printed = Vec::new();
        for statement in statements {
            let outcome = match statement {
                CheckStatement::Assert {
                    condition,
                    message,
                    span,
                } => match self.value(condition) {
                    Ok(value) if value.is_true() => Ok(()),
                    Ok(_) => {
                        return Checked::Broken {
                            span: *span,
                            values: self.values_of(condition),
                            message: message
                                .as_ref()
                                .and_then(|expr| self.value(expr).ok())
                                .map(|value| value.show()),
                        };
                    }
                    Err(problem) => Err(problem),
                },
                CheckStatement::Print(parts) => parts
                    .iter()
                    .map(|part| self.value(part).map(|value| value.show()))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|parts| printed.push(parts.join(" "))),
                CheckStatement::Assign(name, expr) => self.value(expr).map(|value| {
                    self.variables.insert(name.clone(), value);
                }),
            };
            if let Err(problem) = outcome {
                return Checked::Unusable(problem);
            }
        }
        Checked::Held(printed)
    }

    fn value(&self, expr: &CheckExpr) -> Result<Value, String> {
        Ok(match expr {
            CheckExpr::Int(number) => Value::Int(*number),
            CheckExpr::Float(number) => Value::Float(*number),
            CheckExpr::Text(text) => Value::Text(text.clone()),
            CheckExpr::Name(name) => self
                .variables
                .get(name)
                .cloned()
                .ok_or(format!("unknown name `{name}`"))?,
            CheckExpr::Not(inner) => Value::Int(i64::from(!self.value(inner)?.is_true())),
            CheckExpr::Negate(inner) => {
                arithmetic(BinaryOp::Sub, Value::Int(0), self.value(inner)?)?
            }
            CheckExpr::And(left, right) => match self.value(left)? {
                value if value.is_true() => self.value(right)?,
                value => value,
            },
            CheckExpr::Or(left, right) => match self.value(left)? {
                value if value.is_true() => value,
                _ => self.value(right)?,
            },
            CheckExpr::Compare(first, rest) => {
                let mut left = self.value(first)?;
                for (op, right) in rest {
                    let right = self.value(right)?;
                    if !compare(*op, &left, &right)? {
                        return Ok(Value::Int(0));
                    }
                    left = right;
                }
                Value::Int(1)
            }
            CheckExpr::Binary(op, left, right) => {
                arithmetic(*op, self.value(left)?, self.value(right)?)?
            }
        })
    }

    fn values_of(&self, expr: &CheckExpr) -> String {
        let mut names = Vec::new();
        collect_names(expr, &mut names);
        names.dedup();
        let shown: Vec<String> = names
            .iter()
            .filter_map(|name| Some(format!("{name} = {}", self.variables.get(*name)?.show())))
            .collect();
        shown.join(", ")
    }
}

fn collect_names<'a>(expr: &'a CheckExpr, names: &mut Vec<&'a str>) {
    match expr {
        CheckExpr::Name(name) => names.push(name),
        CheckExpr::Int(_) | CheckExpr::Float(_) | CheckExpr::Text(_) => {}
        CheckExpr::Not(inner) | CheckExpr::Negate(inner) => collect_names(inner, names),
        CheckExpr::And(left, right)
        | CheckExpr::Or(left, right)
        | CheckExpr::Binary(_, left, right) => {
            collect_names(left, names);
            collect_names(right, names);
        }
        CheckExpr::Compare(first, rest) => {
            collect_names(first, names);
            rest.iter()
                .for_each(|(_, right)| collect_names(right, names));
        }
    }
}

fn compare(op: CompareOp, left: &Value, right: &Value) -> Result<bool, String> {
    use std::cmp::Ordering;
    let order = match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Text(_), _) | (_, Value::Text(_)) => match op {
            CompareOp::Eq => return Ok(false),
            CompareOp::Ne => return Ok(true),
            CompareOp::Lt | CompareOp::Le | CompareOp::Gt | CompareOp::Ge => {
                return Err("a number and a string have no order".to_string());
            }
        },
        (left, right) => float(left).partial_cmp(&float(right)),
    };
    Ok(match op {
        CompareOp::Eq => order == Some(Ordering::Equal),
        CompareOp::Ne => order != Some(Ordering::Equal),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Ge => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    })
}

fn float(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Text(_) => f64::NAN,
    }
}

fn arithmetic(op: BinaryOp, left: Value, right: Value) -> Result<Value, String> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => integers(op, left, right),
        (Value::Text(left), Value::Text(right)) if op == BinaryOp::Add => {
            Ok(Value::Text(left + &right))
        }
        (Value::Text(_), _) | (_, Value::Text(_)) => Err("arithmetic on a string".to_string()),
        (left, right) => floats(op, float(&left), float(&right)),
    }
}

fn integers(op: BinaryOp, left: i64, right: i64) -> Result<Value, String> {
    let zero = || "division by zero".to_string();
    let wide = || format!("{left} and {right} overflow");
    let shift = || u32::try_from(right).map_err(|_| format!("cannot shift by {right}"));
    let number = match op {
        BinaryOp::Add => left.checked_add(right).ok_or_else(wide)?,
        BinaryOp::Sub => left.checked_sub(right).ok_or_else(wide)?,
        BinaryOp::Mul => left.checked_mul(right).ok_or_else(wide)?,
        BinaryOp::Div if right == 0 => return Err(zero()),
        BinaryOp::Div => return Ok(Value::Float(left as f64 / right as f64)),
        BinaryOp::FloorDiv | BinaryOp::Mod if right == 0 => return Err(zero()),
        // Python rounds towards minus infinity and gives the remainder the divisor's sign.
        BinaryOp::FloorDiv => {
            let quotient = left.checked_div(right).ok_or_else(wide)?;
            quotient - i64::from(left % right != 0 && (left < 0) != (right < 0))
        }
        BinaryOp::Mod => {
            let rest = left.checked_rem(right).ok_or_else(wide)?;
            if rest != 0 && (rest < 0) != (right < 0) {
                rest + right
            } else {
                rest
            }
        }
        BinaryOp::BitAnd => left & right,
        BinaryOp::BitOr => left | right,
        BinaryOp::ShiftLeft => left.checked_shl(shift()?).ok_or_else(wide)?,
        BinaryOp::ShiftRight => left >> shift()?.min(63),
    };
    Ok(Value::Int(number))
}

fn floats(op: BinaryOp, left: f64, right: f64) -> Result<Value, String> {
    Ok(Value::Float(match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div | BinaryOp::FloorDiv | BinaryOp::Mod if right == 0.0 => {
            return Err("division by zero".to_string());
        }
        BinaryOp::Div => left / right,
        BinaryOp::FloorDiv => (left / right).floor(),
        BinaryOp::Mod => left - right * (left / right).floor(),
        BinaryOp::BitAnd | BinaryOp::BitOr | BinaryOp::ShiftLeft | BinaryOp::ShiftRight => {
            return Err("bit operation on a decimal".to_string());
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn name(text: &str) -> CheckExpr {
        CheckExpr::Name(text.to_string())
    }

    fn scope() -> Scope {
        let variables = [("tcpi_unacked", 3), ("zero", 0)]
            .map(|(name, value)| (name.to_string(), Value::Int(value)));
        Scope {
            variables: variables.into(),
        }
    }

    #[rstest]
    #[case(BinaryOp::FloorDiv, -7, 2, -4)]
    #[case(BinaryOp::Mod, -7, 2, 1)]
    #[case(BinaryOp::Mod, 7, -2, -1)]
    #[case(BinaryOp::ShiftRight, -8, 1, -4)]
    fn integers_divide_as_in_python(
        #[case] op: BinaryOp,
        #[case] left: i64,
        #[case] right: i64,
        #[case] want: i64,
    ) {
        assert_eq!(integers(op, left, right), Ok(Value::Int(want)));
    }

    #[test]
    fn a_broken_assertion_names_the_values_it_saw() {
        let condition = CheckExpr::Compare(
            Box::new(name("tcpi_unacked")),
            vec![(CompareOp::Eq, CheckExpr::Int(2))],
        );
        let assert = CheckStatement::Assert {
            condition,
            message: Some(name("zero")),
            span: Span::new(4, 9),
        };
        assert_eq!(
            scope().run(&[assert]),
            Checked::Broken {
                span: Span::new(4, 9),
                values: "tcpi_unacked = 3".to_string(),
                message: Some("0".to_string()),
            }
        );
    }

    #[rstest]
    #[case(
        CheckExpr::Binary(BinaryOp::Div, Box::new(CheckExpr::Int(1)), Box::new(name("zero"))),
        "division by zero"
    )]
    #[case(name("tcpi_nothing"), "unknown name `tcpi_nothing`")]
    #[case(
        CheckExpr::Binary(
            BinaryOp::Mul,
            Box::new(CheckExpr::Int(i64::MAX)),
            Box::new(CheckExpr::Int(2))
        ),
        "overflow"
    )]
    fn what_cannot_be_evaluated_is_said(#[case] expr: CheckExpr, #[case] want: &str) {
        let Checked::Unusable(problem) = scope().run(&[CheckStatement::Print(vec![expr])]) else {
            panic!("evaluated");
        };
        assert!(problem.contains(want), "{problem}");
    }

    #[test]
    fn comparisons_chain() {
        let chain = CheckExpr::Compare(
            Box::new(CheckExpr::Int(1)),
            vec![
                (CompareOp::Lt, name("tcpi_unacked")),
                (CompareOp::Le, CheckExpr::Int(3)),
            ],
        );
        assert_eq!(scope().value(&chain), Ok(Value::Int(1)));
    }
}
