//! Where things stand in a ladder diagram, in units of the picture.

use super::pieces::Piece;

/// Whole width.
pub(super) const WIDTH: u32 = 1080;
/// Right edge of the times.
pub(super) const TIMES: u32 = 84;
/// The line of the peer.
pub(super) const PEER: u32 = 108;
/// The line of the stack under test.
pub(super) const STACK: u32 = 572;
/// Left edge of what stands beside the stack.
pub(super) const BESIDE: u32 = 588;
/// Height of a line of text.
pub(super) const LINE: u32 = 16;
/// Width of a character: 12 units high, in a font of fixed width.
const CHARACTER: u32 = 73;
/// Characters over an arrow.
pub(super) const OVER_ARROW: usize = ((STACK - PEER - 24) * 10 / CHARACTER) as usize;
/// Characters beside the stack.
pub(super) const BESIDE_STACK: usize = ((WIDTH - BESIDE - 4) * 10 / CHARACTER) as usize;

/// Puts pieces into lines of at most `width` characters. One that is too long is broken behind a comma
/// or a blank, or anywhere if it has none.
pub(super) fn flow(pieces: &[Piece], width: usize) -> Vec<Vec<Piece>> {
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut used = 0;
    for piece in pieces {
        for (place, part) in wrap(&piece.text, width).into_iter().enumerate() {
            let length = part.chars().count();
            if place > 0 || (used > 0 && used + 1 + length > width) {
                lines.push(Vec::new());
                used = 0;
            }
            used += length + usize::from(used > 0);
            let field = piece.field;
            if let Some(line) = lines.last_mut() {
                line.push(Piece { field, text: part });
            }
        }
    }
    lines
}

/// Breaks text into lines of at most `width` characters.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width {
        let breaks = |character: &char| matches!(character, ',' | ' ');
        let end = rest[..width].iter().rposition(breaks);
        // A break near the front would leave the line nearly empty.
        let end = end
            .filter(|end| *end >= width / 2)
            .map_or(width, |end| end + 1);
        let tail = rest.split_off(end);
        lines.push(rest.iter().collect::<String>().trim_end().to_string());
        rest = tail;
    }
    lines.push(rest.into_iter().collect());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("short", 10, &["short"])]
    #[case("<mss 1460,sackOK,wscale 7>", 12, &["<mss 1460,", "sackOK,", "wscale 7>"])]
    #[case("0123456789abc", 5, &["01234", "56789", "abc"])]
    #[case("a 23456789", 5, &["a 234", "56789"])]
    #[case("", 5, &[""])]
    fn long_text_is_broken_where_it_can_be(
        #[case] text: &str,
        #[case] width: usize,
        #[case] want: &[&str],
    ) {
        assert_eq!(wrap(text, width), want);
    }

    #[test]
    fn pieces_fill_lines_and_keep_their_fields() {
        let pieces = super::super::pieces::pieces("> P. 1:11(10) ack 1 win 100 <nop,nop>");
        let lines = flow(&pieces, 16);
        let texts: Vec<Vec<&str>> = lines
            .iter()
            .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
            .collect();
        assert_eq!(
            texts,
            [
                vec!["P.", "1:11(10)"],
                vec!["ack 1", "win 100"],
                vec!["<nop,nop>"]
            ]
        );
    }
}
