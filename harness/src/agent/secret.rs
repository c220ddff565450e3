//! The secret that a controller and an agent share.

use std::fmt;
use std::path::Path;

/// The environment variable that holds the secret where no file is named.
pub const VARIABLE: &str = "TCPDRILL_SECRET";

/// The shortest secret taken, in bytes: 128 bits if it is random.
const SHORTEST: usize = 16;

/// More than any secret needs; a file of another kind was named by mistake.
const LONGEST: usize = 4096;

/// A shared secret. It is never shown.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// The secret of a file, or of the environment variable [`VARIABLE`] if no file is given.
    /// Space around it does not count.
    ///
    /// # Errors
    /// If there is none, it is shorter than 16 bytes, or the file cannot be read or can be read
    /// by other users.
    pub fn load(file: Option<&Path>) -> Result<Secret, String> {
        let Some(path) = file else {
            let value = std::env::var_os(VARIABLE).ok_or_else(|| {
                format!("a shared secret is needed: give --secret-file FILE or set {VARIABLE}; make one with `head -c 32 /dev/urandom | base64`")
            })?;
            return Secret::new(value.as_encoded_bytes())
                .map_err(|problem| format!("the secret in {VARIABLE} {problem}"));
        };
        let shown = path.display();
        let bytes = std::fs::read(path)
            .map_err(|error| format!("the secret file {shown} cannot be read: {error}"))?;
        private(path)?;
        Secret::new(&bytes).map_err(|problem| format!("the secret in {shown} {problem}"))
    }

    /// A secret from bytes; space around them does not count.
    ///
    /// # Errors
    /// What is wrong with it, to be put behind "the secret".
    pub fn new(bytes: &[u8]) -> Result<Secret, String> {
        let bytes = bytes.trim_ascii();
        match bytes.len() {
            0..SHORTEST => Err(format!(
                "has {} bytes; at least {SHORTEST} are needed: `head -c 32 /dev/urandom | base64` makes a good one",
                bytes.len()
            )),
            SHORTEST..=LONGEST => Ok(Secret(bytes.to_vec())),
            len => Err(format!("has {len} bytes; is this the right file?")),
        }
    }

    /// The bytes, for the handshake only.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that others can read is none.
#[cfg(unix)]
fn private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o044 == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(format!(
        "the secret file {shown} can be read by others (mode {:03o}): `chmod 600 {shown}`",
        mode & 0o777
    ))
}

#[cfg(not(unix))]
fn private(_path: &Path) -> Result<(), String> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_around_a_secret_does_not_count() {
        let one = Secret::new(b"0123456789abcdef").unwrap();
        let other = Secret::new(b" 0123456789abcdef\r\n").unwrap();
        assert_eq!(one.bytes(), other.bytes());
    }

    #[test]
    fn a_short_secret_is_refused_and_a_good_one_is_not_shown() {
        assert!(Secret::new(b"0123456789abcde\n").is_err());
        assert!(Secret::new(&[b'x'; LONGEST + 1]).is_err());
        let secret = Secret::new(b"0123456789abcdef").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        for (mode, taken) in [(0o600, true), (0o640, false), (0o604, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Secret::load(Some(&path)).is_ok(), taken, "{mode:o}");
        }
    }
}
