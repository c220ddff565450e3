//! Whatever stands in a file, reading it ends with a program or with diagnostics, never with a panic.

use proptest::prelude::*;
use proptest::sample::select;

use tcpdrill::diagnostic::Severity;
use tcpdrill::diagnostic::render::{Color, render_all};
use tcpdrill::script::{self, LoadContext};
use tcpdrill::source::Source;

/// Words and signs of the language, and some that it does not have.
const WORDS: &[&str] = &[
    "0",
    "1",
    "+",
    "*",
    "~",
    "0.25",
    ".5",
    "-1",
    "99999999999999999999",
    "0x1c",
    "0xffffffffffffffff",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "=",
    "|",
    ".",
    "...",
    "..",
    "-",
    "/",
    "!",
    ";",
    "$",
    "S",
    "S.",
    "@b",
    "@",
    "nothing",
    "\n#if",
    "\n#elif",
    "target",
    "kernel",
    "has(udp)",
    "defined(",
    "&&",
    "||",
    "==",
    ">=",
    "--mtu",
    "\u{feff}",
    "P.",
    "FSRPUEWA",
    "ack",
    "win",
    "urg",
    "mss",
    "nop",
    "eol",
    "sack",
    "sackOK",
    "TS",
    "val",
    "ecr",
    "md5",
    "FO",
    "FOEXP",
    "exp-FO",
    "exp-f989",
    "exp-tarr",
    "exp-AccECN0",
    "gen-200",
    "AccECN1",
    "ee1b",
    "valid",
    "0204ffff",
    "*:*(5)",
    "77:77(0)!",
    "badsum",
    "doff",
    "reserved",
    "cut",
    "data",
    "code",
    "pen",
    "ECN",
    "e0b",
    "ceb",
    "e1b",
    "wscale",
    "0a0b",
    "1:1001(1000)",
    "4294967295:4(5)",
    "icmp",
    "udp",
    "unreachable",
    "frag_needed",
    "code_300",
    "mtu",
    "id",
    "raw",
    "ttl",
    "tos",
    "flowlabel",
    "ect0",
    "ect01",
    "noecn",
    "ipv4",
    "ipv6",
    "gre",
    "mpls",
    "label",
    "tc",
    "flags",
    "10.1.0.1",
    "fd00::1",
    "encap",
    "psp",
    "spi",
    "socket",
    "bind",
    "read",
    "recvmsg",
    "poll",
    "epoll_ctl",
    "getsockopt",
    "setsockopt",
    "ioctl",
    "msg_iov",
    "msg_name",
    "cmsg_level",
    "fd",
    "events",
    "htons",
    "inet_addr",
    "SOL_TCP",
    "SO_LINGER",
    "EAGAIN",
    "NULL",
    "\"text\"",
    "\"\\x0",
    "\"\\q\"",
    "`true`",
    "`sysctl -w a=1`",
    "`",
    "\"",
    "/*",
    "*/",
    "//",
    "%{",
    "}%",
    "%{ assert tcpi_rtt == 1 }%",
    "%{ assert ((1 }%",
    "%{ x = 1; print(x) }%",
    "#ifdef",
    "#else",
    "#endif",
    "#x",
    "--mtu=1500",
    "--define=S=1",
    "--ip_version=ipv6",
    "--x",
    "// payload: x",
    "\u{fc}\u{1f600}",
    "\u{0}",
];

fn read(text: &str) {
    let context = LoadContext {
        predefined: vec!["linux".to_owned()],
        defines: vec![
            ("win".to_owned(), "1".to_owned()),
            ("SO_LINGER".to_owned(), "\"x\"".to_owned()),
        ],
        ip_version: None,
        ..LoadContext::default()
    };
    let source = Source::new("random.pkt", text);
    script::header(&source);
    let said = script::check_only(&source, &context);
    let wrong = said.iter().any(|one| one.severity == Severity::Error);
    assert_eq!(script::load(&source, &context).is_err(), wrong);
    for one in &said {
        assert!(one.primary.span.start <= one.primary.span.end);
        assert!(one.primary.span.end <= text.len());
    }
    let shown = render_all(&said, Color::Never);
    assert_eq!(shown.is_empty(), said.is_empty());
}

fn example() -> impl Strategy<Value = String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance-cases/examples");
    let mut texts: Vec<(std::path::PathBuf, String)> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    texts.sort();
    select(texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn random_words_never_panic(words in prop::collection::vec((select(WORDS), select(&[" ", "\n", ""][..])), 0..60)) {
        let text: String = words.iter().flat_map(|(word, gap)| [*word, *gap]).collect();
        read(&text);
    }

    #[test]
    fn damaged_examples_never_panic(
        text in example(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..8, select(WORDS)), 1..4),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        for (at, len, word) in cuts {
            let at = at.index(characters.len() + 1);
            let end = (at + len).min(characters.len());
            characters.splice(at..end, word.chars());
        }
        read(&characters.into_iter().collect::<String>());
    }
}

#[test]
fn deep_nesting_and_long_lines_end_well() {
    for open in ["[", "{", "f(", "x=", "1|"] {
        read(&format!("0 f({}", open.repeat(20_000)));
    }
    read(&format!("0 > S 0:0(0) <{}", "nop,".repeat(20_000)));
    read(&format!("{}\n", "#ifdef a\n".repeat(5_000)));
    read(&format!("0 f{}(1) = 0", "o".repeat(100_000)));
}
