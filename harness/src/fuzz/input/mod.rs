//! What a run is made of: a setup and a list of events.
//!
//! Bytes are an input, whatever they are, and every input is bytes: eight for the [`Setup`], then eight
//! for each [`Event`]. A fixed width keeps changes local: what a mutator does to one event leaves the
//! others where they are, and inputs keep their meaning when events are inserted or crossed over.

mod event;
mod number;
mod setup;

pub use event::{Call, Event, Fields, Icmp, Length, Stamp, Text, Wait, Window};
pub use number::{Anchor, Number};
pub use setup::{Opening, Setup};

/// Bytes of a setup, and of an event.
pub const WIDTH: usize = 8;

/// More events than this add time, not insight.
pub const MOST_EVENTS: usize = 256;

/// Eight bytes.
pub type Record = [u8; WIDTH];

/// A run to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Under which circumstances.
    pub setup: Setup,
    /// What happens, in order.
    pub events: Vec<Record>,
}

impl Input {
    /// The input that these bytes are. What is left over at the end is no event; nor is anything
    /// behind [`MOST_EVENTS`].
    pub fn decode(bytes: &[u8]) -> Input {
        let (records, _) = bytes.as_chunks::<WIDTH>();
        let Some((setup, events)) = records.split_first() else {
            return Input::default();
        };
        Input {
            setup: Setup::decode(*setup),
            events: events.iter().take(MOST_EVENTS).copied().collect(),
        }
    }

    /// The bytes that this input is.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.setup.encode().to_vec();
        bytes.extend_from_slice(self.events.as_flattened());
        bytes
    }

    /// The events, read.
    pub fn events(&self) -> impl Iterator<Item = Event> {
        self.events.iter().map(|record| Event::decode(*record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_input_survives_its_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let input = Input::decode(&bytes);
            prop_assert_eq!(&Input::decode(&input.encode()), &input);
        }
    }
}
