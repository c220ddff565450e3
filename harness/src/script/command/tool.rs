//! Simple commands that a target can do itself.

use std::time::Duration;

use super::reader::{Redirect, Simple};
use super::{Sysctl, Tool, device, dotted, setting_file};

/// Where the programs of a system lie: with such a path a command is the same as without one.
const PROGRAMS: &[&str] = &["/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/"];

/// Where the outputs of a command go.
#[derive(Default)]
struct Outputs {
    silent: (bool, bool),
    file: Option<String>,
}

/// The tool and which of its outputs go nowhere; `None` if it takes a shell.
pub(super) fn read(simple: &Simple) -> Option<(Tool, (bool, bool))> {
    let outputs = outputs(&simple.redirects)?;
    let (first, arguments) = simple.words.split_first()?;
    let arguments: Vec<&str> = arguments.iter().map(|word| word.text.as_str()).collect();
    let name = PROGRAMS
        .iter()
        .find_map(|folder| first.text.strip_prefix(folder))
        .unwrap_or(&first.text);
    if let Some(path) = outputs.file {
        let text = match name {
            "echo" => echo(&arguments)?,
            _ => return None,
        };
        return Some((Tool::Write(path, text), (true, outputs.silent.1)));
    }
    let tool = match name {
        "true" | ":" => Tool::Status(0),
        "false" => Tool::Status(1),
        "sleep" => Tool::Sleep(sleep(&arguments)?),
        "echo" => Tool::Echo(echo(&arguments)?),
        "sysctl" => Tool::Sysctl(sysctl(&arguments)?),
        "cat" => cat(&arguments)?,
        "ip" => device::ip(&arguments)?,
        "tc" => device::tc(&arguments)?,
        "sh" | "bash" if arguments.first().is_some_and(|path| path.contains('/')) => {
            file(arguments[0], &arguments[1..])
        }
        path if path.contains('/') && path == first.text => file(path, &arguments),
        _ => return None,
    };
    Some((tool, outputs.silent))
}

fn file(path: &str, arguments: &[&str]) -> Tool {
    let arguments = arguments.iter().map(|text| (*text).to_owned()).collect();
    Tool::File(path.to_owned(), arguments)
}

/// Nowhere, or (of standard output) a file that holds a setting.
fn outputs(redirects: &[Redirect]) -> Option<Outputs> {
    let mut outputs = Outputs::default();
    for redirect in redirects {
        let target = redirect.target.text.as_str();
        let nowhere = target == "/dev/null";
        match (redirect.fd, redirect.operator) {
            (0, "<") if nowhere => {}
            (1, ">" | ">>") if nowhere => {
                outputs.silent.0 = true;
                outputs.file = None;
            }
            (2, ">" | ">>") if nowhere => outputs.silent.1 = true,
            (2, ">&") if target == "1" => {
                outputs.silent.1 = outputs.silent.0 || outputs.file.is_some();
            }
            (1, ">&") if target == "2" => outputs.silent.0 = outputs.silent.1,
            (1, ">") if target.starts_with("/proc/sys/") || target.starts_with("/sys/") => {
                if target.split('/').any(|part| matches!(part, "." | "..")) {
                    return None;
                }
                outputs.file = Some(target.to_owned());
            }
            _ => return None,
        }
    }
    Some(outputs)
}

/// What `echo` prints, without its line end. Escapes differ from shell to shell: left to it.
fn echo(arguments: &[&str]) -> Option<String> {
    let arguments = match arguments {
        ["-n", rest @ ..] => rest,
        all => all,
    };
    let plain = |text: &&str| !text.contains('\\');
    let options = arguments
        .first()
        .is_some_and(|first| first.starts_with("-e") || *first == "-n");
    (!options && arguments.iter().all(plain)).then(|| arguments.join(" "))
}

fn sleep(arguments: &[&str]) -> Option<Duration> {
    let [text] = arguments else {
        return None;
    };
    let (digits, unit) = match text.strip_suffix(['s', 'm']) {
        Some(digits) => (digits, if text.ends_with('m') { 60.0 } else { 1.0 }),
        None => (*text, 1.0),
    };
    let plain = digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds: f64 = digits.parse().ok().filter(|_| plain)?;
    Duration::try_from_secs_f64(seconds * unit).ok()
}

fn cat(paths: &[&str]) -> Option<Tool> {
    let settings = |path: &&str| super::setting_of(path).is_some();
    (!paths.is_empty() && paths.iter().all(settings))
        .then(|| Tool::Cat(paths.iter().map(|path| (*path).to_owned()).collect()))
}

fn sysctl(arguments: &[&str]) -> Option<Sysctl> {
    let mut sysctl = Sysctl::default();
    let mut writes = false;
    for argument in arguments {
        match *argument {
            "--quiet" => sysctl.quiet = true,
            "--write" => writes = true,
            "--ignore" => sysctl.ignore = true,
            "--values" => sysctl.values_only = true,
            flags if flags.starts_with('-') => {
                let letters = &flags[1..];
                if letters.is_empty() || letters.starts_with('-') {
                    return None;
                }
                for letter in letters.chars() {
                    match letter {
                        'q' => sysctl.quiet = true,
                        'w' => writes = true,
                        'e' => sysctl.ignore = true,
                        'n' => sysctl.values_only = true,
                        _ => return None,
                    }
                }
            }
            item => {
                let (name, value) = match item.split_once('=') {
                    Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
                    None => (item, None),
                };
                // A name that is none is for the tool to complain about, in its own words.
                setting_file(name)?;
                sysctl.items.push((dotted(name), value));
            }
        }
    }
    let wrong = writes && sysctl.items.iter().any(|(_, value)| value.is_none());
    (!sysctl.items.is_empty() && !wrong).then_some(sysctl)
}
