//! How many challenge ACKs a connection may send (RFC 5961 §7).
//!
//! The budget belongs to one connection. A budget shared by all connections would let an attacker
//! use up his own and see whether another connection used up the rest (CVE-2016-5696).

use crate::time::Instant;
use core::time::Duration;

/// The budget of one connection. Acknowledgments owed for other reasons do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChallengeAckLimiter {
    limit: u32,
    period: Duration,
    period_start: Option<Instant>,
    sent: u32,
}

impl ChallengeAckLimiter {
    /// At most `limit` challenge ACKs in any stretch of `period` that starts with one of them;
    /// RFC 5961 §7 suggests 10 in 5 s. A limit of 0 allows none, a period of zero any number.
    // REQ: RFC5961-12
    pub const fn new(limit: u32, period: Duration) -> ChallengeAckLimiter {
        ChallengeAckLimiter {
            limit,
            period,
            period_start: None,
            sent: 0,
        }
    }

    /// Asks to send one at `now`, and counts it if permitted.
    pub fn permit(&mut self, now: Instant) -> bool {
        // REQ: RFC5961-11
        let in_period = self
            .period_start
            .is_some_and(|start| now.saturating_duration_since(start) < self.period);
        if !in_period {
            self.period_start = Some(now);
            self.sent = 0;
        }
        let permitted = self.sent < self.limit;
        self.sent += u32::from(permitted);
        permitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permitted(limiter: &mut ChallengeAckLimiter, at_ms: u64, asked: usize) -> usize {
        (0..asked)
            .filter(|_| limiter.permit(Instant::from_millis(at_ms)))
            .count()
    }

    #[test]
    fn the_budget_is_renewed_after_a_period() {
        let mut limiter = ChallengeAckLimiter::new(10, Duration::from_secs(5));
        assert_eq!(permitted(&mut limiter, 1_000, 8), 8);
        assert_eq!(permitted(&mut limiter, 5_999, 8), 2);
        assert_eq!(permitted(&mut limiter, 6_000, 100), 10);
        assert_eq!(permitted(&mut limiter, 99_000, 100), 10);
    }

    #[test]
    fn the_edges_of_the_configuration() {
        let mut none = ChallengeAckLimiter::new(0, Duration::from_secs(5));
        assert_eq!(permitted(&mut none, 1, 5), 0);
        let mut unlimited = ChallengeAckLimiter::new(1, Duration::ZERO);
        assert_eq!(permitted(&mut unlimited, 1, 5), 5);
    }
}
