//! `tcpdrill check`: mistakes in scripts, without running anything.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use crate::cli::CheckArgs;
use crate::diagnostic::render::{Color, render, render_first};
use crate::diagnostic::{Diagnostic, Severity};
use crate::exit::Exit;
use crate::program::IpVersion;
use crate::script::{self, Facts, Given, LoadContext, Version};
use crate::source::Source;
use crate::suite::{Body, Case, Convention};

/// A target, what it predefines and its profile: a script must be right on every one.
const TARGETS: [(&str, &[&str], &str); 4] = [
    ("reference", &["reference", "rfc9293"], "rfc9293"),
    ("reference", &["reference", "linux"], "linux"),
    ("reference", &["reference", "freebsd"], "freebsd"),
    ("linux", &["linux", "Linux"], "linux"),
];

/// How scripts are read.
struct Reader {
    families: Vec<IpVersion>,
    given: BTreeMap<IpVersion, Given>,
    convention: Option<Convention>,
    defines: Vec<(String, String)>,
    colour: Color,
}

/// What is wrong with one file.
struct Finding {
    problems: Vec<String>,
    /// Whether it cannot be used.
    is_wrong: bool,
}

/// Checks every script, as each target would see it on each family.
pub(super) fn check(args: &CheckArgs) -> Exit {
    let reader = match reader(args) {
        Ok(reader) => reader,
        Err(exit) => return exit,
    };
    let suite = match super::suite(&args.paths) {
        Ok(suite) => suite,
        Err(problem) => return super::refuse(&problem),
    };
    let mut wrong = 0;
    for case in &suite.cases {
        let finding = reader.case(case);
        wrong += usize::from(finding.is_wrong);
        finding
            .problems
            .iter()
            .for_each(|problem| super::say(problem));
    }
    let files = if suite.cases.len() == 1 {
        "1 file".to_string()
    } else {
        format!("{} files", suite.cases.len())
    };
    super::say(&format_args!("{files} checked, {wrong} with mistakes"));
    if wrong == 0 {
        Exit::Success
    } else {
        Exit::Usage
    }
}

fn reader(args: &CheckArgs) -> Result<Reader, Exit> {
    let families = super::families(&args.family)?;
    let convention = args.family.convention.map(Convention::from);
    let mut given = super::given(&args.family, &families, &[])?;
    if convention.is_some() {
        for one in given.values_mut() {
            // Scripts for PSP want it from a runner of their own.
            one.defines.push(("MSS".to_string(), "1460".to_string()));
        }
    }
    Ok(Reader {
        families,
        given,
        convention,
        defines: args.defines.clone(),
        colour: if io::stdout().is_terminal() {
            Color::Always
        } else {
            Color::Never
        },
    })
}

impl Reader {
    fn case(&self, case: &Case) -> Finding {
        let problems = match &case.body {
            Body::Script(source) => return self.script(case, source),
            Body::Probe(source) => crate::probe::check(source)
                .iter()
                .map(|diagnostic| render(diagnostic, self.colour))
                .collect(),
            Body::Unreadable(source, problem) => vec![format!("{}: {problem}", source.name())],
        };
        Finding {
            is_wrong: !problems.is_empty(),
            problems,
        }
    }

    /// A script must be right on one family at least; where it is right on some only, that is said.
    fn script(&self, case: &Case, source: &Source) -> Finding {
        let takes =
            |family: &&IpVersion| self.convention.is_none_or(|one| one.takes(case, **family));
        let (mut right, mut wrong) = (Vec::new(), Vec::new());
        let mut problems: Vec<String> = Vec::new();
        for family in self.families.iter().filter(takes) {
            let found = self.views(source, *family);
            let is_wrong = found.iter().flatten().any(is_error);
            match is_wrong {
                true => wrong.push(family.to_string()),
                false => right.push(family.to_string()),
            }
            for text in found
                .iter()
                .flat_map(|found| render_first(found, self.colour))
            {
                if !problems.contains(&text) {
                    problems.push(text);
                }
            }
        }
        if !right.is_empty() && !wrong.is_empty() {
            let (name, right, wrong) = (source.name(), right.join(", "), wrong.join(", "));
            problems = vec![format!("{name}: right on {right}; not on {wrong}")];
        }
        Finding {
            is_wrong: right.is_empty() && !problems.is_empty(),
            problems,
        }
    }

    /// What each target has to say on a family, in each branch that it could take.
    fn views(&self, source: &Source, family: IpVersion) -> Vec<Vec<Diagnostic>> {
        let given = self.given.get(&family).cloned().unwrap_or_default();
        let of_target = |(target, predefined, profile): (&str, &[&str], &str)| {
            let base = LoadContext {
                facts: Facts {
                    target: target.to_string(),
                    profile: profile.to_string(),
                    kernel: (target == "linux").then(|| Version::read("6.18")).flatten(),
                    ..Facts::default()
                },
                predefined: predefined.iter().map(ToString::to_string).collect(),
                defines: [given.defines.clone(), self.defines.clone()].concat(),
                options: given.options.clone(),
                ip_version: Some(family),
                drop_in: self.convention.is_some(),
            };
            script::views(source, &base)
        };
        TARGETS
            .into_iter()
            .flat_map(of_target)
            .map(|context| script::check_only(source, &context))
            .collect()
    }
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}
