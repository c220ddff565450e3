//! Words of ICMP types and codes, for both families at once.

/// The number in ICMPv4 and in ICMPv6; `None` where it does not exist.
pub type Both = (Option<u8>, Option<u8>);

/// Type words.
pub const TYPES: &[(&str, Option<u8>, Option<u8>)] = &[
    ("unreachable", Some(3), Some(1)),
    ("packet_too_big", None, Some(2)),
    ("time_exceeded", Some(11), Some(3)),
    ("parameter_problem", Some(12), Some(4)),
    ("echo_request", Some(8), Some(128)),
    ("echo_reply", Some(0), Some(129)),
    ("router_advertisement", None, Some(134)),
    ("source_quench", Some(4), None),
    ("redirect", Some(5), None),
    ("timestamp_request", Some(13), None),
    ("timestamp_reply", Some(14), None),
    ("information_request", Some(15), None),
    ("information_reply", Some(16), None),
    ("address_mask_request", Some(17), None),
    ("address_mask_reply", Some(18), None),
];

/// Code words by type word.
pub const CODES: &[(&str, &str, Option<u8>, Option<u8>)] = &[
    ("unreachable", "net_unreachable", Some(0), Some(0)),
    ("unreachable", "host_unreachable", Some(1), None),
    ("unreachable", "protocol_unreachable", Some(2), None),
    ("unreachable", "port_unreachable", Some(3), Some(4)),
    ("unreachable", "frag_needed", Some(4), None),
    ("unreachable", "source_route_failed", Some(5), None),
    ("unreachable", "net_unknown", Some(6), None),
    ("unreachable", "host_unknown", Some(7), None),
    ("unreachable", "source_host_isolated", Some(8), None),
    ("unreachable", "net_prohibited", Some(9), None),
    ("unreachable", "host_prohibited", Some(10), None),
    ("unreachable", "net_unreachable_for_tos", Some(11), None),
    ("unreachable", "host_unreachable_for_tos", Some(12), None),
    ("unreachable", "packet_filtered", Some(13), None),
    ("unreachable", "precedence_violation", Some(14), None),
    ("unreachable", "precedence_cutoff", Some(15), None),
    ("unreachable", "no_route", None, Some(0)),
    ("unreachable", "admin_prohibited", None, Some(1)),
    ("unreachable", "not_neighbour", None, Some(2)),
    ("unreachable", "address_unreachable", None, Some(3)),
    ("time_exceeded", "ttl_exceeded_in_transit", Some(0), None),
    ("time_exceeded", "frag_reass_exceeded", Some(1), None),
    ("time_exceeded", "exceeded_hop_limit", None, Some(0)),
    ("time_exceeded", "exceeded_frag_time", None, Some(1)),
    ("parameter_problem", "header_field", None, Some(0)),
    ("parameter_problem", "unknown_next_header", None, Some(1)),
    ("parameter_problem", "unknown_option", None, Some(2)),
];

/// The words of a type and a code, as a script writes them; `type_N` and `code_N` where there is
/// none, and no code for code 0 without a word. A number counts only where it is known.
pub fn words(kind: Both, code: Both) -> String {
    let fits = |known: Both, wanted: Both| {
        (wanted.0.is_none() || known.0 == wanted.0) && (wanted.1.is_none() || known.1 == wanted.1)
    };
    let number = |(v4, v6): Both| v4.or(v6).unwrap_or(0);
    let types = TYPES.iter().find(|(_, v4, v6)| fits((*v4, *v6), kind));
    let word = types.map(|(name, ..)| *name);
    let codes = CODES
        .iter()
        .find(|(of, _, v4, v6)| Some(*of) == word && fits((*v4, *v6), code));
    let mut text = word.map_or_else(|| format!("type_{}", number(kind)), str::to_owned);
    match codes {
        Some((_, name, ..)) => text = format!("{text} {name}"),
        None if number(code) != 0 => text = format!("{text} code_{}", number(code)),
        None => {}
    }
    text
}
