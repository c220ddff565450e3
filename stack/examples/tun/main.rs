//! The stack on a TUN device: programs of the same machine speak with it through the kernel's TCP.
//!
//! ```text
//! ip tuntap add dev tun0 mode tun
//! ip address add 10.77.0.1/24 dev tun0 && ip address add fd77::1/64 dev tun0 nodad
//! ip link set tun0 up
//! cargo run --release -p tcpdrill-stack --example tun -- serve-http &
//! curl -s http://10.77.0.2/1000000 | sha256sum
//! curl -s -T FILE http://10.77.0.2/
//! ```
//!
//! `sink` and `source` take and send one stream, as `nc` does; with `--connect` they open actively.
//! `--loss`, `--delay`, `--reorder` and `--duplicate` put a bad link between device and stack, both
//! ways. `interop.sh` next to this folder does all of it in a network namespace of its own.
//!
//! The loop that a program needs around a [`Host`](tcpdrill_stack::Host) is in `driver.rs`.

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod flow;
#[cfg(target_os = "linux")]
mod http;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod pattern;
#[cfg(target_os = "linux")]
mod relay;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use clap::Parser;
    use options::{Command, Options};

    let options = Options::parse();
    match &options.command {
        Command::Pattern { bytes } => Ok(pattern::write(*bytes, &mut std::io::stdout().lock())?),
        Command::ServeHttp { port } => driver::run(&options, http::Server::new(*port)),
        Command::Sink(place) => driver::run(&options, flow::Flow::sink(place)),
        Command::Source { place, bytes } => {
            driver::run(&options, flow::Flow::source(place, *bytes))
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("This example needs the TUN device of Linux.");
    std::process::exit(1);
}
