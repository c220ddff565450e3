//! A kernel in virtual time: its clock stands still while anything runs, and jumps to the next timer when
//! all sleep.
//!
//! No machine is late there, so nobody watches whether it is. Nothing may wait by looking at the clock:
//! all that waits sleeps. (A look at the clock moves it by a quarter of a microsecond, so that a program
//! that does look again and again comes to an end.)

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::personality::{self, Persona};
use nix::unistd::{Pid, gettid};

use super::clock::Nanos;
use super::netlink::Netlink;
use super::{clock, netns, provision, rtnetlink};

/// How long a seed of the kernel's random numbers is.
const SEED: usize = 64;

/// The first interface of every namespace.
const LOOPBACK: u32 = 1;

nix::ioctl_write_ptr!(add_entropy, b'R', 0x03, [libc::c_int; 2]);

/// `struct rand_pool_info`.
#[repr(C)]
struct Entropy {
    /// How many bits, and how many bytes.
    counts: [libc::c_int; 2],
    bytes: [u8; SEED],
}

static RULES: AtomicBool = AtomicBool::new(false);

/// The namespace that this process began in.
static HOME: OnceLock<File> = OnceLock::new();

/// Whether this process runs in virtual time.
pub(super) fn rules() -> bool {
    RULES.load(Ordering::Relaxed)
}

/// Makes this process, the first of its kernel, at home in virtual time: called once, before anything
/// looks at the clock. `seed` starts the kernel's random numbers.
///
/// # Errors
/// What the kernel refuses, in a line.
pub(crate) fn settle_in(seed: u64) -> Result<(), String> {
    RULES.store(true, Ordering::Relaxed);
    clock::set_exact_timers();
    provision::raise_descriptor_limit();
    keep_memory();
    feed(seed)?;
    if let Ok(home) = File::open("/proc/thread-self/ns/net") {
        let _ = HOME.set(home);
    }
    // Each case has a namespace of its own; the first is for what is outside of all.
    let _ =
        Netlink::open().and_then(|mut netlink| netlink.request(rtnetlink::link_up(LOOPBACK, None)));
    netns::bequeath_defaults();
    Ok(())
}

/// Has what was freed be used again instead of given back to the kernel: there a page that is touched first
/// costs as much as three system calls.
fn keep_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes numbers only, and changes nothing but when memory is asked for and given back.
    unsafe {
        const PIECE: libc::c_int = 1 << 20;
        libc::mallopt(libc::M_TRIM_THRESHOLD, libc::c_int::MAX);
        libc::mallopt(libc::M_TOP_PAD, PIECE);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 * PIECE);
    }
}

/// Takes the calling thread out of the namespace of a case, back to that of the process.
pub(super) fn go_home() {
    if let Some(home) = HOME.get() {
        // Who cannot leave goes into the next case's from there.
        let _ = netns::join(home);
    }
}

/// How far CLOCK_REALTIME is ahead of CLOCK_MONOTONIC, found out once: nobody steps it.
pub(super) fn wall_is_ahead() -> Nanos {
    static AHEAD: OnceLock<Nanos> = OnceLock::new();
    *AHEAD.get_or_init(clock::wall_is_ahead)
}

/// The calling thread's number, asked for once.
pub(super) fn this_thread() -> Pid {
    thread_local! {
        static NUMBER: Pid = gettid();
    }
    NUMBER.with(|number| *number)
}

/// A kernel that is started anew has nothing to draw random numbers from: the first ISN would wait.
fn feed(seed: u64) -> Result<(), String> {
    let mut bytes = [0; SEED];
    fastrand::Rng::with_seed(seed).fill(&mut bytes);
    let entropy = Entropy {
        counts: [8 * SEED as libc::c_int, SEED as libc::c_int],
        bytes,
    };
    let device = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/urandom")
        .map_err(|error| format!("/dev/urandom cannot be opened: {error}"))?;
    // SAFETY: the call reads an `Entropy`, whose second count says how many bytes follow the two.
    unsafe { add_entropy(device.as_raw_fd(), (&raw const entropy).cast()) }
        .map(drop)
        .map_err(|errno| format!("/dev/urandom takes no seed: {errno}"))
}

/// Has the kernel write what was added to a file of the host, and waits until the host has it: not until its
/// disk has, which would take the time of a disk.
pub(crate) fn write_back(file: &File) -> Result<(), Errno> {
    let all = libc::SYNC_FILE_RANGE_WAIT_BEFORE
        | libc::SYNC_FILE_RANGE_WRITE
        | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    // SAFETY: takes numbers only.
    Errno::result(unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, all) }).map(drop)
}

/// Keeps this process, and what it becomes, on one of the processors that it may use (counted round and round).
///
/// A kernel that runs as a program and the programs in it take turns, thousands of times a second; on two
/// processors each turn has one of them woken up.
pub(crate) fn stay_on_one_processor(number: usize) {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else {
        return;
    };
    let all: Vec<usize> = (0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect();
    let mut one = CpuSet::new();
    // A refusal costs speed only.
    if !all.is_empty() && one.set(all[number % all.len()]).is_ok() {
        let _ = sched_setaffinity(this, &one);
    }
}

/// From here on this process, and what it becomes, gets no random numbers from its kernel, and what it becomes
/// always the same addresses: a kernel that runs as a program would mix the one into its own and show the other in its files,
/// and no two runs of it would be the same.
///
/// # Errors
/// What the kernel refuses, in a line.
pub(crate) fn leave_nothing_to_chance() -> Result<(), String> {
    const NUMBER: u32 = 0;
    let statement = |code: u32, value: u32, jump: (u8, u8)| libc::sock_filter {
        code: code as u16,
        jt: jump.0,
        jf: jump.1,
        k: value,
    };
    // Programs of another word size have other numbers; no kernel is one.
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, NUMBER, (0, 0)),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            libc::SYS_getrandom as u32,
            (0, 1),
        ),
        statement(
            libc::BPF_RET | libc::BPF_K,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
            (0, 0),
        ),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, (0, 0)),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    let refused = |errno: Errno| format!("chance cannot be excluded: {errno}");
    let mut persona = personality::get().map_err(refused)?;
    persona.insert(Persona::ADDR_NO_RANDOMIZE);
    personality::set(persona).map_err(refused)?;
    nix::sys::prctl::set_no_new_privs().map_err(refused)?;
    // SAFETY: the call copies the four statements that `program` points to.
    let set = unsafe {
        libc::prctl(
            libc::PR_SET_SECCOMP,
            libc::SECCOMP_MODE_FILTER,
            &raw const program,
        )
    };
    Errno::result(set).map(drop).map_err(refused)
}
