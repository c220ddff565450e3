//! The text written anew.

use super::column::{self, Layout};
use super::piece::{Comment, Piece, Role};
use crate::script::token::TokenKind;

/// Calls longer than this are broken at their commas.
const WIDTH: usize = 110;
/// How far a line that goes on is moved in, where no bracket says where to.
const STEP: usize = 4;

/// Writes the pieces in a layout.
pub(super) fn emit(pieces: &[Piece<'_>], layout: Layout) -> String {
    let mut writer = Writer::default();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        writer.comments_before(piece);
        match piece.role {
            Role::End => break,
            Role::Event => at = writer.event(pieces, at, layout),
            Role::Untimed | Role::Directive | Role::Inner => {
                let indent = if piece.role == Role::Inner { STEP } else { 0 };
                writer.begin(piece, indent);
                writer.put(piece.text);
                at += 1;
                if piece.role == Role::Directive {
                    at = writer.rest_of_directive(pieces, at);
                }
            }
        }
        at = writer.rest(pieces, at);
    }
    writer.finish()
}

/// An open bracket: the column behind it, and the indent of the line it stands on.
struct Bracket {
    column: usize,
    line_indent: usize,
    /// Whether it is the last on its line, so that what it holds is moved in by a step.
    is_last: bool,
}

#[derive(Default)]
struct Writer {
    text: String,
    /// Where the last line begins.
    line: usize,
    /// The blanks the current line begins with.
    indent: usize,
    /// Where a line that goes on begins if no bracket is open.
    hanging: usize,
    brackets: Vec<Bracket>,
    /// Whether what was written last ends its line.
    is_ended: bool,
}

impl Writer {
    fn put(&mut self, text: &str) {
        self.text.push_str(text);
        if let Some(end) = text.rfind('\n') {
            self.line = self.text.len() - (text.len() - end - 1);
        }
    }

    fn column(&self) -> usize {
        self.text[self.line..].chars().count()
    }

    /// Ends the line, unless nothing is on it, and leaves at most one line empty.
    fn end_line(&mut self, breaks: usize) {
        if self.text.is_empty() {
            return;
        }
        if !self.text.ends_with('\n') || self.column() > 0 {
            self.text.push('\n');
        }
        if breaks > 1 && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
        self.line = self.text.len();
        self.is_ended = false;
    }

    /// Begins a statement on a line of its own.
    fn begin(&mut self, piece: &Piece<'_>, indent: usize) {
        self.end_line(piece.breaks);
        self.put(&" ".repeat(indent));
        self.indent = indent;
        if piece.role != Role::Directive {
            self.hanging = indent + STEP;
            self.brackets.clear();
        }
    }

    /// The comments between two statements.
    fn comments_before(&mut self, piece: &Piece<'_>) {
        for comment in &piece.comments {
            if comment.breaks == 0 && !self.text.is_empty() && !self.is_ended {
                self.trailing(comment);
                continue;
            }
            self.end_line(comment.breaks);
            // Where it stands is the writer's choice.
            self.put(comment.gap);
            self.put(comment.text);
            self.is_ended = true;
        }
    }

    /// A comment behind something on its line.
    fn trailing(&mut self, comment: &Comment<'_>) {
        let blanks = match comment.gap.contains('\t') {
            true => 2,
            false => comment.gap.len().max(1),
        };
        self.put(&" ".repeat(blanks));
        self.put(comment.text);
        self.is_ended = comment.ends_line || comment.text.contains('\n');
    }

