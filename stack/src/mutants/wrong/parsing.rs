//! Readers that believe what a header says (groups I and L).

use crate::segment::SegmentRef;
use crate::window::WindowScale;
use crate::wire::options::{OptionNote, TcpOptions, Timestamps};

/// The window scale as it stands in the option.
pub(crate) fn raw_scale(options: &TcpOptions) -> WindowScale {
    match (options.note, options.window_scale) {
        (Some(OptionNote::WindowScaleTooLarge { shift }), _) => WindowScale::unbounded(shift),
        (_, scale) => scale.unwrap_or_default(),
    }
}

/// The timestamps of a SYN, or zeros if it has none.
pub(crate) fn timestamps(options: &TcpOptions) -> Timestamps {
    let none = Timestamps { value: 0, echo: 0 };
    options.timestamps.unwrap_or(none)
}

/// The urgent pointer, by way of the place of the octet before it: there is none before the first.
pub(crate) fn octet_before(segment: &SegmentRef<'_>) -> u16 {
    let place = segment.up.checked_sub(1);
    place.expect("the urgent octet is before the pointer") + 1
}

/// The urgent pointer, by way of the text before it: it may be longer than all of it.
pub(crate) fn text_before(segment: &SegmentRef<'_>) -> u16 {
    segment.payload[..usize::from(segment.up)].len() as u16
}
