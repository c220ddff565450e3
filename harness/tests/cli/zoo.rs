//! `tcpdrill zoo`, without the defects and with them.

use super::{folder, status, stderr, tcpdrill};

#[cfg(not(feature = "mutants"))]
#[test]
fn without_the_defects_it_says_how_to_build_them_in() {
    let output = tcpdrill(folder().path(), &["zoo"]);
    assert_eq!(status(&output), 3);
    assert!(
        stderr(&output).contains("--features mutants -- zoo"),
        "{}",
        stderr(&output)
    );
}

#[cfg(feature = "mutants")]
#[test]
fn one_defect_is_killed_and_told_the_same_twice() {
    let run = || {
        tcpdrill(
            folder().path(),
            &["zoo", "--only", "B21", "--no-times", "--json", "-"],
        )
    };
    let (one, other) = (run(), run());
    assert_eq!(status(&one), 0, "{}", stderr(&one));
    assert_eq!((&one.stdout, &one.stderr), (&other.stdout, &other.stderr));
    let report: serde_json::Value = serde_json::from_slice(&one.stdout).expect("JSON");
    let row = &report["defects"][0];
    assert_eq!(
        (&row["id"], &row["verdict"]),
        (&"B21".into(), &"killed".into())
    );
    assert_eq!(row["killed_by"][0], "reset/closed-port-rst");
    assert!(
        stderr(&one).contains("1 defect: 1 killed"),
        "{}",
        stderr(&one)
    );
}

#[rstest::rstest]
#[case(&["zoo", "--shard", "3/2"])]
#[case(&["zoo", "--check"])]
#[case(&["zoo", "--profile", "bsd"])]
fn what_means_nothing_is_refused(#[case] arguments: &[&str]) {
    assert_eq!(status(&tcpdrill(folder().path(), arguments)), 2);
}
