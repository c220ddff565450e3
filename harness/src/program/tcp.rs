//! A checked TCP line: what to send, or what to hold a segment against.

use super::Match;
use crate::wire::{TcpDamage, TcpFlags, TcpOption};

/// A TCP line. When injecting, every field is a single value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpPattern {
    /// `sport > dport`.
    pub ports: Option<(u16, u16)>,
    /// Control bits; `None` is `*`: not compared.
    pub flags: Option<TcpFlags>,
    /// Script sequence number of the first byte.
    pub seq: Match<u32>,
    /// `77:77(0)!`: the number is the one on the wire, not one counted from the SYN.
    pub absolute: bool,
    /// Payload bytes.
    pub len: Match<u16>,
    /// `ack N`; absent means the field is 0.
    pub ack: Option<Match<u32>>,
    /// `win N`: the raw field; always a value on inbound lines, not compared if left out on others.
    pub window: Match<u16>,
    /// `urg N`; 0 if left out.
    pub urgent: Match<u16>,
    /// Options.
    pub options: OptionsPattern,
    /// What the payload is, if the line says so; else the case's pattern.
    pub payload: Option<Vec<u8>>,
    /// What is wrong with the header on purpose; on inbound lines only.
    pub damage: TcpDamage,
}

impl TcpPattern {
    /// Whether the line is one of a segment with all these bits; a line with any flags is not.
    pub fn has(&self, bits: TcpFlags) -> bool {
        self.flags.is_some_and(|flags| flags.contains(bits))
    }
}

/// The option list of a TCP line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionsPattern {
    /// `<...>`: any.
    Any,
    /// These in this order (none if the list is empty).
    List(Vec<OptionPattern>),
}

impl OptionsPattern {
    /// Exactly these options.
    pub fn exactly(options: impl IntoIterator<Item = TcpOption>) -> OptionsPattern {
        OptionsPattern::List(options.into_iter().map(OptionPattern::Is).collect())
    }
}

/// One option of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionPattern {
    /// This option with these values.
    Is(TcpOption),
    /// `mss 536..1460`
    MaximumSegmentSize(Match<u16>),
    /// `wscale *`
    WindowScale(Match<u8>),
    /// `sack 1:*`
    Sack(Vec<(Match<u32>, Match<u32>)>),
    /// `TS val ... ecr 9!`
    Timestamps {
        /// TS value.
        value: Match<u32>,
        /// Echo reply.
        echo_reply: Match<u32>,
        /// `ecr N!`: the number is the one on the wire.
        absolute_echo: bool,
    },
    /// `ECN e0b 1 ceb *`, kinds 172 (order 0) and 174 (order 1)
    #[expect(missing_docs, reason = "the RFC's own terms")]
    AccEcn {
        order: u8,
        counters: Vec<Match<u32>>,
    },
    /// `gen-30 *`, `FOEXP *`: an option of this kind whose data begins so.
    #[expect(missing_docs, reason = "kind and data of the option itself")]
    Data { kind: u8, start: Vec<u8> },
    /// `md5 valid`: the digest that the key of `--tcp_md5_secret` gives (RFC 2385 §2.0).
    Md5Valid,
    /// `...` in a list: any options, or none.
    Others,
}

impl OptionPattern {
    /// The option, if the line leaves nothing open.
    pub fn exact(&self) -> Option<&TcpOption> {
        match self {
            OptionPattern::Is(option) => Some(option),
            _ => None,
        }
    }
}
