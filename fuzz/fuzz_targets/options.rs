//! Option areas, read by this stack and by two others; see `tcpdrill_fuzz::options`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::options(data));
