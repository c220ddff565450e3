//! Packets as the harness sees them: its own model, built and read with `pnet_packet`.
//!
//! Nothing here knows the reference stack, so that the judge does not think with
//! the defendant's head.

mod build;
mod damage;
pub mod encapsulation;
mod fragment;
mod md5;
pub mod options;
pub mod packet;
mod parse;
mod reshape;

pub(crate) use build::checksum;
pub use build::put_in_udp;
pub use damage::TcpDamage;
pub use fragment::{Piece, Reassembly};
pub use options::TcpOption;
pub use packet::{IcmpMessage, IpFields, Packet, TcpFlags, TcpSegment, Transport, UdpDatagram};
pub use parse::{IpHeader, OutOfUdp, Parsed, WireFault, parse, tcp_in_udp};
pub use reshape::{Reshape, spoil_checksum};
