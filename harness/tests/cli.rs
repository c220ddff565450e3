//! The command as its users meet it: exit statuses, output, files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;
use tempfile::TempDir;

#[path = "cli/check.rs"]
mod check;
#[path = "cli/convention.rs"]
mod convention;
#[path = "cli/coverage.rs"]
mod coverage;
#[path = "cli/files.rs"]
mod files;
#[path = "cli/fmt.rs"]
mod fmt;
#[path = "cli/fuzz.rs"]
mod fuzz;
#[path = "cli/kernel.rs"]
mod kernel;
#[path = "cli/packetdrill.rs"]
mod packetdrill;
#[path = "cli/profile.rs"]
mod profile;
#[path = "cli/profiles.rs"]
mod profiles;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/words.rs"]
mod words;
#[path = "cli/zoo.rs"]
mod zoo;

const FIRST: &str = include_str!("cli/first.pkt");

fn tcpdrill(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("it ends by itself")
}

/// A folder with the README's first case, the same with a wrong packet, and one that does not parse.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("writes");
    write("first.pkt", FIRST);
    write(
        "wrong.pkt",
        &FIRST.replace("> . 1:1(0) ack 2", "> . 1:1(0) ack 1"),
    );
    write("typo.pkt", &FIRST.replace("accept(", "acccept("));
    fs::write(folder.path().join("bytes.pkt"), [b'+', 0xff, b'\n']).expect("writes");
    write("loose.pkt", &(FIRST.to_string() + "+0 close(9) = -1\n"));
    write("udp.pkt", " 0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3\n");
    folder
}

