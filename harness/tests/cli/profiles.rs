//! `tcpdrill profiles`: the table that people read, and the JSON that says the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{status, stdout, tcpdrill};

fn shown(arguments: &[&str]) -> String {
    let output = tcpdrill(Path::new("."), &[&["profiles"], arguments].concat());
    assert_eq!(status(&output), 0);
    stdout(&output)
}

/// The lines of the table, with every column.
fn table() -> Vec<String> {
    lines(&["--long"])
}

fn lines(arguments: &[&str]) -> Vec<String> {
    let printed = shown(arguments);
    let lines = printed.lines().filter(|line| line.starts_with('|'));
    lines.map(ToString::to_string).collect()
}

fn json() -> Value {
    serde_json::from_str(&shown(&["--json"])).expect("JSON")
}

fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().expect("a list").iter();
    items.map(|item| item.as_str().expect("text")).collect()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[test]
fn the_documentation_has_the_whole_table() {
    let path = checkout().join("docs/profiles.md");
    let page = fs::read_to_string(&path).expect("docs/profiles.md");
    if std::env::var_os("INSTA_UPDATE").is_some_and(|value| value == "always") {
        // As for any snapshot: written anew, for somebody to read the difference.
        let text = page.lines().take_while(|line| !line.starts_with('|'));
        let lines: Vec<String> = text.map(ToString::to_string).chain(table()).collect();
        fs::write(&path, lines.join("\n") + "\n").expect("writes");
        return;
    }
    let documented: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(
        documented,
        table(),
        "docs/profiles.md is not what `tcpdrill profiles --long` prints; INSTA_UPDATE=always writes it anew"
    );
}

#[test]
fn the_readme_shows_lines_of_the_table() {
    /// A table row without what only lines it up.
    fn cells(line: &str) -> Vec<&str> {
        line.split('|').map(str::trim).take(5).collect()
    }
    let page = fs::read_to_string(checkout().join("README.md")).expect("README.md");
    let excerpt: Vec<&str> = page
        .lines()
        .skip_while(|line| *line != "$ tcpdrill profiles")
        .skip(1)
        .take_while(|line| *line != "```")
        .filter(|line| line.starts_with('|') && !line.starts_with("|--"))
        .collect();
    assert!(excerpt.len() > 3, "the README shows too little of it");
    let printed = lines(&[]);
    let width = printed.iter().map(|line| line.chars().count()).max();
    assert!(width < Some(120), "too wide for a terminal: {width:?}");
    for line in excerpt {
        let is_there = printed.iter().any(|row| cells(row) == cells(line));
        assert!(is_there, "`tcpdrill profiles` does not print: {line}");
    }
}

#[test]
fn the_json_says_what_the_table_says() {
    let report = json();
    assert_eq!(report["schema"], 1);
    assert_eq!(texts(&report["profiles"]), ["rfc9293", "linux", "freebsd"]);
    let table = table();
    let settings = report["settings"].as_array().expect("a list");
    assert_eq!(settings.len(), table.len() - 2);
    for (setting, row) in settings.iter().zip(table.iter().skip(2)) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(setting["name"], cells[1]);
        let differs = texts(&setting["differs"]);
        for (place, profile) in texts(&report["profiles"]).into_iter().enumerate() {
            let (value, cell) = (&setting["values"][profile], cells[2 + place]);
            assert_eq!(
                differs.contains(&profile),
                *value != setting["values"]["rfc9293"]
            );
            let as_written = if place == 0 || differs.contains(&profile) {
                value.as_str().expect("text")
            } else {
                "="
            };
            assert_eq!(cell, as_written, "{row}");
        }
    }
}

/// Whatever looks like the id of a requirement is one.
#[test]
fn what_a_setting_answers_to_is_in_the_catalogue() {
    let folder = checkout().join("conformance-cases/requirements");
    let files = fs::read_dir(folder).expect("the catalogue");
    let texts_of_files: Vec<String> = files
        .map(|file| fs::read_to_string(file.expect("a file").path()).expect("text"))
        .collect();
    let ids: BTreeSet<&str> = texts_of_files
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"'))
        .collect();
    assert!(ids.contains("RFC9293-MUST-13"));
    let report = json();
    for setting in report["settings"].as_array().expect("a list") {
        for answer in texts(&setting["answers"]) {
            let is_section = answer.starts_with("RFC ");
            assert!(
                is_section || ids.contains(answer),
                "{}: {answer}",
                setting["name"]
            );
        }
    }
}
