//! Pipes, and the files of the case's own `/tmp`.

use std::collections::{BTreeMap, VecDeque};

/// Bytes a pipe takes: pipe(7).
pub(super) const PIPE_CAPACITY: usize = 65_536;

/// The only folder there is.
pub(super) const FOLDER: &str = "/tmp/";

/// The name of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PipeId(usize);

/// One end of a pipe.
#[derive(Clone, Copy, Debug)]
pub(super) struct PipeEnd {
    /// Which pipe.
    pub(super) pipe: PipeId,
    /// The end that is written to.
    pub(super) writes: bool,
}

/// The name of a file's contents, which outlive its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId(usize);

/// A file as `open` gave it.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenFile {
    /// Which file.
    pub(super) file: FileId,
    /// Where the next `read` or `write` begins.
    pub(super) offset: usize,
    /// It may be read.
    pub(super) reads: bool,
    /// It may be written.
    pub(super) writes: bool,
    /// `O_APPEND`
    pub(super) appends: bool,
}

/// All pipes and files of a case.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    paths: BTreeMap<String, FileId>,
    contents: BTreeMap<FileId, Vec<u8>>,
    pipes: BTreeMap<PipeId, VecDeque<u8>>,
}

impl Files {
    /// The file at a path.
    pub(super) fn find(&self, path: &str) -> Option<FileId> {
        self.paths.get(path).copied()
    }

    /// A new file, or the one that is there, with these contents.
    pub(super) fn put(&mut self, path: &str, contents: Vec<u8>) -> FileId {
        let next = FileId(self.contents.len());
        let file = *self.paths.entry(path.to_owned()).or_insert(next);
        self.contents.insert(file, contents);
        file
    }

    /// Takes a path away; what is open stays. Answers whether it was there.
    pub(super) fn remove(&mut self, path: &str) -> bool {
        self.paths.remove(path).is_some()
    }

    /// Up to `len` bytes of a file.
    pub(super) fn read(&self, file: FileId, offset: usize, len: usize) -> &[u8] {
        let contents = self.contents.get(&file).map_or(&[][..], Vec::as_slice);
        let start = offset.min(contents.len());
        let end = start.saturating_add(len).min(contents.len());
        &contents[start..end]
    }

    /// Writes to a file; a gap before `offset` is filled with zeros. Gives the place behind.
    pub(super) fn write(&mut self, file: FileId, offset: usize, data: &[u8]) -> usize {
        let contents = self.contents.entry(file).or_default();
        let end = offset + data.len();
        if contents.len() < end {
            contents.resize(end, 0);
        }
        contents[offset..end].copy_from_slice(data);
        end
    }

    /// How long a file is.
    pub(super) fn len(&self, file: FileId) -> usize {
        self.contents.get(&file).map_or(0, Vec::len)
    }

    /// A new pipe.
    pub(super) fn pipe(&mut self) -> PipeId {
        let pipe = PipeId(self.pipes.len());
        self.pipes.insert(pipe, VecDeque::new());
        pipe
    }

    /// What is in a pipe.
    pub(super) fn piped(&mut self, pipe: PipeId) -> &mut VecDeque<u8> {
        self.pipes.entry(pipe).or_default()
    }

    /// How many bytes are in a pipe.
    pub(super) fn piped_len(&self, pipe: PipeId) -> usize {
        self.pipes.get(&pipe).map_or(0, VecDeque::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_outlives_its_path() {
        let mut files = Files::default();
        let file = files.put("/tmp/a", b"abc".to_vec());
        assert_eq!(files.find("/tmp/a"), Some(file));
        assert!(files.remove("/tmp/a"));
        assert!(!files.remove("/tmp/a"));
        assert_eq!(files.read(file, 1, 9), b"bc");
        let other = files.put("/tmp/a", Vec::new());
        assert_ne!(other, file);
        assert_eq!(files.read(file, 5, 1), b"");
    }

    #[test]
    fn a_gap_is_filled_with_zeros() {
        let mut files = Files::default();
        let file = files.put("/tmp/a", b"a".to_vec());
        assert_eq!(files.write(file, 3, b"xy"), 5);
        assert_eq!(files.read(file, 0, 10), b"a\0\0xy");
        assert_eq!(files.write(file, 0, b"b"), 1);
        assert_eq!(files.len(file), 5);
    }
}
