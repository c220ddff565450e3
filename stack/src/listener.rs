//! A listener: its SYN queue, its accept queue, its cookies (RFC 9293 §3.10.7.2, RFC 4987).

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use core::net::IpAddr;
use core::time::Duration;

use crate::config::{Config, SynCookies};
use crate::cookie::CookieGenerator;
use crate::socket::{SocketId, SocketOptions};
use crate::time::Instant;

/// A socket in LISTEN.
#[derive(Debug, Clone)]
pub(crate) struct Listener {
    pub(crate) id: SocketId,
    /// The address listened on; `None` means all.
    pub(crate) address: Option<IpAddr>,
    pub(crate) port: u16,
    pub(crate) config: Arc<Config>,
    pub(crate) options: Arc<SocketOptions>,
    /// Most connections that wait for `accept`; at least 1.
    backlog: usize,
    /// Connections in SYN-RECEIVED.
    syn_queue: BTreeSet<SocketId>,
    /// Finished connections, oldest first.
    accept_queue: VecDeque<SocketId>,
    /// When a cookie went out last.
    last_cookie: Option<Instant>,
    /// Connections that were handed out and whose handshake has not ended (RFC 7413 §4.2).
    early: BTreeSet<SocketId>,
    /// When some of them were reset, oldest first.
    early_resets: VecDeque<Instant>,
}

/// What a SYN gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// A place in the SYN queue.
    Queue,
    /// A cookie, and no place.
    Cookie,
    /// Nothing.
    Refuse,
}

impl Listener {
    pub(crate) fn new(
        id: SocketId,
        local: (Option<IpAddr>, u16),
        backlog: usize,
        config: Arc<Config>,
        options: Arc<SocketOptions>,
    ) -> Self {
        Self {
            id,
            address: local.0,
            port: local.1,
            config,
            options,
            backlog: backlog.max(1),
            syn_queue: BTreeSet::new(),
            accept_queue: VecDeque::new(),
            last_cookie: None,
            early: BTreeSet::new(),
            early_resets: VecDeque::new(),
        }
    }

    /// Decides about a SYN by the length of the queues. Half-open connections may be one more than the backlog, as in
    /// stacks since BSD.
    // REQ: RFC4987-1
    // REQ: RFC4987-6
    // REQ: DOC-SYNFLOOD-04
    pub(crate) fn admit(&self) -> Admission {
        if !self.has_accept_room() {
            return Admission::Refuse;
        }
        let full = self.syn_queue.len() >= self.config.syn_queue.min(self.backlog + 1);
        match self.config.syn_cookies {
            SynCookies::Always => Admission::Cookie,
            SynCookies::OnOverflow if full => Admission::Cookie,
            SynCookies::Never if full => Admission::Refuse,
            SynCookies::OnOverflow | SynCookies::Never => Admission::Queue,
        }
    }

    /// Whether an ACK that belongs to nobody may bring back a cookie: only while one can be under
    /// way.
    pub(crate) fn expects_cookies(&self, now: Instant) -> bool {
        let lifetime = CookieGenerator::PERIOD * CookieGenerator::PERIODS_VALID;
        match self.config.syn_cookies {
            SynCookies::Never => false,
            SynCookies::OnOverflow | SynCookies::Always => self
                .last_cookie
                .is_some_and(|at| now.saturating_duration_since(at) <= lifetime),
        }
    }

    pub(crate) fn note_cookie(&mut self, now: Instant) {
        self.last_cookie = Some(now);
    }

    /// Whether one more finished connection can wait for `accept`.
    pub(crate) fn has_accept_room(&self) -> bool {
        self.accept_queue.len() < self.backlog
    }

    pub(crate) fn add_half_open(&mut self, id: SocketId) {
        self.syn_queue.insert(id);
    }

    /// Whether one more connection may be handed out before its handshake ends. One that was reset
    /// counts for `hold` longer, or nothing would bound what resets with forged sources clear away.
    // REQ: RFC7413-8
    pub(crate) fn has_early_room(&mut self, now: Instant, hold: Duration) -> bool {
        while let Some(first) = self.early_resets.front()
            && now.saturating_duration_since(*first) >= hold
        {
            self.early_resets.pop_front();
        }
        self.early.len() + self.early_resets.len() < self.early_limit()
    }

    /// Most connections that may be handed out before their handshake ends.
    pub(crate) fn early_limit(&self) -> usize {
        match self.options.fast_open_queue {
            0 if self.config.fast_open.every_listener => self.backlog,
            limit => limit,
        }
    }

    /// A connection in SYN-RECEIVED goes to the accept queue at once.
    pub(crate) fn add_early(&mut self, id: SocketId) {
        self.early.insert(id);
        self.accept_queue.push_back(id);
    }

    /// Its handshake has ended, or it is gone: by a reset at the time `reset_at`.
    pub(crate) fn early_is_over(&mut self, id: SocketId, reset_at: Option<Instant>) {
        self.early.remove(&id);
        self.early_resets.extend(reset_at);
    }

    pub(crate) fn early(&self) -> &BTreeSet<SocketId> {
        &self.early
    }

    /// The half-open connection is gone.
    pub(crate) fn drop_half_open(&mut self, id: SocketId) {
        self.syn_queue.remove(&id);
    }

    /// The half-open connection is established: it moves to the accept queue.
    pub(crate) fn complete(&mut self, id: SocketId) {
        self.syn_queue.remove(&id);
        self.accept_queue.push_back(id);
    }

    /// The oldest finished connection.
    pub(crate) fn accept(&mut self) -> Option<SocketId> {
        self.accept_queue.pop_front()
    }

    pub(crate) fn syn_queue(&self) -> &BTreeSet<SocketId> {
        &self.syn_queue
    }

    pub(crate) fn accept_queue(&self) -> &VecDeque<SocketId> {
        &self.accept_queue
    }

    /// Bytes of memory that its queues take.
    pub(crate) fn held(&self) -> usize {
        let sockets = self.syn_queue.len() + self.accept_queue.len() + self.early.len();
        sockets * size_of::<SocketId>() + self.early_resets.len() * size_of::<Instant>()
    }

    pub(crate) fn set_backlog(&mut self, backlog: usize) {
        self.backlog = backlog.max(1);
    }
}
