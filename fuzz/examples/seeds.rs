//! Writes the corpora that libFuzzer starts with (`fuzz/seeds/`) and the words of the script language
//! (`fuzz/dictionaries/script.dict`). The same stack and cases give the same files.
//!
//! ```text
//! cargo run -p tcpdrill-fuzz --example seeds
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use tcpdrill::script::lexer;
use tcpdrill::script::token::TokenKind;
use tcpdrill::source::Source;
use tcpdrill_fuzz::seeds;
use tcpdrill_stack::rng::Rng;

/// Inputs of each target.
const INPUTS: usize = 40;
/// The longest script among the seeds, in bytes: short ones are read the fastest.
const LONGEST_SCRIPT: usize = 1_000;
/// A word of so many scripts or more is one of the language's.
const SCRIPTS: usize = 4;

type Generator = fn(&mut Rng) -> Vec<u8>;

const TARGETS: [(&str, u64, Generator); 4] = [
    ("header_parse", 1, seeds::datagram_input),
    ("header_roundtrip", 2, seeds::datagram_input),
    ("options", 3, seeds::option_area),
    ("checksum", 4, seeds::summed),
];

fn main() -> io::Result<()> {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (target, seed, generate) in TARGETS {
        let folder = fuzz.join("seeds").join(target);
        fs::create_dir_all(&folder)?;
        let mut rng = Rng::new(seed);
        for number in 0..INPUTS {
            fs::write(folder.join(format!("{number:02}")), generate(&mut rng))?;
        }
    }
    write_scripts(&fuzz.join("seeds/script"))?;
    fs::write(fuzz.join("dictionaries/script.dict"), words())
}

/// Short ones of the bundled cases, spread over all of them.
fn write_scripts(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut scripts = seeds::scripts();
    scripts.retain(|text| text.len() <= LONGEST_SCRIPT);
    let every = scripts.len().div_ceil(INPUTS).max(1);
    for (number, text) in scripts.iter().step_by(every).enumerate() {
        fs::write(folder.join(format!("{number:02}.pkt")), text)?;
    }
    Ok(())
}

/// A line for each word, mark or number that several of the bundled cases have.
fn words() -> String {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for text in seeds::scripts() {
        let tokens = lexer::lex(&Source::new("case", text)).tokens;
        let mut words: Vec<String> = tokens
            .into_iter()
            .filter(|token| {
                !matches!(
                    token.kind,
                    TokenKind::Text | TokenKind::Command | TokenKind::Code
                )
            })
            .map(|token| token.text)
            .filter(|word| {
                (2..=24).contains(&word.len()) && word.chars().all(|c| c.is_ascii_graphic())
            })
            .collect();
        words.sort();
        words.dedup();
        for word in words {
            *found.entry(word).or_default() += 1;
        }
    }
    let kept = found.into_iter().filter(|(_, scripts)| *scripts >= SCRIPTS);
    kept.map(|(word, _)| {
        let word = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{word}\"\n")
    })
    .collect()
}
