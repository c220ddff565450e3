//! Has to fail; see `tcpdrill_fuzz::canary`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::canary(data));
