//! What a stack has said, by names that do not depend on numbers.

use crate::fuzz::ledger::Ledger;
use crate::fuzz::packet::{ACK, FIN, Packet, RST, SYN};

/// Adds the name of a packet: its flags and whether it has text, what it acknowledges if that is new, where its
/// number lies if that is not SND.NXT.
///
/// `cause`: the segment that it answers, if it answers one. `ledger`: as it was before.
pub(super) fn describe(
    packet: &Packet<'_>,
    cause: Option<&Packet<'_>>,
    ledger: &Ledger,
    text: &mut String,
) {
    if !text.is_empty() {
        text.push_str(", ");
    }
    let flags = [(SYN, "SYN"), (FIN, "FIN"), (RST, "RST")];
    let set = flags.iter().filter(|(flag, _)| packet.has(*flag));
    let data = (!packet.text.is_empty()).then_some("DATA");
    let ack = packet.has(ACK).then_some("ACK");
    let names = set.map(|(_, name)| *name).chain(data).chain(ack);
    for (index, name) in names.enumerate() {
        if index > 0 {
            text.push('+');
        }
        text.push_str(name);
    }
    if packet.has(ACK) {
        text.push_str(acknowledged(packet, cause, ledger));
    }
    text.push_str(place(packet, cause, ledger));
}

/// What it acknowledges.
fn acknowledged(packet: &Packet<'_>, cause: Option<&Packet<'_>>, ledger: &Ledger) -> &'static str {
    let as_before = ledger.subject.acked == Some(packet.ack);
    let all = cause.is_some_and(|cause| !cause.is_empty() && packet.ack == cause.end());
    // What begins or ends a connection may meet numbers of one before.
    let is_control = packet.has(SYN | RST);
    match (as_before, all) {
        (_, true) if is_control => " of it",
        (true, _) => "",
        (false, true) => " of it",
        // The first one of all: there is nothing before.
        (false, false) if ledger.subject.acked.is_none() && cause.is_none() => "",
        (false, false) => " of something else",
    }
}

/// Where its number lies.
fn place(packet: &Packet<'_>, cause: Option<&Packet<'_>>, ledger: &Ledger) -> &'static str {
    let sent = &ledger.subject;
    if packet.has(RST) {
        return match cause {
            Some(cause) if cause.has(ACK) && packet.seq == cause.ack => " at SEG.ACK",
            Some(cause) if !cause.has(ACK) && packet.seq == 0 => " at 0",
            _ if sent.first.is_some() && packet.seq == sent.next => "",
            _ => " elsewhere",
        };
    }
    if packet.has(SYN) {
        return match sent.first == Some(packet.seq) {
            true => " again",
            false => "",
        };
    }
    match packet.seq.wrapping_sub(sent.next).cast_signed() {
        0 => "",
        1.. => " ahead",
        _ if packet.is_empty() => " before SND.NXT",
        _ => " again",
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use rstest::rstest;

    use super::*;
    use crate::fuzz::ledger::Side;
    use crate::fuzz::packet::Options;

    const NOBODY: (IpAddr, u16) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

    fn sent(flags: u8, seq: u32, ack: u32, text: &'static [u8]) -> Packet<'static> {
        Packet {
            source: NOBODY,
            destination: NOBODY,
            seq,
            ack,
            flags,
            window: 0,
            urgent: 0,
            options: Options::default(),
            option_bytes: &[],
            text,
        }
    }

    /// ISS 100, three bytes sent; what the peer has sent is acknowledged up to 501.
    fn ledger() -> Ledger {
        Ledger {
            subject: Side {
                first: Some(100),
                next: 104,
                acked: Some(501),
                ..Side::default()
            },
            ..Ledger::default()
        }
    }

    #[rstest]
    #[case::challenge(sent(ACK, 104, 501, b""), Some(sent(SYN, 700, 0, b"")), "ACK")]
    #[case::taken(sent(ACK, 104, 502, b""), Some(sent(ACK, 501, 104, b"x")), "ACK of it")]
    #[case::beyond(
        sent(ACK, 104, 503, b""),
        Some(sent(ACK, 501, 104, b"x")),
        "ACK of something else"
    )]
    #[case::text(sent(ACK, 104, 501, b"a"), None, "DATA+ACK")]
    #[case::again(sent(ACK, 101, 501, b"abc"), None, "DATA+ACK again")]
    #[case::ahead(sent(ACK, 105, 501, b"a"), None, "DATA+ACK ahead")]
    #[case::fin(sent(FIN | ACK, 104, 502, b""), Some(sent(FIN | ACK, 501, 104, b"")), "FIN+ACK of it")]
    #[case::same_syn(sent(SYN | ACK, 100, 501, b""), Some(sent(SYN, 500, 0, b"")), "SYN+ACK of it again")]
    #[case::new_syn(sent(SYN | ACK, 900, 801, b""), Some(sent(SYN, 800, 0, b"")), "SYN+ACK of it")]
    #[case::of_the_ack(sent(RST, 77, 0, b""), Some(sent(ACK, 501, 77, b"")), "RST at SEG.ACK")]
    #[case::of_none(sent(RST | ACK, 0, 801, b""), Some(sent(SYN, 800, 0, b"")), "RST+ACK of it at 0")]
    #[case::abort(sent(RST | ACK, 104, 501, b""), None, "RST+ACK")]
    #[case::wrong(sent(RST, 9, 0, b""), Some(sent(ACK, 501, 77, b"")), "RST elsewhere")]
    fn packets_have_names(
        #[case] packet: Packet<'static>,
        #[case] cause: Option<Packet<'static>>,
        #[case] name: &str,
    ) {
        let mut text = String::new();
        describe(&packet, cause.as_ref(), &ledger(), &mut text);
        assert_eq!(text, name);
    }
}
