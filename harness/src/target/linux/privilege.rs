//! Getting the rights a network namespace needs: root has them, others enter a user namespace.

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// CAP_NET_ADMIN and CAP_SYS_ADMIN as bits of the kernel's capability sets.
const NET_ADMIN: u64 = 1 << 12;
const SYS_ADMIN: u64 = 1 << 21;

/// How the process came by its rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It had them: root, or a container with CAP_NET_ADMIN and CAP_SYS_ADMIN.
    Own,
    /// It is now root of a user namespace of its own.
    UserNamespace,
}

/// Makes sure that this process may make network namespaces. Call it first in `main`: the kernel
/// lets a process enter a user namespace only before it has a second thread.
///
/// Root stays as it is. An ordinary user becomes root of a fresh user namespace in which only
/// that user exists; files made are still the user's own. Also takes what the process needs to
/// run hundreds of cases on time, and starts a small child that resets the connections of cases
/// should the process be killed; it ends when the process does.
///
/// # Errors
/// What failed and what to do about it, in one line. The process is unchanged and can go on with
/// targets that need no rights.
pub fn prepare() -> Result<Privilege, String> {
    let privilege = get_rights();
    if privilege.is_ok() {
        // Before memory is locked: a copy of the process is small then.
        super::survivor::begin();
    }
    super::provision::take();
    privilege
}

fn get_rights() -> Result<Privilege, String> {
    let capabilities = effective_capabilities();
    if capabilities & NET_ADMIN != 0 && capabilities & SYS_ADMIN != 0 {
        return Ok(Privilege::Own);
    }
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(refused)?;
    // A group map may be written by an ordinary user only after giving up setgroups(2).
    write_own("setgroups", "deny")?;
    write_own("uid_map", &format!("0 {user} 1"))?;
    write_own("gid_map", &format!("0 {group} 1"))?;
    if effective_capabilities() & NET_ADMIN == 0 {
        return Err("the user namespace came without rights; on Ubuntu set kernel.apparmor_restrict_unprivileged_userns=0, or run as root".into());
    }
    Ok(Privilege::UserNamespace)
}

/// The calling thread's effective capabilities; none if they cannot be read.
pub(crate) fn effective_capabilities() -> u64 {
    std::fs::read_to_string("/proc/thread-self/status")
        .ok()
        .and_then(|status| capabilities_in(&status))
        .unwrap_or(0)
}

fn capabilities_in(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

fn refused(errno: Errno) -> String {
    let todo = match errno {
        Errno::EINVAL => {
            "the process already has several threads, or this kernel has no user namespaces (CONFIG_USER_NS); run as root"
        }
        Errno::EPERM => {
            "user namespaces are switched off for ordinary users (kernel.unprivileged_userns_clone, AppArmor, or a container's seccomp filter); run as root"
        }
        Errno::ENOSPC | Errno::EUSERS => {
            "the limit is reached: raise user.max_user_namespaces, or run as root"
        }
        _ => "run as root",
    };
    format!("no user namespace ({errno}): {todo}")
}

fn write_own(file: &str, text: &str) -> Result<(), String> {
    let path = format!("/proc/self/{file}");
    std::fs::write(&path, text)
        .map_err(|error| format!("{path} cannot be written ({error}); run as root"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_capabilities_are_read_from_the_status_file() {
        let status = "Name:\tx\nCapPrm:\t00000000000000ff\nCapEff:\t0000000000201000\n";
        assert_eq!(capabilities_in(status), Some(NET_ADMIN | SYS_ADMIN));
        assert_eq!(capabilities_in("CapEff:\tzz\n"), None);
        assert_eq!(capabilities_in(""), None);
    }

    #[test]
    fn entering_a_user_namespace_with_several_threads_says_why_it_fails() {
        assert!(refused(Errno::EINVAL).contains("several threads"));
    }
}
