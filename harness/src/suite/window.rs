//! How many runs are in flight at a time.
//!
//! On a live machine nearly every case sleeps nearly always, so hundreds fit side by side; how
//! many exactly, only the machine knows. The number is found as TCP finds its congestion window
//! (RFC 5681): a run that was on time adds a little, one that the machine perturbed halves it, and
//! what was already in flight at the halving does not halve it again.

/// Runs for each processor to begin with.
const FIRST: f64 = 24.0;
/// Runs for each processor that any machine can bear.
const FEWEST: f64 = 2.0;
/// What a run on time adds.
const STEP: f64 = 1.0;

/// How punctual the machine was in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Punctuality {
    /// There was room for more runs.
    OnTime,
    /// Late by more than half of what is allowed: no more than now.
    Strained,
    /// Too late to judge anything.
    Perturbed,
}

/// The number of runs that may be in flight.
#[derive(Clone, Debug)]
pub(super) struct Window {
    size: f64,
    fewest: f64,
    most: f64,
    /// Number of the first launch after the latest halving.
    since: u64,
}

impl Window {
    /// Always the same number.
    pub(super) fn fixed(size: usize) -> Window {
        let size = size.max(1) as f64;
        Window {
            size,
            fewest: size,
            most: size,
            since: 0,
        }
    }

    /// A number that follows the machine's punctuality, and never exceeds `most`.
    pub(super) fn adaptive(processors: usize, most: usize) -> Window {
        let (processors, most) = (processors.max(1) as f64, most.max(1) as f64);
        Window {
            size: (processors * FIRST).min(most),
            fewest: (processors * FEWEST).min(most),
            most,
            since: 0,
        }
    }

    /// Whether another run may begin beside `in_flight` others.
    pub(super) fn admits(&self, in_flight: usize) -> bool {
        (in_flight as f64) + 1.0 <= self.size
    }

    /// Takes in how run number `launch` of `launched` so far went.
    pub(super) fn finished(&mut self, launch: u64, launched: u64, punctuality: Punctuality) {
        match punctuality {
            Punctuality::OnTime => self.size = (self.size + STEP).min(self.most),
            Punctuality::Strained => {}
            Punctuality::Perturbed if launch < self.since => {}
            Punctuality::Perturbed => {
                self.size = (self.size / 2.0).max(self.fewest);
                self.since = launched;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(window: &Window) -> usize {
        (0..10_000)
            .find(|&number| !window.admits(number))
            .unwrap_or(usize::MAX)
    }

    #[test]
    fn runs_on_time_add_one_each_up_to_the_bound() {
        let mut window = Window::adaptive(2, 50);
        assert_eq!(room(&window), 48);
        for launch in 0..10 {
            window.finished(launch, 48, Punctuality::OnTime);
        }
        assert_eq!(room(&window), 50);
    }

    #[test]
    fn a_perturbed_run_halves_and_those_beside_it_do_not_halve_again() {
        let mut window = Window::adaptive(2, 500);
        for launch in [7, 3, 47] {
            window.finished(launch, 48, Punctuality::Perturbed);
        }
        assert_eq!(room(&window), 24);
        window.finished(48, 60, Punctuality::Perturbed);
        assert_eq!(room(&window), 12);
    }

    #[test]
    fn it_never_falls_below_what_any_machine_can_bear() {
        let mut window = Window::adaptive(1, 500);
        for launch in 0..20 {
            window.finished(launch, launch, Punctuality::Perturbed);
        }
        assert_eq!(room(&window), 2);
        assert_eq!(room(&Window::adaptive(4, 3)), 3);
    }

    #[test]
    fn a_strained_run_changes_nothing_and_a_fixed_number_stays() {
        let mut window = Window::adaptive(2, 500);
        window.finished(0, 48, Punctuality::Strained);
        assert_eq!(room(&window), 48);
        let mut fixed = Window::fixed(3);
        for punctuality in [Punctuality::OnTime, Punctuality::Perturbed] {
            fixed.finished(9, 9, punctuality);
            assert_eq!(room(&fixed), 3);
        }
        assert_eq!(room(&Window::fixed(0)), 1);
    }
}
