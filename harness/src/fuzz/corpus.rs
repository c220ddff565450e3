//! Inputs in a folder, a file each: where a run begins, and where what it has found out is kept.

use std::fs;
use std::path::Path;

use super::feedback::{Coverage, Crossed};
use super::input::Input;

/// The inputs of a folder, by the names of their files.
///
/// # Errors
/// If the folder, or a file in it, cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Input>, String> {
    let told = |path: &Path, problem| format!("{}: {problem}", path.display());
    let entries = fs::read_dir(folder).map_err(|problem| told(folder, problem))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|problem| told(folder, problem))?.path());
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    let inputs = paths.iter().map(|path| match fs::read(path) {
        Ok(bytes) => Ok(Input::decode(&bytes)),
        Err(problem) => Err(told(path, problem)),
    });
    inputs.collect()
}

/// Those of several jobs' discoveries that cross what none before them has crossed.
pub fn merge<'a>(
    discoveries: impl IntoIterator<Item = &'a (Input, Crossed)>,
) -> impl Iterator<Item = &'a Input> {
    let mut seen = Coverage::default();
    let news = discoveries
        .into_iter()
        .filter(move |(_, crossed)| seen.takes(crossed));
    news.map(|(input, _)| input)
}

/// Writes an input under a name that follows from its bytes.
///
/// # Errors
/// If it cannot be written.
pub fn write(folder: &Path, input: &Input) -> Result<(), String> {
    let bytes = input.encode();
    let path = folder.join(format!("{:016x}.bin", fingerprint(&bytes)));
    fs::write(&path, bytes).map_err(|problem| format!("{}: {problem}", path.display()))
}

/// FNV-1a, the same everywhere and always.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::engine::{Engine, Settings};
    use crate::target::reference::ReferenceTarget;

    /// A run that begins with these: what it has discovered, and how many transitions it has covered.
    fn run(corpus: &[Input], inputs: usize) -> (Vec<Input>, usize) {
        let target = ReferenceTarget::default();
        let settings = Settings {
            seed: 5,
            most_events: 48,
            feedback: true,
        };
        let mut engine = Engine::new(settings, target.choices());
        engine.begin_with(corpus.to_vec());
        let mut subject = target.subject();
        for _ in 0..inputs {
            assert!(engine.step(&mut subject).is_none());
        }
        let found = merge(engine.discoveries()).cloned().collect();
        (found, engine.coverage.transitions())
    }

    #[test]
    fn what_was_kept_is_where_the_next_run_begins() {
        let folder = tempfile::tempdir().unwrap();
        let (found, covered) = run(&[], 300);
        for input in &found {
            write(folder.path(), input).unwrap();
        }
        let corpus = read(folder.path()).unwrap();
        assert_eq!(corpus.len(), found.len());
        // The census, and the corpus alone: all is covered again, and nothing was drawn.
        let (again, of_corpus) = run(&corpus, 1 + corpus.len());
        assert_eq!((again.len(), of_corpus), (0, covered));
        let (further, more) = run(&corpus, 300);
        assert!(!further.is_empty() && more > covered, "{more} of {covered}");
        assert_eq!(run(&corpus, 300).0, further, "the same seed");
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let told = read(Path::new("/nowhere/at/all")).unwrap_err();
        assert!(told.starts_with("/nowhere/at/all: "), "{told}");
    }
}
