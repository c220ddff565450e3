//! The reader, checker and formatter of the script language; see `tcpdrill_fuzz::script`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::script(data));
