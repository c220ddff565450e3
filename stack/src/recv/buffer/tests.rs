use super::*;
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;
use rstest::rstest;

/// The byte at `position` of the test stream.
fn stream(position: usize) -> u8 {
    (position * 7 + position / 251) as u8
}

fn text(range: core::ops::Range<usize>) -> Vec<u8> {
    range.map(stream).collect()
}

fn read_all(buffer: &mut RecvBuffer) -> Vec<u8> {
    let mut out = vec![0; buffer.readable()];
    assert_eq!(buffer.read(&mut out), out.len());
    out
}

#[test]
fn in_order_text_is_readable_at_once() {
    let mut buffer = RecvBuffer::new(100);
    let inserted = buffer.insert(0, &text(0..10));
    assert_eq!(
        inserted,
        Inserted {
            advanced: 10,
            ..Inserted::default()
        }
    );
    assert_eq!((buffer.readable(), buffer.window()), (10, 90));
    assert_eq!(read_all(&mut buffer), text(0..10));
    assert_eq!(buffer.window(), 100);
}

#[test]
fn out_of_order_text_waits_and_the_first_copy_stays() {
    let mut buffer = RecvBuffer::new(100);
    assert_eq!(buffer.insert(10, &text(10..20)).out_of_order, 10);
    assert_eq!(buffer.insert(5, &[0xee; 20]).out_of_order, 10);
    assert_eq!((buffer.readable(), buffer.window()), (0, 100));
    assert_eq!(buffer.insert(0, &text(0..5)).advanced, 25);
    let mut expected = text(0..5);
    expected.extend([0xee; 5]);
    expected.extend(text(10..20));
    expected.extend([0xee; 5]);
    assert_eq!(read_all(&mut buffer), expected);
}

#[test]
fn text_behind_the_window_is_refused() {
    let mut buffer = RecvBuffer::new(10);
    let inserted = buffer.insert(0, &text(0..110));
    assert_eq!((inserted.advanced, inserted.refused), (10, 100));
    assert_eq!(buffer.window(), 0);
    assert_eq!(buffer.insert(0, &[1]).refused, 1);
    assert_eq!(buffer.insert(u32::MAX, &[1]).refused, 1);
    assert_eq!(read_all(&mut buffer), text(0..10));
}

#[test]
fn a_buffer_full_of_out_of_order_text_still_takes_the_next_byte() {
    let mut buffer = RecvBuffer::new(2000);
    assert_eq!(buffer.insert(1000, &text(1000..2000)).out_of_order, 1000);
    assert_eq!(buffer.insert(0, &text(0..1000)).advanced, 2000);
    assert_eq!(read_all(&mut buffer), text(0..2000));
}

#[test]
fn too_many_islands_never_stop_the_next_byte() {
    let mut buffer = RecvBuffer::new(4096);
    for n in 0..RecvBuffer::MAX_ISLANDS {
        let at = 1 + 2 * n;
        assert_eq!(buffer.insert(at as u32, &text(at..at + 1)).out_of_order, 1);
    }
    let one_too_many = 1 + 2 * RecvBuffer::MAX_ISLANDS;
    let refused = buffer.insert(one_too_many as u32, &text(one_too_many..one_too_many + 1));
    assert_eq!(refused.refused, 1);
    assert_eq!(buffer.insert(0, &text(0..300)).advanced, 300);
    assert_eq!(read_all(&mut buffer), text(0..300));
}

#[rstest]
#[case::in_order(0, 0)]
#[case::ahead(5, 20)]
fn nothing_behind_a_fin_is_taken(#[case] arrived: usize, #[case] fin: u32) {
    let mut buffer = RecvBuffer::new(100);
    buffer.insert(0, &text(0..arrived));
    buffer.insert(25, &text(25..40));
    assert!(buffer.mark_fin(fin));
    assert!(!buffer.mark_fin(fin + 1), "the first FIN counts");
    assert!(
        buffer.mark_fin(fin),
        "a retransmitted FIN is no contradiction"
    );
    assert_eq!(buffer.fin_is_next(), fin == 0);
    assert_eq!(buffer.insert(0, &text(arrived..100)).advanced, fin);
    assert!(buffer.fin_is_next());
    assert_eq!(buffer.islands(), []);
    assert_eq!(read_all(&mut buffer), text(0..arrived + fin as usize));
}

#[test]
fn peeking_and_removing_single_bytes() {
    let mut buffer = RecvBuffer::new(100);
    buffer.insert(0, b"abcdef");
    buffer.insert(1, b"h");
    let mut two = [0; 2];
    assert_eq!((buffer.peek(4, &mut two), &two), (2, b"ef"));
    assert_eq!(buffer.peek(5, &mut two), 1);
    assert_eq!(buffer.peek(6, &mut two), 0);
    assert_eq!(buffer.peek(60, &mut two), 0);
    assert_eq!(buffer.remove(6), None);
    assert_eq!(buffer.remove(2), Some(b'c'));
    assert_eq!(buffer.insert(0, b"g").advanced, 2);
    assert_eq!(read_all(&mut buffer), b"abdefgh");
}

#[test]
fn a_smaller_capacity_keeps_what_is_there() {
    let mut buffer = RecvBuffer::new(100);
    buffer.insert(0, &text(0..50));
    buffer.set_capacity(20);
    assert_eq!((buffer.readable(), buffer.window()), (50, 0));
    buffer.clear();
    assert_eq!((buffer.readable(), buffer.window()), (0, 20));
}

proptest! {
    /// Any overlapping pieces in any order, read at any time, give the stream.
    #[test]
    fn pieces_in_any_order_give_the_stream(
        pieces in prop::collection::vec((0usize..300, 1usize..80), 1..60),
        capacity in 1usize..200,
        reads in prop::collection::vec(0usize..100, 60),
    ) {
        let mut buffer = RecvBuffer::new(capacity);
        let (mut next, mut delivered) = (0, Vec::new());
        // The last pass sends everything in order, so that the stream is complete.
        let rest = (0..300).step_by(16).map(|at| (at, 16));
        let repeated = rest.cycle().take(300 / 16 * 320);
        for (index, (start, len)) in pieces.into_iter().chain(repeated).enumerate() {
            let segment = text(start..start + len);
            if start + len > next {
                let trimmed = next.saturating_sub(start);
                let offset = (start + trimmed - next) as u32;
                let window = buffer.window();
                let inserted = buffer.insert(offset, &segment[trimmed..]);
                prop_assert!(inserted.advanced <= window);
                next += inserted.advanced as usize;
            }
            let mut out = vec![0; reads[index % reads.len()]];
            let len = buffer.read(&mut out);
            delivered.extend_from_slice(&out[..len]);
            if next >= 300 { break; }
        }
        delivered.extend(read_all(&mut buffer));
        prop_assert_eq!(&delivered[..], &text(0..next)[..]);
    }
}

#[test]
fn text_is_read_where_it_lies() {
    let mut buffer = RecvBuffer::new(300);
    buffer.insert(0, &text(0..300));
    assert_eq!(buffer.front(10), text(0..10));
    buffer.consume(290);
    buffer.insert(0, &text(300..330));
    // Memory ends within the text: the front piece does too.
    assert_eq!(buffer.front(usize::MAX), text(290..300));
    buffer.consume(10);
    assert_eq!(buffer.front(usize::MAX), text(300..330));
    buffer.insert(5, b"behind a hole");
    assert_eq!(buffer.front(usize::MAX), text(300..330));
    buffer.consume(1000);
    assert_eq!((buffer.front(5), buffer.readable()), (&[][..], 0));
}
