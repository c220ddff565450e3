//! Scripts as files: those in `syntax/ok` load, those in `syntax/err` are refused with exactly
//! the text of their snapshot. A new test is a new file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tcpdrill::diagnostic::render::{Color, render_all};
use tcpdrill::diagnostic::{Diagnostic, code};
use tcpdrill::program::Program;
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;

fn scripts(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pkt"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no script in {}", folder.display());
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

fn source(path: &Path) -> Source {
    Source::new(
        format!("{}.pkt", stem(path)),
        fs::read_to_string(path).unwrap(),
    )
}

fn load(path: &Path) -> Program {
    script::load(&source(path), &LoadContext::default()).unwrap_or_else(|diagnostics| {
        panic!(
            "{}\n{}",
            path.display(),
            render_all(&diagnostics, Color::Never)
        )
    })
}

/// What is said about a script; one whose name has `drop-in` in it is read as packetdrill would.
fn said(path: &Path) -> Vec<Diagnostic> {
    let context = LoadContext {
        drop_in: is_drop_in(path),
        ..LoadContext::default()
    };
    script::check_only(&source(path), &context)
}

fn is_drop_in(path: &Path) -> bool {
    stem(path).contains("drop-in")
}

#[test]
fn legal_scripts_load() {
    for path in scripts("tests/syntax/ok") {
        let program = load(&path);
        let shown = format!("{:#?}", (&program.options, &program.steps, &program.needs));
        snapshots("ok").bind(|| insta::assert_snapshot!(stem(&path), shown));
    }
}

#[test]
fn the_examples_load_without_a_word() {
    let examples = scripts("../conformance-cases/examples");
    assert_eq!(examples.len(), 18);
    for path in examples {
        let program = load(&path);
        assert!(
            program.header.title.is_some() && program.header.why.is_some(),
            "{}",
            path.display()
        );
        let said = script::check_only(&source(&path), &LoadContext::default());
        assert!(said.is_empty(), "{}", render_all(&said, Color::Never));
    }
}

#[test]
fn broken_scripts_are_refused_in_these_words() {
    for path in scripts("tests/syntax/err") {
        let shown = render_all(&said(&path), Color::Never);
        snapshots("err").bind(|| insta::assert_snapshot!(stem(&path), shown));
    }
}

/// What is refused for being ours alone is fine everywhere else.
#[test]
fn forms_of_our_own_are_taken_outside_drop_in_mode() {
    let ours = scripts("tests/syntax/err");
    for path in ours.iter().filter(|path| is_drop_in(path)) {
        let said = script::check_only(&source(path), &LoadContext::default());
        let shown = render_all(&said, Color::Never);
        assert!(said.is_empty(), "{}\n{shown}", path.display());
    }
}

/// One good script, broken in ten ways: one exact error each.
#[test]
fn ten_broken_scripts_give_ten_errors() {
    let files = scripts("tests/syntax/ten");
    assert_eq!(files.len(), 10);
    for path in files {
        let said = said(&path);
        assert_eq!(said.len(), 1, "{}", render_all(&said, Color::Never));
        let shown = render_all(&said, Color::Never);
        snapshots("ten").bind(|| insta::assert_snapshot!(stem(&path), shown));
    }
}

/// A file named after a code shows that code, and every code has a file.
#[test]
fn every_code_has_a_script_that_shows_it() {
    let mut shown = BTreeSet::new();
    for path in scripts("tests/syntax/err") {
        let codes: BTreeSet<String> = said(&path).iter().map(|one| one.code.to_owned()).collect();
        let promised = stem(&path)[..4].to_ascii_uppercase();
        if code::explain(&promised).is_some() {
            assert!(
                codes.contains(&promised),
                "{} shows {codes:?}",
                path.display()
            );
            shown.insert(promised);
        }
    }
    for code in code::ALL
        .iter()
        .filter(|code| code.id.starts_with(['S', 'C']))
    {
        assert!(
            shown.contains(code.id),
            "no script shows {}: {}",
            code.id,
            code.meaning
        );
    }
}

#[test]
fn all_errors_of_a_file_are_reported() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/syntax/err/several-errors.pkt");
    let source = source(&path);
    let said = script::load(&source, &LoadContext::default()).unwrap_err();
    let lines: Vec<usize> = said
        .iter()
        .map(|one| source.line_of(one.primary.span.start))
        .collect();
    assert_eq!(lines, [1, 2, 3, 4, 5, 5, 7, 8]);
}

fn snapshots(folder: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(format!("syntax/{folder}"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}
