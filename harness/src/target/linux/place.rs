//! The mount namespace of a case's commands: the host's settings read-only, `/tmp` its own.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::statvfs::FsFlags;

use crate::target::TargetError;

const TMP: &str = "/tmp";

/// Moves the calling thread into a mount namespace of its own.
///
/// What scripts write below `/tmp` is seen by the case alone; what lies there already can be read.
/// `folder` stays reachable by its path. `writable` are files of the host that the case may change.
/// Unless `allowed`, all other files but those in its own folder can only be read.
///
/// Where the host's settings are not ours to write, a refusal to protect them does no harm.
pub(super) fn enter(
    folder: Option<&Path>,
    writable: &[PathBuf],
    allowed: bool,
) -> Result<(), TargetError> {
    let result = unshare(CloneFlags::CLONE_NEWNS)
        .and_then(|()| change("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE))
        .and_then(|()| {
            if allowed {
                Ok(())
            } else {
                protect_files(folder)
            }
        })
        .and_then(|()| make_read_only("/proc/sys", Some("/proc/sys/net")))
        .and_then(|()| make_read_only("/sys", None))
        .map(|()| make_read_only_below("/sys/"))
        .and_then(|()| writable.iter().try_for_each(|file| make_writable(file)));
    match result {
        Err(errno) if owns_host_settings() => {
            return Err(TargetError::Unsupported {
                capability: "shell".into(),
                reason: format!(
                    "the host's settings cannot be protected from the script's commands ({errno}); run it as an ordinary user"
                ),
            });
        }
        _ => {}
    }
    own_tmp(folder).map_err(|errno| TargetError::Unsupported {
        capability: "shell".into(),
        reason: format!("a case cannot have a /tmp of its own ({errno}); run it as root"),
    })
}

/// An overlay above the host's `/tmp`, or, where the kernel has none, an empty one in which the
/// script's folder appears read-only.
fn own_tmp(folder: Option<&Path>) -> Result<(), Errno> {
    let below = directory(TMP)?;
    mount(
        Some("tcpdrill"),
        TMP,
        Some("tmpfs"),
        MsFlags::MS_NOSUID | MsFlags::MS_NODEV,
        Some("mode=1777"),
    )?;
    let made = (|| {
        for folder in ["/tmp/upper", "/tmp/work"] {
            nix::unistd::mkdir(folder, Mode::from_bits_truncate(0o1777))?;
        }
        // The mask of the process took bits of the mode off.
        nix::sys::stat::fchmodat(
            nix::fcntl::AT_FDCWD,
            "/tmp/upper",
            Mode::from_bits_truncate(0o1777),
            nix::sys::stat::FchmodatFlags::FollowSymlink,
        )?;
        let lower = format!("/proc/thread-self/fd/{}", below.as_raw_fd());
        ["", ",userxattr"]
            .iter()
            .map(|more| {
                let data = format!("lowerdir={lower},upperdir=/tmp/upper,workdir=/tmp/work{more}");
                mount(
                    Some("tcpdrill"),
                    TMP,
                    Some("overlay"),
                    MsFlags::empty(),
                    Some(data.as_str()),
                )
            })
            .find(Result::is_ok)
            .unwrap_or(Err(Errno::ENODEV))
    })();
    if made.is_err() {
        for folder in ["/tmp/upper", "/tmp/work"] {
            // Not interesting: two empty folders are in nobody's way.
            let _ = nix::unistd::unlinkat(
                nix::fcntl::AT_FDCWD,
                folder,
                nix::unistd::UnlinkatFlags::RemoveDir,
            );
        }
    }
    keep_reachable(&below, folder)
}

/// Brings back what hides the script's folder: it may lie in a mount below `/tmp`.
fn keep_reachable(below: &OwnedFd, folder: Option<&Path>) -> Result<(), Errno> {
    let Some(folder) = folder.filter(|folder| folder.starts_with(TMP) && !folder.exists()) else {
        return Ok(());
    };
    // Not the folder alone: scripts name files beside it as `../common/…`.
    let Some(Component::Normal(top)) = folder.components().nth(2) else {
        return Ok(());
    };
    let target = Path::new(TMP).join(top);
    let source = format!("/proc/thread-self/fd/{}", below.as_raw_fd());
    let source = Path::new(&source).join(top);
    match nix::unistd::mkdir(&target, Mode::from_bits_truncate(0o755)) {
        Ok(()) | Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno),
    }
    mount(
        Some(&source),
        &target,
        None::<&str>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&str>,
    )?;
    // Of what is mounted below it, should the folder lie there, the flags stay as they are.
    if let Some(target) = target.to_str() {
        let _ = remount(target, MsFlags::MS_RDONLY);
    }
    Ok(())
}

fn directory(path: &str) -> Result<OwnedFd, Errno> {
    open(
        path,
        OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
        Mode::empty(),
    )
}

fn make_read_only(path: &str, except: Option<&str>) -> Result<(), Errno> {
    if !Path::new(path).exists() {
        return Ok(());
    }
    bind(path)?;
    if let Some(except) = except {
        bind(except)?;
    }
    remount(path, MsFlags::MS_RDONLY)
}

/// Makes all files read-only but those in the script's folder. Devices stay usable: writing to one
/// writes no file.
fn protect_files(folder: Option<&Path>) -> Result<(), Errno> {
    let own = folder.and_then(Path::to_str).filter(|own| *own != "/");
    if let Some(own) = own {
        bind(own)?;
    }
    let is_own = |point: &str| own.is_some_and(|own| Path::new(point).starts_with(own));
    for point in mount_points() {
        if !is_own(&point) && !Path::new(&point).starts_with("/proc") {
            // In a user namespace some are not ours to change, and not ours to write either.
            let _ = remount(&point, MsFlags::MS_RDONLY);
        }
    }
    // What counts is the whole; where it cannot be protected the caller decides.
    remount("/", MsFlags::MS_RDONLY)
}

/// Where something is mounted, as the calling thread sees it.
fn mount_points() -> Vec<String> {
    let mounts = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap_or_default();
    let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    points.map(str::to_owned).collect()
}

/// The same for what is mounted below a path, as far as that can be had: control groups, say. Not
/// every kind of file system lets itself be changed, and in a user namespace none is ours to change.
fn make_read_only_below(path: &str) {
    for point in mount_points() {
        if point.starts_with(path) {
            let _ = remount(&point, MsFlags::MS_RDONLY);
        }
    }
}

/// Lets one file below a read-only mount be written.
pub(super) fn make_writable(file: &Path) -> Result<(), Errno> {
    let path = file.to_str().ok_or(Errno::EINVAL)?;
    bind(path)?;
    remount(path, MsFlags::empty())
}

/// Mounts what lies at a path there once more, with all that is mounted below it: in a user
/// namespace nothing may come to light that was hidden by a mount.
fn bind(path: &str) -> Result<(), Errno> {
    mount(
        Some(path),
        path,
        None::<&str>,
        MsFlags::MS_BIND | MsFlags::MS_REC,
        None::<&str>,
    )
}

/// Changes whether a mount is read-only and nothing else about it: in a user namespace no flag may
/// be taken off.
fn remount(path: &str, read_only: MsFlags) -> Result<(), Errno> {
    let now = nix::sys::statvfs::statvfs(path)?.flags();
    let kept = [
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
        (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
        (FsFlags::ST_NODIRATIME, MsFlags::MS_NODIRATIME),
        (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
    ];
    let kept = kept
        .iter()
        .filter(|(flag, _)| now.contains(*flag))
        .fold(read_only, |all, (_, flag)| all | *flag);
    change(path, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | kept)
}

fn change(path: &str, flags: MsFlags) -> Result<(), Errno> {
    mount(None::<&str>, path, None::<&str>, flags, None::<&str>)
}

/// Whether the host's settings are ours to write, unless something is done about it: whose they
/// are is seen from within the user namespace.
fn owns_host_settings() -> bool {
    std::fs::metadata("/sys").is_ok_and(|facts| facts.uid() == nix::unistd::geteuid().as_raw())
}
