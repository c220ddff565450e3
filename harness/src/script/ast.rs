//! The syntax tree: a script as written, names and numbers not yet judged.

mod tcp;

use crate::program::TimeSpec;
use crate::source::{Span, Spanned};

pub(crate) use tcp::{Bytes, Damage, Field, Flags, Options, Tcp, TcpOption, TcpRange};

/// A whole file.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    /// Option lines.
    pub options: Vec<OptionLine>,
    /// The untimed command before the first event.
    pub init: Option<Spanned<String>>,
    /// The events that could be read.
    pub events: Vec<Event>,
    /// The untimed command after the last event.
    pub cleanup: Option<Spanned<String>>,
}

/// `--name` or `--name=value`.
#[derive(Clone, Debug)]
pub(crate) struct OptionLine {
    /// The name without its dashes.
    pub name: Spanned<String>,
    /// The value, quotes removed.
    pub value: Option<Spanned<String>>,
}

/// A time and what happens then.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// When.
    pub at: Spanned<TimeSpec>,
    /// `@NAME`: the connection it is about, without the `@`.
    pub connection: Option<Spanned<String>>,
    /// What.
    pub action: Action,
    /// The whole event.
    pub span: Span,
}

/// What happens.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A packet line.
    Packet(Box<Packet>),
    /// `> nothing`, and its place.
    Nothing(Span),
    /// A system call.
    Call(Box<Call>),
    /// A back-quoted command.
    Command(String),
    /// A code block: its text and the place of the text.
    Code(Spanned<String>),
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// `<`: into the stack under test.
    Inbound,
    /// `>`: out of it.
    Outbound,
}

/// A number as written.
pub(crate) type Number = Spanned<u64>;

/// A packet line.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    /// Which way.
    pub direction: Spanned<Direction>,
    /// Encapsulation, outermost first.
    pub layers: Vec<Layer>,
    /// The `[…]` or `(…)` annotation.
    pub annotation: Option<Annotation>,
    /// `encap psp spi N`.
    pub psp: Option<Span>,
    /// The rest.
    pub body: Body,
    /// `/udp(SPORT > DPORT)` behind a TCP line.
    pub udp_encapsulation: Option<Spanned<(Number, Number)>>,
    /// From the arrow to the end.
    pub span: Span,
}

/// One encapsulation layer.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// What kind.
    pub kind: LayerKind,
    /// The layer up to its colon.
    pub span: Span,
}

/// Kinds of layers.
#[derive(Clone, Debug)]
pub(crate) enum LayerKind {
    /// `ipv4 [ip] A > B` or `ipv6 …`.
    Ip {
        v6: bool,
        annotation: Option<Annotation>,
        source: Spanned<std::net::IpAddr>,
        destination: Spanned<std::net::IpAddr>,
    },
    /// `gre …`
    Gre(Gre),
    /// `mpls (label N, tc N, [S], ttl N) …`
    Mpls(Vec<MplsEntry>),
}

/// The fields of a `gre` layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gre {
    /// The 16 bits in front of the protocol; named flags joined.
    pub flags: Option<Number>,
    /// `sum N`
    pub sum: Option<Number>,
    /// `off N`
    pub off: Option<Number>,
    /// `key=N`
    pub key: Option<Number>,
    /// `seq N`
    pub seq: Option<Number>,
}

/// One entry of an MPLS stack.
#[derive(Clone, Debug)]
pub(crate) struct MplsEntry {
    /// `label N`
    pub label: Number,
    /// `tc N`
    pub class: Number,
    /// `[S]`
    pub bottom: bool,
    /// `ttl N`
    pub ttl: Number,
}

/// `[…]` or `(…)` with the place of its brackets.
pub(crate) type Annotation = Spanned<Vec<Spanned<AnnotationItem>>>;

