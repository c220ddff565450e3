//! What acknowledgments tell: the window (RFC 9293 §3.8.6.2.2), what waits behind a hole (RFC 2018 §4), and the
//! timestamp that is echoed (RFC 7323 §4.3).

use super::{Cause, Reaction};
use crate::fuzz::input::Call;
use crate::fuzz::ledger::after;
use crate::fuzz::oracle::{Oracle, Violation};
use crate::fuzz::packet::{ACK, Packet, RST, SYN};

/// What is remembered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Receiving {
    /// The right edge of the largest window that was announced.
    edge: Option<u32>,
    /// TS.Recent after the event before.
    recent: Option<u32>,
}

impl Receiving {
    pub(super) fn judge(&mut self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        if !reaction.is_open() {
            return Ok(());
        }
        for packet in reaction.sent {
            if packet.has(SYN | RST) || !packet.has(ACK) {
                continue;
            }
            self.echo(packet, reaction)?;
            self.window(packet, reaction)?;
            gap(packet, reaction)?;
        }
        self.recent = reaction.standing.ts_recent;
        self.room(reaction)
    }

    /// TSecr is TS.Recent, before the event or behind it.
    fn echo(&self, packet: &Packet<'_>, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let Some((_, echo)) = packet.options.stamp else {
            return Ok(());
        };
        let recent = reaction.standing.ts_recent;
        let is_right = [recent, self.recent].contains(&Some(echo));
        if is_right || recent.is_none() {
            return Ok(());
        }
        wrong(
            &["RFC7323-17"],
            format!("the timestamp echoed is not TS.Recent: {echo}, and that is {recent:?}"),
        )
    }

    /// The right edge moves by something worth a segment, or not at all.
    fn window(&mut self, packet: &Packet<'_>, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let subject = &reaction.ledger.subject;
        let is_scaled = reaction.ledger.peer.scale.is_some();
        let scale = subject.scale.filter(|_| is_scaled).unwrap_or(0).min(14);
        let edge = packet.ack.wrapping_add(u32::from(packet.window) << scale);
        if self.edge.is_some_and(|before| !after(edge, before)) {
            return Ok(());
        }
        let gain = self
            .edge
            .replace(edge)
            .map(|before| edge.wrapping_sub(before));
        // Less than a unit of the scale is rounding.
        let unit = 1 << scale;
        let is_worth = |gain: u32| gain < unit || gain + unit > worth(reaction);
        match gain.filter(|gain| !is_worth(*gain) && !reaction.standing.has_ended) {
            None => Ok(()),
            Some(gain) => wrong(
                &["RFC9293-MUST-39"],
                format!("the window opens by little: {gain} bytes"),
            ),
        }
    }

    /// A window that was closed is announced when the user has made room again.
    fn room(&self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let standing = &reaction.standing;
        let Some(edge) = self.edge.filter(|_| !standing.has_ended) else {
            return Ok(());
        };
        let has_read = matches!(reaction.cause, Cause::Call(Call::Recv(_), _));
        let is_closed = !after(edge, standing.rcv_nxt);
        if !has_read || !is_closed || !reaction.is_users || reaction.unread > 0 {
            return Ok(());
        }
        wrong(
            &["RFC9293-MUST-39"],
            "the user has read everything, and the closed window is not opened".to_owned(),
        )
    }
}

/// What is worth announcing: half of the buffer, or a segment.
fn worth(reaction: &Reaction<'_>) -> u32 {
    let mss = u32::from(reaction.ledger.subject.mss.unwrap_or(536));
    (reaction.buffer / 2).min(mss)
}

/// While text waits behind a hole, acknowledgments say so.
fn gap(packet: &Packet<'_>, reaction: &Reaction<'_>) -> Result<(), Violation> {
    let (subject, peer) = (&reaction.ledger.subject, &reaction.ledger.peer);
    let agreed = subject.sack && peer.sack;
    let is_silent = packet.is_empty() && packet.options.sack_count == 0;
    let is_plain = packet.ack == reaction.standing.rcv_nxt;
    if !agreed || !reaction.standing.has_gap || !is_silent || !is_plain {
        return Ok(());
    }
    wrong(
        &["RFC2018-4"],
        "text waits behind a hole, and the acknowledgment does not say so".to_owned(),
    )
}

fn wrong(rules: &[&'static str], message: String) -> Result<(), Violation> {
    Err(Violation::of_rules(Oracle::Receiving, rules, message))
}
