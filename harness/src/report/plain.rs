//! Text of scripts, packets and messages, made fit for a page, an XML document or a line of a protocol.

/// Whether a character would disturb a reader or a parser: control characters, those that turn the
/// direction of writing around, and those that no document may hold.
fn disturbs(character: char) -> bool {
    let direction = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let separator = matches!(character, '\u{2028}' | '\u{2029}');
    let nothing = matches!(character, '\u{fdd0}'..='\u{fdef}')
        || matches!(u32::from(character) & 0xffff, 0xfffe | 0xffff);
    character.is_control() || direction || separator || nothing
}

/// One line: what would disturb is shown as an escape, line ends as spaces.
pub(crate) fn line(text: &str) -> String {
    shown(text, |character| (character == '\n').then_some(' '))
}

/// Text of several lines: line ends and tabs stay.
pub(crate) fn lines(text: &str) -> String {
    shown(text, |character| {
        matches!(character, '\n' | '\t').then_some(character)
    })
}

fn shown(text: &str, instead: impl Fn(char) -> Option<char>) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match instead(character) {
            Some(other) => shown.push(other),
            None if character.is_control() => shown.extend(character.escape_debug()),
            None if disturbs(character) => shown.extend(character.escape_unicode()),
            None => shown.push(character),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("a\nb\tc", "a b\\tc", "a\nb\tc")]
    #[case("\u{1b}[31m\0", "\\u{1b}[31m\\0", "\\u{1b}[31m\\0")]
    #[case("\u{202e}x\u{ffff}", "\\u{202e}x\\u{ffff}", "\\u{202e}x\\u{ffff}")]
    #[case("你好 <b>", "你好 <b>", "你好 <b>")]
    fn what_disturbs_is_escaped(#[case] text: &str, #[case] one: &str, #[case] several: &str) {
        assert_eq!(
            (line(text), lines(text)),
            (one.to_string(), several.to_string())
        );
    }
}
