//! Finding cases: the bundled ones, or files and folders named on the command line.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::family;
use crate::source::Source;

use super::bundled;
use super::case::{Body, Case, Origin};
use super::known::{KnownDeviations, KnownError};

/// Ending of scripts.
const SCRIPT: &str = ".pkt";
/// Ending of probe parameters.
const PROBE: &str = ".probe.toml";
/// What is wrong with a pipe, a socket or a device.
const NO_FILE: &str = "it is neither a file nor a folder";

/// A set of cases.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The cases, in order of name.
    pub cases: Vec<Case>,
    /// The folders whose `known/` lists apply; empty for the bundled suite.
    roots: Vec<Root>,
}

/// A folder that case names are counted from.
#[derive(Clone, Debug)]
struct Root {
    folder: PathBuf,
    /// Whether all of its cases were asked for, and not only a part.
    is_whole: bool,
    /// What the names of its cases begin with, where there are several such folders.
    prefix: String,
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
    /// Two files whose results could not be told apart: their names are not text.
    #[error("two cases are called {name}: {first} and {second}; rename one of them")]
    Ambiguous {
        /// The name of both.
        name: String,
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
}

impl Suite {
    /// The bundled cases, and those that are generated.
    pub fn bundled() -> Suite {
        let mut cases: Vec<Case> = bundled::files()
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
        cases.extend(family::cases());
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Suite {
            cases,
            roots: Vec::new(),
        }
    }

    /// The cases in these files and folders.
    ///
    /// Names count from the suite's folder; where paths lie in several of them, from the innermost
    /// folder that holds them all. No two are the same.
    ///
    /// # Errors
    /// If a path cannot be read or a folder holds no case. A file in a folder that
    /// cannot be read becomes a case of its own that ends in an error.
    pub fn from_paths(paths: &[PathBuf]) -> Result<Suite, DiscoverError> {
        let mut suite = Suite::default();
        let mut found = Vec::new();
        for path in paths {
            let before = found.len();
            let root = suite_root(path);
            collect(path, &absolute(path), &root, &mut Vec::new(), &mut found)?;
            if found.len() == before {
                return Err(DiscoverError::Empty { path: path.clone() });
            }
            suite.note_root(root, path);
        }
        suite.name_roots();
        found.sort_by(|a, b| a.absolute.cmp(&b.absolute));
        found.dedup_by(|a, b| a.absolute == b.absolute);
        suite.cases = found.iter().map(|file| suite.read_case(file)).collect();
        distinguish(&mut suite.cases);
        suite.cases.sort_by(|a, b| a.name.cmp(&b.name));
        let mut neighbours = suite.cases.iter().zip(suite.cases.iter().skip(1));
        if let Some((a, b)) = neighbours.find(|(a, b)| a.name == b.name) {
            return Err(DiscoverError::Ambiguous {
                name: a.name.clone(),
                first: a.source().name().to_string(),
                second: b.source().name().to_string(),
            });
        }
        Ok(suite)
    }

    /// The known deviations of a target that apply to this suite.
    ///
    /// # Errors
    /// If a list cannot be read or understood.
    pub fn known(&self, target: &str) -> Result<KnownDeviations, KnownError> {
        let file = format!("known/{target}.toml");
        let mut all = KnownDeviations::default();
        let mut add = |name: String, text: &str, is_whole: bool, prefix: &str| {
            let mut list = KnownDeviations::default();
            list.read(&name, text)?;
            if !self.roots.is_empty() {
                // Generated cases are no files: a folder has none.
                list.leave_out_generated();
            }
            list.count_from(prefix);
            list.resolve(&name, &self.cases, is_whole)?;
            list.hold_against(&name, &self.cases, is_whole)?;
            all.merge(&name, list)
        };
        if self.roots.is_empty()
            && let Some((path, text)) = bundled::files().into_iter().find(|(path, _)| *path == file)
        {
            add(format!("conformance-cases/{path}"), text, true, "")?;
        }
        for root in &self.roots {
            let path = root.folder.join(&file);
            let shown = path.display().to_string();
            match fs::read_to_string(&path) {
                Ok(text) => add(shown, &text, root.is_whole, &root.prefix)?,
                Err(problem) if problem.kind() == ErrorKind::NotFound => {}
                Err(problem) => {
                    return Err(KnownError {
                        file: shown,
                        problem: format!("cannot read the list of known deviations: {problem}"),
                    });
                }
            }
        }
        Ok(all)
    }

