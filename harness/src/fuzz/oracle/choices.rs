//! What a stack chooses and the oracles have to know.

use crate::fuzz::subject::Micros;
use crate::specification::Facts;

/// What a profile chooses, as its documents have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// See [`Facts`].
    pub facts: Facts,
    /// At most so many acknowledgments answer segments that are not taken (RFC 5961 §7) …
    pub challenges: usize,
    /// … within so many microseconds.
    pub challenge_period: Micros,
    /// A retransmission timer runs for so long at least (RFC 6298 §2.4) …
    pub min_rto: Micros,
    /// … and may be kept at this, however often it would have doubled (§2.5).
    pub max_rto: Micros,
    /// That of a SYN runs for so long at least (§2.1) …
    pub first_rto: Micros,
    /// … and doubles only after so many of these.
    pub linear_syns: u32,
    /// A segment that acknowledges what was never sent makes the first repetition of a SYN follow after this, if it
    /// changes anything.
    pub hurried_syn: Option<Micros>,
    /// A SYN is repeated for so long at least before the attempt is given up (RFC9293-MUST-23).
    pub patience_with_syn: Micros,
    /// A closed window is probed after so long at least (RFC9293-SHLD-29), whatever the timeout is …
    pub least_persist: Micros,
    /// … and may be after this, however often the wait would have doubled (RFC9293-SHLD-30).
    pub most_persist: Micros,
    /// Where selective acknowledgments were agreed on, losses are found by time (RFC 8985): a timer that is no timeout may
    /// send again what later segments have overtaken, and the first that fires in silence probes only.
    pub finds_losses_by_time: bool,
    /// Text leaves in bursts, whose segments are cut when the user has written: one that does not fit in the window waits for
    /// a timer, and what could leave may wait for more of it, and goes with whatever happens next.
    pub sends_bursts: bool,
    /// The congestion window counts segments, however short.
    pub counts_segments: bool,
    /// 2 MSL.
    pub time_wait: Micros,
    /// Connections are probed without having been asked to be.
    pub always_keeps_alive: bool,
    /// One step of the clock in initial sequence numbers (RFC 6528 §3), if there is one.
    pub isn_tick: Option<Micros>,
}

impl Choices {
    /// What RFC 9293 has, and no limit.
    pub const RFC: Choices = Choices {
        facts: Facts::RFC,
        challenges: usize::MAX,
        challenge_period: 0,
        min_rto: 1_000_000,
        max_rto: 60_000_000,
        first_rto: 1_000_000,
        linear_syns: 0,
        hurried_syn: None,
        patience_with_syn: 180_000_000,
        least_persist: 0,
        most_persist: 60_000_000,
        finds_losses_by_time: false,
        sends_bursts: false,
        counts_segments: false,
        time_wait: 240_000_000,
        always_keeps_alive: false,
        isn_tick: None,
    };
}
