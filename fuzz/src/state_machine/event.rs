//! The input: how the host is set up, and what happens to it.

use arbitrary::Arbitrary;

/// How the host is set up.
#[derive(Arbitrary, Debug)]
pub(super) struct Setup {
    pub(super) v6: bool,
    pub(super) active: bool,
    /// Complete the handshake first, so that events start in ESTABLISHED.
    pub(super) handshake: bool,
    pub(super) linux_like: bool,
    pub(super) timestamps: bool,
    pub(super) sack: bool,
    pub(super) window_scale: Option<u8>,
    pub(super) small_buffers: bool,
    pub(super) queue_syn_data: bool,
    pub(super) always_cookies: bool,
    /// The peer's initial sequence number is so far from 0, both ways.
    pub(super) peer_isn: i16,
    pub(super) peer_mss: Option<u16>,
}

/// One thing that happens.
#[derive(Arbitrary, Debug)]
pub(super) enum Event {
    /// A segment arrives.
    Segment(SegmentSpec),
    /// A plausible segment of a well-behaved peer arrives.
    Polite(Polite),
    /// The last segment arrives once more.
    Repeat,
    /// Bytes arrive; their checksums are made right.
    Datagram(Vec<u8>),
    /// An ICMP error about a segment of the host arrives.
    Icmp {
        kind: u8,
        code: u8,
        mtu: u16,
        seq_offset: i8,
    },
    /// The user calls.
    Call(Call),
    /// So many ms pass.
    Wait(u16),
    /// The next timer is due.
    WaitForTimer,
}

/// A segment, relative to what the host expects.
#[derive(Arbitrary, Debug)]
pub(super) struct SegmentSpec {
    pub(super) seq: Position,
    pub(super) ack: Option<Position>,
    pub(super) flags: u8,
    pub(super) window: u16,
    pub(super) urgent: u16,
    pub(super) len: Length,
    pub(super) options: Options,
    /// Comes from another port of the peer.
    pub(super) other_port: bool,
}

/// A sequence number.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub(super) enum Position {
    /// The next one expected, or the highest sent.
    Next,
    /// So far from the next one.
    NearNext(i8),
    /// So far from the far edge of the window.
    NearEdge(i8),
    /// In the window or a little beyond, so far from its start.
    Inside(u16),
    /// Half the sequence space away, and so far from there.
    HalfTurn(i8),
    /// Anywhere.
    Any(u32),
}

/// Length of text.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub(super) enum Length {
    None,
    Short(u8),
    Full,
    /// All of the window and so many bytes more.
    Window(u8),
}

/// Options of a segment.
#[derive(Arbitrary, Debug)]
pub(super) struct Options {
    pub(super) mss: Option<u16>,
    pub(super) window_scale: Option<u8>,
    pub(super) sack_permitted: bool,
    /// How far the timestamp's clock has moved, and whether the echo is right.
    pub(super) timestamp: Option<(i8, bool)>,
    pub(super) sack: Vec<(Position, u16)>,
}

/// What a well-behaved peer does.
#[derive(Arbitrary, Debug, Clone, Copy)]
pub(super) enum Polite {
    /// Opens, or answers the host's SYN.
    Syn,
    /// Acknowledges all, offering this window.
    Ack(u16),
    /// Sends text in order and acknowledges all.
    Text(u8),
    /// Ends its stream and acknowledges all.
    Fin,
    /// Resets at exactly the next number.
    Reset,
}

/// A user call.
#[derive(Arbitrary, Debug)]
pub(super) enum Call {
    Open {
        active: bool,
    },
    Accept,
    Send {
        len: u16,
        urgent: bool,
        more: bool,
    },
    Recv(u16),
    ShutdownWrite,
    Close,
    Abort,
    CloseListener,
    SetOptions {
        nodelay: bool,
        keepalive: bool,
        cork: bool,
        small_buffers: bool,
        user_timeout: Option<u8>,
    },
}
