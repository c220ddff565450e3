//! Holds what was sent at once against what is due.

use super::{Expected, Specification, after};
use crate::fuzz::packet::{ACK, FIN, Packet, RST, SYN};
use crate::fuzz::subject::Micros;
use crate::specification::Reply;

impl Specification {
    /// Whether these packets are the answer that is due.
    pub(super) fn replies(
        &mut self,
        expected: &Expected,
        sent: &[Packet<'_>],
        now: Micros,
    ) -> Result<(), String> {
        let Expected {
            outcome, segment, ..
        } = expected;
        let rcv_nxt = self.rcv_nxt_of(expected);
        let held_back;
        let sent = match self.choices.sends_bursts && expected.is_final {
            true => {
                held_back = expected.without_new_text(sent, rcv_nxt);
                &held_back[..]
            }
            false => sent,
        };
        self.count_challenge(expected, sent, now)?;
        match (outcome.reply, sent) {
            (Reply::Reset, [earlier @ .., only]) if expected.may_go_before(earlier) => {
                let is_right = only.flags == RST && only.seq == segment.ack && only.text.is_empty();
                ok_or(is_right, || unlike("<SEQ=SEG.ACK><CTL=RST>", only))
            }
            (Reply::ResetAck, [only]) => {
                let ack = segment.seq.wrapping_add(segment.seg_len());
                let is_right = only.flags == RST | ACK && only.seq == 0 && only.ack == ack;
                ok_or(is_right, || {
                    unlike("<SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>", only)
                })
            }
            (Reply::SynAck, [only]) => {
                let is_right = only.flags & (SYN | ACK | RST) == SYN | ACK && only.ack == rcv_nxt;
                ok_or(is_right, || {
                    unlike("<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>", only)
                })
            }
            (Reply::Ack, []) if expected.is_final && self.may_be_silent(expected) => Ok(()),
            (Reply::Ack, [only]) if expected.is_final => {
                let is_right = only.flags & (SYN | FIN | RST | ACK) == ACK
                    && only.text.is_empty()
                    && only.ack == rcv_nxt
                    && expected.may_be_seq(only.seq);
                ok_or(is_right, || {
                    unlike("<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>", only)
                })
            }
            (Reply::Nothing, []) => Ok(()),
            (Reply::Nothing, [first, ..]) if expected.is_final => Err(format!(
                "nothing is to be sent, and there is {}",
                shown(first)
            )),
            // What the ACK field lets go leaves before the text is looked at.
            (Reply::Abort, [earlier @ .., only]) if expected.may_go_before(earlier) => {
                let is_right = only.flags == RST | ACK && expected.may_be_seq(only.seq);
                ok_or(is_right, || {
                    unlike("<SEQ=SND.NXT><ACK=RCV.NXT><CTL=RST,ACK>", only)
                })
            }
            (Reply::Reset | Reply::ResetAck | Reply::SynAck | Reply::Abort, _) => {
                Err(wrong_count(outcome.reply, sent))
            }
            (Reply::Ack, _) if expected.is_final => Err(wrong_count(outcome.reply, sent)),
            (Reply::Ack | Reply::AckSoon | Reply::Nothing, _) => {
                acknowledges(expected, rcv_nxt, sent)
            }
        }
    }
}

impl Expected {
    /// Whether this may go before a RST: text, or the FIN, that what the ACK field says lets go, before the text is looked at.
    fn may_go_before(&self, earlier: &[Packet<'_>]) -> bool {
        let is_let_go = |packet: &Packet<'_>| is_text(packet) || is_fin(packet);
        earlier.is_empty() || !self.is_final && earlier.iter().all(is_let_go)
    }

    /// What was sent without text that goes for the first time, which may have waited for an occasion; where there is
    /// nothing else its acknowledgment counts.
    fn without_new_text<'a>(&self, sent: &[Packet<'a>], rcv_nxt: u32) -> Vec<Packet<'a>> {
        let is_new = |packet: &Packet<'_>| is_text(packet) && !after(self.snd_nxt, packet.seq);
        let mut rest: Vec<Packet<'a>> = sent.iter().filter(|one| !is_new(one)).copied().collect();
        if let [first, ..] = sent
            && rest.is_empty()
            && self.outcome.reply == Reply::Ack
            && first.ack == rcv_nxt
        {
            rest.push(Packet {
                text: &[],
                flags: ACK,
                ..*first
            });
        }
        rest
    }
}

