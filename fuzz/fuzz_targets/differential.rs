//! The same events to the reference and to smoltcp; see `tcpdrill_fuzz::differential`.
#![no_main]

use std::sync::atomic::{AtomicU8, Ordering};

use libfuzzer_sys::{fuzz_mutator, fuzz_target};

/// libFuzzer counts what stands here as if it were edges of the code: transitions of the connection, and
/// pairs of them.
#[used]
#[allow(
    unsafe_code,
    reason = "the section's name is an agreement with libFuzzer"
)]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static CROSSED: [AtomicU8; 4096] = [const { AtomicU8::new(0) }; 4096];

fuzz_target!(|data: &[u8]| {
    tcpdrill_fuzz::differential(data, |counters| {
        for (place, count) in CROSSED.iter().zip(counters) {
            place.store(*count, Ordering::Relaxed);
        }
    });
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    tcpdrill_fuzz::mutate_events(data, size, max_size, seed)
});
