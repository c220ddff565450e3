//! Which case plays which address, and which case runs alone.
//!
//! A machine remembers a peer: the way's MTU, round-trip times, connections in TIME-WAIT. So the
//! addresses go round, each case has one of its own, and one that was told a smaller MTU is not used
//! again.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::played::Played;

/// How a case shares the machine under test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// No other case may run meanwhile.
    pub(super) alone: bool,
    /// All addresses are its own; it is alone, too.
    pub(super) all: bool,
    /// The machine will remember something about the address that other cases would notice.
    pub(super) last_use: bool,
}

/// The addresses of one family.
#[derive(Debug)]
struct Shelf {
    first: IpAddr,
    free: VecDeque<IpAddr>,
    /// What there is in all, free or not.
    left: usize,
}

#[derive(Debug, Default)]
struct State {
    shelves: Vec<Shelf>,
    running: usize,
    /// What the case wished for that runs alone, if one does.
    alone: Option<Wish>,
    /// Cases that want to be alone and wait until the others are done.
    waiting: usize,
}

/// All addresses played, shared by the cases that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    shared: Arc<(Mutex<State>, Condvar)>,
}

impl Pool {
    /// A pool of these addresses, at most one block a family.
    pub(super) fn new(blocks: &[Played]) -> Pool {
        let pool = Pool::default();
        pool.state().shelves = blocks
            .iter()
            .map(|block| Shelf {
                first: block.first(),
                free: block.all().collect(),
                left: block.count(),
            })
            .collect();
        pool
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the case that runs has all addresses.
    pub(super) fn is_all_one_cases(&self) -> bool {
        self.state().alone.is_some_and(|wish| wish.all)
    }

    /// Waits for an address of the family; `None` if all of them are used up. With `all` it is the first.
    pub(super) fn lease(&self, six: bool, wish: Wish) -> Option<Lease> {
        let wish = Wish {
            alone: wish.alone || wish.all,
            ..wish
        };
        let changed = &self.shared.1;
        let mut state = self.state();
        state.waiting += usize::from(wish.alone);
        let mut found = take(&mut state, six, wish);
        while found == Found::Later {
            state = changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            found = take(&mut state, six, wish);
        }
        state.waiting -= usize::from(wish.alone);
        drop(state);
        match found {
            Found::Now(address) => Some(Lease {
                pool: self.clone(),
                address,
                wish,
            }),
            Found::Never | Found::Later => {
                // Somebody may have been waiting for this one to be alone first.
                changed.notify_all();
                None
            }
        }
    }
}

/// Whether there is an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Now(IpAddr),
    Later,
    Never,
}

fn take(state: &mut State, six: bool, wish: Wish) -> Found {
    let others_first = if wish.alone {
        state.running > 0
    } else {
        state.alone.is_some() || state.waiting > 0
    };
    let Some(shelf) = state
        .shelves
        .iter_mut()
        .find(|shelf| shelf.first.is_ipv6() == six)
    else {
        return Found::Never;
    };
    if shelf.left == 0 && !wish.all {
        return Found::Never;
    }
    if others_first {
        return Found::Later;
    }
    let address = if wish.all {
        shelf.first
    } else {
        match shelf.free.pop_front() {
            Some(address) => address,
            None => return Found::Later,
        }
    };
    state.running += 1;
    state.alone = wish.alone.then_some(wish);
    Found::Now(address)
}

/// An address while a case runs. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Lease {
    pool: Pool,
    address: IpAddr,
    wish: Wish,
}

impl Lease {
    /// The address.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        state.running -= 1;
        state.alone = None;
        let six = self.address.is_ipv6();
        let shelf = state
            .shelves
            .iter_mut()
            .find(|shelf| shelf.first.is_ipv6() == six);
        if let Some(shelf) = shelf.filter(|_| !self.wish.all) {
            if self.wish.last_use {
                shelf.left -= 1;
            } else {
                shelf.free.push_back(self.address);
            }
        }
        drop(state);
        self.pool.shared.1.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARED: Wish = Wish {
        alone: false,
        all: false,
        last_use: false,
    };
    const LAST: Wish = Wish {
        last_use: true,
        ..SHARED
    };
    const ALL: Wish = Wish {
        all: true,
        ..SHARED
    };

    fn pool(count: u8) -> Pool {
        let first = "192.0.2.10".parse().unwrap();
        Pool::new(&[Played::new(first, count).unwrap()])
    }

    fn last(lease: &Lease) -> u8 {
        match lease.address() {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => unreachable!("the pool has IPv4 addresses"),
        }
    }

    #[test]
    fn addresses_go_round() {
        let pool = pool(2);
        let used: Vec<u8> = (0..4)
            .map(|_| last(&pool.lease(false, SHARED).unwrap()))
            .collect();
        assert_eq!(used, [10, 11, 10, 11]);
        assert!(pool.lease(true, SHARED).is_none());
    }

    #[test]
    fn an_address_that_is_used_up_is_not_used_again() {
        let pool = pool(2);
        assert_eq!(last(&pool.lease(false, LAST).unwrap()), 10);
        assert_eq!(last(&pool.lease(false, SHARED).unwrap()), 11);
        drop(pool.lease(false, LAST));
        assert!(pool.lease(false, SHARED).is_none());
        // Whoever is alone needs no fresh one.
        assert_eq!(last(&pool.lease(false, ALL).unwrap()), 10);
    }

    #[test]
    fn who_is_alone_waits_for_the_others_and_they_wait_for_it() {
        let pool = pool(4);
        let first = pool.lease(false, SHARED).unwrap();
        let other = pool.clone();
        let alone = std::thread::spawn(move || {
            let lease = other.lease(false, ALL).unwrap();
            let state = other.state();
            let counts = (state.running, state.alone.is_some());
            drop(state);
            drop(lease);
            counts
        });
        while pool.state().waiting == 0 {
            std::thread::yield_now();
        }
        let other = pool.clone();
        let behind = std::thread::spawn(move || last(&other.lease(false, SHARED).unwrap()));
        drop(first);
        assert_eq!(alone.join().unwrap(), (1, true));
        assert_eq!(behind.join().unwrap(), 11);
        assert_eq!(pool.state().running, 0);
    }
}
