//! Segments, calls and time against one host; see `tcpdrill_fuzz::state_machine`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::state_machine(data));
