//! Rules for every segment that is sent, whatever came before.

use super::{Oracle, Violation};
use crate::fuzz::ledger::{Ledger, after};
use crate::fuzz::packet::{ACK, FIN, Packet, RST, SYN, URG};

/// What is remembered of earlier segments.
#[derive(Clone, Debug, Default)]
pub struct Outgoing;

impl Outgoing {
    /// Judges a segment to the peer before the ledger takes it in. `cause`: what has just arrived, if it answers that.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn judge(
        &self,
        packet: &Packet<'_>,
        ledger: &Ledger,
        cause: Option<&Packet<'_>>,
    ) -> Result<(), Violation> {
        let fail = |rules: &[&'static str], message: String| {
            Err(Violation::of_rules(Oracle::Outgoing, rules, message))
        };
        if packet.has(RST) {
            if cause.is_some_and(|cause| cause.has(RST)) {
                return fail(&["RFC9293-SM-14"], "a RST answers a RST".into());
            }
            if packet.has(SYN | FIN) || !packet.text.is_empty() {
                return fail(&[], "a RST carries more than itself".into());
            }
            return Ok(());
        }
        let options = &packet.options;
        let of_syn = options.mss.is_some() || options.scale.is_some() || options.sack_permitted;
        if of_syn && !packet.has(SYN) {
            return fail(
                &["RFC9293-MUST-65"],
                "an option of SYNs without a SYN".into(),
            );
        }
        if packet.has(SYN | FIN) && packet.flags & (SYN | FIN) == SYN | FIN {
            return fail(&[], "SYN and FIN in one segment".into());
        }
        if packet.has(URG) && packet.urgent == 0 && packet.text.is_empty() {
            return fail(&[], "URG without anything urgent".into());
        }
        if !packet.has(SYN) && !packet.has(ACK) {
            return fail(
                &["RFC9293-SM-51"],
                "a segment of a connection without ACK".into(),
            );
        }
        self.within_bounds(packet, ledger)?;
        selective(packet, ledger, cause)
    }

    /// SEG.SEQ, SEG.ACK, the window and the length, against what was said before.
    fn within_bounds(&self, packet: &Packet<'_>, ledger: &Ledger) -> Result<(), Violation> {
        let fail = |rules: &[&'static str], message: String| {
            Err(Violation::of_rules(Oracle::Outgoing, rules, message))
        };
        let (subject, peer) = (&ledger.subject, &ledger.peer);
        let Some(iss) = subject.first.filter(|_| !packet.has(SYN)) else {
            return match packet.has(SYN) {
                true => Ok(()),
                false => fail(
                    &[],
                    "a segment of a connection that never sent a SYN".into(),
                ),
            };
        };
        if after(iss, packet.seq) || after(packet.seq, subject.next) {
            return fail(
                &[],
                format!(
                    "SEG.SEQ {} is none of this connection's: ISS {iss}, SND.NXT {}",
                    packet.seq, subject.next
                ),
            );
        }
        if let Some(fin) = subject.fin
            && after(packet.end(), fin.wrapping_add(1))
        {
            return fail(
                &["RFC9293-SM-44"],
                "something is sent behind the FIN".into(),
            );
        }
        if let Some(irs) = peer.first {
            let is_above = after(packet.ack, ledger.peer_end);
            if is_above || after(irs.wrapping_add(1), packet.ack) {
                return fail(
                    &["RFC9293-SM-51"],
                    format!(
                        "SEG.ACK {} acknowledges what the peer never sent: up to {}",
                        packet.ack, ledger.peer_end
                    ),
                );
            }
            if let Some(acked) = subject.acked.filter(|acked| after(*acked, packet.ack)) {
                return fail(
                    &[],
                    format!("SEG.ACK goes back from {acked} to {}", packet.ack),
                );
            }
        }
        windows(packet, ledger)?;
        let stamped = packet.options.stamp.is_some();
        if ledger.has_timestamps() != stamped {
            return fail(
                &["RFC7323-11"],
                format!(
                    "timestamps are {}agreed on, and the segment has {}",
                    if stamped { "not " } else { "" },
                    if stamped { "them" } else { "none" }
                ),
            );
        }
        Ok(())
    }
}

/// The peer's window bounds what is sent, and one's own does not shrink.
fn windows(packet: &Packet<'_>, ledger: &Ledger) -> Result<(), Violation> {
    let (subject, peer) = (&ledger.subject, &ledger.peer);
    let end = packet.text_seq().wrapping_add(packet.text.len() as u32);
    // One byte may probe what is closed.
    let allowed = peer.largest_edge.wrapping_add(1);
    if peer.acked.is_some() && !packet.text.is_empty() && after(end, allowed) {
        let message = format!(
            "text up to {end} is sent, and the peer's window never went beyond {}",
            peer.largest_edge
        );
        return Err(Violation::of_rules(
            Oracle::Outgoing,
            &["RFC5681-1", "DOC-HDR-26"],
            message,
        ));
    }
    if subject.acked.is_none() {
        return Ok(());
    }
    let scale = subject.scale.filter(|_| peer.scale.is_some()).unwrap_or(0);
    let scale = scale.min(14);
    let edge = packet.ack.wrapping_add(u32::from(packet.window) << scale);
    // What is lost in scaling is no shrinking (RFC 7323 §2.4).
    let lost = (1 << scale) - 1;
    if after(subject.edge, edge.wrapping_add(lost)) {
        let message = format!(
            "the right edge of the window goes back from {} to {edge}",
            subject.edge
        );
        return Err(Violation::of_rules(
            Oracle::Outgoing,
            &["RFC9293-SHLD-14"],
            message,
        ));
    }
    Ok(())
}

/// Blocks of a selective acknowledgment tell of what the peer has sent and SEG.ACK does not cover; the first one may
/// tell what came twice (RFC 2883 §4).
fn selective(
    packet: &Packet<'_>,
    ledger: &Ledger,
    cause: Option<&Packet<'_>>,
) -> Result<(), Violation> {
    let count = usize::from(packet.options.sack_count.min(4));
    if count == 0 {
        return Ok(());
    }
    let fail = |rule: &'static str, message: String| {
        Err(Violation::of_rules(Oracle::Outgoing, &[rule], message))
    };
    if !ledger.peer.sack {
        return fail(
            "RFC2018-2",
            "a selective acknowledgment without having been asked".into(),
        );
    }
    for (index, (from, to)) in packet.options.sacks[..count].iter().enumerate() {
        let is_covered = !after(*to, packet.ack);
        let is_of_cause = |cause: &Packet<'_>| !after(cause.seq, *from) && !after(*to, cause.end());
        if index == 0 && is_covered && !cause.is_some_and(is_of_cause) {
            let message =
                format!("the block {from}:{to} reports what was delivered, and nothing came twice");
            return fail("RFC2018-5", message);
        }
        if !after(*to, *from) || after(*to, ledger.peer_end) && !(index == 0 && is_covered) {
            let message = format!("the block {from}:{to} tells of nothing that the peer has sent");
            return fail("RFC2018-4", message);
        }
        if index > 0 && !after(*from, packet.ack) {
            let message = format!(
                "the block {from}:{to} tells of what SEG.ACK {} covers",
                packet.ack
            );
            return fail("RFC2018-5", message);
        }
    }
    Ok(())
}
