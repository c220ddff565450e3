//! What surrounds TCP on outbound lines: UDP, ICMP with its quotes, pieces, TCP inside UDP.

use crate::call::Call;
use crate::expect::compare::difference;
use crate::expect::ip;
use crate::program::{
    Action, BodyPattern, FragmentPattern, IcmpPattern, IcmpQuote, PacketPattern, Step, UdpPattern,
};
use crate::verdict::Difference;
use crate::wire::{self, IcmpMessage, Packet, Parsed, Piece, Transport};

use super::Run;
use super::outbound::Seen;

/// More bytes than anybody wants to read on a line.
const SHOWN: usize = 64;
const UDP: u8 = 17;

/// A UDP payload as a script would write it: its contents only if they are not zeros.
pub(super) fn udp_as_written(payload: &[u8]) -> UdpPattern {
    let told = payload.len() <= SHOWN && payload.iter().any(|&byte| byte != 0);
    UdpPattern {
        len: u16::try_from(payload.len()).unwrap_or(u16::MAX),
        contents: told.then(|| payload.to_vec()),
        ..UdpPattern::default()
    }
}

impl Run<'_> {
    /// Whether ICMP messages of the stack are looked at: to packetdrill only those of ICMP sockets.
    pub(super) fn sees_icmp(&self) -> bool {
        let icmp_socket = |step: &Step| {
            matches!(&step.action, Action::Call(call)
                if matches!(call.call, Call::Socket { protocol: 1 | 58, .. }))
        };
        !self.drop_in || self.program.steps.iter().any(icmp_socket)
    }

    /// Where TCP travels inside UDP: the segment, and the ports of UDP around it.
    pub(super) fn take_out_of_udp(
        &self,
        parsed: Parsed,
        expected: Option<&PacketPattern>,
    ) -> Result<(Parsed, Option<(u16, u16)>), String> {
        let written = expected.is_some_and(|pattern| pattern.udp_encapsulation.is_some());
        if !written && !self.options.udp_encapsulation {
            return Ok((parsed, None));
        }
        Ok(match wire::tcp_in_udp(&parsed)? {
            Some((ports, inner)) => (inner, Some(ports)),
            None => (parsed, None),
        })
    }

    /// Whether this is a piece of a datagram to the harness: which connection's, its ports would
    /// say, and they stand in the first piece only.
    pub(super) fn is_piece_of_ours(&mut self, parsed: &Parsed) -> bool {
        let Some(piece) = parsed.header.piece else {
            return false;
        };
        let ours = parsed.packet.ip.destination == self.addresses.remote_ip;
        if let (
            true,
            0,
            Transport::Other {
                protocol: UDP,
                payload,
            },
        ) = (ours, piece.offset, &parsed.packet.transport)
            && let (Some([high, low]), Some(connection)) =
                (payload.first_chunk::<2>(), self.connection.as_mut())
        {
            let port = u16::from_be_bytes([*high, *low]);
            connection.local_port.get_or_insert(port);
        }
        ours
    }

    /// A piece against the line that describes its whole datagram. When the last one missing has
    /// come, the whole is read as well: only then its checksum can be judged.
    pub(super) fn judge_piece(
        &mut self,
        seen: &Seen,
        pattern: &PacketPattern,
        wanted: Option<FragmentPattern>,
        piece: Option<Piece>,
    ) -> Vec<Difference> {
        let mut found = ip::headers(pattern, &seen.parsed);
        let name = |end: usize, first: u16| format!("the piece {first}:{end}");
        let whole = || "a whole datagram".to_string();
        let (Some(wanted), Some(piece)) = (wanted, piece) else {
            let expected = wanted.map_or_else(whole, |w| name(usize::from(w.end), w.first));
            let actual = piece.map_or_else(whole, |piece| name(piece.end(), piece.offset));
            found.push(difference("frag", expected, actual));
            return found;
        };
        let Transport::Other { protocol, payload } = &seen.parsed.packet.transport else {
            return found;
        };
        let v4 = seen.parsed.packet.ip.source.is_ipv4();
        let (number, body) = self.described(pattern, v4);
        if number != *protocol {
            let (expected, actual) = (number.to_string(), protocol.to_string());
            found.push(difference("protocol", expected, actual));
        }
        found.extend(ip::piece(wanted, &body, piece, payload));
        let id = seen.parsed.header.id.unwrap_or(0);
        if let Some(payload) = self.pieces.add(id, *protocol, piece, payload) {
            let transport = Transport::Other {
                protocol: *protocol,
                payload,
            };
            let ip = seen.parsed.packet.ip.clone();
            let whole = Packet { ip, transport }.build();
            found.extend(match whole.and_then(|bytes| wire::parse(&bytes)) {
                Ok(whole) => whole
                    .faults
                    .iter()
                    .map(|fault| {
                        difference(fault.field(), "a well-formed packet", fault.to_string())
                    })
                    .collect(),
                Err(problem) => vec![difference("unreadable", "a well-formed packet", problem)],
            });
        }
        found
    }

    /// Protocol number and bytes behind the IP header of the datagram that a line describes;
    /// `None` for a byte that it leaves open.
    fn described(&self, pattern: &PacketPattern, v4: bool) -> (u8, Vec<Option<u8>>) {
        match &pattern.body {
            BodyPattern::Udp(udp) => (UDP, self.described_udp(udp)),
            BodyPattern::Icmp(icmp) => (if v4 { 1 } else { 58 }, described_icmp(icmp, v4)),
            BodyPattern::Tcp(_) => (6, Vec::new()),
        }
    }

    fn described_udp(&self, udp: &UdpPattern) -> Vec<Option<u8>> {
        let connection = self.connection.as_ref();
        let (source, destination) = udp.ports.unwrap_or((0, 0));
        let known = |written: u16, other: Option<u16>| match written {
            0 => other,
            port => Some(port),
        };
        let half = |value: Option<u16>| match value.map(u16::to_be_bytes) {
            Some([high, low]) => [Some(high), Some(low)],
            None => [None, None],
        };
        let ours = connection.and_then(|connection| connection.local_port);
        let theirs = connection.map(|connection| connection.remote_port);
        let mut body = Vec::new();
        body.extend(half(known(source, ours)));
        body.extend(half(known(destination, theirs)));
        body.extend(half(udp.len.checked_add(8)));
        body.extend([None, None]);
        match &udp.contents {
            Some(bytes) => body.extend(bytes.iter().copied().map(Some)),
            None => body.extend(vec![Some(0); usize::from(udp.len)]),
        }
        body
    }

    /// An ICMP message of the stack as a script would write it.
    pub(super) fn icmp_as_written(&self, message: &IcmpMessage) -> IcmpPattern {
        let v4 = self.addresses.local_ip.is_ipv4();
        let of = |number: u8| {
            if v4 {
                (Some(number), None)
            } else {
                (None, Some(number))
            }
        };
        let echo = matches!((message.kind, v4), (0 | 8, true) | (128 | 129, false));
        let [a, b, c, d] = message.rest_of_header;
        let mtu = match (message.kind, message.code, v4) {
            (3, 4, true) => Some(u32::from(u16::from_be_bytes([c, d]))),
            (2, _, false) => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        };
        let error = matches!(
            (message.kind, v4),
            (3 | 4 | 5 | 11 | 12, true) | (1..=4, false)
        );
        let quoted = if error {
            self.quoted(&message.payload, v4)
        } else if !message.payload.is_empty() && message.payload.len() <= SHOWN {
            Some(IcmpQuote::Contents(message.payload.clone()))
        } else {
            None
        };
        let raw = || IcmpQuote::Raw(u16::try_from(8 + message.payload.len()).unwrap_or(u16::MAX));
        IcmpPattern {
            kind: of(message.kind),
            code: of(message.code),
            mtu,
            id: echo.then(|| u16::from_be_bytes([a, b])),
            sequence: echo.then(|| u16::from_be_bytes([c, d])),
            quote: Some(quoted.unwrap_or_else(raw)),
            bad_checksum: false,
        }
    }

    /// The datagram of the harness that an ICMP error quotes, if it went from the harness to the
    /// stack. Its ports may be any: lines can name others. Numbers are the script's.
    fn quoted(&self, bytes: &[u8], v4: bool) -> Option<IcmpQuote> {
        let (header, to) = if v4 { (20, 16) } else { (40, 24) };
        let width = if v4 { 4 } else { 16 };
        let address = |at: usize| bytes.get(at..at + width);
        let octets = |ip: std::net::IpAddr| match ip {
            std::net::IpAddr::V4(ip) => ip.octets().to_vec(),
            std::net::IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        if address(to - width)? != octets(self.addresses.remote_ip)
            || address(to)? != octets(self.addresses.local_ip)
        {
            return None;
        }
        let half = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
        // The length behind the IP header, as that header says it.
        let carried = match v4 {
            true => half(2)?.checked_sub(header)?,
            false => half(4)?,
        };
        let header = usize::from(header);
        let mut protocol = *bytes.get(if v4 { 9 } else { 6 })?;
        let (mut at, mut carried, mut udp) = (header, carried, None);
        if protocol == UDP && self.options.udp_encapsulation {
            udp = Some((half(at)?, half(at + 2)?));
            (protocol, at, carried) = (6, at + 8, carried.checked_sub(8)?);
        }
        match protocol {
            UDP => Some(IcmpQuote::Udp(carried.checked_sub(8)?)),
            6 => {
                let connection = self.connection.as_ref()?;
                let live = u32::from(half(at + 4)?) << 16 | u32::from(half(at + 6)?);
                // How long the TCP header is stands beyond the eight bytes that must be quoted.
                let offset = bytes
                    .get(at + 12)
                    .map_or(20, |byte| u16::from(byte >> 4) * 4);
                Some(IcmpQuote::Tcp {
                    seq: connection.remote_number(live),
                    len: carried.checked_sub(offset)?,
                    udp,
                })
            }
            _ => None,
        }
    }
}

/// What a line says of an ICMP message, byte by byte.
fn described_icmp(icmp: &IcmpPattern, v4: bool) -> Vec<Option<u8>> {
    let pick = |(four, six): (Option<u8>, Option<u8>)| if v4 { four } else { six };
    let mut body = vec![pick(icmp.kind), pick(icmp.code), None, None];
    for field in [icmp.id, icmp.sequence] {
        match field.map(u16::to_be_bytes) {
            Some([high, low]) => body.extend([Some(high), Some(low)]),
            None => body.extend([None, None]),
        }
    }
    match &icmp.quote {
        Some(IcmpQuote::Contents(bytes)) => body.extend(bytes.iter().copied().map(Some)),
        Some(IcmpQuote::Raw(len)) => body.resize(usize::from(*len), None),
        Some(IcmpQuote::Tcp { .. } | IcmpQuote::Udp(_)) | None => {}
    }
    body
}
