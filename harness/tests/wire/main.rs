//! The wire target: the command in one network namespace, the stack under test in another, a veth between.
//!
//! Where the machine refuses namespaces or has no `ip`, every test here is skipped and the reason
//! printed; with TCPDRILL_REQUIRE_LINUX=1 they fail instead.
#[cfg(target_os = "linux")]
mod cases;
#[cfg(target_os = "linux")]
mod machines;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the wire target needs Linux");
}

#[cfg(target_os = "linux")]
fn main() {
    use std::process::ExitCode;
    use std::sync::Arc;

    use libtest_mimic::{Arguments, Failed, Trial};
    use tcpdrill::target::linux::prepare;

    // First of all: the process has one thread here and nowhere else.
    let privilege = prepare();
    let arguments = Arguments::from_args();
    let missing: Option<Arc<str>> = privilege
        .err()
        .or_else(|| machines::Machines::new().err())
        .map(Into::into);
    let required = std::env::var("TCPDRILL_REQUIRE_LINUX").is_ok_and(|value| value == "1");
    if let Some(reason) = &missing
        && !required
    {
        println!("skipped: {reason}");
    }
    let trials = cases::ALL
        .iter()
        .map(|(name, case)| {
            let missing = missing.clone();
            let skip = missing.is_some() && !required;
            Trial::test(*name, move || match missing {
                Some(reason) => Err(Failed::from(format!("two machines are required: {reason}"))),
                None => {
                    case();
                    Ok(())
                }
            })
            .with_ignored_flag(skip)
        })
        .collect();
    let code: ExitCode = libtest_mimic::run(&arguments, trials).exit_code();
    std::process::exit(i32::from(code != ExitCode::SUCCESS));
}
