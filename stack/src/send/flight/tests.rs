use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;
use rstest::rstest;

const START: SeqNum = SeqNum::new(u32::MAX - 2_500);
const SMSS: u32 = 1000;

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Bytes `start..end`, counted from the first in flight.
fn bytes(start: u32, end: u32) -> SeqRange {
    SeqRange::new(START + start, START + end)
}

/// `count` segments of 1000 bytes, one a millisecond.
fn flight(count: u32) -> Flight {
    let mut flight = Flight::new();
    for n in 0..count {
        flight.sent(bytes(n * SMSS, (n + 1) * SMSS), at(u64::from(n)));
    }
    flight
}

fn select(flight: &mut Flight, start: u32, end: u32) -> Delivered {
    let mut delivered = Delivered::default();
    flight.select(bytes(start, end), &mut delivered);
    delivered
}

/// Each segment as its length and mark.
fn shape(flight: &Flight) -> Vec<(u32, Mark)> {
    flight
        .iter()
        .map(|sent| (sent.range.len(), sent.mark))
        .collect()
}

#[test]
fn a_cumulative_acknowledgment_takes_whole_segments_and_parts() {
    let mut flight = flight(3);
    let mut delivered = Delivered::default();
    flight.acknowledge(START + 1500, &mut delivered);
    assert_eq!(shape(&flight), [(500, Mark::Out), (1000, Mark::Out)]);
    assert_eq!((delivered.amount, delivered.sacked), (1500, 0));
    assert_eq!(delivered.segments, 1);
    assert_eq!(delivered.newest.map(|sent| sent.sent_at), Some(at(1)));
    assert_eq!(delivered.lowest_original, Some(bytes(0, 1000)));
    flight.acknowledge(START + 9000, &mut delivered);
    assert!(flight.is_empty());
    assert_eq!((delivered.amount, delivered.segments), (3000, 3));
}

#[test]
fn what_was_selected_is_delivered_once() {
    let mut flight = flight(4);
    let delivered = select(&mut flight, 1000, 2500);
    assert_eq!((delivered.amount, delivered.sacked), (1500, 1500));
    assert_eq!(select(&mut flight, 1000, 2500), Delivered::default());
    assert_eq!(select(&mut flight, 2000, 3000).amount, 500);
    assert_eq!((flight.sacked(), flight.pipe()), (2000, 2000));
    assert_eq!(flight.highest_sacked(), Some(START + 3000));
    let mut delivered = Delivered::default();
    flight.acknowledge(START + 4000, &mut delivered);
    assert_eq!(delivered.amount, 2000);
    assert_eq!(flight, Flight::new());
}

#[rstest]
#[case::outside(5000, 6000)]
#[case::below(u32::MAX - 1000, u32::MAX)]
fn blocks_outside_the_flight_say_nothing(#[case] start: u32, #[case] end: u32) {
    let mut flight = flight(4);
    assert_eq!(select(&mut flight, start, end), Delivered::default());
    assert_eq!(flight.sacked(), 0);
}

#[test]
fn what_is_sent_again_is_out_once_more() {
    let mut flight = flight(3);
    flight.mark_all_lost();
    assert_eq!((flight.lost(), flight.pipe()), (3000, 0));
    assert_eq!(flight.next_lost(1400), Some(bytes(0, 1400)));
    flight.sent_again(bytes(0, 1400), at(50));
    assert_eq!((flight.lost(), flight.pipe()), (1600, 1400));
    assert_eq!(flight.next_lost(9000), Some(bytes(1400, 3000)));
    let repeated: Vec<bool> = flight.iter().map(Sent::was_repeated).collect();
    assert_eq!(repeated, [true, true, false, false]);
    let mut delivered = Delivered::default();
    flight.acknowledge(START + 3000, &mut delivered);
    assert_eq!(delivered.newest.map(|sent| sent.sent_at), Some(at(50)));
    assert_eq!(delivered.lowest_original, Some(bytes(1400, 2000)));
}

#[test]
fn sacked_segments_are_no_longer_lost_until_they_are_forgotten() {
    let mut flight = flight(3);
    flight.mark_all_lost();
    select(&mut flight, 1000, 2000);
    assert_eq!((flight.lost(), flight.sacked()), (2000, 1000));
    assert_eq!(flight.next_lost(9000), Some(bytes(0, 1000)));
    flight.mark_all_lost();
    assert_eq!(flight.sacked(), 1000);
    flight.forget_sacks();
    flight.mark_all_lost();
    assert_eq!((flight.lost(), flight.sacked()), (3000, 0));
}

