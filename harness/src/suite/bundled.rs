//! The cases that travel inside the binary.

use include_dir::{Dir, DirEntry, include_dir};

static CASES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../conformance-cases");

/// Every bundled file: path with forward slashes, contents. In order of path.
pub(crate) fn files() -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    collect(&CASES, &mut found);
    found.sort();
    found
}

fn collect(dir: &'static Dir<'static>, found: &mut Vec<(String, &'static str)>) {
    for entry in dir.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, found),
            DirEntry::File(file) => {
                if let Some(text) = file.contents_utf8() {
                    found.push((file.path().to_string_lossy().replace('\\', "/"), text));
                }
            }
        }
    }
}
