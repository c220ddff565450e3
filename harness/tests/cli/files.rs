//! Files a run writes, and standard output that takes nothing.

use std::fs::{self, OpenOptions};
use std::process::Command;

use super::{folder, status, stderr, stdout, tcpdrill};

#[test]
fn a_capture_that_cannot_be_written_is_an_error_and_costs_no_other_file() {
    let folder = folder();
    // Where the second capture would stand is a folder.
    fs::create_dir_all(folder.path().join("captures/udp.reference.ipv4.pcapng")).expect("a folder");
    let arguments = [
        "run",
        "first.pkt",
        "udp.pkt",
        "wrong.pkt",
        "--json",
        "r.json",
        "--pcap",
        "captures",
    ];
    let output = tcpdrill(folder.path(), &arguments);
    assert_eq!(status(&output), 2);
    let told = "cannot write captures/udp.reference.ipv4.pcapng:";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
    assert!(stdout(&output).contains("1 passed"));
    for file in [
        "captures/first.reference.ipv4.pcapng",
        "captures/wrong.reference.ipv4.pcapng",
        "r.json",
    ] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn what_cannot_be_written_is_told_before_anything_runs() {
    let folder = folder();
    fs::create_dir(folder.path().join("taken")).expect("a folder");
    fs::write(folder.path().join("old.xml"), "old").expect("writes");
    let arguments = [
        "run",
        "first.pkt",
        "--json",
        "no/such/folder/r.json",
        "--junit",
        "old.xml",
        "--pcap",
        "first.pkt",
    ];
    let output = tcpdrill(folder.path(), &arguments);
    assert_eq!((status(&output), stdout(&output).as_str()), (2, ""));
    let told = stderr(&output);
    assert!(
        told.contains("cannot write no/such/folder/r.json:"),
        "{told}"
    );
    assert!(told.contains("cannot make the folder first.pkt:"), "{told}");
    let old = fs::read_to_string(folder.path().join("old.xml")).expect("still there");
    assert_eq!(
        old, "old",
        "what was there is not touched before there are results"
    );
    let output = tcpdrill(folder.path(), &["run", "first.pkt", "--junit", "taken"]);
    assert!(stderr(&output).contains("cannot write taken:"));
}

#[test]
fn json_on_standard_output_is_json_alone() {
    let folder = folder();
    let output = tcpdrill(
        folder.path(),
        &["run", "first.pkt", "wrong.pkt", "--json", "-"],
    );
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["summary"]["failed"], 1);
    assert!(stderr(&output).contains("1 passed, 1 failed"));
    assert_eq!(status(&output), 1);
    let both = ["run", "first.pkt", "--json", "-", "--junit", "-"];
    assert_eq!(status(&tcpdrill(folder.path(), &both)), 2);
}

#[test]
fn times_in_json_have_at_most_three_decimals() {
    let folder = folder();
    let output = tcpdrill(folder.path(), &["run", "first.pkt", "--json", "-"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let wall = report["results"][0]["wall_ms"].to_string();
    let decimals = wall.split('.').nth(1).map_or(0, str::len);
    assert!(decimals <= 3, "{wall}");
}

/// Results that a full disk swallowed must not read as results that were fine.
#[cfg(target_os = "linux")]
#[test]
fn results_lost_on_a_full_standard_output_are_an_error() {
    let folder = folder();
    for arguments in [
        &["run", "first.pkt"][..],
        &["run", "first.pkt", "--json", "-"],
        &["check", "first.pkt"],
        &["list"],
        &["doctor"],
        &["fmt", "first.pkt", "--check"],
    ] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let output = Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
            .args(arguments)
            .current_dir(folder.path())
            .stdout(full)
            .output()
            .expect("the command starts");
        // `fmt --check` has nothing to say about a tidy file.
        let want = if arguments[0] == "fmt" { 0 } else { 2 };
        assert_eq!(status(&output), want, "{arguments:?}");
        let told = stderr(&output).contains("cannot write to standard output: No space left");
        assert_eq!(told, want == 2, "{arguments:?}");
    }
}
