//! The other end: makes segments from what the host last said, politely or bent.

use super::event::{Length, Options, Polite, Position, SegmentSpec};
use super::judge::View;
use super::text::peer_text;
use crate::header_parse::with_right_checksums;
use std::net::SocketAddr;
use tcpdrill_stack::Instant;
use tcpdrill_stack::segment::{Flags, Segment};
use tcpdrill_stack::seq::{SeqNum, SeqRange};
use tcpdrill_stack::window::{Mss, UnscaledWindow, WindowScale};
use tcpdrill_stack::wire::accecn::{AccEcnOption, AccEcnOrder, ByteCounters};
use tcpdrill_stack::wire::ip::{self, IpHeader, PROTOCOL_ICMP, PROTOCOL_ICMPV6};
use tcpdrill_stack::wire::options::{TcpOptions, Timestamps};

const FULL: usize = 1_000;

/// Who the peer is and what it offers.
#[derive(Debug)]
pub(super) struct Peer {
    /// The host's end.
    pub(super) host: SocketAddr,
    /// The peer's end.
    pub(super) address: SocketAddr,
    /// Its initial sequence number.
    pub(super) isn: SeqNum,
    pub(super) timestamps: bool,
    pub(super) mss: Option<u16>,
}

impl Peer {
    /// The number the host expects next, or the peer's ISN when it expects none yet.
    fn next(&self, view: &View) -> SeqNum {
        view.rcv_nxt.unwrap_or(self.isn)
    }

    /// A segment without text, in order, that acknowledges all.
    fn blank(&self, view: &View, now: Instant) -> Segment {
        let timestamps = self.timestamps.then(|| Timestamps {
            value: now.as_millis() as u32,
            echo: view.timestamp,
        });
        Segment {
            seq: self.next(view),
            ack: view.is_open().then_some(view.snd_nxt),
            wnd: UnscaledWindow::new(u16::MAX),
            options: TcpOptions {
                timestamps,
                ..TcpOptions::NONE
            },
            ..Segment::new(self.address, self.host)
        }
    }

    /// The next text in order.
    pub(super) fn next_text(&self, view: &View, now: Instant) -> Segment {
        Segment {
            payload: peer_text(self.next(view), FULL),
            ..self.blank(view, now)
        }
    }

    /// What a well-behaved peer sends. `answers`: a SYN answers the host's.
    pub(super) fn polite(
        &self,
        polite: Polite,
        view: &View,
        now: Instant,
        answers: bool,
    ) -> Segment {
        let mut segment = self.blank(view, now);
        match polite {
            Polite::Syn => {
                segment.seq = self.isn;
                segment.flags = Flags::SYN;
                segment.options.mss = self.mss.map(Mss::new);
                segment.options.sack_permitted = true;
                segment.options.window_scale = Some(WindowScale::new(2));
                segment.ack = segment.ack.filter(|_| answers);
            }
            Polite::Ack(window) => segment.wnd = UnscaledWindow::new(window),
            Polite::Text(len) => {
                segment.flags = Flags::PSH;
                segment.payload = peer_text(segment.seq, len.into());
            }
            Polite::Fin => segment.flags = Flags::FIN,
            Polite::Reset => segment.flags = Flags::RST,
        }
        segment
    }

    /// Where the segment comes from.
    pub(super) fn source(&self, spec: &SegmentSpec) -> SocketAddr {
        let mut source = self.address;
        source.set_port(source.port() + u16::from(spec.other_port));
        source
    }

