//! The scoreboard: what was sent and is not acknowledged yet, segment by segment (RFC 6675 §2 and
//! §3, RFC 8985 §5.2).
//!
//! It records sequence numbers, FIN included and SYN excluded; the bytes themselves stay in the send
//! queue until they are acknowledged cumulatively, whatever a peer says selectively.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::seq::{SeqNum, SeqRange};
use crate::time::Instant;

/// Where a segment is thought to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// In the network.
    Out,
    /// With the peer, who said so selectively.
    Sacked,
    /// Nowhere: it is to be sent again.
    Lost,
}

/// How a segment belongs to its neighbours, for a sender that sends several at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    /// PSH belongs on it.
    pub push: bool,
    /// It ends a record: nothing joins it.
    pub closed: bool,
    /// The next one left together with it, and goes together with it again.
    pub joined: bool,
}

/// One segment as it was sent, or the rest of it that is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its sequence numbers.
    pub range: SeqRange,
    /// When it was sent last.
    pub sent_at: Instant,
    /// How often it was sent, at least once.
    pub times: u32,
    /// Where it is thought to be.
    pub mark: Mark,
    /// How it belongs to the next one.
    pub edge: Edge,
}

impl Sent {
    /// Whether it was sent more than once: then nobody can tell which copy arrived.
    pub const fn was_repeated(&self) -> bool {
        self.times > 1
    }
}

/// What the acknowledgments of one segment delivered that was not known to be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Sequence numbers that left the network, acknowledged cumulatively or selectively.
    pub amount: u32,
    /// Of these, how many selectively.
    pub sacked: u32,
    /// Segments they were sent in, each counted when all of it has arrived.
    pub segments: u32,
    /// The length of the longest of them.
    pub largest: u32,
    /// The one of them that was sent last (of several sent together the one that ends last).
    pub newest: Option<Sent>,
    /// The lowest of them that was sent only once: below something delivered before, it tells of
    /// reordering (RFC 8985 §6.2 step 3).
    pub lowest_original: Option<SeqRange>,
    /// When the highest was sent that is acknowledged cumulatively, and the highest selectively.
    pub highest: (Option<Instant>, Option<Instant>),
    /// When the lowest of those that were sent once and are acknowledged cumulatively was sent; else
    /// the lowest acknowledged selectively.
    pub measurable: (Option<Instant>, Option<Instant>),
    /// Some of what was acknowledged cumulatively was sent more than once.
    pub repeated: bool,
    /// A copy sent again later than this cannot be what arrived: it is no `newest`.
    trusted_until: Instant,
}

impl Default for Delivered {
    fn default() -> Delivered {
        Delivered::trusting(Instant::END)
    }
}

impl Delivered {
    /// Nothing delivered yet. A segment that was repeated after `until` tells no time when it is
    /// delivered: it must be the first copy that arrived (RFC 8985 §6.2 step 2).
    pub const fn trusting(until: Instant) -> Delivered {
        Delivered {
            amount: 0,
            sacked: 0,
            segments: 0,
            largest: 0,
            newest: None,
            lowest_original: None,
            highest: (None, None),
            measurable: (None, None),
            repeated: false,
            trusted_until: until,
        }
    }

    /// How long ago the newest of what arrived was sent, if there is no doubt which copy it was.
    pub fn round_trip(&self, now: Instant) -> Option<Duration> {
        let sent = self.newest.filter(|sent| !sent.was_repeated())?;
        Some(now.saturating_duration_since(sent.sent_at))
    }

    /// The round trip of the lowest thing that arrived and was sent once (RFC 6298 §3), for a sender
    /// that takes a sample from every acknowledgment.
    // REQ: RFC6298-6
    pub fn sample(&self, now: Instant) -> Option<Duration> {
        let (acknowledged, selected) = self.measurable;
        let sent_at = acknowledged.filter(|_| !self.repeated).or(selected)?;
        Some(now.saturating_duration_since(sent_at))
    }

