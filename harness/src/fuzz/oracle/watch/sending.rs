//! How much may be sent, and what has to be: the peer's window (RFC 9293 §3.8.6), silly windows (§3.8.6.2.1) and
//! congestion control (RFC 5681) as far as every algorithm keeps to it.

use super::{Cause, Reaction};
use crate::fuzz::ledger::after;
use crate::fuzz::oracle::{Choices, Oracle, Violation};
use crate::fuzz::packet::{ECE, FIN, Packet, RST, SYN};
use crate::fuzz::subject::State;

/// Segments of the initial window at most (RFC 6928 §2).
const INITIAL: u32 = 10;
/// Beyond the congestion window so many segments for the first duplicates (RFC 3042), and one that a window may be
/// overrun by.
const BEYOND: u32 = 3;

/// What is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sending {
    /// The connection is established, and what follows counts.
    has_begun: bool,
    /// SND.UNA and SND.NXT after the last event.
    una: u32,
    nxt: u32,
    /// cwnd is not above this, in bytes.
    most: u32,
    /// Segments of text that are out, at most.
    segments: u32,
    /// Acknowledgments of nothing new since the last of something.
    repeated: u32,
    /// Those among them that are duplicates by RFC 5681 §2.
    duplicates: u32,
    /// Text up to here was out when a loss was seen; until it is acknowledged it may be sent again.
    recover: Option<u32>,
    /// The window did not hold what was out at some time.
    has_shrunk: bool,
    /// The peer has told of congestion: with one segment in cwnd nothing goes before the timer fires (RFC 3168 §6.1.2).
    is_slowed: bool,
    /// Where the peer's window ended after the last event.
    edge: Option<u32>,
}

impl Sending {
    pub(super) fn judge(
        &mut self,
        reaction: &Reaction<'_>,
        choices: &Choices,
    ) -> Result<(), Violation> {
        if !reaction.is_open() {
            return Ok(());
        }
        if !self.has_begun {
            *self = Sending {
                has_begun: true,
                una: reaction.standing.snd_una,
                nxt: reaction.standing.snd_una,
                most: INITIAL * reaction.smss(),
                edge: reaction.standing.snd_edge,
                ..Sending::default()
            };
        }
        if let Cause::Arrival(packet) = reaction.cause {
            self.acknowledged(packet, reaction, choices);
        }
        if let Cause::TooBig = reaction.cause {
            // What was too big is lost, and leaves in more pieces.
            self.recover = Some(self.nxt);
            let pieces = reaction.sent.iter().filter(|packet| is_text(packet));
            self.segments += pieces.count() as u32;
        }
        let judged = self
            .new_text(reaction)
            .and_then(|()| self.again(reaction))
            .and_then(|()| match self.is_slowed {
                true => Ok(()),
                false => must_send(reaction, choices),
            });
        self.una = reaction.standing.snd_una;
        self.nxt = reaction.snd_nxt();
        self.edge = reaction.standing.snd_edge;
        self.has_shrunk |= self.edge.is_some_and(|edge| after(self.nxt, edge));
        judged
    }

    /// Takes in what a segment of the peer acknowledges.
    fn acknowledged(&mut self, packet: &Packet<'_>, reaction: &Reaction<'_>, choices: &Choices) {
        let (una, smss) = (reaction.standing.snd_una, reaction.smss());
        self.is_slowed |= packet.has(ECE);
        if after(una, self.una) {
            let acked = una.wrapping_sub(self.una);
            let avoidance = smss * smss / self.most.max(1) + 1;
            let counted = match choices.counts_segments {
                true => self.segments.saturating_mul(smss),
                false => 0,
            };
            let growth = acked.max(avoidance).max(counted);
            self.most = self.most.saturating_add(growth);
            self.segments = match una == self.nxt {
                true => 0,
                false => self.segments.saturating_sub(acked.div_ceil(smss)),
            };
            (self.repeated, self.duplicates) = (0, 0);
            self.recover = self.recover.filter(|recover| after(*recover, una));
        } else {
            self.repeated += 1;
            let is_duplicate = packet.is_empty()
                && !packet.has(SYN | FIN | RST)
                && packet.ack == una
                && reaction.standing.snd_edge == self.edge;
            self.duplicates += u32::from(is_duplicate);
        }
    }

