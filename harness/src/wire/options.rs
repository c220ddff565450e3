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
    /// Any other kind with its data.
    #[expect(missing_docs, reason = "kind and data of the option itself")]
    Other { kind: u8, data: Vec<u8> },
    /// Bytes as they stand, well-formed or not: the whole area of a script, or what is left of an
    /// area from its first malformed option on.
    Raw(Vec<u8>),
}

/// Experiment id of Fast Open under kind 254.
const FAST_OPEN_EXPERIMENT: [u8; 2] = [0xf9, 0x89];

impl TcpOption {
    /// Appends the option as it stands on the wire. Nothing is padded.
    ///
    /// The length byte counts what is written, modulo 256; an option whose data
    /// cannot fit a header is refused earlier, when the script is checked.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            TcpOption::EndOfList => out.push(0),
            TcpOption::NoOperation => out.push(1),
            TcpOption::MaximumSegmentSize(mss) => write_option(out, 2, &mss.to_be_bytes()),
            TcpOption::WindowScale(shift) => write_option(out, 3, &[*shift]),
            TcpOption::SackPermitted => write_option(out, 4, &[]),
            TcpOption::Sack(blocks) => {
                let data: Vec<u8> = blocks
                    .iter()
                    .flat_map(|(left, right)| [left.to_be_bytes(), right.to_be_bytes()].concat())
                    .collect();
                write_option(out, 5, &data);
            }
            TcpOption::Timestamps { value, echo_reply } => {
                write_option(
                    out,
                    8,
                    &[value.to_be_bytes(), echo_reply.to_be_bytes()].concat(),
                );
            }
            TcpOption::Md5(digest) => write_option(out, 19, digest),
            TcpOption::FastOpen(cookie) => write_option(out, 34, cookie),
            TcpOption::FastOpenExperimental(cookie) => {
                write_option(out, 254, &[&FAST_OPEN_EXPERIMENT[..], cookie].concat());
            }
            TcpOption::AccEcn { order, counters } => {
                let data: Vec<u8> = counters
                    .iter()
                    .flat_map(|counter| counter.to_be_bytes()[1..].to_vec())
                    .collect();
                write_option(out, if *order == 0 { 172 } else { 174 }, &data);
            }
            TcpOption::Other { kind, data } => write_option(out, *kind, data),
            TcpOption::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }

    /// The option of this kind with this data. A length that does not suit the kind, and a kind
    /// without a name, make it [`TcpOption::Other`].
    pub fn of_kind(kind: u8, data: &[u8]) -> TcpOption {
        read_one(kind, data)
    }

    /// Bytes the option takes on the wire.
    pub fn wire_len(&self) -> usize {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes.len()
    }
}

fn write_option(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    out.push(kind);
    out.push((data.len() + 2) as u8);
    out.extend_from_slice(data);
}

/// Reads a whole option area.
///
/// Every byte is accounted for: zeros after an end-of-list are so many
/// [`TcpOption::EndOfList`], and from the first malformed option on the rest is
/// one [`TcpOption::Raw`] holding what stood there, with a note of what is wrong.
pub fn read_options(area: &[u8]) -> (Vec<TcpOption>, Option<String>) {
    let mut options = Vec::new();
    let mut rest = area;
    while let Some((&kind, after)) = rest.split_first() {
        match kind {
            0 => {
                options.push(TcpOption::EndOfList);
                rest = after;
            }
            1 => {
                options.push(TcpOption::NoOperation);
                rest = after;
            }
            _ => {
                let length = after.first().map_or(0, |&length| usize::from(length));
                if length < 2 || length > rest.len() {
                    let fault = format!(
                        "option kind {kind} has length {length} with {} bytes left",
                        rest.len()
                    );
                    options.push(TcpOption::Raw(rest.to_vec()));
                    return (options, Some(fault));
                }
                options.push(read_one(kind, &rest[2..length]));
                rest = &rest[length..];
            }
        }
    }
    (options, None)
}

