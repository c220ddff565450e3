use super::*;
use rstest::rstest;
use std::collections::BTreeMap;

/// Writes down what it is asked to do; `sysctl bad.x=…` fails, `sysctl no.x=…` is lacking.
#[derive(Default)]
struct Recorder {
    asked: Vec<String>,
    files: BTreeMap<&'static str, String>,
    undo: BTreeMap<String, Vec<(String, String)>>,
}

impl Machine for Recorder {
    fn pid(&mut self) -> String {
        "77".to_owned()
    }

    fn tool(&mut self, tool: &Tool, direct: bool) -> Result<Done, TargetError> {
        let from = if direct { "" } else { "file: " };
        Ok(match tool {
            Tool::Status(status) => Done::failed(*status, ""),
            Tool::Echo(text) => Done::printed(format!("{text}\n")),
            Tool::Sysctl(sysctl) => {
                let name = sysctl.items[0].0.clone();
                self.asked.push(format!("{from}{name}"));
                match name.split('.').next() {
                    Some("bad") => Done::failed(1, "bad value\n"),
                    Some("no") => Done::lacking(1, format!("sysctl:{name}"), "not here"),
                    _ => Done::default(),
                }
            }
            Tool::Write(path, value) => {
                self.asked.push(format!("{from}{path}={value}"));
                Done::default()
            }
            other => panic!("{other:?}"),
        })
    }

    fn file(&mut self, path: &str) -> Option<String> {
        self.files.get(path).cloned()
    }

    fn set_files(&mut self, files: &[(String, String)], undo: &str) -> Result<Done, TargetError> {
        self.asked.push(format!("set {files:?} {undo}"));
        let old = files
            .iter()
            .map(|(path, _)| (path.clone(), "old".to_owned()));
        self.undo.insert(undo.to_owned(), old.collect());
        Ok(Done::default())
    }

    fn undo(&mut self, path: &str) -> Option<Vec<(String, String)>> {
        self.undo.get(path).cloned()
    }

    fn shell(&mut self, text: &str) -> Result<CommandReport, TargetError> {
        self.asked.push(format!("sh<{text}>"));
        let status = match text {
            "killed" => None,
            "fails" => Some(3),
            _ => Some(0),
        };
        Ok(CommandReport {
            status,
            output: String::new(),
        })
    }
}

const HELPER: &str = "#!/usr/bin/env python3\nimport os, sys\n\
    with open('/tmp/sysctl_restore_%s.sh' % os.environ['PACKETDRILL_PID'], 'w') as undo:\n\
    \x20   for item in sys.argv[1:]:\n        path, value = item.split('=')\n";

fn outcome(
    text: &str,
    files: &[(&'static str, &str)],
) -> (Vec<String>, Result<CommandReport, TargetError>) {
    let mut machine = Recorder::default();
    for (path, text) in files {
        machine.files.insert(path, (*text).to_owned());
    }
    let report = run(text, &mut machine);
    (machine.asked, report)
}

#[rstest]
#[case::the_last_counts("false; true", Some(0), "")]
#[case("true; false", Some(1), "")]
#[case("false && echo a", Some(1), "")]
#[case("false && echo a || echo b", Some(0), "b\n")]
#[case("true || echo a; echo b", Some(0), "b\n")]
#[case("sysctl bad.x=1; true", Some(0), "bad value\n")]
#[case("sysctl bad.x=1 2>/dev/null; true", Some(0), "")]
#[case("sysctl no.x=1; true", Some(0), "sysctl:no.x: not here\n")]
#[case("sysctl no.x=1 > /dev/null 2>&1 || true", Some(0), "")]
#[case("fails; true", Some(0), "")]
#[case("true; fails", Some(3), "")]
#[case("true; killed", None, "")]
#[case("killed; true", Some(0), "")]
#[case("killed || true", Some(0), "")]
#[case("echo a > /dev/null; echo b", Some(0), "b\n")]
fn the_status_is_a_shells(#[case] text: &str, #[case] status: Option<i32>, #[case] output: &str) {
    let want = CommandReport {
        status,
        output: output.to_owned(),
    };
    assert_eq!(outcome(text, &[]).1, Ok(want));
}

#[test]
fn what_is_lacking_at_the_end_is_a_missing_capability() {
    let Err(TargetError::Unsupported { capability, .. }) = outcome("true; sysctl no.x=1", &[]).1
    else {
        panic!("run");
    };
    assert_eq!(capability, "sysctl:no.x");
}

#[rstest]
#[case::tools("d.sh", "#!/bin/bash\n# words\nsysctl a.b=1\nsysctl c.d=2\n", &["file: a.b", "file: c.d"])]
#[case::no_first_line("d.sh", "sysctl a.b=1", &["file: a.b"])]
#[case::more_than_tools("d.sh", "#!/bin/sh\nsysctl a.b=1\nls\n", &["sh<./d.sh>"])]
#[case::its_own_number("d.sh", "#!/bin/sh\necho $PPID\n", &["sh<./d.sh>"])]
#[case::another_language("d.sh", "#!/usr/bin/perl\ntrue\n", &["sh<./d.sh>"])]
#[case::not_there("e.sh", "", &["sh<./d.sh>"])]
fn a_file_of_tools_needs_no_shell(#[case] name: &str, #[case] text: &str, #[case] want: &[&str]) {
    let path = if name == "d.sh" { "./d.sh" } else { "./e.sh" };
    assert_eq!(outcome("./d.sh", &[(path, text)]).0, want);
}

#[test]
fn the_helper_sets_files_and_its_script_puts_them_back() {
    let text = "../common/set_sysctls.py /proc/sys/net/ipv4/a=1 /proc/sys/net/ipv4/b=\"2 3\"\n/tmp/sysctl_restore_${PPID}.sh";
    let (asked, report) = outcome(text, &[("../common/set_sysctls.py", HELPER)]);
    assert_eq!(report.unwrap().status, Some(0));
    insta::assert_snapshot!(asked.join("\n"), @r#"
    set [("/proc/sys/net/ipv4/a", "1"), ("/proc/sys/net/ipv4/b", "2 3")] /tmp/sysctl_restore_77.sh
    file: /proc/sys/net/ipv4/a=old
    file: /proc/sys/net/ipv4/b=old
    "#);
}

#[rstest]
#[case::another_name("../common/set_other.py", HELPER, "/proc/sys/net/ipv4/a=1")]
#[case::other_work(
    "../common/set_sysctls.py",
    "#!/usr/bin/python\nprint(1)\n",
    "/proc/sys/net/ipv4/a=1"
)]
#[case::outside("../common/set_sysctls.py", HELPER, "/proc/sys/kernel/a=1")]
#[case::no_value("../common/set_sysctls.py", HELPER, "/proc/sys/net/ipv4/a")]
fn only_the_helper_is_taken_for_it(
    #[case] path: &'static str,
    #[case] content: &str,
    #[case] argument: &str,
) {
    let text = format!("{path} {argument}");
    assert_eq!(
        outcome(&text, &[(path, content)]).0,
        [format!("sh<{text}>")]
    );
}

#[test]
fn files_that_call_each_other_come_to_an_end() {
    let report = outcome("./a.sh", &[("./a.sh", "./a.sh")]).1;
    assert!(matches!(report, Err(TargetError::Machine(_))), "{report:?}");
}
