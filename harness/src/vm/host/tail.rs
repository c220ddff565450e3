//! The reports of a kernel, read as the file grows.

use std::fs::File;
use std::io::{self, Read};

use serde::de::DeserializeOwned;

use crate::vm::protocol::{self, Garbled};

/// Reads a file from its beginning, and what is added to it when it is.
#[derive(Debug)]
pub(super) struct Tail {
    file: File,
    bytes: Vec<u8>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the reports cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(transparent)]
    Garbled(#[from] Garbled),
}

impl Tail {
    pub(super) fn of(file: File) -> Tail {
        Tail {
            file,
            bytes: Vec::new(),
        }
    }

    /// The next report, if it is there whole.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Option<T>, Broken> {
        if let Some(report) = protocol::take(&mut self.bytes)? {
            return Ok(Some(report));
        }
        if self.file.read_to_end(&mut self.bytes)? == 0 {
            return Ok(None);
        }
        Ok(protocol::take(&mut self.bytes)?)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::vm::protocol::{Report, frame};

    #[test]
    fn a_report_is_there_as_soon_as_the_file_has_the_whole_of_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut tail = Tail::of(file.reopen().unwrap());
        let bytes = [Report::Ready, Report::Began { unit: 3 }]
            .iter()
            .flat_map(|report| frame(report).unwrap())
            .collect::<Vec<u8>>();
        let (most, last) = bytes.split_at(bytes.len() - 1);
        assert!(tail.next::<Report>().unwrap().is_none());
        file.write_all(most).unwrap();
        assert!(matches!(tail.next().unwrap(), Some(Report::Ready)));
        assert!(tail.next::<Report>().unwrap().is_none());
        file.write_all(last).unwrap();
        assert!(matches!(
            tail.next().unwrap(),
            Some(Report::Began { unit: 3 })
        ));
        file.write_all(b"\xff\xff\xff\xff").unwrap();
        assert!(tail.next::<Report>().is_err());
    }
}
