//! What RFC 9768 leaves to the implementer.

/// When ACKs carry the AccECN option (RFC 9768 §3.2.3.3). Where there is no room for it beside two
/// SACK blocks, it gives way to them in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccEcnOptionUse {
    /// Never.
    Never,
    /// When another counter began to move, on the ACK behind that one, while that of CE moves, and
    /// else once in so many ACKs.
    Sparing {
        /// How many, at least 1.
        every: u32,
    },
    /// Whenever a counter has moved since the last option, with every counter that ever moved: what
    /// the RFC recommends.
    OnChange,
    /// On every segment, with all counters if there is room.
    Always,
}

/// The choices of accurate ECN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccEcnConfig {
    /// How many SYNs ask for it before one asks for no ECN at all, at least 1; RFC 9768 §3.1.4.1
    /// wants 2 (RFC9768-7).
    pub syn_attempts: u32,
    /// How many SYN-ACKs agree before one says nothing of ECN, at least 1; 2 by RFC 9768 §3.2.3.2.2.
    pub syn_ack_attempts: u32,
    /// When the option is sent.
    pub option: AccEcnOptionUse,
    /// Send options, but for that of our SYN-ACK, only to a peer that has sent one.
    pub option_answers: bool,
    /// Send no more of them once a segment that had one was lost in the handshake, or the first
    /// data with one (RFC 9768 §3.2.3.2.2).
    pub option_fallback: bool,
    /// Acknowledge at once when marked data follows a packet that was not marked (RFC 9768
    /// §3.2.2.5.1).
    pub change_acks: bool,
    /// Marks after which an ACK leaves while text waits for one, 1..=7; 2 by RFC 9768 §3.2.2.5.1
    /// (RFC9768-12).
    pub marks_per_ack: u32,
    /// The same while none waits, 3..=7.
    pub marks_per_bare_ack: u32,
    /// A counter that begins with zero was cleared on the path: what follows is not believed (RFC
    /// 9768 §3.2.2.4, §3.2.3.2.4).
    pub check_zeroed: bool,
    /// Round trips from the start on in which every segment arrived marked, after which marks are
    /// taken for a fault of the path (RFC 9768 §3.2.2.3 speaks of three or four); 0 never asks.
    pub continuous_rounds: u32,
}

impl Default for AccEcnConfig {
    /// RFC 9768.
    fn default() -> AccEcnConfig {
        AccEcnConfig {
            syn_attempts: 2,
            syn_ack_attempts: 2,
            option: AccEcnOptionUse::OnChange,
            option_answers: false,
            option_fallback: true,
            change_acks: true,
            marks_per_ack: 2,
            marks_per_bare_ack: 3,
            check_zeroed: true,
            continuous_rounds: 4,
        }
    }
}
