//! Running everything with instrumentation.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How to get what a measurement needs.
const INSTALL: &str = "\
To install what coverage needs:
  cargo install cargo-llvm-cov --version 0.9.1 --locked
  rustup component add llvm-tools
Where rustup cannot fetch it, a system's llvm-cov and llvm-profdata of the major version that `rustc -vV` names do:
on Debian `apt-get install llvm-22`; or name any two programs in LLVM_COV and LLVM_PROFDATA.";

/// The bundled cases are run with each of these.
const PROFILES: [&str; 3] = ["rfc9293", "linux", "freebsd"];

/// Runs the tests and the cases, and gives the file with what they reached, in lcov's format.
pub(super) fn measure(root: &Path) -> Result<PathBuf, String> {
    let tools = Tools::find()?;
    let output = root.join("target/coverage.lcov");
    // What an earlier commit built would count with its own lines; only the dependencies are kept.
    tools.run(root, &["clean", "--workspace"])?;
    // One build for both packages. Not among them: the allocations, which count memory and not rules.
    let tests = "test --no-report --package tcpdrill-stack --package tcpdrill-fuzz --lib \
        --test scenarios --test simulation --test mutants";
    tools.run(root, &tests.split_whitespace().collect::<Vec<_>>())?;
    for profile in PROFILES {
        let cases = format!(
            "run --no-report --package tcpdrill --bin tcpdrill -- run --profile {profile} --ip-version all"
        );
        tools.run(root, &cases.split_whitespace().collect::<Vec<_>>())?;
    }
    let output_path = output.to_string_lossy();
    tools.run(root, &["report", "--lcov", "--output-path", &output_path])?;
    Ok(output)
}

/// The programs of LLVM that fit this compiler.
struct Tools {
    /// `llvm-cov` and `llvm-profdata`, where cargo-llvm-cov does not find them itself.
    programs: Option<(String, String)>,
}

impl Tools {
    fn find() -> Result<Self, String> {
        if !succeeds("cargo", &["llvm-cov", "--version"]) {
            return Err(format!("cargo-llvm-cov is not installed.\n{INSTALL}"));
        }
        let compiler = output_of("rustc", &["-vV"])?;
        let sysroot = output_of("rustc", &["--print", "sysroot"])?;
        let named = ["LLVM_COV", "LLVM_PROFDATA"].map(|name| std::env::var_os(name).is_some());
        let host = value_of(&compiler, "host").unwrap_or_default();
        let component = Path::new(sysroot.trim()).join(format!("lib/rustlib/{host}/bin/llvm-cov"));
        if named == [true, true] || component.exists() {
            return Ok(Self { programs: None });
        }
        let major = llvm_major(&compiler).ok_or("rustc -vV names no version of LLVM")?;
        let programs = [
            format!("llvm-cov-{major}"),
            format!("llvm-profdata-{major}"),
        ];
        if !programs
            .iter()
            .all(|program| succeeds(program, &["--version"]))
        {
            return Err(format!(
                "llvm-cov and llvm-profdata of version {major} are not installed.\n{INSTALL}"
            ));
        }
        let [cov, profdata] = programs;
        Ok(Self {
            programs: Some((cov, profdata)),
        })
    }

    /// `cargo llvm-cov ARGUMENTS`.
    fn run(&self, root: &Path, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command.arg("llvm-cov").args(arguments).current_dir(root);
        if let Some((cov, profdata)) = &self.programs {
            command.env("LLVM_COV", cov).env("LLVM_PROFDATA", profdata);
        }
        let line = format!("cargo llvm-cov {}", arguments.join(" "));
        eprintln!("{line}");
        match command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{line}: {status}")),
            Err(error) => Err(format!("{line}: {error}")),
        }
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

fn output_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(error) => Err(format!("cannot start {program}: {error}")),
    }
}

/// The value of a line `name: value`.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn llvm_major(compiler: &str) -> Option<&str> {
    value_of(compiler, "LLVM version")?.split('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_names_its_host_and_the_version_of_llvm() {
        let text = "rustc 1.95.0\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.2\n";
        assert_eq!(value_of(text, "host"), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(llvm_major(text), Some("22"));
        assert_eq!(llvm_major("rustc 1.95.0\n"), None);
    }
}
