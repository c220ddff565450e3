//! A subject that does not tell its state is judged by the state that follows from what happened.

use rstest::rstest;

use super::engine::{Engine, Settings, Totals};
use super::input::Call;
use super::oracle::Choices;
use super::subject::{Answer, Micros, Plan, State, Subject};
use crate::target::reference::{ReferenceSubject, ReferenceTarget};

/// The reference, which says nothing of itself.
struct Hidden(ReferenceSubject);

impl Subject for Hidden {
    fn restart(&mut self, plan: &Plan) {
        self.0.restart(plan);
    }
    fn now(&self) -> Micros {
        self.0.now()
    }
    fn receive(&mut self, datagram: &[u8]) {
        self.0.receive(datagram);
    }
    fn call(&mut self, call: Call, text: &[u8], into: &mut Vec<u8>) -> Answer {
        self.0.call(call, text, into)
    }
    fn deadline(&self) -> Option<Micros> {
        self.0.deadline()
    }
    fn advance(&mut self, to: Micros) {
        self.0.advance(to);
    }
    fn next_packet(&mut self, datagram: &mut Vec<u8>) -> bool {
        self.0.next_packet(datagram)
    }
    fn state(&self) -> Option<State> {
        None
    }
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

fn settings(seed: u64) -> Settings {
    Settings {
        seed,
        most_events: 48,
        feedback: true,
    }
}

/// What is found in so many inputs, if anything, and what was done.
fn fuzzed(
    subject: &mut impl Subject,
    choices: Choices,
    seed: u64,
    inputs: usize,
) -> (Option<String>, Totals) {
    let mut engine = Engine::new(settings(seed), choices);
    let found = (0..inputs).find_map(|_| engine.step(subject));
    let shown =
        found.map(|found| format!("{} in {:?}", found.found.violation, found.input.encode()));
    (shown, engine.totals)
}

#[rstest]
fn a_right_stack_that_hides_its_state_is_never_accused(#[values(1, 2, 3, 4)] seed: u64) {
    let target = ReferenceTarget::default();
    let mut hidden = Hidden(target.subject());
    let (found, totals) = fuzzed(&mut hidden, target.choices(), seed, 600);
    assert_eq!(found, None);
    // Most of it is judged none the less.
    let (_, told) = fuzzed(&mut target.subject(), target.choices(), seed, 600);
    let share = totals.judged as f64 / totals.events as f64;
    let usual = told.judged as f64 / told.events as f64;
    assert!(share > usual * 0.6, "{share} of {usual}");
}

/// Defects that show in what is answered, and not in the state alone.
#[cfg(feature = "mutants")]
#[rstest]
fn a_defect_shows_although_the_state_is_hidden(
    #[values("A15", "B05", "B07", "B08", "B11", "B13")] id: &str,
) {
    use crate::target::reference::Infected;

    let infected = Infected::with(ReferenceTarget::default(), id).unwrap();
    let mut hidden = Hidden(infected.target.subject());
    let (found, _) = fuzzed(&mut hidden, infected.target.choices(), 1, 20_000);
    assert!(found.is_some(), "{id} was not found");
}
