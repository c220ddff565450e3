//! What the payload of a packet must be: what its line says, what a call wrote out, or what the
//! case's header says.

use crate::expect::compare::difference;
use crate::expect::payload::{self, Direction};
use crate::program::{BodyPattern, PacketPattern, PayloadMode, TcpPattern};
use crate::verdict::Difference;
use crate::wire::{TcpFlags, TcpSegment};

use super::Run;
use super::connection::Connection;

impl Run<'_> {
    /// How a segment's payload differs from what its line, the call that sent it, or the case says.
    pub(super) fn payload_difference(
        &self,
        segment: &TcpSegment,
        pattern: &PacketPattern,
    ) -> Option<Difference> {
        if let BodyPattern::Tcp(TcpPattern {
            payload: Some(written),
            ..
        }) = &pattern.body
        {
            return contents_difference(written, &segment.payload);
        }
        let connection = self.connection.as_ref()?;
        let syn = segment.flags.contains(TcpFlags::SYN);
        let offset = Connection::stream_offset(connection.relative_local(segment), syn);
        // Bytes that a call wrote out stand where they were written.
        let text = |at: usize| {
            self.descriptors
                .text_at(self.subject?, offset.wrapping_add(at as u64))
        };
        let other = |at: usize, byte: u8| text(at).filter(|&text| text != byte);
        if let Some((at, &byte)) =
            (segment.payload.iter().enumerate()).find(|&(at, &byte)| other(at, byte).is_some())
        {
            let belongs = text(at).unwrap_or_default();
            return Some(difference(
                "payload",
                format!("byte {at} to be {belongs:#04x}, as the call wrote it"),
                format!("{byte:#04x}"),
            ));
        }
        if self.payload == PayloadMode::Zero {
            let at = (segment.payload.iter().enumerate())
                .position(|(at, &byte)| byte != 0 && text(at).is_none())?;
            let byte = format!("byte {at} is {:#04x}", segment.payload[at]);
            return Some(difference("payload", "zeros", byte));
        }
        let direction = Direction::FromStack;
        let mut seen = segment.payload.clone();
        for (at, byte) in seen.iter_mut().enumerate() {
            if text(at).is_some() {
                *byte = payload::byte_at(direction, offset.wrapping_add(at as u64));
            }
        }
        let (at, belongs, byte) = payload::first_difference(direction, offset, &seen)?;
        let shift = payload::shifted_from(direction, offset, &seen);
        let hint = shift.map_or(String::new(), |by| {
            format!(" (the stream's bytes {by:+} from here)")
        });
        Some(difference(
            "payload",
            format!(
                "byte {at} (stream offset {}) to be {belongs:#04x}",
                offset + at as u64
            ),
            format!("{byte:#04x}{hint}"),
        ))
    }
}

/// Where a payload departs from what the line says it is. Another length is reported as such.
fn contents_difference(written: &[u8], seen: &[u8]) -> Option<Difference> {
    let at = written
        .iter()
        .zip(seen)
        .position(|(want, got)| want != got)?;
    let byte = |bytes: &[u8]| format!("byte {at} is {:#04x}", bytes[at]);
    Some(difference("payload", byte(written), byte(seen)))
}
