//! `cargo xtask compare`: packetdrill and tcpdrill on the same scripts, on the same machine, in the same hour.
//!
//! packetdrill runs every script of a tree in each family, one after the other, as its own
//! `run_all.py` does, any number of rounds; tcpdrill runs the same set at once. What comes out is a
//! list of the runs whose verdicts differ, and both tools' wall and processor time. The tree and
//! the binary are the caller's: nothing of packetdrill's is part of this repository.

mod ours;
mod table;
mod theirs;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use table::Table;

/// One script in one family.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Run {
    /// Path below the tree's root, without extension.
    pub script: String,
    /// `ipv4`, `ipv4-mapped-ipv6` or `ipv6`.
    pub family: String,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.script, self.family)
    }
}

/// What a tool said of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Which run.
    pub run: Run,
    /// `pass`, `fail`, or another of tcpdrill's verdicts.
    pub verdict: String,
    /// The first line of what it said.
    pub message: String,
    /// Real time in seconds.
    pub wall: f64,
}

/// All runs of one tool, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// The answers, one for each run.
    pub answers: Vec<Answer>,
    /// Real time of all, in seconds.
    pub wall: f64,
    /// Processor time of the tool and its children, in seconds.
    pub processor: f64,
}

/// What to compare, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The folder of scripts.
    pub tree: PathBuf,
    /// packetdrill's binary; without it only the rounds of `reuse` count.
    pub packetdrill: Option<PathBuf>,
    /// How often packetdrill runs the set.
    pub rounds: usize,
    /// Earlier rounds of packetdrill's, in a file of [`Round`]s.
    pub reuse: Option<PathBuf>,
    /// Where to keep packetdrill's rounds.
    pub save: Option<PathBuf>,
    /// tcpdrill's binary.
    pub tcpdrill: PathBuf,
}

impl Request {
    /// Reads the words after `compare`.
    ///
    /// # Errors
    /// Which word is wrong.
    pub fn parse(words: &[&str], tcpdrill: PathBuf) -> Result<Request, String> {
        let mut request = Request {
            rounds: 3,
            tcpdrill,
            ..Request::default()
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || {
                let value = words.next().copied();
                value.ok_or_else(|| format!("{word} needs a value"))
            };
            match word {
                "--packetdrill" => request.packetdrill = Some(value()?.into()),
                "--reuse" => request.reuse = Some(value()?.into()),
                "--save" => request.save = Some(value()?.into()),
                "--tcpdrill" => request.tcpdrill = value()?.into(),
                "--rounds" => {
                    let number = value()?;
                    request.rounds = number
                        .parse()
                        .map_err(|_| format!("--rounds wants a number, not `{number}`"))?;
                }
                tree if !tree.starts_with('-') && request.tree.as_os_str().is_empty() => {
                    request.tree = tree.into();
                }
                other => return Err(format!("`{other}` is not understood")),
            }
        }
        if request.tree.as_os_str().is_empty() {
            return Err("name the folder of packetdrill's scripts".to_string());
        }
        Ok(request)
    }

    /// Runs both tools and gives the comparison.
    ///
    /// # Errors
    /// What could not be read, started or written.
    pub fn run(&self) -> Result<Table, String> {
        let runs = runs_below(&self.tree)?;
        if runs.is_empty() {
            return Err(format!("no script below {}", self.tree.display()));
        }
        let mut rounds: Vec<Round> = match &self.reuse {
            Some(file) => read_rounds(file)?,
            None => Vec::new(),
        };
        if let Some(binary) = &self.packetdrill {
            for number in 1..=self.rounds {
                eprintln!(
                    "packetdrill, round {number} of {}: {} runs",
                    self.rounds,
                    runs.len()
                );
                rounds.push(theirs::round(binary, &self.tree, &runs)?);
                if let Some(file) = &self.save {
                    write_rounds(file, &rounds)?;
                }
            }
        }
        if rounds.is_empty() {
            return Err("name packetdrill's binary, or a file of its earlier rounds".to_string());
        }
        eprintln!("tcpdrill: {} runs", runs.len());
        let ours = ours::round(&self.tcpdrill, &self.tree, &runs)?;
        Ok(Table::new(&runs, &rounds, &ours))
    }
}

fn read_rounds(file: &Path) -> Result<Vec<Round>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| at(file, &error))?;
    serde_json::from_str(&text).map_err(|error| at(file, &error))
}

fn write_rounds(file: &Path, rounds: &[Round]) -> Result<(), String> {
    let text = serde_json::to_string(rounds).map_err(|error| at(file, &error))?;
    std::fs::write(file, text).map_err(|error| at(file, &error))
}

fn at(file: &Path, problem: &dyn fmt::Display) -> String {
    format!("{}: {problem}", file.display())
}

/// Every run that both tools can make: each script in each family it is for, but not those below a
/// folder `psp`, which need two machines.
fn runs_below(tree: &Path) -> Result<Vec<Run>, String> {
    let mut scripts = Vec::new();
    walk(tree, tree, &mut scripts)?;
    scripts.sort();
    Ok(scripts
        .iter()
        .flat_map(|script| {
            theirs::FAMILIES
                .iter()
                .filter(|family| family.takes(script))
                .map(|family| Run {
                    script: script.clone(),
                    family: family.name.to_string(),
                })
        })
        .collect())
}

fn walk(root: &Path, folder: &Path, scripts: &mut Vec<String>) -> Result<(), String> {
    let entries = std::fs::read_dir(folder).map_err(|error| at(folder, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| at(folder, &error))?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "psp") {
                walk(root, &path, scripts)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            let below = path.strip_prefix(root).unwrap_or(&path).with_extension("");
            scripts.push(below.display().to_string());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_read_and_wrong_ones_named() {
        let read = |words: &[&str]| Request::parse(words, "ours".into());
        let request = read(&["tree", "--packetdrill", "pd", "--rounds", "2"]).unwrap();
        assert_eq!((request.tree, request.rounds), ("tree".into(), 2));
        assert_eq!(request.packetdrill, Some("pd".into()));
        assert!(read(&[]).unwrap_err().contains("folder"));
        assert!(
            read(&["tree", "--rounds", "x"])
                .unwrap_err()
                .contains("`x`")
        );
        assert!(read(&["tree", "--save"]).unwrap_err().contains("--save"));
        assert!(read(&["tree", "--what"]).unwrap_err().contains("--what"));
    }
}
