//! What is learned: something that can be begun anew and answers one input at a time.

/// A system under learning. The same inputs after a reset give the same outputs, or it is no Mealy machine.
pub trait System {
    /// Begins anew; nothing of what was before has any influence.
    ///
    /// # Errors
    /// What the machine that it runs on lacks.
    fn reset(&mut self) -> Result<(), String>;

    /// Performs the input of this number, and writes what came of it.
    ///
    /// # Errors
    /// If the machine that it runs on fails; whatever the system says is an output.
    fn step(&mut self, input: usize, output: &mut String) -> Result<(), String>;

    /// What the state that it is in is called, for people; nothing is decided by it.
    fn label(&self) -> Option<String> {
        None
    }
}

/// Why something was not learned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is no Mealy machine, or the inputs do not tell all that decides.
    #[error("{}", two_answers(.word, .first, .second))]
    TwoAnswers {
        /// The inputs, by name.
        word: Vec<String>,
        /// What came of them first.
        first: Vec<String>,
        /// And what then.
        second: Vec<String>,
    },
    /// The machine that it runs on fails.
    #[error("{0}")]
    Machine(String),
    /// It has more states than were asked for.
    #[error(
        "more than {0} states: give it fewer inputs (--inputs), or let it have more (--most-states)"
    )]
    TooLarge(usize),
}

fn two_answers(word: &[String], first: &[String], second: &[String]) -> String {
    let mut text = "the same inputs have two answers, so this is no Mealy machine:".to_owned();
    for (index, input) in word.iter().enumerate() {
        let [one, other] = [first, second].map(|outputs| outputs.get(index).map_or("", |s| s));
        text.push_str(&match one == other {
            true => format!("\n  {input:<16} {one}"),
            false => format!("\n  {input:<16} {one}, and another time {other}"),
        });
    }
    text
}
