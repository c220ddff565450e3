//! Draws inputs, keeps those that show something new, and stops where something is found.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;

use super::arena::Player;
use super::feedback::{Coverage, Crossed, Feedback};
use super::input::{Input, Opening, Setup};
use super::known::Known;
use super::oracle::{Choices, Oracle, Violation};
use super::play::{Found, Play, Played, Witness};
use super::subject::Subject;
use super::{generate, mutate};

/// Inputs kept at most; beyond that a new one takes an old one's place.
const MOST_KEPT: usize = 4_096;

/// How to fuzz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The same seed gives the same inputs.
    pub seed: u64,
    /// Events of an input at most.
    pub most_events: usize,
    /// Steered by the transitions seen; otherwise every input is drawn anew.
    pub feedback: bool,
}

/// A finding.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The input, as it was found.
    pub input: Input,
    /// What, and where.
    pub found: Found,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Inputs.
    pub runs: u64,
    /// Events in them.
    pub events: u64,
    /// Packets that the subject sent.
    pub packets: u64,
    /// Segments whose answer the specification judged.
    pub judged: u64,
}

/// The fuzzer.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    choices: Choices,
    known: Known,
    rng: Rng,
    kept: Vec<Input>,
    /// To be played before any is drawn.
    corpus: VecDeque<Input>,
    /// Inputs that were drawn and have crossed a transition that none before had, with all that they crossed.
    discoveries: Vec<(Input, Crossed)>,
    feedback: Feedback,
    /// What was seen so far.
    pub coverage: Coverage,
    /// What was done so far.
    pub totals: Totals,
    /// How often each entry of the known deviations has explained what was found.
    pub explained: Vec<u64>,
}

impl Engine {
    /// With nothing kept yet.
    pub fn new(settings: Settings, choices: Choices) -> Engine {
        Engine {
            settings,
            choices,
            known: Known::default(),
            rng: Rng::with_seed(settings.seed),
            kept: Vec::new(),
            corpus: VecDeque::new(),
            discoveries: Vec::new(),
            feedback: Feedback::default(),
            coverage: Coverage::default(),
            totals: Totals::default(),
            explained: Vec::new(),
        }
    }

    /// For a judge of its own ([`step_of`](Self::step_of)), with deviations that are no findings.
    pub fn knowing(settings: Settings, known: Known) -> Engine {
        Engine {
            explained: vec![0; known.entries().len()],
            known,
            ..Engine::new(settings, Choices::RFC)
        }
    }

    /// Plays these before any other.
    pub fn begin_with(&mut self, corpus: impl IntoIterator<Item = Input>) {
        self.corpus.extend(corpus);
    }

    /// Inputs that were drawn and have crossed a transition that none before had, with all that they crossed.
    pub fn discoveries(&self) -> &[(Input, Crossed)] {
        &self.discoveries
    }

    /// Inputs that have shown something new.
    pub fn kept(&self) -> &[Input] {
        &self.kept
    }

    /// One input more; a finding if there is one.
    pub fn step<S: Subject>(&mut self, subject: &mut S) -> Option<Finding> {
        let choices = self.choices;
        self.step_with(|input, feedback, known| {
            play_knowing(subject, input, feedback, (choices, known))
        })
    }

    /// The same with another judge.
    pub fn step_of<P: Player>(&mut self, player: &mut P) -> Option<Finding> {
        self.step_with(|input, feedback, _| player.play(input, feedback))
    }

    fn step_with(
        &mut self,
        play: impl FnOnce(&Input, &mut Feedback, &Known) -> Result<Played, Box<Found>>,
    ) -> Option<Finding> {
        // The first is the census.
        let of_corpus = match self.totals.runs {
            0 => None,
            _ => self.corpus.pop_front(),
        };
        let is_drawn = of_corpus.is_none();
        let mut input = of_corpus.unwrap_or_else(|| self.next_input());
        self.feedback.clear();
        let result = play(&input, &mut self.feedback, &self.known);
        self.totals.runs += 1;
        match result {
            Ok(played) => {
                self.totals.events += played.events as u64;
                self.totals.packets += played.packets as u64;
                self.totals.judged += played.judged as u64;
            }
            Err(found) => {
                self.totals.events += found.event as u64;
                let Some(place) = self.known.explains(&found.violation, &input.setup) else {
                    return Some(Finding {
                        input,
                        found: *found,
                    });
                };
                self.explained[place] += 1;
                // What stands behind it was never played.
                input.events.truncate(found.event);
            }
        }
        self.learn(input, is_drawn);
        None
    }

    /// Keeps an input that has shown something new.
    fn learn(&mut self, input: Input, is_drawn: bool) {
        let news = self.coverage.take(&self.feedback);
        if news.transition && is_drawn {
            let crossed = self.feedback.crossed();
            self.discoveries.push((input.clone(), crossed));
        }
        if news.anything && self.settings.feedback {
            self.keep(input);
        }
    }

    fn next_input(&mut self) -> Input {
        if self.totals.runs == 0 {
            return Input {
                setup: Setup {
                    opening: Opening::Census,
                    ..Setup::default()
                },
                events: Vec::new(),
            };
        }
        let most = self.settings.most_events;
        let rng = &mut self.rng;
        if self.kept.is_empty() || rng.u8(0..8) == 0 {
            return generate::input(rng, most);
        }
        let one = rng.usize(0..self.kept.len());
        if rng.u8(0..6) == 0 {
            let other = rng.usize(0..self.kept.len());
            return mutate::cross(&self.kept[one], &self.kept[other], rng, most);
        }
        let mut input = self.kept[one].clone();
        mutate::mutate(&mut input, rng, most);
        input
    }

    fn keep(&mut self, input: Input) {
        if self.kept.len() < MOST_KEPT {
            self.kept.push(input);
        } else {
            let place = self.rng.usize(0..MOST_KEPT);
            self.kept[place] = input;
        }
    }
}

/// Plays one input; a panic of the subject is a finding like any other.
///
/// # Errors
/// What was found, and where.
pub fn play<S: Subject, W: Witness>(
    subject: &mut S,
    input: &Input,
    witness: &mut W,
    choices: Choices,
) -> Result<Played, Box<Found>> {
    play_knowing(subject, input, witness, (choices, &Known::default()))
}

/// The same, and ends where one of these deviations is met that does not show.
///
/// # Errors
/// What was found, known or not, and where.
pub fn play_knowing<S: Subject, W: Witness>(
    subject: &mut S,
    input: &Input,
    witness: &mut W,
    (choices, known): (Choices, &Known),
) -> Result<Played, Box<Found>> {
    let run = || {
        Play::new(subject, witness, input.setup, choices)
            .knowing(known)
            .run(input)
    };
    // A subject that has panicked is switched on anew before it is used again.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let owned = panic.downcast_ref::<String>().map(String::as_str);
        let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Box::new(Found {
            violation: Violation::of(Oracle::Panic, text.unwrap_or("without a text")),
            event: 0,
        }))
    })
}
