//! Finding cases: the bundled ones, or files and folders named on the command line.

use std::fs;
use std::path::{Path, PathBuf};

use crate::source::Source;

use super::bundled;
use super::case::{Body, Case, Origin};
use super::known::{KnownDeviations, KnownError};

/// Ending of scripts.
const SCRIPT: &str = ".pkt";
/// Ending of probe parameters.
const PROBE: &str = ".probe.toml";

/// A set of cases.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The cases, in order of name.
    pub cases: Vec<Case>,
    /// The folders whose `known/` lists apply; empty for the bundled suite.
    roots: Vec<PathBuf>,
}

/// A path that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// Nothing there, or it cannot be read.
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The system's reason.
        problem: String,
    },
    /// A folder without a single case.
    #[error("no cases in {}: expected files ending in .pkt or .probe.toml", path.display())]
    Empty {
        /// The path as given.
        path: PathBuf,
    },
}

impl Suite {
    /// The bundled cases.
    pub fn bundled() -> Suite {
        let cases = bundled::files()
            .into_iter()
            .filter_map(|(path, text)| {
                let name = case_name(&path)?;
                let source = Source::new(format!("conformance-cases/{path}"), text);
                Some(Case {
                    name,
                    origin: Origin::Bundled,
                    body: body_of(&path, source),
                })
            })
            .collect();
        Suite {
            cases,
            roots: Vec::new(),
        }
    }

    /// The cases in these files and folders.
    ///
    /// # Errors
    /// If a path cannot be read or a folder holds no case. A file in a folder that
    /// cannot be read becomes a case of its own that ends in an error.
    pub fn from_paths(paths: &[PathBuf]) -> Result<Suite, DiscoverError> {
        let mut suite = Suite::default();
        for path in paths {
            let before = suite.cases.len();
            let root = suite_root(path);
            suite.add(path, &root)?;
            if suite.cases.len() == before {
                return Err(DiscoverError::Empty { path: path.clone() });
            }
            if !suite.roots.contains(&root) {
                suite.roots.push(root);
            }
        }
        suite.cases.sort_by(|a, b| a.name.cmp(&b.name));
        suite
            .cases
            .dedup_by(|a, b| a.name == b.name && a.origin == b.origin);
        Ok(suite)
    }

    /// The known deviations of a target that apply to this suite.
    ///
    /// # Errors
    /// If a list cannot be read or understood.
    pub fn known(&self, target: &str) -> Result<KnownDeviations, KnownError> {
        let file = format!("known/{target}.toml");
        let mut all = KnownDeviations::default();
        if self.roots.is_empty()
            && let Some((path, text)) = bundled::files().into_iter().find(|(path, _)| *path == file)
        {
            all.read(&format!("conformance-cases/{path}"), text)?;
        }
        for root in &self.roots {
            let path = root.join(&file);
            if let Ok(text) = fs::read_to_string(&path) {
                all.read(&path.display().to_string(), &text)?;
            }
        }
        Ok(all)
    }

    fn add(&mut self, path: &Path, root: &Path) -> Result<(), DiscoverError> {
        let unreadable = |problem: std::io::Error| DiscoverError::Unreadable {
            path: path.to_path_buf(),
            problem: problem.to_string(),
        };
        if fs::metadata(path).map_err(unreadable)?.is_file() {
            self.cases.push(read_case(path, root));
            return Ok(());
        }
        let mut entries: Vec<PathBuf> = fs::read_dir(path)
            .map_err(unreadable)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        entries.sort();
        for entry in entries {
            let name = entry.to_string_lossy();
            if entry.is_dir() {
                self.add(&entry, root)?;
            } else if name.ends_with(SCRIPT) || name.ends_with(PROBE) {
                self.cases.push(read_case(&entry, root));
            }
        }
        Ok(())
    }
}

/// The folder case names are counted from: the nearest one above that has a `known` or
/// `requirements` folder, else the path itself (for a file: its folder).
fn suite_root(path: &Path) -> PathBuf {
    let start = match path.parent() {
        _ if path.is_dir() => path,
        Some(parent) if parent != Path::new("") => parent,
        Some(_) | None => Path::new("."),
    };
    let is_root =
        |folder: &&Path| folder.join("known").is_dir() || folder.join("requirements").is_dir();
    let absolute = fs::canonicalize(start).unwrap_or(start.to_path_buf());
    let found = absolute.ancestors().find(is_root).map(Path::to_path_buf);
    found.unwrap_or(absolute)
}

fn read_case(path: &Path, root: &Path) -> Case {
    let shown = path.display().to_string();
    let absolute = fs::canonicalize(path).unwrap_or(path.to_path_buf());
    let relative = absolute
        .strip_prefix(root)
        .unwrap_or(&absolute)
        .to_string_lossy()
        .replace('\\', "/");
    let name = case_name(&relative).unwrap_or(relative.clone());
    let body = match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => body_of(&relative, Source::new(shown, text)),
            Err(_) => Body::Unreadable(Source::new(shown, ""), "not UTF-8 text".to_string()),
        },
        Err(problem) => Body::Unreadable(Source::new(shown, ""), problem.to_string()),
    };
    Case {
        name,
        origin: Origin::File(path.to_path_buf()),
        body,
    }
}

fn case_name(path: &str) -> Option<String> {
    path.strip_suffix(SCRIPT)
        .or_else(|| path.strip_suffix(PROBE))
        .map(str::to_string)
}

fn body_of(path: &str, source: Source) -> Body {
    if path.ends_with(PROBE) {
        Body::Probe(source)
    } else {
        Body::Script(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_walked_and_names_count_from_the_suite_root() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["known", "a/b"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("a/b/one.pkt"), "x").unwrap();
        fs::write(root.path().join("a/two.probe.toml"), "x").unwrap();
        fs::write(root.path().join("a/notes.md"), "x").unwrap();
        let suite = Suite::from_paths(&[root.path().join("a")]).unwrap();
        let names: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a/b/one", "a/two"]);
        assert!(matches!(suite.cases[1].body, Body::Probe(_)));
    }

    #[test]
    fn a_missing_path_and_an_empty_folder_are_errors() {
        let root = tempfile::tempdir().unwrap();
        let missing = Suite::from_paths(&[root.path().join("nothing")]).unwrap_err();
        assert!(missing.to_string().contains("cannot read"), "{missing}");
        let empty = Suite::from_paths(&[root.path().to_path_buf()]).unwrap_err();
        assert!(empty.to_string().contains("no cases"), "{empty}");
    }

    #[test]
    fn a_file_that_is_not_text_becomes_a_case_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("bad.pkt"), [0xff, 0xfe]).unwrap();
        let suite = Suite::from_paths(&[root.path().to_path_buf()]).unwrap();
        assert!(matches!(suite.cases[0].body, Body::Unreadable(..)));
    }
}
