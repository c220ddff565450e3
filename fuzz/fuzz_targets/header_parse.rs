//! Bytes into the datagram parser; see `tcpdrill_fuzz::header_parse`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::header_parse(data));
