use super::*;
use crate::segment::{self, Flags, Incoming, Segment};
use crate::seq::SeqRange;
use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use proptest::prelude::*;
use rstest::rstest;

fn ends(v6: bool) -> (SocketAddr, SocketAddr) {
    let (src, dst) = match v6 {
        false => ("192.0.2.1:1000", "192.0.2.2:80"),
        true => ("[2001:db8::1]:1000", "[2001:db8::2]:80"),
    };
    (src.parse().unwrap(), dst.parse().unwrap())
}

/// What is the same in all of them, `false` meaning IPv4.
#[derive(Clone, Copy, Debug)]
struct Way {
    v6: bool,
    ttl: u8,
    traffic_class: u8,
}

const PLAIN: Usual = Usual {
    seq: SeqNum::new(7),
    ack: SeqNum::new(9),
    psh: false,
    wnd: UnscaledWindow::new(1000),
    timestamps: Timestamps { value: 1, echo: 2 },
};

/// The same segment for the code that writes any.
fn general(usual: &Usual, way: Way, text: &[u8]) -> Segment {
    let (src, dst) = ends(way.v6);
    let mut segment = Segment::new(src, dst);
    segment.seq = usual.seq;
    segment.ack = Some(usual.ack);
    segment.flags.psh = usual.psh;
    segment.wnd = usual.wnd;
    segment.options.timestamps = Some(usual.timestamps);
    segment.ttl = way.ttl;
    segment.traffic_class = way.traffic_class;
    segment.payload = text.to_vec();
    segment
}

fn plain(v6: bool) -> Segment {
    let way = Way {
        v6,
        ttl: 64,
        traffic_class: 0,
    };
    general(&PLAIN, way, b"text")
}

fn read_back(datagram: &[u8], v6: bool) -> Option<Arrived<'_>> {
    let (src, dst) = ends(v6);
    read(datagram, &src, &dst)
}

fn written(usual: &Usual, way: Way, text: [&[u8]; 2], mut out: Vec<u8>) -> Vec<u8> {
    let (src, dst) = ends(way.v6);
    let carrier = Carrier {
        src: &src,
        dst: &dst,
        ttl: way.ttl,
        traffic_class: way.traffic_class,
    };
    usual.write(carrier, text, &mut out);
    out
}

fn usual() -> impl Strategy<Value = (Usual, Way)> {
    let numbers = (any::<[u32; 4]>(), any::<u16>(), any::<[u8; 2]>());
    (any::<[bool; 2]>(), numbers).prop_map(
        |([v6, psh], ([seq, ack, value, echo], wnd, [ttl, traffic_class]))| {
            let usual = Usual {
                seq: SeqNum::new(seq),
                ack: SeqNum::new(ack),
                psh,
                wnd: UnscaledWindow::new(wnd),
                timestamps: Timestamps { value, echo },
            };
            let way = Way {
                v6,
                ttl,
                traffic_class,
            };
            (usual, way)
        },
    )
}

fn sum_is_valid(arrived: &Arrived<'_>) -> bool {
    let mut sum = arrived.sum;
    sum.add(arrived.text);
    sum.is_valid()
}

proptest! {
    #[test]
    fn it_is_written_as_any_other_and_read_back(
        (usual, way) in usual(),
        text in prop::collection::vec(any::<u8>(), 1..3500),
        cut: prop::sample::Index,
        before in 0usize..4000,
    ) {
        let (first, second) = text.split_at(cut.index(text.len()));
        let datagram = written(&usual, way, [first, second], vec![0xee; before]);
        prop_assert_eq!(&datagram, &general(&usual, way, &text).emit());
        let arrived = read_back(&datagram, way.v6).unwrap();
        prop_assert_eq!(arrived.head, usual);
        prop_assert_eq!(arrived.text, &text[..]);
        prop_assert!(sum_is_valid(&arrived));
    }

    /// Whatever is read here means the same to the code that reads any.
    #[test]
    fn what_is_damaged_is_another_or_has_a_wrong_sum(
        (usual, way) in usual(),
        text in prop::collection::vec(any::<u8>(), 1..60),
        damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 0..3),
        longer in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let mut datagram = written(&usual, way, [&text, &[]], Vec::new());
        for (place, bits) in damage {
            let place = place.index(datagram.len());
            datagram[place] ^= bits;
        }
        datagram.extend(longer);
        if let Some(arrived) = read_back(&datagram, way.v6).filter(sum_is_valid) {
            let parsed = segment::parse_ref(&datagram);
            let Ok(Incoming::Segment(segment)) = parsed else {
                return Err(TestCaseError::fail(format!("{parsed:?}")));
            };
            let way = Way {
                ttl: segment.ttl,
                traffic_class: segment.traffic_class,
                ..way
            };
            let mut same = general(&arrived.head, way, arrived.text);
            same.flow_label = segment.flow_label;
            same.up = segment.up;
            prop_assert_eq!(segment.with_text(segment.payload.to_vec()), same);
        }
    }
}

/// Another address of the same version.
fn other(end: SocketAddr) -> IpAddr {
    match end.ip() {
        IpAddr::V4(ip) => (ip.to_bits() ^ 4).to_be_bytes().into(),
        IpAddr::V6(ip) => (ip.to_bits() ^ 4).to_be_bytes().into(),
    }
}

#[rstest]
#[case::no_text(|segment: &mut Segment| segment.payload.clear())]
#[case::fin(|segment: &mut Segment| segment.flags = Flags::FIN)]
#[case::syn(|segment: &mut Segment| segment.flags = Flags::SYN)]
#[case::rst(|segment: &mut Segment| segment.flags = Flags::RST)]
#[case::urg(|segment: &mut Segment| segment.flags.urg = true)]
#[case::ece(|segment: &mut Segment| segment.flags.ece = true)]
#[case::cwr(|segment: &mut Segment| segment.flags.cwr = true)]
#[case::ae(|segment: &mut Segment| segment.flags.ae = true)]
#[case::no_ack(|segment: &mut Segment| segment.ack = None)]
#[case::no_timestamps(|segment: &mut Segment| segment.options.timestamps = None)]
#[case::sack(|segment: &mut Segment| {
    segment.options.sack.push(SeqRange::with_len(SeqNum::new(1), 1));
})]
#[case::from_another_port(|segment: &mut Segment| segment.src.set_port(1001))]
#[case::to_another_port(|segment: &mut Segment| segment.dst.set_port(81))]
#[case::from_another_address(|segment: &mut Segment| segment.src.set_ip(other(segment.src)))]
#[case::to_another_address(|segment: &mut Segment| segment.dst.set_ip(other(segment.dst)))]
fn anything_else_is_none(#[case] change: fn(&mut Segment), #[values(false, true)] v6: bool) {
    let mut segment = plain(v6);
    assert!(read_back(&segment.emit(), v6).is_some());
    change(&mut segment);
    assert!(read_back(&segment.emit(), v6).is_none());
}

#[test]
fn a_fragment_or_a_wrong_header_checksum_is_none() {
    for (at, bits) in [(6, 0x20), (10, 1), (0, 1)] {
        let mut datagram = plain(false).emit();
        datagram[at] ^= bits;
        assert!(read_back(&datagram, false).is_none(), "byte {at}");
    }
}
