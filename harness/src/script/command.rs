//! Back-quoted commands that need no shell: settings by `sysctl`, and `true`.

/// What a command asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Only settings, in order: name and value. Empty for `true` alone.
    Sysctl(Vec<(String, String)>),
    /// Anything else: it needs `/bin/sh`.
    Shell,
}

/// Reads a command. Lines, and parts joined by `;` or `&&`, may each be `true` or
/// `sysctl [-q] [-w] [-e] name=value …`, values quoted if they hold blanks.
pub fn read(text: &str) -> Command {
    match settings(text) {
        Some(settings) => Command::Sysctl(settings),
        None => Command::Shell,
    }
}

fn settings(text: &str) -> Option<Vec<(String, String)>> {
    let mut settings = Vec::new();
    for words in statements(text)? {
        let Some((first, rest)) = words.split_first() else {
            continue;
        };
        match first.as_str() {
            "true" if rest.is_empty() => {}
            "sysctl" => {
                for word in rest {
                    if matches!(word.as_str(), "-q" | "-w" | "-e" | "-qw" | "-wq") {
                        continue;
                    }
                    let (name, value) = word.split_once('=')?;
                    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
                    if name.is_empty() || name.starts_with('-') || !name.chars().all(plain) {
                        return None;
                    }
                    settings.push((name.replace('/', "."), value.to_owned()));
                }
            }
            _ => return None,
        }
    }
    Some(settings)
}

/// The words of each simple command, quotes resolved; `None` if the shell would do more.
fn statements(text: &str) -> Option<Vec<Vec<String>>> {
    let mut all = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' | '\'' => {
                let inside = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        end if end == character => break,
                        '$' | '`' | '\\' if character == '"' => return None,
                        other => inside.push(other),
                    }
                }
            }
            ' ' | '\t' | '\r' => end_word(&mut word, &mut all),
            '\n' | ';' | '&' => {
                if character == '&' && characters.next() != Some('&') {
                    return None;
                }
                end_word(&mut word, &mut all);
                all.push(Vec::new());
            }
            '$' | '`' | '\\' | '|' | '<' | '>' | '(' | ')' | '#' | '*' | '?' | '~' | '{' | '}'
            | '!' => {
                return None;
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    end_word(&mut word, &mut all);
    Some(all)
}

fn end_word(word: &mut Option<String>, all: &mut [Vec<String>]) {
    if let (Some(word), Some(last)) = (word.take(), all.last_mut()) {
        last.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("true", &[])]
    #[case("sysctl -q -w net.ipv4.tcp_ecn=1", &[("net.ipv4.tcp_ecn", "1")])]
    #[case("sysctl -q -w a.b=1 c.d=\"4096 5 6\"", &[("a.b", "1"), ("c.d", "4096 5 6")])]
    #[case("\n sysctl -w net/ipv4/x='1'\n true; sysctl y.z=2 && true\n", &[("net.ipv4.x", "1"), ("y.z", "2")])]
    fn settings_need_no_shell(#[case] text: &str, #[case] want: &[(&str, &str)]) {
        let want = want
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()));
        assert_eq!(read(text), Command::Sysctl(want.collect()));
    }

    #[rstest]
    #[case("./defaults.sh")]
    #[case("sysctl -q net.ipv4.tcp_ecn")]
    #[case("sysctl -w a=$B")]
    #[case("sysctl -w a=\"$B\"")]
    #[case("sysctl -w a=1 > /dev/null")]
    #[case("sysctl -w a=1 & true")]
    #[case("sysctl -w a=\"1")]
    #[case("true | cat")]
    #[case("true false")]
    fn everything_else_needs_one(#[case] text: &str) {
        assert_eq!(read(text), Command::Shell);
    }
}