    /// An event up to its action: the time in its column, one blank.
    fn event(&mut self, pieces: &[Piece<'_>], at: usize, layout: Layout) -> usize {
        let time = column::time(&pieces[at..]);
        let end = at + time.pieces;
        let is_plain = pieces[at + 1..end]
            .iter()
            .all(|piece| piece.comments.is_empty());
        self.begin(&pieces[at], layout.indent(&time));
        self.put(pieces[at].text);
        if !is_plain {
            return at + 1;
        }
        for piece in &pieces[at + 1..end] {
            // `...` and a number without its zero would run into each other.
            if self.text.ends_with("...") && piece.text.starts_with('.') {
                self.put(" ");
            }
            self.put(piece.text);
        }
        self.hanging = self.column() + 1 + STEP;
        end
    }

    /// What stands on a directive's line is kept.
    fn rest_of_directive(&mut self, pieces: &[Piece<'_>], mut at: usize) -> usize {
        while let Some(piece) = pieces.get(at) {
            let is_here = piece.breaks == 0
                && piece
                    .comments
                    .iter()
                    .all(|comment| comment.breaks == 0 && !comment.ends_line);
            if !is_here || piece.role != Role::Inner {
                break;
            }
            for comment in &piece.comments {
                self.put(" ");
                self.put(comment.text);
            }
            if piece.is_apart {
                self.put(" ");
            }
            self.put(piece.text);
            at += 1;
        }
        at
    }

    /// The rest of a statement.
    fn rest(&mut self, pieces: &[Piece<'_>], mut at: usize) -> usize {
        while let Some(piece) = pieces.get(at).filter(|piece| piece.role == Role::Inner) {
            let before = at.checked_sub(1).and_then(|before| pieces.get(before));
            for comment in &piece.comments {
                if comment.breaks > 0 || self.is_ended {
                    self.go_on_below(piece);
                    self.put(comment.text);
                    self.is_ended = comment.ends_line;
                } else {
                    self.trailing(comment);
                }
            }
            let in_call = !self.brackets.is_empty();
            let behind_comma = in_call && before.is_some_and(|before| before.is(','));
            let is_long = behind_comma && self.column() + 1 + chunk(&pieces[at..]) > WIDTH;
            if piece.breaks > 0 || self.is_ended || is_long {
                self.go_on_below(piece);
            } else if let Some(before) = before
                && self.is_gap(before, piece)
            {
                self.put(" ");
            }
            self.inner(piece);
            at += 1;
        }
        at
    }

    fn inner(&mut self, piece: &Piece<'_>) {
        self.put(piece.text);
        match piece.kind {
            TokenKind::Punct('(' | '[' | '{') => self.brackets.push(Bracket {
                column: self.column(),
                line_indent: self.indent,
                is_last: false,
            }),
            TokenKind::Punct(')' | ']' | '}') => drop(self.brackets.pop()),
            _ => {}
        }
    }

    /// Goes on with a statement on the next line: below what the innermost bracket holds.
    fn go_on_below(&mut self, piece: &Piece<'_>) {
        let is_bracket_last = self.text.ends_with(['(', '[', '{']) && !self.is_ended;
        let closes = piece.is(')') || piece.is(']') || piece.is('}');
        if is_bracket_last && let Some(bracket) = self.brackets.last_mut() {
            bracket.column = bracket.line_indent + STEP;
            bracket.is_last = true;
        }
        let indent = match self.brackets.last() {
            None => self.hanging,
            Some(bracket) if closes && bracket.is_last => bracket.line_indent,
            Some(bracket) if closes => bracket.column - 1,
            Some(bracket) => bracket.column,
        };
        self.end_line(1);
        self.put(&" ".repeat(indent));
        self.indent = indent;
    }

    /// Whether a blank stands between two pieces of a line.
    fn is_gap(&self, before: &Piece<'_>, piece: &Piece<'_>) -> bool {
        let in_call = !self.brackets.is_empty() && before.kind != TokenKind::Option;
        if in_call && piece.is(',') {
            return !piece.comments.is_empty();
        }
        if in_call && before.is(',') {
            return true;
        }
        let opens = before.is('(') || before.is('[');
        let closes = piece.is(')') || piece.is(']');
        if in_call && piece.comments.is_empty() && (opens || closes) {
            return false;
        }
        piece.is_apart || !piece.comments.is_empty()
    }

    fn finish(mut self) -> String {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text
    }
}

/// How many characters come up to the next comma that may end a line, to the end of the call's
/// arguments, or to where the line ends.
fn chunk(pieces: &[Piece<'_>]) -> usize {
    let mut width = 0;
    let mut depth = 0_i32;
    for (at, piece) in pieces.iter().enumerate() {
        let ends = at > 0 && (piece.breaks > 0 || !piece.comments.is_empty());
        if ends || piece.role != Role::Inner {
            break;
        }
        let first = piece.text.lines().next().unwrap_or_default();
        width += first.chars().count() + usize::from(at > 0 && piece.is_apart);
        depth += match piece.kind {
            TokenKind::Punct('(' | '[' | '{') => 1,
            TokenKind::Punct(')' | ']' | '}') => -1,
            _ => 0,
        };
        if depth < 0 || piece.is(',') || piece.text.contains('\n') {
            break;
        }
    }
    width
}
