//! `time-wait-growth`: a server that closes first collects connections in TIME-WAIT. They stay as long as they
//! must, and cost those who come later nothing (RFC 9293 §3.6.1).

use std::time::Duration;

use serde::Deserialize;

use crate::wire::TcpFlags;

use super::Probe;
use super::file::Within;
use super::kit::{Bench, Tuple, Wire};
use super::peer::{Peer, wrong};
use super::stop::{Stop, code};

const PORT: u16 = 8080;
const REMOTE_PORT: u16 = 10_000;
const ISS: u32 = 3_000;
const BACKLOG: i32 = 16;
/// How long what is forgotten may take to say so.
const PROMPT: Duration = Duration::from_millis(100);
/// FINs sent again before the answers are looked at.
const BATCH: usize = 64;

/// Parameters of `time-wait-growth`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TimeWaitGrowth {
    /// Connections that the stack closes first, one after the other.
    connections: Within<100, 20_000>,
    /// Of these at least so many are still there in the end.
    remembered_at_least: Within<1, 20_000>,
}

impl Probe for TimeWaitGrowth {
    const NAME: &'static str = "time-wait-growth";
    const FLOODS: bool = true;

    fn run(&self, bench: &Bench<'_>) -> Result<(), Stop> {
        let mut wire = bench.open(&[])?;
        let listener = wire.listen(PORT, BACKLOG)?;
        let mut closed = Vec::new();
        for number in 0..self.connections.count() {
            let tuple = tuple(&wire, number);
            let (fd, peer) = wire.connect(listener, &tuple, ISS, &[])?;
            wire.close(fd)?;
            closed.push(finish(&mut wire, peer)?);
        }
        // Whoever comes now is served as the first one was.
        let next = tuple(&wire, self.connections.count());
        let (fd, mut peer) = wire.connect(listener, &next, ISS, &[])?;
        wire.deliver(&mut peer, fd, b"after the others")?;
        self.count(&mut wire, &closed)
    }
}

impl TimeWaitGrowth {
    /// Sends every FIN again: a connection in TIME-WAIT acknowledges it, one that is gone draws RST or
    /// nothing at all.
    fn count(&self, wire: &mut Wire<'_>, closed: &[Peer]) -> Result<(), Stop> {
        let mut answers = Vec::new();
        for (number, peer) in closed.iter().enumerate() {
            let fin = TcpFlags::FIN.with(TcpFlags::ACK);
            let again = peer
                .tuple
                .segment(fin, peer.snd_nxt.wrapping_sub(1), peer.rcv_nxt);
            wire.send(&peer.tuple, again)?;
            if number % BATCH == 0 {
                answers.extend(wire.take()?);
            }
        }
        let end = wire.now() + PROMPT;
        answers.extend(wire.take_until(end)?);
        let strange = |flags: TcpFlags| ![TcpFlags::ACK, TcpFlags::RST].contains(&flags);
        if let Some(other) = answers.iter().find(|seen| strange(seen.segment.flags)) {
            return Err(wrong(other, "a FIN sent again", "ACK or RST"));
        }
        let remembered = answers.iter().filter(|seen| seen.is(TcpFlags::ACK)).count();
        if remembered >= self.remembered_at_least.count() {
            return Ok(());
        }
        let message = "connections in TIME-WAIT were forgotten before their time";
        Err(Stop::failed(code::OUT_OF_BOUND, message).differs(
            "remembered",
            format!(
                "at least {} of {}",
                self.remembered_at_least.get(),
                closed.len()
            ),
            remembered,
        ))
    }
}

/// The ends of the connection of that number.
fn tuple(wire: &Wire<'_>, number: usize) -> Tuple {
    Tuple {
        local: wire.local(PORT),
        remote: wire.remote(0, REMOTE_PORT + number as u16),
    }
}

/// Takes the stack's FIN, and sends one that acknowledges it.
fn finish(wire: &mut Wire<'_>, mut peer: Peer) -> Result<Peer, Stop> {
    let fin = TcpFlags::FIN.with(TcpFlags::ACK);
    let seen = wire.answer(&peer.tuple, "close")?;
    if !seen.is(fin) {
        return Err(wrong(&seen, "close", "FIN"));
    }
    peer.rcv_nxt = seen.segment.sequence.wrapping_add(1);
    let own = peer.segment(fin);
    wire.send(&peer.tuple, own)?;
    peer.snd_nxt = peer.snd_nxt.wrapping_add(1);
    wire.acknowledged(&peer, "a FIN")?;
    Ok(peer)
}
