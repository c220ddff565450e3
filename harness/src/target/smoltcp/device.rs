//! The wire below smoltcp: two queues of IP datagrams.

use std::collections::VecDeque;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// A device without a link layer. What it is to receive is put in by [`put`](Queue::put), what was sent is
/// taken out by [`take`](Queue::take).
#[derive(Debug)]
pub(super) struct Queue {
    mtu: usize,
    arrived: VecDeque<Vec<u8>>,
    sent: VecDeque<Vec<u8>>,
}

impl Queue {
    /// An empty wire for datagrams of at most `mtu` bytes.
    pub(super) fn new(mtu: u16) -> Queue {
        Queue {
            mtu: usize::from(mtu),
            arrived: VecDeque::new(),
            sent: VecDeque::new(),
        }
    }

    /// A datagram for the stack.
    pub(super) fn put(&mut self, datagram: &[u8]) {
        self.arrived.push_back(datagram.to_vec());
    }

    /// The oldest datagram that the stack has sent and nobody has taken.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.sent.pop_front()
    }
}

impl phy::Device for Queue {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Place<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Place<'_>)> {
        let datagram = self.arrived.pop_front()?;
        Some((Arrived(datagram), Place(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Place<'_>> {
        Some(Place(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        // Checksums are left as they are by default: made and checked by the stack.
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }
}

/// A datagram on its way up.
pub(super) struct Arrived(Vec<u8>);

impl phy::RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

/// Room for a datagram on its way down.
pub(super) struct Place<'a>(&'a mut VecDeque<Vec<u8>>);

impl phy::TxToken for Place<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut datagram = vec![0; len];
        let result = write(&mut datagram);
        self.0.push_back(datagram);
        result
    }
}
