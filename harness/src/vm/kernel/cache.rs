//! The kernels of this user, and what is known of each.

use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Release;

/// What the name of a kernel begins with.
const PREFIX: &str = "linux-";
/// What the name of the file beside it ends with.
const FACTS: &str = ".toml";

/// Folders of tcpdrill's own below the user's cache folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    root: PathBuf,
}

/// What is known of a kernel, in a file beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// Its release, as it tells it itself.
    pub release: String,
    /// Its ticks a second.
    pub hz: u32,
    /// What it was built of: a package and its version, or a folder.
    pub source: String,
    /// The hash of what it was configured with.
    pub configuration: String,
    /// Options that were wished for and that the tree did not take.
    pub lacks: Vec<String>,
    /// When, in UTC.
    pub built: String,
}

/// A kernel of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The program.
    pub path: PathBuf,
    /// The number in its name.
    pub release: Release,
    /// What is known of it.
    pub facts: Facts,
}

/// What goes wrong with the cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// Nobody says where it is.
    #[error("there is no cache folder: neither XDG_CACHE_HOME nor HOME is set; set one of them")]
    Homeless,
    /// A file or folder of it.
    #[error("cannot {what} {}: {problem}", path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's reason.
        problem: std::io::Error,
    },
    /// The file beside a kernel.
    #[error("{} does not tell what is known of a kernel: {problem}; remove it and the program beside it", path.display())]
    Facts {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl CacheError {
    /// For `map_err`.
    fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> CacheError {
        let path = path.to_owned();
        move |problem| CacheError::File {
            what,
            path,
            problem,
        }
    }
}

impl Cache {
    /// The user's: `$XDG_CACHE_HOME/tcpdrill`, or `~/.cache/tcpdrill`.
    ///
    /// # Errors
    /// If neither variable is set.
    pub fn of_user() -> Result<Cache, CacheError> {
        Cache::by(&|name| std::env::var_os(name))
    }

    fn by(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Cache, CacheError> {
        // A relative path is to be ignored, says the XDG base directory specification.
        let folder = |name| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let root = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
        Ok(Cache::at(
            root.ok_or(CacheError::Homeless)?.join("tcpdrill"),
        ))
    }

    /// One in this folder.
    pub fn at(root: PathBuf) -> Cache {
        Cache { root }
    }

    /// Where kernels are.
    pub fn kernels(&self) -> PathBuf {
        self.root.join("kernels")
    }

    /// Where they are built: a folder for each tree.
    pub fn builds(&self) -> PathBuf {
        self.root.join("kernel-builds")
    }

    /// Where source of packages is for as long as it is needed.
    pub fn sources(&self) -> PathBuf {
        self.root.join("kernel-sources")
    }

    /// All kernels, the oldest release first.
    ///
    /// # Errors
    /// If the folder, or the file beside a kernel, cannot be read. No folder is no kernel.
    pub fn entries(&self) -> Result<Vec<Entry>, CacheError> {
        let folder = self.kernels();
        let files = match fs::read_dir(&folder) {
            Ok(files) => files,
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(problem) => return Err(CacheError::file("read", &folder)(problem)),
        };
        let mut entries = Vec::new();
        for file in files {
            let file = file.map_err(CacheError::file("read", &folder))?;
            let name = file.file_name();
            let name = name.to_string_lossy();
            if let Some(number) = name
                .strip_prefix(PREFIX)
                .and_then(|name| name.strip_suffix(FACTS))
            {
                entries.extend(read(&folder, number, &file.path())?);
            }
        }
        entries.sort_by_key(|entry| entry.release);
        Ok(entries)
    }

    /// The kernel of this very release.
    ///
    /// # Errors
    /// As [`Cache::entries`].
    pub fn entry(&self, release: Release) -> Result<Option<Entry>, CacheError> {
        let entries = self.entries()?;
        Ok(entries.into_iter().find(|entry| entry.release == release))
    }

    /// Takes a copy of a kernel in, in place of one of the same release.
    ///
    /// # Errors
    /// If something cannot be written.
    pub fn put(&self, program: &Path, release: Release, facts: Facts) -> Result<Entry, CacheError> {
        let folder = self.kernels();
        fs::create_dir_all(&folder).map_err(CacheError::file("make the folder", &folder))?;
        let path = folder.join(format!("{PREFIX}{release}"));
        let beside = facts_beside(&path);
        // The facts come last: without them there is no entry, and nobody meets half a program.
        remove_file(&beside)?;
        let copy = folder.join(format!(".{PREFIX}{release}.{}", std::process::id()));
        fs::copy(program, &copy).map_err(CacheError::file("write", &copy))?;
        fs::rename(&copy, &path).map_err(CacheError::file("write", &path))?;
        let text = toml::to_string(&facts).map_err(|problem| CacheError::Facts {
            path: beside.clone(),
            problem: problem.to_string(),
        })?;
        fs::write(&beside, text).map_err(CacheError::file("write", &beside))?;
        Ok(Entry {
            path,
            release,
            facts,
        })
    }

    /// Removes a kernel.
    ///
    /// # Errors
    /// If a file cannot be removed; one that is gone already is none.
    pub fn remove(&self, entry: &Entry) -> Result<(), CacheError> {
        remove_file(&facts_beside(&entry.path))?;
        remove_file(&entry.path)
    }
}

/// The kernel that the file beside it tells of, if it is still there.
fn read(folder: &Path, number: &str, beside: &Path) -> Result<Option<Entry>, CacheError> {
    let path = folder.join(format!("{PREFIX}{number}"));
    let Some(release) = Release::parse(number).filter(|_| path.is_file()) else {
        return Ok(None);
    };
    let text = fs::read_to_string(beside).map_err(CacheError::file("read", beside))?;
    let facts = toml::from_str(&text).map_err(|problem: toml::de::Error| CacheError::Facts {
        path: beside.to_owned(),
        problem: problem.message().to_owned(),
    })?;
    Ok(Some(Entry {
        path,
        release,
        facts,
    }))
}

fn facts_beside(path: &Path) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(FACTS);
    beside.into()
}

fn remove_file(path: &Path) -> Result<(), CacheError> {
    match fs::remove_file(path) {
        Err(problem) if problem.kind() != ErrorKind::NotFound => {
            Err(CacheError::file("remove", path)(problem))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rstest::rstest;
    use tempfile::TempDir;

    pub(crate) fn facts(release: &str) -> Facts {
        Facts {
            release: release.into(),
            hz: 1000,
            source: "linux-source-6.12 6.12.117-1".into(),
            configuration: "0123456789ab".into(),
            lacks: vec!["CONFIG_TCP_AO=y".into()],
            built: "2026-11-22T12:00:00Z".into(),
        }
    }

    /// A cache with these kernels, each a script that does nothing.
    pub(crate) fn cache(releases: &[&str]) -> (TempDir, Cache) {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let cache = Cache::at(folder.path().join("tcpdrill"));
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\n").expect("a file");
        for text in releases {
            let release = Release::parse(text).expect("a release");
            let put = cache.put(&program, release, facts(text));
            put.expect("it can be written");
        }
        (folder, cache)
    }

    #[rstest]
    #[case(Some("/x"), Some("/u"), Some("/x/tcpdrill"))]
    #[case(None, Some("/u"), Some("/u/.cache/tcpdrill"))]
    #[case(Some(""), Some("/u"), Some("/u/.cache/tcpdrill"))]
    #[case(Some("relative"), Some("/u"), Some("/u/.cache/tcpdrill"))]
    #[case(None, None, None)]
    fn the_cache_is_where_the_user_has_it(
        #[case] xdg: Option<&str>,
        #[case] home: Option<&str>,
        #[case] want: Option<&str>,
    ) {
        let variable = |name: &str| match name {
            "XDG_CACHE_HOME" => xdg.map(Into::into),
            "HOME" => home.map(Into::into),
            _ => None,
        };
        let root = Cache::by(&variable).ok().map(|cache| cache.root);
        assert_eq!(root, want.map(PathBuf::from));
    }

    #[test]
    fn kernels_are_found_again_by_number() {
        let (_folder, cache) = cache(&["6.12.117", "6.1.192", "6.9.3"]);
        let entries = cache.entries().expect("it can be read");
        let releases: Vec<String> = entries
            .iter()
            .map(|entry| entry.release.to_string())
            .collect();
        assert_eq!(releases, ["6.1.192", "6.9.3", "6.12.117"]);
        assert_eq!(entries[0].facts, facts("6.1.192"));
        assert!(entries[0].path.ends_with("tcpdrill/kernels/linux-6.1.192"));
        cache.remove(&entries[0]).expect("it can be removed");
        cache.remove(&entries[0]).expect("gone is gone");
        assert_eq!(cache.entries().expect("it can be read"), entries[1..]);
    }

    #[test]
    fn a_kernel_takes_the_place_of_its_namesake() {
        let (folder, cache) = cache(&["6.12.117"]);
        let release = Release::new(6, 12, 117);
        let mut other = facts("6.12.117");
        other.source = "/tree".into();
        cache
            .put(&folder.path().join("program"), release, other.clone())
            .expect("it can be written");
        let entry = cache
            .entry(release)
            .expect("it can be read")
            .expect("it is there");
        assert_eq!(entry.facts, other);
        assert_eq!(cache.entries().expect("it can be read").len(), 1);
    }

    #[test]
    fn what_is_no_kernel_is_let_be() {
        let (_folder, cache) = cache(&["6.12.117"]);
        let path = |name: &str| cache.kernels().join(name);
        // A program that nobody knows anything of, facts without a program, a stranger.
        for name in ["linux-6.13.1", "linux-6.14.1.toml", "notes.toml"] {
            fs::write(path(name), "x").expect("a file");
        }
        assert_eq!(cache.entries().expect("it can be read").len(), 1);
    }

    #[test]
    fn facts_that_cannot_be_read_are_told() {
        let (_folder, cache) = cache(&["6.12.117"]);
        let beside = cache.kernels().join("linux-6.12.117.toml");
        fs::write(&beside, "release = 6\n").expect("a file");
        let told = cache.entries().expect_err("it is broken").to_string();
        let told = told.replace(&cache.kernels().display().to_string(), "KERNELS");
        insta::assert_snapshot!(told, @"KERNELS/linux-6.12.117.toml does not tell what is known of a kernel: invalid type: integer `6`, expected a string; remove it and the program beside it");
    }

    #[test]
    fn no_folder_is_no_kernel() {
        let cache = Cache::at("/no/such/folder".into());
        assert_eq!(cache.entries().expect("that is no error"), []);
    }
}
