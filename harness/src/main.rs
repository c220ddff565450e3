//! The `tcpdrill` command.
fn main() {}
