//! The registry of diagnostic codes. A code, once given, keeps its meaning.

/// One kind of diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The stable id, such as `S001`.
    pub id: &'static str,
    /// What it means, in one line.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident = $id:literal: $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $id;)*
        /// Every code there is, in order.
        pub const ALL: &[Code] = &[$(Code { id: $id, meaning: $meaning }),*];
    };
}

codes! {
    UNCLOSED_COMMENT = "S001": "A `/*` comment has no `*/`.";
    UNCLOSED_STRING = "S002": "A string has no closing quote.";
    UNCLOSED_COMMAND = "S003": "A command has no closing back quote.";
    UNCLOSED_CODE = "S004": "A `%{` block has no `}%`.";
    UNEXPECTED = "S005": "Something else was expected here.";
    DIRECTIVE = "S006": "A `#` that begins no condition; comments start with `//`.";
    UNBALANCED_DIRECTIVE = "S007": "An `#elif`, `#else` or `#endif` without its `#ifdef` or `#if`.";
    UNCLOSED_IFDEF = "S008": "An `#ifdef` or `#if` has no `#endif`.";
    NUMBER = "S009": "A number that cannot be read or is too large.";
    OPTION_ORDER = "S010": "An option line after the first event; option lines come first.";
    COMMAND_ORDER = "S011": "A command without a time between two events; only the first and the last may lack one.";
    NO_EVENT = "S012": "The script has no event.";
    TIME = "S013": "A time that cannot be read, or one that mixes its forms.";
    FLAGS = "S014": "TCP flags that cannot be read.";
    ESCAPE = "S015": "A string holds an unknown escape.";
    NESTING = "S016": "Brackets nested too deeply.";
    TCP_OPTION = "S017": "An unknown TCP option.";
    EMPTY_OPTIONS = "S018": "An option list with nothing inside.";
    HEX_BYTES = "S019": "Bytes that are not an even number of hex digits.";
    CODE_SYNTAX = "S020": "A code block that is not valid code.";
    FIELD_ORDER = "S021": "The parts of a TCP line are out of order.";
    ANNOTATION = "S022": "An IP annotation that cannot be read.";
    LAYER = "S023": "An encapsulation layer that cannot be read.";
    SUPERSET = "S024": "A form that packetdrill does not have, where only its own language is taken.";
    OPEN_RANGE = "S025": "A sequence range whose end says more than its start and its length.";
    FRAGMENT = "S030": "A piece of a datagram that is not written as `frag FIRST:END`.";
    UDP_ENCAPSULATION = "S031": "A suffix that is not written as `/udp(SPORT > DPORT)`.";
    CONDITION = "S035": "A condition behind `#if` or `#elif` that cannot be read.";
    CONNECTION_NAME = "S036": "An `@` without the name of a connection.";
    COMMAND_QUOTE = "S040": "A command with a quote that is never closed.";

    OPTION_NAME = "C001": "An option line with an unknown name.";
    OPTION_VALUE = "C002": "An option line whose value is missing, surplus or not legal.";
    CALL_NAME = "C003": "An unknown system call.";
    ARGUMENT_COUNT = "C004": "A call with too many or too few arguments.";
    ARGUMENT_TYPE = "C005": "An argument of a form the call does not take.";
    SYMBOL = "C006": "An unknown symbol.";
    ERRNO = "C007": "An unknown errno name.";
    RANGE_ARITHMETIC = "C008": "A sequence range whose end is not its start plus its length.";
    RANGE_WRAPS = "C009": "A sequence range that passes 2^32 - 1.";
    MISSING_WINDOW = "C010": "An inbound TCP line without `win`.";
    TIME_BACKWARDS = "C011": "An absolute time before the absolute time of an earlier event.";
    RANGE_BACKWARDS = "C012": "A time range, or a call, that ends before it starts.";
    OPTIONS_UNALIGNED = "C013": "TCP options whose length is not a multiple of four bytes.";
    HEADER_TOO_LONG = "C014": "A TCP header longer than 60 bytes.";
    VALUE_RANGE = "C015": "A number outside its field.";
    FIRST_TIME = "C016": "The first event is not at time 0.";
    TIME_FORM = "C017": "A time form that this kind of event does not take.";
    ICMP_WORD = "C018": "An unknown ICMP type or code.";
    ICMP_FIELD = "C019": "A field that this ICMP message does not have.";
    ANNOTATION_USE = "C020": "An IP annotation that cannot stand here.";
    OPTIONS_ANY = "C021": "`<...>` on an inbound line.";
    HEADER_LINE = "C022": "A header comment line with a value that is not legal.";
    OPTION_LENGTH = "C023": "A TCP option of a length it cannot have.";
    COUNT_MISMATCH = "C024": "A count or length that disagrees with what it counts.";
    ERRNO_WITH_SUCCESS = "C025": "An errno beside a result other than -1.";
    ANY_ERRNO = "C026": "A result of -1 without an errno accepts any error (a warning).";
    DATAGRAM_TOO_LONG = "C027": "A packet longer than IP can carry.";
    ACE_FLAGS = "C028": "An AccECN digit together with E, W or A.";
    CODE_NAME = "C029": "A name that no code block can see.";
    LAYER_VALUE = "C030": "An encapsulation layer with a value that is not legal.";
    NOT_ONE_VALUE = "C031": "A wildcard or a range where one value is needed.";
    VALUES_BACKWARDS = "C032": "A range of values that ends before it starts.";
    PAYLOAD_LENGTH = "C033": "Payload contents of another length than the line says.";
    DAMAGE_USE = "C034": "A malformed header that cannot stand here.";
    RESET_REASON = "C035": "The reason of a reset on a segment that is none, or beside other contents.";
    FRAGMENT_RANGE = "C037": "A piece that does not lie in its datagram, or not on a multiple of eight bytes.";
    FRAGMENT_USE = "C038": "A piece of a packet that cannot be compared in pieces.";
    LAYER_ORDER = "C039": "Encapsulation layers in an order that no packet has.";
    CONDITION_VALUE = "C043": "A condition that asks for something that is not known.";
    SILENCE_RANGE = "C044": "A `nothing` without a time range.";
    CONNECTION_USE = "C045": "The name of a connection where no connection is meant.";
    CONNECTION_UNKNOWN = "C046": "The name of a connection that no line before has opened.";
    FLAGS_SENT = "C050": "`msg_flags` other than 0 in `sendmsg`, which takes no notice of them.";
    BUFFER_LENGTH = "C051": "More bytes written out for a buffer than its length says.";
    DESCRIPTOR_TOLD = "C052": "A `dup2` or `dup3` with another result than the descriptor it is told.";
    SIGNAL_HANDLER = "C053": "A signal that no line before has set a handler for.";
    EVENT_OF_NONE = "C054": "An event to compare where none is returned.";
    CODE_RAISES = "C057": "A code block that can only raise an exception.";
    CODE_ARGUMENTS = "C058": "A function of a code block with too many or too few arguments.";
    CODE_TUPLE = "C059": "An assertion that always holds, being a tuple (a warning).";

    PACKET_DIFFERS = "R001": "The stack sent a packet that differs from the line.";
    PACKET_MISSING = "R002": "The stack did not send a packet in time.";
    PACKET_SURPLUS = "R003": "The stack sent a packet that the script does not mention.";
    CALL_DIFFERS = "R004": "A call gave something else, or did not return.";
    ASSERTION = "R005": "An assertion of a code block does not hold.";
    COMMAND_FAILED = "R006": "A command ended with a status other than 0.";
    WRONG_TIME = "R007": "The packet or the result is right, but not its time.";
    NOT_SENDABLE = "R008": "An inbound packet could not be built from what has happened so far.";
    UNREADABLE = "R009": "The stack sent bytes that are no valid packet.";
    NOT_SILENT = "R010": "The stack sent a packet while it should send nothing.";
    BROKEN = "R011": "The stack, running in this process, panicked or came to no end.";
}