#[rstest]
#[case::as_expected(&["run", "first.pkt"], 0)]
#[case::a_failure(&["run", "first.pkt", "wrong.pkt"], 1)]
#[case::a_script_error(&["run", "first.pkt", "typo.pkt"], 2)]
#[case::a_script_that_is_no_text(&["run", "bytes.pkt"], 2)]
#[case::a_check_of_what_is_no_text(&["check", "bytes.pkt"], 2)]
#[case::a_script_error_outweighs_a_failure(&["run", "wrong.pkt", "typo.pkt"], 2)]
#[case::all_skipped(&["run", "udp.pkt"], 3)]
#[case::a_skip_beside_a_pass(&["run", "first.pkt", "udp.pkt"], 0)]
#[case::no_such_file(&["run", "nothing.pkt"], 2)]
#[case::no_such_flag(&["run", "--no-such-flag"], 2)]
#[case::no_such_target(&["run", "--target", "windows"], 2)]
#[case::no_such_profile(&["run", "--profile", "plan9"], 2)]
#[case::a_bad_define(&["run", "-D", "N", "first.pkt"], 2)]
#[case::no_jobs(&["run", "-j", "0", "first.pkt"], 2)]
#[case::a_filter_without_match(&["run", "--filter", "no such case"], 2)]
#[case::a_sound_check(&["check", "first.pkt", "wrong.pkt"], 0)]
#[case::a_check_with_a_warning(&["check", "loose.pkt"], 0)]
#[case::a_check_with_mistakes(&["check", "first.pkt", "typo.pkt"], 2)]
#[case::a_check_of_nothing(&["check"], 2)]
#[case::a_list(&["list"], 0)]
#[case::a_list_without_match(&["list", "--filter", "no such case"], 2)]
#[case::a_doctor(&["doctor"], 0)]
#[case::a_tidy_file(&["fmt", "--check", "first.pkt"], 0)]
#[case::standard_input_and_more(&["fmt", "-", "first.pkt"], 2)]
#[case::a_bad_override(&["run", "--mtu", "x", "first.pkt"], 2)]
#[case::a_family_that_the_convention_lacks(&["run", "--convention", "ksft", "--ip-version", "ipv4-mapped-ipv6", "first.pkt"], 2)]
fn exit_statuses_are_as_documented(#[case] arguments: &[&str], #[case] want: i32) {
    let folder = folder();
    let output = tcpdrill(folder.path(), arguments);
    assert_eq!(
        status(&output),
        want,
        "{}{}",
        stdout(&output),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn results_are_written_even_when_a_script_does_not_parse() {
    let folder = folder();
    let arguments = [
        "run",
        "first.pkt",
        "wrong.pkt",
        "typo.pkt",
        "udp.pkt",
        "--json",
        "r.json",
        "--junit",
        "r.xml",
    ];
    tcpdrill(folder.path(), &arguments);
    let text = fs::read_to_string(folder.path().join("r.json")).expect("the JSON file");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["schema"], 1);
    let summary = &report["summary"];
    let counts = [
        "passed",
        "failed",
        "skipped",
        "known_deviations",
        "unexpected_passes",
        "errors",
    ]
    .map(|key| summary[key].as_u64().expect("a count"));
    assert_eq!(counts, [1, 1, 1, 0, 0, 1]);
    assert!(summary["wall_ms"].is_u64());
    let verdicts: Vec<(&str, &str)> = report["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| {
            (
                result["case"].as_str().unwrap(),
                result["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        verdicts,
        [
            ("first", "pass"),
            ("typo", "error"),
            ("udp", "skip"),
            ("wrong", "fail")
        ]
    );
    let first = &report["results"][0];
    assert_eq!(first["target"], "reference");
    assert_eq!(first["ip_version"], "ipv4");
    assert_eq!(first["covers"], serde_json::json!(["RFC9293-SM-30"]));
    assert_eq!(first["virtual_ms"], 100.0);
    assert!(
        report["results"][1]["message"]
            .as_str()
            .unwrap()
            .contains("did you mean `accept`?")
    );
    check_junit(folder.path());
}

/// What a reader of JUnit relies on.
fn check_junit(folder: &Path) {
    let junit = fs::read_to_string(folder.join("r.xml")).expect("the JUnit file");
    assert!(
        junit.contains("tests=\"4\"")
            && junit.contains("failures=\"1\"")
            && junit.contains("errors=\"1\""),
        "{junit}"
    );
    assert!(junit.contains("classname=\"(top)\""), "{junit}");
    let suites = junit.lines().find(|line| line.contains("<testsuites"));
    assert!(suites.expect("its root").contains(" time=\""), "{junit}");
}

#[test]
fn a_warning_is_shown_and_is_no_mistake() {
    let folder = folder();
    let text = stdout(&tcpdrill(folder.path(), &["check", "loose.pkt"]));
    assert!(text.contains("warning[C026]"), "{text}");
    assert!(text.contains("1 file checked, 0 with mistakes"), "{text}");
}

#[test]
fn a_flood_of_mistakes_is_cut_short() {
    let folder = folder();
    let text = FIRST.to_string() + &"+0 raed(4, ..., 1) = 0\n".repeat(300);
    fs::write(folder.path().join("many.pkt"), text).expect("writes");
    let output = tcpdrill(folder.path(), &["check", "many.pkt"]);
    let text = stdout(&output);
    assert_eq!(text.matches("did you mean `read`?").count(), 100);
    assert!(text.contains("and 200 more mistakes in many.pkt"), "{text}");
}

/// Without a target, every branch that one could take is read, and nothing is said twice.
#[test]
fn every_branch_is_checked() {
    let folder = folder();
    let branches = [
        "#ifdef linux",
        "#elif target == reference && has(udp)",
        "#elif target == reference",
        "#else",
    ];
    let mut text = FIRST.to_string();
    for branch in branches {
        text += &format!("{branch}\n+0 raed(4, ..., 1) = 0\n");
    }
    for kernel in ["#if kernel < 6.8", "#elif kernel > 6.12", "#else"] {
        text += &format!("{kernel}\n+0 wirte(4, ..., 1) = 1\n");
    }
    text = text.replacen("#if kernel", "#endif\n#if kernel", 1) + "#endif\n";
    fs::write(folder.path().join("branches.pkt"), text).expect("writes");
    let output = tcpdrill(folder.path(), &["check", "branches.pkt"]);
    let text = stdout(&output);
    // No target known is neither `linux` nor `reference`: the `#else` of the first is for others.
    assert_eq!(text.matches("did you mean `read`?").count(), 3, "{text}");
    assert_eq!(text.matches("did you mean `write`?").count(), 3, "{text}");
}

#[test]
fn a_capture_holds_every_packet_with_sound_checksums() {
    let folder = folder();
    tcpdrill(
        folder.path(),
        &[
            "run",
            "first.pkt",
            "--ip-version",
            "all",
            "--pcap",
            "captures",
        ],
    );
    for version in ["ipv4", "ipv6", "ipv4-mapped-ipv6"] {
        let path = folder
            .path()
            .join(format!("captures/first.reference.{version}.pcapng"));
        let packets = packets(&fs::read(&path).expect("the capture"));
        assert_eq!(packets.len(), 5, "{version}");
        for packet in packets {
            let parsed = tcpdrill::wire::parse(&packet).expect("a datagram");
            assert!(parsed.faults.is_empty(), "{:?}", parsed.faults);
        }
    }
}

/// The packets of a capture: the contents of its enhanced packet blocks.
fn packets(file: &[u8]) -> Vec<Vec<u8>> {
    let word =
        |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes")) as usize;
    let mut found = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if word(at) == 6 {
            found.push(file[at + 28..at + 28 + word(at + 20)].to_vec());
        }
        at += word(at + 4);
    }
    found
}

/// As under `tcpdrill … | head -0`: the reader is gone before the first line.
#[rstest]
#[case::the_main_job(&[], 0)]
#[case::a_run(&["run", "first.pkt"], 0)]
#[case::a_verbose_failure(&["run", "-v", "wrong.pkt"], 1)]
#[case::a_check(&["check", "first.pkt", "typo.pkt"], 2)]
#[case::a_list(&["list"], 0)]
#[case::a_doctor(&["doctor"], 0)]
#[case::a_refusal(&["run", "nothing.pkt"], 2)]
fn a_closed_pipe_changes_no_exit_status(#[case] arguments: &[&str], #[case] want: i32) {
    let folder = folder();
    let closed = || {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        writer
    };
    let status = Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(arguments)
        .current_dir(folder.path())
        .stdout(closed())
        .stderr(closed())
        .status()
        .expect("the command starts");
    assert_eq!(status.code(), Some(want));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = folder();
    let capture = |seed: &str, into: &str| {
        tcpdrill(
            folder.path(),
            &["run", "first.pkt", "--seed", seed, "--pcap", into],
        );
        fs::read(folder.path().join(into).join("first.reference.ipv4.pcapng")).expect("the capture")
    };
    assert_eq!(capture("7", "a"), capture("7", "b"));
    assert_ne!(capture("7", "c"), capture("8", "d"));
}

/// What the README shows is what is printed, but for how long it took.
#[test]
fn the_readme_shows_real_output() {
    let readme = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"))
        .expect("README.md");
    assert!(
        readme.contains(FIRST),
        "the README's first case is harness/tests/cli/first.pkt"
    );
    let folder = folder();
    for arguments in [&["run"][..], &["run", "wrong.pkt"], &["check", "typo.pkt"]] {
        let output = stdout(&tcpdrill(folder.path(), arguments));
        for line in output
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with("1 case"))
        {
            let line = line.split(" in ").next().expect("a first part").trim_end();
            let is_table = line.starts_with("area") || line.starts_with("(top)");
            let counts = line.starts_with("0 passed, 1 failed");
            // A slow machine is told every half minute how far it is.
            let is_progress = line.contains(" done, ");
            assert!(
                is_table || counts || is_progress || readme.contains(line),
                "not in the README: {line}"
            );
        }
    }
}
