//! What is wrong with a script or a run, as data; rendering is apart.

pub mod code;
pub mod render;

use serde::{Deserialize, Serialize};

use crate::source::{Source, Span};
use crate::words::Word;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    /// The script cannot run, or the case failed.
    Error,
    /// Worth a look; nothing stops.
    Warning,
}

/// A place in the script with a few words under it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands under the underline; may be empty.
    pub text: String,
}

/// One finding with its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Diagnostic {
    /// Stable code: `S…` syntax, `C…` check, `R…` run (see docs/diagnostics.md).
    #[serde(deserialize_with = "crate::words::read")]
    pub code: Word,
    /// How bad.
    pub severity: Severity,
    /// One line: what happened, what was expected.
    pub message: String,
    /// The script.
    pub source: Source,
    /// The place it is about.
    pub primary: Label,
    /// Other places that explain it.
    pub secondary: Vec<Label>,
    /// Further lines, each a `note:`.
    pub notes: Vec<String>,
    /// What to do, as a `help:`.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(
        code: &'static str,
        source: &Source,
        span: Span,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic {
            code,
            severity: Severity::Error,
            message: message.into(),
            source: source.clone(),
            primary: Label {
                span,
                text: String::new(),
            },
            secondary: Vec::new(),
            notes: Vec::new(),
            help: None,
        }
    }

    /// The same with words under the underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Diagnostic {
        self.primary.text = text.into();
        self
    }

    /// The same with another place that explains it.
    #[must_use]
    pub fn also(mut self, span: Span, text: impl Into<String>) -> Diagnostic {
        self.secondary.push(Label {
            span,
            text: text.into(),
        });
        self
    }

    /// The same, but only a warning.
    #[must_use]
    pub fn warning(mut self) -> Diagnostic {
        self.severity = Severity::Warning;
        self
    }

    /// The same with one more note.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Diagnostic {
        self.notes.push(text.into());
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Diagnostic {
        self.help = Some(text.into());
        self
    }
}
