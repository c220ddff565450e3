//! The files for machines that fuzz all day: ClusterFuzzLite, its workflows, and OSS-Fuzz.

use std::fs;
use std::path::Path;

use rstest::rstest;
use serde_yaml_ng::Value;

/// The target that has to fail: a fleet would report it for ever.
const CANARY: &str = "canary";
const SCRIPTS: [&str; 2] = [".clusterfuzzlite/build.sh", "oss-fuzz/tcpdrill/build.sh"];

fn read(path: &str) -> String {
    let whole = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&whole).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml_ng::from_str(&read(path)).unwrap_or_else(|problem| panic!("{path}: {problem}"))
}

/// Every `[[bin]]` of this package.
fn targets() -> Vec<String> {
    let manifest: toml::Table = read("fuzz/Cargo.toml")
        .parse()
        .expect("the manifest is TOML");
    let bins = manifest["bin"].as_array().expect("there are targets");
    let names = bins.iter().map(|bin| bin["name"].as_str().expect("a name"));
    names.map(str::to_string).collect()
}

/// The words between `targets=(` and `)`.
fn built(script: &str) -> Vec<String> {
    let text = read(script);
    let (_, list) = text.split_once("targets=(").expect("there is a list");
    let (list, _) = list.split_once(')').expect("the list ends");
    list.split_whitespace().map(str::to_string).collect()
}

#[rstest]
#[case(SCRIPTS[0])]
#[case(SCRIPTS[1])]
fn every_target_but_the_canary_is_built(#[case] script: &str) {
    let mut wanted = targets();
    assert!(wanted.iter().any(|target| target == CANARY));
    wanted.retain(|target| target != CANARY);
    let mut built = built(script);
    wanted.sort();
    built.sort();
    assert_eq!(built, wanted, "{script}");
}

#[test]
fn both_are_built_alike() {
    let [lite, oss] = SCRIPTS.map(read);
    assert!(lite == oss, "{SCRIPTS:?} differ");
}

/// `.ci/run` runs every target, and the canary in a step of its own.
#[test]
fn ci_runs_every_target() {
    let run = read(".ci/run");
    let is_code = |line: &&str| !line.starts_with(['#', '"']);
    let runs = |line: &&str| line.starts_with("for target in ") || line.contains("fuzz ");
    let steps: Vec<&str> = run
        .lines()
        .map(str::trim)
        .filter(is_code)
        .filter(runs)
        .collect();
    for target in targets() {
        let named = steps.iter().any(|line| {
            let mut words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            words.any(|word| word == target)
        });
        assert!(named, "no step runs {target}");
    }
}

#[rstest]
#[case(".clusterfuzzlite/project.yaml", &["language"])]
#[case("oss-fuzz/tcpdrill/project.yaml", &["homepage", "main_repo", "language", "primary_contact"])]
fn projects_say_what_they_must(#[case] path: &str, #[case] fields: &[&str]) {
    let project = yaml(path);
    for field in fields {
        let value = project.get(field).and_then(Value::as_str);
        assert!(
            value.is_some_and(|value| !value.is_empty()),
            "{path}: {field}"
        );
    }
    assert_eq!(project["language"], Value::from("rust"));
}

/// The modes of ClusterFuzzLite that each workflow runs; the continuous build has none.
#[rstest]
#[case("pr", &["code-change"])]
#[case("build", &[])]
#[case("batch", &["batch"])]
#[case("cron", &["prune", "coverage"])]
fn workflows_build_and_run(#[case] name: &str, #[case] modes: &[&str]) {
    let path = format!(".github/workflows/cflite_{name}.yml");
    let workflow = yaml(&path);
    assert!(workflow.get("on").is_some(), "{path}: no trigger");
    let jobs = workflow["jobs"].as_mapping().expect("there are jobs");
    let mut found = Vec::new();
    for (job, steps) in jobs.iter().map(|(name, job)| (name, &job["steps"])) {
        let steps = steps.as_sequence().expect("a job has steps");
        let builds = steps
            .iter()
            .filter(|step| uses(step, "build_fuzzers"))
            .count();
        assert_eq!(builds, 1, "{path}: {job:?}");
        assert_eq!(steps[0]["with"]["language"], Value::from("rust"));
        for step in steps.iter().filter(|step| uses(step, "run_fuzzers")) {
            let mode = step["with"]["mode"].as_str().expect("a mode");
            found.push(mode.to_string());
            let sanitizers = [step, &steps[0]].map(|step| &step["with"]["sanitizer"]);
            assert_eq!(sanitizers[0], sanitizers[1], "{path}: {job:?}");
        }
    }
    assert_eq!(found, modes, "{path}");
}

fn uses(step: &Value, action: &str) -> bool {
    let wanted = format!("google/clusterfuzzlite/actions/{action}@v1");
    step["uses"].as_str() == Some(wanted.as_str())
}
