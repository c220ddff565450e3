//! What the kernel puts off.
//!
//! Packets and timers are worked on in soft interrupts. What is too much for one go is left to a thread
//! of the kernel, ksoftirqd, one a processor and of ordinary priority: beside other programs it may wait
//! for its turn for tens of milliseconds, and with it a packet that the stack would have answered at once.

use std::fs::File;

use super::clock::Nanos;
use super::priority;

/// The thread of one processor.
#[derive(Debug)]
pub(super) struct Deferred {
    statistics: File,
    waited: Nanos,
}

impl Deferred {
    /// The thread of the processor with this number; `None` where it cannot be seen, as in a namespace
    /// of processes.
    pub(super) fn of(processor: usize) -> Option<Deferred> {
        let name = format!("ksoftirqd/{processor}\n");
        let is_it = |entry: &std::fs::DirEntry| {
            std::fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm == name)
        };
        let entry = std::fs::read_dir("/proc").ok()?.flatten().find(is_it)?;
        let statistics = File::open(entry.path().join("schedstat")).ok()?;
        let waited = priority::waited(&statistics)?;
        Some(Deferred { statistics, waited })
    }

    /// How long it has waited for its turn since this was asked last; known when it has had it.
    pub(super) fn waited(&mut self) -> Nanos {
        let before = self.waited;
        self.waited = priority::waited(&self.statistics).unwrap_or(before);
        self.waited - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_no_thread_of_a_processor_that_is_not_there() {
        assert!(Deferred::of(1_000_000).is_none());
    }

    #[test]
    fn it_tells_what_was_waited_since_it_was_asked_last() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let tells = |waited: &str| std::fs::write(file.path(), format!("7 {waited} 3\n")).unwrap();
        let mut deferred = Deferred {
            statistics: File::open(file.path()).unwrap(),
            waited: 500,
        };
        tells("900");
        assert_eq!(deferred.waited(), 400);
        assert_eq!(deferred.waited(), 0);
        tells("no number");
        assert_eq!(deferred.waited(), 0);
        tells("1000");
        assert_eq!(deferred.waited(), 100);
    }
}
