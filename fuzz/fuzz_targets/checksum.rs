//! The Internet checksum, computed by this stack and by two others; see `tcpdrill_fuzz::checksum`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::checksum(data));
