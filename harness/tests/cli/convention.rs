//! Options for scripts on the command line, and conventions of packetdrill's runners.

use std::fs;

use super::{FIRST, folder, status, stdout, tcpdrill};

fn results(folder: &std::path::Path, arguments: &[&str]) -> Vec<String> {
    let output = tcpdrill(folder, &[&["run", "--json", "-"], arguments].concat());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = report["results"].as_array().expect("results").iter();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_string();
    let one = |result: &serde_json::Value| {
        let [case, version, verdict] =
            ["case", "ip_version", "verdict"].map(|key| text(&result[key]));
        format!("{case} {version} {verdict}")
    };
    all.map(one).collect()
}

#[test]
fn an_option_wins_over_the_line_of_the_script() {
    let folder = folder();
    let text = FIRST
        .replace(" 0 socket", "--mtu=1500\n 0 socket")
        .replace("ack 1 <...>", "ack 1 <mss 1000>");
    fs::write(folder.path().join("mtu.pkt"), text).expect("writes");
    assert_eq!(status(&tcpdrill(folder.path(), &["run", "mtu.pkt"])), 1);
    assert_eq!(
        status(&tcpdrill(
            folder.path(),
            &["run", "mtu.pkt", "--mtu", "1040"]
        )),
        0
    );
}

#[test]
fn underscores_do_as_well() {
    let folder = folder();
    let arguments = [
        "run",
        "first.pkt",
        "--local_ip=10.0.0.2",
        "--gateway_ip=10.0.0.1",
        "--remote-ip",
        "10.9.0.1/24",
        "--tolerance_usecs=9000",
        "--bind_port=99",
        "--strict_segments",
        "--send_omit_free",
        "-D",
        "A=1",
    ];
    let output = tcpdrill(folder.path(), &arguments);
    assert_eq!(status(&output), 0, "{}", stdout(&output));
}

#[test]
fn a_whole_tree_runs_by_a_convention() {
    let folder = folder();
    let tree = folder.path().join("tree");
    for area in ["a", "b"] {
        fs::create_dir_all(tree.join(area)).expect("a folder");
        fs::write(tree.join(area).join("x.pkt"), FIRST).expect("writes");
    }
    let write = |name: &str, text: &str| fs::write(tree.join(name), text).expect("writes");
    write("a/only-v4.pkt", FIRST);
    write("b/only-v6.pkt", FIRST);
    write("b/named.pkt", &format!("--ip_version=ipv6\n{FIRST}"));
    write(
        "b/secret.pkt",
        &format!("--psp_udp_port=1000\n{}", FIRST.replace("1000>", "MSS>")),
    );
    let by = [
        "--convention",
        "ksft",
        "--ip-version",
        "all",
        "tree/a",
        "tree/b",
    ];
    insta::assert_snapshot!(results(folder.path(), &by).join("\n"), @r"
    a/only-v4 ipv4 pass
    a/x ipv4 pass
    a/x ipv6 pass
    b/named ipv6 pass
    b/only-v6 ipv6 pass
    b/secret ipv4 skip
    b/secret ipv6 skip
    b/x ipv4 pass
    b/x ipv6 pass
    ");
    let by = ["--convention", "run_all", "--ip-version", "all", "tree/a"];
    insta::assert_snapshot!(results(folder.path(), &by).join("\n"), @r"
    only-v4 ipv4 pass
    only-v4 ipv4-mapped-ipv6 pass
    x ipv4 pass
    x ipv6 pass
    x ipv4-mapped-ipv6 pass
    ");
}
