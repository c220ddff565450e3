//! ICMP errors in packetdrill's notation.

use std::fmt::Write;

use super::{Read, read};
use crate::fuzz::subject::ends;
use crate::symbols::icmp::words;

/// What arrives and is no sound segment, as a line or a remark.
pub(in crate::fuzz) fn arrival(datagram: &[u8], iss: u32) -> String {
    match read(datagram) {
        Some(error) => format!("< {}", line(&error, iss)),
        None => "// A damaged datagram arrives, which cannot be written.".to_owned(),
    }
}

/// The error without the time and direction in front; the number quoted counts from `iss`. A quote that is of no segment of
/// the connection stands there as bytes.
pub(in crate::fuzz) fn line(error: &Read<'_>, iss: u32) -> String {
    let both = |number| match error.v6 {
        false => (Some(number), None),
        true => (None, Some(number)),
    };
    let mut line = format!("icmp {}", words(both(error.kind), both(error.code)));
    if let Some(mtu) = error.mtu {
        let _ = write!(line, " mtu {mtu}");
    }
    let ends = ends(error.v6);
    let ports = (ends.subject.1, ends.peer.1);
    match error.quoted {
        Some((own, peers, seq, len)) if (own, peers) == ports => {
            let from = seq.wrapping_sub(iss);
            let to = from.wrapping_add(len.into());
            let _ = write!(line, " [{from}:{to}({len})]");
        }
        _ => {
            let hex: String = error
                .quote
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let _ = write!(line, " data 0x{hex}");
        }
    }
    if !error.is_sound {
        line.push_str(" badsum");
    }
    line
}
