//! Python for the code blocks that take it: one process for each script, asked block by block.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::program::code::{CodeBlock, Names, Value};
use crate::source::Span;
use crate::target::Starter;

/// How long a block may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the process runs.
const DRIVER: &str = include_str!("python/driver.py");

/// What the interpreter is called.
const PROGRAM: &str = "python3";

/// How a block ended.
#[derive(Debug)]
pub(super) enum Answer {
    Held {
        printed: Vec<String>,
        names: Names,
    },
    Broken {
        /// First and last line of the assertion, counted from 1.
        lines: (usize, usize),
        values: Vec<(String, String)>,
        message: Option<String>,
    },
    Raised {
        line: usize,
        what: String,
    },
}

/// A running interpreter. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Python {
    child: Child,
    asked: ChildStdin,
    answers: Receiver<String>,
}

/// Why there is no Python, if there is none.
pub(super) fn missing() -> Option<String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join(PROGRAM).is_file());
    (!found).then(|| {
        format!("a code block takes Python, and there is no `{PROGRAM}` on this machine; install it, or write the block with what docs/language.md lists")
    })
}

impl Python {
    pub(super) fn start(starter: Starter) -> Result<Python, String> {
        let mut command = Command::new(PROGRAM);
        command
            .args(["-u", "-c", DRIVER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = starter(&mut command)
            .map_err(|error| format!("`{PROGRAM}` cannot be started: {error}"))?;
        let (Some(asked), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("`{PROGRAM}` has no pipes"));
        };
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let python = Python {
            child,
            asked,
            answers,
        };
        // Its first line says that it is up.
        python.answer()?;
        Ok(python)
    }

    /// Runs one block with these names.
    pub(super) fn run(&mut self, code: &str, names: &Names) -> Result<Answer, String> {
        let names: BTreeMap<&String, Json> = names
            .iter()
            .map(|(name, value)| (name, encoded(value)))
            .collect();
        let question = json!({"code": code, "names": names});
        writeln!(self.asked, "{question}")
            .and_then(|()| self.asked.flush())
            .map_err(|error| format!("`{PROGRAM}` takes no code: {error}"))?;
        let line = self.answer()?;
        let answer: Json = serde_json::from_str(&line)
            .map_err(|error| format!("`{PROGRAM}` gave an answer that cannot be read: {error}"))?;
        understood(&answer).ok_or_else(|| format!("`{PROGRAM}` gave a strange answer: {line}"))
    }

    fn answer(&self) -> Result<String, String> {
        self.answers.recv_timeout(PATIENCE).map_err(|_| {
            format!(
                "`{PROGRAM}` has ended, or a code block takes more than {} s",
                PATIENCE.as_secs()
            )
        })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn understood(answer: &Json) -> Option<Answer> {
    let number = |json: &Json, name: &str| usize::try_from(json.get(name)?.as_u64()?).ok();
    if let Some(broken) = answer.get("broken") {
        let values = broken.get("values")?.as_array()?;
        let values = values
            .iter()
            .map(|pair| {
                Some((
                    pair.get(0)?.as_str()?.to_owned(),
                    pair.get(1)?.as_str()?.to_owned(),
                ))
            })
            .collect::<Option<_>>()?;
        return Some(Answer::Broken {
            lines: (number(broken, "first")?, number(broken, "last")?),
            values,
            message: broken.get("message")?.as_str().map(str::to_owned),
        });
    }
    if let Some(raised) = answer.get("raised") {
        return Some(Answer::Raised {
            line: number(raised, "line")?,
            what: raised.get("what")?.as_str()?.to_owned(),
        });
    }
    let printed = answer.get("printed")?.as_str()?;
    let names = answer.get("names")?.as_object()?;
    Some(Answer::Held {
        printed: printed.lines().map(str::to_owned).collect(),
        names: names
            .iter()
            .map(|(name, value)| Some((name.clone(), decoded(value)?)))
            .collect::<Option<_>>()?,
    })
}

/// A value with its type: numbers as text, since JSON's are not Python's.
fn encoded(value: &Value) -> Json {
    let list = |parts: &[Value]| parts.iter().map(encoded).collect::<Vec<Json>>();
    match value {
        Value::None => json!({"n": 0}),
        Value::Bool(truth) => json!({"b": truth}),
        Value::Int(number) => json!({"i": number.to_string()}),
        Value::Float(_) => json!({"f": value.repr()}),
        Value::Text(text) => json!({"s": text}),
        Value::Tuple(parts) => json!({"t": list(parts)}),
        Value::List(parts) => json!({"l": list(parts)}),
    }
}

fn decoded(json: &Json) -> Option<Value> {
    let (kind, value) = json.as_object()?.iter().next()?;
    let list = || -> Option<Vec<Value>> { value.as_array()?.iter().map(decoded).collect() };
    Some(match kind.as_str() {
        "n" => Value::None,
        "b" => Value::Bool(value.as_bool()?),
        "i" => Value::Int(value.as_str()?.parse().ok()?),
        "f" => Value::Float(value.as_str()?.parse().ok()?),
        "s" => Value::Text(value.as_str()?.to_owned()),
        "t" => Value::Tuple(list()?),
        "l" => Value::List(list()?),
        _ => return None,
    })
}

/// A block as a file of its own: what all its lines are indented by is taken off. What stands
/// behind the `%{` says nothing about that.
pub(super) fn laid_out(text: &str) -> String {
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let indent = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let opens = first.trim_end().ends_with(':');
    let common = rest
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
        .map(indent)
        .min()
        .filter(|_| !opens)
        .unwrap_or(0);
    let mut code = first.trim_start().to_owned();
    for line in rest.lines() {
        code.push('\n');
        code.push_str(&line[common.min(indent(line))..]);
    }
    code.push('\n');
    code
}

/// Where lines of a block stand, counted from 1.
pub(super) fn span_of_lines(block: &CodeBlock, (first, last): (usize, usize)) -> Span {
    let mut at = block.span.start;
    let mut span: Option<Span> = None;
    for (index, line) in block.text.split('\n').enumerate() {
        let blank = line.len() - line.trim_start().len();
        let here = Span::new(
            at + blank.min(line.len()),
            at + line.trim_end().len().max(blank),
        );
        if (first..=last).contains(&(index + 1)) {
            span = Some(span.map_or(here, |span| span.to(here)));
        }
        at += line.len() + 1;
    }
    span.unwrap_or(block.span)
}
