//! The defects that no case kills, with the reason: `conformance-cases/zoo.toml`.

use serde::Deserialize;

use crate::suite::bundled_files;

/// Where the list lies among the bundled files.
const FILE: &str = "zoo.toml";

/// A defect that no case kills.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explained {
    /// Its name.
    pub id: String,
    /// Why.
    pub reason: String,
    /// What finds it: a unit test, the simulation.
    pub seen_by: String,
}

/// A defect of the list of old that was not built.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotBuilt {
    /// Its name.
    pub id: String,
    /// What was wrong.
    pub title: String,
    /// Where it was found.
    pub source: String,
    /// Why it was not built.
    pub reason: String,
}

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Explanations {
    /// Built, and not killed.
    #[serde(default)]
    pub explained: Vec<Explained>,
    /// Not built.
    #[serde(default)]
    pub not_built: Vec<NotBuilt>,
}

/// A list that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{FILE}: {0}")]
pub struct ExplainedError(String);

impl Explanations {
    /// The list that travels inside the binary.
    ///
    /// # Errors
    /// As [`Explanations::read`].
    pub fn bundled() -> Result<Explanations, ExplainedError> {
        let files = bundled_files();
        let file = files.iter().find(|(path, _)| path == FILE);
        file.map_or(Ok(Explanations::default()), |(_, text)| {
            Explanations::read(text)
        })
    }

    /// From its text.
    ///
    /// # Errors
    /// If it is not TOML of the right form, names a defect twice, or gives no reason.
    pub fn read(text: &str) -> Result<Explanations, ExplainedError> {
        let fail = |problem: String| ExplainedError(problem);
        let list: Explanations =
            toml::from_str(text).map_err(|problem| fail(problem.to_string()))?;
        let explained = list.explained.iter().map(|one| (&one.id, &one.reason));
        let not_built = list.not_built.iter().map(|one| (&one.id, &one.reason));
        let mut seen = Vec::new();
        for (id, reason) in explained.chain(not_built) {
            if seen.contains(&id) {
                return Err(fail(format!("{id} stands there twice")));
            }
            if reason.trim().is_empty() {
                return Err(fail(format!("{id} has no reason")));
            }
            seen.push(id);
        }
        Ok(list)
    }

    /// The explanation of this defect.
    pub fn of(&self, id: &str) -> Option<&Explained> {
        self.explained.iter().find(|one| one.id == id)
    }

    /// What is wrong with the list, the defects that are built being these: a name nobody has, or one
    /// that is said not to be built and is.
    pub fn complaints(&self, built: &[&str]) -> Vec<String> {
        let strangers = self.explained.iter().map(|one| &one.id);
        let strangers = strangers.filter(|id| !built.contains(&id.as_str()));
        let strangers = strangers.map(|id| format!("{FILE}: there is no defect {id}"));
        let built_after_all = self.not_built.iter().map(|one| &one.id);
        let built_after_all = built_after_all.filter(|id| built.contains(&id.as_str()));
        let built_after_all = built_after_all.map(|id| format!("{FILE}: {id} is built"));
        strangers.chain(built_after_all).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const ROW: &str = "[[explained]]\nid = \"A01\"\nreason = \"r\"\nseen_by = \"s\"\n";
    const OTHER: &str =
        "[[not_built]]\nid = \"A02\"\ntitle = \"t\"\nsource = \"s\"\nreason = \"r\"\n";

    #[rstest]
    #[case::twice(&format!("{ROW}{ROW}"), "A01 stands there twice")]
    #[case::in_both(&format!("{ROW}{}", OTHER.replace("A02", "A01")), "A01 stands there twice")]
    #[case::no_reason(&ROW.replace("\"r\"", "\" \""), "A01 has no reason")]
    #[case::unknown(&ROW.replace("seen_by", "seen"), "unknown field")]
    fn a_list_with_a_mistake_is_refused(#[case] text: &str, #[case] want: &str) {
        let error = Explanations::read(text).unwrap_err().to_string();
        assert!(
            error.starts_with("zoo.toml: ") && error.contains(want),
            "{error}"
        );
    }

    #[test]
    fn it_names_defects_that_are_there_and_leaves_out_those_that_are() {
        let list = Explanations::read(&format!("{ROW}{OTHER}")).unwrap();
        assert_eq!(list.of("A01").map(|one| one.reason.as_str()), Some("r"));
        assert_eq!(list.of("A02"), None);
        assert_eq!(list.complaints(&["A01"]), <[String; 0]>::default());
        let complaints = list.complaints(&["A02"]);
        assert_eq!(
            complaints,
            ["zoo.toml: there is no defect A01", "zoo.toml: A02 is built"]
        );
    }

    #[test]
    fn the_bundled_one_can_be_read() {
        Explanations::bundled().unwrap();
    }
}
