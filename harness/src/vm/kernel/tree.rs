//! The source of a kernel.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{OLDEST, Release};

/// What another build has left behind, and what a build in a folder of its own does not bear.
const LEFTOVERS: [&str; 3] = [".config", "include/config", "arch/um/include/generated"];

/// A folder with the source of Linux.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Where it is, from the root of the file system on.
    pub path: PathBuf,
    /// What its Makefile says it is.
    pub release: Release,
}

/// Why nothing can be built of a folder.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// It cannot be read.
    #[error("cannot read {}: {problem}", path.display())]
    Unreadable {
        /// The folder, or a file in it.
        path: PathBuf,
        /// The system's reason.
        problem: std::io::Error,
    },
    /// It is no source of Linux.
    #[error("{} is no source tree of Linux: it has no {lacks}", path.display())]
    NoTree {
        /// The folder.
        path: PathBuf,
        /// What such a tree has.
        lacks: &'static str,
    },
    /// Its Makefile does not say which Linux it is.
    #[error("{} does not say which Linux it is: expected VERSION, PATCHLEVEL and SUBLEVEL", path.display())]
    NoRelease {
        /// The Makefile.
        path: PathBuf,
    },
    /// It is older than what is tested.
    #[error("{} is Linux {release}; expected {OLDEST} or later", path.display())]
    TooOld {
        /// The folder.
        path: PathBuf,
        /// What it is.
        release: Release,
    },
}

impl Tree {
    /// Looks at the folder `path`.
    ///
    /// # Errors
    /// If it is no source of Linux, or one older than [`OLDEST`].
    pub fn at(path: &Path) -> Result<Tree, TreeError> {
        let unreadable = |path: &Path, problem| TreeError::Unreadable {
            path: path.to_owned(),
            problem,
        };
        let path = fs::canonicalize(path).map_err(|problem| unreadable(path, problem))?;
        let makefile = path.join("Makefile");
        let text = match fs::read_to_string(&makefile) {
            Ok(text) => text,
            Err(problem) if problem.kind() == ErrorKind::NotFound => {
                let lacks = "Makefile";
                return Err(TreeError::NoTree { path, lacks });
            }
            Err(problem) => return Err(unreadable(&makefile, problem)),
        };
        for lacks in ["Kconfig", "arch/um", "net/ipv4"] {
            if !path.join(lacks).exists() {
                return Err(TreeError::NoTree { path, lacks });
            }
        }
        match Release::of_makefile(&text) {
            None => Err(TreeError::NoRelease { path: makefile }),
            Some(release) if release < OLDEST => Err(TreeError::TooOld { path, release }),
            Some(release) => Ok(Tree { path, release }),
        }
    }

    /// Whether a folder of its own can be built in: nobody has built in the tree itself.
    pub(super) fn is_clean(&self) -> bool {
        !LEFTOVERS.iter().any(|path| self.path.join(path).exists())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use tempfile::TempDir;

    const MAKEFILE: &str = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 3\n";

    fn tree(makefile: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let inside = |path: &str| folder.path().join(path);
        fs::create_dir_all(inside("arch/um")).expect("a folder");
        fs::create_dir_all(inside("net/ipv4")).expect("a folder");
        fs::write(inside("Kconfig"), "mainmenu \"x\"\n").expect("a file");
        fs::write(inside("Makefile"), makefile).expect("a file");
        folder
    }

    fn told(folder: &TempDir) -> String {
        let root = fs::canonicalize(folder.path()).expect("it is there");
        match Tree::at(folder.path()) {
            Ok(tree) => format!("Linux {}", tree.release),
            Err(error) => error
                .to_string()
                .replace(&root.display().to_string(), "TREE"),
        }
    }

    #[rstest]
    #[case(MAKEFILE, "Linux 6.12.3")]
    #[case(
        "VERSION = 5\nPATCHLEVEL = 15\nSUBLEVEL = 9\n",
        "TREE is Linux 5.15.9; expected 6.1.0 or later"
    )]
    #[case(
        "all:\n\tcc x.c\n",
        "TREE/Makefile does not say which Linux it is: expected VERSION, PATCHLEVEL and SUBLEVEL"
    )]
    fn a_tree_is_known_by_its_makefile(#[case] makefile: &str, #[case] want: &str) {
        assert_eq!(told(&tree(makefile)), want);
    }

    #[rstest]
    #[case("Makefile")]
    #[case("Kconfig")]
    #[case("arch/um")]
    #[case("net/ipv4")]
    fn what_a_tree_has_must_be_there(#[case] gone: &str) {
        let folder = tree(MAKEFILE);
        let path = folder.path().join(gone);
        let removed = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        removed.expect("it was there");
        let want = format!("TREE is no source tree of Linux: it has no {gone}");
        assert_eq!(told(&folder), want);
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let error = Tree::at(Path::new("/no/such/tree")).expect_err("nothing is there");
        assert!(error.to_string().starts_with("cannot read /no/such/tree: "));
    }

    #[rstest]
    #[case(".config")]
    #[case("include/config")]
    #[case("arch/um/include/generated")]
    fn a_tree_that_was_built_in_is_not_clean(#[case] left: &str) {
        let folder = tree(MAKEFILE);
        let tree = Tree::at(folder.path()).expect("a tree");
        assert!(tree.is_clean());
        fs::create_dir_all(folder.path().join(left)).expect("a folder");
        assert!(!tree.is_clean());
    }
}
