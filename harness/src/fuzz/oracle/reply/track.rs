//! What has become of a connection: the variables that the table counts from, taken on with each segment.

use super::{Expected, Specification, after};
use crate::specification::{Is, Outcome, State, Then};

impl Specification {
    /// Takes in what has become of the connection, and gives the state that follows.
    pub(super) fn take(&mut self, expected: &Expected) -> State {
        let Outcome { place, state, .. } = &expected.outcome;
        if matches!(state, State::Closed | State::Listen) {
            self.forget();
            return *state;
        }
        let rows = &expected.outcome.rows;
        let (is_closed, nobody_reads) = (self.is_closed, self.nobody_reads);
        if expected.takes_syn() && expected.before != State::SynReceivedActive {
            self.forget();
            self.crossed = *state == State::SynReceivedActive;
            self.ts_recent = expected.stamp;
            // A listener's connection is a new one.
            if expected.before == State::SynSent {
                (self.is_closed, self.nobody_reads) = (is_closed, nobody_reads);
            }
        }
        self.irs = place.irs;
        self.snd_una = place.snd_una;
        let is_dropped = rows
            .last()
            .is_some_and(|row| matches!(row.then, Then::Drop(_)));
        let is_acknowledging = rows
            .iter()
            .any(|row| matches!(row.then, Then::TakeAck | Then::TakeAckInto(_) | Then::GoOn));
        if is_dropped && !is_acknowledging {
            return *state;
        }
        self.max_snd_wnd = self.max_snd_wnd.max(expected.window);
        if expected.takes_syn() {
            self.max_taken = self.max_taken.max(expected.window);
        }
        self.take_window(expected);
        if expected.is_recent
            && let (Some(recent), Some(stamp)) = (self.ts_recent, expected.stamp)
            && !after(recent, stamp)
        {
            self.ts_recent = Some(stamp);
        }
        // Nothing counts behind a FIN that has come, unless it is one that only waits.
        let is_over_fin = self
            .fin_waiting
            .is_some_and(|fin| after(place.rcv_nxt, fin));
        self.ends_twice |= is_over_fin;
        self.is_sure &= self.choices.facts.waiting_fin_ends || !is_over_fin;
        self.rcv_nxt = match self.fin_waiting {
            Some(fin) if after(place.rcv_nxt, fin) => fin,
            _ => place.rcv_nxt,
        };
        for row in rows {
            match row.when {
                [Is::TextBehindHole] => self.keep(expected),
                [Is::FinBehindHole] => self.keep_fin(expected),
                // Text was taken from behind this FIN: which of them counts is not decided here.
                [Is::FinInOrder] => {
                    self.has_ended = true;
                    let number = self.rcv_nxt.wrapping_sub(1);
                    let is_another = self.fin_waiting.is_some_and(|fin| fin != number);
                    self.dispute(is_another || !self.waiting.is_empty());
                }
                _ => {}
            }
        }
        self.fill_up(*state)
    }

    /// SND.WND, unless an older segment tells it (§3.10.7.4, fifth).
    fn take_window(&mut self, expected: &Expected) {
        let (seq, ack) = (expected.segment.seq, expected.segment.ack);
        let is_newer = match self.windowed_by {
            None => true,
            Some((wl1, wl2)) => after(seq, wl1) || seq == wl1 && !after(wl2, ack),
        };
        let is_new_ack = after(ack, expected.snd_una) && !self.choices.facts.window_follows_seq;
        let is_newer = is_newer || is_new_ack;
        let is_old = after(self.snd_una, ack);
        if is_newer && !is_old && expected.segment.flags.ack {
            self.windowed_by = Some((seq, ack));
            self.snd_edge = ack.wrapping_add(expected.window);
            self.max_taken = self.max_taken.max(expected.window);
        }
    }

    /// Where the peer's stream ends is not decided here, if it is open.
    pub(super) fn dispute(&mut self, is_open: bool) {
        self.ends_twice |= is_open;
        self.is_sure &= !is_open;
    }

    /// Whether it is open which of the peer's bytes count.
    pub fn leaves_stream_open(&self) -> bool {
        self.ends_twice && !self.choices.facts.waiting_fin_ends
    }

    /// Text behind a hole waits.
    fn keep(&mut self, expected: &Expected) {
        let segment = &expected.segment;
        let edge = self.rcv_nxt.wrapping_add(expected.outcome.place.rcv_wnd);
        let end = segment.seq.wrapping_add(segment.text);
        let end = if after(end, edge) { edge } else { end };
        self.waiting.push((segment.seq, end));
        let is_behind = self.fin_waiting.is_some_and(|fin| after(end, fin));
        self.dispute(is_behind);
    }

    /// So does a FIN. Two of them in different places are more than is decided here.
    fn keep_fin(&mut self, expected: &Expected) {
        let number = expected.segment.seq.wrapping_add(expected.segment.text);
        let is_another = self.fin_waiting.is_some_and(|fin| fin != number);
        let is_before_text = self.waiting.iter().any(|(_, end)| after(*end, number));
        self.dispute(is_another || is_before_text);
        self.fin_waiting = Some(number);
    }

    /// What waited behind a hole that is filled is taken, and the FIN at its end.
    fn fill_up(&mut self, state: State) -> State {
        while let Some(index) = self
            .waiting
            .iter()
            .position(|(start, _)| !after(*start, self.rcv_nxt))
        {
            let (_, end) = self.waiting.swap_remove(index);
            if after(end, self.rcv_nxt) {
                self.rcv_nxt = end;
            }
        }
        if self.fin_waiting != Some(self.rcv_nxt) {
            return state;
        }
        self.fin_waiting = None;
        self.has_ended = true;
        self.rcv_nxt = self.rcv_nxt.wrapping_add(1);
        match state {
            State::FinWait1 => State::Closing,
            State::FinWait2 => State::TimeWait,
            _ => State::CloseWait,
        }
    }
}
