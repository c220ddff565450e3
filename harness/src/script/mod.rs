//! The script language (being merged; see docs/language.md).

use crate::diagnostic::Diagnostic;
use crate::program::{CaseHeader, IpVersion, Program};
use crate::source::Source;

/// What a script is read with.
#[derive(Clone, Debug, Default)]
pub struct LoadContext {
    /// Names `#ifdef` knows.
    pub predefined: Vec<String>,
    /// `-D NAME=VALUE`.
    pub defines: Vec<(String, String)>,
    /// Family, for `--ip_version`.
    pub ip_version: Option<IpVersion>,
}

/// Reads a script.
///
/// # Errors
/// What is wrong with it.
pub fn load(source: &Source, _context: &LoadContext) -> Result<Program, Vec<Diagnostic>> {
    Err(vec![Diagnostic::error(
        "S000",
        source,
        Default::default(),
        "no language yet",
    )])
}

/// Reads the header lines.
pub fn header(_source: &Source) -> CaseHeader {
    CaseHeader::default()
}

/// Constants of code blocks.
pub fn constants() -> impl Iterator<Item = (&'static str, i64)> {
    [("TCP_ESTABLISHED", 1)].into_iter()
}

/// An errno's name.
pub fn errno_name(errno: crate::call::Errno) -> String {
    errno.0.to_string()
}

impl Diagnostic {
    /// As text.
    pub fn render(&self, _colour: bool) -> String {
        self.message.clone()
    }
}
