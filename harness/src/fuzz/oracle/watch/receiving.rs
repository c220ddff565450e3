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
    /// SEG.SEQ, SEG.ACK, SEG.WND and flags of the last segment without text.
    last: Option<(u32, u32, u16, u8)>,
}

impl Receiving {
    pub(super) fn judge(&mut self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        if !reaction.is_open() {
            return Ok(());
        }
        self.echoes_nothing(reaction)?;
        for packet in reaction.sent {
            if packet.has(SYN | RST) || !packet.has(ACK) {
                continue;
            }
            self.echo(packet, reaction)?;
            self.window(packet, reaction)?;
            gap(packet, reaction)?;
            self.last = packet.text.is_empty().then(|| told(packet));
        }
        self.recent = reaction.standing.ts_recent;
        self.room(reaction)
    }

    /// Who answers an acknowledgment that asks for nothing with the one that he has sent last will be answered himself.
    fn echoes_nothing(&self, reaction: &Reaction<'_>) -> Result<(), Violation> {
        let [only] = reaction.sent else {
            return Ok(());
        };
        let is_arrival = matches!(reaction.cause, Cause::Arrival(_));
        let says_nothing = only.is_empty() && only.options.sack_count == 0;
        let is_again = self.last == Some(told(only));
        if !is_arrival || !reaction.asks_nothing || !says_nothing || !is_again {
            return Ok(());
        }
        wrong(
            &[],
            "an acknowledgment that asks for nothing is answered with the last one once more"
                .to_owned(),
        )
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

/// What a segment without text tells, timestamps apart.
fn told(packet: &Packet<'_>) -> (u32, u32, u16, u8) {
    (packet.seq, packet.ack, packet.window, packet.flags)
}

/// What is worth announcing: half of the buffer, or a segment.
fn worth(reaction: &Reaction<'_>) -> u32 {
    let mss = u32::from(reaction.ledger.subject.mss.unwrap_or(536));
    (reaction.buffer / 2).min(mss)
}

/// While text waits behind a hole, acknowledgments say so.
fn gap(packet: &Packet<'_>, reaction: &Reaction<'_>) -> Result<(), Violation> {
    let is_silent = packet.is_empty() && packet.options.sack_count == 0;
    let is_plain = packet.ack == reaction.standing.rcv_nxt;
    if !reaction.has_selective() || !reaction.standing.has_gap || !is_silent || !is_plain {
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
