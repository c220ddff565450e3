//! `tcpdrill fmt`.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::{FIRST, folder, status, stderr, stdout, tcpdrill};

const UNTIDY: &str = " 0   close( 3 ) = -1 EBADF // why\n\n\n+0 close(3)=-1 EBADF\n";
const TIDY: &str = " 0 close(3) = -1 EBADF // why\n\n+0 close(3)=-1 EBADF\n";

fn piped(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn files_are_laid_out_once_and_named() {
    let folder = folder();
    let file = folder.path().join("untidy.pkt");
    fs::write(&file, UNTIDY).expect("writes");
    let output = tcpdrill(
        folder.path(),
        &["fmt", "--check", "untidy.pkt", "first.pkt"],
    );
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (1, "untidy.pkt\n")
    );
    assert_eq!(fs::read_to_string(&file).expect("reads"), UNTIDY);
    let output = tcpdrill(folder.path(), &["fmt", "untidy.pkt", "first.pkt"]);
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (0, "untidy.pkt\n")
    );
    assert_eq!(fs::read_to_string(&file).expect("reads"), TIDY);
    let first = fs::read_to_string(folder.path().join("first.pkt")).expect("reads");
    assert_eq!(first, FIRST);
    let output = tcpdrill(
        folder.path(),
        &["fmt", "--check", "untidy.pkt", "first.pkt"],
    );
    assert_eq!((status(&output), stdout(&output).as_str()), (0, ""));
}

#[test]
fn standard_input_goes_to_standard_output() {
    let output = piped(&["fmt", "-"], UNTIDY.as_bytes());
    assert_eq!((status(&output), stdout(&output).as_str()), (0, TIDY));
    let output = piped(&["fmt", "--check", "-"], UNTIDY.as_bytes());
    assert_eq!(
        (status(&output), stdout(&output).as_str()),
        (1, "standard input\n")
    );
    assert_eq!(status(&piped(&["fmt", "--check", "-"], TIDY.as_bytes())), 0);
    assert_eq!(status(&piped(&["fmt", "-"], &[0xff])), 2);
}

#[test]
fn a_file_that_cannot_be_laid_out_is_left_alone() {
    let folder = folder();
    let file = folder.path().join("open.pkt");
    fs::write(&file, "0   close(3) = \"a\n").expect("writes");
    let output = tcpdrill(folder.path(), &["fmt", "open.pkt", "bytes.pkt"]);
    assert_eq!((status(&output), stdout(&output).as_str()), (2, ""));
    let told = stderr(&output);
    assert!(
        told.contains("open.pkt:1:16") && told.contains("bytes.pkt: not UTF-8"),
        "{told}"
    );
    assert_eq!(
        fs::read_to_string(&file).expect("reads"),
        "0   close(3) = \"a\n"
    );
}

#[test]
fn the_bundled_cases_are_laid_out() {
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance-cases");
    let output = tcpdrill(cases.as_ref(), &["fmt", "--check", "."]);
    assert_eq!((status(&output), stdout(&output).as_str()), (0, ""));
}
