//! TCP options as values, in scripts and on the wire.

/// One TCP option. Numbers are script numbers in a program, live ones in a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TcpOption {
    /// Kind 0: ends the list (RFC 9293 §3.2).
    EndOfList,
    /// Kind 1: padding (RFC 9293 §3.2).
    NoOperation,
    /// Kind 2: maximum segment size in bytes (RFC 9293 §3.7.1).
    MaximumSegmentSize(u16),
    /// Kind 3: shift count, not limited to 14 here (RFC 7323 §2.2).
    WindowScale(u8),
    /// Kind 4 (RFC 2018 §2).
    SackPermitted,
    /// Kind 5: blocks as left edge, right edge (RFC 2018 §3).
    Sack(Vec<(u32, u32)>),
    /// Kind 8 (RFC 7323 §3.2).
    #[expect(missing_docs, reason = "the RFC's own names")]
    Timestamps { value: u32, echo_reply: u32 },
    /// Kind 19: digest bytes (RFC 2385).
    Md5(Vec<u8>),
    /// Kind 34: cookie, empty for a request (RFC 7413 §4.1.1).
    FastOpen(Vec<u8>),
    /// Kind 254 with experiment id 0xF989.
    FastOpenExperimental(Vec<u8>),
    /// Kind 172 or 174: counters in the order they stand (RFC 9768 §3.2.3).
    #[expect(missing_docs, reason = "the RFC's own terms")]
    AccEcn { order: u8, counters: Vec<u32> },
    /// Any other kind with its data, or a malformed option as it stood.
    #[expect(missing_docs, reason = "kind and data of the option itself")]
    Other { kind: u8, data: Vec<u8> },
}