    /// Remembers that `path` was asked for, which lies in the folder `root`.
    fn note_root(&mut self, root: PathBuf, path: &Path) {
        let is_whole = fs::canonicalize(path).is_ok_and(|path| path == root);
        match self.roots.iter_mut().find(|known| known.folder == root) {
            Some(known) => known.is_whole |= is_whole,
            None => self.roots.push(Root {
                folder: root,
                is_whole,
                prefix: String::new(),
            }),
        }
    }

    /// Names from several folders begin with the way to each, so that they stay apart.
    fn name_roots(&mut self) {
        let folders = self.roots.iter().map(|root| root.folder.as_path());
        let Some(common) = folders.reduce(common_folder).map(Path::to_path_buf) else {
            return;
        };
        for root in &mut self.roots {
            let way = root.folder.strip_prefix(&common).unwrap_or(&root.folder);
            root.prefix = slashed(way);
            if !root.prefix.is_empty() {
                root.prefix.push('/');
            }
        }
    }

    fn read_case(&self, file: &Found) -> Case {
        let root = self.roots.iter().find(|root| root.folder == file.root);
        let prefix = root.map_or("", |root| root.prefix.as_str());
        let below = file.absolute.strip_prefix(&file.root);
        let relative = format!("{prefix}{}", slashed(below.unwrap_or(&file.absolute)));
        let shown = file.path.display().to_string();
        let source = |text: String| Source::new(shown.clone(), text);
        let body = match read_file(&file.path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => body_of(&relative, source(text)),
                Err(_) => Body::Unreadable(source(String::new()), "not UTF-8 text".to_string()),
            },
            Err(problem) => Body::Unreadable(source(String::new()), problem.to_string()),
        };
        Case {
            name: case_name(&relative).unwrap_or(relative),
            origin: Origin::File(file.path.clone()),
            body,
        }
    }
}

/// A file that makes a case.
struct Found {
    /// As given, or found below what was given.
    path: PathBuf,
    /// Where it lies, by which it is named: a symbolic link counts where it stands, not where it
    /// leads.
    absolute: PathBuf,
    /// The folder that names count from.
    root: PathBuf,
}

/// The bytes of a file. A pipe would be waited for, a device may never end.
fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(std::io::Error::other(NO_FILE)),
    }
}

/// Adds a file, or all cases in a folder. `around` are the folders it lies in, as they were walked
/// and with links resolved: a link to one of them would lead round in a circle.
fn collect(
    path: &Path,
    absolute: &Path,
    root: &Path,
    around: &mut Vec<PathBuf>,
    found: &mut Vec<Found>,
) -> Result<(), DiscoverError> {
    let unreadable = |problem: std::io::Error| DiscoverError::Unreadable {
        path: path.to_path_buf(),
        problem: problem.to_string(),
    };
    let file = |path: &Path, absolute: &Path| Found {
        path: path.to_path_buf(),
        absolute: absolute.to_path_buf(),
        root: root.to_path_buf(),
    };
    let facts = fs::metadata(path).map_err(unreadable)?;
    if facts.is_file() {
        found.push(file(path, absolute));
        return Ok(());
    }
    if !facts.is_dir() {
        return Err(unreadable(std::io::Error::other(NO_FILE)));
    }
    let place = fs::canonicalize(path).map_err(unreadable)?;
    if around.contains(&place) {
        return Ok(());
    }
    around.push(place);
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .map_err(unreadable)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    entries.sort();
    for entry in entries {
        let name = entry.to_string_lossy();
        let absolute = absolute.join(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            collect(&entry, &absolute, root, around, found)?;
        } else if name.ends_with(SCRIPT) || name.ends_with(PROBE) {
            found.push(file(&entry, &absolute));
        }
    }
    around.pop();
    Ok(())
}

