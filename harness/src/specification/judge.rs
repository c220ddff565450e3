//! Reads the table: what must come of a segment.

use smallvec::SmallVec;

use super::facts::{AnotherSyn, Facts};
use super::place::Place;
use super::segment::{Segment, Stamp};
use super::table::{Is, Reply, Row, State, Then, first_at, next_row};

/// What must come of a segment.
#[derive(Debug)]
pub struct Outcome {
    /// What is sent at once.
    pub reply: Reply,
    /// The state that follows.
    pub state: State,
    /// Where the connection stands afterwards.
    pub place: Place,
    /// Which rows said so.
    pub rows: SmallVec<[&'static Row; 8]>,
}

/// Goes through the table from top to bottom.
pub fn outcome(state: State, place: Place, segment: &Segment, facts: Facts) -> Outcome {
    let mut so_far = Outcome {
        reply: Reply::Nothing,
        state,
        place,
        rows: SmallVec::new(),
    };
    let mut place = 0;
    while let Some((row, behind)) = next_row(so_far.state, place) {
        place = behind;
        if !row
            .when
            .iter()
            .all(|is| holds(*is, &so_far, segment, facts))
        {
            continue;
        }
        so_far.rows.push(row);
        // A SYN-ACK that was taken goes on where the RFC says: behind the checks of the other states.
        if let Then::TakeSynAckInto(_) = row.then {
            place = first_at("3.10.7.4 seventh");
        }
        if apply(row.then, &mut so_far, segment) {
            break;
        }
    }
    so_far
}

/// Whether a segment is what a row asks for, at this point of the table.
fn holds(is: Is, so_far: &Outcome, segment: &Segment, facts: Facts) -> bool {
    let place = &so_far.place;
    let flags = segment.flags;
    let ack_after = |number: u32| (segment.ack.wrapping_sub(number) as i32) > 0;
    let ack_new = || ack_after(place.snd_una) && !ack_after(place.snd_nxt);
    let acks_our_fin = || ack_new() && place.fin_sent && segment.ack == place.snd_nxt;
    let trimmed = || place.trim(segment);
    match is {
        Is::Rst => flags.rst,
        Is::NoRst => !flags.rst,
        Is::Syn => flags.syn,
        Is::Ack => flags.ack,
        Is::NoAck => !flags.ack,
        Is::Unacceptable => !place.acceptable(segment, facts) && !place.is_probed(segment),
        Is::ProbesWindow => place.is_probed(segment),
        Is::OutsideWindow => !place.in_window(segment.seq),
        Is::NotAtRcvNxt => segment.seq != place.rcv_nxt,
        Is::AtIrs => segment.seq == place.irs,
        Is::Newer => {
            let above = segment.seq.wrapping_sub(place.rcv_nxt) as i32;
            let is_beyond = above > 0 || (above == 0 && facts.takes_syn_at_rcv_nxt);
            (is_beyond || segment.stamp == Stamp::Newer) && place.listens && facts.reopens_time_wait
        }
        Is::AckTooOld => {
            let oldest = place.snd_una.wrapping_sub(place.max_snd_wnd);
            !ack_after(oldest.wrapping_sub(1))
        }
        Is::AckBeyond => ack_after(place.snd_nxt),
        Is::AckNew => ack_new(),
        Is::AckNotNew => !ack_new(),
        Is::AcksOurFin => acks_our_fin(),
        Is::AcksNotOurFin => !acks_our_fin(),
        Is::TextInOrder => trimmed().text > 0 && trimmed().in_order,
        Is::TextBehindHole => trimmed().text > 0 && !trimmed().in_order,
        Is::FinInOrder => trimmed().fin && trimmed().in_order,
        Is::FinBehindHole => trimmed().fin && !trimmed().in_order,
        Is::TextOrFin => trimmed().text > 0 || trimmed().fin,
        Is::NotAsExpected => segment.seg_len() > 0 || segment.seq != place.rcv_nxt,
        Is::StampMissing => segment.stamp == Stamp::Missing,
        Is::StampOld => segment.stamp == Stamp::Old,
        Is::NobodyReads => {
            let end = segment.seq.wrapping_add(segment.text);
            let is_new = end.wrapping_sub(place.rcv_nxt).cast_signed() > 0;
            place.nobody_reads && segment.text > 0 && is_new
        }
        Is::AbortsAsUnknown => facts.aborts_as_unknown,
        Is::TimeWaitAnswers => facts.answers_all_in_time_wait,
        Is::SynWithFinRefused => flags.fin && !facts.takes_syn_with_fin,
        Is::TextOfSynAckLeft => !facts.takes_text_of_syn_ack,
        Is::TextBehindFinUnanswered => !facts.answers_text_behind_fin,
        Is::SynAckRepeated => facts.repeats_syn_ack,
        Is::AnotherSynResets => facts.another_syn == AnotherSyn::Resets,
        Is::AnotherSynRepeats => facts.another_syn == AnotherSyn::RepeatsSynAck,
        Is::RstIgnored => facts.ignores_rst_in_time_wait,
        Is::EchoWild => segment.stamp == Stamp::Wild && facts.refuses_wild_echo,
    }
}

/// Does what a row says; whether the segment is done with.
fn apply(then: Then, so_far: &mut Outcome, segment: &Segment) -> bool {
    let place = &mut so_far.place;
    match then {
        Then::Drop(reply) => so_far.reply = reply,
        Then::End(reply, state) => {
            so_far.reply = reply;
            so_far.state = place.or_closing(state);
            if segment.flags.syn && !segment.flags.rst {
                *place = place.after_syn(segment, state);
            }
        }
        Then::GoOn => return false,
        Then::TakeAck => {
            place.snd_una = segment.ack;
            return false;
        }
        Then::TakeAckInto(state) => {
            place.snd_una = segment.ack;
            so_far.state = place.or_closing(state);
            return false;
        }
        Then::TakeSynAckInto(state) => {
            *place = place.after_syn(segment, state);
            so_far.state = place.or_closing(state);
            so_far.reply = Reply::Ack;
            return false;
        }
        Then::TakeText => {
            // The window ends where it did (§3.8.6.2.2).
            let text = place.trim(segment).text;
            place.rcv_nxt = place.rcv_nxt.wrapping_add(text);
            place.rcv_wnd -= text;
            so_far.reply = so_far.reply.or(Reply::AckSoon);
            return false;
        }
        Then::Answer => {
            so_far.reply = so_far.reply.or(Reply::Ack);
            return false;
        }
        Then::TakeFinInto(state) => {
            place.rcv_nxt = place.rcv_nxt.wrapping_add(1);
            so_far.reply = so_far.reply.or(Reply::AckSoon);
            so_far.state = state;
        }
    }
    true
}
