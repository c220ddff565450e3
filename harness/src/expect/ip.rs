//! Comparison of what surrounds TCP: the IP header, layers, UDP, ICMP, pieces of datagrams.

use std::fmt::Display;

use crate::program::{
    EcnPattern, FragmentPattern, IcmpPattern, IcmpQuote, IpPattern, LayerPattern, Match,
    PacketPattern, UdpPattern,
};
use crate::verdict::Difference;
use crate::wire::encapsulation::Layer;
use crate::wire::{IcmpMessage, IpFields, IpHeader, Parsed, Piece};

use super::compare::difference;
use super::show;

/// Bytes of the header of every ICMP message.
const ICMP_HEADER: usize = 8;

/// The layers and the IP header a line demands against those of a packet.
pub fn headers(expected: &PacketPattern, seen: &Parsed) -> Vec<Difference> {
    let mut found = layers(&expected.layers, &seen.layers);
    found.extend(annotation(&expected.ip, &seen.packet.ip));
    found.extend(header(&expected.ip, &seen.header));
    found
}

/// Number and kinds of layers, and what packetdrill compares of each: of IP what is annotated,
/// of GRE the flags and the fields that are present, of MPLS every bit.
fn layers(expected: &[LayerPattern], seen: &[Layer]) -> Vec<Difference> {
    let same_kinds = expected.len() == seen.len()
        && expected.iter().zip(seen).all(|pair| match pair {
            (LayerPattern::Ip { source, .. }, Layer::Ip(ip)) => {
                source.is_ipv4() == ip.source.is_ipv4()
            }
            (LayerPattern::Gre(_), Layer::Gre(_)) | (LayerPattern::Mpls(_), Layer::Mpls(_)) => true,
            _ => false,
        });
    let text = |layers: &[LayerPattern]| match show::layers(layers) {
        text if text.is_empty() => "none".to_string(),
        text => text.trim_end().to_string(),
    };
    if !same_kinds {
        return vec![difference(
            "layers",
            text(expected),
            text(&as_written(seen)),
        )];
    }
    let mut found = Vec::new();
    for (want, got) in expected.iter().zip(seen) {
        match (want, got) {
            (LayerPattern::Ip { ip, .. }, Layer::Ip(fields)) => {
                found.extend(annotation(ip, fields).into_iter().map(|inner| Difference {
                    field: outer_name(inner.field),
                    ..inner
                }));
            }
            (LayerPattern::Gre(want), Layer::Gre(got)) if want.takes(got) => {}
            (LayerPattern::Mpls(want), Layer::Mpls(got)) if want == got => {}
            (want, got) => {
                let field = match want {
                    LayerPattern::Gre(_) => "gre",
                    LayerPattern::Ip { .. } | LayerPattern::Mpls(_) => "mpls",
                };
                let seen = as_written(std::slice::from_ref(got));
                let want = text(std::slice::from_ref(want));
                found.push(difference(field, want, text(&seen)));
            }
        }
    }
    found
}

/// The layers of a packet as a script would write them.
pub fn as_written(layers: &[Layer]) -> Vec<LayerPattern> {
    layers
        .iter()
        .map(|layer| match layer {
            Layer::Ip(fields) => LayerPattern::Ip {
                ip: IpPattern {
                    tos: Some(fields.traffic_class).filter(|&tos| tos != 0),
                    ..IpPattern::default()
                },
                source: fields.source,
                destination: fields.destination,
            },
            Layer::Gre(header) => LayerPattern::Gre(*header),
            Layer::Mpls(entries) => LayerPattern::Mpls(entries.clone()),
        })
        .collect()
}

