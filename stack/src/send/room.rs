//! How much SEND takes: of bytes, or of the memory that a system of buffers needs for them.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::config::SendRoom;
use crate::tcb::Tcb;

/// Memory beside the payload of a full segment that is on its way, and for its record: what growing
/// the limit reckons with.
const HEADERS: usize = 640;
const RECORD: usize = 256;

/// What bounds the send queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// The bytes in it: the capacity of the send buffer says how many.
    Bytes,
    /// The memory it takes, up to so many bytes. Nothing was ever queued.
    Unused { limit: u32 },
    /// The memory it takes.
    Buffers(Box<BufferedRoom>),
}

impl Room {
    /// Nothing queued yet, in a queue that the user wants to have `capacity`.
    pub(crate) fn new(rule: SendRoom, capacity: usize) -> Room {
        match rule {
            SendRoom::Bytes => Room::Bytes,
            SendRoom::Buffers { .. } => Room::Unused {
                limit: bounded(capacity),
            },
        }
    }

    /// Bytes of memory that may be used before no buffer is begun any more, if memory is what counts.
    pub(crate) const fn limit(&self) -> Option<usize> {
        match self {
            Room::Bytes => None,
            Room::Unused { limit } => Some(*limit as usize),
            Room::Buffers(buffers) => Some(buffers.limit()),
        }
    }

    /// Changes the limit, if memory is what counts. What is there stays.
    pub(crate) fn set_limit(&mut self, to: usize) {
        match self {
            Room::Bytes => {}
            Room::Unused { limit } => *limit = bounded(to),
            Room::Buffers(buffers) => buffers.set_limit(to),
        }
    }

    /// Bytes of memory that the record of buffers takes, not what stands in them.
    pub(crate) fn held(&self) -> usize {
        match self {
            Room::Bytes | Room::Unused { .. } => 0,
            Room::Buffers(room) => room.buffers.len() * size_of::<Buffer>(),
        }
    }

    /// Nothing is queued any more.
    pub(crate) fn clear(&mut self) {
        if let Room::Buffers(room) = self {
            room.payload = 0;
            room.buffers.clear();
        }
    }

    /// The buffers in use, if there are any.
    pub(crate) fn in_use(&mut self) -> Option<&mut BufferedRoom> {
        match self {
            Room::Bytes | Room::Unused { .. } => None,
            Room::Buffers(buffers) => Some(buffers),
        }
    }

    /// The buffers, from now on in use, if memory is what counts.
    pub(crate) fn begin(&mut self, rule: SendRoom) -> Option<&mut BufferedRoom> {
        if let (Room::Unused { limit }, SendRoom::Buffers { empty, .. }) = (&self, rule) {
            let buffers = BufferedRoom::new(empty, *limit as usize);
            *self = Room::Buffers(Box::new(buffers));
        }
        self.in_use()
    }
}

/// Nobody has more memory for one connection.
fn bounded(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX)
}

/// Payload in one piece of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Buffer {
    len: usize,
    /// All of it was sent: nothing is added any more.
    sent: bool,
}

/// The send queue as buffers: a new one is begun while any memory is left, and then takes up to its
/// full length. Every buffer costs `empty` bytes beside its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BufferedRoom {
    empty: usize,
    limit: usize,
    payload: usize,
    buffers: VecDeque<Buffer>,
}

impl BufferedRoom {
    /// No buffers yet.
    pub(crate) const fn new(empty: usize, limit: usize) -> BufferedRoom {
        BufferedRoom {
            empty,
            limit,
            payload: 0,
            buffers: VecDeque::new(),
        }
    }

    /// Bytes of memory in use.
    pub(crate) fn used(&self) -> usize {
        self.payload + self.buffers.len() * self.empty
    }

    /// Bytes of memory that may be used before no buffer is begun any more.
    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    /// Changes the limit. What is there stays.
    pub(crate) const fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether another buffer may be begun.
    pub(crate) fn has_room(&self) -> bool {
        self.used() < self.limit
    }

    /// Whether so much has become free that a waiting writer should come again: a third.
    pub(crate) fn has_room_again(&self) -> bool {
        self.limit.saturating_sub(self.used()) >= self.used() / 2 && self.has_room()
    }