/// One option with its data; a length that does not suit the kind makes it [`TcpOption::Other`].
fn read_one(kind: u8, data: &[u8]) -> TcpOption {
    let word = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    match (kind, data) {
        (2, [high, low]) => TcpOption::MaximumSegmentSize(u16::from_be_bytes([*high, *low])),
        (3, [shift]) => TcpOption::WindowScale(*shift),
        (4, []) => TcpOption::SackPermitted,
        (5, _) if !data.is_empty() && data.len().is_multiple_of(8) => TcpOption::Sack(
            (0..data.len() / 8)
                .map(|i| (word(i * 8), word(i * 8 + 4)))
                .collect(),
        ),
        (8, _) if data.len() == 8 => TcpOption::Timestamps {
            value: word(0),
            echo_reply: word(4),
        },
        (19, _) => TcpOption::Md5(data.to_vec()),
        (34, _) => TcpOption::FastOpen(data.to_vec()),
        (172 | 174, _) if data.len().is_multiple_of(3) => TcpOption::AccEcn {
            order: u8::from(kind == 174),
            counters: data
                .chunks_exact(3)
                .map(|c| u32::from_be_bytes([0, c[0], c[1], c[2]]))
                .collect(),
        },
        (254, [0xf9, 0x89, cookie @ ..]) => TcpOption::FastOpenExperimental(cookie.to_vec()),
        _ => TcpOption::Other {
            kind,
            data: data.to_vec(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn written(options: &[TcpOption]) -> Vec<u8> {
        let mut bytes = Vec::new();
        options.iter().for_each(|option| option.write(&mut bytes));
        bytes
    }

    #[rstest]
    #[case(TcpOption::MaximumSegmentSize(1460), &[2, 4, 0x05, 0xb4])]
    #[case(TcpOption::WindowScale(14), &[3, 3, 14])]
    #[case(TcpOption::SackPermitted, &[4, 2])]
    #[case(TcpOption::Sack(vec![(1, 2)]), &[5, 10, 0, 0, 0, 1, 0, 0, 0, 2])]
    #[case(TcpOption::Timestamps { value: 1, echo_reply: 2 }, &[8, 10, 0, 0, 0, 1, 0, 0, 0, 2])]
    #[case(TcpOption::FastOpenExperimental(vec![7]), &[254, 5, 0xf9, 0x89, 7])]
    #[case(TcpOption::AccEcn { order: 1, counters: vec![0x010203] }, &[174, 5, 1, 2, 3])]
    #[case(TcpOption::AccEcn { order: 0, counters: vec![] }, &[172, 2])]
    #[case(TcpOption::Other { kind: 253, data: vec![9] }, &[253, 3, 9])]
    #[case(TcpOption::Other { kind: 254, data: vec![0, 0xac, 8] }, &[254, 5, 0, 0xac, 8])]
    #[case(TcpOption::Other { kind: 2, data: vec![5] }, &[2, 3, 5])]
    #[case(TcpOption::Other { kind: 30, data: vec![] }, &[30, 2])]
    fn options_stand_on_the_wire_as_their_rfcs_say(#[case] option: TcpOption, #[case] wire: &[u8]) {
        let mut bytes = Vec::new();
        option.write(&mut bytes);
        assert_eq!(bytes, wire);
        assert_eq!(read_options(wire), (vec![option], None));
    }

    #[rstest]
    #[case(&[8, 0, 1, 1], "option kind 8 has length 0 with 4 bytes left")]
    #[case(&[8, 1], "option kind 8 has length 1 with 2 bytes left")]
    #[case(&[1, 2, 5, 0], "option kind 2 has length 5 with 3 bytes left")]
    #[case(&[2], "option kind 2 has length 0 with 1 bytes left")]
    fn malformed_lengths_are_named_and_kept(#[case] wire: &[u8], #[case] fault: &str) {
        let (options, found) = read_options(wire);
        assert_eq!(found.as_deref(), Some(fault));
        assert_eq!(written(&options), wire);
    }

    proptest! {
        #[test]
        fn reading_any_bytes_loses_none(area in proptest::collection::vec(any::<u8>(), 0..40)) {
            let (options, _) = read_options(&area);
            prop_assert_eq!(written(&options), area);
        }

        #[test]
        fn an_option_of_any_kind_is_read_back(kind in 2_u8.., data in proptest::collection::vec(any::<u8>(), 0..38)) {
            let option = TcpOption::of_kind(kind, &data);
            let wire = written(std::slice::from_ref(&option));
            prop_assert_eq!(&wire[2..], &data[..]);
            prop_assert_eq!(option.wire_len(), wire.len());
            prop_assert_eq!(read_options(&wire), (vec![option], None));
        }
    }
}
