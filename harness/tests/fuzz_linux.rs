//! `tcpdrill fuzz --target linux` against the running kernel.
//!
//! Where the machine has no TUN device or refuses namespaces, the tests are skipped and the reason printed; with
//! TCPDRILL_REQUIRE_LINUX=1 they fail instead.
#[cfg(not(target_os = "linux"))]
fn main() {
    println!("skipped: the Linux target needs Linux");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use libtest_mimic::{Arguments, Failed, Trial};
    use tcpdrill::target::linux::{Link, prepare};

    // First of all: the process has one thread here and nowhere else.
    let missing = prepare().err().or_else(|| Link::Tun.try_out().err());
    let arguments = Arguments::from_args();
    let required = std::env::var("TCPDRILL_REQUIRE_LINUX").is_ok_and(|value| value == "1");
    if let Some(reason) = missing.as_ref().filter(|_| !required) {
        println!("skipped: {reason}");
    }
    let trial = |name: &str, test: fn()| {
        let missing = missing.clone();
        let skip = missing.is_some() && !required;
        Trial::test(name, move || match missing {
            Some(reason) => Err(Failed::from(format!("the kernel is required: {reason}"))),
            None => {
                test();
                Ok(())
            }
        })
        .with_ignored_flag(skip)
    };
    let trials = vec![
        trial(
            "what_is_known_is_no_finding",
            live::what_is_known_is_no_finding,
        ),
        trial("without_a_list_it_is", live::without_a_list_it_is),
        Trial::test("scripts_of_findings_pass_on_the_reference", || {
            live::scripts_of_findings_pass_on_the_reference();
            Ok(())
        }),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

#[cfg(target_os = "linux")]
mod live {
    use std::path::Path;
    use std::process::{Command, Output};

    fn tcpdrill(arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_tcpdrill");
        let run = Command::new(program).args(arguments).output();
        run.unwrap_or_else(|error| panic!("{program}: {error}"))
    }

    fn text(output: &Output) -> String {
        let (out, err) = (&output.stdout, &output.stderr);
        String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(err)
    }

    fn fuzz(out: &Path, more: &[&str]) -> Output {
        let out = out.to_str().unwrap();
        let mut arguments = vec!["fuzz", "--target", "linux", "--jobs", "1", "--out", out];
        arguments.extend(more);
        tcpdrill(&arguments)
    }

    /// The list tells of this kernel.
    fn is_listed() -> bool {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        release.starts_with("6.18.")
    }

    /// They say what should be done.
    pub(super) fn scripts_of_findings_pass_on_the_reference() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/findings");
        let run = tcpdrill(&["run", folder]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run));
    }

    /// What this kernel does is allowed, or stands in the list.
    pub(super) fn what_is_known_is_no_finding() {
        if !is_listed() {
            println!("skipped: the list of known deviations is that of Linux 6.18");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let run = fuzz(folder.path(), &["--runs", "150", "--seed", "1"]);
        assert_eq!(run.status.code(), Some(0), "{}", text(&run));
        assert!(text(&run).contains("150 inputs"), "{}", text(&run));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// The oracles look at the kernel, and what they find is a script that fails on it.
    pub(super) fn without_a_list_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let none = folder.path().join("none.toml");
        std::fs::write(&none, "").unwrap();
        let more = [
            "--runs",
            "1000",
            "--seed",
            "1",
            "--findings",
            "1",
            "--known",
        ];
        let run = fuzz(
            folder.path(),
            &[&more[..], &[none.to_str().unwrap()]].concat(),
        );
        assert_eq!(run.status.code(), Some(1), "{}", text(&run));
        let found = folder.path().join("specification-1.bin");
        let found = found.to_str().unwrap();
        let replayed = tcpdrill(&["replay", "--target", "linux", found]);
        assert_eq!(replayed.status.code(), Some(1), "{}", text(&replayed));
        let is_told = text(&replayed).contains("known: ");
        assert!(is_told || !is_listed(), "{}", text(&replayed));
    }
}