    /// How many of `len` bytes fit into the last buffer, or a new one of up to `goal` bytes if that
    /// may be begun; they are counted as taken.
    pub(crate) fn take(&mut self, len: usize, goal: usize, may_begin: bool) -> usize {
        let may_begin = may_begin && self.has_room();
        let tail = self
            .buffers
            .back_mut()
            .filter(|tail| !tail.sent && tail.len < goal);
        let taken = match tail {
            Some(tail) => {
                let taken = len.min(goal - tail.len);
                tail.len += taken;
                taken
            }
            None if may_begin && len > 0 => {
                let taken = len.min(goal);
                self.buffers.push_back(Buffer {
                    len: taken,
                    sent: false,
                });
                taken
            }
            None => 0,
        };
        self.payload += taken;
        taken
    }

    /// The first `len` bytes were sent; a buffer that this cuts in two becomes two.
    pub(crate) fn sent(&mut self, len: usize) {
        let mut left = len;
        for index in 0..self.buffers.len() {
            let buffer = self.buffers[index];
            if left == 0 {
                return;
            }
            if left < buffer.len {
                self.buffers[index].len = buffer.len - left;
                self.buffers.insert(
                    index,
                    Buffer {
                        len: left,
                        sent: true,
                    },
                );
                return;
            }
            self.buffers[index].sent = true;
            left -= buffer.len;
        }
    }

    /// The peer has the first `len` bytes.
    pub(crate) fn acknowledge(&mut self, len: usize) {
        let mut left = len.min(self.payload);
        self.payload -= left;
        while let Some(first) = self.buffers.front_mut() {
            if left < first.len {
                first.len -= left;
                return;
            }
            left -= first.len;
            self.buffers.pop_front();
        }
    }

    /// The limit a window of `segments` segments of `mss` bytes needs so that the writer is never
    /// what it waits for: twice what is on its way.
    pub(crate) const fn wanted(segments: usize, mss: usize) -> usize {
        2 * segments * ((mss + HEADERS).next_power_of_two() + RECORD)
    }
}

/// Bytes SEND has taken that never left.
pub(crate) fn unsent(tcb: &Tcb) -> u32 {
    let (from, end) = (tcb.snd.nxt.max(tcb.snd.data_start()), tcb.snd.data_end());
    if end.after(from) {
        from.span_to(end)
    } else {
        0
    }
}

/// The limit on unsent bytes, if there is one.
fn low_water(tcb: &Tcb) -> Option<u32> {
    let own = tcb.options.unsent_low_water;
    own.or(tcb.config.unsent_low_water)
        .filter(|limit| *limit != u32::MAX)
}

/// How many of `len` more bytes SEND may take now; in a system of buffers, which are `goal` bytes long
/// at most, they are counted as taken.
pub(crate) fn take(tcb: &mut Tcb, len: usize, goal: usize) -> usize {
    let left = low_water(tcb).map(|limit| limit.saturating_sub(unsent(tcb)));
    match tcb.snd.room.begin(tcb.config.send_room) {
        Some(room) => room.take(len, goal, left != Some(0)),
        None => left.map_or(len, |left| len.min(left as usize)),
    }
}

/// Whether a writer is told to come: there is room, and of what it has sent little waits.
pub(crate) fn is_writable(tcb: &Tcb) -> bool {
    let little = low_water(tcb).is_none_or(|limit| unsent(tcb) < limit.div_ceil(2));
    let room = match &tcb.snd.room {
        Room::Bytes => tcb.snd.buffer.free() > 0,
        Room::Unused { limit } => *limit > 0,
        Room::Buffers(buffers) => buffers.has_room_again(),
    };
    little && room
}

/// What has left is cut from what has not.
pub(crate) fn note_sent(tcb: &mut Tcb) {
    let sent = tcb.snd.buffer.len() - unsent(tcb) as usize;
    if let Some(room) = tcb.snd.room.in_use() {
        room.sent(sent);
    }
}