fn outer_name(field: &'static str) -> &'static str {
    match field {
        "ecn" => "outer ecn",
        "dscp" => "outer dscp",
        "tos" => "outer tos",
        "ttl" => "outer ttl",
        other => other,
    }
}

fn annotation(expected: &IpPattern, ip: &IpFields) -> Vec<Difference> {
    let mut found = Vec::new();
    let ecn = ip.traffic_class & 3;
    let name = |bits: u8| ["noecn", "ect1", "ect0", "ce"][usize::from(bits & 3)];
    match expected.ecn {
        Some(EcnPattern::Bits(bits)) if bits != ecn => {
            found.push(difference("ecn", name(bits), name(ecn)));
        }
        Some(EcnPattern::EctAny) if ecn != 1 && ecn != 2 => {
            found.push(difference("ecn", "ect01", name(ecn)));
        }
        Some(EcnPattern::Bits(_) | EcnPattern::EctAny) | None => {}
    }
    let hex = |byte: u8| format!("{byte:#04x}");
    let dscp = ip.traffic_class >> 2;
    if let Some(want) = expected.dscp.filter(|&want| want != dscp) {
        found.push(difference("dscp", hex(want), hex(dscp)));
    }
    if let Some(tos) = expected.tos.filter(|&tos| tos != ip.traffic_class) {
        found.push(difference("tos", hex(tos), hex(ip.traffic_class)));
    }
    found.extend(matched("ttl", expected.ttl, Some(ip.ttl)));
    found
}

/// Identification, DF, and which piece it is.
fn header(expected: &IpPattern, seen: &IpHeader) -> Vec<Difference> {
    let mut found: Vec<Difference> = matched("id", expected.id, seen.id).into_iter().collect();
    let flag = |set| if set { "df" } else { "nodf" };
    if let Some(want) = expected.dont_fragment
        && seen.dont_fragment != Some(want)
    {
        found.push(difference("df", flag(want), flag(!want)));
    }
    found
}

fn matched<T: PartialOrd + Copy + Display>(
    field: &'static str,
    wanted: Option<Match<T>>,
    seen: Option<T>,
) -> Option<Difference> {
    let wanted = wanted?;
    if seen.is_some_and(|seen| wanted.takes(seen)) {
        return None;
    }
    let seen = seen.map_or("none".to_string(), |seen| seen.to_string());
    Some(difference(field, wanted.to_string(), seen))
}

/// Length and contents; ports that are written choose the packet rather than judge it.
pub(super) fn udp(want: &UdpPattern, payload: &[u8]) -> Vec<Difference> {
    let mut found = Vec::new();
    if usize::from(want.len) != payload.len() {
        let seen = payload.len().to_string();
        found.push(difference("length", want.len.to_string(), seen));
    }
    found.extend(contents(want.contents.as_deref(), payload));
    found
}

/// The first byte that differs from what is written, or from zero.
fn contents(want: Option<&[u8]>, got: &[u8]) -> Option<Difference> {
    let zero = vec![0; got.len()];
    let want = want.unwrap_or(&zero);
    let at = want.iter().zip(got).position(|(want, got)| want != got)?;
    Some(difference(
        "payload",
        format!("byte {at} to be {:#04x}", want[at]),
        format!("{:#04x}", got[at]),
    ))
}

/// Type and code; and, beyond packetdrill, whatever else is written. `got` is the message as a
/// script would write it.
pub(super) fn icmp(
    want: &IcmpPattern,
    got: &IcmpPattern,
    message: &IcmpMessage,
    v4: bool,
    drop_in: bool,
) -> Vec<Difference> {
    let pick = |(four, six): (Option<u8>, Option<u8>)| if v4 { four } else { six }.unwrap_or(0);
    let mut found: Vec<Difference> = [
        ("icmp_type", want.kind, got.kind),
        ("icmp_code", want.code, got.code),
    ]
    .into_iter()
    .filter(|(_, want, got)| pick(*want) != pick(*got))
    .map(|(name, want, got)| difference(name, pick(want).to_string(), pick(got).to_string()))
    .collect();
    if drop_in {
        found.extend(length(packetdrills_length(want, v4), message));
        return found;
    }
    let number = |value: Option<u32>| value.map_or("none".to_string(), |value| value.to_string());
    for (name, want, got) in [
        ("icmp_mtu", want.mtu, got.mtu),
        ("icmp_id", want.id.map(u32::from), got.id.map(u32::from)),
        (
            "icmp_seq",
            want.sequence.map(u32::from),
            got.sequence.map(u32::from),
        ),
    ] {
        if want.is_some() && want != got {
            found.push(difference(name, number(want), number(got)));
        }
    }
    match &want.quote {
        None => {}
        Some(IcmpQuote::Raw(len)) => found.extend(length(usize::from(*len), message)),
        Some(IcmpQuote::Contents(bytes)) => {
            found.extend(length(8 + bytes.len(), message));
            found.extend(contents(Some(bytes), &message.payload));
        }
        Some(wanted) if got.quote.as_ref() == Some(wanted) => {}
        Some(wanted) => found.push(difference(
            "icmp_quote",
            show::quote(wanted),
            got.quote.as_ref().map_or("none".to_string(), show::quote),
        )),
    }
    found
}

fn length(wanted: usize, message: &IcmpMessage) -> Option<Difference> {
    let seen = ICMP_HEADER + message.payload.len();
    (wanted != seen).then(|| difference("length", wanted.to_string(), seen.to_string()))
}

/// packetdrill compares the length of the datagram: behind the header of a message that it writes
/// stand an IP header and 8 bytes (with TCP inside UDP 16), or what `raw` says.
fn packetdrills_length(want: &IcmpPattern, v4: bool) -> usize {
    let header = if v4 { 20 } else { 40 };
    match &want.quote {
        Some(IcmpQuote::Raw(len)) => usize::from(*len),
        Some(IcmpQuote::Contents(bytes)) => ICMP_HEADER + bytes.len(),
        Some(IcmpQuote::Tcp { udp: Some(_), .. }) => ICMP_HEADER + header + 16,
        Some(IcmpQuote::Tcp { .. } | IcmpQuote::Udp(_)) | None => ICMP_HEADER + header + 8,
    }
}

/// A piece of a datagram against the line, which describes the whole. `total` is the length of
/// what the line describes behind the IP header, `body` that of it which can be compared: `None`
/// for bytes that the script does not name (ports, checksums).
pub fn piece(
    want: FragmentPattern,
    body: &[Option<u8>],
    seen: Piece,
    bytes: &[u8],
) -> Vec<Difference> {
    let text = |first: usize, end: usize, more: bool| {
        format!(
            "{first}:{end}{}",
            if more { " and more" } else { ", the last" }
        )
    };
    let more = want.more || usize::from(want.end) < body.len();
    let wanted = text(usize::from(want.first), usize::from(want.end), more);
    let got = text(usize::from(seen.offset), seen.end(), seen.more);
    if wanted != got {
        return vec![difference("frag", wanted, got)];
    }
    let wanted = &body[usize::from(want.first)..usize::from(want.end)];
    let at = wanted
        .iter()
        .zip(bytes)
        .position(|(want, got)| want.is_some_and(|want| want != *got));
    let found = at.map(|at| {
        difference(
            "payload",
            format!(
                "byte {} of the datagram to be {:#04x}",
                at + usize::from(want.first),
                wanted[at].unwrap_or(0)
            ),
            format!("{:#04x}", bytes[at]),
        )
    });
    found.into_iter().collect()
}
