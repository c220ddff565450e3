//! Arguments of `zoo`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::target::reference::ReferenceTarget;

/// Arguments of `zoo`.
#[derive(Debug, Args)]
pub struct ZooArgs {
    /// Only these defects: names such as C01, or groups such as C.
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The one profile to give them to [default: rfc9293, and linux for what survives there].
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(ReferenceTarget::profiles()))]
    pub profile: Option<String>,
    /// Every Nth defect, beginning with the Kth: several machines share the work.
    #[arg(long, value_name = "K/N", value_parser = parse_shard)]
    pub shard: Option<(usize, usize)>,
    /// Defects at a time [default: one for each processor].
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// Let the fuzzer look for each of them, instead of the cases, and say how long it took.
    #[arg(long, conflicts_with_all = ["profile", "json", "check", "verbose"])]
    pub fuzz: bool,
    /// With `--fuzz`: trials of each defect, each with a seed of its own.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "fuzz", value_parser = clap::value_parser!(u16).range(1..))]
    pub seeds: u16,
    /// With `--fuzz`: so many trials more where each took less than a minute.
    #[arg(long, value_name = "N", default_value_t = 5, requires = "fuzz")]
    pub more_seeds: u16,
    /// With `--fuzz`: a trial ends after so many seconds.
    #[arg(long, value_name = "N", default_value_t = 600, requires = "fuzz", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// With `--fuzz`: draw every input anew, instead of being steered by what was seen.
    #[arg(long, requires = "fuzz")]
    pub no_feedback: bool,
    /// With `--fuzz`: write each defect's trials to this file when they are done, and do not repeat those
    /// that stand there.
    #[arg(long, value_name = "FILE", requires = "fuzz")]
    pub log: Option<PathBuf>,
    /// Write the results as JSON; `-` is standard output, and the text then goes to standard error.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the table into the marked block of this Markdown file; with `--fuzz`, that of all that stands in the log,
    /// with feedback and without.
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// With `--markdown`: write nothing, and end with status 1 if the block is another.
    #[arg(long, requires = "markdown")]
    pub check: bool,
    /// Leave out how long it took, so that two runs give the same bytes.
    #[arg(long)]
    pub no_times: bool,
    /// Show every case that fails, with its first line.
    #[arg(short, long)]
    pub verbose: bool,
}

fn parse_shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/');
    let numbers = parts.and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
    match numbers {
        Some((k, n)) if 0 < k && k <= n => Ok((k, n)),
        _ => Err(format!(
            "`{text}` is not of the form K/N with K from 1 to N"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1/1", Ok((1, 1)))]
    #[case("3/8", Ok((3, 8)))]
    #[case("0/2", Err(()))]
    #[case("3/2", Err(()))]
    #[case("2", Err(()))]
    fn a_shard_is_one_of_some(#[case] text: &str, #[case] want: Result<(usize, usize), ()>) {
        assert_eq!(parse_shard(text).map_err(drop), want);
    }
}
