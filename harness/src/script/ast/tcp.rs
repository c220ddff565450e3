//! TCP lines as written.

use super::Number;
use crate::program::Match;
use crate::source::{Span, Spanned};

/// A number that may also be `*` or `a..b`.
pub(crate) type Field = Spanned<Match<u64>>;

/// Bytes of an option; `None` is `*`.
pub(crate) type Bytes = Option<Vec<u8>>;

/// TCP flags as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    /// `*`
    pub any: bool,
    /// The letters before and behind the dot, digits excluded.
    pub letters: String,
    /// Whether there is a dot.
    pub ack: bool,
    /// The AccECN digit.
    pub ace: Option<u8>,
}

/// `start:end(len)` of a TCP line, `...(len)` too.
#[derive(Clone, Debug)]
pub(crate) struct TcpRange {
    /// First byte.
    pub start: Field,
    /// Just past the last byte.
    pub end: Field,
    /// Bytes.
    pub len: Field,
    /// Whether a `!` follows.
    pub absolute: bool,
    /// All of it.
    pub span: Span,
}

/// A TCP line after its annotation.
#[derive(Clone, Debug)]
pub(crate) struct Tcp {
    /// `sport > dport`
    pub ports: Option<(Number, Number)>,
    /// Flags.
    pub flags: Spanned<Flags>,
    /// The sequence range.
    pub range: TcpRange,
    /// `ack N`
    pub ack: Option<Field>,
    /// `win N`
    pub window: Option<Field>,
    /// `urg N`
    pub urgent: Option<Field>,
    /// `<…>`
    pub options: Option<Spanned<Options>>,
    /// `[code N, pen N]`
    pub reset_reason: Option<Spanned<(Number, Number)>>,
    /// `"…"` or `data 0x…`
    pub payload: Option<Spanned<Vec<u8>>>,
    /// What stands last.
    pub damage: Damage,
}

/// What is wrong with a header on purpose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Damage {
    /// `badsum`
    pub bad_checksum: Option<Span>,
    /// `doff N`
    pub data_offset: Option<Number>,
    /// `reserved N`
    pub reserved: Option<Number>,
    /// `cut N`
    pub cut: Option<Number>,
}

/// An option list.
#[derive(Clone, Debug)]
pub(crate) enum Options {
    /// `<...>`
    Any,
    /// `<a,b,c>`
    List(Vec<Spanned<TcpOption>>),
}

/// One TCP option as written.
#[derive(Clone, Debug)]
pub(crate) enum TcpOption {
    /// `eol`
    EndOfList,
    /// `nop`
    NoOperation,
    /// `mss N`
    MaximumSegmentSize(Field),
    /// `wscale N`
    WindowScale(Field),
    /// `sackOK`
    SackPermitted,
    /// `sack A:B …`; `None` is `sack *`
    Sack(Option<Vec<(Field, Field)>>),
    /// `TS val X ecr Y`, and whether a `!` follows
    Timestamps(Field, Field, bool),
    /// `md5 HEX`
    Md5(Bytes),
    /// `md5 valid`
    Md5Valid,
    /// `FO [HEX]`
    FastOpen(Bytes),
    /// `FOEXP [HEX]`, `exp-FO [HEX]`
    FastOpenExperimental(Bytes),
    /// `ECN …`, `AccECN0 …`: the order (0 or 1) and the counters.
    AccEcn(u8, Vec<Field>),
    /// `exp-AccECN0 …`
    AccEcnExperimental(u8, Vec<Number>),
    /// `exp-tarr [N]`
    AckRateRequest(Option<Number>),
    /// `gen-K [HEX]`
    Generic(Number, Bytes),
    /// `exp-ID [HEX]`
    Experiment(Number, Bytes),
    /// The whole area in hex.
    Raw(Vec<u8>),
    /// `...`
    Others,
}
