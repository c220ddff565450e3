//! Whether a server listens on a port: one SYN, and a reset for its answer.

use std::net::IpAddr;
use std::time::Duration;

use super::line::Line;
use crate::wire::{IpFields, Packet, TcpFlags, TcpSegment, Transport, parse};

/// How long the answer may take; the SYN is repeated as often as this is tried.
const TRIES: u32 = 3;
const ANSWER: Duration = Duration::from_secs(1);

/// Opens half a connection to a server and takes it back.
///
/// # Errors
/// What came instead of a SYN-ACK.
pub(super) fn meet(line: &mut Line, own: IpAddr, server: (IpAddr, u16)) -> Result<(), String> {
    let number = getrandom::u32().map_err(|error| error.to_string())?;
    let port = 30_000 + (number % 2_000) as u16;
    let segment = |flags: TcpFlags, sequence: u32| {
        let packet = Packet {
            ip: IpFields {
                source: own,
                destination: server.0,
                ttl: 64,
                traffic_class: 0,
                flow_label: 0,
            },
            transport: Transport::Tcp(TcpSegment {
                source_port: port,
                destination_port: server.1,
                sequence,
                acknowledgment: 0,
                flags,
                reserved: 0,
                window: 65_535,
                urgent: 0,
                options: Vec::new(),
                payload: Vec::new(),
            }),
        };
        packet.build()
    };
    let fail = |error: crate::target::TargetError| error.to_string();
    for _ in 0..TRIES {
        line.inject(&segment(TcpFlags::SYN, number)?)
            .map_err(fail)?;
        let end = line.now() + ANSWER;
        while let Some(packet) = line.next_packet(end).map_err(fail)? {
            let Ok(parsed) = parse(&packet.bytes) else {
                continue;
            };
            let Transport::Tcp(answer) = parsed.packet.transport else {
                continue;
            };
            if answer.source_port != server.1 || answer.destination_port != port {
                continue;
            }
            if answer.flags.contains(TcpFlags::SYN.with(TcpFlags::ACK)) {
                let reset = segment(TcpFlags::RST, number.wrapping_add(1))?;
                line.inject(&reset).map_err(fail)?;
                return Ok(());
            }
            return Err(format!(
                "no server listens on port {} of {}: it answers a SYN with a reset",
                server.1, server.0
            ));
        }
    }
    Err(format!(
        "{} does not answer a SYN to its port {}: is it the right address, does a firewall stand before it, or is the server's backlog full because it never accepts? (docs/wire.md has one that does)",
        server.0, server.1
    ))
}