/// The innermost folder that holds both.
fn common_folder<'a>(a: &'a Path, b: &'a Path) -> &'a Path {
    a.ancestors()
        .find(|folder| b.starts_with(folder))
        .unwrap_or(Path::new(""))
}

/// Cases of the same name, such as a script and a probe side by side, keep the ends of their
/// files' names; so does, then, a case that is called what one of them is called now.
fn distinguish(cases: &mut [Case]) {
    let mut is_whole = vec![false; cases.len()];
    loop {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for case in cases.iter() {
            *seen.entry(case.name.clone()).or_default() += 1;
        }
        let mut changed = false;
        for (case, is_whole) in cases.iter_mut().zip(&mut is_whole) {
            let is_alone = seen.get(&case.name).is_none_or(|count| *count == 1);
            if !is_alone && !*is_whole {
                case.name.push_str(ending(case));
                *is_whole = true;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// The end of a case's file name that its name lacks.
fn ending(case: &Case) -> &'static str {
    let name = case.source().name();
    let ends = [SCRIPT, PROBE].into_iter();
    ends.into_iter()
        .find(|end| name.ends_with(end))
        .unwrap_or("")
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
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

/// Where a path lies, with links on the way resolved, but not a link that it is itself, unless
/// that is a folder.
fn absolute(path: &Path) -> PathBuf {
    let whole = || fs::canonicalize(path).unwrap_or(path.to_path_buf());
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) if !path.is_dir() => {
            let parent = if parent == Path::new("") {
                Path::new(".")
            } else {
                parent
            };
            fs::canonicalize(parent).map_or_else(|_| whole(), |parent| parent.join(name))
        }
        _ => whole(),
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

    /// A folder with `a/x.pkt` and `b/x.pkt`.
    fn two_of_a_name() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["a", "b"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("x.pkt"), folder).unwrap();
        }
        root
    }

    fn names(paths: &[PathBuf]) -> Vec<String> {
        let suite = Suite::from_paths(paths).unwrap();
        suite.cases.into_iter().map(|case| case.name).collect()
    }

    #[test]
    fn files_of_a_name_in_several_folders_are_named_by_their_way() {
        let root = two_of_a_name();
        let [a, b] = ["a", "b"].map(|folder| root.path().join(folder));
        assert_eq!(names(&[a.clone(), b.clone()]), ["a/x", "b/x"]);
        assert_eq!(names(&[a.join("x.pkt"), b.join("x.pkt")]), ["a/x", "b/x"]);
        assert_eq!(names(&[a.join("x.pkt")]), ["x"]);
        let whole = root.path().to_path_buf();
        assert_eq!(names(&[whole, b.join("x.pkt")]), ["a/x", "b/x"]);
    }

    #[test]
    fn files_side_by_side_that_differ_in_their_ending_keep_it() {
        let root = two_of_a_name();
        let a = root.path().join("a");
        fs::write(a.join("x.probe.toml"), "").unwrap();
        assert_eq!(names(std::slice::from_ref(&a)), ["x.pkt", "x.probe.toml"]);
        fs::write(a.join("x.pkt.pkt"), "").unwrap();
        assert_eq!(names(&[a]), ["x.pkt", "x.pkt.pkt", "x.probe.toml"]);
    }

    #[test]
    fn a_list_applies_to_its_own_folder_where_there_are_several() {
        let root = root_with_a_list();
        fs::write(root.path().join("a/one.pkt"), "x\n").unwrap();
        let other = two_of_a_name();
        let paths = [root.path().to_path_buf(), other.path().join("a")];
        let suite = Suite::from_paths(&paths).unwrap();
        let known = suite.known("linux").unwrap();
        let listed: Vec<&str> = known.cases().map(|entry| entry.case.as_str()).collect();
        let all: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(listed.len(), 1);
        assert!(
            listed[0].ends_with("/a/one") && all.contains(&listed[0]),
            "{all:?}"
        );
    }

    #[test]
    fn a_file_named_twice_is_one_case() {
        let root = two_of_a_name();
        let a = root.path().join("a");
        let paths = [a.clone(), a.join("x.pkt"), a.join("../a/x.pkt")];
        let suite = Suite::from_paths(&paths).unwrap();
        assert_eq!(suite.cases.len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_named_after_where_it_stands() {
        use std::os::unix::fs::symlink;
        let root = two_of_a_name();
        let [a, b] = ["a", "b"].map(|folder| root.path().join(folder));
        symlink(b.join("x.pkt"), a.join("link.pkt")).unwrap();
        symlink(&b, a.join("inner")).unwrap();
        let suite = Suite::from_paths(std::slice::from_ref(&a)).unwrap();
        let names: Vec<&str> = suite.cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["inner/x", "link", "x"]);
        let suite = Suite::from_paths(&[a.join("link.pkt")]).unwrap();
        assert_eq!(suite.cases[0].name, "link");
    }

    #[cfg(unix)]
    #[test]
    fn links_that_lead_round_in_a_circle_are_followed_once() {
        use std::os::unix::fs::symlink;
        let root = two_of_a_name();
        let [a, b] = ["a", "b"].map(|folder| root.path().join(folder));
        for (to, link) in [(".", "self"), ("..", "up"), ("../b", "over")] {
            symlink(to, a.join(link)).unwrap();
        }
        symlink(&a, b.join("back")).unwrap();
        assert_eq!(
            names(&[a]),
            ["over/x", "up/b/x", "x"],
            "neither `self` nor what leads back into `a`"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_no_file_is_told_and_not_waited_for() {
        let root = tempfile::tempdir().unwrap();
        let pipe = root.path().join("pipe.pkt");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let suite = Suite::from_paths(&[root.path().to_path_buf()]).unwrap();
        assert!(
            matches!(&suite.cases[0].body, Body::Unreadable(_, what) if what == NO_FILE),
            "{:?}",
            suite.cases[0].body
        );
        let error = Suite::from_paths(&[pipe]).unwrap_err().to_string();
        assert!(error.ends_with(NO_FILE), "{error}");
    }

    const LIST: &str = r#"
        [[deviation]]
        case = "a/one"
        requirement = "RFC9293-SM-12"
        reason = "on purpose"
        seen_with = "1"
        line = "x"
        fields = ["ack"]
    "#;

    /// A suite root with the case `a/two` and a list that has another.
    fn root_with_a_list() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["known", "a"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs::write(root.path().join("a/two.pkt"), "x\nx\n").unwrap();
        fs::write(root.path().join("known/linux.toml"), LIST).unwrap();
        root
    }

    #[test]
    fn a_listed_case_must_be_there_when_the_whole_suite_is() {
        let root = root_with_a_list();
        let whole = Suite::from_paths(&[root.path().to_path_buf()]).unwrap();
        let error = whole.known("linux").unwrap_err().to_string();
        assert!(error.contains("there is no case a/one"), "{error}");
        let part = Suite::from_paths(&[root.path().join("a")]).unwrap();
        assert_eq!(part.known("linux").unwrap().cases().count(), 1);
    }

    #[test]
    fn a_listed_line_that_stands_twice_is_refused_even_in_a_part() {
        let root = root_with_a_list();
        fs::write(root.path().join("a/one.pkt"), "x\nx\n").unwrap();
        let part = Suite::from_paths(&[root.path().join("a/one.pkt")]).unwrap();
        let error = part.known("linux").unwrap_err().to_string();
        assert!(error.contains("stands 2 times"), "{error}");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_and_not_an_empty_list() {
        let root = root_with_a_list();
        fs::write(root.path().join("known/linux.toml"), [0xff]).unwrap();
        let suite = Suite::from_paths(&[root.path().to_path_buf()]).unwrap();
        let error = suite.known("linux").unwrap_err().to_string();
        assert!(error.contains("linux.toml: cannot read"), "{error}");
        assert_eq!(suite.known("reference").unwrap().cases().count(), 0);
    }

    #[test]
    fn the_bundled_lists_hold() {
        for target in [
            "linux",
            "reference",
            "reference-linux",
            "reference-freebsd",
            "smoltcp",
        ] {
            Suite::bundled().known(target).unwrap();
        }
    }
}
