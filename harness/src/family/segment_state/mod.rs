//! Segment × state: every combination of SYN, ACK, RST and FIN, with SEG.SEQ and SEG.ACK in every
//! place that matters, to a connection in each of the eleven states (RFC 9293 §3.10.7).
//!
//! What must come of it is computed from the rows of the [`specification`](crate::specification), and from
//! nothing else. `combination` says what is sent, `opening` how a connection gets into its state and
//! `standing` where it stands there, `script` how it is written down.

mod combination;
mod opening;
mod script;
mod standing;

#[cfg(test)]
mod tests;

use super::Written;

/// Every case of the family.
pub(in crate::family) fn cases() -> Vec<Written> {
    combination::all().iter().map(script::case).collect()
}
