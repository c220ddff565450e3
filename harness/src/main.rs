//! The `tcpdrill` command; under the name `packetdrill` it is a stand-in for that program.

use std::process::ExitCode;

use tcpdrill::{cli, command};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let name = words.next().unwrap_or_default();
    if command::is_packetdrill(&name) {
        return command::packetdrill(&words.collect::<Vec<_>>()).into();
    }
    command::dispatch(cli::parse()).into()
}
