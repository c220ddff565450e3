//! `'…' % values` and what stands behind the colon in `f"{…:…}"`.

use std::iter::Peekable;
use std::str::Chars;

use super::trouble::Trouble;
use super::value::Value;

/// The widest field there is room for.
const WIDEST: usize = 1000;

/// How a value is to be written.
#[derive(Clone, Debug, Default)]
struct Form {
    /// `<`, `>`, `^`, or `=`: between the sign and the digits.
    align: Option<char>,
    fill: Option<char>,
    /// `+` or a blank.
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouped: bool,
    precision: Option<usize>,
    kind: Option<char>,
}

/// `text % value`
pub(super) fn percent(text: &str, value: &Value) -> Result<String, Trouble> {
    let values = match value {
        Value::Tuple(parts) => parts.as_slice(),
        single => std::slice::from_ref(single),
    };
    let mut values = values.iter();
    let mut shown = String::new();
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '%' {
            shown.push(c);
            continue;
        }
        let form = percent_form(&mut rest)?;
        let kind = rest
            .next()
            .ok_or_else(|| Trouble::raised("ValueError", "incomplete format"))?;
        if kind == '%' {
            shown.push('%');
            continue;
        }
        let value = values.next().ok_or_else(|| {
            Trouble::raised("TypeError", "not enough arguments for format string")
        })?;
        shown.push_str(&percent_one(form, kind, value)?);
    }
    // A list is one value; it alone may go unused, being what could be looked up in.
    if values.next().is_some() && !matches!(value, Value::List(_)) {
        let what = "not all arguments converted during string formatting";
        return Err(Trouble::raised("TypeError", what));
    }
    Ok(shown)
}

fn percent_form(rest: &mut Peekable<Chars<'_>>) -> Result<Form, Trouble> {
    let mut form = Form::default();
    while let Some(flag) = rest.next_if(|c| "-+ 0#".contains(*c)) {
        match flag {
            '-' => form.align = Some('<'),
            '+' => form.sign = Some('+'),
            ' ' => form.sign = form.sign.or(Some(' ')),
            '0' => form.zero = true,
            _ => form.alternate = true,
        }
    }
    form.width = digits(rest)?.unwrap_or(0);
    if rest.next_if_eq(&'.').is_some() {
        form.precision = Some(digits(rest)?.unwrap_or(0));
    }
    Ok(form)
}

fn percent_one(mut form: Form, kind: char, value: &Value) -> Result<String, Trouble> {
    let mismatch = |wanted: &str| {
        let what = format!("%{kind} format: {wanted} is required, not {}", value.kind());
        Trouble::raised("TypeError", &what)
    };
    if form.zero && form.align.is_none() && !"sr".contains(kind) {
        (form.align, form.fill) = (Some('='), Some('0'));
    }
    form.kind = Some(kind);
    let number = match kind {
        's' => return Ok(text_field(&form, value.show())),
        'r' => return Ok(text_field(&form, value.repr())),
        'f' | 'F' | 'e' | 'E' | 'g' | 'G' => {
            let number = value.float().ok_or_else(|| mismatch("a real number"))?;
            return float_field(&form, number);
        }
        'd' | 'i' | 'u' => match value {
            Value::Float(number) => super::evaluate::truncated(*number)?,
            other => other.integer().ok_or_else(|| mismatch("a real number"))?,
        },
        'x' | 'X' | 'o' => value.integer().ok_or_else(|| mismatch("an integer"))?,
        _ => return Err(Trouble::beyond("this kind of `%` format")),
    };
    match form.precision {
        Some(_) => Err(Trouble::beyond("an integer with a precision")),
        None => Ok(integer_field(&form, number)),
    }
}

fn digits(rest: &mut Peekable<Chars<'_>>) -> Result<Option<usize>, Trouble> {
    let mut text = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        text.push(digit);
    }
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .ok()
        .filter(|width| *width <= WIDEST)
        .map(Some)
        .ok_or_else(|| Trouble::beyond("a field that wide"))
}

/// `f"{value!conversion:specification}"`
pub(super) fn field(
    value: &Value,
    conversion: Option<char>,
    specification: &str,
) -> Result<String, Trouble> {
    let value = match conversion {
        Some('r') => &Value::Text(value.repr()),
        Some('s') => &Value::Text(value.show()),
        Some(_) => return Err(Trouble::beyond("this conversion")),
        None => value,
    };
    if specification.is_empty() {
        return Ok(value.show());
    }
    let mut form = specified(specification)?;
    match (value, form.kind) {
        (Value::Text(text), None | Some('s')) => {
            let plain = !(form.zero || form.grouped || form.alternate)
                && form.sign.is_none()
                && form.align != Some('=');
            form.align = form.align.or(Some('<'));
            plain
                .then(|| text_field(&form, text.clone()))
                .ok_or_else(unusual)
        }
        (Value::Int(_), None)
        | (Value::Int(_) | Value::Bool(_), Some('d' | 'x' | 'X' | 'o' | 'b')) => {
            // Commas and zeros together count the width in another way.
            let plain = form.precision.is_none()
                && !(form.grouped && (form.zero || form.kind.is_some_and(|kind| kind != 'd')));
            plain
                .then(|| integer_field(&form, value.integer().unwrap_or(0)))
                .ok_or_else(unusual)
        }
        (
            Value::Int(_) | Value::Bool(_) | Value::Float(_),
            Some('f' | 'F' | 'e' | 'E' | 'g' | 'G' | '%'),
        ) if !(form.grouped && form.zero) => float_field(&form, value.float().unwrap_or(f64::NAN)),
        _ => Err(unusual()),
    }
}

