//! What a command of a script can count on when an agent runs it: neither the script's folder nor
//! that anything but a plain setting is put back.

use std::path::Path;

use crate::target::TargetError;

/// Why a command may not change what all programs of the machine under test share.
pub(super) const NOT_PUT_BACK: &str = "the agent puts back what a plain `sysctl` command changes and nothing else, so no command may change what all programs of its machine share";

/// Whether a command does not need the files beside its script.
///
/// # Errors
/// [`TargetError::Unsupported`] naming `files` if it does: they are on the controller.
pub(super) fn runs_there(command: &str, folder: Option<&Path>) -> Result<(), TargetError> {
    let Some(folder) = folder else {
        return Ok(());
    };
    let ends = |c: char| c.is_whitespace() || "\"'`;&|<>()=".contains(c);
    let beside = command.split(ends).find(|word| {
        let path = Path::new(word);
        let climbs = word.starts_with("./") || word.starts_with("../");
        // Files of the system are the other machine's own business.
        path.is_relative() && (climbs || !word.is_empty() && folder.join(path).is_file())
    });
    beside.map_or(Ok(()), |word| {
        Err(TargetError::Unsupported {
            capability: "files".into(),
            reason: format!(
                "`{word}` is beside the script, on this machine, and the agent runs commands on another one"
            ),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::setting("sysctl -q net.ipv4.tcp_sack=1", true)]
    #[case::tool("ip tcp_metrics flush all", true)]
    #[case::absolute("cat /proc/sys/net/ipv4/tcp_sack", true)]
    #[case::beside("sh set.sh", false)]
    #[case::called("./set.sh", false)]
    #[case::above("sysctl -p ../common/defaults.conf", false)]
    #[case::read("cat<set.sh", false)]
    fn files_beside_the_script_are_not_there(#[case] command: &str, #[case] runs: bool) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("set.sh"), "true\n").unwrap();
        assert_eq!(runs_there(command, Some(folder.path())).is_ok(), runs);
        assert!(runs_there(command, None).is_ok());
    }
}
