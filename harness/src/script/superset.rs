//! Forms that packetdrill does not have: refused where only its own language is taken.

use crate::diagnostic::{Diagnostic, code};
use crate::source::{Source, Span};

/// The form at `span` is not packetdrill's. `form` names it as a noun, in the plural or with its
/// article: "named connections", "a nested `#ifdef`".
pub(crate) fn refuse(source: &Source, span: Span, form: &str) -> Diagnostic {
    let message = format!("packetdrill does not have {form}");
    Diagnostic::error(code::SUPERSET, source, span, message)
        .label("only packetdrill's own language is taken here")
        .help("`tcpdrill run` takes this script")
}