fn unusual() -> Trouble {
    Trouble::beyond("this way of formatting")
}

fn specified(text: &str) -> Result<Form, Trouble> {
    let mut form = Form::default();
    let characters: Vec<char> = text.chars().collect();
    let aligns = |at: usize| characters.get(at).filter(|c| "<>^=".contains(**c)).copied();
    let at = match (aligns(1), aligns(0)) {
        (Some(align), _) => {
            (form.fill, form.align) = (characters.first().copied(), Some(align));
            2
        }
        (None, Some(align)) => {
            form.align = Some(align);
            1
        }
        (None, None) => 0,
    };
    let rest: String = characters[at..].iter().collect();
    let mut rest = rest.chars().peekable();
    form.sign = rest
        .next_if(|c| "+- ".contains(*c))
        .filter(|sign| *sign != '-');
    form.alternate = rest.next_if_eq(&'#').is_some();
    form.zero = rest.next_if_eq(&'0').is_some();
    if form.zero {
        form.align = form.align.or(Some('='));
        form.fill = form.fill.or(Some('0'));
    }
    form.width = digits(&mut rest)?.unwrap_or(0);
    form.grouped = rest.next_if_eq(&',').is_some();
    if rest.next_if_eq(&'.').is_some() {
        form.precision = Some(digits(&mut rest)?.ok_or_else(unusual)?);
    }
    form.kind = rest.next();
    match rest.next() {
        None => Ok(form),
        Some(_) => Err(unusual()),
    }
}

fn text_field(form: &Form, text: String) -> String {
    let text = match form.precision {
        Some(most) => text.chars().take(most).collect(),
        None => text,
    };
    padded(form, "", &text)
}

fn integer_field(form: &Form, number: i128) -> String {
    let magnitude = number.unsigned_abs();
    let (prefix, mut digits) = match form.kind {
        Some('x') => ("0x", format!("{magnitude:x}")),
        Some('X') => ("0X", format!("{magnitude:X}")),
        Some('o') => ("0o", format!("{magnitude:o}")),
        Some('b') => ("0b", format!("{magnitude:b}")),
        _ => ("", magnitude.to_string()),
    };
    if form.grouped {
        digits = grouped(&digits);
    }
    let prefix = if form.alternate { prefix } else { "" };
    padded(
        form,
        &format!("{}{prefix}", sign(form, number < 0)),
        &digits,
    )
}

fn float_field(form: &Form, number: f64) -> Result<String, Trouble> {
    if !number.is_finite() || form.alternate {
        return Err(unusual());
    }
    let precision = form.precision.unwrap_or(6);
    let magnitude = number.abs();
    let kind = form.kind.unwrap_or('f');
    let mut digits = match kind {
        'e' | 'E' => exponent(magnitude, precision),
        'g' | 'G' => general(magnitude, precision.max(1)),
        '%' => format!("{:.*}%", precision, magnitude * 100.0),
        _ => format!("{magnitude:.precision$}"),
    };
    if kind.is_ascii_uppercase() {
        digits.make_ascii_uppercase();
    }
    if form.grouped {
        let end = digits
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(digits.len());
        digits = format!("{}{}", grouped(&digits[..end]), &digits[end..]);
    }
    Ok(padded(form, sign(form, number.is_sign_negative()), &digits))
}

fn exponent(magnitude: f64, precision: usize) -> String {
    let shown = format!("{magnitude:.precision$e}");
    let (digits, power) = shown.split_once('e').unwrap_or((&shown, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", power.abs())
}

/// `%g`: as many significant digits as asked for, without zeros at the end.
fn general(magnitude: f64, significant: usize) -> String {
    let shown = exponent(magnitude, significant - 1);
    let (digits, power) = shown.split_once('e').unwrap_or((&shown, "+00"));
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let exponent: i32 = power.parse().unwrap_or(0);
    if exponent < -4 || exponent >= significant as i32 {
        return format!("{}e{power}", trimmed(digits));
    }
    let decimals = usize::try_from(significant as i32 - 1 - exponent).unwrap_or(0);
    trimmed(&format!("{magnitude:.decimals$}"))
}

fn sign(form: &Form, negative: bool) -> &'static str {
    match (negative, form.sign) {
        (true, _) => "-",
        (false, Some('+')) => "+",
        (false, Some(_)) => " ",
        (false, None) => "",
    }
}

fn grouped(digits: &str) -> String {
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Fills a field.
fn padded(form: &Form, sign: &str, digits: &str) -> String {
    let len = sign.chars().count() + digits.chars().count();
    let missing = form.width.saturating_sub(len);
    let fill = |count: usize| form.fill.unwrap_or(' ').to_string().repeat(count);
    match form.align.unwrap_or('>') {
        '<' => format!("{sign}{digits}{}", fill(missing)),
        '^' => {
            let left = missing / 2;
            format!("{}{sign}{digits}{}", fill(left), fill(missing - left))
        }
        '=' => format!("{sign}{}{digits}", fill(missing)),
        _ => format!("{}{sign}{digits}", fill(missing)),
    }
}