    fn count(&mut self, sent: Sent, selectively: bool) {
        let len = sent.range.len();
        self.amount += len;
        self.largest = self.largest.max(len);
        if selectively {
            self.sacked += len;
        }
        let later = |known: Sent| {
            let together = known.sent_at == sent.sent_at;
            known.sent_at < sent.sent_at || (together && sent.range.end.after(known.range.end))
        };
        let trusted = !sent.was_repeated() || sent.sent_at <= self.trusted_until;
        if trusted && selectively {
            self.highest.1 = Some(sent.sent_at);
        } else if trusted {
            self.highest.0 = Some(sent.sent_at);
        }
        if trusted && self.newest.is_none_or(later) {
            self.newest = Some(sent);
        }
        let place = if selectively {
            &mut self.measurable.1
        } else {
            self.repeated |= sent.was_repeated();
            &mut self.measurable.0
        };
        if !sent.was_repeated() {
            place.get_or_insert(sent.sent_at);
        }
        let lower = |lowest: SeqRange| sent.range.start.before(lowest.start);
        if !sent.was_repeated() && self.lowest_original.is_none_or(lower) {
            self.lowest_original = Some(sent.range);
        }
    }
}

/// Everything in flight, in order of sequence numbers and without gaps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flight {
    segments: VecDeque<Sent>,
    sacked: u32,
    lost: u32,
    /// Segments that are marked as lost or with the peer.
    elsewhere: usize,
}

impl Flight {
    /// Nothing in flight.
    pub const fn new() -> Flight {
        Flight {
            segments: VecDeque::new(),
            sacked: 0,
            lost: 0,
            elsewhere: 0,
        }
    }

    /// How many segments are not acknowledged cumulatively.
    pub fn len(&self) -> usize {
        self.segments.len()
    }

    /// How many segments are thought to be in the network: RFC 6675's `pipe`, counted otherwise.
    pub fn segments_out(&self) -> u32 {
        (self.segments.len() - self.elsewhere) as u32
    }

