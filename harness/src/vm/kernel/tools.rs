//! The programs that building a kernel takes.

use std::path::PathBuf;

/// A program, and the Debian and Ubuntu package that has it.
type Tool = (&'static str, &'static str);

const FOR_BUILDING: [Tool; 8] = [
    ("gcc", "gcc"),
    ("ld", "binutils"),
    ("make", "make"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("perl", "perl"),
    ("awk", "mawk"),
];

/// The header that tells whether a C library is there to build against.
const LIBC_HEADERS: [&str; 3] = [
    "/usr/include/stdio.h",
    "/usr/include/x86_64-linux-gnu/stdio.h",
    "/usr/local/include/stdio.h",
];

/// What is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("building a kernel needs {}, which this machine has not: apt-get install {}", missing.join(", "), packages.join(" "))]
pub struct ToolsError {
    /// Programs, and `stdio.h`.
    pub missing: Vec<&'static str>,
    /// The packages that have them.
    pub packages: Vec<&'static str>,
}

/// Looks for what building takes.
///
/// # Errors
/// With the names of what is missing and the packages to install.
pub fn look_for_tools() -> Result<(), ToolsError> {
    let has_libc = LIBC_HEADERS
        .iter()
        .any(|path| std::path::Path::new(path).exists());
    judge(&|name| locate(name).is_some(), has_libc)
}

fn judge(is_there: &dyn Fn(&str) -> bool, has_libc: bool) -> Result<(), ToolsError> {
    let mut missing: Vec<Tool> = FOR_BUILDING
        .into_iter()
        .filter(|(name, _)| !is_there(name))
        .collect();
    if !has_libc {
        missing.push(("stdio.h", "libc6-dev"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let (missing, packages) = missing.into_iter().unzip();
    Err(ToolsError { missing, packages })
}

/// Where a program is that a shell would start by this name.
pub(super) fn locate(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[], true, None)]
    #[case(&["flex", "bc"], true, Some("building a kernel needs flex, bc, which this machine has not: apt-get install flex bc"))]
    #[case(&["ld"], false, Some("building a kernel needs ld, stdio.h, which this machine has not: apt-get install binutils libc6-dev"))]
    fn what_is_missing_is_told_with_its_packages(
        #[case] absent: &[&str],
        #[case] has_libc: bool,
        #[case] want: Option<&str>,
    ) {
        let told = judge(&|name| !absent.contains(&name), has_libc);
        let told = told.err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), want);
    }

    #[test]
    fn a_program_is_looked_for_where_a_shell_does() {
        assert!(locate("sh").is_some());
        assert_eq!(locate("no-such-program-at-all"), None);
    }
}
