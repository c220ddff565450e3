//! Packets of the subject since the last event, in memory that is used again.

use super::oracle::{Oracle, Violation};
use super::packet::{self, Packet};
use super::segment::Ends;

/// Datagrams in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    datagrams: Vec<Vec<u8>>,
    count: usize,
}

impl Sent {
    /// Forgets all of them.
    pub(crate) fn clear(&mut self) {
        self.count = 0;
    }

    /// Where the next one is to be written.
    pub(crate) fn place(&mut self) -> &mut Vec<u8> {
        if self.datagrams.len() == self.count {
            self.datagrams.push(Vec::new());
        }
        &mut self.datagrams[self.count]
    }

    /// Keeps what was written there, and shows it.
    pub(crate) fn keep(&mut self) -> &[u8] {
        self.count += 1;
        &self.datagrams[self.count - 1]
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Those to the peer, read.
    ///
    /// # Errors
    /// If one of them all is no well-formed segment.
    pub(crate) fn packets(&self, ends: Ends) -> Result<Vec<Packet<'_>>, Violation> {
        let mut packets = Vec::with_capacity(self.count);
        for datagram in &self.datagrams[..self.count] {
            let packet = packet::read(datagram)
                .map_err(|why| Violation::of(Oracle::Outgoing, why.to_string()))?;
            if packet.destination == ends.peer {
                packets.push(packet);
            }
        }
        Ok(packets)
    }
}
