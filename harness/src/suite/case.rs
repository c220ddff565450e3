//! One case of a suite, before it is checked.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Where a case came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// It travels inside the binary.
    Bundled,
    /// A family writes it.
    Generated,
    /// A file.
    File(PathBuf),
}

/// What a case consists of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    /// A script.
    Script(Source),
    /// The parameters of a probe.
    Probe(Source),
    /// A file that could not be read: its name and why.
    Unreadable(Source, String),
}

/// One case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Case {
    /// Path below the suite's root without extension: `handshake/passive-open`.
    pub name: String,
    /// Where it came from.
    pub origin: Origin,
    /// What it consists of.
    pub body: Body,
}

impl Case {
    /// The text of the case's file.
    pub fn source(&self) -> &Source {
        match &self.body {
            Body::Script(source) | Body::Probe(source) | Body::Unreadable(source, _) => source,
        }
    }

    /// The folder the case's file lies in, absolute; `None` for one without a file of its own.
    pub fn folder(&self) -> Option<PathBuf> {
        let Origin::File(path) = &self.origin else {
            return None;
        };
        let path = std::path::absolute(path).ok()?;
        path.parent().map(PathBuf::from)
    }

    /// Title and covered requirements, as far as they can be read.
    pub fn header(&self) -> crate::program::CaseHeader {
        match &self.body {
            Body::Script(source) => crate::script::header(source),
            Body::Probe(source) => crate::probe::header(source),
            Body::Unreadable(..) => crate::program::CaseHeader::default(),
        }
    }
}