    /// A segment bent as told.
    pub(super) fn segment(&self, spec: &SegmentSpec, view: &View, now: Instant) -> Segment {
        let SegmentSpec {
            seq,
            ack,
            flags,
            window,
            urgent,
            len,
            options: wanted,
            other_port: _,
        } = spec;
        let seq = place(*seq, self.next(view), view.window);
        let flags = flags_of(*flags);
        let len = match *len {
            Length::None => 0,
            Length::Short(len) => len.into(),
            Length::Full => FULL,
            Length::Window(more) => (view.window as usize).min(60_000) + usize::from(more),
        };
        Segment {
            seq,
            ack: ack.map(|ack| place(ack, view.snd_nxt, 0)),
            flags,
            wnd: UnscaledWindow::new(*window),
            up: *urgent,
            options: options(wanted, view, now),
            payload: peer_text(seq + u32::from(flags.syn), len),
            ..Segment::new(self.source(spec), self.host)
        }
    }

    /// A datagram with an ICMP error about the host's segment at `seq`.
    pub(super) fn icmp(&self, kind: u8, code: u8, mtu: u16, seq: SeqNum) -> Vec<u8> {
        let quoted = Segment {
            seq,
            ..Segment::new(self.host, self.address)
        };
        let mut quote = quoted.emit();
        quote.truncate(quote.len() - 20 + 8);
        let (kinds, protocol) = if self.host.is_ipv6() {
            ([1, 2, 3, 4], PROTOCOL_ICMPV6)
        } else {
            ([3, 4, 11, 12], PROTOCOL_ICMP)
        };
        let mut message = vec![kinds[usize::from(kind) % 4], code % 16, 0, 0, 0, 0];
        message.extend(mtu.to_be_bytes());
        message.extend(quote);
        let header = IpHeader {
            src: self.address.ip(),
            dst: self.host.ip(),
            ttl: 64,
            traffic_class: 0,
            flow_label: 0,
        };
        with_right_checksums(ip::emit(&header, protocol, &message))
    }
}

fn options(spec: &Options, view: &View, now: Instant) -> TcpOptions {
    let timestamps = |(drift, echo_right): (i8, bool)| Timestamps {
        value: (now.as_millis() as u32).wrapping_add_signed(i32::from(drift) * 100),
        echo: if echo_right {
            view.timestamp
        } else {
            !view.timestamp
        },
    };
    let block = |(start, len): &(Position, u16)| {
        SeqRange::with_len(place(*start, view.snd_nxt, 0), u32::from(*len))
    };
    TcpOptions {
        mss: spec.mss.map(Mss::new),
        window_scale: spec.window_scale.map(WindowScale::new),
        sack_permitted: spec.sack_permitted,
        timestamps: spec.timestamp.map(timestamps),
        sack: spec.sack.iter().map(block).collect(),
        fast_open: None,
        // As random as anything else that comes with an MSS.
        accecn: spec.mss.map(|raw| {
            let counters = ByteCounters {
                e0b: u32::from(raw),
                ceb: u32::from(raw) << 8,
                e1b: 1,
            };
            AccEcnOption::new(AccEcnOrder::Ect0First, (raw % 4) as u8, counters)
        }),
        user_timeout: None,
        signature: None,
        note: None,
    }
}

/// The number so far from `seq`.
pub(super) fn near(seq: SeqNum, offset: i8) -> SeqNum {
    SeqNum::new(seq.raw().wrapping_add_signed(offset.into()))
}

fn place(position: Position, next: SeqNum, window: u32) -> SeqNum {
    match position {
        Position::Next => next,
        Position::NearNext(offset) => near(next, offset),
        Position::NearEdge(offset) => near(next + window, offset),
        Position::Inside(offset) => next + u32::from(offset) % window.saturating_add(100).max(1),
        Position::HalfTurn(offset) => near(next + (1 << 31), offset),
        Position::Any(raw) => SeqNum::new(raw),
    }
}

fn flags_of(bits: u8) -> Flags {
    Flags {
        fin: bits & 1 != 0,
        // Rarer than the others: they end what the rest builds up.
        syn: bits & 0x42 == 0x42,
        rst: bits & 0x84 == 0x84,
        psh: bits & 8 != 0,
        urg: bits & 16 != 0,
        ece: bits & 32 != 0,
        cwr: bits & 64 != 0,
        ae: bits & 0x60 == 0x60,
    }
}
