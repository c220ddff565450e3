//! Kernels and bisecting, as far as nothing is built.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;

use super::{folder, status, stderr, stdout};

/// With the cache in `folder`, and no kernel named.
fn tcpdrill(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .env_remove("TCPDRILL_KERNEL")
        .output()
        .expect("the command starts")
}

fn told(folder: &Path, text: &str) -> String {
    let root = fs::canonicalize(folder).expect("it is there");
    text.replace(&root.display().to_string(), "DIR")
}

/// A folder with what a source tree of that release has at its top.
fn tree(folder: &Path, major: u32) {
    for path in ["old/arch/um", "old/net/ipv4"] {
        fs::create_dir_all(folder.join(path)).expect("a folder");
    }
    let makefile = format!("VERSION = {major}\nPATCHLEVEL = 0\nSUBLEVEL = 1\n");
    fs::write(folder.join("old/Makefile"), makefile).expect("a file");
    fs::write(folder.join("old/Kconfig"), "mainmenu \"x\"\n").expect("a file");
}

#[rstest]
#[case::no_case(&["bisect-run"], 128, "required arguments were not provided")]
#[case::an_unknown_option(&["bisect-run", "--bad", "x"], 128, "unexpected argument '--bad'")]
#[case::an_unknown_case(&["bisect-run", "no-such-case"], 128, "`no-such-case` is neither a file nor a bundled case or area")]
#[case::no_tree(&["bisect-run", "first.pkt"], 128, "DIR is no source tree of Linux: it has no Makefile")]
#[case::a_tree_on_the_way(&["bisect-run", "first.pkt", "--source", "old"], 125, "DIR/old is Linux 5.0.1; expected 6.1.0 or later")]
fn git_bisect_never_takes_a_mistake_for_a_verdict(
    #[case] arguments: &[&str],
    #[case] want: i32,
    #[case] problem: &str,
) {
    let folder = folder();
    tree(folder.path(), 5);
    let output = tcpdrill(folder.path(), arguments);
    let text = told(folder.path(), &stderr(&output));
    assert_eq!(status(&output), want, "{text}");
    assert!(text.contains(problem), "{text}");
}

#[rstest]
#[case(&["kernel", "build", "--source", "old"], "error: DIR/old is Linux 5.0.1; expected 6.1.0 or later\n")]
#[case(&["kernel", "build", "--source", "."], "error: DIR is no source tree of Linux: it has no Makefile\n")]
#[case(&["kernel", "build", "--source", "gone"], "error: cannot read gone: No such file or directory (os error 2)\n")]
#[case(&["kernel", "remove", "6.1.5"], "error: there is no kernel 6.1.5 in DIR/cache/tcpdrill/kernels; tcpdrill kernel list\n")]
#[case(&["kernel", "remove", "newest"], "error: there is no kernel newest in DIR/cache/tcpdrill/kernels; tcpdrill kernel list\n")]
fn what_cannot_be_done_is_told(#[case] arguments: &[&str], #[case] want: &str) {
    let folder = folder();
    tree(folder.path(), 5);
    let output = tcpdrill(folder.path(), arguments);
    assert_eq!(told(folder.path(), &stderr(&output)), want);
    assert_eq!(status(&output), 2);
}

#[test]
fn kernels_are_listed_and_removed() {
    let folder = folder();
    let say = |arguments: &[&str]| {
        let output = tcpdrill(folder.path(), arguments);
        assert_eq!(status(&output), 0, "{}", stderr(&output));
        told(folder.path(), &stdout(&output))
    };
    let none = "no kernel in DIR/cache/tcpdrill/kernels; tcpdrill kernel install\n";
    assert_eq!(say(&["kernel", "list"]), none);
    let kernels = folder.path().join("cache/tcpdrill/kernels");
    fs::create_dir_all(&kernels).expect("a folder");
    fs::write(kernels.join("linux-6.12.117"), "").expect("a file");
    let facts = "release = \"6.12.117\"\nhz = 1000\nsource = \"linux-source-6.12 6.12.117-1\"\n\
        configuration = \"0123456789ab\"\nlacks = []\nbuilt = \"2026-11-22T12:00:00Z\"\n";
    fs::write(kernels.join("linux-6.12.117.toml"), facts).expect("a file");
    insta::assert_snapshot!(say(&["kernel", "list"]), @r"
    6.12.117  HZ=1000  DIR/cache/tcpdrill/kernels/linux-6.12.117
              linux-source-6.12 6.12.117-1; configuration 0123456789ab, built 2026-11-22T12:00:00Z
    ");
    let removed = "removed DIR/cache/tcpdrill/kernels/linux-6.12.117\n";
    assert_eq!(say(&["kernel", "remove", "6.12.117"]), removed);
    assert_eq!(say(&["kernel", "list"]), none);
    assert_eq!(fs::read_dir(&kernels).expect("a folder").count(), 0);
}

#[test]
fn the_help_is_as_it_was_read() {
    let folder = folder();
    for (name, arguments) in [
        ("help_kernel", &["kernel", "--help"][..]),
        ("help_kernel_build", &["kernel", "build", "--help"]),
        ("help_kernel_install", &["kernel", "install", "--help"]),
        ("help_bisect_run", &["bisect-run", "--help"]),
    ] {
        let output = tcpdrill(folder.path(), arguments);
        assert_eq!(status(&output), 0);
        insta::assert_snapshot!(name, stdout(&output));
    }
}
