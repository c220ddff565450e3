//! The `tcpdrill` command.

use std::process::ExitCode;

use clap::Parser;
use tcpdrill::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tcpdrill::command::dispatch(cli).into()
}
