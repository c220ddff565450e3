//! The judge judged: scripts on the reference whose verdict, and differing field, their first line
//! names: `// expect: pass`, `// expect: fail FIELD`, `// expect: error`.

use std::fs;
use std::path::Path;

use tcpdrill::program::IpVersion;
use tcpdrill::report;
use tcpdrill::runner::{RunSettings, load_context, run};
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;
use tcpdrill::target::reference::ReferenceTarget;
use tcpdrill::verdict::Verdict;

#[test]
fn every_script_gets_the_verdict_it_names() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge");
    let mut judged = 0;
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "pkt") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a script");
        let expected = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("// expect: "));
        let expected = expected
            .expect("the first line names the verdict")
            .to_string();
        let source = Source::new(path.file_name().unwrap_or_default().to_string_lossy(), text);
        assert_eq!(verdict_of(&source), expected, "{}", source.name());
        judged += 1;
    }
    assert!(judged > 10, "only {judged} scripts were found");
}

/// What people read when a call wrote something else than its line says.
#[test]
fn messages_name_the_members_that_differ() {
    for name in [
        "call-queue-length-differs",
        "call-name-of-the-other-side-differs",
        "call-first-event-differs",
        "call-bytes-read-differ",
        "call-statistics-differ",
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/judge/{name}.pkt"));
        let text = fs::read_to_string(path).expect("a script");
        let source = Source::new(format!("{name}.pkt"), text);
        let verdict = judged(&source);
        insta::with_settings!({ snapshot_path => "judge", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, report::message(&verdict, &source));
        });
    }
}

fn verdict_of(source: &Source) -> String {
    match judged(source) {
        Verdict::Fail(failure) => {
            let fields: Vec<&str> = failure
                .differences
                .iter()
                .map(|found| found.field)
                .collect();
            format!("fail {}", fields.join(" "))
        }
        Verdict::Pass => "pass".to_string(),
        Verdict::Error(_) => "error".to_string(),
        other => report::message(&other, source),
    }
}

fn judged(source: &Source) -> Verdict {
    let target = ReferenceTarget::default();
    let labels = source.text().contains("flowlabel");
    let ip_version = if labels {
        IpVersion::Ipv6
    } else {
        IpVersion::Ipv4
    };
    let context = LoadContext {
        ip_version: Some(ip_version),
        ..load_context(&target, source)
    };
    let program =
        script::load(source, &context).unwrap_or_else(|_| panic!("{} reads", source.name()));
    let settings = RunSettings {
        ip_version,
        ..RunSettings::default()
    };
    run(&program, &target, &settings).verdict
}
