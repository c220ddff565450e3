//! The checks of SEGMENT ARRIVES (RFC 9293 §3.10.7) that several states share, one a file.

pub(crate) mod acceptability;
pub(crate) mod ack;
pub(crate) mod fin;
pub(crate) mod handshake;
pub(crate) mod prediction;
pub(crate) mod reset;
pub(crate) mod syn;
pub(crate) mod text;
pub(crate) mod timestamps;
pub(crate) mod urgent;
