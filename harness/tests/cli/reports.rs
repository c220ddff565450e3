//! The reports of a run, as files and on standard output: pages, TAP, KTAP, comparison.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::{folder, status, stderr, stdout, tcpdrill};

/// Every file below a folder, with what it holds.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path
                    .strip_prefix(root)
                    .expect("below")
                    .display()
                    .to_string();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

#[test]
fn a_run_on_the_reference_makes_the_same_pages_each_time() {
    let folder = folder();
    for name in ["one", "two"] {
        let run = tcpdrill(
            folder.path(),
            &[
                "run",
                "first.pkt",
                "wrong.pkt",
                "typo.pkt",
                "--ip-version",
                "all",
                "--html",
                name,
            ],
        );
        assert_eq!(status(&run), 2, "{}", stderr(&run));
    }
    let (one, two) = (
        files(&folder.path().join("one")),
        files(&folder.path().join("two")),
    );
    assert_eq!(one.len(), 2 + 3 * 3 * 2, "{:?}", one.keys());
    assert!(one == two, "the same run makes other bytes");
    let page = String::from_utf8_lossy(&one["cases/wrong.ipv6.html"]);
    for part in [
        "<svg",
        "≠ ack: expected 1, got 2",
        "<mark id=\"L12\">",
        "wrong.reference.ipv6.pcapng",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn pages_show_the_results_of_other_runs_beside_their_own() {
    let folder = folder();
    let run = |arguments: &[&str]| tcpdrill(folder.path(), &[&["run"], arguments].concat());
    let filter = ["--filter", "handshake/passive-open"];
    run(&[&filter[..], &["--profile", "linux", "--json", "linux.json"]].concat());
    let both = [&filter[..], &["--html", "pages", "--results", "linux.json"]].concat();
    let both = run(&both);
    assert_eq!(status(&both), 0, "{}", stderr(&both));
    let index = fs::read_to_string(folder.path().join("pages/index.html")).expect("the index");
    assert!(index.contains("<th>reference</th>"), "{index}");
    // Two runs of one target are told apart by their file.
    assert_eq!(
        index
            .matches("<td class=\"agrees\">agrees</td><td class=\"agrees\">agrees</td>")
            .count(),
        index.matches("<tr id=").count()
    );
    let alone = run(&["first.pkt", "--results", "linux.json"]);
    assert!(stderr(&alone).contains("--html"), "{}", stderr(&alone));
}

#[test]
fn tap_and_ktap_stand_alone_on_standard_output() {
    let folder = folder();
    for (format, first, last) in [
        ("--tap", "TAP version 14\n1..3\n", "  ...\n"),
        ("--ktap", "KTAP version 1\n1..1\n", "not ok 1 top\n"),
    ] {
        let run = tcpdrill(
            folder.path(),
            &["run", "first.pkt", "wrong.pkt", "udp.pkt", format, "-"],
        );
        assert_eq!(status(&run), 1);
        let text = stdout(&run);
        assert!(text.starts_with(first) && text.ends_with(last), "{text}");
        assert!(text.contains("# SKIP udp: "), "{text}");
        assert!(stderr(&run).contains("1 passed, 1 failed"));
    }
    let both = ["run", "first.pkt", "--tap", "-", "--ktap", "-"];
    assert_eq!(status(&tcpdrill(folder.path(), &both)), 2);
}

#[test]
fn a_comparison_takes_the_evidence_from_the_report() {
    let folder = folder();
    let run = tcpdrill(
        folder.path(),
        &[
            "run",
            "--profile",
            "linux",
            "--filter",
            "RFC9293-SM-25",
            "--json",
            "r.json",
        ],
    );
    assert_eq!(status(&run), 0, "{}", stderr(&run));
    let compare = tcpdrill(folder.path(), &["compare", "r.json", "--markdown", "-"]);
    assert_eq!(status(&compare), 0, "{}", stderr(&compare));
    let text = stdout(&compare);
    for part in [
        "### RFC9293-SM-25\n",
        "on ipv4:\n\n```\nline 13: +0 > . 1:1(0) ack 1\n  flags: expected ., got S.\n",
        "\n≠     0.400000  > S. 0:0(0) ack 1 win 65535 <mss 1460>   (line 13)\n```\n",
        "| RFC9293-SM-25 | SHOULD |",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(stderr(&compare).contains("\nRFC9293-SM-25 (SHOULD): "));
    let old = r#"{"schema": 1, "summary": {}, "results": []}"#;
    fs::write(folder.path().join("old.json"), old).expect("a file");
    let refused = tcpdrill(folder.path(), &["compare", "old.json"]);
    assert_eq!(status(&refused), 2);
    assert!(stderr(&refused).contains("old.json: it does not say what was judged"));
}
