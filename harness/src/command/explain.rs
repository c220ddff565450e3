//! `tcpdrill explain`: what a rule or a case is about.

use crate::catalogue::Catalogue;
use crate::cli::{ExplainArgs, ResultsArgs};
use crate::coverage::{Coverage, Row};
use crate::exit::Exit;
use crate::report::rule::{self, Rule};
use crate::report::{ResultEntry, Results};
use crate::suite::{Case, Deviation, KnownDeviations, Suite};

use super::results;

/// The lists of known deviations, by what they are called.
const LISTS: [&str; 5] = [
    "linux",
    "reference",
    "reference-linux",
    "reference-freebsd",
    "smoltcp",
];

/// What explaining needs.
struct Library {
    catalogue: Catalogue,
    suite: Suite,
    known: Vec<(&'static str, KnownDeviations)>,
}

/// Explains each of the words.
pub(super) fn explain(args: &ExplainArgs) -> Exit {
    let library = match Library::open() {
        Ok(library) => library,
        Err(problem) => return super::refuse(&problem),
    };
    for (number, word) in args.what.iter().enumerate() {
        if number > 0 {
            super::say(&"");
        }
        match library.explain(word, &args.results) {
            Ok(text) => super::say(&text.trim_end()),
            Err(problem) => return super::refuse(&problem),
        }
    }
    Exit::Success
}

impl Library {
    fn open() -> Result<Library, String> {
        let catalogue = Catalogue::bundled().map_err(|problem| problem.to_string())?;
        let suite = Suite::bundled();
        let mut known = Vec::new();
        for name in LISTS {
            let list = suite.known(name).map_err(|problem| problem.to_string())?;
            known.push((name, list));
        }
        Ok(Library {
            catalogue,
            suite,
            known,
        })
    }

    fn explain(&self, word: &str, args: &ResultsArgs) -> Result<String, String> {
        let covers: Vec<(&Case, Vec<String>)> = self
            .suite
            .cases
            .iter()
            .map(|case| (case, case.header().covers))
            .collect();
        let coverage = Coverage::new(&self.catalogue, &covers, &[]);
        let id = word.to_uppercase();
        let row = coverage.rows.iter().find(|row| row.requirement.id == id);
        match (row, self.case(word)) {
            (Some(row), _) => self.rule(row, args),
            (None, Some(case)) => {
                let runs = results::results(args, &self.suite, &[case])?;
                let of_case = |deviation: &Deviation| deviation.case == case.name;
                Ok(rule::case(
                    case,
                    &self.catalogue,
                    &entries(&runs, &[case.name.as_str()]),
                    &self.deviations(&of_case),
                ))
            }
            (None, None) => Err(self.unknown(word)),
        }
    }

    fn rule(&self, row: &Row<'_>, args: &ResultsArgs) -> Result<String, String> {
        let cases: Vec<&Case> = row
            .cases
            .iter()
            .filter_map(|name| self.case(name))
            .collect();
        let runs = results::results(args, &self.suite, &cases)?;
        let title = |case: &&Case| case.header().title.unwrap_or_default();
        let titles: Vec<String> = cases.iter().map(title).collect();
        let of_rule = |deviation: &Deviation| deviation.requirement == row.requirement.id;
        Ok(rule::rule(&Rule {
            row,
            titles: &titles,
            results: &entries(&runs, &row.cases),
            deviations: &self.deviations(&of_rule),
        }))
    }

    fn case(&self, name: &str) -> Option<&Case> {
        self.suite.cases.iter().find(|case| case.name == name)
    }

    fn deviations(&self, wanted: &dyn Fn(&Deviation) -> bool) -> Vec<(&str, &Deviation)> {
        let lists = self.known.iter();
        lists
            .flat_map(|(name, list)| list.cases().map(|deviation| (*name, deviation)))
            .filter(|(_, deviation)| wanted(deviation))
            .collect()
    }

    fn unknown(&self, word: &str) -> String {
        let like_case = self
            .suite
            .cases
            .iter()
            .find(|case| case.name.contains(word));
        let like = self.catalogue.like(word);
        let hint = match like_case.map(|case| case.name.as_str()).or(like) {
            Some(like) => format!("is `{like}` meant? "),
            None => String::new(),
        };
        format!(
            "`{word}` is neither a rule nor a bundled case; {hint}`tcpdrill list` and `tcpdrill coverage` name them all"
        )
    }
}

/// The results of these cases, with the names of their runs.
fn entries<'a>(runs: &'a [Results], cases: &[&str]) -> Vec<(&'a str, &'a ResultEntry)> {
    let all = runs.iter().flat_map(|run| {
        let entries = run.entries.iter();
        entries.map(|entry| (run.name.as_str(), entry))
    });
    all.filter(|(_, entry)| cases.contains(&entry.case.as_str()))
        .collect()
}
