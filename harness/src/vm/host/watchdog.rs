//! Whether a kernel still does something.

use std::time::{Duration, Instant};

/// No more than this of the time between two looks counts: this program may have been stopped itself, and the
/// kernel with it.
const LOOK: Duration = Duration::from_millis(200);

/// Counts the time without news.
#[derive(Debug)]
pub(super) struct Watchdog {
    patience: Duration,
    looked: Instant,
    silent: Duration,
}

impl Watchdog {
    pub(super) fn new(patience: Duration) -> Watchdog {
        Watchdog {
            patience,
            looked: Instant::now(),
            silent: Duration::ZERO,
        }
    }

    /// There was news.
    pub(super) fn news(&mut self) {
        self.looked = Instant::now();
        self.silent = Duration::ZERO;
    }

    /// There was none; whether it is too long now.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        self.silent += now.saturating_duration_since(self.looked).min(LOOK);
        self.looked = now;
        self.silent >= self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_adds_up_and_news_ends_it() {
        let mut watchdog = Watchdog::new(LOOK * 3);
        let begin = Instant::now();
        assert!(!watchdog.is_over(begin + LOOK));
        assert!(!watchdog.is_over(begin + LOOK * 2));
        watchdog.news();
        assert!(!watchdog.is_over(begin + LOOK * 3));
    }

    #[test]
    fn a_stretch_in_which_nobody_looked_counts_little() {
        let mut watchdog = Watchdog::new(LOOK * 3);
        let begin = Instant::now();
        assert!(!watchdog.is_over(begin + Duration::from_secs(600)));
        assert!(!watchdog.is_over(begin + Duration::from_secs(1200)));
        assert!(watchdog.is_over(begin + Duration::from_secs(1800)));
    }
}
