//! The Linux target against the running kernel.
//!
//! Where the machine has no TUN device or refuses namespaces, every test here is skipped and the
//! reason printed; with TCPDRILL_REQUIRE_LINUX=1 they fail instead.
#[cfg(target_os = "linux")]
mod bench;
#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod commands;
#[cfg(target_os = "linux")]
mod lifecycle;
#[cfg(target_os = "linux")]
mod lines;
#[cfg(target_os = "linux")]
mod link;
#[cfg(target_os = "linux")]
mod packetdrill;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
mod segment;
#[cfg(target_os = "linux")]
mod tunnel;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the Linux target needs Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    use std::process::ExitCode;
    use std::sync::Arc;

    use libtest_mimic::{Arguments, Failed, Trial};
    use tcpdrill::target::linux::{LinuxTarget, prepare};

    // First of all: the process has one thread here and nowhere else.
    let privilege = prepare();
    let arguments = Arguments::from_args();
    let missing: Option<Arc<str>> = privilege
        .err()
        .or_else(|| LinuxTarget::available().err())
        .map(Into::into);
    let required = std::env::var("TCPDRILL_REQUIRE_LINUX").is_ok_and(|value| value == "1");
    if let Some(reason) = &missing
        && !required
    {
        println!("skipped: {reason}");
    }
    let trials = cases::ALL
        .iter()
        .chain(tunnel::ALL)
        .chain(lines::ALL)
        .chain(commands::ALL)
        .chain(packetdrill::ALL)
        .chain(calls::ALL)
        .chain(link::ALL)
        .map(|(name, case)| {
            let missing = missing.clone();
            let skip = missing.is_some() && !required;
            Trial::test(*name, move || match missing {
                Some(reason) => Err(Failed::from(format!(
                    "the Linux target is required: {reason}"
                ))),
                None => {
                    case();
                    Ok(())
                }
            })
            .with_ignored_flag(skip)
        })
        .collect();
    let code: ExitCode = libtest_mimic::run(&arguments, trials).exit_code();
    // `exit` ends the process without waiting for threads that a failed test has left behind.
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}
