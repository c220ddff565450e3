//! The SYN-ACK that brings a cookie. It is made of the SYN and of the listener's settings alone: who
//! floods a listener gets a hash for each SYN and no connection block.
//!
//! A block would have said the same; the test below holds the two against each other.

use super::options::CookieOptions;
use crate::config::Config;
use crate::ecn::{self, negotiation};
use crate::segment::{Flags, Head, SegmentRef};
use crate::seq::SeqNum;
use crate::socket::SocketOptions;
use crate::tcb;
use crate::time::Instant;
use crate::window::UnscaledWindow;
use crate::wire::options::{TcpOptions, Timestamps};
use crate::wire::signature::Signature;

/// What a listener's answers follow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) config: &'a Config,
    pub(crate) options: &'a SocketOptions,
}

impl Rules<'_> {
    /// Whether timestamps may keep what a cookie cannot, for a peer with or without a key.
    pub(crate) fn keep_options(self, has_key: bool) -> bool {
        self.config.syn_cookie_options && tcb::wants_timestamps(self.config, has_key)
    }

    /// `<SEQ=cookie><ACK=SEG.SEQ+1><CTL=SYN,ACK>`. `offset` is that of the connection's timestamp clock.
    // REQ: RFC9293-SM-10
    // REQ: RFC4987-4
    pub(crate) fn syn_ack(
        self,
        syn: &SegmentRef<'_>,
        cookie: SeqNum,
        offset: impl FnOnce() -> u32,
        now: Instant,
    ) -> Head {
        let Rules { config, options } = self;
        let key = options.md5_keys.key_for(syn.src.ip());
        let mss = tcb::advertised_mss(config, options, tcb::ip_version(syn.dst.ip()));
        let mut answer = Head {
            seq: cookie,
            ack: Some(syn.seq + 1),
            wnd: self.window(),
            options: TcpOptions {
                mss: Some(mss),
                signature: key.map(|_| Signature::default()),
                ..TcpOptions::NONE
            },
            ttl: options.ttl.unwrap_or(config.ttl),
            traffic_class: options.traffic_class & !ecn::MASK,
            ..Head::head(syn.dst, syn.src)
        };
        // Without timestamps nothing but the segment size is kept.
        let theirs = syn.options.timestamps;
        let theirs = theirs.filter(|_| self.keep_options(key.is_some()));
        if let Some(theirs) = theirs {
            let offered = tcb::offered_scale(config, options);
            let scales = offered.zip(syn.options.window_scale);
            let kept = CookieOptions {
                window_scale: scales.map(|(_, theirs)| theirs),
                sack: config.sack && syn.options.sack_permitted,
                ecn: negotiation::is_classic(config, syn),
            };
            answer.options.window_scale = scales.map(|(ours, _)| ours);
            answer.options.sack_permitted = kept.sack;
            let value = kept.stamp(now.as_millis() as u32);
            answer.options.timestamps = Some(Timestamps {
                value: value.wrapping_add(offset()),
                echo: theirs.value,
            });
        }
        let ace = negotiation::on_cookie(config, syn, theirs.is_some());
        answer.flags = Flags::SYN.with_ace(ace);
        if let Some(key) = key {
            key.sign_around(&mut answer, [&[], &[]]);
        }
        answer
    }

    /// What the receive buffer holds, never scaled.
    // REQ: RFC7323-4
    fn window(self) -> UnscaledWindow {
        let Rules { config, options } = self;
        let buffer = options.recv_buffer.unwrap_or(config.recv_buffer);
        let clamp = options.window_clamp.unwrap_or(u32::MAX);
        let room = buffer.min(clamp as usize).min(usize::from(u16::MAX));
        UnscaledWindow::new(room as u16)
    }
}

#[cfg(test)]
mod tests;
