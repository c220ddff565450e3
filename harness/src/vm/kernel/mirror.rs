//! A copy of a source tree without what builds have left in it.
//!
//! Files are copied, not linked: programs that write into a file would write into both. A copy made before is
//! brought up to date, so that what has not changed need not be built again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File, FileTimes, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::{Path, PathBuf};

use crate::suite::Interrupt;

/// Endings of what a build leaves behind.
const PRODUCTS: [&str; 8] = ["o", "a", "ko", "cmd", "mod", "order", "symvers", "d"];

/// Names of folders and files at the top that no build needs, or that another build has made.
const NOT_COPIED: [&str; 4] = [".git", "vmlinux", "System.map", ".tmp_versions"];

/// A file or folder that could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The system refuses.
    #[error("cannot copy {}: {problem}", path.display())]
    File {
        /// What was to be copied, or removed.
        path: PathBuf,
        /// The system's reason.
        problem: io::Error,
    },
    /// A signal ended us.
    #[error("interrupted by a signal")]
    Interrupted,
}

/// Makes `copy` the same as `tree` but for what builds leave behind. `counted` is told of each file.
pub(super) fn mirror(
    tree: &Path,
    copy: &Path,
    interrupt: &Interrupt,
    counted: &mut dyn FnMut(),
) -> Result<(), MirrorError> {
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        if interrupt.is_raised() {
            return Err(MirrorError::Interrupted);
        }
        let (from, to) = (tree.join(&folder), copy.join(&folder));
        let one = |path: &Path| {
            let path = path.to_owned();
            |problem| MirrorError::File { path, problem }
        };
        fs::create_dir_all(&to).map_err(one(&to))?;
        let mut kept: BTreeSet<OsString> = BTreeSet::new();
        for entry in fs::read_dir(&from).map_err(one(&from))? {
            let entry = entry.map_err(one(&from))?;
            let name = entry.file_name();
            let path = entry.path();
            let facts = entry.metadata().map_err(one(&path))?;
            if !is_source(&folder, Path::new(&name), &facts) {
                continue;
            }
            if facts.is_dir() {
                folders.push(folder.join(&name));
            } else {
                bring_up_to_date(&path, &facts, &to.join(&name)).map_err(one(&path))?;
                counted();
            }
            kept.insert(name);
        }
        remove_others(&to, &kept).map_err(one(&to))?;
    }
    Ok(())
}

/// Whether a file or folder belongs to the source.
fn is_source(folder: &Path, name: &Path, facts: &Metadata) -> bool {
    let kind = facts.file_type();
    if kind.is_socket() || kind.is_fifo() || kind.is_char_device() || kind.is_block_device() {
        return false;
    }
    let is_top = folder.as_os_str().is_empty();
    if is_top && NOT_COPIED.iter().any(|other| Path::new(other) == name) {
        return false;
    }
    let is_named = |text: &str| name.as_os_str() == text;
    if facts.is_dir() {
        let made = (is_named("config") || is_named("generated")) && folder == Path::new("include")
            || is_named("generated") && folder.starts_with("arch") && folder.ends_with("include");
        return !made;
    }
    let ending = name.extension().and_then(|ending| ending.to_str());
    let is_product = ending.is_some_and(|ending| PRODUCTS.contains(&ending));
    !(is_product || is_named(".config") && is_top)
}

/// Copies a file unless its copy has the same length and time.
fn bring_up_to_date(from: &Path, facts: &Metadata, to: &Path) -> io::Result<()> {
    let old = fs::symlink_metadata(to).ok();
    if facts.is_symlink() {
        let target = fs::read_link(from)?;
        if fs::read_link(to).is_ok_and(|old| old == target) {
            return Ok(());
        }
        remove(to, old.as_ref())?;
        return symlink(target, to);
    }
    let is_same = |old: &Metadata| {
        let times = old.modified().ok().zip(facts.modified().ok());
        old.is_file() && old.len() == facts.len() && times.is_some_and(|(old, new)| old == new)
    };
    if old.as_ref().is_some_and(is_same) {
        return Ok(());
    }
    remove(to, old.as_ref())?;
    fs::copy(from, to)?;
    let times = FileTimes::new().set_modified(facts.modified()?);
    match File::options().append(true).open(to) {
        Ok(file) => file.set_times(times),
        // A file that nobody may write, in the tree as in the copy: it is copied again next time.
        Err(_) => Ok(()),
    }
}