impl Specification {
    /// How many acknowledgments answered segments without text within the last period; and those for certain.
    pub(super) fn challenged_lately(&self, now: Micros) -> (usize, usize) {
        let period = self.choices.challenge_period;
        let lately = self
            .challenged
            .iter()
            .filter(|(at, _)| now.saturating_sub(*at) < period);
        lately.fold((0, 0), |(all, certain), (_, is_certain)| {
            (all + 1, certain + usize::from(*is_certain))
        })
    }

    /// There were as many of these acknowledgments as the limit allows.
    fn may_be_silent(&self, expected: &Expected) -> bool {
        let lately = expected.challenged;
        lately.is_some_and(|(all, _)| all >= self.choices.challenges)
    }

    /// Counts what may have been an acknowledgment of the limited kind. Limits count from fixed moments or from each
    /// acknowledgment: within one period there are twice as many at most.
    fn count_challenge(
        &mut self,
        expected: &Expected,
        sent: &[Packet<'_>],
        now: Micros,
    ) -> Result<(), String> {
        let (Some((_, certain)), [only]) = (expected.challenged, sent) else {
            return Ok(());
        };
        if only.flags & (SYN | FIN | RST | ACK) != ACK || !only.text.is_empty() {
            return Ok(());
        }
        // A SYN that comes again during the handshake is owed one, too.
        let is_owed = super::is_handshake(expected.before);
        let is_certain = expected.outcome.reply == Reply::Ack && expected.is_final && !is_owed;
        if self.challenged.len() > 8 * self.choices.challenges {
            self.challenged.pop_front();
        }
        self.challenged.push_back((now, is_certain));
        let is_silent = !is_certain || certain < 2 * self.choices.challenges;
        ok_or(is_silent, || {
            format!(
                "nothing more is to be said for a while, and there were {certain} acknowledgments like this"
            )
        })
    }
}

/// Where more may be sent than one acknowledgment: whether one is among it that is due, and none is wrong.
fn acknowledges(expected: &Expected, rcv_nxt: u32, sent: &[Packet<'_>]) -> Result<(), String> {
    let is_due = expected.outcome.reply == Reply::Ack;
    let tells = sent.iter().any(|packet| packet.ack == rcv_nxt);
    ok_or(!is_due || tells, || {
        format!(
            "an acknowledgment of {rcv_nxt} is due, and {}",
            all_of(sent)
        )
    })?;
    // What the ACK field lets go may be sent before the text is taken.
    let is_wrong = |ack: u32| after(ack, rcv_nxt) || after(expected.rcv_nxt, ack);
    let wrong = sent
        .iter()
        .find(|packet| packet.has(SYN | RST) || !packet.has(ACK) || is_wrong(packet.ack));
    wrong.map_or(Ok(()), |wrong| {
        Err(format!(
            "SEG.ACK is to be RCV.NXT, which is {rcv_nxt}, in {}",
            shown(wrong)
        ))
    })
}

/// Whether it carries text of the connection.
fn is_fin(packet: &Packet<'_>) -> bool {
    packet.flags & (SYN | RST | ACK | FIN) == ACK | FIN
}

fn is_text(packet: &Packet<'_>) -> bool {
    !packet.has(SYN | RST) && packet.has(ACK) && !packet.text.is_empty()
}

fn ok_or(is_right: bool, wrong: impl FnOnce() -> String) -> Result<(), String> {
    match is_right {
        true => Ok(()),
        false => Err(wrong()),
    }
}

fn unlike(wanted: &str, found: &Packet<'_>) -> String {
    format!("{wanted} is to be sent, and there is {}", shown(found))
}

fn wrong_count(reply: Reply, sent: &[Packet<'_>]) -> String {
    format!("one packet is to be sent ({reply:?}), and {}", all_of(sent))
}

fn all_of(sent: &[Packet<'_>]) -> String {
    let all: Vec<String> = sent.iter().map(shown).collect();
    match all.is_empty() {
        true => "nothing is sent".to_owned(),
        false => format!("there is {}", all.join(", ")),
    }
}

/// A packet in one line.
pub(in crate::fuzz) fn shown(packet: &Packet<'_>) -> String {
    let names = [(SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (ACK, "ACK")];
    let set: Vec<&str> = names
        .iter()
        .filter(|(flag, _)| packet.has(*flag))
        .map(|(_, name)| *name)
        .collect();
    format!(
        "<SEQ={}><ACK={}><CTL={}> with {} bytes",
        packet.seq,
        packet.ack,
        set.join(","),
        packet.text.len()
    )
}