#[rstest]
#[case::two_segments(&[(1000, 3000)], None)]
#[case::more_than_two_segments(&[(1000, 3001)], Some(1000))]
#[case::three_stretches(&[(1000, 1100), (2000, 2100), (3000, 3100)], Some(1000))]
#[case::only_what_lies_below(&[(1000, 2000), (3000, 6000)], Some(3000))]
fn numbers_are_lost_when_enough_above_them_arrived(
    #[case] blocks: &[(u32, u32)],
    #[case] edge: Option<u32>,
) {
    let mut flight = flight(8);
    for (start, end) in blocks {
        select(&mut flight, *start, *end);
    }
    assert_eq!(flight.loss_edge(3, SMSS), edge.map(|edge| START + edge));
}

/// What can happen to a flight.
#[derive(Clone, Debug)]
enum Step {
    Send(u32),
    Acknowledge(u32),
    Select(u32, u32),
    LoseAll,
    LoseBelow(u32),
    Repeat(u32),
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1u32..1500).prop_map(Step::Send),
        2 => (0u32..6000).prop_map(Step::Acknowledge),
        3 => (0u32..9000, 1u32..3000).prop_map(|(start, len)| Step::Select(start, start + len)),
        1 => Just(Step::LoseAll),
        1 => (0u32..9000).prop_map(Step::LoseBelow),
        2 => (1u32..1500).prop_map(Step::Repeat),
        1 => Just(Step::Forget),
    ]
}

proptest! {
    /// Against a model with one entry a byte.
    #[test]
    fn it_agrees_with_a_mark_for_every_byte(steps in prop::collection::vec(step(), 0..60)) {
        let mut flight = Flight::new();
        let mut model: Vec<Mark> = Vec::new();
        let mut una = START;
        for step in steps {
            let end = una + model.len() as u32;
            match step {
                Step::Send(len) => {
                    flight.sent(SeqRange::with_len(end, len), at(0));
                    model.extend((0..len).map(|_| Mark::Out));
                }
                Step::Acknowledge(len) => {
                    let len = len.min(model.len() as u32);
                    let mut delivered = Delivered::default();
                    flight.acknowledge(una + len, &mut delivered);
                    let fresh = model.drain(..len as usize).filter(|mark| *mark != Mark::Sacked);
                    prop_assert_eq!(delivered.amount as usize, fresh.count());
                    una += len;
                }
                Step::Select(start, stop) => {
                    let mut delivered = Delivered::default();
                    flight.select(SeqRange::new(una + start, una + stop), &mut delivered);
                    let mut fresh = 0;
                    for mark in model.iter_mut().take(stop as usize).skip(start as usize) {
                        fresh += u32::from(*mark != Mark::Sacked);
                        *mark = Mark::Sacked;
                    }
                    prop_assert_eq!(delivered.sacked, fresh);
                }
                Step::LoseAll => {
                    flight.mark_all_lost();
                    model.iter_mut().filter(|mark| **mark == Mark::Out).for_each(|mark| *mark = Mark::Lost);
                }
                Step::LoseBelow(edge) => {
                    let edge = una + edge;
                    flight.mark_lost(|sent| sent.range.end.at_or_before(edge));
                    for sent in flight.iter() {
                        let from = una.span_to(sent.range.start) as usize;
                        let until = una.span_to(sent.range.end) as usize;
                        if sent.mark == Mark::Lost {
                            model[from..until].fill(Mark::Lost);
                        }
                    }
                }
                Step::Repeat(most) => {
                    let Some(range) = flight.next_lost(most) else { continue };
                    let from = una.span_to(range.start) as usize;
                    prop_assert!(model[from..from + range.len() as usize].iter().all(|mark| *mark == Mark::Lost));
                    prop_assert!(!model[..from].contains(&Mark::Lost));
                    flight.sent_again(range, at(1));
                    model[from..from + range.len() as usize].fill(Mark::Out);
                }
                Step::Forget => {
                    flight.forget_sacks();
                    model.iter_mut().filter(|mark| **mark == Mark::Sacked).for_each(|mark| *mark = Mark::Out);
                }
            }
            let count = |wanted: Mark| model.iter().filter(|mark| **mark == wanted).count() as u32;
            prop_assert_eq!(flight.outstanding() as usize, model.len());
            prop_assert_eq!(flight.sacked(), count(Mark::Sacked));
            prop_assert_eq!(flight.lost(), count(Mark::Lost));
            prop_assert_eq!(flight.pipe(), count(Mark::Out));
            let borders = flight.iter().zip(flight.iter().skip(1));
            prop_assert!(borders.into_iter().all(|(one, next)| one.range.end == next.range.start));
        }
    }
}