/// Removes what the tree has no longer, or has as something else.
fn remove_others(folder: &Path, kept: &BTreeSet<OsString>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !kept.contains(&entry.file_name()) {
            remove(&entry.path(), Some(&entry.metadata()?))?;
        }
    }
    Ok(())
}

fn remove(path: &Path, facts: Option<&Metadata>) -> io::Result<()> {
    match facts {
        None => Ok(()),
        Some(facts) if facts.is_dir() => fs::remove_dir_all(path),
        Some(_) => fs::remove_file(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// All files below a folder with what is in them.
    fn listing(root: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() && !path.is_symlink() {
                    folders.push(path);
                    continue;
                }
                let text = fs::read_to_string(&path).expect("a file");
                let name = path.strip_prefix(root).expect("below it");
                found.push(format!("{}: {text}", name.display()));
            }
        }
        found.sort();
        found
    }

    fn copied(tree: &Path, copy: &Path) -> Vec<String> {
        mirror(tree, copy, &Interrupt::default(), &mut || {}).expect("it can be copied");
        listing(copy)
    }

    #[test]
    fn a_copy_has_the_source_and_nothing_that_was_built() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (tree, copy) = (folder.path().join("tree"), folder.path().join("copy"));
        for path in [
            "Makefile",
            "net/ipv4/tcp.c",
            "kernel/configs/tiny.config",
            "include/linux/tcp.h",
            "tools/include/config/x.h",
            "drivers/x/generated/y.h",
        ] {
            write(&tree, path, "source");
        }
        for path in [
            ".config",
            ".git/HEAD",
            "vmlinux",
            "net/ipv4/tcp.o",
            "net/ipv4/.tcp.o.cmd",
            "include/config/TUN",
            "include/generated/autoconf.h",
            "arch/x86/include/generated/asm.h",
        ] {
            write(&tree, path, "built");
        }
        symlink("tcp.c", tree.join("net/ipv4/link.c")).expect("a link");
        insta::assert_snapshot!(copied(&tree, &copy).join("\n"), @r"
        Makefile: source
        drivers/x/generated/y.h: source
        include/linux/tcp.h: source
        kernel/configs/tiny.config: source
        net/ipv4/link.c: source
        net/ipv4/tcp.c: source
        tools/include/config/x.h: source
        ");
        assert!(copy.join("net/ipv4/link.c").is_symlink());
    }

    #[test]
    fn a_copy_follows_its_tree() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (tree, copy) = (folder.path().join("tree"), folder.path().join("copy"));
        write(&tree, "changed.c", "old");
        write(&tree, "gone.c", "old");
        write(&tree, "gone/x.c", "old");
        write(&tree, "same.c", "same");
        let before = SystemTime::now() - Duration::from_secs(1000);
        let age = |name: &str| {
            let file = File::options()
                .append(true)
                .open(tree.join(name))
                .expect("a file");
            file.set_times(FileTimes::new().set_modified(before))
                .expect("a time");
        };
        age("same.c");
        age("changed.c");
        copied(&tree, &copy);
        let time = |name: &str| fs::metadata(copy.join(name)).and_then(|facts| facts.modified());
        assert_eq!(
            time("same.c").expect("a time"),
            before,
            "make must see it as old"
        );

        write(&tree, "changed.c", "new");
        fs::remove_file(tree.join("gone.c")).expect("it was there");
        fs::remove_dir_all(tree.join("gone")).expect("it was there");
        // What the copy has of its own, mrproper's work undone, goes; what is the same is not written again.
        write(&copy, "made/by/nobody.c", "x");
        let marked = copy.join("same.c");
        fs::write(&marked, "kept").expect("a file");
        let file = File::options().append(true).open(&marked).expect("a file");
        file.set_times(FileTimes::new().set_modified(before))
            .expect("a time");
        assert_eq!(copied(&tree, &copy), ["changed.c: new", "same.c: kept"]);
        assert!(time("changed.c").expect("a time") > before);
        assert!(!copy.join("made").exists() && !copy.join("gone").exists());
    }
}
