//! What was read survives being written and read again.

use crate::header_parse::sound_datagram;
use tcpdrill_stack::segment::{self, Incoming, Segment};
use tcpdrill_stack::wire::options::TcpOptions;

/// Writes the segment that `data` is, as it is or as `sound_datagram` makes one of it, and reads
/// what was written.
///
/// # Panics
/// When a segment changes on its way through `emit` and `parse`.
pub fn header_roundtrip(data: &[u8]) {
    let read = |datagram: &[u8]| match segment::parse(datagram) {
        Ok(Incoming::Segment(segment)) => Some(segment),
        Ok(Incoming::Icmp(_)) | Err(_) => None,
    };
    if let Some(segment) = read(data).or_else(|| read(&sound_datagram(data))) {
        check(segment);
    }
}

fn check(segment: Segment) {
    // Padding may lengthen the options: the largest datagrams could outgrow IP.
    if segment.payload.len() > 65_000 {
        return;
    }
    let emitted = segment.emit();
    let expected = sendable(segment);
    let read = match segment::parse(&emitted) {
        Ok(Incoming::Segment(read)) => Ok(Incoming::Segment(digest_alone(read))),
        other => other,
    };
    assert_eq!(
        read,
        Ok(Incoming::Segment(expected)),
        "a segment changed on its way through emit and parse"
    );
}

/// A signature without what is told of the header that it came with.
fn digest_alone(mut segment: Segment) -> Segment {
    if let Some(signature) = &mut segment.options.signature {
        (signature.control, signature.ack) = (0, 0);
    }
    segment
}

/// What is left of a received segment when it is sent: no note on its options, and no more of them
/// than fit when properly padded.
fn sendable(segment: Segment) -> Segment {
    let segment = digest_alone(segment);
    let options = segment.options;
    let fitting = options.sack_capacity().min(options.sack.len());
    Segment {
        options: TcpOptions {
            note: None,
            sack: options.sack.as_slice()[..fitting].iter().copied().collect(),
            fast_open: options.fitting_fast_open(),
            user_timeout: options.fitting_user_timeout(),
            ..options
        },
        ..segment
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;
    use tcpdrill_stack::rng::Rng;

    #[test]
    fn seeded_inputs_pass() {
        let mut rng = Rng::new(0xf025);
        for _ in 0..5_000 {
            header_roundtrip(&seeds::datagram_input(&mut rng));
        }
    }
}
