//! The timers of a connection: one list of names, one table of deadlines.

use crate::time::Instant;

/// Every timer a connection can have, in the order in which simultaneous ones fire: those that give
/// up come first, so that nothing is sent at the moment it becomes pointless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A half-open entry or an open that nobody answers is given up.
    HandshakeGiveUp,
    /// The user's limit on unacknowledged data (RFC 9293 §3.9.1).
    UserTimeout,
    /// What was sent before something that arrived is overdue (RFC 8985 §6.2).
    Reordering,
    /// Probe of the end of a flight (RFC 8985 §7). Where it is due together with a retransmission it
    /// takes its place.
    LossProbe,
    /// Retransmission of the oldest unacknowledged segment (RFC 6298 §5).
    Retransmit,
    /// Zero-window probe (RFC 9293 §3.8.6.1).
    Persist,
    /// Acknowledgment held back (RFC 9293 §3.8.6.3).
    DelayedAck,
    /// Sender's silly-window override (RFC 9293 §3.8.6.2.1).
    SwsOverride,
    /// A segment that is held back by pacing (RFC 9002 §7.7).
    Pacing,
    /// Probe of an idle connection (RFC 9293 §3.8.4).
    KeepAlive,
    /// An orphaned connection waits no longer for the peer's FIN.
    FinWait2,
    /// 2MSL of quiet before the connection is forgotten (RFC 9293 §3.6.1).
    TimeWait,
}

impl Timer {
    /// All timers, in firing order.
    pub const ALL: [Timer; 12] = [
        Timer::HandshakeGiveUp,
        Timer::UserTimeout,
        Timer::Reordering,
        Timer::LossProbe,
        Timer::Retransmit,
        Timer::Persist,
        Timer::DelayedAck,
        Timer::SwsOverride,
        Timer::Pacing,
        Timer::KeepAlive,
        Timer::FinWait2,
        Timer::TimeWait,
    ];
}

/// When each timer is due, if it is armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimerTable {
    /// [`NEVER`] where it is not.
    deadlines: [Instant; Timer::ALL.len()],
}

/// The end of the time line. What would fire then is set to fire just before.
const NEVER: Instant = Instant::END;
const LAST: Instant = Instant::from_micros(NEVER.as_micros() - 1);

impl Default for TimerTable {
    fn default() -> TimerTable {
        TimerTable::new()
    }
}

impl TimerTable {
    /// A table with nothing armed.
    pub const fn new() -> TimerTable {
        TimerTable {
            deadlines: [NEVER; Timer::ALL.len()],
        }
    }

    /// Sets `timer` to fire at `at`, replacing an earlier setting.
    pub fn arm(&mut self, timer: Timer, at: Instant) {
        self.deadlines[timer as usize] = at.min(LAST);
    }

    /// Stops `timer`; true when it was armed.
    pub fn disarm(&mut self, timer: Timer) -> bool {
        let armed = self.is_armed(timer);
        self.deadlines[timer as usize] = NEVER;
        armed
    }

    /// Stops every timer.
    pub const fn disarm_all(&mut self) {
        *self = TimerTable::new();
    }

    /// When `timer` fires, or `None` when it is stopped.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        Some(self.deadlines[timer as usize]).filter(|at| *at != NEVER)
    }

    /// True when `timer` is armed.
    pub fn is_armed(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// When the next timer fires.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines
            .iter()
            .copied()
            .min()
            .filter(|at| *at != NEVER)
    }

    /// Takes one timer that is due at `now` off the table: the one due first, and of several due
    /// at the same instant the first in [`Timer::ALL`]. Call until `None`.
    pub fn expired(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.get(*timer).is_some_and(|at| at <= now);
        let first = Timer::ALL
            .into_iter()
            .filter(due)
            .min_by_key(|timer| self.get(*timer))?;
        self.disarm(first);
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn drain(table: &mut TimerTable, now: Instant) -> Vec<Timer> {
        core::iter::from_fn(|| table.expired(now)).collect()
    }

    #[test]
    fn all_lists_every_timer_at_its_index() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index, "{timer:?}");
        }
    }

    #[test]
    fn the_deadline_is_the_earliest_armed_timer() {
        let mut table = TimerTable::new();
        assert_eq!(table.deadline(), None);
        table.arm(Timer::TimeWait, at(5));
        table.arm(Timer::Retransmit, at(9));
        assert_eq!(table.deadline(), Some(at(5)));
        assert!(table.disarm(Timer::TimeWait));
        assert!(!table.disarm(Timer::TimeWait));
        assert_eq!(table.deadline(), Some(at(9)));
    }

    /// However far away a deadline is, it is one.
    #[test]
    fn a_timer_at_the_end_of_time_is_armed() {
        let mut table = TimerTable::new();
        table.arm(Timer::TimeWait, Instant::END);
        assert!(table.is_armed(Timer::TimeWait));
        assert_eq!(table.deadline(), table.get(Timer::TimeWait));
        assert_eq!(drain(&mut table, Instant::END), [Timer::TimeWait]);
    }

    #[test]
    fn due_timers_fire_once_by_time_then_by_list_order() {
        let mut table = TimerTable::new();
        table.arm(Timer::KeepAlive, at(3));
        table.arm(Timer::DelayedAck, at(7));
        table.arm(Timer::Retransmit, at(7));
        table.arm(Timer::Persist, at(8));
        assert_eq!(drain(&mut table, at(2)), []);
        assert_eq!(
            drain(&mut table, at(7)),
            [Timer::KeepAlive, Timer::Retransmit, Timer::DelayedAck]
        );
        assert_eq!(table.deadline(), Some(at(8)));
    }
}