/// To be called when everything that may leave has left: buffers are cut where it ends, and the limit
/// grows with the congestion window, unless the user has set it.
pub(crate) fn update(tcb: &mut Tcb) {
    let SendRoom::Buffers { grows_to, .. } = tcb.config.send_room else {
        return;
    };
    note_sent(tcb);
    let (window, smss) = (tcb.snd.congestion.cwnd(), tcb.snd.congestion.smss());
    let starved = tcb.user.wants_room && tcb.snd.flight.pipe() < window;
    let own = tcb.options.send_buffer.is_some() || tcb.snd.syn_unacked();
    let mss = usize::from(tcb.snd.mss.raw());
    if !own {
        /// As many segments as may leave at first.
        const LEAST: usize = 10;
        let segments = if starved {
            LEAST.max((window / smss.max(1)) as usize)
        } else {
            LEAST
        };
        let wanted = BufferedRoom::wanted(segments, mss).min(grows_to);
        let limit = tcb.snd.room.limit().unwrap_or_default();
        tcb.snd.room.set_limit(limit.max(wanted));
    }
    tcb.user.wants_room &= !is_writable(tcb);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const MEMORY: SendRoom = SendRoom::Buffers {
        empty: 100,
        grows_to: 5000,
    };

    #[test]
    fn the_limit_outlasts_the_first_use() {
        let mut room = Room::new(MEMORY, 1000);
        room.set_limit(2000);
        assert_eq!((room.limit(), room.in_use()), (Some(2000), None));
        let buffers = room.begin(MEMORY).unwrap();
        assert_eq!(buffers.take(50, 500, true), 50);
        assert_eq!(room.limit(), Some(2000));
        room.set_limit(3000);
        assert_eq!(room.begin(MEMORY).unwrap().used(), 150);
        assert_eq!(room.limit(), Some(3000));
    }

    #[test]
    fn where_bytes_count_there_is_no_limit_on_memory() {
        let mut room = Room::new(SendRoom::Bytes, 1000);
        room.set_limit(2000);
        assert_eq!((room.limit(), room.begin(SendRoom::Bytes)), (None, None));
    }

    /// What Linux 6.18 answered to a write of 59,000 bytes with a limit of 50,000, an MSS of 1000 and
    /// a window of 10 segments.
    #[test]
    fn a_last_buffer_may_overshoot_the_limit() {
        let mut room = BufferedRoom::new(832, 50_000);
        let mut taken = room.take(59_000, 16_000, true);
        room.sent(10_000);
        while taken < 59_000 {
            match room.take(59_000 - taken, 16_000, true) {
                0 => break,
                more => taken += more,
            }
        }
        assert_eq!(taken, 58_000);
        assert_eq!(room.used(), 58_000 + 4 * 832);
        assert!(!room.has_room());
        room.acknowledge(26_000);
        assert!(room.has_room() && !room.has_room_again());
        room.acknowledge(1_000);
        assert!(room.has_room_again());
    }

    #[test]
    fn nothing_is_added_to_what_was_sent() {
        let mut room = BufferedRoom::new(100, 1000);
        assert_eq!(room.take(50, 500, true), 50);
        assert_eq!(room.take(50, 500, false), 50);
        room.sent(100);
        assert_eq!(room.take(50, 500, false), 0);
        assert_eq!(room.take(50, 500, true), 50);
        assert_eq!(room.used(), 350);
    }

    #[rstest]
    #[case(10, 1000, 46_080)]
    #[case(10, 1460, 87_040)]
    fn the_limit_grows_with_the_window(
        #[case] segments: usize,
        #[case] mss: usize,
        #[case] expected: usize,
    ) {
        assert_eq!(BufferedRoom::wanted(segments, mss), expected);
    }

    proptest! {
        #[test]
        fn payload_is_what_was_taken_less_what_was_acknowledged(
            steps in prop::collection::vec((0usize..3000, 0usize..3000, 0usize..3000), 0..40)
        ) {
            let mut room = BufferedRoom::new(64, 10_000);
            let mut payload = 0;
            for (len, sent, acknowledged) in steps {
                payload += room.take(len, 1500, true);
                room.sent(sent);
                room.acknowledge(acknowledged);
                payload -= acknowledged.min(payload);
                prop_assert_eq!(room.payload, payload);
                let sum: usize = room.buffers.iter().map(|buffer| buffer.len).sum();
                prop_assert_eq!(sum, payload);
                prop_assert!(room.buffers.iter().all(|buffer| buffer.len > 0));
            }
        }
    }
}
