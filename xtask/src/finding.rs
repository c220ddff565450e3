//! What a check has to say.

use std::fmt;

/// Whether a finding fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The run fails.
    Error,
    /// Worth a look; the run passes.
    Notice,
}

/// One thing found in one place. Orders by place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the repository's top folder, with `/`.
    pub path: String,
    /// Line, from 1; 0 for the file as a whole.
    pub line: usize,
    /// Whether it fails the run.
    pub severity: Severity,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    pub(crate) fn error(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            severity: Severity::Error,
            message: message.into(),
        }
    }

    pub(crate) fn notice(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Notice,
            ..Self::error(path, line, message)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Notice => "notice",
        };
        if self.line == 0 {
            write!(f, "{severity}: {}: {}", self.path, self.message)
        } else {
            write!(
                f,
                "{severity}: {}:{}: {}",
                self.path, self.line, self.message
            )
        }
    }
}
