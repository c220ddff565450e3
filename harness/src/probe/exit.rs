//! `process-exit`: a process that is ended by a signal leaves its connections closed behind it.

use serde::Deserialize;

use crate::wire::TcpFlags;

use super::Probe;
use super::file::Within;
use super::kit::{ANSWER, Bench, SYN_ACK, Seen, Wire};
use super::peer::{Peer, wrong};
use super::stop::{Stop, code};

/// Where the process connects to.
const PORT: u16 = 7_070;
/// The number of the probe's SYN-ACK.
const ISS: u32 = 40_000;

/// Parameters of `process-exit`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProcessExit {
    /// The signals, each for a process of its own, with Linux's numbers.
    signals: Vec<Within<1, 31>>,
    /// Whether the process leaves data unread: then the connection is reset.
    unread: bool,
}

impl Probe for ProcessExit {
    const NAME: &'static str = "process-exit";

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        for signal in &self.signals {
            let mut wire = bench.open(&[])?;
            self.one(&mut wire, signal.get() as i32)?;
        }
        Ok(())
    }
}

impl ProcessExit {
    fn one(&self, wire: &mut Wire<'_>, signal: i32) -> Result<(), Stop> {
        let mut peer = connected_process(wire)?;
        if self.unread {
            let mut segment = peer.segment(TcpFlags::ACK.with(TcpFlags::PSH));
            segment.payload = b"never read".to_vec();
            wire.send(&peer.tuple, segment)?;
            peer.snd_nxt = peer.snd_nxt.wrapping_add(10);
            wire.acknowledged(&peer, "data nobody reads")?;
        }
        wire.note(format!("signal {signal} ends the process"));
        wire.session.end_process(signal)?;
        let seen = last_words(wire, &peer, signal)?;
        if self.unread {
            return expect_reset(&seen, signal);
        }
        if !seen.is(TcpFlags::FIN.with(TcpFlags::ACK)) {
            return Err(wrong(&seen, &cause(signal), "FIN"));
        }
        close_in_turn(wire, &mut peer)
    }
}

fn cause(signal: i32) -> String {
    format!("the end of the process by signal {signal}")
}

/// A process whose connection to the probe's end is established.
fn connected_process(wire: &mut Wire<'_>) -> Result<Peer, Stop> {
    let remote = wire.remote(0, PORT);
    let address = wire.socket_address(remote);
    wire.session.start_process(address)?;
    let syn = wire.first_to(remote)?;
    if !syn.is(TcpFlags::SYN) {
        return Err(wrong(&syn, "connect", "SYN"));
    }
    let peer = Peer {
        tuple: syn.tuple,
        snd_nxt: ISS + 1,
        rcv_nxt: syn.segment.sequence.wrapping_add(1),
    };
    let syn_ack = peer.tuple.segment(SYN_ACK, ISS, peer.rcv_nxt);
    wire.send(&peer.tuple, syn_ack)?;
    wire.acknowledged(&peer, "a SYN-ACK")?;
    Ok(peer)
}

fn last_words(wire: &mut Wire<'_>, peer: &Peer, signal: i32) -> Result<Seen, Stop> {
    wire.next(&peer.tuple, ANSWER)?.ok_or_else(|| {
        let message = format!("nothing on the wire after {}", cause(signal));
        Stop::failed(code::NO_ANSWER, message).differs("packet", "FIN or RST", "nothing")
    })
}

/// What was never read is lost, and the peer has to know (RFC 9293 §3.6.1, RFC 2525 §2.17).
fn expect_reset(seen: &Seen, signal: i32) -> Result<(), Stop> {
    if seen.segment.flags.contains(TcpFlags::RST) {
        return Ok(());
    }
    Err(wrong(seen, &cause(signal), "RST, for data was left unread"))
}

/// The rest of an ordinary close: the FIN is acknowledged, the probe's own FIN as well.
fn close_in_turn(wire: &mut Wire<'_>, peer: &mut Peer) -> Result<(), Stop> {
    peer.rcv_nxt = peer.rcv_nxt.wrapping_add(1);
    let fin = peer.segment(TcpFlags::FIN.with(TcpFlags::ACK));
    wire.send(&peer.tuple, fin)?;
    peer.snd_nxt = peer.snd_nxt.wrapping_add(1);
    wire.acknowledged(peer, "a FIN")
}
