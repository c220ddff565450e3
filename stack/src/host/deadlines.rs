//! Which socket's timer is due next.
//!
//! Most timers are set again and again, each time to a later moment, and never fire. So the queue of
//! sockets is not touched when a deadline moves away or is dropped: a socket stands in it at a moment
//! not later than its deadline, and is moved when it comes to the front. A segment costs the same
//! however many connections there are.

use alloc::vec::Vec;

use crate::socket::SocketId;
use crate::time::Instant;

/// Children of a node of the heap.
const ARITY: usize = 4;

/// No deadline: timers fire before the end of the time line.
const NEVER: Instant = Instant::END;

/// No place in the heap.
const NOWHERE: u32 = u32::MAX;

/// A socket in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    /// Not later than the socket's deadline, if it has one.
    at: Instant,
    id: SocketId,
}

/// What is known of the socket at a place.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// [`NEVER`] if it has none.
    deadline: Instant,
    /// Where it is in the heap.
    index: u32,
}

/// The earliest deadline of each socket, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deadlines {
    /// A heap by time and then by id: each entry comes before its four children.
    heap: Vec<Entry>,
    /// By the place of the socket.
    known: Vec<Known>,
    /// How many have a deadline.
    count: usize,
}

impl Deadlines {
    /// Bytes of memory that the queue takes.
    pub(crate) fn held(&self) -> usize {
        size_of_val(&self.heap[..]) + size_of_val(&self.known[..])
    }

    /// Notes a socket's earliest deadline, or that it has none.
    pub(crate) fn set(&mut self, id: SocketId, at: Option<Instant>) {
        let place = id.place();
        if place >= self.known.len() {
            let nothing = Known {
                deadline: NEVER,
                index: NOWHERE,
            };
            self.known.resize(place + 1, nothing);
        }
        let known = &mut self.known[place];
        self.count -= usize::from(known.deadline != NEVER);
        self.count += usize::from(at.is_some());
        known.deadline = at.unwrap_or(NEVER);
        let Some(at) = at else {
            return;
        };
        let index = known.index as usize;
        if known.index == NOWHERE {
            self.heap.push(Entry { at, id });
            self.rise(self.heap.len() - 1);
        } else if self.heap[index].id != id || at < self.heap[index].at {
            // An entry of a former owner of the place may stand too early or too late.
            self.heap[index] = Entry { at, id };
            self.rise(index);
            self.sink(self.known[place].index as usize);
        }
    }

    /// Sees to it that the front of the queue is right.
    pub(crate) fn settle(&mut self) {
        while let Some(front) = self.heap.first().copied() {
            match self.known[front.id.place()].deadline {
                at if at == front.at => return,
                NEVER => {
                    self.pop();
                }
                at => {
                    self.heap[0].at = at;
                    self.sink(0);
                }
            }
        }
    }

