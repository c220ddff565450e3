//! `tcpdrill check` on families and by conventions.

use std::fs;

use super::{folder, status, stdout, tcpdrill};

#[test]
fn a_script_that_is_right_on_some_families_says_on_which() {
    let folder = folder();
    let text = "0 close(3) = 0\n+0 < icmp unreachable CODE [1:1(0)]\n";
    fs::write(folder.path().join("code.pkt"), text).expect("writes");
    let output = tcpdrill(folder.path(), &["check", "code.pkt"]);
    assert_eq!(status(&output), 2);
    let by = [
        "check",
        "--convention",
        "run_all",
        "--ip-version",
        "all",
        "code.pkt",
    ];
    let output = tcpdrill(folder.path(), &by);
    assert_eq!(status(&output), 0);
    insta::assert_snapshot!(stdout(&output), @r"
    code.pkt: right on ipv4, ipv4-mapped-ipv6; not on ipv6
    1 file checked, 0 with mistakes
    ");
}

#[test]
fn words_of_a_runner_come_from_its_convention() {
    let folder = folder();
    let text = "0 setsockopt(3, CMSG_LEVEL_IP, CMSG_TYPE_RECVERR, [1], 4) = 0\n";
    fs::write(folder.path().join("word.pkt"), text).expect("writes");
    assert_eq!(status(&tcpdrill(folder.path(), &["check", "word.pkt"])), 2);
    for convention in ["run_all", "run-all", "ksft"] {
        let by = [
            "check",
            "--convention",
            convention,
            "--ip-version",
            "all",
            "word.pkt",
        ];
        assert_eq!(status(&tcpdrill(folder.path(), &by)), 0, "{convention}");
    }
}

#[test]
fn a_warning_is_no_mistake() {
    let folder = folder();
    fs::write(folder.path().join("any.pkt"), "0 close(3) = -1\n").expect("writes");
    let output = tcpdrill(folder.path(), &["check", "any.pkt"]);
    assert_eq!(status(&output), 0);
    let text = stdout(&output);
    assert!(
        text.contains("warning[C026]") && text.contains("0 with mistakes"),
        "{text}"
    );
}

#[test]
fn control_characters_are_shown_as_escapes() {
    let folder = folder();
    fs::write(
        folder.path().join("nul.pkt"),
        "0 close(3) = 0\n+0 \0\x1b[2J\n",
    )
    .expect("writes");
    let output = tcpdrill(folder.path(), &["check", "nul.pkt"]);
    let text = stdout(&output);
    assert!(text.contains("the character `\\0`"), "{text}");
    assert!(!text.contains(['\0', '\x1b']), "{text}");
}