    /// The segments, oldest numbers first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Sent> {
        self.segments.iter()
    }

    /// True when nothing is in flight.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// All sequence numbers in flight; `None` if there are none.
    pub fn range(&self) -> Option<SeqRange> {
        let (first, last) = (self.segments.front()?, self.segments.back()?);
        Some(SeqRange::new(first.range.start, last.range.end))
    }

    /// How many sequence numbers are not acknowledged cumulatively.
    pub fn outstanding(&self) -> u32 {
        self.range().map_or(0, SeqRange::len)
    }

    /// How many of them the peer has, by its selective acknowledgments.
    pub const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// How many of them count as lost and were not sent again.
    pub const fn lost(&self) -> u32 {
        self.lost
    }

    /// RFC 6675's `pipe`: sequence numbers thought to be in the network.
    // REQ: RFC6675-5
    pub fn pipe(&self) -> u32 {
        self.outstanding() - self.sacked - self.lost
    }

    /// Whether the peer said that it has the first segment, which it must acknowledge then.
    pub fn first_is_sacked(&self) -> bool {
        let first = self.segments.front();
        first.is_some_and(|sent| sent.mark == Mark::Sacked)
    }

    /// Whether the peer said of at least `count` segments that it has them.
    pub fn has_sacked(&self, count: usize) -> bool {
        let selected = |sent: &&Sent| sent.mark == Mark::Sacked;
        self.sacked > 0
            && self
                .segments
                .iter()
                .filter(selected)
                .nth(count - 1)
                .is_some()
    }

    /// How many segments were sent more than once and are not known to have arrived.
    pub fn repeated(&self) -> usize {
        let repeated = |sent: &&Sent| sent.was_repeated() && sent.mark != Mark::Sacked;
        self.segments.iter().filter(repeated).count()
    }

    /// The number after the highest that the peer acknowledged selectively.
    pub fn highest_sacked(&self) -> Option<SeqNum> {
        let mut from_above = self.segments.iter().rev();
        from_above
            .find(|sent| sent.mark == Mark::Sacked)
            .map(|sent| sent.range.end)
    }

    /// A new segment was sent: its numbers follow the highest so far.
    pub fn sent(&mut self, range: SeqRange, now: Instant) {
        self.sent_with(range, Edge::default(), now);
    }

    /// The same, and how it belongs to the next one.
    pub fn sent_with(&mut self, range: SeqRange, edge: Edge, now: Instant) {
        debug_assert!(self.range().is_none_or(|all| all.end == range.start));
        self.segments.push_back(Sent {
            range,
            sent_at: now,
            times: 1,
            mark: Mark::Out,
            edge,
        });
    }

    /// The first numbers that count as lost, and that left together or fit into one segment: at most
    /// `most` segments of `full` bytes. Also how the last of them belongs to the next one.
    pub fn next_lost_burst(&self, most: u32, full: u32) -> Option<(SeqRange, Edge)> {
        if self.lost == 0 || most == 0 {
            return None;
        }
        let mut lost = self
            .segments
            .iter()
            .skip_while(|sent| sent.mark != Mark::Lost)
            .take_while(|sent| sent.mark == Mark::Lost);
        let first = lost.next()?;
        let (mut range, mut edge, mut count) = (first.range, first.edge, 1);
        for next in lost {
            let together = next.range.end;
            let fits = range.start.span_to(together) <= full && !edge.closed;
            if !fits && (!edge.joined || count == most) {
                break;
            }
            count += u32::from(!fits);
            range.end = together;
            edge = next.edge;
        }
        Some((range, edge))
    }

    /// Numbers already in flight were sent again.
    pub fn sent_again(&mut self, range: SeqRange, now: Instant) {
        let (first, last) = self.split_at_borders(range);
        for index in first..last {
            self.set_mark(index, Mark::Out);
            let sent = &mut self.segments[index];
            sent.times = sent.times.saturating_add(1);
            sent.sent_at = now;
        }
    }

    /// Everything before `una` is acknowledged.
    pub fn acknowledge(&mut self, una: SeqNum, delivered: &mut Delivered) {
        while let Some(first) = self.segments.front().copied() {
            if first.range.start.at_or_after(una) {
                break;
            }
            let part = Sent {
                range: SeqRange::new(first.range.start, first.range.end.min(una)),
                ..first
            };
            match part.mark {
                Mark::Sacked => self.sacked -= part.range.len(),
                Mark::Lost => self.lost -= part.range.len(),
                Mark::Out => {}
            }
            if part.mark != Mark::Out && part.range.end == first.range.end {
                self.elsewhere -= 1;
            }
            if part.mark != Mark::Sacked {
                delivered.count(part, false);
                delivered.segments += u32::from(part.range.end == first.range.end);
            }
            if part.range.end == first.range.end {
                self.segments.pop_front();
            } else if let Some(rest) = self.segments.front_mut() {
                rest.range.start = una;
            }
        }
    }

    /// The peer says that it has `block`.
    // REQ: RFC2018-7
    // REQ: RFC2018-10
    // REQ: RFC6675-1
    // REQ: RFC6675-2
    pub fn select(&mut self, block: SeqRange, delivered: &mut Delivered) {
        let Some(block) = self.range().and_then(|all| all.intersect(block)) else {
            return;
        };
        // A segment that the block covers in part was cut on its way; the rest of it is out there.
        let (first, last) = self.split_at_borders(block);
        for index in first..last {
            if self.segments[index].mark != Mark::Sacked {
                delivered.count(self.segments[index], true);
                delivered.segments += 1;
                self.set_mark(index, Mark::Sacked);
            }
        }
    }

    /// As [`select`](Self::select), but only segments that the block covers entirely count: a peer that
    /// has a part of one will have to throw it away.
    pub fn select_whole(&mut self, block: SeqRange, delivered: &mut Delivered) {
        let inside = |sent: &&Sent| block.contains_range(sent.range);
        let mut whole = self.segments.iter().filter(inside);
        if let Some(first) = whole.next() {
            let end = whole
                .next_back()
                .map_or(first.range.end, |last| last.range.end);
            self.select(SeqRange::new(first.range.start, end), delivered);
        }
    }

    /// Marks as lost every segment that `is_lost` says so of; only those thought to be out there
    /// are asked about. Answers how many numbers these were.
    pub fn mark_lost(&mut self, mut is_lost: impl FnMut(&Sent) -> bool) -> u32 {
        let before = self.lost;
        for index in 0..self.segments.len() {
            let sent = &self.segments[index];
            if sent.mark == Mark::Out && is_lost(sent) {
                self.set_mark(index, Mark::Lost);
            }
        }
        self.lost - before
    }

    /// Everything that the peer did not acknowledge selectively counts as lost.
    pub fn mark_all_lost(&mut self) {
        self.mark_lost(|_| true);
    }

    /// Nothing counts as lost any more.
    pub fn forget_losses(&mut self) {
        for sent in &mut self.segments {
            if sent.mark == Mark::Lost {
                sent.mark = Mark::Out;
                self.elsewhere -= 1;
            }
        }
        self.lost = 0;
    }

    /// What the peer said selectively counts no more (RFC 2018 §8).
    // REQ: RFC2018-8
    pub fn forget_sacks(&mut self) {
        for sent in &mut self.segments {
            if sent.mark == Mark::Sacked {
                sent.mark = Mark::Out;
                self.elsewhere -= 1;
            }
        }
        self.sacked = 0;
    }

    /// The lowest numbers that count as lost, without a gap and at most `most` of them.
    pub fn next_lost(&self, most: u32) -> Option<SeqRange> {
        if self.lost == 0 {
            return None;
        }
        let mut lost = self
            .segments
            .iter()
            .skip_while(|sent| sent.mark != Mark::Lost)
            .take_while(|sent| sent.mark == Mark::Lost);
        let start = lost.next()?.range;
        let end = lost.last().map_or(start.end, |sent| sent.range.end);
        let len = start.start.span_to(end).min(most);
        Some(SeqRange::with_len(start.start, len))
    }

    /// RFC 6675's IsLost() for all numbers at once: everything below the answer that is not
    /// acknowledged is lost, as `threshold` separate stretches, or more than `threshold - 1`
    /// segments of `smss` bytes, are acknowledged above it.
    // REQ: RFC6675-4
    pub fn loss_edge(&self, threshold: u32, smss: u32) -> Option<SeqNum> {
        let (mut stretches, mut amount, mut inside) = (0, 0u32, false);
        for sent in self.segments.iter().rev() {
            if sent.mark != Mark::Sacked {
                inside = false;
                continue;
            }
            stretches += u32::from(!inside);
            inside = true;
            amount = amount.saturating_add(sent.range.len());
            if stretches >= threshold || amount > smss.saturating_mul(threshold - 1) {
                return Some(sent.range.start);
            }
        }
        None
    }

    fn set_mark(&mut self, index: usize, mark: Mark) {
        let sent = &mut self.segments[index];
        let len = sent.range.len();
        match sent.mark {
            Mark::Sacked => self.sacked -= len,
            Mark::Lost => self.lost -= len,
            Mark::Out => {}
        }
        match mark {
            Mark::Sacked => self.sacked += len,
            Mark::Lost => self.lost += len,
            Mark::Out => {}
        }
        self.elsewhere -= usize::from(sent.mark != Mark::Out);
        self.elsewhere += usize::from(mark != Mark::Out);
        sent.mark = mark;
    }

    /// Cuts segments so that `range` begins and ends at a border; the indices of what lies in it.
    fn split_at_borders(&mut self, range: SeqRange) -> (usize, usize) {
        (self.border_at(range.start), self.border_at(range.end))
    }

    /// The index of the first segment at or behind `seq`, after cutting one that straddles it.
    fn border_at(&mut self, seq: SeqNum) -> usize {
        let index = self
            .segments
            .partition_point(|sent| sent.range.end.at_or_before(seq));
        let Some(sent) = self.segments.get_mut(index) else {
            return index;
        };
        if !sent.range.start.before(seq) {
            return index;
        }
        let rest = Sent {
            range: SeqRange::new(seq, sent.range.end),
            ..*sent
        };
        sent.range.end = seq;
        sent.edge = Edge::default();
        self.elsewhere += usize::from(rest.mark != Mark::Out);
        self.segments.insert(index + 1, rest);
        index + 1
    }
}

#[cfg(test)]
mod tests;
