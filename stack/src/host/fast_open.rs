//! What a listener makes of Fast Open in a SYN (RFC 7413 §4.2).

use super::{Host, Socket};
use crate::config::FastOpenConfig;
use crate::event::Event;
use crate::fast_open::{Judgment, Key, Keys, judge};
use crate::segment::SegmentRef;
use crate::socket::SocketId;
use crate::wire::fast_open::FastOpenOption;

/// Keeps the hash behind cookies apart from the others of the same secret.
const PURPOSE_COOKIE: u8 = b'F';

/// How a SYN is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// As if Fast Open did not exist.
    Ordinary,
    /// By an ordinary handshake, and a cookie for the next time. Text on the SYN is not taken.
    Cookie(FastOpenOption),
    /// The text is taken and the connection handed out at once, with a new cookie if the one shown
    /// was made with an old key.
    Early(Option<FastOpenOption>),
}

impl Host {
    /// Decides about a SYN for which the listener has a place.
    // REQ: RFC7413-1
    // REQ: RFC7413-4
    // REQ: RFC7413-8
    // REQ: RFC7413-10
    pub(super) fn opening(&mut self, listener_id: SocketId, syn: &SegmentRef<'_>) -> Opening {
        let (now, option) = (self.now, syn.options.fast_open);
        // A key that is changed replaces the one before for the listeners there are, too.
        // REQ: RFC7413-3
        let keys = self.config.fast_open.keys;
        let Some(Socket::Listener(listener)) = self.sockets.get_mut(&listener_id) else {
            return Opening::Ordinary;
        };
        let FastOpenConfig {
            server,
            accept_without_cookie,
            reset_hold,
            ..
        } = listener.config.fast_open;
        let wanted = option.is_some() || !syn.payload.is_empty();
        // A SYN-ACK with a signature has no room for another option.
        let signed = listener.options.md5_keys.key_for(syn.src.ip()).is_some();
        if !server || !wanted || signed || listener.early_limit() == 0 {
            return Opening::Ordinary;
        }
        if !listener.has_early_room(now, reset_hold) {
            self.event(Event::FastOpenOverflow {
                listener: listener_id,
                remote: syn.src,
            });
            return Opening::Ordinary;
        }
        if accept_without_cookie || listener.options.fast_open_without_cookie {
            return Opening::Early(None);
        }
        let Some(option) = option else {
            return Opening::Ordinary;
        };
        let own = listener.options.fast_open_keys.or(keys);
        let keys = own.unwrap_or_else(|| self.own_keys());
        let (client, server) = (syn.src.ip(), syn.dst.ip());
        let fresh = FastOpenOption {
            cookie: Some(keys.current.cookie(client, server)),
            ..option
        };
        let Some(shown) = option.cookie else {
            return Opening::Cookie(fresh);
        };
        match judge(&keys, shown, client, server) {
            Judgment::Valid => Opening::Early(None),
            Judgment::Old => Opening::Early(Some(fresh)),
            Judgment::Invalid => {
                self.event(Event::FastOpenCookieRejected {
                    listener: listener_id,
                    remote: syn.src,
                });
                Opening::Cookie(fresh)
            }
        }
    }

    /// The keys of a host that was given none.
    fn own_keys(&self) -> Keys {
        let half = |number| {
            let hash = self.secret.hash(PURPOSE_COOKIE).number(number);
            hash.finish().to_le_bytes()
        };
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&half(0));
        bytes[8..].copy_from_slice(&half(1));
        Keys {
            current: Key::new(bytes),
            previous: None,
        }
    }
}
