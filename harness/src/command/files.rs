//! The files a run writes: JSON, JUnit, TAP, KTAP, traces, pages, captures.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Component, Path, PathBuf};

use crate::catalogue::Catalogue;
use crate::cli::RunArgs;
use crate::report::html::HtmlRun;
use crate::report::{self, Results, Summary, TargetEntry};
use crate::source::Source;
use crate::suite::Case;
use crate::verdict::CaseResult;

use super::output::Output;

/// Stands for standard output.
const STANDARD: &str = "-";

/// Where the text for people goes: standard output, unless a report goes there.
pub(super) fn text_output(args: &RunArgs) -> Output {
    output_beside(&reports(args))
}

/// The reports that are one file.
fn reports(args: &RunArgs) -> [&Option<PathBuf>; 5] {
    let RunArgs {
        json,
        junit,
        tap,
        ktap,
        trace,
        ..
    } = args;
    [json, junit, tap, ktap, trace]
}

/// Where text goes beside these reports.
pub(super) fn output_beside(reports: &[&Option<PathBuf>]) -> Output {
    let mut reports = reports.iter().copied().flatten();
    let taken = reports.any(|path| path == Path::new(STANDARD));
    if taken {
        Output::Error
    } else {
        Output::Standard
    }
}

/// Finds out whether what is asked for can be written, before minutes are spent on results.
/// Files that are there keep what is in them. What came back are the problems.
pub(super) fn try_all(args: &RunArgs) -> Vec<String> {
    let standard = |path: &&PathBuf| path.as_path() == Path::new(STANDARD);
    let files: Vec<&PathBuf> = reports(args).into_iter().flatten().collect();
    let mut problems = Vec::new();
    if files.iter().filter(|path| standard(path)).count() > 1 {
        problems.push("only one report can go to standard output".to_string());
    }
    for path in files.iter().filter(|path| !standard(path)) {
        let opened = OpenOptions::new().create(true).append(true).open(path);
        problems.extend(opened.err().map(|problem| unwritable(path, &problem)));
    }
    let folders = [&args.pcap, &args.html].into_iter().flatten();
    problems.extend(folders.filter_map(|path| try_folder(path).err()));
    problems
}

fn try_folder(folder: &Path) -> Result<(), String> {
    make_folder(folder)?;
    let path = folder.join(format!(".tcpdrill-{}", std::process::id()));
    fs::write(&path, "").map_err(|problem| unwritable(&path, &problem))?;
    fs::remove_file(&path).map_err(|problem| unwritable(&path, &problem))
}

/// What a run came to.
#[derive(Clone, Copy)]
pub(super) struct Ended<'a> {
    pub(super) target: &'a TargetEntry,
    pub(super) cases: &'a [&'a Case],
    pub(super) summary: Summary,
    pub(super) results: &'a [CaseResult],
}

/// Writes every file that was asked for. One that cannot be written costs none of the others;
/// what came back are the problems.
pub(super) fn write_all(args: &RunArgs, ended: Ended<'_>, others: &[Results]) -> Vec<String> {
    let Ended {
        cases,
        summary,
        results,
        ..
    } = ended;
    let mut outcomes = Vec::new();
    if let Some(path) = &args.json {
        let sources: BTreeMap<&str, &Source> = cases
            .iter()
            .map(|case| (case.name.as_str(), case.source()))
            .collect();
        let source = |case: &str| sources.get(case).copied();
        let text = report::json::render(ended.target, summary, results, source)
            .map_err(|problem| problem.to_string());
        outcomes.push(text.and_then(|text| write(path, text.as_bytes())));
    }
    if let Some(path) = &args.junit {
        let text = report::junit::render(summary, results);
        outcomes.push(text.and_then(|text| write(path, text.as_bytes())));
    }
    if let Some(path) = &args.tap {
        let text = report::tap::render(results, summary.interrupted);
        outcomes.push(write(path, text.as_bytes()));
    }
    if let Some(path) = &args.ktap {
        outcomes.push(write(path, report::ktap::render(results).as_bytes()));
    }
    if let Some(path) = &args.trace {
        outcomes.push(write(path, report::trace::render(results).as_bytes()));
    }
    if let Some(folder) = &args.html {
        outcomes.extend(write_pages(folder, ended, others));
    }
    if let Some(folder) = &args.pcap {
        for result in results {
            let case = cases.iter().find(|case| case.name == result.case);
            outcomes.extend(case.map(|case| write_capture(folder, case, result)));
        }
    }
    let mut problems: Vec<String> = outcomes.into_iter().filter_map(Result::err).collect();
    problems.dedup();
    problems
}

/// Writes the folder of pages; one outcome a file.
fn write_pages(folder: &Path, ended: Ended<'_>, others: &[Results]) -> Vec<Result<(), String>> {
    let catalogue = match Catalogue::bundled() {
        Ok(catalogue) => catalogue,
        Err(problem) => return vec![Err(problem.to_string())],
    };
    let run = HtmlRun {
        description: &ended.target.description,
        results: ended.results,
        summary: ended.summary,
        cases: ended.cases,
        catalogue: &catalogue,
        others,
    };
    let one = |file: report::html::HtmlFile| {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            make_folder(parent)?;
        }
        fs::write(&path, &file.bytes).map_err(|problem| unwritable(&path, &problem))
    };
    report::html::files(&run).map(one).collect()
}

fn write_capture(folder: &Path, case: &Case, result: &CaseResult) -> Result<(), String> {
    let path = folder.join(capture_name(result));
    if let Some(parent) = path.parent() {
        make_folder(parent)?;
    }
    let title = format!("tcpdrill {} on {}", result.case, result.target);
    let capture = report::pcapng::render(&title, case.source(), result);
    fs::write(&path, capture).map_err(|problem| unwritable(&path, &problem))
}

/// Where in its folder a capture stands. Whatever a case is called, it stays in there.
fn capture_name(result: &CaseResult) -> PathBuf {
    let name = format!(
        "{}.{}.{}.pcapng",
        result.case, result.target, result.ip_version
    );
    let inside = |part: &Component<'_>| matches!(part, Component::Normal(_));
    Path::new(&name).components().filter(inside).collect()
}

fn make_folder(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder)
        .map_err(|problem| format!("cannot make the folder {}: {problem}", folder.display()))
}

/// Writes a file, or to standard output.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if path == Path::new(STANDARD) {
        // What cannot be written there is told at the end.
        let _ = Output::Standard.write_all(bytes);
        return Ok(());
    }
    fs::write(path, bytes).map_err(|problem| unwritable(path, &problem))
}

fn unwritable(path: &Path, problem: &std::io::Error) -> String {
    format!("cannot write {}: {problem}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Verdict;
    use rstest::rstest;

    #[rstest]
    #[case("area/x", "area/x.reference.ipv4.pcapng")]
    #[case("/etc/x", "etc/x.reference.ipv4.pcapng")]
    #[case("../../x", "x.reference.ipv4.pcapng")]
    fn a_capture_stays_in_its_folder(#[case] name: &str, #[case] want: &str) {
        let result = report::samples::result(name, Verdict::Pass, "");
        assert_eq!(capture_name(&result), Path::new(want));
    }
}