/// One item of an annotation.
#[derive(Clone, Debug)]
pub(crate) enum AnnotationItem {
    /// `noecn`, `ect0`, `ect1`, `ce`, `ect01`, perhaps behind `ecn`.
    Ecn(Spanned<String>),
    /// `dscp NAME` or `dscp 0x…`, the name already a number.
    Dscp(Number),
    /// `tos 0x…` or `class 0x…`
    Tos(Number),
    /// `ttl N` or `hlim N`
    Ttl(Field),
    /// `flowlabel 0x…`
    FlowLabel(Number),
    /// `id N`
    Id(Field),
    /// `df` or `nodf`
    DontFragment(bool),
    /// `frag FIRST:END` with a `+` behind.
    Fragment(Number, Number, bool),
    /// `badsum`
    BadChecksum,
    /// `len N`
    Length(Number),
    /// `proto N`
    Protocol(Number),
}

/// What a packet line describes.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// TCP.
    Tcp(Box<Tcp>),
    /// UDP.
    Udp(Udp),
    /// ICMP.
    Icmp(Icmp),
}

/// A UDP line after the word `udp`.
#[derive(Clone, Debug)]
pub(crate) struct Udp {
    /// `sport > dport`
    pub ports: Option<(Number, Number)>,
    /// `(N)`
    pub len: Number,
    /// `"…"`
    pub contents: Option<Spanned<Vec<u8>>>,
    /// `badsum`
    pub bad_checksum: Option<Span>,
}

/// `start:end(len)`
#[derive(Clone, Debug)]
pub(crate) struct Range {
    /// First byte.
    pub start: Number,
    /// Just past the last byte.
    pub end: Number,
    /// Bytes.
    pub len: Number,
    /// All of it.
    pub span: Span,
}

/// An ICMP line after the word `icmp`.
#[derive(Clone, Debug)]
pub(crate) struct Icmp {
    /// The type word.
    pub kind: Spanned<String>,
    /// The code word.
    pub code: Option<Spanned<String>>,
    /// `mtu N`
    pub mtu: Option<Number>,
    /// `id N`
    pub id: Option<Number>,
    /// `seq N`
    pub sequence: Option<Number>,
    /// `[…]` or `"…"`
    pub quote: Option<Quote>,
    /// `badsum`
    pub bad_checksum: Option<Span>,
}

/// What an ICMP line quotes.
#[derive(Clone, Debug)]
pub(crate) enum Quote {
    /// `[a:b(n)]`, `[a:b(n)/udp(SPORT > DPORT)]`
    Tcp(Range, Option<(Number, Number)>),
    /// `[udp (n)]`
    Udp(Number),
    /// `[raw (n)]`
    Raw(Number),
    /// `"…"`
    Contents(Vec<u8>),
}

/// A system call.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The time after `...`.
    pub end: Option<Spanned<u64>>,
    /// The name.
    pub name: Spanned<String>,
    /// The arguments.
    pub arguments: Vec<Spanned<Expr>>,
    /// The place of the argument list, brackets included.
    pub list_span: Span,
    /// After `=`.
    pub result: Spanned<Expr>,
    /// The errno name.
    pub errno: Option<Spanned<String>>,
    /// From the name (or `...`) to the end.
    pub span: Span,
}

/// An expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expr {
    /// `...`
    Ellipsis,
    /// A number.
    Int(i64),
    /// A word.
    Word(String),
    /// A string, escapes resolved, neighbours joined.
    Text(Vec<u8>),
    /// `a|b`
    Or(Vec<Spanned<Expr>>),
    /// `name=value` or `name(…)=value`
    Assign(Box<Spanned<Expr>>, Box<Spanned<Expr>>),
    /// `[…]`
    List(Vec<Spanned<Expr>>),
    /// `{…}`
    Braces(Vec<Spanned<Expr>>),
    /// `name(…)`
    Apply(Spanned<String>, Vec<Spanned<Expr>>),
    /// A GRE or MPLS head in braces; only tunnel sockets take one.
    Tunnel(Tunnel),
}

/// The head of a tunnel, as the value of a socket option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tunnel {
    /// `{flags F, sum N, off N, key=N, seq N}`
    Gre {
        flags: Number,
        sum: Number,
        off: Number,
        key: Number,
        seq: Number,
    },
    /// `{(label N, tc N, [S], ttl N) …}`: label, class, bottom of the stack, time to live.
    Mpls(Vec<(Number, Number, bool, Number)>),
}
