//! The repository's text files, read into memory.

use std::fs;
use std::io;
use std::path::Path;

/// One text file.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Path from the repository's top folder, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
}

impl SourceFile {
    /// Whether the file is Rust source.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The lines with their numbers, from 1.
    pub fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    /// How many lines stand before the test module at the file's end; none where the whole file is tests.
    pub(crate) fn lines_without_tests(&self) -> usize {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return 0;
        }
        let lines: Vec<&str> = self.text.lines().collect();
        let opens_tests =
            |pair: &[&str]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod tests {");
        lines
            .windows(2)
            .position(opens_tests)
            .unwrap_or(lines.len())
    }
}

/// Every text file of the repository, sorted by path.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    files: Vec<SourceFile>,
}

impl Repository {
    /// Reads every file below `root` that is UTF-8, passing over what builds and fuzzing leave behind.
    ///
    /// # Errors
    ///
    /// The first folder or file that cannot be read, with its path.
    pub fn load(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        Ok(Self::new(files))
    }

    /// A repository made of these files.
    pub fn new(mut files: Vec<SourceFile>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files }
    }

    /// The files, sorted by path.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The Rust files.
    pub fn rust_files(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.is_rust())
    }

    /// The file at this path.
    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// What git, cargo and cargo-fuzz leave behind. By path: `harness/src/target` is source.
fn is_left_over(path: &str) -> bool {
    const LEFT_OVER: [&str; 6] = [
        ".git",
        "target",
        "fuzz/target",
        "fuzz/corpus",
        "fuzz/artifacts",
        "fuzz/coverage",
    ];
    LEFT_OVER.contains(&path)
}

fn read_folder(root: &Path, relative: &str, files: &mut Vec<SourceFile>) -> io::Result<()> {
    let folder = root.join(relative);
    let named = |path: &Path, error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}", path.display()))
    };
    for entry in fs::read_dir(&folder).map_err(|error| named(&folder, error))? {
        let entry = entry.map_err(|error| named(&folder, error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let path = if relative.is_empty() {
            name.to_owned()
        } else {
            format!("{relative}/{name}")
        };
        let kind = entry
            .file_type()
            .map_err(|error| named(&entry.path(), error))?;
        // In a linked worktree `.git` is a file.
        if is_left_over(&path) || kind.is_symlink() {
            continue;
        }
        if kind.is_dir() {
            read_folder(root, &path, files)?;
        } else {
            let bytes = fs::read(entry.path()).map_err(|error| named(&entry.path(), error))?;
            if let Ok(text) = String::from_utf8(bytes) {
                files.push(SourceFile { path, text });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
impl Repository {
    /// A small repository for a test: pairs of path and text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self::new(files.iter().map(file).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("target", true)]
    #[case("fuzz/target", true)]
    #[case(".git", true)]
    #[case("fuzz/corpus", true)]
    #[case("harness/src/target", false)]
    #[case("stack/corpus", false)]
    fn builds_and_fuzzing_leave_these(#[case] path: &str, #[case] left_over: bool) {
        assert_eq!(is_left_over(path), left_over);
    }
}
