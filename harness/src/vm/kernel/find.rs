//! Which kernel is meant.

use std::path::{Path, PathBuf};

use super::{Cache, CacheError, Kernel, ProgramError};

/// The variable that names a kernel where the command line names none.
pub const ENVIRONMENT: &str = "TCPDRILL_KERNEL";

/// Why there is no kernel.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The cache is empty, and nobody named one.
    #[error(
        "there is no kernel in {}; `tcpdrill kernel install` makes one of this system's source package, `tcpdrill kernel build --source TREE` of any tree",
        kernels.display()
    )]
    None {
        /// Where one would be.
        kernels: PathBuf,
    },
    /// The cache has others.
    #[error(
        "there is no kernel {wanted} in {} (there is {there}); `tcpdrill kernel install --version {wanted}` makes one",
        kernels.display()
    )]
    NoSuch {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: String,
        /// Where.
        kernels: PathBuf,
    },
    /// The cache cannot be read.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// What was found is no kernel.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// The kernel that `wanted` means: the path of a program, or the beginning of a release such as `6.12`, which
/// stands for the newest such kernel of the cache. Without it, what [`ENVIRONMENT`] says, and without that
/// the newest of the cache.
///
/// # Errors
/// If there is none, or it cannot be used; the text says what to do.
pub fn find(wanted: Option<&str>) -> Result<Kernel, FindError> {
    let named = std::env::var(ENVIRONMENT).ok();
    let named = named.filter(|text| !text.is_empty());
    find_in(Cache::of_user, wanted.or(named.as_deref()))
}

fn find_in(
    cache: impl FnOnce() -> Result<Cache, CacheError>,
    wanted: Option<&str>,
) -> Result<Kernel, FindError> {
    if let Some(path) = wanted.filter(|text| is_path(text)) {
        return Ok(Kernel::at(Path::new(path))?);
    }
    let cache = cache()?;
    let kernels = cache.kernels();
    let entries = cache.entries()?;
    let fits = |prefix: &str| {
        let mut newest_first = entries.iter().rev();
        newest_first.find(|entry| entry.release.begins_with(prefix) == Some(true))
    };
    let found = match wanted {
        Some(prefix) => fits(prefix),
        None => entries.last(),
    };
    match (found, wanted) {
        (Some(entry), _) => Ok(Kernel::at(&entry.path)?),
        (None, Some(wanted)) if !entries.is_empty() => {
            let all: Vec<String> = entries
                .iter()
                .map(|entry| entry.release.to_string())
                .collect();
            Err(FindError::NoSuch {
                wanted: wanted.to_owned(),
                there: all.join(", "),
                kernels,
            })
        }
        (None, _) => Err(FindError::None { kernels }),
    }
}

/// Whether it names a file rather than a release.
fn is_path(text: &str) -> bool {
    let is_number = super::Release::new(0, 0, 0).begins_with(text).is_some();
    !is_number || Path::new(text).is_file()
}

#[cfg(test)]
mod tests {
    use super::super::cache::tests::cache;
    use super::super::program::tests::{GOOD, write_fake};
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(None, Ok("6.12.117"))]
    #[case(Some("6"), Ok("6.12.117"))]
    #[case(Some("6.9"), Ok("6.9.30"))]
    #[case(Some("6.9.3"), Ok("6.9.3"))]
    #[case(Some("6.1"), Ok("6.1.192"))]
    #[case(
        Some("6.11"),
        Err(
            "there is no kernel 6.11 in KERNELS (there is 6.1.192, 6.9.3, 6.9.30, 6.12.117); `tcpdrill kernel install --version 6.11` makes one"
        )
    )]
    #[case(
        Some("/no/such/kernel"),
        Err("the kernel /no/such/kernel cannot be used: No such file or directory (os error 2)")
    )]
    #[case(
        Some("latest"),
        Err("the kernel latest cannot be used: No such file or directory (os error 2)")
    )]
    fn the_newest_that_fits_is_meant(
        #[case] wanted: Option<&str>,
        #[case] want: Result<&str, &str>,
    ) {
        let (_folder, cache) = cache(&["6.9.3", "6.12.117", "6.1.192", "6.9.30"]);
        for entry in cache.entries().expect("it can be read") {
            write_fake(&entry.path, &entry.facts.release, GOOD);
        }
        let kernels = cache.kernels().display().to_string();
        let found = find_in(|| Ok(cache), wanted);
        let found = found.map(|kernel| kernel.name);
        let found = found.map_err(|error| error.to_string().replace(&kernels, "KERNELS"));
        assert_eq!(found.as_deref().map_err(String::as_str), want);
    }

    #[test]
    fn a_path_needs_no_cache() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("linux");
        write_fake(&path, "6.14.2", GOOD);
        let kernel = find_in(|| Err(CacheError::Homeless), path.to_str()).expect("a kernel");
        assert_eq!(kernel.name, "6.14.2");
    }

    #[rstest]
    #[case(None)]
    #[case(Some("6.12"))]
    fn an_empty_cache_says_how_to_fill_it(#[case] wanted: Option<&str>) {
        let cache = Cache::at("/no/such/folder".into());
        let error = find_in(|| Ok(cache), wanted).expect_err("there is none");
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"there is no kernel in /no/such/folder/kernels; `tcpdrill kernel install` makes one of this system's source package, `tcpdrill kernel build --source TREE` of any tree");
        }
    }
}
