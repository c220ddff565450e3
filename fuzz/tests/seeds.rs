//! What libFuzzer starts with passes here too, and there is no more of it than a repository should carry.

use std::fs;
use std::path::{Path, PathBuf};

use rstest::rstest;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    paths.sort();
    paths
}

fn state_machine(data: &[u8]) {
    tcpdrill_fuzz::state_machine(data, |_| {});
}

#[rstest]
#[case("header_parse", tcpdrill_fuzz::header_parse)]
#[case("header_roundtrip", tcpdrill_fuzz::header_roundtrip)]
#[case("options", tcpdrill_fuzz::options)]
#[case("checksum", tcpdrill_fuzz::checksum)]
#[case("script", tcpdrill_fuzz::script)]
#[case("state_machine", state_machine)]
fn seeds_pass(#[case] target: &str, #[case] run: fn(&[u8])) {
    let seeds = files(&folder("seeds").join(target));
    assert!(seeds.len() >= 20, "{} seeds of {target}", seeds.len());
    for seed in seeds {
        let data = fs::read(&seed).expect("a seed can be read");
        eprintln!("{}", seed.display());
        run(&data);
    }
}

#[test]
fn seeds_are_small() {
    let sizes = files(&folder("seeds"))
        .into_iter()
        .flat_map(|target| files(&target))
        .map(|seed| fs::metadata(seed).expect("a seed has a size").len());
    let bytes: u64 = sizes.sum();
    assert!(bytes < 200_000, "{bytes} bytes of seeds");
}

/// As libFuzzer reads them: comments, or one quoted word a line.
#[test]
fn dictionaries_are_dictionaries_of_targets() {
    let mut dictionaries = files(&folder("dictionaries"));
    // Beside them lie what fleets read: libFuzzer's options.
    dictionaries.retain(|path| path.extension().is_some_and(|end| end == "dict"));
    assert!(!dictionaries.is_empty());
    for dictionary in dictionaries {
        let name = dictionary.file_stem().expect("a name").to_string_lossy();
        let shim = folder("fuzz_targets").join(format!("{name}.rs"));
        assert!(shim.exists(), "no target is called {name}");
        let text = fs::read_to_string(&dictionary).expect("a dictionary is text");
        let words = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut count = 0;
        for word in words {
            let quoted = word.len() > 2 && word.starts_with('"') && word.ends_with('"');
            assert!(quoted, "{name}: {word}");
            count += 1;
        }
        assert!(count > 10, "{count} words of {name}");
    }
}
