//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tcpdrill_stack::testing::netem::Impairments;
use tcpdrill_stack::{Config, Profile};

/// The stack on a TUN device.
#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The TUN device; it is made if there is none of this name.
    #[arg(long, global = true, default_value = "tun0")]
    pub(crate) device: String,
    /// An address of the stack; may be given several times.
    #[arg(long = "address", global = true, default_values = ["10.77.0.2", "fd77::2"])]
    pub(crate) addresses: Vec<IpAddr>,
    /// The MTU of the device in bytes.
    #[arg(long, global = true, default_value_t = 1500)]
    mtu: u16,
    /// The settings of the stack: rfc9293, linux or freebsd.
    #[arg(long, global = true, default_value = "linux")]
    profile: Profile,
    /// Datagrams lost, in percent, either way.
    #[arg(long, global = true, default_value_t = 0.0)]
    loss: f64,
    /// Datagrams that arrive twice, in percent.
    #[arg(long, global = true, default_value_t = 0.0)]
    duplicate: f64,
    /// Datagrams held back so that later ones overtake them, in percent.
    #[arg(long, global = true, default_value_t = 0.0)]
    reorder: f64,
    /// How long they are held back at most, in milliseconds.
    #[arg(long, global = true, default_value_t = 3)]
    reorder_delay: u64,
    /// How long every datagram takes one way, in milliseconds.
    #[arg(long, global = true, default_value_t = 0)]
    delay: u64,
    /// Determines which datagrams come to harm.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print every event of the stack to standard error.
    #[arg(long, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// `GET /N` is answered with N bytes, a body with its SHA-256; until it is killed.
    ServeHttp {
        /// The port.
        #[arg(long, default_value_t = 80)]
        port: u16,
    },
    /// Take one stream and print its length and SHA-256.
    Sink(Place),
    /// Send one stream of so many bytes and print its length and SHA-256.
    Source {
        #[command(flatten)]
        place: Place,
        /// Its length.
        #[arg(long)]
        bytes: u64,
    },
    /// Write the bytes that `source` and `GET` send to standard output; uses no device.
    Pattern {
        /// How many.
        bytes: u64,
    },
}

/// Where the stream comes from or goes to.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Place {
    /// Wait for a connection to this port.
    #[arg(long)]
    pub(crate) listen: Option<u16>,
    /// Connect to this address and port.
    #[arg(long)]
    pub(crate) connect: Option<SocketAddr>,
}

impl Options {
    pub(crate) fn config(&self) -> Config {
        Config {
            mtu: self.mtu,
            ..self.profile.config()
        }
    }

    /// What becomes of datagrams, `None` if nothing does.
    pub(crate) fn impairments(&self) -> Option<Impairments> {
        let rate = |percent: f64| (percent * 100.0).round() as u16;
        let impairments = Impairments {
            loss: rate(self.loss),
            duplication: rate(self.duplicate),
            reordering: rate(self.reorder),
            reordering_delay: match self.reorder > 0.0 {
                true => Duration::from_millis(self.reorder_delay),
                false => Duration::ZERO,
            },
            delay: Duration::from_millis(self.delay),
            ..Impairments::default()
        };
        (impairments != Impairments::default()).then_some(impairments)
    }
}
