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
        match (outcome.reply, sent) {
            (Reply::Reset, [only]) => {
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
            (Reply::Ack, []) if expected.is_final && expected.is_limited => Ok(()),
            (Reply::Ack, [only]) if expected.is_final => {
                self.challenged.push_back(now);
                if self.challenged.len() > self.choices.challenges {
                    self.challenged.pop_front();
                }
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
            (Reply::Abort, [only]) => {
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
