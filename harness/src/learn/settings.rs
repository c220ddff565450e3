//! What is set before a stack is learned, and in every script that comes of it.
//!
//! A count that goes up to fifteen makes fifteen states of one, in every state in which something is retransmitted, and
//! one that is used up within a second is no state at all. So a stack gives up after one retransmission, and does not
//! ration its answers.
//!
//! Where it is learned it does not delay acknowledgments or text either: time would have to pass to see whether something still
//! comes, and what else happens in that time would depend on how often it passed before. Scripts leave that much time.

/// Name and value, for stacks that take Linux's names.
pub const SETTINGS: [(&str, &str); 7] = [
    ("net.ipv4.tcp_syn_linear_timeouts", "0"),
    ("net.ipv4.tcp_syn_retries", "1"),
    ("net.ipv4.tcp_synack_retries", "1"),
    ("net.ipv4.tcp_retries2", "1"),
    ("net.ipv4.tcp_orphan_retries", "1"),
    ("net.ipv4.tcp_invalid_ratelimit", "0"),
    ("net.ipv4.tcp_challenge_ack_limit", "2147483647"),
];
