//! What a client remembers of servers (RFC 7413 §4.1.3): cookie, MSS and disappointments.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

use crate::time::Instant;
use crate::window::Mss;
use crate::wire::fast_open::{Cookie, FastOpenOption};

/// Local and remote address: a cookie is for one pair (RFC 7413 §4.1.3).
pub(crate) type Path = (IpAddr, IpAddr);

/// Which form of the option to ask a server for that gave no cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// Its own kind; nothing speaks against it yet.
    Standard,
    /// A request in the standard form stayed without an answer: the next one is an experiment.
    TryExperiment,
    /// Neither form had an answer.
    NeitherWorked,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    mss: Option<Mss>,
    cookie: Option<FastOpenOption>,
    form: Form,
    distrusted_until: Option<Instant>,
    heard_at: Instant,
}

/// What a SYN-ACK said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    /// The peer's MSS.
    pub(crate) mss: Mss,
    /// The cookie it gave, if it was asked for one or shown one.
    pub(crate) cookie: Option<FastOpenOption>,
    /// A request for a cookie, as an experiment or not, had no answer to it.
    pub(crate) unanswered: Option<bool>,
}

/// What an open may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// Open the ordinary way.
    Distrusted,
    /// Ask for a cookie.
    NoCookie {
        /// In the form of an experiment.
        experimental: bool,
    },
    /// Send data with this cookie.
    Cookie(FastOpenOption),
}

/// All servers that are remembered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    servers: BTreeMap<Path, Entry>,
}

impl Cache {
    /// Bytes of memory that its entries take.
    pub(crate) fn held(&self) -> usize {
        self.servers.len() * size_of::<(Path, Entry)>()
    }

    /// What is known of a server.
    // REQ: RFC7413-5
    // REQ: RFC7413-6
    // REQ: RFC7413-7
    pub(crate) fn knowledge(&self, path: Path, now: Instant) -> Knowledge {
        let Some(entry) = self.servers.get(&path) else {
            let experimental = false;
            return Knowledge::NoCookie { experimental };
        };
        if entry.distrusted_until.is_some_and(|until| now < until) {
            return Knowledge::Distrusted;
        }
        match entry.cookie {
            Some(cookie) => Knowledge::Cookie(cookie),
            None => Knowledge::NoCookie {
                experimental: entry.form == Form::TryExperiment,
            },
        }
    }

    /// The MSS a server announced last.
    pub(crate) fn mss(&self, path: Path) -> Option<Mss> {
        self.servers.get(&path)?.mss
    }

    /// A SYN that tried Fast Open was answered.
    // REQ: RFC7413-6
    pub(crate) fn answered(&mut self, path: Path, answer: Answer, most: usize, now: Instant) {
        let entry = self.entry(path, most, now);
        entry.mss = Some(answer.mss);
        entry.distrusted_until = None;
        match (answer.cookie, answer.unanswered) {
            (Some(cookie), _) => entry.cookie = Some(cookie),
            (None, Some(experimental)) if entry.cookie.is_none() => {
                let now_known = if experimental {
                    Form::NeitherWorked
                } else {
                    Form::TryExperiment
                };
                entry.form = entry.form.max(now_known);
            }
            (None, _) => {}
        }
    }

    /// Fast Open went wrong: the next opens do without.
    // REQ: RFC7413-7
    pub(crate) fn disappointed(&mut self, path: Path, length: Duration, most: usize, now: Instant) {
        self.entry(path, most, now).distrusted_until = Some(now + length);
    }

    /// Forgets every server.
    pub(crate) fn clear(&mut self) {
        self.servers.clear();
    }

    fn entry(&mut self, path: Path, most: usize, now: Instant) -> &mut Entry {
        if !self.servers.contains_key(&path) && self.servers.len() >= most.max(1) {
            let oldest = self.servers.iter().min_by_key(|(_, entry)| entry.heard_at);
            if let Some(oldest) = oldest.map(|(path, _)| *path) {
                self.servers.remove(&oldest);
            }
        }
        let entry = self.servers.entry(path).or_insert(Entry {
            mss: None,
            cookie: None,
            form: Form::Standard,
            distrusted_until: None,
            heard_at: now,
        });
        entry.heard_at = now;
        entry
    }
}

/// The option that shows or asks for a cookie.
pub(crate) const fn option(cookie: Option<Cookie>, experimental: bool) -> FastOpenOption {
    FastOpenOption {
        cookie,
        experimental,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 2;

    fn at(seconds: u64) -> Instant {
        Instant::from_secs(seconds)
    }

    fn path(last: u8) -> Path {
        ([192, 0, 2, 1].into(), [192, 0, 2, last].into())
    }

    fn answer(cookie: Option<&[u8]>, unanswered: Option<bool>) -> Answer {
        Answer {
            mss: Mss::new(940),
            cookie: cookie.map(|bytes| option(Cookie::new(bytes), false)),
            unanswered,
        }
    }

    fn ask(experimental: bool) -> Knowledge {
        Knowledge::NoCookie { experimental }
    }

    #[test]
    fn a_cookie_and_the_mss_are_remembered_until_the_cache_is_cleared() {
        let mut cache = Cache::default();
        assert_eq!(
            (cache.knowledge(path(2), at(1)), cache.mss(path(2))),
            (ask(false), None)
        );
        cache.answered(path(2), answer(Some(b"abcd"), None), MOST, at(1));
        let cookie = Knowledge::Cookie(option(Cookie::new(b"abcd"), false));
        assert_eq!(cache.knowledge(path(2), at(9)), cookie);
        assert_eq!(cache.mss(path(2)), Some(Mss::new(940)));
        assert_eq!(cache.knowledge(path(3), at(9)), ask(false));
        // An answer without one leaves it.
        cache.answered(path(2), answer(None, None), MOST, at(2));
        assert_eq!(cache.knowledge(path(2), at(9)), cookie);
        cache.clear();
        assert_eq!(cache.knowledge(path(2), at(9)), ask(false));
    }

    #[test]
    fn the_experiment_is_tried_once_where_the_standard_form_has_no_answer() {
        let mut cache = Cache::default();
        cache.answered(path(2), answer(None, Some(false)), MOST, at(1));
        assert_eq!(cache.knowledge(path(2), at(1)), ask(true));
        cache.answered(path(2), answer(None, Some(true)), MOST, at(1));
        assert_eq!(cache.knowledge(path(2), at(1)), ask(false));
        cache.answered(path(2), answer(None, Some(false)), MOST, at(1));
        assert_eq!(cache.knowledge(path(2), at(1)), ask(false));
    }

    #[test]
    fn disappointment_lasts_its_time_or_until_an_answer() {
        let mut cache = Cache::default();
        cache.disappointed(path(2), Duration::from_secs(10), MOST, at(1));
        assert_eq!(cache.knowledge(path(2), at(10)), Knowledge::Distrusted);
        assert_eq!(cache.knowledge(path(2), at(11)), ask(false));
        cache.answered(path(2), answer(None, None), MOST, at(2));
        assert_eq!(cache.knowledge(path(2), at(3)), ask(false));
    }

    #[test]
    fn the_server_heard_of_longest_ago_makes_room() {
        let mut cache = Cache::default();
        for (server, second) in [(2, 1), (3, 2), (2, 3), (4, 4)] {
            cache.answered(path(server), answer(Some(b"abcd"), None), MOST, at(second));
        }
        let known = |server| cache.mss(path(server)).is_some();
        assert_eq!([known(2), known(3), known(4)], [true, false, true]);
    }
}
