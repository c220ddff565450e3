//! What a stack chooses and the oracles have to know.

use crate::fuzz::subject::Micros;
use crate::specification::Facts;

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on as if nothing had happened.
    Stays,
    /// It is over.
    Ends,
    /// One or the other.
    Either,
}

/// What a profile makes of ICMP errors about something that is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors {
    /// What a hard error does where both SYNs are acknowledged: RFC 9293 §3.9.2.2 (SHLD-26) says that it ends, RFC 5927
    /// §5.2 that it does not. An attempt it ends in any case.
    pub hard_when_synchronized: Fate,
    /// What a soft error does to an attempt (MUST-56).
    pub soft_in_handshake: Fate,
    /// A segment that was too big is believed to be at once, even if larger ones have arrived (RFC 5927 §7.2 puts that off).
    pub believes_at_once: bool,
    /// Packets of IPv4 are not made smaller than so many bytes; 68 by RFC 1191 §3, if a segment of any use fits in it.
    pub least_mtu: u16,
    /// An MTU of less than 1280 bytes counts as that over IPv6, and is not thrown away (RFC 8201 §4).
    pub takes_below_minimum: bool,
}

impl Errors {
    /// What RFC 9293 has, and RFC 5927 where that leaves it open; a segment holds 64 bytes at least.
    pub const RFC: Errors = Errors {
        hard_when_synchronized: Fate::Ends,
        soft_in_handshake: Fate::Stays,
        believes_at_once: false,
        least_mtu: 104,
        takes_below_minimum: false,
    };
}

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
    /// What ICMP errors do.
    pub icmp: Errors,
    /// Bytes of a send buffer, or those that it may grow to.
    pub send_buffer: usize,
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
        icmp: Errors::RFC,
        send_buffer: 65_536,
        time_wait: 240_000_000,
        always_keeps_alive: false,
        isn_tick: None,
    };
}
