//! What was parsed survives emit and parse; see `tcpdrill_fuzz::header_roundtrip`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::header_roundtrip(data));
