//! `cargo xtask COMMAND`; see [`USAGE`].

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use xtask::compare::Request;
use xtask::{Repository, Severity, coverage, mutants, sample, tidy, trace};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  tidy                 check the rules of the house that the compiler does not know
  trace                requirements by document: how many the code names, how many a case covers
  trace --missing      the requirements that packets or calls can show and no case covers
  trace ID             where one requirement is implemented and which cases cover it
  sample --count N --seed N
                       that many of the requirements that a case covers, drawn by the seed
  compare TREE         the verdicts and times of packetdrill and tcpdrill on packetdrill's scripts below TREE:
    --packetdrill BIN  run packetdrill, one script after the other (root); --rounds N times [3]
    --save FILE        keep its rounds; --reuse FILE takes them instead of, or beside, new ones
    --tcpdrill BIN     the tcpdrill to compare [target/release/tcpdrill]
  coverage             the lines of the stack that its tests and the bundled cases reach, and those they do not
    --lcov FILE        from what an earlier run left in FILE (target/coverage.lcov)
  mutants [FILE...]    changes the stack's code in one place at a time: which changes its tests and the bundled cases notice
    --again            goes on from what an earlier run left in target/mutants
  ci [ARGUMENT...]     the steps of CI in their order, installing nothing (arguments go to .ci/run)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => with_repository(run_tidy),
        ["trace"] => with_repository(|repository| {
            print!("{}", trace::Trace::new(repository).summary());
            ExitCode::SUCCESS
        }),
        ["trace", "--missing"] => with_repository(|repository| {
            print!("{}", trace::Trace::new(repository).missing());
            ExitCode::SUCCESS
        }),
        ["trace", id] if !id.starts_with('-') => with_repository(|repository| show(repository, id)),
        ["sample", rest @ ..] => run_sample(rest),
        ["compare", rest @ ..] => run_compare(rest),
        ["coverage"] => run_coverage(None),
        ["coverage", "--lcov", file] => run_coverage(Some(Path::new(file))),
        ["mutants", rest @ ..] => run_mutants(rest),
        ["ci", rest @ ..] => run_ci(rest),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn with_repository(run: impl FnOnce(&Repository) -> ExitCode) -> ExitCode {
    match Repository::load(&root()) {
        Ok(repository) => run(&repository),
        Err(error) => {
            eprintln!("cannot read the repository: {error}");
            ExitCode::from(2)
        }
    }
}

fn run_tidy(repository: &Repository) -> ExitCode {
    let findings = tidy::check(repository);
    for finding in &findings {
        println!("{finding}");
    }
    let count = |severity| {
        findings
            .iter()
            .filter(|found| found.severity == severity)
            .count()
    };
    let errors = count(Severity::Error);
    println!(
        "tidy: {} files, {errors} errors, {} notices",
        repository.files().len(),
        count(Severity::Notice)
    );
    if errors == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn show(repository: &Repository, id: &str) -> ExitCode {
    match trace::Trace::new(repository).requirement(id) {
        Some(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("no requirement is called {id}; see conformance-cases/requirements/");
            ExitCode::FAILURE
        }
    }
}

fn run_sample(words: &[&str]) -> ExitCode {
    match sample::Request::parse(words) {
        Ok(request) => with_repository(|repository| {
            let trace = trace::Trace::new(repository);
            print!("{}", request.report(&trace.covered()));
            ExitCode::SUCCESS
        }),
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run_compare(words: &[&str]) -> ExitCode {
    let ours = root().join("target/release/tcpdrill");
    match Request::parse(words, ours).and_then(|request| request.run()) {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run_coverage(lcov: Option<&Path>) -> ExitCode {
    match coverage::run(&root(), lcov) {
        Ok(report) => {
            print!("{report}");
            if report.passes() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn run_mutants(words: &[&str]) -> ExitCode {
    match mutants::Request::parse(words).and_then(|request| request.run(&root())) {
        Ok(report) => {
            print!("{report}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

fn run_ci(arguments: &[&str]) -> ExitCode {
    let script = root().join(".ci/run");
    match Command::new("bash")
        .arg(&script)
        .arg("--no-install")
        .args(arguments)
        .status()
    {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot start bash for {}: {error}", script.display());
            ExitCode::FAILURE
        }
    }
}

/// The repository's top folder, which is the parent of this package.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}
