//! Taking back a reduction that was for nothing: what was sent again had only been late. Found by
//! the peer's timestamps (RFC 3522) or its D-SACKs (RFC 3708), answered as RFC 4015 has it.

use crate::congestion::Snapshot;

/// What the window was before a reduction, and what was sent again since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undo {
    /// What to go back to.
    pub(crate) before: Snapshot,
    /// Sequence numbers sent again that no report has shown to be superfluous.
    unproven: u32,
    /// Something was sent again.
    repeated: bool,
    /// TSval of the first segment sent again.
    first_repeat: Option<u32>,
}

impl Undo {
    /// A reduction is about to happen.
    pub(crate) const fn new(before: Snapshot) -> Undo {
        Undo {
            before,
            unproven: 0,
            repeated: false,
            first_repeat: None,
        }
    }

    /// `len` sequence numbers went out again, with this TSval if timestamps are in use.
    pub(crate) fn on_sent_again(&mut self, len: u32, timestamp: Option<u32>) {
        self.repeated = true;
        self.unproven = self.unproven.saturating_add(len);
        if self.first_repeat.is_none() {
            self.first_repeat = timestamp;
        }
    }

    /// The peer reports that `len` sequence numbers came twice. Answers whether everything that was
    /// sent again was superfluous.
    pub(crate) fn on_duplicate_report(&mut self, len: u32) -> bool {
        self.unproven = self.unproven.saturating_sub(len);
        self.repeated && self.unproven == 0
    }

    /// New data is acknowledged by a segment that echoes `echo`. Answers whether that is older than
    /// everything sent again: then the originals arrived.
    pub(crate) fn on_echo(&self, echo: u32) -> bool {
        self.first_repeat
            .is_some_and(|first| (echo.wrapping_sub(first) as i32) < 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::congestion::{Congestion, Rules};
    use rstest::rstest;

    fn undo() -> Undo {
        Undo::new(Congestion::new(1000, Rules::default()).snapshot())
    }

    #[test]
    fn every_repeat_must_be_reported() {
        let mut undo = undo();
        assert!(!undo.on_duplicate_report(0));
        undo.on_sent_again(1000, None);
        undo.on_sent_again(500, None);
        assert!(!undo.on_duplicate_report(1000));
        assert!(undo.on_duplicate_report(500));
    }

    #[rstest]
    #[case::original(u32::MAX, true)]
    #[case::repeat(5, false)]
    #[case::later(9, false)]
    fn an_echo_from_before_the_repeat_is_of_the_original(
        #[case] echo: u32,
        #[case] spurious: bool,
    ) {
        let mut undo = undo();
        assert!(!undo.on_echo(echo));
        undo.on_sent_again(1000, Some(5));
        undo.on_sent_again(1000, Some(7));
        assert_eq!(undo.on_echo(echo), spurious);
    }
}