    /// What is sent for the first time lies in both windows.
    fn new_text(&mut self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let Some(edge) = reaction.standing.snd_edge else {
            return Ok(());
        };
        let una = reaction.standing.snd_una;
        // With so many duplicates as have come, so many segments may have left the network.
        let extra = (BEYOND + self.repeated) * reaction.smss();
        for packet in reaction.sent.iter().filter(|packet| is_text(packet)) {
            let end = packet.text_seq().wrapping_add(packet.text.len() as u32);
            if !after(end, self.nxt) {
                continue;
            }
            self.segments += 1;
            // One byte may ask whether a closed window is still closed.
            let probes = packet.text.len() == 1 && !after(edge, packet.seq);
            if after(end, edge) && !probes {
                return wrong(
                    &["RFC7323-9", "RFC9293-SHLD-15"],
                    format!(
                        "text behind the peer's window is sent: up to {end}, and it ends at {edge}"
                    ),
                );
            }
            let out = end.wrapping_sub(una);
            if out > self.most.saturating_add(extra) {
                return wrong(
                    &["RFC5681-1"],
                    format!(
                        "more is out than the congestion window can be: {out} bytes, and it is {} at most",
                        self.most
                    ),
                );
            }
        }
        Ok(())
    }

    /// What is sent once more has a reason, and after a timeout is one segment (RFC 5681 §3.1 and §3.2).
    fn again(&mut self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let una = reaction.standing.snd_una;
        let is_old = |packet: &&Packet<'_>| is_text(packet) && !after(packet.end(), self.nxt);
        let Some(first) = reaction.sent.iter().find(is_old) else {
            return Ok(());
        };
        match reaction.cause {
            Cause::Timer if first.seq == una => {
                self.recover = Some(self.nxt);
                let texts = reaction.sent.iter().filter(|packet| is_text(packet));
                let sum: usize = texts.map(|packet| packet.text.len()).sum();
                if sum > reaction.smss() as usize {
                    return wrong(
                        &["RFC6298-10", "RFC5681-1"],
                        format!("a timeout lets one segment out: there are {sum} bytes"),
                    );
                }
            }
            Cause::Arrival(_) if self.duplicates >= 3 => self.recover = Some(self.nxt),
            Cause::Arrival(_) => {
                let is_selective = reaction.ledger.peer.sack;
                if self.recover.is_none() && !self.has_shrunk && !is_selective {
                    return wrong(
                        &["RFC5681-1"],
                        format!(
                            "text is sent again without a timeout: after {} duplicates",
                            self.duplicates
                        ),
                    );
                }
            }
            Cause::Timer | Cause::Call(..) | Cause::Error | Cause::TooBig => {}
        }
        Ok(())
    }
}

/// With nothing outstanding, what silly-window avoidance lets go goes at once.
fn must_send(reaction: &Reaction<'_>, choices: &Choices) -> Result<(), Violation> {
    let is_sending = matches!(
        reaction.after,
        State::Established | State::CloseWait | State::FinWait1 | State::LastAck
    );
    let una = reaction.standing.snd_una;
    let edge = reaction.standing.snd_edge.filter(|_| is_sending);
    let Some(edge) = edge.filter(|edge| after(*edge, una)) else {
        return Ok(());
    };
    let (unsent, usable) = (reaction.unsent, edge.wrapping_sub(una));
    // Together with it goes a FIN.
    let has_fin = matches!(reaction.after, State::FinWait1 | State::LastAck);
    let is_worth = match choices.sends_bursts {
        true => usable >= unsent.min(reaction.smss()) + u32::from(has_fin),
        false => unsent <= usable || unsent.min(usable) * 2 >= reaction.standing.max_snd_wnd,
    };
    if una != reaction.snd_nxt() || unsent == 0 || !is_worth {
        return Ok(());
    }
    wrong(
        &["RFC9293-MUST-38"],
        format!(
            "nothing is outstanding, and what may be sent is not: {unsent} bytes wait, the window has {usable}"
        ),
    )
}

fn is_text(packet: &Packet<'_>) -> bool {
    !packet.text.is_empty() && !packet.has(SYN | RST)
}

fn wrong(rules: &[&'static str], message: String) -> Result<(), Violation> {
    Err(Violation::of_rules(Oracle::Sending, rules, message))
}