    /// The earliest of all, once [`settle`](Self::settle) was called.
    pub(crate) fn first(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.at)
    }

    /// Appends the sockets with something due at `now` to `due`, earliest first. They are not in the
    /// queue any more: their deadlines have to be set again.
    pub(crate) fn take_due(&mut self, now: Instant, due: &mut Vec<SocketId>) {
        self.settle();
        while self.first().is_some_and(|at| at <= now) {
            due.extend(self.pop().map(|entry| entry.id));
            self.settle();
        }
    }

    /// A socket's deadline, as noted.
    pub(crate) fn get(&self, id: SocketId) -> Option<Instant> {
        let deadline = self.known.get(id.place())?.deadline;
        Some(deadline).filter(|at| *at != NEVER)
    }

    /// How many sockets have one.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn pop(&mut self) -> Option<Entry> {
        let last = self.heap.pop()?;
        let Some(front) = self.heap.first_mut() else {
            self.known[last.id.place()].index = NOWHERE;
            return Some(last);
        };
        let front = core::mem::replace(front, last);
        self.known[front.id.place()].index = NOWHERE;
        self.sink(0);
        Some(front)
    }

    /// Moves the entry at `index` towards the front, to its place.
    fn rise(&mut self, mut index: usize) {
        let entry = self.heap[index];
        while index > 0 {
            let parent = (index - 1) / ARITY;
            if self.heap[parent] <= entry {
                break;
            }
            self.put(index, self.heap[parent]);
            index = parent;
        }
        self.put(index, entry);
    }

    /// Moves the entry at `index` away from the front, to its place.
    fn sink(&mut self, mut index: usize) {
        let entry = self.heap[index];
        loop {
            let first = index * ARITY + 1;
            let children = self.heap.iter().enumerate().skip(first).take(ARITY);
            let Some((child, least)) = children.min_by_key(|(_, child)| **child) else {
                break;
            };
            if entry <= *least {
                break;
            }
            self.put(index, *least);
            index = child;
        }
        self.put(index, entry);
    }

    fn put(&mut self, index: usize, entry: Entry) {
        self.heap[index] = entry;
        self.known[entry.id.place()].index = index as u32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    fn socket(number: u64) -> SocketId {
        SocketId::new(number, number as u32)
    }

    fn due(deadlines: &mut Deadlines, now: Instant) -> Vec<SocketId> {
        let mut due = Vec::new();
        deadlines.take_due(now, &mut due);
        due
    }

    #[test]
    fn the_earliest_comes_first_and_a_socket_has_one() {
        let mut deadlines = Deadlines::default();
        let at = |secs| Some(Instant::from_secs(secs));
        deadlines.set(socket(1), at(5));
        deadlines.set(socket(2), at(3));
        deadlines.set(socket(3), at(5));
        assert_eq!(deadlines.first(), at(3));
        assert_eq!(
            due(&mut deadlines, Instant::from_secs(5)),
            [socket(2), socket(1), socket(3)]
        );
        deadlines.set(socket(2), at(9));
        deadlines.set(socket(1), None);
        deadlines.set(socket(3), at(5));
        assert_eq!((deadlines.len(), deadlines.get(socket(3))), (2, at(5)));
        assert_eq!(deadlines.get(socket(1)), None);
        deadlines.set(socket(3), at(8));
        deadlines.settle();
        assert_eq!(deadlines.first(), at(8));
    }

    proptest! {
        /// The model is a sorted list; places pass from owner to owner.
        #[test]
        fn it_is_a_sorted_list(
            steps in prop::collection::vec((0u32..12, any::<bool>(), prop::option::of(0u64..50), 0u64..9), 0..200),
        ) {
            let mut deadlines = Deadlines::default();
            let mut model: BTreeMap<SocketId, Instant> = BTreeMap::new();
            let mut owners: Vec<SocketId> = (0..12).map(|place| SocketId::new(1, place)).collect();
            let mut serial = 1;
            let mut now = Instant::ZERO;
            for (place, anew, wait, pass) in steps {
                let place = place as usize;
                if anew {
                    deadlines.set(owners[place], None);
                    model.remove(&owners[place]);
                    serial += 1;
                    owners[place] = SocketId::new(serial, place as u32);
                }
                let id = owners[place];
                let at = wait.map(|wait| Instant::from_micros(now.as_micros() + wait));
                deadlines.set(id, at);
                match at {
                    Some(at) => model.insert(id, at),
                    None => model.remove(&id),
                };
                now = Instant::from_micros(now.as_micros() + pass);
                let mut expected: Vec<(Instant, SocketId)> = model
                    .iter()
                    .filter(|(_, at)| **at <= now)
                    .map(|(id, at)| (*at, *id))
                    .collect();
                expected.sort_unstable();
                let found = due(&mut deadlines, now);
                prop_assert_eq!(&found, &expected.iter().map(|(_, id)| *id).collect::<Vec<_>>());
                for id in found {
                    deadlines.set(id, None);
                    model.remove(&id);
                }
                deadlines.settle();
                prop_assert_eq!(deadlines.first(), model.values().min().copied());
                prop_assert_eq!(deadlines.len(), model.len());
            }
        }
    }
}
