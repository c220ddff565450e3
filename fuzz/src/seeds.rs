//! Inputs for the tests here and for the corpora that libFuzzer starts with: mostly sound, with some
//! damage, from a seed.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use tcpdrill_stack::rng::Rng;
use tcpdrill_stack::segment::{Flags, Segment};
use tcpdrill_stack::seq::{SeqNum, SeqRange};
use tcpdrill_stack::window::{Mss, UnscaledWindow, WindowScale};
use tcpdrill_stack::wire::accecn::{AccEcnOption, AccEcnOrder, ByteCounters};
use tcpdrill_stack::wire::options::{TcpOptions, Timestamps};
use tcpdrill_stack::wire::signature::Signature;
use tcpdrill_stack::wire::user_timeout::UserTimeout;

/// So many bytes of noise.
pub fn noise(rng: &mut Rng, len: usize) -> Vec<u8> {
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

/// A segment with anything in its fields, as a datagram in which up to four bytes are changed,
/// now and then cut short.
pub fn damaged_datagram(rng: &mut Rng) -> Vec<u8> {
    let mut datagram = segment(rng).emit();
    for _ in 0..rng.below(5) {
        let at = rng.below(datagram.len() as u64) as usize;
        datagram[at] = rng.next_u32() as u8;
    }
    if rng.chance(1, 20) {
        datagram.truncate(rng.below(datagram.len() as u64) as usize);
    }
    datagram
}

/// As [`damaged_datagram`], the IP header taken away and one byte that asks for another put in front.
pub fn damaged_body(rng: &mut Rng) -> Vec<u8> {
    let datagram = damaged_datagram(rng);
    let (first, header_len) = match datagram.first() {
        Some(0x60..=0x6f) => (1, 40),
        _ => (0, 20),
    };
    [&[first], datagram.get(header_len..).unwrap_or_default()].concat()
}

/// One or the other, or noise.
pub fn datagram_input(rng: &mut Rng) -> Vec<u8> {
    match rng.below(8) {
        0..4 => damaged_datagram(rng),
        4..7 => damaged_body(rng),
        _ => {
            let len = rng.below(90) as usize;
            noise(rng, len)
        }
    }
}

/// An option area: options that are known or not, in any order, now and then with a wrong length.
pub fn option_area(rng: &mut Rng) -> Vec<u8> {
    /// Kinds with a length that they may have.
    const KNOWN: [(u8, u8); 10] = [
        (2, 4),
        (3, 3),
        (4, 2),
        (5, 10),
        (5, 18),
        (5, 26),
        (8, 10),
        (28, 4),
        (34, 10),
        (253, 6),
    ];
    let mut area = Vec::new();
    while area.len() < 40 && rng.chance(7, 8) {
        if rng.chance(1, 4) {
            area.push(u8::from(rng.chance(9, 10)));
            continue;
        }
        let (kind, len) = KNOWN[rng.below(KNOWN.len() as u64) as usize];
        let said = match rng.below(12) {
            0 => rng.below(45) as u8,
            1 => rng.below(3) as u8,
            _ => len,
        };
        area.extend_from_slice(&[kind, said]);
        let value = noise(rng, usize::from(said.max(2)) - 2);
        area.extend_from_slice(&value);
    }
    area.truncate(40);
    area
}

/// The lengths of pieces and two hosts, and what is to be summed: noise, zeros or ones.
pub fn summed(rng: &mut Rng) -> Vec<u8> {
    let mut input = noise(rng, 6 + 2 * 16);
    let longest = if rng.chance(1, 10) { 3_000 } else { 120 };
    let len = rng.below(longest) as usize;
    match rng.below(4) {
        0 => input.resize(input.len() + len, 0),
        1 => input.resize(input.len() + len, 0xff),
        _ => input.extend(noise(rng, len)),
    }
    input
}

/// The texts of the bundled cases, in the order of their names.
///
/// # Panics
/// When they cannot be read.
pub fn scripts() -> Vec<String> {
    let mut texts = Vec::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance-cases");
    collect_scripts(&cases, &mut texts);
    texts
}

fn collect_scripts(folder: &Path, texts: &mut Vec<String>) {
    let entries = fs::read_dir(folder).expect("a folder of cases can be read");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect_scripts(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            texts.push(fs::read_to_string(path).expect("a case is text"));
        }
    }
}

/// One of `scripts` in which a few characters are changed, doubled, or gone.
pub fn damaged_script(rng: &mut Rng, scripts: &[String]) -> Vec<u8> {
    const MARKS: &[u8] = b" \n\t\"`#/*%{}()<>[]=,.:+-~0az|&!";
    let mut text = scripts[rng.below(scripts.len() as u64) as usize]
        .clone()
        .into_bytes();
    for _ in 0..rng.below(6) {
        let at = rng.below(text.len() as u64) as usize;
        let mark = MARKS[rng.below(MARKS.len() as u64) as usize];
        match rng.below(4) {
            0 => text[at] = mark,
            1 => text.insert(at, mark),
            2 => text.insert(at, text[at]),
            _ if text.len() > 1 => drop(text.remove(at)),
            _ => {}
        }
    }
    text
}

fn segment(rng: &mut Rng) -> Segment {
    let host = if rng.chance(1, 2) {
        "192.0.2."
    } else {
        "2001:db8::"
    };
    let mut socket = |last: u8| {
        let address = format!("{host}{last}").parse().unwrap();
        SocketAddr::new(address, rng.next_u32() as u16 | 1)
    };
    let (src, dst) = (socket(1), socket(2));
    let payload_len = rng.below(40) as usize;
    Segment {
        seq: SeqNum::new(rng.next_u32()),
        ack: rng.chance(3, 4).then(|| SeqNum::new(rng.next_u32())),
        flags: Flags {
            fin: rng.chance(1, 4),
            syn: rng.chance(1, 4),
            rst: rng.chance(1, 4),
            psh: rng.chance(1, 4),
            urg: rng.chance(1, 4),
            ece: rng.chance(1, 4),
            cwr: rng.chance(1, 4),
            ae: rng.chance(1, 4),
        },
        wnd: UnscaledWindow::new(rng.next_u32() as u16),
        up: rng.next_u32() as u16,
        options: options(rng),
        payload: noise(rng, payload_len),
        ..Segment::new(src, dst)
    }
}

fn options(rng: &mut Rng) -> TcpOptions {
    TcpOptions {
        mss: rng.chance(1, 3).then(|| Mss::new(rng.next_u32() as u16)),
        window_scale: rng
            .chance(1, 3)
            .then(|| WindowScale::new(rng.below(15) as u8)),
        sack_permitted: rng.chance(1, 3),
        sack: (0..rng.below(5))
            .map(|_| SeqRange::with_len(SeqNum::new(rng.next_u32()), rng.next_u32()))
            .collect(),
        timestamps: rng.chance(1, 3).then(|| Timestamps {
            value: rng.next_u32(),
            echo: rng.next_u32(),
        }),
        fast_open: None,
        accecn: rng.chance(1, 3).then(|| {
            let counters = ByteCounters {
                e0b: rng.next_u32(),
                ceb: rng.next_u32(),
                e1b: rng.next_u32(),
            };
            AccEcnOption::new(AccEcnOrder::Ect1First, rng.below(4) as u8, counters)
        }),
        user_timeout: UserTimeout::new(rng.next_u32() as u16).filter(|_| rng.chance(1, 8)),
        signature: rng.chance(1, 8).then(Signature::default),
        note: None,
    }
}
