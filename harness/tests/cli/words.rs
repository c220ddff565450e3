//! What the command says about itself.

use super::{folder, status, stderr, stdout, tcpdrill};

#[test]
fn the_help_is_as_it_was_read() {
    let folder = folder();
    for command in ["run", "check", "fmt", "list"] {
        let output = tcpdrill(folder.path(), &[command, "--help"]);
        assert_eq!(status(&output), 0);
        insta::assert_snapshot!(format!("help_{command}"), stdout(&output));
    }
    let output = tcpdrill(folder.path(), &["--help"]);
    insta::assert_snapshot!("help", stdout(&output));
}

#[test]
fn a_script_in_place_of_a_command_hints_at_run() {
    let folder = folder();
    let output = tcpdrill(folder.path(), &["first.pkt"]);
    assert_eq!(status(&output), 2);
    insta::assert_snapshot!(stderr(&output));
    let output = tcpdrill(folder.path(), &["chek"]);
    let told = stderr(&output);
    assert!(
        told.contains("'check'") && !told.contains("to run it"),
        "{told}"
    );
}

#[test]
fn a_filter_without_match_says_so() {
    let folder = folder();
    for command in ["list", "run"] {
        let output = tcpdrill(folder.path(), &[command, "--filter", "no such case"]);
        assert_eq!(
            stderr(&output),
            "error: no case matches the filter `no such case`\n"
        );
    }
}
