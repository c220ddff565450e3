//! The link between device and stack, which may lose, delay, reorder and repeat.

use tcpdrill_stack::Instant;
use tcpdrill_stack::rng::Rng;
use tcpdrill_stack::testing::netem::{Impairments, Link};

/// Both directions of the link; a good one keeps nothing.
#[derive(Debug)]
pub(crate) struct Relay {
    /// From the device to the stack, and from the stack to the device.
    links: Option<(Link, Link)>,
}

impl Relay {
    pub(crate) fn new(impairments: Option<Impairments>, seed: u64) -> Relay {
        let link = |seed| Some(Link::new(impairments?, Rng::new(seed)));
        let both = link(seed).zip(link(seed ^ u64::MAX));
        Relay { links: both }
    }

    /// The links to and from the stack, unless they are as good as none.
    pub(crate) fn links(&mut self) -> Option<&mut (Link, Link)> {
        self.links.as_mut()
    }

    /// When something comes out next.
    pub(crate) fn next_arrival(&self) -> Option<Instant> {
        let (inward, outward) = self.links.as_ref()?;
        let arrivals = [inward.next_arrival(), outward.next_arrival()];
        arrivals.into_iter().flatten().min()
    }

    /// What happened, for people.
    pub(crate) fn report(&self) {
        let Some((inward, outward)) = &self.links else {
            return;
        };
        for (name, link) in [("to", inward), ("from", outward)] {
            let counters = link.counters();
            eprintln!(
                "link {name} the stack: {} sent, {} lost, {} reordered, {} duplicated",
                counters.sent, counters.lost, counters.reordered, counters.duplicated
            );
        }
    }
}
