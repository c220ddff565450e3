//! What the RFC leaves to each stack, and what the stacks we know chose.
//!
//! Only choices stand here. Where a stack does what a rule forbids, the case still says what the rule
//! says, and the list of known deviations names the stack.

/// One set of choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Text behind the peer's FIN is ignored (RFC 9293 §3.10.7.4, seventh); an ACK may say so.
    pub answers_text_behind_fin: bool,
    /// In TIME-WAIT "the only thing that can arrive is a retransmission of the remote FIN. Acknowledge
    /// it": a stack may take that for whatever arrives.
    pub answers_all_in_time_wait: bool,
    /// In TIME-WAIT a SYN right behind the old FIN is newer than all that was received, and opens (RFC 6191
    /// §2 with the number of the FIN as the last one); many stacks want a greater number.
    pub takes_syn_at_rcv_nxt: bool,
    /// In TIME-WAIT a newer SYN opens at all (MAY-2).
    pub reopens_time_wait: bool,
    /// A SYN that carries a FIN opens a connection like any other; a stack may refuse it as nonsense.
    pub takes_syn_with_fin: bool,
    /// Text and FIN of a SYN-ACK are taken at once (§3.10.7.3); the peer repeats what was left.
    pub takes_text_of_syn_ack: bool,
    /// The RST for text that comes after CLOSE looks like that of a host that knows nothing of the connection.
    pub aborts_as_unknown: bool,
    /// Whether the window moves on over the peer's FIN; one byte is no reason to announce more
    /// (§3.8.6.2.2).
    pub window_passes_fin: bool,
    /// However often it is asked, it answers. A stack may do so a few times a second only (RFC 5961 §7), and
    /// once has to do.
    pub answers_each_time: bool,
    /// After CLOSE the user cannot read on, so that text is answered with a RST (MAY-1). Where CLOSE ends one
    /// direction only, the peer may go on sending.
    pub half_duplex_close: bool,
    /// A segment that begins before the window and ends behind it is acceptable: what it has of the window is new.
    /// Neither of the two tests in §3.4, table 6, has it.
    pub takes_covering_segment: bool,
    /// Of a segment that reaches beyond the window it takes what lies within (§3.10.7.4: "one could tailor actual
    /// segments to fit this assumption"); a stack may take all of it while it has room, as Linux does.
    pub cuts_to_window: bool,
    /// A FIN that waits behind a hole is the end, whatever text comes for its number meanwhile. A stack may let count
    /// what is in order first.
    pub waiting_fin_ends: bool,
    /// A segment without the timestamps that were agreed on is dropped, as it should be (RFC 7323 §3.2); a stack may
    /// deal with it like any other.
    pub drops_unstamped: bool,
    /// A window is taken from a segment with a newer SEG.SEQ or SEG.ACK than the last one's (§3.10.7.4, fifth); a stack may
    /// take that of any segment that acknowledges something new.
    pub window_follows_seq: bool,
    /// TCP_INFO tells how much is unacknowledged.
    pub tells_unacked: bool,
    // What follows breaks a rule, or is none. For the generated cases it stays as the rule has it, and a list names what comes
    // of it; the fuzzer, whose inputs would all end there, is told instead.
    /// In SYN-RECEIVED the SYN that came before draws the SYN-ACK again, not an ACK (against RFC9293-SM-25).
    pub repeats_syn_ack: bool,
    /// What becomes of another SYN in the window of SYN-RECEIVED.
    pub another_syn: AnotherSyn,
    /// In TIME-WAIT no RST counts (RFC 1337 §3, against RFC9293-SM-42).
    pub ignores_rst_in_time_wait: bool,
    /// In SYN-SENT a segment with a TSecr that was never sent is refused, as one with such a SEG.ACK is. RFC 7323 says
    /// nothing of it.
    pub refuses_wild_echo: bool,
    /// CLOSE with text unread sends a FIN as ever (against RFC9293-SHLD-3).
    pub closes_over_unread: bool,
}

/// What becomes of a SYN in the window of a half-open connection of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnotherSyn {
    /// The connection is forgotten (RFC9293-SM-24).
    Returns,
    /// The same, and a RST is sent as CLOSED would.
    Resets,
    /// The SYN-ACK is sent again.
    RepeatsSynAck,
}

impl Facts {
    /// What the RFC has where it has something.
    pub const RFC: Facts = Facts {
        answers_text_behind_fin: true,
        answers_all_in_time_wait: false,
        takes_syn_at_rcv_nxt: true,
        reopens_time_wait: true,
        takes_syn_with_fin: true,
        takes_text_of_syn_ack: true,
        aborts_as_unknown: false,
        window_passes_fin: false,
        answers_each_time: true,
        half_duplex_close: true,
        takes_covering_segment: true,
        cuts_to_window: true,
        waiting_fin_ends: true,
        drops_unstamped: true,
        window_follows_seq: true,
        tells_unacked: true,
        repeats_syn_ack: false,
        another_syn: AnotherSyn::Returns,
        ignores_rst_in_time_wait: false,
        refuses_wild_echo: false,
        closes_over_unread: false,
    };
}