/// What `id` means, if it is a code.
pub fn explain(id: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|code| code.id == id)
        .map(|code| code.meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_in_order() {
        for pair in ALL.windows(2) {
            let rank = |id: &str| ("SCR".find(&id[..1]), id.to_owned());
            assert!(
                rank(pair[0].id) < rank(pair[1].id),
                "{} before {}",
                pair[0].id,
                pair[1].id
            );
        }
    }

    #[test]
    fn the_reference_page_lists_every_code_with_its_meaning() {
        let page = include_str!("../../../docs/diagnostics.md");
        for code in ALL {
            let row = format!("| {} | {} |", code.id, code.meaning);
            assert!(
                page.contains(&row),
                "docs/diagnostics.md lacks the row: {row}"
            );
        }
    }

    /// No code is made up on the spot, and none of the run is forgotten here.
    #[test]
    fn the_codes_in_the_sources_are_these() {
        let mut used = std::collections::BTreeSet::new();
        let mut folders = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src"
        ))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs")
                    && !path.ends_with("diagnostic/code.rs")
                {
                    used.extend(run_codes(&std::fs::read_to_string(path).unwrap()));
                }
            }
        }
        let known = ALL
            .iter()
            .map(|code| code.id.to_owned())
            .filter(|id| id.starts_with('R'));
        assert_eq!(used, known.collect());
    }

    /// Every `"R…"` literal with three digits.
    fn run_codes(text: &str) -> Vec<String> {
        text.split('"')
            .filter(|word| {
                word.len() == 4
                    && word.starts_with('R')
                    && word[1..].bytes().all(|byte| byte.is_ascii_digit())
            })
            .map(str::to_owned)
            .collect()
    }
}
