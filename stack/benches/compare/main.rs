//! The figures of `docs/benchmarks.md`: this stack beside others, in one run.
//!
//! `cargo bench -p tcpdrill-stack --bench compare -- [bulk] [parse] [connections] [flood]
//! [instructions]`; without an argument all of them. Speeds are only compared within a run, in turns and by medians, for the
//! machine may be busy with other things.
#![allow(missing_docs, unreachable_pub)]

mod bulk;
mod connections;
mod flood;
mod instructions;
mod parse;
mod timing;

fn main() {
    // `cargo bench` hands over its own `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    if instructions::work(&wanted) {
        return;
    }
    let sections: [(&str, fn()); 5] = [
        ("bulk", bulk::run),
        ("parse", parse::run),
        ("connections", connections::run),
        ("flood", flood::run),
        ("instructions", instructions::run),
    ];
    let is_known = |name: &String| sections.iter().any(|(known, _)| known == name);
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        eprintln!(
            "no section `{unknown}`: there are bulk, parse, connections, flood and instructions"
        );
        std::process::exit(2);
    }
    for (name, run) in sections {
        if wanted.is_empty() || wanted.iter().any(|other| other == name) {
            run();
            println!();
        }
    }
}
