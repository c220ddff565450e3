//! `tcpdrill learn`: the machine of the reference, and what tells two apart.

use std::process::{Command, Output};

fn learn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tcpdrill"))
        .arg("learn")
        .args(arguments)
        .output()
        .expect("the program starts")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The same machine, whatever words at random are tried on top.
#[test]
fn the_reference_is_the_machine_that_it_was() {
    let output = learn(&["--random", "500"]);
    assert_eq!(output.status.code(), Some(0));
    insta::assert_snapshot!(text(&output));
}

#[test]
fn a_graph_is_written_for_graphviz_and_as_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (dot, svg) = (path("machine.dot"), path("machine.svg"));
    let inputs = "SYN,SYN+ACK,ACK,FIN+ACK,CONNECT,CLOSE";
    let arguments = ["--inputs", inputs, "--random", "0", "--no-table"];
    let output = learn(&[&arguments[..], &["--dot", &dot, "--svg", &svg]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    insta::assert_snapshot!(std::fs::read_to_string(dot).unwrap());
    let svg = std::fs::read_to_string(svg).unwrap();
    let picture = roxmltree::Document::parse(&svg).unwrap();
    assert_eq!(picture.root_element().tag_name().name(), "svg");
    assert!(svg.contains("CLOSE-WAIT") && svg.contains("TIME-WAIT"));
}

/// What is saved is what is learned, and a machine does not differ from itself.
#[test]
fn a_saved_machine_is_that_of_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reference.json").display().to_string();
    let output = learn(&["--random", "0", "--no-table", "--out", &path]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = learn(&["--random", "0", "--diff", &path, "reference"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output).ends_with("Nothing tells them apart.\n"));
}

/// It rations its challenge ACKs by the second, so more than one passes after every input; scripts let it pass, too.
#[test]
fn smoltcp_has_few_states_and_scripts_tell_it_from_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().display().to_string();
    let arguments = ["--random", "0", "--diff", "reference", "smoltcp"];
    let output = learn(&[&arguments[..], &["--most", "4", "--scripts", &scripts]].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = text(&output).replace(&scripts, "SCRIPTS");
    insta::assert_snapshot!(told);
}

#[test]
fn machines_that_were_asked_at_another_pace_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reference.json").display().to_string();
    let inputs = ["--random", "0", "--no-table", "--inputs", "SYN,LISTEN"];
    let output = learn(&[&inputs[..], &["--out", &path]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let output = learn(&[&inputs[..], &["--diff", &path, "smoltcp"]].concat());
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("learn both with the same `--moment`"),
        "{told}"
    );
}

/// A defect of the handshake is seen as a difference, with a script that shows it.
#[cfg(feature = "mutants")]
#[test]
fn a_defect_tells_two_machines_apart() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().display().to_string();
    let inputs = "SYN,SYN+ACK,ACK,FIN+ACK,RST,CONNECT,CLOSE";
    let arguments = ["--inputs", inputs, "--random", "0", "--most", "1"];
    let output = learn(
        &[
            &arguments[..],
            &[
                "--diff",
                "reference",
                "reference+B09",
                "--scripts",
                &scripts,
            ],
        ]
        .concat(),
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = text(&output).replace(&scripts, "SCRIPTS");
    insta::assert_snapshot!(text);
    let script = std::fs::read_to_string(folder.path().join("1.pkt")).unwrap();
    insta::assert_snapshot!(script);
}
