//! Embeds what lies outside this package: the bundled cases anew when one is added, changed or
//! removed, and where the reference stack implements which rule.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The reference stack's source, seen from this package.
const STACK: &str = "../stack/src";
/// What stands before an id, on a line of its own above the branch that implements the rule.
const MARK: &str = "// REQ:";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=../conformance-cases");
    println!("cargo:rerun-if-changed={STACK}");
    let mut files = Vec::new();
    collect(Path::new(STACK), &mut files)?;
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let text = fs::read_to_string(&file)?;
        let shown = file.strip_prefix("..").unwrap_or(&file).display();
        for (index, line) in text.lines().enumerate() {
            if let Some(id) = line.trim().strip_prefix(MARK) {
                let place = format!("{shown}:{}", index + 1);
                // A string takes no write error.
                let _ = writeln!(list, "({:?}, {place:?}),", id.trim());
            }
        }
    }
    list.push_str("]\n");
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(folder.join("implementation.rs"), list)
}

/// Rust files below a folder. Where the stack's source is not at hand there are none.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
