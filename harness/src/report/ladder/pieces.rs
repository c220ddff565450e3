//! A packet in the script's notation, taken apart into its fields.

/// A field of a packet, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) field: Field,
    pub(super) text: String,
}

/// What a piece tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// The connection's name, headers around the packet, fields of the IP header.
    Around,
    Flags,
    Range,
    Ack,
    Window,
    Urgent,
    Options,
    /// Contents, and what is not TCP.
    Rest,
}

impl Field {
    /// Whether a difference of this name is one of this field.
    pub(super) fn is_named(self, difference: &str) -> bool {
        match self {
            Field::Around => matches!(
                difference,
                "ip" | "ttl" | "tos" | "ecn" | "flowlabel" | "ip_version" | "source" | "ports"
            ),
            Field::Flags => difference == "flags",
            Field::Range => matches!(difference, "seq" | "length"),
            Field::Ack => difference == "ack",
            Field::Window => difference == "window",
            Field::Urgent => difference == "urgent",
            Field::Options => difference == "options",
            Field::Rest => matches!(
                difference,
                "payload" | "protocol" | "icmp_type" | "icmp_code" | "unreadable"
            ),
        }
    }
}

/// Takes a packet line apart. The arrow is left out; nothing else is.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let words: Vec<&str> = text.split(' ').collect();
    let arrow = words.iter().position(|word| matches!(*word, "<" | ">"));
    let (name, rest) = match arrow {
        Some(arrow) => words.split_at(arrow),
        None => words.split_at(0),
    };
    let rest = rest.get(usize::from(arrow.is_some())..).unwrap_or(&[]);
    let mut pieces = Vec::new();
    let mut add = |field, text: String| {
        if !text.is_empty() {
            pieces.push(Piece { field, text });
        }
    };
    add(Field::Around, name.join(" "));
    match rest.iter().position(|word| is_range(word)) {
        Some(range) if range > 0 => {
            add(Field::Around, rest[..range - 1].join(" "));
            add(Field::Flags, rest[range - 1].to_string());
            add(Field::Range, rest[range].to_string());
            behind(&rest[range + 1..], &mut add);
        }
        Some(_) | None => add(Field::Rest, rest.join(" ")),
    }
    pieces
}

/// The fields behind the range: their order is that of the notation.
fn behind(words: &[&str], add: &mut dyn FnMut(Field, String)) {
    let mut words = words;
    for (word, field) in [
        ("ack", Field::Ack),
        ("win", Field::Window),
        ("urg", Field::Urgent),
    ] {
        if let [name, value, rest @ ..] = words
            && *name == word
        {
            add(field, format!("{name} {value}"));
            words = rest;
        }
    }
    let options = words.iter().position(|word| word.ends_with('>'));
    if let (Some(first), Some(end)) = (words.first(), options)
        && first.starts_with('<')
    {
        add(Field::Options, words[..=end].join(" "));
        words = &words[end + 1..];
    }
    add(Field::Rest, words.join(" "));
}

/// `1:1001(1000)`, with `*` for what is left open and `!` behind an absolute one.
fn is_range(word: &str) -> bool {
    let Some((numbers, length)) = word.split_once('(') else {
        return false;
    };
    let Some((first, end)) = numbers.split_once(':') else {
        return false;
    };
    let length = length.strip_suffix('!').unwrap_or(length);
    let Some(length) = length.strip_suffix(')') else {
        return false;
    };
    let plain = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b"*~-+".contains(&byte))
    };
    plain(first) && plain(end) && plain(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("> . 1:1(0) ack 2", "Flags=. Range=1:1(0) Ack=ack 2")]
    #[case(
        "@a < SEW 0:0(0) win 20000 <mss 1000,TS val 1 ecr 0>",
        "Around=@a Flags=SEW Range=0:0(0) Window=win 20000 Options=<mss 1000,TS val 1 ecr 0>"
    )]
    #[case(
        "> [ttl 64, ect0] P. 1:*(*)! ack 1 win 9 urg 3 \"a <b> ack 2\"",
        "Around=[ttl 64, ect0] Flags=P. Range=1:*(*)! Ack=ack 1 Window=win 9 Urgent=urg 3 Rest=\"a <b> ack 2\""
    )]
    #[case(
        "> ipv6 fd00::1 > fd00::2: R 0:0(0)   (another connection)",
        "Around=ipv6 fd00::1 > fd00::2: Flags=R Range=0:0(0) Rest=  (another connection)"
    )]
    #[case(
        "> icmp unreachable host_unreachable [1:2(1)]",
        "Rest=icmp unreachable host_unreachable [1:2(1)]"
    )]
    #[case("> unreadable: no header", "Rest=unreadable: no header")]
    #[case("", "")]
    fn each_field_has_its_piece(#[case] text: &str, #[case] want: &str) {
        let found: Vec<String> = pieces(text)
            .iter()
            .map(|piece| format!("{:?}={}", piece.field, piece.text))
            .collect();
        assert_eq!(found.join(" "), want);
    }
}
