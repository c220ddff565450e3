//! Two hosts and a bad link between them; see `tcpdrill_fuzz::two_hosts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tcpdrill_fuzz::two_hosts(data));
